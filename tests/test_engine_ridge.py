"""Ridge in closed form against an evaluator that shares nothing with it: the normal equations, in extended precision."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

import shrinkage as sh
from shrinkage.designs import Dense
from shrinkage.engine.spectrum import Spectrum
from tests.alike import printed_by_threads
from tests.layouts import LAYOUTS, memory_map

LOSS, L2 = sh.SquaredError(), sh.L2(1.0)
SHAPES = {"tall": (40, 15), "wide": (15, 40), "square": (20, 20)}
shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
intercept = pytest.mark.parametrize("intercept", [True, False], ids=["", "no intercept"])
standardize = pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])


def data(shape, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(shape) + rng.normal(0, 2, shape[1])
    return X, X @ rng.standard_normal(shape[1]) + rng.standard_normal(shape[0]) + 5, rng


def penalties(p):
    some = np.linspace(0.5, 3, p)
    return {"one strength": L2, "strengths": sh.L2(some), "some free": sh.L2(np.where(np.arange(p) < 3, 0.0, some))}


def strengths(penalty, p):
    return np.broadcast_to(np.asarray(penalty.strength, float), (p,))


def eliminated(A, b):
    """A^-1 b by Gauss and Jordan, in extended precision."""
    A = np.column_stack([A, b]).astype(np.longdouble)
    for k in range(len(A)):
        pivot = k + int(np.argmax(np.abs(A[k:, k])))
        A[[k, pivot]] = A[[pivot, k]]
        A[k] /= A[k, k]
        others = np.arange(len(A)) != k
        A[others] -= np.outer(A[others, k], A[k])
    return A[:, len(A) :]


class Reference:
    """The normal equations of mean loss + alpha sum(l2 w^2) / 2, the intercept as a last column."""

    def __init__(self, X, y, l2, alpha, weights=None, intercept=True):
        held = np.ones(len(y)) if weights is None else weights
        self.held = (held / held.sum()).astype(np.longdouble)
        self.y = y.astype(np.longdouble)
        self.X = X.astype(np.longdouble)
        self.null = self.y - (self.held @ self.y if intercept else 0)
        if intercept:
            self.X, l2 = np.column_stack([self.X, np.ones(len(y), np.longdouble)]), np.r_[l2, 0.0]
        self.loss = self.X.T @ (self.held[:, None] * self.X)
        self.bent = self.loss + np.diag(alpha * l2.astype(np.longdouble))
        self.intercept = intercept

    def mode(self):
        w = eliminated(self.bent, self.X.T @ (self.held * self.y))[:, 0]
        return (w[:-1], w[-1]) if self.intercept else (w, np.longdouble(0))

    def df(self):
        """The trace of the matrix that takes y to its fitted values, the intercept not counted."""
        return float(np.trace(eliminated(self.bent, self.loss))) - self.intercept

    def excess(self, coef, b):
        """How far the objective is above its minimum, relative to half the null deviance: g' H^-1 g / 2."""
        w = np.r_[coef, b] if self.intercept else np.asarray(coef)
        g = self.bent @ w.astype(np.longdouble) - self.X.T @ (self.held * self.y)
        return float(g @ eliminated(self.bent, g)[:, 0] / (self.held @ self.null**2))


def agree(found, X, y, l2, weights=None, intercept=True):
    assert found.passes is not None, "the engine did not take it"
    for i, alpha in enumerate(found.alphas):
        one = Reference(X, y, l2, alpha, weights, intercept)
        w, b = one.mode()
        size = float(np.abs(w).max())
        np.testing.assert_allclose(found.coefs[:, i], w.astype(float), rtol=1e-10, atol=1e-10 * size)
        np.testing.assert_allclose(found.intercepts[i], float(b), rtol=1e-10, atol=1e-9 * size)
        np.testing.assert_allclose(found.df[i], one.df(), rtol=1e-10)
        assert one.excess(found.coefs[:, i], found.intercepts[i]) <= found.gaps[i] + 1e-20 <= 1e-12


