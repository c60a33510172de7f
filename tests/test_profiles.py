"""What the pictures of two coefficients draw where the others are fitted again: the profiled contour touches the ball too."""

import numpy as np
import pytest

import shrinkage as sh
from shrinkage import geometry
from shrinkage.fit import Task
from shrinkage.profiles import Profile
from tests.test_geometry import CONCAVE, LOSSES, PAIRS, SHAPES, STRENGTHS, P, Strange, data

SPLIT = [case for case in SHAPES if case.name != "one group"]
QUIET = pytest.mark.filterwarnings("ignore::shrinkage.errors.ConvergenceWarning")  # 1e-13 is beyond some


def profiled(loss, penalty, pair, standardize=False, weights=None, intercept=True):
    X, y = data(loss)
    fit = sh.solve(
        X, y, LOSSES[loss], penalty, tol=1e-13, standardize=standardize, weights=weights, intercept=intercept, max_iter=20000
    )
    task = Task.read(X, y, LOSSES[loss], penalty, weights, None, intercept, standardize)
    return fit, Profile.of(task, fit.coef, fit.intercept, pair)


def around(plane):
    """Nine points, as far from the fit as the largest coefficient is from zero; the fit in their middle."""
    steps = np.stack(np.meshgrid([-0.6, 0.0, 0.9], [-0.8, 0.0, 0.5]), axis=-1)
    return plane.at + steps * max(np.abs(plane.coef).max(), 0.1)


@QUIET
@pytest.mark.parametrize("pair", PAIRS[:2], ids=str)
@pytest.mark.parametrize("case", SPLIT, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_profiled_contour_touches_the_ball_at_the_fit(loss, case, pair):
    """Its gradient there is the held loss's, minus which supports the ball; and nowhere is it above the held loss."""
    _, profile = profiled(loss, STRENGTHS[loss] * case.make(P), pair)
    plane = profile.plane
    pull = -profile.gradient_at(plane.at)
    size = np.hypot(*pull)
    assert np.allclose(pull, -plane.gradient, atol=1e-6 * size)
    edge = geometry.ball(plane, 10 * (np.abs(plane.at).max() + 1))
    assert np.max((edge - plane.at) @ pull) <= 1e-6 * size * np.abs(edge).max()
    points = around(plane)
    held, found = plane.loss_above(points), profile.loss_above(points)
    assert found[1, 1] == 0 and np.all(found <= held + 1e-9 * np.abs(held).max())
    assert np.min(found - held) < -0.1 * np.abs(held).max()  # the columns are correlated: the others take over


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_it_is_the_least_of_loss_and_penalty(loss, intercept, standardize):
    """Against the whole problem with the two pinned by bounds, their own penalty taken off."""
    X, y = data(loss)
    strength, weights = STRENGTHS[loss] * np.linspace(0.5, 1.5, P), 1.0 + np.arange(len(y)) % 3
    _, profile = profiled(loss, sh.L1(strength), (0, 3), standardize, weights, intercept)
    plane = profile.plane
    points = around(plane).reshape(-1, 2)
    values = []
    for point in points:
        low, high = np.full(P, -np.inf), np.full(P, np.inf)
        low[[0, 3]] = high[[0, 3]] = point
        own = np.where(np.isin(np.arange(P), [0, 3]), 0.0, strength)
        pinned = sh.L1(own) + sh.Box(low, high)
        fit = sh.solve(
            X, y, LOSSES[loss], pinned, weights=weights, tol=1e-12, intercept=intercept, standardize=standardize, max_iter=20000
        )
        values.append(fit.objective)
    assert np.allclose(profile.loss_above(points), np.array(values) - values[4], rtol=1e-6, atol=1e-6 * np.ptp(values))


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_gradient_is_that_of_the_value(loss):
    _, profile = profiled(loss, sh.L1(STRENGTHS[loss]), (0, 1))
    point = profile.plane.at + [0.13, -0.21]
    h = 1e-4
    ends = np.array([[point + h * e, point - h * e] for e in np.eye(2)])
    slopes = -np.diff(profile.loss_above(ends), axis=1)[:, 0] / (2 * h)
    assert np.allclose(profile.gradient_at(point), slopes, rtol=1e-4, atol=1e-4 * np.hypot(*slopes))


@pytest.mark.parametrize("case", SPLIT, ids=str)
@pytest.mark.parametrize("loss", ["squared", "huber", "poisson"])
def test_the_free_minimum_is_where_it_is_flat(loss, case):
    _, profile = profiled(loss, STRENGTHS[loss] * case.make(P), (1, 2))
    pull = profile.gradient_at(profile.free_minimum())
    assert np.abs(pull).max() < 1e-4 * np.abs(profile.plane.gradient).max()


def test_the_others_of_a_group_are_held_with_the_ball():
    """The chosen two are in the groups (0, 1) and (2, 3): only 4 and 5 move."""
    _, profile = profiled("squared", 9.0 * sh.Grouped(sh.L1(1.2), np.arange(P) // 2), (1, 2))
    assert profile.others.task.design.shape[1] == 2
    X, _ = data("squared")
    assert np.array_equal(np.asarray(profile.others.task.design.data), X[:, 4:])


def test_what_cannot_be_profiled_is_refused():
    with pytest.raises(sh.ParameterError, match="not convex"):
        profiled("squared", 70 * CONCAVE[0].make(P), (0, 3))
    with pytest.raises(sh.ParameterError, match="No coefficient is left"):
        profiled("squared", 9.0 * sh.Grouped(sh.L1(1.2), np.zeros(P, int)), (0, 1))


@QUIET
def test_a_strangers_penalty_cannot_be_split():
    with pytest.raises(sh.ParameterError, match="cannot be split"):
        profiled("squared", 30 * Strange(), (0, 1))
