"""The engine against an evaluator that shares nothing with it: plain NumPy in extended precision, from X, y and the models."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse

import shrinkage as sh
from shrinkage import engine
from shrinkage.engine.lanes import Patterns
from tests.alike import printed_by_threads

LOSS = sh.SquaredError()
P = 700  # more columns than are ever taken into a Gram at once
OUT = sh.Box(
    np.r_[np.full(3, -np.inf), np.zeros(5), np.full(P - 8, -np.inf)],
    np.r_[np.full(3, np.inf), np.zeros(5), np.full(P - 8, np.inf)],
)
PENALTIES = {
    "L1": sh.L1(1.0),
    "elastic net": sh.L1(0.7) + sh.L2(0.3),
    "L1, not negative": sh.L1(1.0) + sh.NonNegative(),
    "L1 in a box": sh.L1(1.0) + sh.Box(-0.05, 0.1),
    "elastic net, at most": sh.L1(0.5) + sh.L2(0.5) + sh.Box(high=0.2),
    "strengths, some free, some out": sh.L1(np.r_[np.zeros(3), np.linspace(0.5, 2, P - 3)]) + OUT,
}
penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


def data(n=90, p=P, seed=0, rho=0.4, support=12):
    rng = np.random.default_rng(seed)
    X = np.sqrt(1 - rho) * rng.standard_normal((n, p)) + np.sqrt(rho) * rng.standard_normal((n, 1))
    w = np.zeros(p)
    w[rng.choice(p, support, replace=False)] = rng.standard_normal(support)
    return X + rng.normal(0, 2, p), X @ w + rng.standard_normal(n) + 3, rng


def gap(X, y, coef, intercept, penalty, alpha, weights):
    """The relative duality gap of a model: mean loss + alpha P, and the dual at its residual scaled until it is feasible."""
    l1, l2, low, high = penalty.twin(X.shape[1]).terms[:4]
    assert np.all((coef >= low) & (coef <= high))
    X, y, coef, held = (np.asarray(a, np.longdouble) for a in (X, y, coef, weights / weights.sum()))
    r = y - X @ coef - np.longdouble(intercept)
    price = alpha * (np.sum(l1 * np.abs(coef)) + np.sum(l2 * coef**2) / 2)
    pull = (X - held @ X).T @ (held * r)
    free = (l1 == 0) & (l2 == 0) & np.isinf(low) & np.isinf(high)
    assert np.abs(pull[free]).max(initial=0) < 1e-7 * np.abs(pull).max() + 1e-9
    closed = np.isfinite(np.where(pull > 0, high, low)) | (l2 > 0) | free
    k = min(1.0, float(np.min(np.where(closed, np.inf, alpha * l1 / np.maximum(np.abs(pull), 1e-300)))))
    v = np.where(free, 0.0, k * pull)
    size = np.maximum(np.abs(v) - alpha * l1, 0)
    best = np.where(size > 1e-12 * alpha * l1, np.where(v > 0, high, low), 0.0)  # where v z - alpha P(z) is largest
    best = np.where(l2 > 0, np.sign(v) * size / (alpha * np.where(l2 > 0, l2, 1)), best)
    best = np.clip(np.where(np.isfinite(best), best, 0), low, high)
    conjugate = np.sum(v * best - alpha * (l1 * np.abs(best) + l2 * best**2 / 2))
    centre = y - held @ y
    dual = k * (held * r) @ centre - k**2 * (held @ r**2) / 2 - conjugate
    return float((held @ r**2 / 2 + price - dual) / (held @ centre**2 / 2))


def check(found, X, y, penalty, tol, weights=None):
    weights = np.ones(len(y)) if weights is None else weights
    assert found.passes is not None, "the engine did not take it"
    for i, alpha in enumerate(found.alphas):
        g = gap(X, y, found.coefs[:, i].astype(float), found.intercepts[i], penalty, alpha, weights)
        assert -1e-12 < g <= max(1.01 * found.gaps[i], tol) + 1e-12, (i, g, found.gaps[i])


@penalty
@pytest.mark.parametrize("width", [P, 60], ids=["batched", "gram"])
def test_every_model_of_a_path_is_the_one(penalty, width):
    X, y, _ = data()
    X = X[:, :width]
    if width < P:
        table = penalty.twin(P).terms[:4, :width]
        penalty = sh.L1(table[0]) + sh.L2(table[1]) + sh.Box(table[2], table[3])
    found = sh.path(X, y, LOSS, penalty, n_alphas=30, ratio=0.03, tol=1e-8)
    assert found.converged and found.gaps.max() <= 1e-8
    check(found, X, y, penalty, 1e-8)


LAYOUTS = {
    "C": np.ascontiguousarray, "F": np.asfortranarray, "float32": lambda X: X.astype(np.float32),
    "CSC": sparse.csc_array, "CSR": sparse.csr_array, "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
}  # fmt: skip


@pytest.mark.parametrize("width", [P, 60], ids=["batched", "gram"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same_path(layout, width):
    X, y, rng = data()
    X = np.where(rng.random(X.shape) < 0.3, X, 0).astype(np.float32).astype(float)[:, :width]
    plain = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=20, ratio=0.05, tol=1e-10)
    other = sh.path(layout(X), y, LOSS, sh.L1(1.0), alphas=plain.alphas, tol=1e-10)
    assert other.converged and plain.passes is not None and other.passes is not None
    np.testing.assert_allclose(other.coefs, plain.coefs, atol=1e-6)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([1, 7, 40, P]), rows=st.integers(2, 60), intercept=st.booleans())
@example(seed=0, width=P, rows=2, intercept=False)  # fewer rows than a batch reads vectors
def test_hard_data(seed, width, rows, intercept):
    """Duplicates, near-duplicates, constants, sizes and weights over decades, masked rows."""
    X, y, rng = data(n=rows, p=P, seed=seed, support=5)
    X = X[:, :width]
    X[:, width // 2] = X[:, 0]
    X[:, width // 3] = X[:, 0] + 1e-7 * rng.standard_normal(rows)
    X[:, width // 4] = 2.5
    X = X * 10.0 ** rng.integers(-4, 5, width)
    weights = 10.0 ** rng.integers(-6, 7, rows) * (rng.random(rows) > 0.2)
    weights[:2] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", sh.ConvergenceWarning)
        found = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=10, ratio=0.1, weights=weights, intercept=intercept)
    assert np.all(np.isfinite(found.coefs)) and found.gaps.max() <= 1e-6
    if found.passes is not None and intercept:
        check(found, X, y, sh.L1(1.0), 1e-6, weights)


@penalty
@pytest.mark.parametrize("intercept", [True, False], ids=["", "no intercept"])
@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
@pytest.mark.parametrize("width", [P, 60], ids=["batched", "gram"])
def test_folds_are_fits_of_their_own_rows(penalty, standardize, intercept, width):
    X, y, rng = data(n=60)
    X = X[:, :width]
    X[:, 9] = rng.random(60) < 0.1  # rare: constant in some fold's training rows
    X[:, 10] = 0.0
    X[:6, 10] = 1.0
    if width < P:
        table = penalty.twin(P).terms[:4, :width]
        penalty = sh.L1(table[0]) + sh.L2(table[1]) + sh.Box(table[2], table[3])
    splits = [(np.setdiff1d(np.arange(60), held), held) for held in (np.arange(10), np.arange(10, 35), np.arange(35, 60))]
    few = {"standardize": standardize, "intercept": intercept, "tol": 1e-9}
    with warnings.catch_warnings():
        warnings.simplefilter("error", sh.ConvergenceWarning)
        choice = sh.select(X, y, LOSS, penalty, cv=splits, n_alphas=8, ratio=0.1, **few)
        for k, (inside, outside) in enumerate(splits):
            alone = sh.path(X[inside], y[inside], LOSS, penalty, alphas=choice.alphas, **few)
            for rows, errors in ((outside, choice.test_errors), (inside, choice.train_errors)):
                eta = X[rows] @ alone.coefs + alone.intercepts
                np.testing.assert_allclose(errors[:, k], np.mean((y[rows, None] - eta) ** 2, axis=0), rtol=2e-4)


def test_folds_share_the_readings_of_the_data():
    X, y, _ = data()
    one = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=50, ratio=0.05)
    many = sh.select(X, y, LOSS, sh.L1(1.0), cv=5, n_alphas=50, ratio=0.05)
    assert many.path.passes <= 2 * one.passes and one.passes < 25
    assert sh.select(X[:, :50], y, LOSS, sh.L1(1.0), cv=5).path.passes == 1


@pytest.mark.parametrize("width", [P, 60], ids=["batched", "gram"])
def test_doubling_every_row_changes_nothing(width):
    X, y, _ = data()
    X = X[:, :width]
    one = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=15, ratio=0.05, tol=1e-10)
    two = sh.path(np.vstack([X, X]), np.r_[y, y], LOSS, sh.L1(1.0), alphas=one.alphas, tol=1e-10)
    weighted = sh.path(X, y, LOSS, sh.L1(1.0), alphas=one.alphas, weights=np.full(len(y), 2.0), tol=1e-10)
    np.testing.assert_allclose(two.coefs, one.coefs, atol=1e-6)
    np.testing.assert_allclose(weighted.coefs, one.coefs, atol=1e-6)


PROGRAM = """
import hashlib, numpy as np, shrinkage as sh
from threadpoolctl import threadpool_limits
rng = np.random.default_rng(0)
with threadpool_limits(1):
    for p in (60, 2500):
        X = rng.standard_normal((150, p)); y = X[:, :5].sum(1) + rng.standard_normal(150)
        for loss, target in ((sh.SquaredError(), y), (sh.Logistic(), (y > 0).astype(float))):
            found = sh.select(X, target, loss, sh.L1(1.0), cv=4, n_alphas=20, ratio=0.05)
            print(hashlib.sha256(found.path.coefs.tobytes() + found.test_errors.tobytes()).hexdigest())
