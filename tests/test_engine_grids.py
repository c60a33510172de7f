"""Several penalties, and many weightings of the rows, share the readings of X; each model is as a call of its own finds it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import RepeatedKFold, ShuffleSplit, StratifiedKFold

import shrinkage as sh
from shrinkage.designs import Dense, Design, Sparse
from shrinkage.engine.lanes import Patterns, families
from shrinkage.fit import Task
from shrinkage.selection import fold_masks, judge
from shrinkage.walk import Settings
from tests.alike import printed_by_threads

SQUARES, LOGIT = sh.SquaredError(), sh.Logistic()
RATIOS = (0.3, 0.7, 1.0)
NETS = [r * sh.L1(1.0) + (1 - r) * sh.L2(1.0) if r < 1 else sh.L1(1.0) for r in RATIOS]
VERBS = ("moments", "rmatmat", "gram", "products", "gather", "rmatmat_of")


def data(n=80, p=700, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    return X, X[:, :8] @ rng.standard_normal(8) + rng.standard_normal(n) + 2


def thinned(X):
    return np.where(np.random.default_rng(1).random(X.shape) < 0.2, X, 0.0)


JOBS = {  # layout, loss, columns
    "gram": (np.asarray, SQUARES, 40),
    "many columns": (np.asarray, SQUARES, 700),
    "sparse": (lambda X: sparse.csc_array(thinned(X)), SQUARES, 700),
    "sparse gram": (lambda X: sparse.csc_array(thinned(X)), SQUARES, 40),
    "logistic": (np.asarray, LOGIT, 300),
    "logistic, sparse": (lambda X: sparse.csc_array(thinned(X)), LOGIT, 300),
}
job = pytest.mark.parametrize(("layout", "loss", "p"), JOBS.values(), ids=JOBS)


def problem(layout, loss, p, n=80):
    X, y = data(n, p)
    return layout(X), (y > y.mean()).astype(float) if loss is LOGIT else y


def grid(X, y, loss, penalties, cv, standardize=False, tol=1e-8):
    """A choice for each of the penalties, from one call."""
    task = Task.read(X, y, loss, penalties[0], None, None, True, standardize)
    masks = None if cv is None else fold_masks(cv, task, None, 0)
    tasks = [replace(task, penalty=penalty) for penalty in penalties]
    return judge(tasks, masks, "bic" if cv is None else "min", Settings(None, 12, 0.1, tol, 1000))


def alone(X, y, loss, penalty, cv, standardize=False, tol=1e-8):
    rule = "bic" if cv is None else "min"
    return sh.select(X, y, loss, penalty, cv=cv, rule=rule, n_alphas=12, ratio=0.1, standardize=standardize, tol=tol)


@pytest.fixture
def readings(monkeypatch):
    """How often X was read, by each of the design's verbs."""
    counts = dict.fromkeys(VERBS, 0)

    def counted(kind, verb, inner):
        def read(self, *args):
            counts[verb] += 1
            return inner(self, *args)

        monkeypatch.setattr(kind, verb, read)

    for kind in (Design, Dense, Sparse):
        for verb in VERBS:
            if verb in kind.__dict__:
                counted(kind, verb, kind.__dict__[verb])
    return counts


@job
@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
@pytest.mark.parametrize("cv", [None, 4], ids=["", "folds"])
def test_a_grid_of_penalties_gives_the_models_of_separate_calls(layout, loss, p, standardize, cv):
    X, y = problem(layout, loss, p)
    for penalty, one in zip(NETS, grid(X, y, loss, NETS, cv, standardize), strict=True):
        other = alone(X, y, loss, penalty, cv, standardize)
        assert one.path.converged and one.path.passes is not None
        np.testing.assert_allclose(one.alphas, other.alphas, rtol=1e-12)
        np.testing.assert_allclose(one.path.coefs, other.path.coefs, atol=2e-4 * np.abs(other.path.coefs).max())
        np.testing.assert_allclose(one.path.df, other.path.df, atol=1.01)  # a coefficient may be about to come or go
        if cv:
            np.testing.assert_allclose(one.test_errors, other.test_errors, rtol=1e-3)
            np.testing.assert_allclose(one.train_errors, other.train_errors, rtol=1e-3)


