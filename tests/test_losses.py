"""What every loss must keep, over the list: derivatives, the conjugate, the likelihood, weights, the null model, units."""

import dataclasses
import math
import pickle
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

import shrinkage as sh
from shrinkage.domains import INNER_UNIT, NON_NEGATIVE, POSITIVE, REAL, UNIT, Interval
from shrinkage.losses import LOSSES_BY_NAME, SYNONYMS, Loss, loss_from_word
from shrinkage.losses.base import divergence, weighted_quantile
from tests.battery_losses import LOSSES

ROWS = [case for case in LOSSES if case.loss.separable]
SMOOTH = [case for case in ROWS if case.loss.smooth]
REGRESSIONS = [case for case in LOSSES if case.loss.equivariant]
over = pytest.mark.parametrize
WEIGHTS = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 0.5, 1.0])


def slope(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


# ---- derivatives and convexity


@over("case", ROWS, ids=str)
def test_gradient_is_the_derivative(case):
    np.testing.assert_allclose(
        case.loss.gradient(case.y, case.eta), slope(lambda e: case.loss.value(case.y, e), case.eta), atol=1e-8
    )


@over("case", ROWS, ids=str)
def test_curvature_is_the_second_derivative_and_bounded(case):
    h = case.loss.curvature(case.y, case.eta)
    np.testing.assert_allclose(h, slope(lambda e: case.loss.gradient(case.y, e), case.eta), atol=1e-8)
    assert np.all(h >= 0) and np.all(h <= case.loss.curvature_bound)
    assert h.shape == case.eta.shape


@over("case", LOSSES, ids=str)
@over("weights", [None, WEIGHTS], ids=["no weights", "weights"])
def test_total_gradient_is_the_derivative_of_the_total(case, weights):
    found = case.loss.total_gradient(case.y, case.eta, weights)
    steps = np.eye(len(case.y))
    numeric = [slope(lambda h, e=e: case.loss.total(case.y, case.eta + h * e, weights), 0.0) for e in steps]
    np.testing.assert_allclose(found, numeric, atol=1e-7)


@over("case", LOSSES, ids=str)
@given(data=st.data())
@settings(max_examples=20)
def test_total_is_convex_and_above_its_tangents(case, data):
    y = case.y
    number = st.floats(-20, 20)
    a, b = (np.array(data.draw(st.lists(number, min_size=len(y), max_size=len(y)))) for _ in range(2))
    t = data.draw(st.floats(0, 1))
    at = [float(case.loss.total(y, eta)) for eta in (a, b, t * a + (1 - t) * b)]
    slack = 1e-12 * (1 + abs(at[0]) + abs(at[1]))
    assert at[2] <= t * at[0] + (1 - t) * at[1] + slack
    tangent = at[0] + float(case.loss.total_gradient(y, a) @ (b - a))
    assert at[1] >= tangent - 1e-12 * (1 + abs(at[0]) + np.abs(case.loss.total_gradient(y, a)) @ np.abs(b - a))


# ---- the conjugate


@over("case", LOSSES, ids=str)
@given(data=st.data())
@settings(max_examples=25)
def test_fenchel_young_is_not_negative_and_zero_at_the_gradient(case, data):
    y, n = case.y, len(case.y)
    draw = st.lists(st.floats(-30, 30), min_size=n, max_size=n)
    eta, other, k = np.array(data.draw(draw)), np.array(data.draw(draw)), data.draw(st.floats(0, 1))
    u = case.loss.total_gradient(y, eta, WEIGHTS)
    assert 0 <= case.loss.total_fenchel_young(y, eta, u, WEIGHTS) <= 1e-12 * (1 + float(case.loss.total(y, eta, WEIGHTS)))
    gap = case.loss.total_fenchel_young(y, other, k * u, WEIGHTS)
    assert 0 <= gap < np.inf  # the domain of the conjugate is convex and holds 0 and every gradient
    assert case.loss.total_fenchel_young(y, eta, 0 * u, WEIGHTS) == pytest.approx(
        float(case.loss.total(y, eta, WEIGHTS) - case.loss.total_saturated(y, WEIGHTS)), rel=1e-12, abs=1e-12
    )


@over("case", ROWS, ids=str)
@over("k", [0.0, 0.5, 0.999, 1.0])
def test_fenchel_young_is_the_loss_plus_its_conjugate(case, k):
    y, at = case.y, case.eta
    u = k * case.loss.gradient(y, at)
    grid = np.linspace(-60, 60, 240_001)
    for i in range(len(y)):
        conjugate = np.max(u[i] * grid - case.loss.value(y[i], grid))
        for eta in (-1.3, 0.2, 4.0):
            here = case.loss.value(y[i], np.array(eta)) + conjugate - u[i] * eta
            found = case.loss.fenchel_young(y[i : i + 1], np.array([eta]), u[i : i + 1])[0]
            assert found == pytest.approx(here, abs=2e-6)


@over("case", ROWS, ids=str)
def test_fenchel_young_is_infinite_outside_the_conjugates_domain(case):
    """Slopes the loss never has: those beyond its gradients at the two ends."""
    far = np.full(len(case.y), 1e6)
    low, high = case.loss.gradient(case.y, -far), case.loss.gradient(case.y, far)
    for edge, sign in ((low, -1), (high, 1)):
        if np.all(np.abs(edge) < 1e3):  # else: the slopes have no bound on this side
            beyond = edge + sign * 1e-9
            assert np.all(np.isinf(case.loss.fenchel_young(case.y, case.eta, beyond)))
            rounding = edge * (1 + 2e-16)
            assert np.all(np.isfinite(case.loss.fenchel_young(case.y, case.eta, rounding)))


@over("case", LOSSES, ids=str)
def test_a_dual_value_on_a_row_that_is_not_there_is_infeasible(case):
    u = case.loss.total_gradient(case.y, case.eta, WEIGHTS)
    assert u[2] == 0
    u[2] = 0.1
    assert case.loss.total_fenchel_young(case.y, case.eta, u, WEIGHTS) == np.inf


@over("case", SMOOTH, ids=str)
@over("d", [1e-3, 1e-6, 1e-9, 1e-12])
def test_fenchel_young_keeps_its_digits_near_zero(case, d):
    """u = (1 + d) l'(eta): the term is l*'' (d l')^2 / 2 = (d l')^2 / (2 curvature) to first order, however small."""
    y, eta = case.y, case.eta
    g, h = case.loss.gradient(y, eta), case.loss.curvature(y, eta)
    inside = h > 0
    if isinstance(case.loss, sh.Huber):  # the edge of the domain is no place to go on
        inside &= np.abs(g) < 0.9 * case.loss.delta / case.loss.sigma
    found = case.loss.fenchel_young(y, eta, g * (1 - d))[inside]
    np.testing.assert_allclose(found, ((d * g) ** 2 / 2 / np.where(h > 0, h, 1))[inside], rtol=max(10 * d, 1e-3))


@over("t", [1e-8, 1e-4, 3e-3, 0.00999, 0.0101, 0.3, -1e-4, -0.00999, -0.5, -1.0, 50.0])
def test_divergence_is_right_to_the_last_digits(t):
    """mu ((1 + t) log(1 + t) - t) with q = mu (1 + t), against decimals."""
    mu, one = 3.0, Decimal(1)
    with localcontext(prec=60):
        x = Decimal(t)
        known = float(3 * ((one + x) * (one + x).ln() - x)) if t > -1 else 3.0
    found = divergence(np.array([mu * (1 + t)]), np.array([mu]), np.array([np.log(mu)]), np.array([mu * t]))[0]
    assert found == pytest.approx(known, rel=1e-14 if abs(t) < 0.01 else 1e-11)


def test_root_fenchel_young_is_infinite_outside_the_ball():
    loss, y, eta = sh.RootSquaredError(2.0), np.array([1.0, 2.0, 4.0]), np.zeros(3)
    weights = np.array([1.0, 4.0, 0.25])
    edge = np.array([0.3, -0.9, 0.1])
    edge /= 2.0 * np.sqrt(np.sum(edge**2 / weights))
    r = y - eta
    root = np.sqrt(np.sum(weights * r**2)) / 2.0
    assert loss.total_fenchel_young(y, eta, edge, weights) == pytest.approx(root + edge @ r, rel=1e-12)
    assert loss.total_fenchel_young(y, eta, edge * (1 + 1e-9), weights) == np.inf
    assert loss.total_fenchel_young(y, y, edge, weights) == 0


@over("case", ROWS, ids=str)
def test_saturated_is_the_minimum(case):
    grid = np.linspace(-40, 40, 80_001)
    least = np.array([np.min(case.loss.value(y, grid)) for y in case.y])
    np.testing.assert_allclose(case.loss.saturated(case.y), least, atol=1e-6)


# ---- the likelihood


@over("case", LOSSES, ids=str)
def test_likelihoods_are_named(case):
    assert case.loss.likelihood and LOSSES_BY_NAME[case.loss.name] is type(case.loss)


@over("eta", [-0.7, 1.4])
@over("case", ROWS, ids=str)
def test_density_integrates_to_one(case, eta):
    def density(y):
        return np.exp(case.loss.log_density(np.asarray(y, float), np.full(np.shape(y), eta)))

    if case.loss.domain == UNIT or case.loss.name == "logistic":
        total = density(np.array([0.0, 1.0])).sum()
    elif case.loss.name == "poisson":
        total = density(np.arange(100.0)).sum()
    else:
        pieces = [(-np.inf, eta - 2), (eta - 2, eta), (eta, eta + 2), (eta + 2, np.inf)]
        total = sum(integrate.quad(density, *ends)[0] for ends in pieces)
    assert total == pytest.approx(1, abs=1e-7)


@over("n", [1, 2, 3, 7])
def test_root_density_integrates_to_one_over_its_radius(n):
    """The density depends on the radius alone: its integral times the area of the sphere is 1."""
    loss = sh.RootSquaredError(1.5)
    eta = np.zeros(n)
    area = 2 * math.pi ** (n / 2) / math.gamma(n / 2)
    direction = np.eye(n)[0]

    def shell(radius):
        return area * radius ** (n - 1) * math.exp(loss.log_likelihood(radius * direction, eta))

    assert integrate.quad(shell, 0, np.inf)[0] == pytest.approx(1, rel=1e-8)


def test_root_likelihood_of_one_row_is_laplace():
    y, eta = np.array([0.3]), np.array([1.1])
    assert sh.RootSquaredError(0.7).log_likelihood(y, eta) == pytest.approx(float(sh.AbsoluteError(0.7).log_likelihood(y, eta)))


@over(
    "loss, known",
    [
        (sh.SquaredError(1.3), stats.norm(0.5, 1.3).logpdf),
        (sh.AbsoluteError(0.7), stats.laplace(0.5, 0.7).logpdf),
        (sh.Poisson(), stats.poisson(math.exp(0.5)).logpmf),
        (sh.Logistic(), stats.bernoulli(1 / (1 + math.exp(-0.5))).logpmf),
    ],
    ids=lambda x: x.name if isinstance(x, sh.Loss) else "",
)
def test_log_density_is_scipys(loss, known):
    y = np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(loss.log_density(y, np.full(4, 0.5)), known(y), rtol=1e-13)


@over("case", [case for case in ROWS if case.loss.equivariant], ids=str)
def test_samples_follow_the_density(case):
    eta = 0.4
    drawn = case.loss.sample(np.full(4000, eta), 1)
    grid = np.concatenate([np.linspace(-60, eta, 40_001), np.linspace(eta, 60, 40_001)[1:]])
    cdf = integrate.cumulative_simpson(np.exp(case.loss.log_density(grid, np.full_like(grid, eta))), x=grid, initial=0)
    assert stats.kstest(drawn, lambda x: np.interp(x, grid, cdf)).pvalue > 0.01


@over("name", ["logistic", "poisson"])
def test_samples_have_the_mean(name):
    loss = loss_from_word(name)
    eta = np.repeat([-1.0, 0.3, 1.2], 20_000)
    drawn = loss.sample(eta, np.random.default_rng(2)).reshape(3, -1)
    np.testing.assert_allclose(drawn.mean(axis=1), loss.mean(eta[::20_000]), atol=0.04)
    loss.domain.check(drawn.ravel())


def test_root_samples_are_spherical_laplace():
    loss, n, rng = sh.RootSquaredError(1.5), 5, np.random.default_rng(3)
    drawn = np.array([loss.sample(np.ones(n), rng) for _ in range(4000)]) - 1
    radius = np.linalg.norm(drawn, axis=1)
    assert stats.kstest(radius, stats.gamma(n, scale=1.5).cdf).pvalue > 0.01
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.2)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(n)).max() < 0.1


