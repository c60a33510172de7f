"""The verb: every loss with every penalty, by every road, and the identities a posterior must keep."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

import shrinkage as sh
from shrinkage.solvers import ADMM, ProxGradient
from tests.batteries import PENALTIES
from tests.battery_losses import LOSSES
from tests.layouts import LAYOUTS, memory_map

N, P = 50, 6
CONVEX = [case for case in PENALTIES if case.penalty.convex]


def problem(loss, n=N, p=P, seed=0):
    """X, y with y drawn from the loss's own likelihood at a sparse coefficient vector."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ (np.eye(p) + 0.3)
    w = np.zeros(p)
    w[:3] = [1.0, -0.7, 0.4]
    return X, np.asarray(loss.sample(0.3 + X @ w, rng), float)


def objective(X, y, loss, penalty, coef, intercept, weights=None):
    weights = np.ones(len(y)) if weights is None else weights
    return float(loss.total(y, X @ coef + intercept, weights)) + float(penalty.value(coef))


def sized(case):
    """The battery's penalty, on P coefficients."""
    return case.make(P)


@pytest.mark.parametrize("case", PENALTIES, ids=str)
@pytest.mark.parametrize("loss", [case.loss for case in LOSSES], ids=str)
def test_every_loss_with_every_penalty_is_certified(loss, case):
    X, y = problem(loss)
    penalty = sized(case)
    found = sh.solve(X, y, loss, penalty, tol=1e-7 if loss.smooth else 1e-5, max_iter=3000)
    assert found.converged and found.certificate.holds
    here = objective(X, y, loss, penalty, found.coef, found.intercept)
    assert found.objective == pytest.approx(here, rel=1e-9)
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-2, 1e-3):  # no feasible neighbour is better (convex or not: a local minimum)
        for _ in range(20):
            step = rng.standard_normal(P + 1) * size
            there = objective(X, y, loss, penalty, found.coef + step[:P], found.intercept + step[P])
            assert there >= here - 1e-4 * abs(here)


def reference(X, y, loss, l1, l2, low, high):
    """A generic optimiser on the split w = u - v: L-BFGS-B."""
    p = X.shape[1]

    def f(z):
        u, v, b = z[:p], z[p : 2 * p], z[-1]
        eta = X @ (u - v) + b
        g = np.asarray(loss.gradient(y, eta))
        w = u - v
        gw = X.T @ g + l2 * w
        value = np.sum(loss.value(y, eta)) + l1 * np.sum(u + v) + l2 / 2 * w @ w
        return value, np.concatenate([gw + l1, -gw + l1, [g.sum()]])

    bounds = [(max(low, 0), max(high, 0))] * p + [(max(-high, 0), max(-low, 0))] * p + [(None, None)]
    start = np.concatenate([np.full(p, max(low, 0)), np.full(p, max(-high, 0)), [0.0]])
    best = minimize(f, start, jac=True, bounds=bounds, method="L-BFGS-B", options=dict(maxiter=20000, ftol=1e-16, gtol=1e-10))
    return best.x[:p] - best.x[p : 2 * p], best.x[-1], best.fun


@pytest.mark.parametrize("loss", [sh.SquaredError(1.3), sh.Logistic(), sh.Poisson(), sh.Huber(1.0, 0.8)], ids=str)
@pytest.mark.parametrize(
    ("penalty", "parts"),
    [
        (sh.L1(3.0), (3.0, 0, -np.inf, np.inf)),
        (sh.L2(2.0), (0, 2.0, -np.inf, np.inf)),
        (sh.L1(2.0) + sh.L2(1.0), (2.0, 1.0, -np.inf, np.inf)),
        (sh.L1(1.0) + sh.NonNegative(), (1.0, 0, 0, np.inf)),
        (sh.L2(1.0) + sh.Box(-0.2, 0.5), (0, 1.0, -0.2, 0.5)),
    ],
    ids=str,
)
def test_it_is_the_mode(loss, penalty, parts):
    X, y = problem(loss)
    found = sh.solve(X, y, loss, penalty, tol=1e-12)
    coef, intercept, value = reference(X, y, loss, *parts)
    assert found.certificate.kind == "duality gap"
    assert found.objective <= value + 1e-10 * abs(value)
    np.testing.assert_allclose(found.coef, coef, atol=2e-5)
    assert found.intercept == pytest.approx(intercept, abs=2e-5)