@job
@pytest.mark.parametrize("cv", [None, 4], ids=["", "folds"])
def test_a_grid_of_penalties_reads_the_data_hardly_more_often_than_one(layout, loss, p, cv, readings):
    X, y = problem(layout, loss, p)
    each = []
    for penalty in NETS:
        readings.update(dict.fromkeys(VERBS, 0))
        passes = alone(X, y, loss, penalty, cv).path.passes
        each.append(dict(readings, passes=passes))
    readings.update(dict.fromkeys(VERBS, 0))
    passes = {one.path.passes for one in grid(X, y, loss, NETS, cv)}
    assert len(passes) == 1
    for verb in ("moments", "rmatmat", "products"):
        assert readings[verb] <= max(one[verb] for one in each) + 4, (verb, readings, each)
    assert passes.pop() <= max(one["passes"] for one in each) + 4
    assert sum(readings.values()) < 0.7 * sum(one[verb] for one in each for verb in VERBS)


def test_penalties_that_are_solved_otherwise_go_by_themselves():
    X, y = data(60, 500)
    mixed = [sh.L2(1.0), sh.MCP(1.0), sh.L1(1.0), sh.Grouped(sh.L1(1.0), np.arange(500) // 5), NETS[0]]
    choices = grid(X, y, SQUARES, mixed, 3)
    for penalty, one in zip(mixed, choices, strict=True):
        other = alone(X, y, SQUARES, penalty, 3)
        assert (one.path.passes is None) == (other.path.passes is None)
        np.testing.assert_allclose(one.test_errors, other.test_errors, rtol=1e-3)


@pytest.mark.parametrize("shape", [(300, 30), (30, 60)], ids=["tall", "wide"])
@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
def test_ridge_penalties_beside_others(shape, standardize):
    X, y = data(*shape)
    some = np.linspace(0.5, 3, shape[1])
    ridges = [sh.L2(1.0), sh.L2(some), sh.L2(np.where(np.arange(shape[1]) < 2, 0.0, some)), sh.L2(some[::-1].copy())]
    mixed = [ridges[0], NETS[0], *ridges[1:]]
    for penalty, one in zip(mixed, grid(X, y, SQUARES, mixed, 3, standardize=standardize), strict=True):
        other = alone(X, y, SQUARES, penalty, 3, standardize=standardize)
        assert one.path.passes is not None and one.path.converged
        np.testing.assert_allclose(one.path.coefs, other.path.coefs, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(one.path.df, other.path.df, rtol=1e-8)
        np.testing.assert_allclose(one.test_errors, other.test_errors, rtol=1e-7)


def test_lanes_of_one_weighting_share_their_gram():
    from shrinkage.engine import batched

    X, y = data()
    kept = []
    follow = batched.BatchedRows.follow

    def watched(self, *args):
        kept.append(self)
        return follow(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batched.BatchedRows, "follow", watched)
        grid(X, y, SQUARES, NETS, 4)
    lanes = kept[0].lanes
    assert len(lanes) == 3 * 5 and len({id(lane.working) for lane in lanes}) == 5


def test_estimators_share_a_grid(readings):
    X, y = data(300, 30)
    model = sh.ElasticNetCV(l1_ratio=list(RATIOS), cv=5, tol=1e-8).fit(X, y)
    assert readings["products"] == 1
    for ratio, errors in zip(RATIOS, model.mse_path_, strict=True):
        one = sh.ElasticNetCV(l1_ratio=ratio, cv=5, tol=1e-8).fit(X, y)
        np.testing.assert_allclose(errors, one.mse_path_, rtol=1e-5)


def bootstrap(n, count):
    rng = np.random.default_rng(2)
    draws = [rng.integers(0, n, n) for _ in range(count)]
    return [(draw, np.setdiff1d(np.arange(n), draw)) for draw in draws]


SPLITS = {
    "repeated": list(RepeatedKFold(n_splits=4, n_repeats=3, random_state=0).split(np.zeros((90, 1)))),
    "shuffled": list(ShuffleSplit(8, test_size=0.3, random_state=0).split(np.zeros((90, 1)))),
    "bootstrap": bootstrap(90, 5),
}
splits = pytest.mark.parametrize("splits", SPLITS.values(), ids=SPLITS)


@splits
@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, sparse.csc_array], ids=["C", "F", "sparse"])
def test_each_of_many_weightings_is_fitted_as_if_alone(splits, standardize, layout, readings):
    X, y = data(90, 30)
    X = thinned(X)
    X[:, 9] = 0.0
    X[:6, 9] = 1.0  # rare: constant in some of the samples
    weights = np.random.default_rng(3).integers(1, 4, 90).astype(float)
    choice = sh.select(
        layout(X), y, SQUARES, NETS[0], cv=splits, n_alphas=8, ratio=0.05, standardize=standardize, weights=weights, tol=1e-9
    )
    assert choice.path.passes == 1 and readings["products"] == 1
    for k, (inside, outside) in enumerate(splits):
        one = sh.path(
            X[inside], y[inside], SQUARES, NETS[0], alphas=choice.alphas, standardize=standardize, weights=weights[inside],
            tol=1e-9,
        )  # fmt: skip
        for rows, errors in ((outside, choice.test_errors), (inside, choice.train_errors)):
            square = (y[rows, None] - X[rows] @ one.coefs - one.intercepts) ** 2
            np.testing.assert_allclose(errors[:, k], np.average(square, axis=0, weights=weights[rows]), rtol=2e-4)


@splits
def test_many_weightings_and_penalties_together(splits, readings):
    X, y = data(90, 30)
    choices = grid(X, y, SQUARES, NETS, splits)
    assert readings["products"] == 1
    for penalty, one in zip(NETS, choices, strict=True):
        other = alone(X, y, SQUARES, penalty, splits)
        np.testing.assert_array_equal(one.path.coefs, other.path.coefs)
        np.testing.assert_array_equal(one.test_errors, other.test_errors)


def masks(splits, n=90):
    train, test = (np.column_stack([np.bincount(one[i], minlength=n) for one in splits]) for i in range(2))
    return np.column_stack([np.ones(n), train, test]).astype(float), 1 + len(splits)


@splits
def test_families_of_weightings_have_few_patterns(splits):
    multiples, weightings = masks(splits)
    found = [Patterns.of(multiples, columns) for columns in families(multiples, weightings)]
    np.testing.assert_array_equal(np.sort(np.concatenate([one.columns for one in found])), np.arange(multiples.shape[1]))
    assert 1 < len(found) <= 1 + len(splits)
    for one in found:
        np.testing.assert_array_equal(one.marks[one.labels], multiples[:, one.columns])
        np.testing.assert_array_equal(one.kept @ one.shares, one.marks)
        assert one.kept.shape[1] <= 2 * weightings
    assert sum(one.kept.shape[1] for one in found) <= 2 * weightings


def test_folds_of_one_partition_are_one_family():
    multiples, weightings = masks(SPLITS["repeated"][:4])
    (columns,) = families(multiples, weightings)
    assert Patterns.of(multiples, columns).count == 4


PROGRAM = """
import hashlib, numpy as np, shrinkage as sh
from sklearn.model_selection import RepeatedKFold
from threadpoolctl import threadpool_limits
rng = np.random.default_rng(0)
with threadpool_limits(1):
    for p in (30, 100, 1200):
        X = rng.standard_normal((150, p)); y = X[:, :5].sum(1) + rng.standard_normal(150)
        cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
        found = sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=cv, n_alphas=15)
        nets = sh.ElasticNetCV(l1_ratio=[0.5, 0.9], alphas=15, eps=0.05, cv=3).fit(X, y)
        several = found.path.coefs, found.test_errors, nets.mse_path_, nets.coef_
        print(hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in several)).hexdigest())
"""


def test_no_bit_depends_on_the_number_of_threads():
    assert len(printed_by_threads(PROGRAM)) == 1


def test_logistic_regression_shares_a_grid(readings):
    X, y = problem(np.asarray, LOGIT, 120)
    X[:, 3] *= 100
    Cs, cv = np.array([0.05, 1.0, 0.3]), 4
    model = sh.LogisticRegressionCV(l1_ratios=list(RATIOS), Cs=Cs, cv=cv, scoring="neg_log_loss", tol=1e-9).fit(X, y)
    shared, readings["rmatmat"] = readings["rmatmat"], 0
    for ratio in RATIOS:
        sh.LogisticRegressionCV(l1_ratios=[ratio], Cs=Cs, cv=cv, scoring="neg_log_loss", tol=1e-9).fit(X, y)
    assert shared < 0.6 * readings["rmatmat"]
    for r, ratio in enumerate(RATIOS):
        for k, (inside, _) in enumerate(StratifiedKFold(cv).split(X, y)):
            for i, C in enumerate(Cs):
                alone = sh.LogisticRegression(C=C, l1_ratio=ratio, tol=1e-9).fit(X[inside], y[inside])
                ours = model.coefs_paths_[k, r, i, 0]
                np.testing.assert_allclose(ours[:-1], alone.coef_[0], atol=1e-3 * np.abs(alone.coef_).max())
                np.testing.assert_allclose(ours[-1], alone.intercept_, atol=1e-2)