def test_quantile_loss_is_about_the_quantile():
    loss, eta = sh.Quantile(0.8, 1.2), np.full(20_000, 0.5)
    y = loss.sample(eta, 4)
    assert np.mean(y < 0.5) == pytest.approx(0.8, abs=0.01)
    assert y.mean() == pytest.approx(0.5 + 1.2 * (1 - 1.6) / 0.16, abs=0.2)
    assert np.all(loss.mean(eta) == eta)


@over("case", LOSSES, ids=str)
def test_sampling_is_repeatable_and_keeps_its_shape(case):
    first, again = (case.loss.sample(case.eta, 7) for _ in range(2))
    assert first.shape == case.eta.shape and first.dtype == np.float64 and np.array_equal(first, again)
    assert not np.array_equal(first, case.loss.sample(case.eta, 8))


# ---- weights


def totals(loss, y, eta, weights):
    u = loss.total_gradient(y, eta, weights)
    return [
        loss.total(y, eta, weights), loss.total_saturated(y, weights), loss.total_log_normalizer(y, weights),
        loss.log_likelihood(y, eta, weights), loss.total_fenchel_young(y, eta + 0.1, 0.9 * u, weights), loss.null(y, weights),
        loss.null(y, weights, eta),
    ]  # fmt: skip


@over("case", LOSSES, ids=str)
def test_a_whole_weight_is_a_repeated_row(case):
    whole = np.array([1, 2, 0, 3, 1, 1, 2])
    y, eta = case.y, case.eta
    many = totals(case.loss, np.repeat(y, whole), np.repeat(eta, whole), None)
    np.testing.assert_allclose(totals(case.loss, y, eta, whole), many, rtol=1e-10)