@pytest.mark.parametrize("case", [c for c in PENALTIES if c.penalty.is_proper and c.penalty.convex], ids=str)
@pytest.mark.parametrize("loss", [case.loss for case in LOSSES], ids=str)
def test_minus_the_objective_is_the_log_posterior_up_to_the_stated_constant(loss, case):
    """The difference does not depend on where on the posterior one stands."""
    X, y = problem(loss)
    penalty = sized(case)
    constants = []
    for scale in (1.0, 3.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sh.ConvergenceWarning)
            found = sh.solve(X, y, loss, penalty, start=np.zeros(P), max_iter=2 if scale == 1 else 200)
        constants.append(found.log_posterior + found.objective)
    assert constants[0] == pytest.approx(constants[1], rel=1e-9, abs=1e-9)
    if found.log_prior_normalized:
        assert found.log_prior == pytest.approx(float(penalty.log_density(found.coef)), rel=1e-9)
    eta = X @ found.coef + found.intercept
    assert found.log_likelihood == pytest.approx(float(loss.log_likelihood(y, eta)), rel=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("loss", [sh.SquaredError(), sh.Logistic()], ids=str)
def test_same_answer_by_every_layout(layout, loss):
    X, y = problem(loss)
    X[np.abs(X) < 0.3] = 0
    given = LAYOUTS[layout](X)
    expected = sh.solve(X, y, loss, sh.L1(3.0), tol=1e-12)
    found = sh.solve(given, y, loss, sh.L1(3.0), tol=1e-12)
    np.testing.assert_allclose(found.coef, expected.coef, atol=1e-8)
    assert found.intercept == pytest.approx(expected.intercept, abs=1e-8)
    if layout in ("pandas", "polars", "arrow"):
        assert found.names == [f"x{j}" for j in range(P)]


def test_memory_map(tmp_path):
    X, y = problem(sh.SquaredError())
    a = sh.solve(X, y, sh.SquaredError(), sh.L1(3.0), tol=1e-12)
    b = sh.solve(memory_map(X, tmp_path), y, sh.SquaredError(), sh.L1(3.0), tol=1e-12)
    np.testing.assert_allclose(a.coef, b.coef, atol=1e-10)


@pytest.mark.parametrize("loss", [case.loss for case in LOSSES], ids=str)
def test_an_integer_weight_is_a_repeated_row_and_zero_a_dropped_one(loss):
    X, y = problem(loss)
    counts = np.random.default_rng(3).integers(0, 4, N)
    rows = np.repeat(np.arange(N), counts)
    penalty = sh.L1(2.0) + sh.L2(0.5)
    tol = 1e-11 if loss.smooth else 1e-7
    a = sh.solve(X, y, loss, penalty, weights=counts, tol=tol, max_iter=5000)
    b = sh.solve(X[rows], y[rows], loss, penalty, tol=tol, max_iter=5000)
    np.testing.assert_allclose(a.coef, b.coef, atol=1e-5 if loss.smooth else 2e-2)
    assert a.objective == pytest.approx(b.objective, rel=1e-6)


@pytest.mark.parametrize("loss", [case.loss for case in LOSSES], ids=str)
def test_an_offset_is_a_known_part_of_eta(loss):
    X, y = problem(loss)
    offset = 0.5 * X[:, 0]
    a = sh.solve(X, y, loss, sh.Box(0, 0) + sh.L1(np.ones(P)), offset=offset, intercept=True, tol=1e-7)
    assert not a.coef.any()
    assert a.intercept == pytest.approx(loss.null(y, np.ones(N), offset), abs=1e-4)


@pytest.mark.parametrize("loss", [sh.SquaredError(), sh.Logistic(), sh.Poisson()], ids=str)
def test_unpenalised_coefficients(loss):
    X, y = problem(loss)
    penalty = sh.L1(np.array([0, 4.0, 0, 4, 4, 4]))
    found = sh.solve(X, y, loss, penalty, tol=1e-12)
    pull = X.T @ loss.gradient(y, X @ found.coef + found.intercept)
    assert np.abs(pull[[0, 2]]).max() < 1e-8
    assert np.all(np.abs(pull) <= 4 + 1e-6)
    free = sh.solve(X, y, loss, sh.L1(0.0), tol=1e-12)
    assert np.abs(X.T @ loss.gradient(y, X @ free.coef + free.intercept)).max() < 1e-8


def test_standardize_is_a_reparametrised_prior():
    X, y = problem(sh.SquaredError())
    X = X * np.array([1, 10, 0.1, 3, 7, 1]) + 5
    sd = X.std(axis=0)
    a = sh.solve(X, y, sh.SquaredError(), sh.L1(5.0), standardize=True, tol=1e-12)
    b = sh.solve(X, y, sh.SquaredError(), sh.L1(5.0 * sd), tol=1e-12)
    np.testing.assert_allclose(a.coef, b.coef, rtol=1e-8, atol=1e-12)
    assert a.log_prior == pytest.approx(b.log_prior, rel=1e-9)


def test_float32_is_kept_and_equals_the_float64_fit_of_the_same_values():
    X, y = problem(sh.SquaredError())
    rough = (X + 1e8 * 0 + 1000).astype(np.float32)
    a = sh.solve(rough, y, sh.SquaredError(), sh.L1(3.0), tol=1e-12)
    b = sh.solve(rough.astype(np.float64), y, sh.SquaredError(), sh.L1(3.0), tol=1e-12)
    assert a.coef.dtype == np.float32
    np.testing.assert_allclose(a.coef, b.coef.astype(np.float32), rtol=1e-6)
    # The intercept is that of the rounded coefficients: the fitted values agree, whatever the columns' offset.
    np.testing.assert_allclose(a.linear_predictor(rough), b.linear_predictor(rough), atol=1e-6)


@pytest.mark.parametrize("loss", [sh.SquaredError(), sh.Logistic(), sh.Huber()], ids=str)
@pytest.mark.parametrize("penalty", [sh.L1(2.0), sh.L1(1.0) + sh.L2(2.0), sh.Grouped(sh.L1(2.0), [0, 0, 1, 1, 2, 2])], ids=str)
def test_the_general_solver_agrees_with_the_compiled_core(loss, penalty):
    X, y = problem(loss)
    a = sh.solve(X, y, loss, penalty, tol=1e-10)
    b = sh.solve(X, y, loss, penalty, tol=1e-10, solver=ProxGradient(), max_iter=5000)
    np.testing.assert_allclose(a.coef, b.coef, atol=1e-4)
    assert a.objective == pytest.approx(b.objective, rel=1e-9)


@pytest.mark.parametrize("loss", [sh.AbsoluteError(), sh.Quantile(0.8)], ids=str)
def test_admm_agrees_with_the_linear_program(loss):
    X, y = problem(loss)
    a = sh.solve(X, y, loss, sh.L1(2.0), tol=1e-8)
    b = sh.solve(X, y, loss, sh.L1(2.0), tol=1e-5, solver=ADMM(), max_iter=2000)
    assert a.converged and b.converged
    assert a.objective == pytest.approx(b.objective, rel=1e-4)


class Bridge(sh.Separable):
    """A stranger's penalty against the public interface: 2 sum(sqrt(1 + w**2) - 1), smooth, even, convex."""

    convex = True

    def value(self, w):
        return 2 * np.sum(np.sqrt(1 + w**2) - 1)

    def subgradient(self, w):
        slope = 2 * w / np.sqrt(1 + w**2)
        return slope, slope

    def prox(self, w, step):
        z = np.asarray(w, float).copy()
        for _ in range(60):
            root = np.sqrt(1 + z**2)
            z = z - (z - w + step * 2 * z / root) / (1 + step * 2 / root**3)
        return z


def test_a_strangers_penalty_works_in_solve_and_path():
    X, y = problem(sh.SquaredError())
    found = sh.solve(X, y, sh.SquaredError(), Bridge(), tol=1e-9)
    pull = X.T @ (X @ found.coef + found.intercept - y)
    np.testing.assert_allclose(pull, -2 * found.coef / np.sqrt(1 + found.coef**2), atol=1e-6)
    assert found.certificate.kind == "violation"
    line = sh.path(X, y, sh.SquaredError(), Bridge(), alphas=[1.0, 0.1])
    assert line.converged and np.abs(line.coefs[:, 0]).sum() < np.abs(line.coefs[:, 1]).sum()


def test_not_certified_is_said():
    X, y = problem(sh.Logistic())
    with pytest.warns(sh.ConvergenceWarning, match="max_iter"):
        found = sh.solve(X, y, sh.Logistic(), sh.L1(0.1), max_iter=0)
    assert not found.converged and not found.certificate.holds and "Not certified" in str(found)


@pytest.mark.parametrize("bad", [dict(tol=-1), dict(tol=np.nan), dict(tol="a"), dict(max_iter=-1), dict(max_iter=1.5)])
def test_bad_settings(bad):
    X, y = problem(sh.SquaredError())
    with pytest.raises(sh.ParameterError):
        sh.solve(X, y, sh.SquaredError(), sh.L1(1.0), **bad)


def test_strengths_of_the_wrong_length_are_refused():
    X, y = problem(sh.SquaredError())
    with pytest.raises(sh.ParameterError, match="6"):
        sh.solve(X, y, sh.SquaredError(), sh.L1(np.ones(4)))
