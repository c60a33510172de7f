"""Logistic and Poisson paths of the engine against an evaluator that shares nothing with it: Newton's method on the support
in extended precision, and the dual there."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_breast_cancer

import shrinkage as sh
from shrinkage.engine import curved

P = 500
LOSSES = {"logistic": sh.Logistic(), "poisson": sh.Poisson()}
PENALTIES = {
    "L1": sh.L1(1.0),
    "elastic net": sh.L1(0.7) + sh.L2(0.3),
    "L1, not negative": sh.L1(1.0) + sh.NonNegative(),
    "L1 in a box": sh.L1(1.0) + sh.Box(-0.05, 0.1),
    "strengths, one of L2 alone": sh.L1(np.r_[0, np.linspace(0.5, 2, P - 1)]) + sh.L2(np.r_[0.3, np.zeros(P - 1)]),
}
loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
width = pytest.mark.parametrize("width", [P, 20], ids=["wide", "tall"])


def data(loss, n=120, p=P, seed=0, signal=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * 0.8 + 0.6 * rng.standard_normal((n, 1)) + rng.normal(0, 1, p)
    w = np.zeros(p)
    w[rng.choice(p, 6, replace=False)] = signal * rng.standard_normal(6)
    eta = (X - X.mean(axis=0)) @ w
    if loss.name == "logistic":
        return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), rng
    return X, rng.poisson(np.exp(np.clip(0.5 * eta, -5, 4))).astype(float), rng


class Judge:
    """P and D in extended precision."""

    def __init__(self, loss, X, y, penalty, weights=None, offset=None):
        n = len(y)
        self.logistic, self.penalty = loss.name == "logistic", penalty.twin(X.shape[1]).terms[:4].astype(np.longdouble)
        self.X, self.y = X.astype(np.longdouble), y.astype(np.longdouble)
        self.weights = np.ones(n, np.longdouble) if weights is None else weights.astype(np.longdouble)
        self.offset = np.zeros(n, np.longdouble) if offset is None else offset.astype(np.longdouble)

    def mean(self, eta):
        return 1 / (1 + np.exp(-eta)) if self.logistic else np.exp(eta)

    def value(self, eta):
        one = np.log1p(np.exp(-np.abs(eta))) + np.maximum(eta, 0) if self.logistic else np.exp(eta)
        return self.weights @ (one - self.y * eta)

    def primal(self, w, b, alpha):
        l1, l2, low, high = self.penalty
        w = np.asarray(w, np.longdouble)
        assert np.all((w >= low) & (w <= high))
        price = np.sum(l1 * np.abs(w) + l2 * w**2 / 2)
        return self.value(self.X @ w + b + self.offset) + alpha * self.weights.sum() * price

    def dual(self, w, b, alpha):
        """At the gradient of a model, scaled into the dual's domain; the intercept must be at its best."""
        l1, l2, low, high = self.penalty * np.array([1, 1, 1, 1])[:, None]
        c = alpha * self.weights.sum()
        r = self.y - self.mean(self.X @ w + b + self.offset)
        pull = (self.X - self.weights @ self.X / self.weights.sum()).T @ (self.weights * r)
        closed = np.isfinite(np.where(pull > 0, high, low)) | (l2 > 0)
        k = min(np.longdouble(1), np.min(np.where(closed, np.inf, c * l1 / np.maximum(np.abs(pull), 1e-300))))
        v = k * pull
        size = np.maximum(np.abs(v) - c * l1, 0)
        best = np.where(size > 1e-15 * c * l1, np.where(v > 0, high, low), 0)
        best = np.where(l2 > 0, np.sign(v) * size / (c * np.where(l2 > 0, l2, 1)), best)
        best = np.clip(np.where(np.isfinite(best), best, 0), low, high)
        conjugate = np.sum(v * best - c * (l1 * np.abs(best) + l2 * best**2 / 2))
        m = self.y - k * r
        entropy = np.where(m > 0, m * np.log(np.where(m > 0, m, 1)), 0)
        entropy += np.where(m < 1, (1 - m) * np.log(np.where(m < 1, 1 - m, 1)), 0) if self.logistic else -m
        return -self.weights @ (entropy + k * r * self.offset) - conjugate

    def polished(self, w, b, alpha):
        """Newton's method with signs and bounds as they stand."""
        l1, l2, low, high = self.penalty
        w, b, c = np.asarray(w, np.longdouble), np.longdouble(b), alpha * self.weights.sum()
        at = np.flatnonzero((w > low) & (w < high) & ((w != 0) | (l1 == 0)))
        Z = np.column_stack([np.ones(len(self.y), np.longdouble), self.X[:, at]])
        for _ in range(30):
            mu = self.mean(self.X @ w + b + self.offset)
            h = self.weights * (mu * (1 - mu) if self.logistic else mu)
            slope = Z.T @ (self.weights * (self.y - mu))
            slope[1:] -= c * (l2[at] * w[at] + l1[at] * np.sign(w[at]))
            H = (Z.T * h) @ Z + np.diag(np.r_[0, c * l2[at]])
            step = np.linalg.lstsq(H.astype(float), slope.astype(float), rcond=1e-14)[0]
            size, before, start = 1.0, self.primal(w, b, alpha), (w.copy(), b)
            for _ in range(40):
                w[at], b = start[0][at] + size * step[1:], start[1] + size * step[0]
                if np.all((w >= low) & (w <= high)) and self.primal(w, b, alpha) <= before + 1e-16 * abs(before):
                    break
                size /= 2
            else:
                return start
            if np.abs(step).max() < 1e-15 * (1 + np.abs(w).max()):
                break
        return w, b

    def half(self):
        b = np.longdouble(0)
        for _ in range(100):
            mu = self.mean(b + self.offset)
            h = self.weights @ (mu * (1 - mu) if self.logistic else mu)
            b += np.clip((self.weights @ (self.y - mu)) / h, -1, 1)
        y = np.where(self.y > 0, self.y, 1)
        floor = 0 if self.logistic else self.weights @ (self.y - np.where(self.y > 0, self.y * np.log(y), 0))
        return self.value(b + self.offset) - floor