@over("case", LOSSES, ids=str)
@over("ghost", [np.nan, np.inf, 1e300])
def test_a_row_of_weight_zero_is_not_there_whatever_it_holds(case, ghost):
    y, eta = np.append(case.y, ghost), np.append(case.eta, ghost)
    weights = np.append(WEIGHTS, 0.0)
    np.testing.assert_allclose(totals(case.loss, y, eta, weights), totals(case.loss, case.y, case.eta, WEIGHTS), rtol=1e-13)
    assert case.loss.total_gradient(y, eta, weights)[-1] == 0


# ---- the null model


@over("case", LOSSES, ids=str)
@over("weights", [None, WEIGHTS], ids=["no weights", "weights"])
@over("offset", [None, "offset"])
def test_null_is_the_best_intercept(case, weights, offset):
    offset = None if offset is None else case.eta
    b = case.loss.null(case.y, weights, offset)
    shift = 0.0 if offset is None else offset

    def f(b):
        return float(case.loss.total(case.y, shift + b + 0 * case.y, weights))

    best = optimize.minimize_scalar(f, bounds=(-8, 8), method="bounded", options={"xatol": 1e-12})
    assert isinstance(b, float)
    assert f(b) <= best.fun + 1e-12 * abs(best.fun)
    if case.loss.smooth:
        pull = case.loss.total_gradient(case.y, shift + b + 0 * case.y, weights)
        assert abs(pull.sum()) <= 1e-14 * np.abs(pull).sum()


