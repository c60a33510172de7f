"""Requirements of every penalty, over the list in batteries.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import shrinkage as sh
from tests.batteries import PENALTIES

P = 6
CONVEX = [c for c in PENALTIES if c.penalty.convex]
DUAL = [c for c in CONVEX if c.penalty.has_dual]
SEPARABLE = [c for c in PENALTIES if isinstance(c.penalty, sh.Separable)]
vectors = st.lists(st.floats(-4, 4), min_size=P, max_size=P).map(np.array)
steps = st.floats(0.02, 8)
every = pytest.mark.parametrize("case", PENALTIES, ids=str)


def cost(penalty, z, w, step):
    return float(penalty.value(z)) + float(np.sum((z - w) ** 2 / (2 * step)))


@every
@settings(max_examples=15)
@given(w=vectors, step=steps)
def test_no_point_is_better_than_the_prox(case, w, step):
    penalty = case.penalty
    found = penalty.prox(w, step)
    best = cost(penalty, found, w, step)
    assert np.isfinite(best)
    rng = np.random.default_rng(0)
    tries = [found + size * rng.standard_normal(P) for size in (1e-3, 1e-2, 0.1, 1.0) for _ in range(20)]
    tries += [np.zeros(P), w, found * 0.5, found * 2]
    tries += [np.where(np.arange(P) == j, 0.0, found) for j in range(P)]
    assert all(cost(penalty, z, w, step) >= best - 1e-10 * (1 + abs(best)) for z in tries)


@pytest.mark.parametrize("case", SEPARABLE, ids=str)
@settings(max_examples=10)
@given(w=vectors, step=steps)
def test_separable_prox_against_a_grid(case, w, step):
    penalty = case.penalty
    found = penalty.prox(w, step)
    grid = np.linspace(-5, 5, 2001)
    best = np.zeros(P)
    values = np.array([penalty.terms.value(np.full(P, z)) + (z - w) ** 2 / (2 * step) for z in grid])
    best = values.min(axis=0)
    here = penalty.terms.value(found) + (found - w) ** 2 / (2 * step)
    assert np.all(here <= best + 1e-9 * (1 + np.abs(best)))


@every
def test_one_step_per_coefficient(case):
    """The prox in a diagonal metric, against a generic optimiser started at it and at neighbours."""
    penalty = case.penalty
    rng = np.random.default_rng(1)
    for _ in range(5):
        w, step = 2 * rng.standard_normal(P), rng.uniform(0.05, 0.8, P)
        found = penalty.prox(w, step)
        best = cost(penalty, found, w, step)
        np.testing.assert_allclose(penalty.violation(found, (found - w) / step), 0, atol=1e-6)
        for _ in range(3):
            start = penalty.prox(found + 0.1 * rng.standard_normal(P), 1e-9)
            other = minimize(lambda z: cost(penalty, z, w, step), start, method="Nelder-Mead", options=dict(maxiter=400))  # noqa: B023
            assert other.fun >= best - 1e-7 * (1 + abs(best))


@every
@settings(max_examples=20)
@given(w=vectors, step=st.floats(0.02, 0.9))
def test_violation_is_zero_at_a_prox_and_only_there(case, w, step):
    penalty = case.penalty
    found = penalty.prox(w, step)
    pull = (found - w) / step
    np.testing.assert_allclose(penalty.violation(found, pull), 0, atol=1e-7 / step)
    moved = np.max(penalty.violation(found, pull + 100.0))
    at_bound = np.any(penalty.twin(P).terms[2] == found) or np.any(penalty.twin(P).terms[3] == found)
    assert moved > 0 or at_bound


@pytest.mark.parametrize("case", SEPARABLE, ids=str)
def test_subgradients_are_slopes(case):
    penalty, h = case.penalty, 1e-6
    for w in (-2.1, -0.35, 0.22, 0.55, 1.7, 3.3):
        point = np.full(P, w)
        value = penalty.terms.value
        if not np.all(np.isfinite(value(point + h) + value(point - h))):
            continue
        low, high = penalty.subgradient(point)
        np.testing.assert_allclose(low, (value(point + h) - value(point - h)) / (2 * h), atol=1e-5)
        np.testing.assert_array_equal(low, high)


@pytest.mark.parametrize("case", DUAL, ids=str)
@settings(max_examples=30)
@given(w=vectors, v=vectors)
def test_fenchel_young(case, w, v):
    penalty = case.penalty
    w = penalty.prox(w, 0.5)  # somewhere P is finite
    v = np.where(penalty.free(P), 0.0, v)
    v = penalty.dual_scale(v) * v
    gap = np.sum(penalty.fenchel_young(w, v))
    assert np.isfinite(gap) and gap >= 0
    rng = np.random.default_rng(0)  # P*(v) >= v.z - P(z) for every z
    conjugate = gap - float(penalty.value(w)) + v @ w
    for z in rng.standard_normal((30, P)):
        z = penalty.prox(3 * z, 0.5)
        assert conjugate >= v @ z - float(penalty.value(z)) - 1e-9 * (1 + abs(conjugate))


@pytest.mark.parametrize("case", DUAL, ids=str)
@settings(max_examples=20)
@given(x=vectors)
def test_fenchel_young_is_zero_at_a_subgradient(case, x):
    penalty = case.penalty
    w = penalty.prox(x, 1.0)
    v = np.where(penalty.free(P), 0.0, x - w)
    k = penalty.dual_scale(v)
    assert k >= 1 - 1e-12
    assert np.sum(penalty.fenchel_young(w, k * v)) <= 1e-10 * (1 + abs(float(penalty.value(w))))


@pytest.mark.parametrize("case", CONVEX, ids=str)
def test_moreau(case):
    penalty, w = case.penalty, np.linspace(-3, 3, P)
    np.testing.assert_allclose(w, penalty.prox(w, 0.7) + 0.7 * penalty.prox_conjugate(w / 0.7, 1 / 0.7), atol=1e-12)


@every
def test_rescale_is_exact(case):
    penalty, v = case.penalty, np.linspace(-0.4, 0.45, P)
    exponents = np.repeat([3, -2, 0], 2) if case.name != "one group" else np.full(P, 4)
    other = penalty.rescale(exponents, 5)
    with np.errstate(over="ignore"):
        assert float(other.value(v)) == pytest.approx(float(penalty.value(np.ldexp(v, exponents))) / 32, rel=1e-14)
    np.testing.assert_array_equal(other.rescale(-exponents, -5).twin(P).terms, penalty.twin(P).terms)
    far = penalty.rescale(np.full(P, 600), 1190)  # neither power alone is a double, the terms are
    assert not np.isnan(far.twin(P).terms).any()


@every
def test_factors(case):
    penalty, w = case.penalty, np.linspace(-0.3, 0.5, P)
    twice = 2.0 * penalty
    assert float(twice.value(w)) == pytest.approx(2 * float(penalty.value(w)))
    np.testing.assert_allclose(twice.prox(w, 0.3), penalty.prox(w, 0.6), atol=1e-12)
    assert float((3 * twice).value(w)) == pytest.approx(6 * float(penalty.value(w)))
    assert "nan" not in repr(twice)


@every
def test_critical_is_the_smallest_factor_that_keeps_zero(case):
    penalty = case.penalty
    gradient = np.linspace(-2, 3, P)
    gradient[penalty.free(P)] = 0
    c = penalty.critical(gradient)
    zero = np.zeros(P)
    if not np.isfinite(c):
        assert np.max((1e6 * penalty).violation(zero, gradient)) > 0
        return
    assert np.max((c * (1 + 1e-9) * penalty).violation(zero, gradient)) == 0
    assert np.max((c * 0.99 * penalty).violation(zero, gradient)) > 0


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_equals_numpy(case, dtype):
    torch = pytest.importorskip("torch")
    penalty = case.penalty
    w, g = np.linspace(-2, 2, P).astype(dtype), np.linspace(1, -1, P).astype(dtype)
    a, b = torch.asarray(w), torch.asarray(g)
    close = dict(rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6 if dtype == "float32" else 1e-12)
    step = np.linspace(0.1, 0.4, P).astype(dtype)
    assert penalty.prox(a, 0.3).dtype == a.dtype
    np.testing.assert_allclose(penalty.prox(a, 0.3).numpy(), penalty.prox(w, 0.3), **close)
    np.testing.assert_allclose(penalty.prox(a, torch.asarray(step)).numpy(), penalty.prox(w, step), **close)
    np.testing.assert_allclose(float(penalty.value(a)), float(penalty.value(w)), rtol=1e-5)
    np.testing.assert_allclose(penalty.violation(a, b).numpy(), penalty.violation(w, g), **close)


@pytest.mark.parametrize("penalty", [sh.L1(0.5), sh.L2(0.5), sh.MCP(0.5), sh.L1(0.2) + sh.L2(0.1), sh.Box(-0.1, 0.2)], ids=repr)
def test_any_shape(penalty):
    w = np.linspace(-1, 1, 12).reshape(3, 4)
    np.testing.assert_allclose(penalty.prox(w, 0.3).ravel(), penalty.prox(w.ravel(), 0.3))
    assert float(penalty.value(w)) == pytest.approx(float(penalty.value(w.ravel())))


@settings(max_examples=100)
@given(st.floats(-5, 5), st.floats(0.05, 3), st.floats(0.05, 3), st.floats(0.05, 3))
def test_the_rules_are_their_formulas(w, l1, l2, step):
    x = np.array([w])
    soft = np.sign(w) * max(abs(w) - step * l1, 0)
    assert sh.L1(l1).prox(x, step)[0] == pytest.approx(soft)
    assert (sh.L1(l1) + sh.L2(l2)).prox(x, step)[0] == pytest.approx(soft / (1 + step * l2))
    assert (sh.L1(l1) + sh.Box(-0.3, 0.4)).prox(x, step)[0] == pytest.approx(min(max(soft, -0.3), 0.4))
    z = x / (1 + step * l2)
    both = (sh.MCP(l1) + sh.L2(l2)).prox(x, step)[0]
    assert both == pytest.approx(sh.MCP(l1).prox(z, step / (1 + step * l2))[0])


def test_published_formulas():
    """MCP and SCAD at the values their papers give."""
    assert float(sh.MCP(2.0, 3.0).value(np.array([1.0]))) == pytest.approx(2 - 1 / 6)
    assert float(sh.MCP(2.0, 3.0).value(np.array([60.0]))) == pytest.approx(3 * 4 / 2)
    assert float(sh.SCAD(2.0, 3.7).value(np.array([1.0]))) == pytest.approx(2.0)
    assert float(sh.SCAD(2.0, 3.7).value(np.array([3.0]))) == pytest.approx((2 * 3.7 * 2 * 3 - 9 - 4) / (2 * 2.7))
    assert float(sh.SCAD(2.0, 3.7).value(np.array([60.0]))) == pytest.approx(4 * 4.7 / 2)
    w = np.array([3.0, 4.0, 1.0])
    assert float(sh.Grouped(sh.L1(2.0), ["a", "a", "b"]).value(w)) == pytest.approx(2 * 5 + 2)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: sh.L1(-1.0), "L1.*>= 0"),
        (lambda: sh.L1(np.nan), "L1"),
        (lambda: sh.L1(np.inf), "Box"),
        (lambda: sh.L1("much"), "number"),
        (lambda: sh.L1(None), "number"),
        (lambda: sh.L2([1.0, -2.0]), "position 1"),
        (lambda: sh.MCP(1.0, 1.0), "> 1"),
        (lambda: sh.SCAD(1.0, 2.0), "> 2"),
        (lambda: sh.Box(1.0, 0.0), "low <= high"),
        (lambda: sh.Grouped(sh.NonNegative(), [0, 0]), "inside"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, -1]), "groups"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, None]), "groups"),
        (lambda: sh.Grouped(sh.L1([1.0, 2.0, 3.0]), [0, 1]), "3 strengths"),
        (lambda: sh.MCP(1.0) + sh.SCAD(1.0), "no exact prox"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, 0]) + sh.Grouped(sh.L1(1.0), [0, 1]), "no exact prox"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, 0]) + sh.Box(-1.0, 1.0), "NonNegative"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, 0]) + sh.MCP(1.0), "no exact prox"),
        (lambda: -1.0 * sh.L1(1.0), "factor"),
        (lambda: np.nan * sh.L1(1.0), "factor"),
        (lambda: sh.L1([1.0, 2.0]).check(3), "2 strengths"),
        (lambda: sh.Grouped(sh.L1(1.0), [0, 1]).check(3), "2 coefficients"),
    ],
)
def test_refused(make, match):
    with pytest.raises(sh.ParameterError, match=match):
        make()


def test_names():
    assert repr(sh.L1(0.4) + sh.L2(0.3)) == "L1(0.4) + L2(0.3)"
    assert repr(2.0 * sh.MCP(1.0)) == "2 * MCP(1, concavity=3)"
    assert repr(2.0 * (sh.L1(1.0) + sh.L2(1.0))) == "2 * (L1(1) + L2(1))"
    assert "2 groups of 3" in repr(sh.Grouped(sh.L1(1.0), list("aab")))
