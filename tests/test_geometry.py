"""What the pictures of two coefficients and of one draw: the contour touches the ball at the fit, the mode is the fit."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

import shrinkage as sh
from shrinkage import geometry
from shrinkage.fit import Task
from shrinkage.geometry import Slice
from tests.batteries import PENALTIES, Case

P = 6


def data(loss: str, seed: int = 0):
    """Correlated columns (0.6 between any two), six of them, off centre."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((70, P)) * np.sqrt(0.4) + rng.standard_normal((70, 1)) * np.sqrt(0.6) + 2.0
    eta = (X - 2.0) @ [1.2, -0.7, 0.0, 0.5, 0.0, -0.2] + 0.3
    y = {
        "squared": eta + 0.7 * rng.standard_normal(70),
        "huber": eta + 0.7 * rng.standard_t(3, 70),
        "root": eta + 0.7 * rng.standard_normal(70),
        "logistic": (rng.random(70) < 1 / (1 + np.exp(-eta))).astype(float),
        "poisson": rng.poisson(np.exp(eta * 0.5)).astype(float),
    }[loss]
    return X, y


LOSSES = {
    "squared": sh.SquaredError(), "huber": sh.Huber(1.0), "logistic": sh.Logistic(), "poisson": sh.Poisson(),
    "root": sh.RootSquaredError(0.2),
}  # fmt: skip
STRENGTHS = {"squared": 9.0, "huber": 4.0, "logistic": 1.5, "poisson": 4.0, "root": 2.0}
SHAPES = [
    Case("L1", lambda p: sh.L1(1.0)),
    Case("L2", lambda p: sh.L2(1.0)),
    Case("elastic net", lambda p: sh.L1(0.6) + sh.L2(0.8)),
    Case("group lasso", lambda p: sh.Grouped(sh.L1(1.2), np.arange(p) // 2)),
    Case("one group", lambda p: sh.Grouped(sh.L1(1.2), np.zeros(p, int))),
    Case("sparse group", lambda p: sh.L1(0.4) + sh.Grouped(sh.L1(0.6), np.arange(p) // 3)),
]
CONCAVE = [Case("MCP", lambda p: sh.MCP(0.2, 3.0)), Case("SCAD", lambda p: sh.SCAD(0.2, 2.5))]
PAIRS = [(0, 1), (1, 2), (0, 3), (4, 5)]


def fitted(loss: str, penalty, chosen, standardize: bool = False, weights=None):
    X, y = data(loss)
    fit = sh.solve(X, y, LOSSES[loss], penalty, tol=1e-13, standardize=standardize, weights=weights, max_iter=20000)
    task = Task.read(X, y, LOSSES[loss], penalty, weights, None, True, standardize)
    return fit, Slice.of(task, fit.coef, fit.intercept, chosen)


@pytest.mark.filterwarnings("ignore::shrinkage.errors.ConvergenceWarning")  # 1e-13 is beyond some
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("case", SHAPES, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_contour_touches_the_ball_at_the_fit(loss, case, pair):
    """Minus the gradient of the loss at the fit supports the ball there: no point of it lies beyond that line."""
    fit, plane = fitted(loss, STRENGTHS[loss] * case.make(P), pair)
    pull = -plane.gradient
    size = np.hypot(*pull)
    reach = 10 * (np.abs(plane.at).max() + 1)
    edge = geometry.ball(plane, reach)
    assert edge.shape[1] == 2 and np.array_equal(edge[0], edge[-1])
    assert np.max((edge - plane.at) @ pull) <= 1e-6 * size * np.abs(edge).max()
    assert np.min(np.hypot(*(edge - plane.at).T)) < 1e-9 * (1 + np.abs(plane.at).max())  # the fit is on the edge
    if np.all(plane.at != 0):  # a smooth side: the two normals are parallel
        normal = slope(lambda v: float(plane.penalty.value(placed(fit.coef, pair, v))), plane.at)
        assert abs(pull[0] * normal[1] - pull[1] * normal[0]) < 1e-6 * size * np.hypot(*normal)


def placed(coef, pair, v):
    whole = np.array(coef, float)
    whole[list(pair)] = v
    return whole


def slope(f, at, h=1e-5):
    steps = h * np.eye(len(at)) * np.maximum(np.abs(at), 0.1)
    return np.array([(f(at - 2 * s) - 8 * f(at - s) + 8 * f(at + s) - f(at + 2 * s)) / (12 * s.max()) for s in steps])


@pytest.mark.parametrize("case", CONCAVE, ids=str)
def test_the_level_set_of_a_concave_penalty_passes_through_the_fit(case):
    fit, plane = fitted("squared", 70 * case.make(P), (0, 3))
    edge = geometry.ball(plane, 20.0)
    assert np.min(np.hypot(*(edge - plane.at).T)) < 1e-9
    inside = np.abs(edge).max(axis=1) < 19.9
    assert np.allclose(plane.penalty_at(edge[inside]), plane.penalty_at(plane.at), rtol=1e-9)
    assert not inside.all()  # it is flat far out, so that somewhere the level is never exceeded


@pytest.mark.parametrize("case", PENALTIES, ids=str)
def test_the_penalty_of_the_slice_is_the_penalty(case):
    """Up to the terms of the others, for every penalty there is, in every pair and alone."""
    penalty = case.make(P)
    coef = np.asarray(penalty.prox(np.array([0.9, -0.5, 0.3, 0.0, 1.5, -2.0]), 0.1))
    points = np.random.default_rng(1).uniform(-0.4, 0.5, (9, 2))
    if not np.isfinite(penalty.value(placed(coef, (0, 1), points[0]))):
        points = np.abs(points) + 0.1
    for pair in [(0, 1), (1, 4), (5, 2)]:
        whole = np.array([float(penalty.value(placed(coef, pair, v))) for v in points])
        plane = Slice(np.array(pair), coef, np.ones(2), *([np.zeros((1, 2))] + [np.zeros(1)] * 3), sh.SquaredError(), penalty)
        found = plane.penalty_at(points)
        assert np.array_equal(np.isfinite(found), np.isfinite(whole))
        ok = np.isfinite(whole)
        assert ok.any() and np.ptp(found[ok] - whole[ok]) < 1e-12


class Strange(sh.Separable):
    """A quarter of the fourth power: no twin, no name."""

    def value(self, w):
        return np.sum(w**4) / 4

    def prox(self, w, step):
        z = np.asarray(w, float)
        for _ in range(200):
            z = z - (step * z**3 + z - w) / (3 * step * z * z + 1)
        return z

    def subgradient(self, w):
        return w**3, w**3


@pytest.mark.filterwarnings("ignore::shrinkage.errors.ConvergenceWarning")
def test_a_strangers_penalty_has_a_ball_too():
    _, plane = fitted("squared", 30 * Strange(), (0, 1))
    edge = geometry.ball(plane, 20.0)
    assert np.allclose((edge**4).sum(axis=1), (plane.at**4).sum(), rtol=1e-9)
    assert np.max((edge - plane.at) @ -plane.gradient) <= 1e-4 * np.hypot(*plane.gradient)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_the_slice_is_the_loss(loss, weighted, standardize):
    """Its differences from the fit, with the best intercept at each point: for squared error at any distance, else nearby."""
    X, y = data(loss)
    weights = np.where(np.arange(70) % 7 == 0, 0.0, 1.0 + np.arange(70) % 3) if weighted else None
    used = np.ones(70) if weights is None else weights
    fit, line = fitted(loss, sh.L2(STRENGTHS[loss]), (0, 3), standardize, weights)
    sd = np.sqrt(np.average((X - np.average(X, axis=0, weights=used)) ** 2, axis=0, weights=used))
    assert np.allclose(line.scale, (1 / sd)[[0, 3]] if standardize else 1.0)
    for d in ([0.02, -0.01], [1.0, -0.8]):
        point = line.at + d
        eta = X @ placed(fit.coef, (0, 3), point * line.scale)
        bests = np.linspace(-0.3, 0.3, 4001) * np.hypot(*d) * 5 + fit.intercept - line.scale * d @ X[:, [0, 3]].mean(axis=0)
        best = min(float(LOSSES[loss].total(y, eta + b, used)) for b in bests)
        base = float(LOSSES[loss].total(y, X @ fit.coef + fit.intercept, used))
        rough = {"squared": 1e-6}.get(loss, 1e-3 if d[0] < 0.1 else 0.5)
        assert np.isclose(float(line.loss_above(point)), best - base, rtol=rough, atol=1e-4 * base * (d[0] < 0.1) + 1e-6)
    numeric = slope(lambda v: float(line.loss_above(v)), line.at)
    assert np.allclose(line.gradient, numeric, rtol=1e-6, atol=1e-6 * STRENGTHS[loss])


def test_the_free_minimum_is_where_the_loss_is_flat():
    for loss in ("squared", "huber", "logistic", "poisson"):
        _, plane = fitted(loss, sh.L1(STRENGTHS[loss]), (0, 1))
        assert np.abs(plane.gradient_at(plane.free_minimum())).max() < 1e-8 * np.abs(plane.gradient).max()


@pytest.mark.parametrize("q", [0.3, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("at", [(1.5, 0.0), (0.0, -2e-3), (3.0, -1.0), (0.0, 0.0)])
def test_the_lq_ball_passes_through_the_fit(at, q):
    """On its level; for q < 1 a star within the diamond of its corners, for 1 the diamond, for 2 the circle."""
    edge = geometry.lq_ball(at, q)
    level = np.sum(np.abs(at) ** np.float64(q))
    assert np.allclose(np.sum(np.abs(edge) ** q, axis=1), level, rtol=1e-9) and np.array_equal(edge[0], edge[-1])
    assert np.min(np.hypot(*(edge - at).T)) <= 1e-12 * np.hypot(*at)
    corner = level ** (1 / q)
    assert np.abs(edge).max() == pytest.approx(corner, rel=1e-12)
    sums, norms = np.abs(edge).sum(axis=1), np.hypot(*edge.T)
    if q < 1:
        assert np.all(sums <= corner * (1 + 1e-9)) and np.sum(sums < 0.9 * corner) * 2 >= len(edge) * (corner > 0)
    else:
        assert np.allclose(sums if q == 1 else norms, corner, rtol=1e-9)


@pytest.mark.parametrize("q", [0, -1.0, np.nan, np.inf, True, "half"])
def test_a_q_that_is_no_power_is_refused(q):
    with pytest.raises(sh.ParameterError, match="q must be"):
        geometry.lq_ball([1.0, 0.0], q)


def test_the_size_of_the_ball_is_the_hard_constraint_of_the_path():
    X, y = data("squared")
    path = sh.path(X, y, sh.SquaredError(), sh.L1(1.0), n_alphas=30)
    t = geometry.sizes(path)
    assert np.all(np.diff(t) >= 0) and t[0] == 0
    assert np.isclose(path.at(norm=t[12]).alpha, path.alphas[12])
    assert np.array_equal(geometry.trajectory(path, [2, 0]), path.coefs[[2, 0]].T)
    with pytest.raises(sh.ParameterError, match="not convex"):
        geometry.sizes(sh.path(X, y, sh.SquaredError(), sh.MCP(1.0), n_alphas=5))


# ---- one coefficient


@pytest.mark.parametrize("case", [*SHAPES, CONCAVE[0], Case("Box", lambda p: sh.L1(1.0) + sh.Box(-0.2, 0.4))], ids=str)
@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_the_mode_is_the_fit_and_the_mean_an_integral(loss, case):
    for j in (0, 2):
        scale = STRENGTHS[loss]
        fit, line = fitted(loss, scale * case.make(P), [j])
        found = geometry.conditional(line)
        assert found.mode == fit.coef[j]
        assert np.isclose(found.grid[np.argmax(found.log_posterior)], found.mode, atol=1e-7)
        span = geometry.support(lambda v, line=line: -line.objective_above(v[:, None]), found.mode, 40.0)
        pieces = [
            np.linspace(*ends, 301) for ends in pairwise(sorted({*span, *((0.0,) if span[0] < 0 < span[1] else ()), found.mode}))
        ]
        densities = [np.exp(-line.objective_above(v[:, None])) for v in pieces]
        total, first = (
            sum(integrate.simpson(d * v**k, x=v) for d, v in zip(densities, pieces, strict=True)) for k in (0, 1)
        )  # fmt: skip
        assert np.isclose(found.mean, first / total, rtol=1e-6, atol=1e-6 * found.sd)
        again = -line.objective_above(found.grid[::40, None]) - np.log(total)
        assert np.allclose(np.exp(found.log_posterior[::40]), np.exp(again), rtol=1e-5)
        assert found.prior_is_proper == (case not in CONCAVE)
        if found.prior_is_proper and case.name == "L1":
            density = scale / 2 * np.exp(-scale * np.abs(found.grid))
            assert np.allclose(np.exp(found.log_prior), density, rtol=1e-9)


def test_a_zero_mode_is_not_a_zero_mean():
    fit, line = fitted("squared", sh.L1(9.0), [2])
    found = geometry.conditional(line)
    assert fit.coef[2] == 0 == found.mode and abs(found.mean) > 0.01 * found.sd and 0 < found.above_zero < 1


@pytest.mark.parametrize("dispersion", [1.0, 0.25])
def test_normal_times_normal_is_normal(dispersion):
    _, line = fitted("squared", sh.L2(9.0), [0])
    found = geometry.conditional(line, dispersion)
    assert np.isclose(found.mean, found.mode, rtol=1e-9)
    assert np.isclose(found.sd, np.sqrt(dispersion / (float(line.hessian[0, 0]) + 9.0)), rtol=1e-9)
    gauss = -((found.grid - found.mean) ** 2) / 2 / found.sd**2 - np.log(found.sd * np.sqrt(2 * np.pi))
    assert np.allclose(found.log_posterior, gauss, atol=1e-8)
    prior = -(found.grid**2) * 9 / 2 / dispersion + np.log(9 / dispersion / 2 / np.pi) / 2
    assert np.allclose(found.log_prior, prior, atol=1e-8)


# ---- what is refused


def test_what_is_no_fit_of_these_data_is_refused():
    X, y = data("squared")
    fit = sh.solve(X, y, sh.SquaredError(), sh.L1(9.0), standardize=True)
    task = Task.read(X, y, sh.SquaredError(), sh.L1(9.0), None, None, True, False)
    for wrong in (fit.coef + 0.3, fit.coef[::-1].copy()):
        with pytest.raises(sh.DataError, match="no fit of these data"):
            Slice.of(task, wrong, fit.intercept, [0])
    with pytest.raises(sh.ParameterError, match="from 0 to 5"):
        Slice.of(task, fit.coef, fit.intercept, [0, 6])
    with pytest.raises(sh.ParameterError, match="different numbers"):
        Slice.of(task, fit.coef, fit.intercept, [1, 1])
    with pytest.raises(sh.DataError, match="4 coefficients"):
        Slice.of(task, fit.coef[:4], fit.intercept, [1])


def test_data_with_a_hole_and_a_single_row_are_refused_by_name():
    X, y = data("squared")
    task = Task.read(X, y, sh.SquaredError(), sh.L1(9.0), None, None, True, False)
    fit = sh.solve(X, y, task.loss, task.penalty)
    hole = X.copy()
    hole[3, 2] = np.nan
    for standardize in (False, True):
        holed = Task.read(hole, y, task.loss, task.penalty, None, None, True, standardize)
        with pytest.raises(sh.DataError, match="X contains NaN: column 2"):
            Slice.of(holed, fit.coef, fit.intercept, [0, 1])
    single = Task.read(X[:1], y[:1], task.loss, task.penalty, None, None, True, False)
    with pytest.raises(sh.DataError, match="no fit of these data"):
        Slice.of(single, fit.coef, fit.intercept, [0, 1])


def test_a_posterior_without_an_integral_is_refused():
    X, y = data("squared")
    task = Task.read(np.column_stack([X, np.zeros(70)]), y, sh.SquaredError(), sh.MCP(9.0), None, None, True, False)
    fit = sh.solve(task.design, y, sh.SquaredError(), sh.MCP(9.0))  # the last column says nothing, and MCP is flat far out
    with pytest.raises(sh.ParameterError, match="no finite integral"):
        geometry.conditional(Slice.of(task, fit.coef, fit.intercept, [6]))
