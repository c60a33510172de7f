"""What a loss states, and what is derived from it once.

Shapes and units, for every method: `y` and `eta` are (n,) arrays, NumPy or torch; a method "per row" answers with (n,);
derivatives are in eta. `weights` (n,) are >= 0 and count rows: weight 2 is a row written twice, weight 0 a row that is
not there, whatever it holds; None is a one for every row. Values are in nats: a loss is -log p(y | eta) plus a constant.
What works on a dual value, a random number or the normaliser is NumPy only, as are the solvers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.special import xlogy

from shrinkage.domains import REAL, Interval
from shrinkage.errors import ParameterError

Array = Any
EPS = float(np.finfo(np.float64).eps)
NO_MAXIMUM = 36.0  # stands for an infinite best intercept: e**-36 is less than the rounding of 1


def quiet(f: Callable[..., Any]) -> Callable[..., Any]:
    """f without NumPy's warnings: an infinite loss is an answer, which makes a line search back off.

    A new errstate for every call: one that is shared, as `@np.errstate(...)` was before NumPy 2, forgets what to restore
    where calls nest or threads meet.
    """

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)

    return call


class Loss(ABC):
    """-log p(y | eta) + constant. A loss that is a sum over rows states five methods; the facts below have safe defaults."""

    name: ClassVar[str]  # the word for it: see `losses.loss_from_word`
    likelihood: ClassVar[str | None] = None  # the distribution's name; None: the loss is known only up to a constant
    domain: ClassVar[Interval] = REAL  # of y
    separable: ClassVar[bool] = True  # a sum over rows
    smooth: ClassVar[bool] = True  # differentiable in eta
    quadratic: ClassVar[bool] = False  # the curvature is a constant
    has_dual: ClassVar[bool] = False  # fenchel_young is known
    chi_square: ClassVar[bool] = False  # fenchel_young(y, eta, gradient + d) <= d**2 / curvature where |d| <= curvature
    equivariant: ClassVar[bool] = False  # y + c, eta + c change nothing, and `rescale` takes any m

    @property
    def curvature_bound(self) -> float:
        """The largest curvature; infinite where there is none."""
        return np.inf

    @property
    def deviance_unit(self) -> float:
        """`unit_deviance` is this times the loss counted from its minimum."""
        return 2.0

    # ---- stated by every loss, per row

    @abstractmethod
    def value(self, y: Array, eta: Array) -> Array:
        """l(y, eta)."""

    @abstractmethod
    def gradient(self, y: Array, eta: Array) -> Array:
        """dl / d eta; at a kink one subgradient."""

    @abstractmethod
    def curvature(self, y: Array, eta: Array) -> Array:
        """d^2 l / d eta^2, where it exists."""

    @abstractmethod
    def mean(self, eta: Array) -> Array:
        """The prediction, in the units of y: E[y | eta], or the location the loss is about (a median, a quantile)."""

    @abstractmethod
    def saturated(self, y: Array) -> Array:
        """min over eta of l(y, eta)."""

    # ---- stated where known

    def log_normalizer(self, y: Array) -> Array:
        """c(y) with log p(y | eta) = -l(y, eta) - c(y)."""
        raise ParameterError(f"{self!r} states no likelihood: it is known up to a constant only. Use a loss that has one.")

    def sample(self, eta: Array, rng: Any = None) -> Array:
        """One y for every eta. `rng` is a seed or a NumPy generator."""
        raise ParameterError(f"{self!r} states no likelihood to draw from. Use a loss that has one.")

    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        """l(eta) + l*(u) - u eta, which is >= 0, 0 exactly where u is a (sub)gradient at eta, and infinite where l* is.

        A few units in the last place beyond the conjugate's domain count as its edge.
        """
        raise ParameterError(f"The convex conjugate of {self!r} is not known.")

    def rescale(self, m: int) -> tuple[Loss, int]:
        """(loss', e) with l(y, eta) = 2**e loss'(y / 2**m, eta / 2**m), exact to the last bit."""
        if m == 0:
            return self, 0
        raise ParameterError(f"{self!r} depends on the units of y: it cannot be rescaled by 2**{m}.")

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        """`null` on rows of positive weight; the offset is zero where the loss is equivariant."""
        return newton_null(self, y, weights, offset)

    # ---- derived

    def log_density(self, y: Array, eta: Array) -> Array:
        """log p(y | eta), per row."""
        return -self.value(y, eta) - self.log_normalizer(y)

    @quiet
    def unit_deviance(self, y: Array, eta: Array) -> Array:
        """The error of a prediction, per row, >= 0: (y - eta)**2, |y - eta|, ... in units of y, or twice the lost nats."""
        if self.has_dual:  # at u = 0 the Fenchel-Young term is l(eta) - min l, without the cancellation
            return self.deviance_unit * self.fenchel_young(y, eta, np.zeros_like(eta))
        return self.deviance_unit * (self.value(y, eta) - self.saturated(y))

    @quiet
    def total(self, y: Array, eta: Array, weights: Array | None = None) -> Array:
        """sum(weights * value), a scalar."""
        return _sum(weights, self.value(y, eta))

    @quiet
    def total_gradient(self, y: Array, eta: Array, weights: Array | None = None) -> Array:
        """weights * gradient: (n,), and 0 where the weight is."""
        return _weigh(weights, self.gradient(y, eta))

    @quiet
    def total_saturated(self, y: Array, weights: Array | None = None) -> Array:
        """min over eta of `total`."""
        return _sum(weights, self.saturated(y))

    @quiet
    def total_log_normalizer(self, y: Array, weights: Array | None = None) -> Array:
        """The constant that `log_likelihood` subtracts."""
        return _sum(weights, self.log_normalizer(y))

    def log_likelihood(self, y: Array, eta: Array, weights: Array | None = None) -> Array:
        """log p(y | eta) of all rows, normaliser included."""
        return -self.total(y, eta, weights) - self.total_log_normalizer(y, weights)

    @quiet
    def total_fenchel_young(self, y: Array, eta: Array, u: Array, weights: Array | None = None) -> float:
        """total(eta) + total*(u) - u . eta for a dual value `u` of the total (weights included): a sum of terms >= 0."""
        if weights is None:
            return float(np.sum(self.fenchel_young(y, eta, u)))
        used = weights > 0
        if np.any(u[~used]):
            return np.inf
        return float(_sum(weights, self.fenchel_young(y, eta, u / np.where(used, weights, 1.0))))

    def null(self, y: Array, weights: Array | None = None, offset: Array | None = None) -> float:
        """The b that minimises total(y, b + offset): the best intercept alone."""
        y = np.asarray(y, dtype=np.float64)
        weights = np.ones(y.shape) if weights is None else np.asarray(weights, dtype=np.float64)
        offset = np.zeros(y.shape) if offset is None else np.broadcast_to(np.asarray(offset, np.float64), y.shape)
        used = weights > 0
        y, weights, offset = y[used], weights[used], offset[used]
        weights = weights / weights.max()
        if self.equivariant and offset.any():
            y, offset = y - offset, np.zeros_like(offset)
        return self._null(y, weights, offset)


def _weigh(weights: Array | None, rows: Array) -> Array:
    """weights * rows, 0 where the weight is 0 whatever the row holds."""
    if weights is None:
        return rows
    xp = array_namespace(rows)
    zero = xp.sum(rows[:0])  # of the same type, and not a vector of them
    return xp.where(weights > 0, weights * rows, zero)


def _sum(weights: Array | None, rows: Array) -> Array:
    return array_namespace(rows).sum(_weigh(weights, rows))


def weighted_mean(y: np.ndarray, weights: np.ndarray) -> float:
    """Exact for a constant y; halves, so that the difference of two large entries of opposite sign stays finite."""
    half = y / 2
    return 2 * float(half[0] + weights @ (half - half[0]) / weights.sum())


def weighted_quantile(y: np.ndarray, weights: np.ndarray, q: float) -> float:
    """A minimiser of the weighted pinball loss; where all of an interval minimises it, the middle."""
    order = np.argsort(y, kind="stable")
    below = np.cumsum(weights[order])
    goal, last = q * below[-1], len(y) - 1
    first = min(int(np.searchsorted(below, goal * (1 - 8 * EPS), side="left")), last)
    second = min(int(np.searchsorted(below, goal * (1 + 8 * EPS), side="right")), last)
    return float(y[order[first]] / 2 + y[order[second]] / 2)


def newton_null(loss: Loss, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
    """`null` where no formula gives it."""

    @quiet
    def slope(b: float) -> tuple[float, float, float]:
        pull = weights * loss.gradient(y, offset + b)
        return float(pull.sum()), float(np.abs(pull).sum()), float(weights @ loss.curvature(y, offset + b))

    if loss.equivariant:  # residuals of one sign pull one way, so the answer lies among the targets
        return increasing_root(slope, weighted_quantile(y, weights, 0.5), float(y.min()), float(y.max()))
    return increasing_root(slope)


def increasing_root(
    slope: Callable[[float], tuple[float, float, float]], b: float = 0.0, low: float = -np.inf, high: float = np.inf
) -> float:
    """Where an increasing function changes its sign: Newton inside a bracket, bisection where Newton does badly.

    `slope(b)` gives the function, the sum of its terms' sizes (whose rounding is noise) and its derivative. While an end
    of the bracket is unknown, steps are bounded by 1, 2, 4, ...; where there is no root, the last of these is returned.
    Press et al., "Numerical Recipes", section 9.4.
    """
    reach, last, before_last = 1.0, np.inf, np.inf
    for _ in range(400):
        f, size, derivative = slope(b)
        if not abs(f) > 4 * EPS * size:
            return b
        low, high = (low, b) if f > 0 else (b, high)
        newton = f / derivative if derivative > 0 else np.inf * f
        if np.isinf(low) or np.isinf(high):
            new = b - float(np.clip(newton, -reach, reach))
            reach *= 2
        elif low < b - newton < high and 2 * abs(newton) <= before_last:
            new = b - newton
        else:
            new = low / 2 + high / 2
        if new == b or not low <= new <= high or not np.isfinite(new):
            return b
        before_last, last = last, abs(new - b)
        b = new
    return b


# (1 + t) log(1 + t) - t = t**2 (1/2 - t/6 + t**2/12 - ...), highest power first; enough for |t| < 0.01
_SERIES = [(-1) ** k / (k * (k - 1)) for k in range(10, 1, -1)]


@quiet
def divergence(q: np.ndarray, mu: np.ndarray, log_mu: np.ndarray, d: np.ndarray) -> np.ndarray:
    """q log(q / mu) - q + mu, which is >= 0 and 0 where q = mu.

    `d` = q - mu and `log_mu` are given apart because the caller knows them to more digits: the first near q = mu, where
    the terms cancel, the second where mu underflows.
    """
    t = d / mu
    near = np.abs(t) < 0.01
    t = np.where(near, t, 0.0)
    far = xlogy(q, q) - q * log_mu - q + mu
    return np.where(near, mu * t**2 * np.polyval(_SERIES, t), np.maximum(far, 0.0))
