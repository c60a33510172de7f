"""Group lasso paths of the engine against an evaluator in extended precision."""

import pickle

import numpy as np
import pytest
from scipy import sparse

import shrinkage as sh
from shrinkage import _core, engine
from shrinkage.engine import dual, grouped

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


def gap(X, y, coef, intercept, groups, omega, alpha, weights, best=None):
    """P - D; `best`: another model, whose residual is the dual point."""
    X, y, held = (np.asarray(a, np.longdouble) for a in (X, y, weights / weights.sum()))
    centre, coef = y - held @ y, np.asarray(coef, np.longdouble)
    r = y - X @ coef - np.longdouble(intercept)
    u = centre - (X - held @ X) @ np.asarray(coef if best is None else best, np.longdouble)
    norms = np.sqrt(np.bincount(groups, ((X - held @ X).T @ (held * u)).astype(float) ** 2))
    k = min(1.0, float(np.min(alpha * omega / np.maximum(norms, 1e-300))))
    price = alpha * float(omega @ np.sqrt(np.bincount(groups, (coef**2).astype(float))))
    dual = k * (held * u) @ centre - k**2 * (held @ u**2) / 2
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
    best = sh.path(X, y, LOSS, penalty, weights=weights, alphas=found.alphas, tol=1e-11)
    codes = np.unique(groups, return_inverse=True)[1]
    for i, alpha in enumerate(found.alphas):
        here = codes, omega, alpha, weights
        off = gap(X, y, best.coefs[:, i], best.intercepts[i], *here)
        g = gap(X, y, found.coefs[:, i], found.intercepts[i], *here, best=best.coefs[:, i])
        assert off <= 1e-7 and -1e-12 < g <= 1e-7 + off, (i, g, found.gaps[i], off)
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


@pytest.mark.parametrize("most", [20_000, 1], ids=["by sweeps", "by Newton"])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_columns_and_their_gram_give_the_same_path(size, most):
    rng = np.random.default_rng(size)
    X, y = rng.standard_normal((24, 15)), rng.standard_normal(15)
    starts, members = np.arange(0, 25, size), rng.permutation(24)
    omega, strengths = rng.uniform(0.5, 2, 24 // size), np.array([4.0, 2.0, 1.0, 0.5])
    rest = starts, members, omega, strengths, np.zeros(24), 1e-10
    by_columns, gaps, _ = _core.follow_columns(X, y, *rest, 20_000)
    by_gram, others, sweeps = _core.follow_groups(X @ X.T, X @ y, float(y @ y), *rest, most)
    assert max(gaps.max(), others.max()) <= 1e-10 and np.any(by_columns[0] == 0) and np.any(by_columns[-1] != 0)
    np.testing.assert_allclose(by_columns @ X, by_gram @ X, atol=1e-5)
    np.testing.assert_allclose(by_columns, by_gram, atol=1e-3)
    assert most > 1 or sweeps < 100


def saturated(n_alphas, ratio, tol):
    X, y, _ = data(n=40)
    return X, y, sh.path(X, y, LOSS, sh.Grouped(sh.L1(1.0), GROUPS["fives"]), n_alphas=n_alphas, ratio=ratio, tol=tol)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-7])
@pytest.mark.parametrize("fails", [False, True], ids=["by its dual", "where that fails"])
def test_a_saturated_path_goes_by_its_dual_or_by_the_columns(monkeypatch, fails, tol):
    calls, follow, solve = [], _core.follow_columns, dual.solve
    monkeypatch.setattr(grouped._core, "follow_columns", lambda *given: calls.append(len(given[0])) or follow(*given))
    if fails:
        monkeypatch.setattr(dual, "solve", lambda rows, start, target, chord: (start, None))
    X, y, found = saturated(40, 0.01, tol)
    assert found.converged and bool(calls) == fails and np.count_nonzero(found.coefs[:, -1]) > 40
    monkeypatch.setattr(dual, "solve", solve)
    _, _, best = saturated(40, 0.01, 1e-11)
    for i, (alpha, coef, intercept) in enumerate(zip(found.alphas, found.coefs.T, found.intercepts, strict=True)):
        here = GROUPS["fives"], np.ones(60), alpha, np.ones(40)
        off = gap(X, y, best.coefs[:, i], best.intercepts[i], *here)
        assert off <= 1e-7 and gap(X, y, coef, intercept, *here, best=best.coefs[:, i]) <= tol + off


def rows_of(size, n=30, count=24, level=False, seed=0):
    rng = np.random.default_rng(seed)
    U = count * size
    X, y = rng.standard_normal((U, n)), 3 * rng.standard_normal(n)
    unit = np.full(n, 1 / np.sqrt(n)) if level else None
    if level:
        X, y = X - X.mean(axis=1, keepdims=True), y - y.mean()
    groups = dual.Groups(np.arange(0, U + 1, size), rng.permutation(U), rng.uniform(0.5, 2, count), np.arange(count))
    return dual.Rows(X, y, unit, groups)