def test_null_at_extremes():
    big = np.array([1e308, -1e308, 1e308])
    for loss in (sh.SquaredError(), sh.RootSquaredError(), sh.AbsoluteError(), sh.Huber(sigma=1e307)):
        assert np.isfinite(loss.null(big))
        assert loss.null(np.full(7, 0.1)) == 0.1
        assert loss.null(np.array([5.0])) == 5.0
    assert sh.SquaredError().null(np.array([1.0, 3.0]), np.array([1e308, 1e308])) == 2
    assert sh.Huber(sigma=1e-3).null(np.array([0.0, 0.0, 0.0, 1.0, 1e300])) == pytest.approx(0, abs=1e-2)
    assert sh.Poisson().null(np.array([1e300])) == pytest.approx(np.log(1e300))
    assert sh.Poisson().null(np.array([2.0, 4.0]), None, np.array([900.0, 900.0])) == pytest.approx(np.log(3) - 900)
    assert sh.Logistic().null(np.array([0.0, 1.0]), None, np.array([500.0, -500.0])) == pytest.approx(0, abs=1e-9)
    assert sh.Logistic().null(np.array([0.0, 1.0]), None, np.array([1e5, 1e5])) == pytest.approx(-1e5)


def test_null_where_the_likelihood_has_no_maximum_is_finite():
    for y, sign in ((np.zeros(4), -1), (np.ones(4), 1)):
        assert sh.Logistic().null(y) == sign * 36
        b = sh.Logistic().null(y, None, np.array([-3.0, 0, 2, 9]))
        np.testing.assert_array_less(np.abs(sh.Logistic().mean(np.array([-3.0, 0, 2, 9]) + b) - y), 2**-51)
    assert sh.Poisson().null(np.zeros(3), None, np.array([0.0, 5, 7])) == -43