@shape
@intercept
@pytest.mark.parametrize("kind", penalties(3))
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_every_model_is_the_mode(shape, intercept, kind, weighted):
    X, y, rng = data(shape)
    penalty = penalties(shape[1])[kind]
    weights = 10.0 ** rng.uniform(-2, 2, len(y)) * (rng.random(len(y)) > 0.2) if weighted else None
    found = sh.path(X, y, LOSS, penalty, n_alphas=6, intercept=intercept, weights=weights)
    assert found.converged and found.passes == (1 if shape[0] > shape[1] else 5)
    agree(found, X, y, strengths(penalty, shape[1]), weights, intercept)


@shape
def test_an_offset_and_a_sigma(shape):
    X, y, rng = data(shape)
    offset = rng.standard_normal(len(y))
    found = sh.path(X, y, sh.SquaredError(0.3), L2, alphas=[30.0, 1.0], offset=offset)
    plain = sh.path(X, y - offset, LOSS, L2, alphas=[30.0 * 0.09, 0.09])
    np.testing.assert_allclose(found.coefs, plain.coefs, rtol=1e-11)
    agree(plain, X, y - offset, np.ones(shape[1]))


@shape
def test_standardised_columns_are_columns_divided_by_their_spread(shape):
    X, y, _ = data(shape)
    X = X * np.logspace(-2, 3, shape[1])
    found = sh.path(X, y, LOSS, L2, n_alphas=4, standardize=True)
    sd = X.std(axis=0)
    other = sh.path(X / sd, y, LOSS, L2, alphas=found.alphas)
    np.testing.assert_allclose(found.coefs * sd[:, None], other.coefs, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.df, other.df, rtol=1e-11)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)], ids=["tall", "wide"])
@pytest.mark.parametrize("layout", [*LAYOUTS, "memory map", "float32"])
def test_every_layout_gives_the_same_path(layout, shape, tmp_path):
    X, y, rng = data(shape)
    X = np.where(rng.random(shape) < 0.5, X, 0).astype(np.float32).astype(float)
    if layout == "memory map":
        made = memory_map(X, tmp_path)
    else:
        made = X.astype(np.float32) if layout == "float32" else LAYOUTS[layout](X)
    found = sh.path(made, y, LOSS, L2, n_alphas=4)
    plain = sh.path(X, y, LOSS, L2, alphas=found.alphas)
    assert found.passes == plain.passes is not None and found.converged
    np.testing.assert_allclose(found.coefs, plain.coefs, rtol=0, atol=1e-6 if layout == "float32" else 1e-11)
    np.testing.assert_allclose(found.df, plain.df, rtol=1e-10)
    np.testing.assert_allclose(sh.select(made, y, LOSS, L2, cv=3, alphas=found.alphas).test_errors,
                               sh.select(X, y, LOSS, L2, cv=3, alphas=found.alphas).test_errors, rtol=1e-6)  # fmt: skip


SPLITS = {
    "folds": lambda n, rng: list(KFold(4).split(np.zeros(n))),
    "with replacement": lambda n, rng: [(rng.integers(0, n, n), np.arange(k, n, 4)) for k in range(3)],
    "most rows held out": lambda n, rng: [(np.arange(k, n, 3), np.setdiff1d(np.arange(n), np.arange(k, n, 3))) for k in range(3)],
}


@shape
@standardize
@intercept
@pytest.mark.parametrize("kind", penalties(3))
@pytest.mark.parametrize("splits", SPLITS.values(), ids=SPLITS)
def test_folds_are_fits_of_their_own_rows(shape, standardize, intercept, kind, splits):
    X, y, rng = data(shape)
    X[:, 5] = rng.random(len(y)) < 0.15  # rare: constant in some fold's training rows
    X[:, 6] = 0.0
    X[:3, 6] = 1.0
    penalty, splits = penalties(shape[1])[kind], splits(len(y), rng)
    few = {"intercept": intercept, "standardize": standardize}
    choice = sh.select(X, y, LOSS, penalty, cv=splits, n_alphas=5, ratio=0.01, tol=1e-11, **few)
    assert choice.path.passes is not None
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], LOSS, penalty, alphas=choice.alphas, **few)
        for rows, errors in ((outside, choice.test_errors), (inside, choice.train_errors)):
            squares = np.mean((y[rows, None] - alone.predict(X[rows])) ** 2, axis=0)
            np.testing.assert_allclose(errors[:, k], squares, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)], ids=["tall", "wide"])
