"""Group lasso paths of the engine against an evaluator in extended precision."""

import pickle

import numpy as np
import pytest
from scipy import sparse

import shrinkage as sh
from shrinkage import _core
from shrinkage.engine import grouped

LOSS = sh.SquaredError()
P = 300


def data(n=80, p=P, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1)) + rng.normal(0, 2, p)
    w = np.zeros(p)
    w[:8] = rng.standard_normal(8)
    return X, X @ w + rng.standard_normal(n) + 3, rng


GROUPS = {
    "fives": np.arange(P) // 5,
    "scattered": np.arange(P) % 60,
    "of many sizes": np.repeat(np.arange(24), np.arange(1, 25)),
    "singles": np.arange(P),
}
groups = pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)


def gap(X, y, coef, intercept, groups, omega, alpha, weights):
    X, y, coef, held = (np.asarray(a, np.longdouble) for a in (X, y, coef, weights / weights.sum()))
    r, centre = y - X @ coef - np.longdouble(intercept), y - held @ y
    pull = (X - held @ X).T @ (held * r)
    norms = np.sqrt(np.bincount(groups, (pull**2).astype(float)))
    k = min(1.0, float(np.min(alpha * omega / np.maximum(norms, 1e-300))))
    price = alpha * float(omega @ np.sqrt(np.bincount(groups, (coef**2).astype(float))))
    dual = k * (held * r) @ centre - k**2 * (held @ r**2) / 2
    return float((held @ r**2 / 2 + price - dual) / (held @ centre**2 / 2))


@groups
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_every_model_of_a_path_is_the_one(groups, weighted):
    X, y, rng = data()
    weights = 10.0 ** rng.uniform(-2, 2, len(y)) if weighted else np.ones(len(y))
    omega = np.sqrt(np.bincount(groups)) * rng.uniform(0.5, 2, groups.max() + 1)
    penalty = sh.Grouped(sh.L1(omega), groups)
    found = sh.path(X, y, LOSS, penalty, weights=weights, n_alphas=30, ratio=0.05, tol=1e-7)
    assert found.passes is not None and found.passes < 30 and found.converged
    codes = np.unique(groups, return_inverse=True)[1]
    for i, alpha in enumerate(found.alphas):
        g = gap(X, y, found.coefs[:, i], found.intercepts[i], codes, omega, alpha, weights)
        assert -1e-12 < g <= 1e-7 + 1e-12, (i, g, found.gaps[i])
        used = np.bincount(codes, found.coefs[:, i] != 0)
        assert np.all((used == 0) | (used == np.bincount(codes)))


def test_singles_are_the_lasso():
    X, y, _ = data()
    lasso = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=20, ratio=0.05, tol=1e-10)
    found = sh.path(X, y, LOSS, sh.Grouped(sh.L1(1.0), np.arange(P)), alphas=lasso.alphas, tol=1e-10)
    np.testing.assert_allclose(found.coefs, lasso.coefs, atol=1e-5)


@pytest.mark.parametrize(
    "layout", [np.ascontiguousarray, sparse.csc_array, lambda X: X.astype(np.float32)], ids=["C", "CSC", "float32"]
)
def test_every_layout_gives_the_same_path(layout):
    X, y, rng = data()
    X = np.asfortranarray(np.where(rng.random(X.shape) < 0.3, X, 0).astype(np.float32).astype(float))
    penalty = sh.Grouped(sh.L1(1.0), GROUPS["fives"])
    plain = sh.path(X, y, LOSS, penalty, n_alphas=15, ratio=0.1, tol=1e-10)
    other = sh.path(layout(X), y, LOSS, penalty, alphas=plain.alphas, tol=1e-10)
    assert other.converged and other.passes is not None
    np.testing.assert_allclose(other.coefs, plain.coefs, atol=2e-5)


@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
def test_folds_are_fits_of_their_own_rows(standardize):
    X, y, _ = data()
    penalty, n = sh.Grouped(sh.L1(1.0), GROUPS["fives"]), len(y)
    splits = [(np.setdiff1d(np.arange(n), held), held) for held in (np.arange(20), np.arange(20, 45), np.arange(45, n))]
    choice = sh.select(X, y, LOSS, penalty, cv=splits, n_alphas=6, ratio=0.1, standardize=standardize, tol=1e-9)
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], LOSS, penalty, alphas=choice.alphas, standardize=standardize, tol=1e-9)
        assert alone.passes is not None
        eta = X[outside] @ alone.coefs + alone.intercepts
        np.testing.assert_allclose(choice.test_errors[:, k], np.mean((y[outside, None] - eta) ** 2, axis=0), rtol=5e-4)


