"""Losses for a target on the real line. All are equivariant: they see the residual y - eta, and scale with its units."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.special import gammaln, ndtr, ndtri

from shrinkage.domains import INNER_UNIT, POSITIVE
from shrinkage.losses.base import EPS, Array, Loss, quiet, weighted_mean, weighted_quantile


class Regression(Loss):
    """A loss of the residual alone that is 0 at y = eta: what all of this file share."""

    has_dual: ClassVar[bool] = True
    equivariant: ClassVar[bool] = True

    def mean(self, eta: Array) -> Array:
        """eta itself: the mean where the likelihood is symmetric, else the quantile or location the loss is about."""
        return eta

    def saturated(self, y: Array) -> Array:
        return 0.0 * y

    def _set(self, field: str, domain: Any = POSITIVE) -> None:
        value = domain.number(getattr(self, field), f"{type(self).__name__}({field}=...)")
        object.__setattr__(self, field, value)


@dataclass(frozen=True)
class SquaredError(Regression):
    """(y - eta)**2 / (2 sigma**2): least squares; y is normal with mean eta and standard deviation `sigma` (units of y)."""

    sigma: float = 1.0

    name: ClassVar[str] = "squared_error"
    likelihood: ClassVar[str] = "Gaussian"
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._set("sigma")

    @property
    def curvature_bound(self) -> float:
        return 1 / self.sigma**2

    @property
    def deviance_unit(self) -> float:
        return 2 * self.sigma**2

    @quiet
    def value(self, y: Array, eta: Array) -> Array:
        return ((y - eta) / self.sigma) ** 2 / 2

    @quiet
    def gradient(self, y: Array, eta: Array) -> Array:
        return (eta - y) / self.sigma / self.sigma

    def curvature(self, y: Array, eta: Array) -> Array:
        return array_namespace(eta).ones_like(eta) / self.sigma / self.sigma

    @quiet
    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        return (self.sigma * u - (eta - y) / self.sigma) ** 2 / 2

    def log_normalizer(self, y: Array) -> Array:
        return 0.0 * y + (math.log(self.sigma) + math.log(2 * math.pi) / 2)

    def sample(self, eta: Array, rng: Any = None) -> Array:
        return eta + self.sigma * np.random.default_rng(rng).standard_normal(np.shape(eta))

    def rescale(self, m: int) -> tuple[Loss, int]:
        f, s = math.frexp(self.sigma)
        return SquaredError(f), 2 * (m - s)

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        return weighted_mean(y, weights)


@dataclass(frozen=True)
class Huber(Regression):
    """With r = (y - eta) / sigma: r**2 / 2 where |r| <= delta, else delta |r| - delta**2 / 2.

    Squares in the middle, absolute values in the tails; `sigma` is in units of y, `delta` in units of sigma. With
    delta = 1.345 the estimate of a normal mean is 95% as precise as the average. The likelihood is Huber's least
    favourable density; `mean(eta)` is its centre. Huber (1964), "Robust estimation of a location parameter", Ann. Math. Stat. 35.
    """

    delta: float = 1.345
    sigma: float = 1.0

    name: ClassVar[str] = "huber"
    likelihood: ClassVar[str] = "Huber density"

    def __post_init__(self) -> None:
        self._set("delta")
        self._set("sigma")

    @property
    def curvature_bound(self) -> float:
        return 1 / self.sigma**2

    @property
    def deviance_unit(self) -> float:
        return 2 * self.sigma**2  # so that a small residual counts as its square

    def _residual(self, y: Array, eta: Array) -> tuple[Array, Array]:
        """r, and r clipped to [-delta, delta]."""
        r = (y - eta) / self.sigma
        return r, array_namespace(r).clip(r, -self.delta, self.delta)

    @quiet
    def value(self, y: Array, eta: Array) -> Array:
        r, a = self._residual(y, eta)
        return a * (r - a / 2)

    @quiet
    def gradient(self, y: Array, eta: Array) -> Array:
        return -self._residual(y, eta)[1] / self.sigma

    @quiet
    def curvature(self, y: Array, eta: Array) -> Array:
        r, a = self._residual(y, eta)
        return array_namespace(r).astype(r == a, r.dtype) / self.sigma / self.sigma

    @quiet
    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        r, a = self._residual(y, eta)
        v = np.clip(-self.sigma * u, -self.delta, self.delta)
        inside = np.abs(self.sigma * u) <= self.delta * (1 + 8 * EPS)
        return np.where(inside, (a - v) ** 2 / 2 + np.abs(r - a) * (self.delta - np.sign(r) * v), np.inf)

    @property
    def _masses(self) -> tuple[float, float]:
        """The integrals of exp(-loss) over r: the middle, and both tails."""
        middle = math.sqrt(2 * math.pi) * math.erf(self.delta / math.sqrt(2))
        return middle, 2 * math.exp(-(self.delta**2) / 2) / self.delta

    def log_normalizer(self, y: Array) -> Array:
        return 0.0 * y + (math.log(self.sigma) + math.log(sum(self._masses)))

    def sample(self, eta: Array, rng: Any = None) -> Array:
        rng, shape = np.random.default_rng(rng), np.shape(eta)
        middle, tails = self._masses
        tail = ndtr(-self.delta)
        core = ndtri(tail + rng.random(shape) * (1 - 2 * tail))
        far = (self.delta + rng.exponential(size=shape) / self.delta) * rng.choice([-1.0, 1.0], size=shape)
        return eta + self.sigma * np.where(rng.random(shape) * (middle + tails) < middle, core, far)

    def rescale(self, m: int) -> tuple[Loss, int]:
        return Huber(self.delta, math.ldexp(self.sigma, -m)), 0


class Tilted(Regression):
    """`above` (y - eta) where y >= eta, `below` (eta - y) where not: two slopes, > 0, in 1 / (units of y).

    The likelihood is the difference of two exponential variables with the rates `above` and `below`.
    """

    smooth: ClassVar[bool] = False

    @property
    @abstractmethod
    def above(self) -> float: ...

    @property
    @abstractmethod
    def below(self) -> float: ...

    @quiet
    def value(self, y: Array, eta: Array) -> Array:
        r = y - eta
        return array_namespace(r).where(r >= 0, self.above * r, -self.below * r)

    def gradient(self, y: Array, eta: Array) -> Array:
        """-above, below, and the subgradient 0 where y = eta."""
        r = y - eta
        xp = array_namespace(r)
        return self.below * xp.astype(r < 0, r.dtype) - self.above * xp.astype(r > 0, r.dtype)

    def curvature(self, y: Array, eta: Array) -> Array:
        return array_namespace(eta).zeros_like(eta)

    @quiet
    def fenchel_young(self, y: Array, eta: Array, u: Array) -> Array:
        r = y - eta
        slack = np.where(r >= 0, self.above + u, self.below - u)
        inside = (u >= -self.above * (1 + 8 * EPS)) & (u <= self.below * (1 + 8 * EPS))
        return np.where(inside, np.abs(r) * np.maximum(slack, 0.0), np.inf)

    def prox(self, y: Array, eta: Array, step: Array) -> Array:
        """The z that minimises step l(y, z) + (z - eta)**2 / 2, per row: towards y by a slope's worth, and no further."""
        r = y - eta
        return eta + np.clip(r, -step * self.below, step * self.above)

    def log_normalizer(self, y: Array) -> Array:
        return 0.0 * y + math.log(1 / self.above + 1 / self.below)

    def sample(self, eta: Array, rng: Any = None) -> Array:
        up, down = np.random.default_rng(rng).exponential(size=(2, *np.shape(eta)))
        return eta + up / self.above - down / self.below

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        return weighted_quantile(y, weights, self.above / (self.above + self.below))