def test_scikit_learn_agrees(shape):
    X, y, rng = data(shape)
    weights = rng.random(len(y))
    for fit_intercept in (True, False):
        found = sh.path(X, y, LOSS, L2, n_alphas=5, intercept=fit_intercept, weights=weights)
        for i, alpha in enumerate(found.alphas):
            theirs = Ridge(alpha * weights.sum(), fit_intercept=fit_intercept).fit(X, y, sample_weight=weights)
            np.testing.assert_allclose(found.coefs[:, i], theirs.coef_, rtol=1e-10, atol=1e-10)


@shape
def test_criteria_are_those_of_the_hat_matrix(shape):
    X, y, _ = data(shape)
    choice = sh.select(X, y, LOSS, L2, cv=None, rule="gcv", n_alphas=6)
    n = len(y)
    Z = X - X.mean(axis=0)
    for i, alpha in enumerate(choice.alphas):
        hat = Z @ np.linalg.solve(Z.T @ Z + n * alpha * np.eye(shape[1]), Z.T) + 1 / n
        left = (np.eye(n) - hat) @ y
        np.testing.assert_allclose(choice.criteria["gcv"][i], np.mean(left**2) / (1 - np.trace(hat) / n) ** 2, rtol=1e-8)


def test_an_elastic_net_without_l1_is_taken():
    X, y, _ = data((60, 20))
    model = sh.PenalizedRegressor(penalty=sh.L1(0.0) + sh.L2(1.0), alpha=0.1).fit(X, y)
    found = sh.path(X, y, LOSS, sh.L1(0.0) + sh.L2(1.0), alphas=[0.1])
    assert found.passes == 1
    np.testing.assert_allclose(found.coefs[:, 0], model.coef_, rtol=1e-9)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)], ids=["tall", "wide"])
def test_readings_do_not_depend_on_the_number_of_alphas(shape, monkeypatch):
    """Counted where X is read: one Gram or one kernel, and the same products, however many alphas and folds."""
    X, y, _ = data(shape)
    seen = []
    for name in ("kernel", "products", "gram", "matmat", "rmatmat", "moments"):
        plain = getattr(Dense, name)
        monkeypatch.setattr(Dense, name, lambda self, *a, _plain=plain, _name=name: (seen.append(_name), _plain(self, *a))[1])
    counts = []
    for alphas, cv in ((3, 2), (80, 5)):
        seen.clear()
        sh.select(X, y, LOSS, L2, cv=cv, n_alphas=alphas)
        counts.append(sorted(seen))
    assert counts[0] == counts[1] and len(counts[0]) <= 7


@shape
def test_alpha_zero_is_least_squares(shape):
    X, y, _ = data(shape)
    found = sh.path(X, y, LOSS, L2, alphas=[1.0, 1e-9, 0.0])
    Z, centred = X - X.mean(axis=0), y - y.mean()
    shortest = np.linalg.lstsq(Z, centred, rcond=None)[0]
    assert found.converged
    np.testing.assert_allclose(found.coefs[:, 2], shortest, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.df[2], np.linalg.matrix_rank(Z))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1), (9, 1), (2, 2)])
@intercept
def test_the_smallest_shapes(shape, intercept):
    X, y, _ = data(shape)
    found = sh.path(X, y, LOSS, L2, alphas=[2.0, 0.5], intercept=intercept)
    assert found.converged
    for i, alpha in enumerate(found.alphas):
        w, b = Reference(X, y, np.ones(shape[1]), alpha, None, intercept).mode()
        np.testing.assert_allclose(found.coefs[:, i], w.astype(float), rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(found.intercepts[i], float(b), rtol=1e-10)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)], ids=["tall", "wide"])
