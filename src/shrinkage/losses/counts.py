"""Losses for counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.special import gammaln, xlogy

from shrinkage.domains import Interval
from shrinkage.losses.base import EPS, NO_MAXIMUM, Array, Loss, divergence, quiet


@dataclass(frozen=True)
class Poisson(Loss):
    """exp(eta) - y eta: y is a count with mean exp(eta); eta is the log of the rate.

    An exposure enters as `offset=log(exposure)`. A y that is not whole is allowed: a quasi-likelihood, with Gamma(y + 1)
    for y!. If all targets are 0 the likelihood has no maximum: `null` then gives the b at which no mean exceeds e**-36.
    """

    name: ClassVar[str] = "poisson"
    likelihood: ClassVar[str] = "Poisson"
    domain: ClassVar[Interval] = Interval(0.0, remedy="Counts are not negative; for such a target use SquaredError().")
    has_dual: ClassVar[bool] = True
    chi_square: ClassVar[bool] = True

    @quiet
    def value(self, y: Array, eta: Array) -> Array:
        xp = array_namespace(eta)
        mu = xp.exp(eta)
        return xp.where(xp.isinf(mu), mu, mu - y * eta)

    def gradient(self, y: Array, eta: Array) -> Array:
        return self.mean(eta) - y

    def curvature(self, y: Array, eta: Array) -> Array:
        return self.mean(eta)

    @quiet
    def mean(self, eta: Array) -> Array:
        return array_namespace(eta).exp(eta)

    def saturated(self, y: Array) -> Array:
        return y - xlogy(y, y)

    def log_normalizer(self, y: Array) -> Array:
        return gammaln(y + 1.0)

    def sample(self, eta: Array, rng: Any = None) -> Array:
        return np.random.default_rng(rng).poisson(self.mean(eta)).astype(np.float64)

    @quiet
    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        """The divergence from Poisson(y + u) to Poisson(mean(eta))."""
        q = y + u
        terms = divergence(np.maximum(q, 0.0), self.mean(eta), eta, u - self.gradient(y, eta))
        return np.where(q >= -4 * EPS * (y + np.abs(u)), terms, np.inf)

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        top = float(offset.max())
        if not y.any():
            return -NO_MAXIMUM - top
        return float(np.log(weights @ y) - np.log(weights @ np.exp(offset - top))) - top
