"""Separable penalties that are a set of `Terms`: everything about them follows from the terms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import log_ndtr

from shrinkage.arrays import Array, namespace
from shrinkage.errors import ParameterError
from shrinkage.penalties.base import Penalty, Separable, Twin
from shrinkage.penalties.terms import Terms
from shrinkage.plurals import are, counted


class Elementary(Separable):
    """States its `terms`."""

    @property
    @abstractmethod
    def terms(self) -> Terms:
        """See terms.py."""

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return not self.terms.concave

    @property
    def even(self) -> bool:  # type: ignore[override]
        return self.terms.even

    @property
    def has_dual(self) -> bool:  # type: ignore[override]
        return self.convex

    @property
    def is_proper(self) -> bool:  # type: ignore[override]
        t = self.terms
        bounded = np.isfinite(t.low) & np.isfinite(t.high)
        return bool(np.all((np.asarray(t.l1) > 0) | (np.asarray(t.l2) > 0) | bounded))

    def value(self, w: Array) -> Array:
        return namespace(w).sum(self.terms.value(w))

    def prox(self, w: Array, step: Any) -> Array:
        return self.terms.prox(w, step)

    def subgradient(self, w: Array) -> tuple[Array, Array]:
        return self.terms.subgradient(w)

    def fenchel_young(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.where(self.terms.free(w.shape), 0.0, self.terms.fenchel_young(w, v))

    def dual_scale(self, v: np.ndarray) -> float:
        return self.terms.dual_scale(v)

    def free(self, p: int) -> np.ndarray:
        return self.terms.free((p,))

    def check(self, p: int) -> None:
        length = self.terms.length()
        if length not in (None, p):
            raise ParameterError(f"{self!r} has {length} strengths or bounds, but there {are(p)} {counted(p, 'coefficient')}.")

    def rescale(self, exponents: np.ndarray, e: int) -> Penalty:
        return Plain(self.terms.rescaled(exponents, e))

    def twin(self, p: int) -> Twin:
        return Twin(self.terms.table(p))

    def log_normalizers(self, shape: tuple[int, ...]) -> np.ndarray:
        t = self.terms
        parts = [np.broadcast_to(np.asarray(x, float), shape) for x in (t.l1, t.l2, t.low, t.high, t.slope)]
        l1, l2, low, high, slope = parts
        mass = np.logaddexp(log_mass(l1, l2, np.maximum(low, 0), np.maximum(high, 0)),
                            log_mass(l1, l2, np.maximum(-high, 0), np.maximum(-low, 0)))  # fmt: skip
        # A concave part is bounded: it cannot make an improper prior proper, and spoils the closed form of a proper one.
        return np.where((slope > 0) & np.isfinite(mass), np.nan, mass)

    def sample(self, shape: int | tuple[int, ...], rng: Any = None) -> np.ndarray:
        """Draws by inversion of each side's distribution function: truncated normals and exponentials."""
        shape = (int(shape),) if np.ndim(shape) == 0 else tuple(shape)  # type: ignore[arg-type]
        self.log_normalizer(shape)  # says why, where there is nothing to draw from
        rng = np.random.default_rng(rng)
        t = self.terms
        l1, l2, low, high = (np.broadcast_to(np.asarray(x, float), shape) for x in (t.l1, t.l2, t.low, t.high))
        right = (np.maximum(low, 0), np.maximum(high, 0))
        left = (np.maximum(-high, 0), np.maximum(-low, 0))
        up, down = log_mass(l1, l2, *right), log_mass(l1, l2, *left)
        positive = np.log(rng.random(shape)) < up - np.logaddexp(up, down)
        start, end = np.where(positive, right[0], left[0]), np.where(positive, right[1], left[1])
        size = _one_sided(l1, l2, start, end, rng)
        return np.where(positive, size, -size)


class Plain(Elementary):
    """Terms without a name of their own: what sums and changes of units end in."""

    def __init__(self, terms: Terms, name: str | Callable[[], str] | None = None) -> None:
        self._terms, self._name = terms, name  # a name that is called is made only where it is read: paths make many

    @property
    def terms(self) -> Terms:
        return self._terms

    def __repr__(self) -> str:
        name = self._name() if callable(self._name) else self._name
        return name or f"{type(self).__name__}({self._terms!r})"


def log_mass(l1: np.ndarray, l2: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """log of the integral of exp(-l1 u - l2 u^2 / 2) over [start, end], 0 <= start <= end <= inf; elementwise."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        root = np.sqrt(l2)
        a, b = root * start + l1 / root, root * end + l1 / root
        gaussian = (l1 / root) ** 2 / 2 + np.log(2 * np.pi / l2) / 2 + _log_difference(log_ndtr(-a), log_ndtr(-b))
        exponential = -l1 * start - np.log(l1) + np.log(-np.expm1(-l1 * (end - start)))
        flat = np.log(end - start)
    out = np.where(l2 > 0, gaussian, np.where(l1 > 0, exponential, flat))
    return np.where(end > start, out, -np.inf)


def _log_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log(e^a - e^b), a >= b."""
    return a + np.log(-np.expm1(np.where(np.isneginf(b), -np.inf, b - a)))


def _one_sided(l1: np.ndarray, l2: np.ndarray, start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A draw of each density proportional to exp(-l1 u - l2 u^2 / 2) on [start, end]."""
    from scipy.stats import truncnorm  # late: scipy.stats is slow to import

    u = rng.random(start.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponential = start - np.log1p(u * np.expm1(-l1 * (end - start))) / l1
        uniform = start + u * (end - start)
    out = np.where(l1 > 0, exponential, uniform)
    curved = l2 > 0
    if curved.any():
        root, shift = np.sqrt(l2[curved]), l1[curved] / l2[curved]
        a, b = root * (start[curved] + shift), root * (end[curved] + shift)
        out[curved] = truncnorm.ppf(u[curved], a, b) / root - shift
    return out
