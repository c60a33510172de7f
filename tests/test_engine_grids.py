"""Several penalties, and many weightings of the rows, share the readings of X; each model is as a call of its own finds it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import shrinkage as sh
from shrinkage.designs import Dense, Design, Sparse
from shrinkage.fit import Task
from shrinkage.selection import fold_masks, judge
from shrinkage.walk import Settings

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