def beside(rows, strengths, target=1e-9):
    """A first guess: the model at a strength that is larger than the first."""
    W, _, _ = _core.follow_columns(rows.X, rows.y, *rows.groups[:3], 1.05 * strengths[:1], np.zeros(len(rows.X)), target, 20_000)
    h, r = rows.groups.sizes(W.T), (rows.y - W[0] @ rows.X)[:, None]
    return dual.Batch.of(rows, strengths, np.repeat(h, len(strengths), axis=1), np.repeat(r, len(strengths), axis=1))


@pytest.mark.parametrize("level", [False, True], ids=["", "intercept"])
@pytest.mark.parametrize("size", [1, 3, 6])
def test_the_dual_gives_the_models_of_the_columns(size, level):
    rows, chord = rows_of(size, level=level, seed=size), None
    for c in np.array([[5.0], [4.6], [4.2]]):
        found, chord = dual.solve(rows, beside(rows, c), 1e-9, chord)
        assert found.gaps <= 1e-9 and np.any(found.h == 0) and np.any(found.h > 0)
        W, gaps, _ = _core.follow_columns(rows.X, rows.y, *rows.groups[:3], c, np.zeros(len(rows.X)), 1e-9, 20_000)
        np.testing.assert_allclose(found.W.T @ rows.X, W @ rows.X, atol=1e-3)
        np.testing.assert_allclose(found.gaps, _dual_gap(rows, found), atol=1e-11)


def _dual_gap(rows, at):
    """P - D, spelt out."""
    c, w, r = at.c[0], at.W[:, 0], at.r[:, 0].copy()
    each = [rows.groups.members[a:b] for a, b in zip(rows.groups.starts[:-1], rows.groups.starts[1:], strict=True)]
    most = max(np.linalg.norm(rows.X[m] @ r) / (c * o) for m, o in zip(each, rows.groups.omega, strict=True))
    r /= max(most, 1)
    price = c * sum(o * np.linalg.norm(w[m]) for m, o in zip(each, rows.groups.omega, strict=True))
    return np.sum((rows.y - w @ rows.X) ** 2) / 2 + price - (rows.y @ r - r @ r / 2)


def test_the_duals_tangent_is_the_paths():
    rows, by = rows_of(3), 1e-4
    found, chord = dual.solve(rows, beside(rows, np.array([3 + by, 3.0, 3 - by])), 1e-13, None)
    middle = found.some(np.array([1]))
    chord = chord or dual.Chord(rows, middle)
    chord.take(rows, middle.h[:, 0] > 0)
    way, slope = chord.tangent(rows, middle)
    np.testing.assert_allclose(way, (found.W[:, 2] - found.W[:, 0]) / (2 * by), atol=1e-2 * np.abs(way).max())
    np.testing.assert_allclose(slope, (found.r[:, 0] - found.r[:, 2]) / (2 * by), atol=1e-2 * np.abs(slope).max())


@pytest.mark.parametrize("power", [-200, 0, 200])
def test_the_dual_takes_any_units(power):
    rows = rows_of(3, level=True)
    scaled = rows if power == 0 else dual.Rows(np.ldexp(rows.X, power), np.ldexp(rows.y, -power), rows.level, rows.groups)
    found, _ = dual.solve(scaled, beside(scaled, np.array([4.0]), np.ldexp(1e-8, -2 * power)), np.ldexp(1e-8, -2 * power), None)
    plain, _ = dual.solve(rows, beside(rows, np.array([4.0]), 1e-8), 1e-8, None)
    np.testing.assert_array_equal(np.ldexp(found.W, 2 * power), plain.W)


@pytest.mark.parametrize("loss", [LOSS, sh.Logistic(), sh.Poisson()], ids=["squared", "logistic", "poisson"])
def test_standardised_groups_in_folds_have_the_spread_of_their_rows(loss, monkeypatch):
    rng = np.random.default_rng(5)
    n, p = 90, 12
    X = rng.standard_normal((n, p)) * np.geomspace(0.1, 10, p)
    eta = X[:, :4] @ (np.array([1.0, -1.0, 0.7, 0.0]) / np.geomspace(0.1, 10, p)[:4])
    if isinstance(loss, sh.Logistic):
        y = (rng.random(n) < 1 / (1 + np.exp(-eta))) * 1.0
    else:
        y = rng.poisson(np.exp(eta / 2)) * 1.0 if isinstance(loss, sh.Poisson) else eta + rng.standard_normal(n)
    X[:30, 5] *= 5  # a column whose spread differs much between folds
    splits = [(np.setdiff1d(np.arange(n), held), held) for held in np.array_split(np.arange(n), 3)]
    penalty = sh.Grouped(sh.L1(1.0), np.arange(p) // 3)
    reads, read = [], engine.read
    monkeypatch.setattr(engine, "read", lambda *job: reads.append(1) or read(*job))
    choice = sh.select(X, y, loss, penalty, cv=splits, n_alphas=8, ratio=0.05, standardize=True, tol=1e-9)
    assert len(reads) == 1  # all four paths together
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], loss, penalty, alphas=choice.alphas, standardize=True, tol=1e-9)
        assert alone.passes is not None and alone.converged
        held = [
            np.mean(loss.unit_deviance(y[outside], X[outside] @ w + b))
            for w, b in zip(alone.coefs.T, alone.intercepts, strict=True)
        ]
        np.testing.assert_allclose(choice.test_errors[:, k], held, rtol=5e-4)