@over("q, middle", [(0.5, 2.5), (0.25, 1.5), (0.9, 4.0), (0.1, 1.0)])
def test_weighted_quantile_takes_the_middle_of_what_is_flat(q, middle):
    assert weighted_quantile(np.array([3.0, 1, 4, 2]), np.ones(4), q) == middle
    assert weighted_quantile(np.array([3.0, 1, 4, 2]), np.full(4, 0.1), q) == middle


# ---- units


@over("case", REGRESSIONS, ids=str)
@over("m", [-40, -1, 0, 3, 60])
def test_rescale_is_exact(case, m):
    y, eta = case.y, case.eta
    other, e = case.loss.rescale(m)
    there = other.total(np.ldexp(y, -m), np.ldexp(eta, -m), WEIGHTS)
    assert float(case.loss.total(y, eta, WEIGHTS)) == np.ldexp(float(there), e)
    gradient = other.total_gradient(np.ldexp(y, -m), np.ldexp(eta, -m), WEIGHTS)
    np.testing.assert_array_equal(case.loss.total_gradient(y, eta, WEIGHTS), np.ldexp(gradient, e - m))
    if case.loss.separable:
        np.testing.assert_array_equal(case.loss.value(y, eta), np.ldexp(other.value(np.ldexp(y, -m), np.ldexp(eta, -m)), e))
    assert case.loss.null(y, WEIGHTS) == np.ldexp(other.null(np.ldexp(y, -m), WEIGHTS), m)


@over("case", REGRESSIONS, ids=str)
def test_equivariant_losses_see_the_residual(case):
    assert float(case.loss.total(case.y + 8, case.eta + 8)) == pytest.approx(float(case.loss.total(case.y, case.eta)), rel=1e-14)
    assert np.all(case.loss.mean(case.eta) == case.eta)
    assert float(case.loss.total(case.y, case.y)) == 0 == float(np.sum(case.loss.total_saturated(case.y)))


@over("case", [case for case in LOSSES if not case.loss.equivariant], ids=str)
def test_a_loss_in_fixed_units_refuses_others(case):
    assert case.loss.rescale(0) == (case.loss, 0)
    with pytest.raises(sh.ParameterError, match="units"):
        case.loss.rescale(1)