def check(found, judge, nearer):
    """`nearer`: the same path to a far smaller tolerance, whose active sets are the true ones."""
    assert found.passes is not None, "the engine did not take it"
    assert found.converged and nearer.converged
    half = judge.half()
    for i, alpha in enumerate(found.alphas):
        w, b = found.coefs[:, i], found.intercepts[i]
        best = judge.dual(*judge.polished(nearer.coefs[:, i], nearer.intercepts[i], alpha), alpha)
        excess = float((judge.primal(w, b, alpha) - best) / half)
        assert -1e-12 < excess <= found.gaps[i] + 1e-11, (i, excess, found.gaps[i])


SATURATED = {
    "L1": sh.L1(1.0),
    "elastic net": sh.L1(0.7) + sh.L2(0.3),
    "L1, not negative": sh.L1(1.0) + sh.NonNegative(),
    "L1 in a box": sh.L1(1.0) + sh.Box(-2.0, 3.0),
}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", SATURATED.values(), ids=SATURATED)
def test_rows_of_no_curvature_cost_no_certificate(penalty, intercept):
    """Two classes that can be parted: predictors go to 200, and what the metric must not fall below is 1e70 times the curvature.
    The path was left to a solver, ten steps a model, since no dual point lay in the likelihood's domain."""
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    found = sh.path(X, y, sh.Logistic(), penalty, n_alphas=40, intercept=intercept)
    assert (found.n_iter == 1).all()
    nearer = sh.path(X, y, sh.Logistic(), penalty, alphas=found.alphas, tol=1e-11, intercept=intercept)
    if intercept:
        check(found, Judge(sh.Logistic(), X, y, penalty), nearer)
    half = len(y) * np.log(2) if not intercept else Judge(sh.Logistic(), X, y, penalty).half()
    for i, alpha in enumerate(found.alphas):
        value, best = (objective(X, y, penalty, one, i, alpha) for one in (found, nearer))
        assert value - best <= (found.gaps[i] + nearer.gaps[i]) * half * (1 + 1e-9), i


def objective(X, y, penalty, path, i, alpha):
    w = np.asarray(path.coefs[:, i], np.longdouble)
    eta = X @ w + path.intercepts[i]
    return np.sum(np.logaddexp(0, eta) - y * eta) + alpha * len(y) * penalty.value(w.astype(float))


