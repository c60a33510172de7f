"""Penalties as priors: densities that integrate to one, samples that follow them, scales from intervals."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import gamma as gamma_function

import shrinkage as sh
from tests.batteries import PENALTIES

PROPER = {
    "Laplace": (sh.Laplace(0.7), stats.laplace(scale=0.7)),
    "Normal": (sh.Normal(1.3), stats.norm(scale=1.3)),
    "Exponential": (sh.Exponential(0.6), stats.expon(scale=0.6)),
    "HalfNormal": (sh.HalfNormal(0.8), stats.halfnorm(scale=0.8)),
    "Uniform": (sh.Uniform(-1.0, 2.5), stats.uniform(-1.0, 3.5)),
    "LaplaceNormal": (sh.LaplaceNormal(1 / 1.3, 0.7**-0.5), None),
    "truncated Laplace": (sh.Laplace(0.5) + sh.Box(-0.2, 1.1), None),
    "truncated normal": (sh.Normal(0.5) + sh.Box(0.3, 1.1), stats.truncnorm(0.6, 2.2, scale=0.5)),
    "elastic net in a box": (sh.L1(1.0) + sh.L2(2.0) + sh.Box(-1.0, 0.4), None),
    "one-sided elastic net": (sh.L1(2.0) + sh.L2(3.0) + sh.NonNegative(), None),
}


def density(prior, x):
    return np.exp(float(prior.log_density(np.array([x]))))


@pytest.mark.parametrize("name", PROPER)
def test_density(name):
    prior, known = PROPER[name]
    terms = prior.twin(1).terms[:, 0]
    low, high = max(terms[2], -60.0), min(terms[3], 60.0)
    total = quad(lambda x: density(prior, x), low, high, points=[0.0], limit=200)[0]
    assert total == pytest.approx(1, rel=1e-8)
    if known is not None:
        for x in np.linspace(max(low, -2), min(high, 2), 7)[1:-1]:
            assert density(prior, x) == pytest.approx(known.pdf(x), rel=1e-12)


@pytest.mark.parametrize("name", PROPER)
def test_samples_follow_the_density(name):
    prior, _ = PROPER[name]
    draws = prior.sample(4000, rng=0)
    assert draws.shape == (4000,) and prior.sample((3, 2), rng=1).shape == (3, 2)
    np.testing.assert_array_equal(draws, prior.sample(4000, rng=0))
    grid = np.linspace(draws.min() - 1e-9, draws.max() + 1e-9, 60)
    terms = prior.twin(1).terms[:, 0]
    start = max(terms[2], -60.0)

    def cdf(x):
        return np.array([quad(lambda t: density(prior, t), start, v, points=[0.0] if start < 0 < v else None)[0] for v in x])

    empirical = np.searchsorted(np.sort(draws), grid, side="right") / 4000
    assert np.max(np.abs(empirical - cdf(grid))) < 1.95 / np.sqrt(4000)  # Kolmogorov's bound at a level of 1e-3


def test_the_elastic_nets_normaliser():
    """A value found by quadrature elsewhere: l1 = 1.3, l2 = 0.7."""
    assert np.exp((sh.L1(1.3) + sh.L2(0.7)).log_normalizer(1)) == pytest.approx(1.2045348204, rel=1e-10)


def test_multivariate_laplace():
    prior = sh.MultivariateLaplace(0.5, [0, 0, 0])
    m, rate = 3, 2.0
    surface = 2 * np.pi ** (m / 2) / gamma_function(m / 2)
    mass = quad(lambda r: surface * r ** (m - 1) * np.exp(-rate * r), 0, 60)[0]
    assert prior.log_normalizer(3) == pytest.approx(np.log(mass), rel=1e-10)
    norms = np.linalg.norm(prior.sample((3000, 3), rng=0), axis=1)
    assert stats.kstest(norms, stats.gamma(3, scale=0.5).cdf).pvalue > 1e-3
    one = sh.MultivariateLaplace(0.5, [0])
    assert float(one.log_density(np.array([0.3]))) == pytest.approx(float(sh.Laplace(0.5).log_density(np.array([0.3]))))


@pytest.mark.parametrize(
    "penalty", [sh.MCP(1.0), sh.SCAD(1.0), sh.L1(0.0), sh.NonNegative(), sh.Grouped(sh.MCP(1.0), [0, 0])], ids=repr
)
def test_improper_priors_say_so(penalty):
    assert not penalty.is_proper
    for ask in (lambda: penalty.log_density(np.zeros(2)), lambda: penalty.sample(2), lambda: penalty.log_normalizer(2)):
        with pytest.raises(sh.ParameterError, match="improper"):
            ask()


def test_proper_without_a_closed_form_says_that():
    penalty = sh.MCP(1.0) + sh.L2(1.0)
    assert penalty.is_proper
    with pytest.raises(sh.ParameterError, match="closed form"):
        penalty.log_density(np.zeros(2))


def test_the_part_that_is_known():
    prior = sh.L1(np.array([0.0, 2.0]))
    known, complete = prior.log_normalizer_known(2)
    assert known == pytest.approx(0.0) and not complete
    known, complete = sh.L1(2.0).log_normalizer_known(3)
    assert known == pytest.approx(3 * np.log(1.0)) and complete


@pytest.mark.parametrize("case", [c for c in PENALTIES if c.penalty.is_proper], ids=str)
def test_log_density_is_minus_the_penalty_up_to_a_constant(case):
    penalty = case.penalty
    try:
        a, b = np.full(6, 0.2), np.full(6, 0.31)
        difference = float(penalty.log_density(a)) - float(penalty.log_density(b))
    except sh.ParameterError as refusal:
        assert "closed form" in str(refusal)
        return
    assert difference == pytest.approx(float(penalty.value(b)) - float(penalty.value(a)))


def test_from_interval():
    assert sh.Laplace.from_interval(-1, 1, 0.9).strength == pytest.approx(np.log(10))
    for family, mass in [
        (sh.Laplace, lambda p: stats.laplace(scale=1 / p.strength).cdf(1.5) - stats.laplace(scale=1 / p.strength).cdf(-1.5)),
        (sh.Normal, lambda p: 1 - 2 * stats.norm(scale=p.strength**-0.5).sf(1.5)),
    ]:
        assert mass(family.from_interval(-1.5, 1.5, 0.8)) == pytest.approx(0.8)
    assert stats.expon(scale=1 / sh.Exponential.from_interval(0, 2, 0.7).terms.l1).cdf(2) == pytest.approx(0.7)
    half = sh.HalfNormal.from_interval(0, 2, 0.7)
    assert stats.halfnorm(scale=half.terms.l2**-0.5).cdf(2) == pytest.approx(0.7)
    assert float(sh.Uniform.from_interval(0, 1, 0.5).high) == pytest.approx(1.5)
    for bad in (
        lambda: sh.Laplace.from_interval(-1, 2, 0.9), lambda: sh.Normal.from_interval(-1, 1, 1.0),
        lambda: sh.Exponential.from_interval(-1, 1, 0.5), lambda: sh.LaplaceNormal.from_interval(-1, 1, 0.5),
        lambda: sh.Laplace.from_interval(1, -1, 0.5),
    ):  # fmt: skip
        with pytest.raises(sh.ParameterError):
            bad()


@pytest.mark.parametrize(
    "make", [lambda: sh.Laplace(0), lambda: sh.Normal(-1), lambda: sh.Laplace(np.nan), lambda: sh.Exponential("a")]
)
def test_scales_are_positive(make):
    with pytest.raises(sh.ParameterError):
        make()