def test_unit_deviance_is_in_the_targets_units():
    y, eta = np.array([1.0, -2.0, 0.3]), np.array([0.5, 1.0, 0.2])
    r = y - eta
    known = {
        sh.SquaredError(1.3): r**2,
        sh.RootSquaredError(0.4): r**2,
        sh.AbsoluteError(0.7): np.abs(r),
        sh.Quantile(0.8, 1.2): np.maximum(0.8 * r, -0.2 * r),
        sh.Huber(10.0, 0.6): r**2,
        sh.Huber(1.0, 1.0): np.where(np.abs(r) <= 1, r**2, 2 * np.abs(r) - 1),
    }
    for loss, error in known.items():
        np.testing.assert_allclose(loss.unit_deviance(y, eta), error, rtol=1e-14)


@over("case", SMOOTH, ids=str)
def test_unit_deviance_of_a_likelihood_is_twice_what_it_lost(case):
    lost = case.loss.value(case.y, case.eta) - case.loss.saturated(case.y)
    np.testing.assert_allclose(case.loss.unit_deviance(case.y, case.eta), case.loss.deviance_unit * lost, rtol=1e-10)


# ---- extremes


@over("case", LOSSES, ids=str)
@over("eta", [1e3, -1e3, 1e300, -1e300, 745.0, -745.0, 0.0])
def test_extreme_predictors_give_numbers_or_infinity_and_no_warning(case, eta):
    y, eta = case.y, np.full(len(case.y), eta)
    total, gradient = case.loss.total(y, eta, WEIGHTS), case.loss.total_gradient(y, eta, WEIGHTS)
    assert not np.isnan(total) and total >= case.loss.total_saturated(y, WEIGHTS) - 1e-12
    assert not np.isnan(gradient).any()
    assert not np.isnan(case.loss.unit_deviance(y, eta)).any() and not np.isnan(case.loss.mean(eta)).any()
    if case.loss.separable:
        assert not np.isnan(case.loss.curvature(y, eta)).any()
    if np.all(np.isfinite(gradient)) and np.isfinite(total):
        assert case.loss.total_fenchel_young(y, eta, gradient, WEIGHTS) >= 0


def test_logistic_keeps_the_digits_of_a_sure_prediction():
    loss, eta, y = sh.Logistic(), np.array([40.0, -40.0]), np.array([1.0, 0.0])
    np.testing.assert_allclose(loss.value(y, eta), np.exp(-40), rtol=1e-14)
    np.testing.assert_allclose(loss.gradient(y, eta), [-np.exp(-40), np.exp(-40)], rtol=1e-14)


def test_warnings_settings_are_restored_where_calls_nest():
    before = np.geterr()
    sh.Poisson().total(np.ones(2), np.array([1e3, 0.0]))
    assert np.geterr() == before


@over("r", [1e-300, 1e300])
def test_root_squared_error_does_not_square_out_of_range(r):
    loss, y = sh.RootSquaredError(), np.array([3.0, 4.0]) * r
    assert loss.total(y, np.zeros(2)) == pytest.approx(5 * r)
    np.testing.assert_allclose(loss.total_gradient(y, np.zeros(2)), [-0.6, -0.8])


def test_root_squared_error_at_a_perfect_fit_and_per_row():
    loss, y = sh.RootSquaredError(), np.array([1.0, 2.0])
    assert loss.total(y, y) == 0 and np.array_equal(loss.total_gradient(y, y), [0, 0])
    for method in ("value", "gradient", "curvature"):
        with pytest.raises(TypeError, match="not a sum over rows"):
            getattr(loss, method)(y, y)


def test_pivotal_strength_covers_the_gradient_at_the_truth():
    """At the true coefficients the gradient is X'e / ||e||: c = 1 exceeds its largest entry with probability 0.95."""
    loss, n, p, rng = sh.RootSquaredError(), 200, 30, np.random.default_rng(5)
    X = rng.standard_normal((n, p))
    X = (X - X.mean(0)) / X.std(0)
    e = rng.standard_normal((n, 2000)) * 17.0
    largest = np.abs(X.T @ e / np.linalg.norm(e, axis=0)).max(axis=0)
    strength = loss.pivotal_strength(p, c=1.0)
    assert strength == pytest.approx(stats.norm.isf(0.05 / (2 * p)))
    assert np.mean(largest <= strength) == pytest.approx(0.95, abs=0.02)
    assert loss.pivotal_strength(p) == pytest.approx(1.1 * strength)
    assert sh.RootSquaredError(2.0).pivotal_strength(p) == pytest.approx(1.1 * strength / 2)
    with pytest.raises(sh.ParameterError, match="level"):
        loss.pivotal_strength(p, level=1.5)