def test_dependent_columns_and_columns_of_zeros():
    X, y, _ = data(n=40)
    X[:, 5:10] = X[:, :5]  # a group twice
    X[:, 11] = X[:, 10]  # a column twice in its group
    X[:, 15:20] = 0.0
    X[:, 20] = 7.0
    found = sh.path(X, y, LOSS, sh.Grouped(sh.L1(1.0), GROUPS["fives"]), n_alphas=20, ratio=0.05)
    assert found.converged and np.all(np.isfinite(found.coefs)) and not found.coefs[15:20].any()


def test_degrees_of_freedom_are_those_of_the_trace():
    X, y, _ = data()
    penalty = sh.Grouped(sh.L1(1.0), GROUPS["fives"])
    found = sh.path(X, y, LOSS, penalty, n_alphas=10, ratio=0.2, tol=1e-10)
    Z = X - X.mean(axis=0)
    for i, alpha in enumerate(found.alphas):
        w, at = found.coefs[:, i], np.flatnonzero(found.coefs[:, i])
        H, bend = Z[:, at].T @ Z[:, at], np.zeros((len(at), len(at)))
        for g in np.unique(GROUPS["fives"][at]):
            here = GROUPS["fives"][at] == g
            size = np.linalg.norm(w[at][here])
            unit = w[at][here] / size
            bend[np.ix_(here, here)] = len(y) * alpha / size * (np.eye(here.sum()) - np.outer(unit, unit))
        assert found.df[i] == pytest.approx(np.trace(np.linalg.lstsq(H + bend, H, rcond=None)[0]) if len(at) else 0, rel=1e-6)


def test_a_path_that_is_pickled_brings_its_degrees_of_freedom():
    X, y, _ = data()
    found = sh.path(X, y, LOSS, sh.Grouped(sh.L1(1.0), GROUPS["fives"]), n_alphas=8, ratio=0.1)
    text = pickle.dumps(found)
    assert len(text) < X.nbytes  # and nothing of X
    np.testing.assert_array_equal(pickle.loads(text).df, found.df)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_columns_and_their_gram_give_the_same_path(size):
    rng = np.random.default_rng(size)
    X, y = rng.standard_normal((24, 15)), rng.standard_normal(15)
    starts, members = np.arange(0, 25, size), rng.permutation(24)
    omega, strengths = rng.uniform(0.5, 2, 24 // size), np.array([4.0, 2.0, 1.0, 0.5])
    rest = starts, members, omega, strengths, np.zeros(24), 1e-10
    by_columns, gaps, _ = _core.follow_columns(X, y, *rest, 20_000)
    by_gram, others, _ = _core.follow_groups(X @ X.T, X @ y, float(y @ y), *rest, 20_000)
    assert max(gaps.max(), others.max()) <= 1e-10 and np.any(by_columns[0] == 0) and np.any(by_columns[-1] != 0)
    np.testing.assert_allclose(by_columns @ X, by_gram @ X, atol=1e-5)
    np.testing.assert_allclose(by_columns, by_gram, atol=1e-3)


def test_a_saturated_path_goes_by_the_columns(monkeypatch):
    X, y, _ = data(n=40)
    calls, follow = [], _core.follow_columns
    monkeypatch.setattr(grouped._core, "follow_columns", lambda *given: calls.append(len(given[0])) or follow(*given))
    found = sh.path(X, y, LOSS, sh.Grouped(sh.L1(1.0), GROUPS["fives"]), n_alphas=40, ratio=0.01, tol=1e-7)
    assert found.converged and calls and min(calls) > 40
    for alpha, coef, intercept in zip(found.alphas, found.coefs.T, found.intercepts, strict=True):
        assert gap(X, y, coef, intercept, GROUPS["fives"], np.ones(60), alpha, np.ones(40)) <= 1e-7 + 1e-12