@dataclass(frozen=True)
class AbsoluteError(Tilted):
    """|y - eta| / scale: median regression; y is Laplace with median eta and mean deviation `scale` (units of y)."""

    scale: float = 1.0

    name: ClassVar[str] = "absolute_error"
    likelihood: ClassVar[str] = "Laplace"

    def __post_init__(self) -> None:
        self._set("scale")

    @property
    def above(self) -> float:
        return 1 / self.scale

    @property
    def below(self) -> float:
        return 1 / self.scale

    @property
    def deviance_unit(self) -> float:
        return self.scale

    def rescale(self, m: int) -> tuple[Loss, int]:
        f, s = math.frexp(self.scale)
        return AbsoluteError(f), m - s


@dataclass(frozen=True)
class Quantile(Tilted):
    """With r = y - eta: q r / scale where r >= 0, (q - 1) r / scale where not: the pinball loss.

    eta is the `q`-quantile of y, 0 < q < 1, and so is `mean(eta)`: the mean of the asymmetric Laplace likelihood is
    eta + scale (1 - 2 q) / (q (1 - q)). `scale` is in units of y. Koenker & Bassett (1978), "Regression quantiles",
    Econometrica 46; Koenker & Machado (1999), JASA 94, for the likelihood.
    """

    q: float = 0.5
    scale: float = 1.0

    name: ClassVar[str] = "quantile"
    likelihood: ClassVar[str] = "asymmetric Laplace"

    def __post_init__(self) -> None:
        self._set("q", INNER_UNIT)
        self._set("scale")

    @property
    def above(self) -> float:
        return self.q / self.scale

    @property
    def below(self) -> float:
        return (1 - self.q) / self.scale

    @property
    def deviance_unit(self) -> float:
        return self.scale

    def rescale(self, m: int) -> tuple[Loss, int]:
        f, s = math.frexp(self.scale)
        return Quantile(self.q, f), m - s