# ---- domains, parameters, words


@over("case", LOSSES, ids=str)
def test_targets_outside_the_domain_are_named(case):
    case.loss.domain.check(case.y)
    for bad in (np.nan, np.inf, -np.inf, case.outside):
        if bad is None:
            continue
        y = case.y.copy()
        y[3] = y[5] = bad
        with pytest.raises(
            sh.DataError, match=rf"^y must be .*: 2 of 7 entries are not, the first in row 3, which holds {bad:g}\. \w+"
        ):
            case.loss.domain.check(y)


def test_domains_describe_themselves():
    words = {
        REAL: "finite",
        POSITIVE: "finite and > 0",
        NON_NEGATIVE: "finite and >= 0",
        UNIT: "in [0, 1]",
        INNER_UNIT: "in (0, 1)",
    }
    words[Interval(high=2.0, has_high=False)] = "finite and < 2"
    for domain, said in words.items():
        assert str(domain) == said
    assert list(UNIT.contains(np.array([0.0, 1.0, -0.1, 1.1, np.nan]))) == [True, True, False, False, False]
    assert list(INNER_UNIT.contains(np.array([0.0, 1.0, 0.5]))) == [False, False, True]
    with pytest.raises(sh.DataError, match="1 of 3 entries is not, the first in row 1"):
        NON_NEGATIVE.check([1, -1, 2], "counts")


PARAMETERS = [(type(case.loss), field.name) for case in LOSSES for field in dataclasses.fields(case.loss)]


@over("make, field", PARAMETERS)
@over("bad", [0.0, -1.0, np.nan, np.inf, "1", None, True, np.ones(2)], ids=str)
def test_bad_parameters_are_refused(make, field, bad):
    with pytest.raises(sh.ParameterError, match=rf"{make.__name__}\({field}=\.\.\.\) must be a number"):
        make(**{field: bad})


def test_parameters_become_floats_and_q_is_a_share():
    assert type(sh.SquaredError(np.float32(2)).sigma) is float and sh.SquaredError(2) == sh.SquaredError(2.0)
    with pytest.raises(sh.ParameterError, match=r"in \(0, 1\)"):
        sh.Quantile(1.0)


@over("case", LOSSES, ids=str)
def test_losses_are_values(case):
    again = pickle.loads(pickle.dumps(case.loss))
    assert again == case.loss and hash(again) == hash(case.loss)
    assert eval(repr(case.loss), vars(sh) | {type(case.loss).__name__: type(case.loss)}) == case.loss
    for field in dataclasses.fields(case.loss):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(case.loss, field.name, 2.0)


@over("case", LOSSES, ids=str)
def test_words(case):
    parameters = {field.name: getattr(case.loss, field.name) for field in dataclasses.fields(case.loss)}
    for word in (
        case.loss.name,
        case.loss.name.upper().replace("_", "-"),
        *(s for s, n in SYNONYMS.items() if n == case.loss.name),
    ):
        assert loss_from_word(word, **parameters) == case.loss
    with pytest.raises(sh.ParameterError, match="no parameter 'slope'"):
        loss_from_word(case.loss.name, slope=1.0)


def test_unknown_words_meet_a_suggestion():
    with pytest.raises(sh.ParameterError, match="Did you mean 'poisson'"):
        loss_from_word("poison")
    with pytest.raises(sh.ParameterError, match="Known are: squared_error"):
        loss_from_word("zzz")
    assert sh.Gaussian is sh.SquaredError and sh.Bernoulli is sh.Logistic


# ---- identities between losses