"""


def test_no_bit_depends_on_the_number_of_threads():
    assert len(printed_by_threads(PROGRAM)) == 1


def test_a_fork_after_use_has_threads_of_its_own():
    code = (
        "import os, numpy as np, shrinkage as sh\n"
        "rng = np.random.default_rng(0); X = rng.standard_normal((50, 3000)); y = X[:, 0] + rng.standard_normal(50)\n"
        "run = lambda: sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=3, n_alphas=5, ratio=0.3).alpha\n"
        "here = run(); child = os.fork()\n"
        "if child == 0: os._exit(0 if run() == here else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    env = {**os.environ, "SHRINKAGE_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)


def test_rows_weighted_alike_are_one_pattern():
    multiples = np.array([[1.0, 0, 1], [1, 1, 0], [1, 0, 1], [1, 1, 0], [1, 2, 0]])
    patterns = Patterns.of(multiples)
    assert patterns.count == 3
    np.testing.assert_array_equal(patterns.marks[patterns.labels], multiples)


def test_what_the_engine_leaves_to_the_solvers():
    X, y, _ = data(n=40, p=20)
    for loss, penalty in (
        (sh.Huber(), sh.L1(1.0)),
        (sh.Huber(), sh.L2(1.0)),
        (sh.Huber(), sh.MCP(1.0)),
        (LOSS, sh.Grouped(sh.MCP(1.0), np.arange(20) // 4)),
        (LOSS, sh.L1(1.0) + sh.Grouped(sh.L1(1.0), np.arange(20) // 4)),
    ):
        assert sh.path(X, y, loss, penalty, n_alphas=3).passes is None
    assert engine.LEAST_TOL == 1e-12 and sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=3, tol=1e-13).passes is None


def test_an_interrupted_path_keeps_what_it_has(monkeypatch):
    X, y, _ = data()
    plain = sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=40, ratio=0.05)
    follow = engine.batched.BatchedRows.follow

    def interrupted(self, *args):
        for i, lines in enumerate(follow(self, *args)):
            if i == 2:
                raise KeyboardInterrupt
            yield lines

    monkeypatch.setattr(engine.batched.BatchedRows, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt) as stop:
        sh.path(X, y, LOSS, sh.L1(1.0), n_alphas=40, ratio=0.05)
    kept = stop.value.partial
    assert 2 <= len(kept.alphas) < 40
    np.testing.assert_array_equal(kept.coefs, plain.coefs[:, : len(kept.alphas)])


CONCAVE = {
    "MCP": sh.MCP(1.0, concavity=3.0), "SCAD": sh.SCAD(1.0), "steep MCP": 2.0 * sh.MCP(1.0, concavity=1.5),
    "MCP and L2, not negative": sh.MCP(1.0) + sh.L2(0.2) + sh.NonNegative(),
}  # fmt: skip


@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
@pytest.mark.parametrize("penalty", CONCAVE.values(), ids=CONCAVE)
def test_concave_paths_are_stationary(penalty, standardize):
    X, y, rng = data(n=60)
    splits = [(np.setdiff1d(np.arange(60), held), held) for held in (np.arange(15), np.arange(15, 60))]
    choice = sh.select(X, y, LOSS, penalty, cv=splits, n_alphas=12, ratio=0.2, standardize=standardize, tol=1e-7)
    found, scale = choice.path, X.std(axis=0) if standardize else np.ones(P)
    assert found.passes is not None and found.converged and set(found.kinds) == {"violation"}
    Z = (X - X.mean(axis=0)) / scale
    top = np.abs(Z.T @ (y - y.mean())).max()
    for alpha, coef in zip(found.alphas, found.coefs.T, strict=True):
        pull = -Z.T @ (y - y.mean() - Z @ (coef * scale))
        worst = (60 * alpha * penalty).violation(coef * scale, pull).max()
        assert worst <= 1.1e-7 * top, (alpha, worst / top)
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], LOSS, penalty, alphas=found.alphas, standardize=standardize, tol=1e-7)
        eta = X[outside] @ alone.coefs + alone.intercepts
        same = np.isclose(choice.test_errors[:, k], np.mean((y[outside, None] - eta) ** 2, axis=0), rtol=1e-3)
        assert same[:3].all()  # further down, a path may come to rest at another stationary point


def test_a_family_whose_knots_move_with_alpha():
    X, y, _ = data(n=60, p=100)
    model = sh.PenalizedRegressorCV(penalty="mcp", concavity=3.0, rule="bic", n_alphas=15, tol=1e-8).fit(X, y)
    Z = X - X.mean(axis=0)
    assert model.path_.passes is not None
    for alpha, coef in zip(model.path_.alphas, model.path_.coefs.T, strict=True):
        pull = -Z.T @ (y - y.mean() - Z @ coef) / 60
        assert sh.MCP(alpha, 3.0).violation(coef, pull).max() <= 2e-8 * np.abs(Z.T @ (y - y.mean())).max() / 60