def _not_per_row(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise TypeError(f"{self!r} is not a sum over rows: use total, total_gradient and total_fenchel_young.")


@dataclass(frozen=True)
class RootSquaredError(Regression):
    """sqrt(sum(weights * (y - eta)**2)) / scale: the square-root lasso's loss, not a sum over rows.

    The vector y is spherical multivariate Laplace around eta, `scale` in units of y: with n rows (n the sum of the weights)

        log p(y | eta) = -||y - eta||_2 / scale - n log(scale) - log[2 pi^(n/2) Gamma(n) / Gamma(n/2)].

    The noise level drops out of the optimality conditions, so a strength can be chosen without knowing it: see
    `pivotal_strength`. Smooth except at a perfect fit, y = eta, where the gradient given is the subgradient 0.
    Belloni, Chernozhukov & Wang (2011), "Square-root lasso: pivotal recovery of sparse signals via conic programming",
    Biometrika 98.
    """

    scale: float = 1.0

    name: ClassVar[str] = "root_squared_error"
    likelihood: ClassVar[str] = "spherical multivariate Laplace"
    separable: ClassVar[bool] = False

    value = gradient = curvature = fenchel_young = log_normalizer = log_density = _not_per_row

    def __post_init__(self) -> None:
        self._set("scale")

    def pivotal_strength(self, p: int, c: float = 1.1, level: float = 0.05) -> float:
        """c Phi^-1(1 - level / (2 p)) / scale: the strength for this loss + strength ||w||_1 with `p` columns.

        It holds for columns whose mean square is 1 (sum(x**2) = n: centred and divided by the standard deviation with
        divisor n) and for rows of weight 1. The strength then exceeds the gradient at the true coefficients with a
        probability near 1 - level whatever the noise level; in the source's terms it is lambda / sqrt(n). For a column
        of another mean square multiply its strength by the root of that.
        """
        columns, c = POSITIVE.number(p, "pivotal_strength(p=...)"), POSITIVE.number(c, "pivotal_strength(c=...)")
        level = INNER_UNIT.number(level, "pivotal_strength(level=...)")
        return -c * float(ndtri(level / (2 * columns))) / self.scale

    @quiet
    def unit_deviance(self, y: Array, eta: Array) -> Array:
        """(y - eta)**2, per row: report its mean, or the root of its mean."""
        return (y - eta) ** 2

    @quiet
    def total(self, y: Array, eta: Array, weights: Array | None = None) -> Array:
        size, top = _norm(_residual(y, eta, weights))
        return size * top / self.scale

    @quiet
    def total_gradient(self, y: Array, eta: Array, weights: Array | None = None) -> Array:
        a = _residual(y, eta, weights)
        size, top = _norm(a)
        if size == 0:
            return 0.0 * a
        rooted = a if weights is None else a * weights**0.5
        return -(rooted / top) / size / self.scale

    def total_saturated(self, y: Array, weights: Array | None = None) -> Array:
        return 0.0

    def total_log_normalizer(self, y: Array, weights: Array | None = None) -> Array:
        n = float(np.shape(y)[0]) if weights is None else float(np.sum(weights))
        shape = math.log(2) + n / 2 * math.log(math.pi) + gammaln(n) - gammaln(n / 2)
        return float(n * math.log(self.scale) + shape)

    @quiet
    def total_fenchel_young(self, y: Array, eta: Array, u: Array, weights: Array | None = None) -> float:
        """||a|| / scale (1 + cos) with a = sqrt(weights) (y - eta), b = scale u / sqrt(weights), cos = a . b / ||a||.

        Written as ||a|| / scale (||a / ||a|| + b||**2 + 1 - ||b||**2) / 2, of which no term cancels. Infinite where
        ||b|| > 1, up to 1e-12, since the rounding of a norm grows with its rows.
        """
        used = np.ones(np.shape(y), dtype=bool) if weights is None else weights > 0
        root = np.ones(np.shape(y)) if weights is None else np.sqrt(np.where(used, weights, 1.0))
        if np.any(u[~used]):
            return np.inf
        a, b = _residual(y, eta, weights), self.scale * u / root
        inner, outer = _norm(b), _norm(a)
        if inner[0] * inner[1] > 1 + 1e-12:
            return np.inf
        if outer[0] == 0:
            return 0.0
        towards = float(np.sum((a / outer[1] / outer[0] + b) ** 2))
        slack = max(0.0, 1 - float(np.sum(b**2)))
        return float(outer[0] * outer[1] / self.scale * (towards + slack) / 2)

    def sample(self, eta: Array, rng: Any = None) -> Array:
        """One vector y: a uniform direction, and a Gamma(n) radius."""
        rng, n = np.random.default_rng(rng), np.size(eta)
        direction = rng.standard_normal(np.shape(eta))
        return eta + self.scale * rng.gamma(n) * direction / np.linalg.norm(direction)

    def rescale(self, m: int) -> tuple[Loss, int]:
        f, s = math.frexp(self.scale)
        return RootSquaredError(f), m - s

    def _null(self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> float:
        return weighted_mean(y, weights)


def _residual(y: Array, eta: Array, weights: Array | None) -> Array:
    """sqrt(weights) (y - eta), 0 where the weight is."""
    r = y - eta
    if weights is None:
        return r
    xp = array_namespace(r)
    return xp.where(weights > 0, weights**0.5 * r, xp.zeros_like(r))


def _norm(a: Array) -> tuple[Array, Array]:
    """(||a / top||, top) with top the largest |entry|, so that no square is too large or too small; (0, 1) for zeros."""
    xp = array_namespace(a)
    top = xp.max(xp.abs(a))
    top = xp.where(top > 0, top, xp.ones_like(top))
    return xp.sqrt(xp.sum((a / top) ** 2)), top