@loss
@penalty
@width
def test_every_model_is_as_near_the_best_as_it_says(loss, penalty, width):
    X, y, _ = data(loss)
    X = X[:, :width]
    table = penalty.twin(P).terms[:4, :width]
    penalty = sh.L1(table[0]) + sh.L2(table[1]) + sh.Box(table[2], table[3])
    found = sh.path(X, y, loss, penalty, n_alphas=25, ratio=0.05, tol=1e-6)
    assert found.passes < 25
    check(found, Judge(loss, X, y, penalty), sh.path(X, y, loss, penalty, alphas=found.alphas, tol=1e-11))


@loss
@width
def test_weights_offsets_and_fractions(loss, width):
    X, y, rng = data(loss)
    X, weights, offset = X[:, :width], 10.0 ** rng.uniform(-3, 2, len(y)) * (rng.random(len(y)) > 0.2), rng.normal(0, 0.5, len(y))
    more = {"weights": weights, "offset": offset}
    found = sh.path(X, y, loss, sh.L1(1.0), **more, n_alphas=15, ratio=0.1, tol=1e-8)
    nearer = sh.path(X, y, loss, sh.L1(1.0), **more, alphas=found.alphas, tol=1e-11)
    check(found, Judge(loss, X, y, sh.L1(1.0), weights, offset), nearer)
    shares = np.clip(y / 3 + 0.1, 0, 1) if loss.name == "logistic" else y + 0.25
    assert sh.path(X, shares, loss, sh.L1(1.0), n_alphas=15, ratio=0.1).converged


LAYOUTS = {"C": np.ascontiguousarray, "float32": lambda X: X.astype(np.float32), "CSC": sparse.csc_array, "CSR": sparse.csr_array}


@loss
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same_path(loss, layout):
    X, y, rng = data(loss)
    X = np.asfortranarray(np.where(rng.random(X.shape) < 0.3, X, 0).astype(np.float32).astype(float))
    penalty = sh.L1(1.0) + sh.L2(0.1)
    plain = sh.path(X, y, loss, penalty, n_alphas=15, ratio=0.1, tol=1e-10)
    other = sh.path(layout(X), y, loss, penalty, alphas=plain.alphas, tol=1e-10)
    assert other.converged and plain.passes is not None and other.passes is not None
    np.testing.assert_allclose(other.coefs, plain.coefs, atol=2e-5)
    np.testing.assert_allclose(other.df, plain.df, atol=1e-2)


@loss
@width
@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
def test_folds_are_fits_of_their_own_rows(loss, width, standardize):
    X, y, rng = data(loss)
    X, n = X[:, :width], len(y)
    X[:, 9] = rng.random(n) < 0.1
    X[:, 10], X[:6, 10] = 0.0, 1.0
    splits = [(np.setdiff1d(np.arange(n), held), held) for held in (np.arange(20), np.arange(20, 70), np.arange(70, n))]
    choice = sh.select(X, y, loss, sh.L1(1.0), cv=splits, n_alphas=8, ratio=0.1, standardize=standardize, tol=1e-9)
    assert choice.path.passes is not None
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], loss, sh.L1(1.0), alphas=choice.alphas, standardize=standardize, tol=1e-9)
        for rows, errors in ((outside, choice.test_errors), (inside, choice.train_errors)):
            eta = X[rows] @ alone.coefs + alone.intercepts
            wanted = np.mean(loss.unit_deviance(y[rows, None], eta), axis=0)
            np.testing.assert_allclose(errors[:, k], wanted, rtol=5e-4)