@pytest.mark.parametrize("power", [-500, 500])
def test_far_units_change_no_digit(shape, power):
    X, y, _ = data(shape)
    near = sh.path(X, y, LOSS, L2, n_alphas=5)
    far = sh.path(np.ldexp(X, power // 2), y, LOSS, L2, alphas=np.ldexp(near.alphas, power))
    assert far.converged and far.passes == near.passes
    np.testing.assert_array_equal(np.ldexp(far.coefs, power // 2), near.coefs)
    np.testing.assert_array_equal(far.df, near.df)
    assert sh.path(np.ldexp(X, power), np.ldexp(y, power), LOSS, L2, n_alphas=3).converged


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)], ids=["tall", "wide"])
def test_a_wrong_decomposition_is_not_certified(shape, monkeypatch):
    """The gap is that of the models at hand: where they are wrong it says so, and a solver makes them right."""
    X, y, _ = data(shape)
    plain = sh.path(X, y, LOSS, L2, n_alphas=4)
    of = Spectrum.of
    monkeypatch.setattr(Spectrum, "of", lambda matrix: Spectrum((s := of(matrix)).values * 1.1, s.vectors))
    found = sh.path(X, y, LOSS, L2, alphas=plain.alphas)
    assert found.converged and found.passes is not None
    np.testing.assert_allclose(found.coefs, plain.coefs, atol=1e-3)
    for i, alpha in enumerate(found.alphas):
        one = Reference(X, y, np.ones(shape[1]), alpha)
        assert one.excess(found.coefs[:, i], found.intercepts[i]) <= found.gaps[i] + 1e-14 <= 1e-6


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), p=st.integers(1, 30), intercept=st.booleans(),
    standardize=st.booleans(), free=st.booleans(),
)  # fmt: skip
@example(seed=98, n=17, p=16, intercept=False, standardize=True, free=True)  # a rank counted too high
def test_hard_data(seed, n, p, intercept, standardize, free):
    """Duplicates, near-duplicates, constants, sizes and weights over decades, masked rows: certified. Where columns are free,
    or all are as alpha is zero, dependent ones may leave no certificate to be had, and then that is said."""
    X, y, rng = data((n, p), seed)
    X[:, p // 2] = X[:, 0]
    X[:, p // 3] = X[:, 0] + 1e-7 * rng.standard_normal(n)
    X[:, p // 4] = 2.5
    X = X * 10.0 ** rng.integers(-4, 5, p)
    weights = 10.0 ** rng.integers(-6, 7, n) * (rng.random(n) > 0.2)
    weights[0] = 1.0
    l2 = 10.0 ** rng.uniform(-1, 1, p) * (rng.random(p) > 0.2 * free)
    alphas = np.r_[10.0 ** rng.uniform(-3, 3, 4), 0.0]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", sh.ConvergenceWarning)
        found = sh.path(
            X, y, LOSS, sh.L2(l2), alphas=alphas, weights=weights, intercept=intercept, standardize=standardize, tol=1e-8
        )
    assert np.all(np.isfinite(found.coefs)) and bool(np.all(found.gaps <= 1e-8)) == found.converged == (not said)
    assert free or all(found.outcomes[:4])
    assert np.all(found.df >= -1e-9) and np.all(found.df <= min(np.count_nonzero(weights), p) + 1e-9)
    if not standardize and not free and found.passes is not None:
        for i in range(4):
            one = Reference(X, y, l2, found.alphas[i], weights, intercept)
            assert one.excess(found.coefs[:, i], found.intercepts[i]) <= found.gaps[i] + 1e-12


PROGRAM = """
import hashlib, numpy as np, shrinkage as sh
from threadpoolctl import threadpool_limits
rng = np.random.default_rng(0)
with threadpool_limits(1):
    for n, p in ((400, 60), (100, 700)):
        X = rng.standard_normal((n, p)); y = X[:, :5].sum(1) + rng.standard_normal(n)
        for standardize in (False, True):
            found = sh.select(X, y, sh.SquaredError(), sh.L2(1.0), cv=4, n_alphas=20, standardize=standardize)
            assert found.path.passes is not None
            print(hashlib.sha256(found.path.coefs.tobytes() + found.test_errors.tobytes()).hexdigest())
"""


def test_no_bit_depends_on_the_number_of_threads():
    assert len(printed_by_threads(PROGRAM)) == 1
