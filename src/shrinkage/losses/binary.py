"""Losses for a target between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.special import entr

from shrinkage.domains import Interval
from shrinkage.losses.base import EPS, NO_MAXIMUM, Array, Loss, divergence, newton_null, quiet


@dataclass(frozen=True)
class Logistic(Loss):
    """log(1 + exp(eta)) - y eta: y is 1 with probability 1 / (1 + exp(-eta)); eta is the log of the odds.

    A y strictly between 0 and 1 is the share of ones among repeated trials whose number stands in the weights; the loss
    is then a quasi-likelihood, since what it leaves out (`log_normalizer`, given as 0) depends on that number.
    If all targets are 0, or all are 1, the likelihood has no maximum: `null` then gives the b at which every
    probability is within e**-36, less than the rounding of 1, of what was observed.
    """

    name: ClassVar[str] = "logistic"
    likelihood: ClassVar[str] = "Bernoulli"
    domain: ClassVar[Interval] = Interval(0.0, 1.0, remedy="Code the two classes as 0 and 1, or give the share of ones.")
    has_dual: ClassVar[bool] = True
    chi_square: ClassVar[bool] = True
    curvature_bound = 0.25

    def value(self, y: Array, eta: Array) -> Array:
        xp = array_namespace(eta)
        return xp.log1p(xp.exp(-xp.abs(eta))) + xp.where(eta > 0, (1 - y) * eta, -(y * eta))

    def gradient(self, y: Array, eta: Array) -> Array:
        xp = array_namespace(eta)
        rare = _rare(eta)  # the probability of the less likely of 0 and 1: 1 - it would lose its digits
        return xp.where(eta > 0, (1 - y) - rare, rare - y)

    def curvature(self, y: Array, eta: Array) -> Array:
        rare = _rare(eta)
        return rare * (1 - rare)

    def mean(self, eta: Array) -> Array:
        rare = _rare(eta)
        return array_namespace(eta).where(eta > 0, 1 - rare, rare)

    def saturated(self, y: Array) -> Array:
        return entr(y) + entr(1 - y)

    def log_normalizer(self, y: Array) -> Array:
        return 0.0 * y

    def sample(self, eta: Array, rng: Any = None) -> Array:
        return (np.random.default_rng(rng).random(np.shape(eta)) < self.mean(eta)).astype(np.float64)

    @quiet
    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        """The Kullback-Leibler divergence from Bernoulli(y + u) to Bernoulli(mean(eta))."""
        one, zero = y + u, (1 - y) - u
        edge = -4 * EPS * (1 + np.abs(u))
        d = u - self.gradient(y, eta)
        of_one = divergence(np.clip(one, 0, 1), self.mean(eta), -np.logaddexp(0, -eta), d)
        of_zero = divergence(np.clip(zero, 0, 1), self.mean(-eta), -np.logaddexp(0, eta), -d)
        return np.where((one >= edge) & (zero >= edge), of_one + of_zero, np.inf)

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        ones, zeros = weights @ y, weights @ (1 - y)
        if ones == 0:
            return -NO_MAXIMUM - float(offset.max())
        if zeros == 0:
            return NO_MAXIMUM - float(offset.min())
        return newton_null(self, y, weights, offset) if offset.any() else float(np.log(ones) - np.log(zeros))


def _rare(eta: Array) -> Array:
    """1 / (1 + exp(|eta|)), which is at most a half."""
    xp = array_namespace(eta)
    small = xp.exp(-xp.abs(eta))
    return small / (1 + small)