@loss
def test_bootstrap_lanes_are_weighted_fits(loss):
    X, y, rng = data(loss)
    rows = [rng.integers(0, len(y), len(y)) for _ in range(2)]
    splits = [(draw, np.setdiff1d(np.arange(len(y)), draw)) for draw in rows]
    choice = sh.select(X, y, loss, sh.L1(1.0), cv=splits, n_alphas=6, ratio=0.2, tol=1e-9)
    for k, (inside, outside) in enumerate(splits):
        alone = sh.path(X[inside], y[inside], loss, sh.L1(1.0), alphas=choice.alphas, tol=1e-9)
        eta = X[outside] @ alone.coefs + alone.intercepts
        np.testing.assert_allclose(
            choice.test_errors[:, k], np.mean(loss.unit_deviance(y[outside, None], eta), axis=0), rtol=5e-4
        )


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), logistic=st.booleans(), width=st.sampled_from([1, 7, 40, P]), rows=st.integers(6, 60))
def test_hard_data(seed, logistic, width, rows):
    """Duplicates, near-duplicates, constants, sizes over decades, masked rows, separable and imbalanced classes."""
    loss = sh.Logistic() if logistic else sh.Poisson()
    X, y, rng = data(loss, n=rows, seed=seed, signal=3.0)
    X = X[:, :width]
    X[:, width // 2] = X[:, 0]
    X[:, width // 3] = X[:, 0] + 1e-7 * rng.standard_normal(rows)
    X[:, width // 4] = 2.5
    X = X * 10.0 ** rng.integers(-4, 5, width)
    y[:2] = 0, 1
    weights = 10.0 ** rng.integers(-2, 3, rows) * (rng.random(rows) > 0.2)
    weights[:2] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", sh.ConvergenceWarning)
        found = sh.path(X, y, loss, sh.L1(1.0), n_alphas=10, ratio=0.1, weights=weights)
    assert np.all(np.isfinite(found.coefs)) and found.gaps.max() <= 1e-6


def test_separable_classes_to_the_end_of_the_grid():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 300))
    y = (X[:, 0] > 0).astype(float)
    found = sh.path(X, y, sh.Logistic(), sh.L1(1.0), ratio=1e-4)
    assert found.converged and found.passes is not None
    nearer = sh.path(X, y, sh.Logistic(), sh.L1(1.0), alphas=found.alphas, tol=1e-11)
    check(found, Judge(sh.Logistic(), X, y, sh.L1(1.0)), nearer)
    rare = (np.arange(60) == 7).astype(float)
    assert sh.path(X, rare, sh.Logistic(), sh.L1(1.0), ratio=1e-3).converged


def test_a_loss_without_a_kernel_takes_the_slow_twin(monkeypatch):
    X, y, _ = data(sh.Logistic())
    fast = sh.path(X, y, sh.Logistic(), sh.L1(1.0), n_alphas=10, ratio=0.1, tol=1e-9)
    monkeypatch.setattr(curved, "FAMILIES", {})
    slow = sh.path(X, y, sh.Logistic(), sh.L1(1.0), n_alphas=10, ratio=0.1, tol=1e-9)
    assert slow.passes == fast.passes
    np.testing.assert_allclose(slow.coefs, fast.coefs, atol=1e-9)


def test_free_columns_are_left_to_the_solvers():
    X, y, _ = data(sh.Logistic(), p=20)
    found = sh.path(X, y, sh.Logistic(), sh.L1(np.r_[0.0, np.ones(19)]), n_alphas=3)
    assert found.passes is None and found.converged


@loss
@given(eta=st.floats(-30, 30), y=st.floats(0, 1), share=st.floats(-1, 1))
def test_the_chi_square_bound(loss, eta, y, share):
    """`Loss.chi_square`, which the certificate of a step rests on."""
    y, eta = np.array([y]), np.array([eta])
    h = loss.curvature(y, eta)
    d = share * h
    assert loss.chi_square
    assert loss.fenchel_young(y, eta, loss.gradient(y, eta) + d)[0] <= (d**2 / h)[0] * (1 + 1e-9) + 1e-14


@loss
@width
def test_far_units_and_no_intercept(loss, width):
    """A derivative in a strength of 1e-200 has a square that is no number."""
    X, y, _ = data(loss)
    X, alphas = X[:, :width] - X[:, :width].mean(axis=0), np.geomspace(0.2, 0.05, 8)
    for intercept in (True, False):
        plain = sh.path(X, y, loss, sh.L1(1.0), alphas=alphas, intercept=intercept, tol=1e-9)
        power = 2.0**-660
        far = sh.path(X * power, y, loss, sh.L1(1.0), alphas=alphas * power, intercept=intercept, tol=1e-9)
        assert far.passes == plain.passes is not None
        np.testing.assert_allclose(far.coefs * power, plain.coefs, rtol=1e-9, atol=1e-12)