def test_huber_lies_between_squares_and_absolute_values():
    y, eta = np.array([1.0, -2.0, 0.3, 7.0]), np.zeros(4)
    np.testing.assert_allclose(sh.Huber(100.0, 1.3).value(y, eta), sh.SquaredError(1.3).value(y, eta))
    np.testing.assert_allclose(sh.Huber(1e-9, 0.7).value(y, eta) / 1e-9, sh.AbsoluteError(0.7).value(y, eta), rtol=1e-8)


def test_the_median_is_the_half_quantile():
    y, eta = np.array([1.0, -2.0, 0.3, 7.0]), np.zeros(4)
    np.testing.assert_allclose(sh.Quantile(0.5, 0.35).log_density(y, eta), sh.AbsoluteError(0.7).log_density(y, eta))


@over("case", [case for case in ROWS if not case.loss.smooth], ids=str)
def test_prox_minimises(case):
    y, eta, step = case.y, case.eta, 0.8
    grid = np.linspace(-10, 10, 200_001)
    best = [grid[np.argmin(step * case.loss.value(a, grid) + (grid - b) ** 2 / 2)] for a, b in zip(y, eta, strict=True)]
    np.testing.assert_allclose(case.loss.prox(y, eta, step), best, atol=1e-4)


# ---- a stranger's loss, and other arrays


@dataclasses.dataclass(frozen=True)
class LogCosh(Loss):
    """log cosh(y - eta): what the least a stranger must state is enough for."""

    name = "log_cosh"
    equivariant = True

    def value(self, y, eta):
        return np.logaddexp(y - eta, eta - y) - np.log(2)

    def gradient(self, y, eta):
        return np.tanh(eta - y)

    def curvature(self, y, eta):
        return 1 - np.tanh(eta - y) ** 2

    def mean(self, eta):
        return eta

    def saturated(self, y):
        return 0 * y


def test_a_strangers_loss_gets_the_rest():
    loss, y, eta = LogCosh(), LOSSES[0].y, LOSSES[0].eta
    b = loss.null(y, WEIGHTS, eta)
    assert abs(np.sum(WEIGHTS * loss.gradient(y, eta + b))) < 1e-13
    assert loss.total(y, eta, WEIGHTS) == pytest.approx(WEIGHTS @ loss.value(y, eta))
    np.testing.assert_allclose(loss.unit_deviance(y, eta), 2 * loss.value(y, eta))
    for ask in (lambda: loss.log_density(y, eta), lambda: loss.sample(eta), lambda: loss.fenchel_young(y, eta, y)):
        with pytest.raises(sh.ParameterError, match="LogCosh"):
            ask()


@over("case", ROWS, ids=str)
@over("dtype", ["float32", "float64"])
def test_torch_tensors_give_numpys_numbers(case, dtype):
    torch = pytest.importorskip("torch")
    y, eta = case.y.astype(dtype), case.eta.astype(dtype)
    ty, te = torch.from_numpy(y), torch.from_numpy(eta)
    for method in ("value", "gradient", "curvature", "total", "total_gradient"):
        here, there = getattr(case.loss, method)(y, eta), getattr(case.loss, method)(ty, te)
        assert here.dtype == dtype and there.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(there.numpy(), here, rtol=1e-5 if dtype == "float32" else 1e-13)
    np.testing.assert_allclose(case.loss.mean(te).numpy(), case.loss.mean(eta), rtol=1e-5)
    te.requires_grad_()
    case.loss.total(ty, te).backward()
    np.testing.assert_allclose(te.grad.numpy(), case.loss.gradient(y, eta), rtol=1e-4, atol=1e-6)


def test_root_squared_error_takes_torch_tensors():
    torch = pytest.importorskip("torch")
    loss, y, eta = sh.RootSquaredError(1.5), LOSSES[0].y, LOSSES[0].eta
    te = torch.from_numpy(eta).requires_grad_()
    total = loss.total(torch.from_numpy(y), te, torch.from_numpy(WEIGHTS))
    total.backward()
    assert float(total.detach()) == pytest.approx(float(loss.total(y, eta, WEIGHTS)))
    np.testing.assert_allclose(te.grad.numpy(), loss.total_gradient(y, eta, WEIGHTS), rtol=1e-12)
