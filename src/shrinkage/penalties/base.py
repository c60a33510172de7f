"""What a penalty states, and what is derived from it once.

A penalty P is the prior with density proportional to exp(-P). Arrays may be NumPy or torch unless a method says otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import Array, positive_part
from shrinkage.errors import ParameterError


@dataclass(frozen=True, eq=False)
class Twin:
    """What the compiled core reads of a penalty on p coefficients.

    `terms` (7, p) float64: see `terms.NAMES`. `groups` int64 (p,), or None; a coefficient in group g also feels
    `group_terms[:, g]`, (7, m), applied to its group's Euclidean norm.
    """

    terms: np.ndarray
    groups: np.ndarray | None = None
    group_terms: np.ndarray | None = None

    @property
    def quadratic(self) -> bool:
        """Whether it is L2 alone, or nothing."""
        l1, _, low, high, slope, _, _ = self.terms
        bounded = np.isfinite(low).any() or np.isfinite(high).any()
        return self.groups is None and not (l1.any() or slope.any() or bounded)


class Penalty(ABC):
    """A function P(w) of the coefficients, and a prior. States `value`, `prox` and `violation`; the rest follows."""

    convex: bool = True
    even: bool = False  # P(-w) = P(w), and P grows with every |w_j|
    has_dual: bool = False  # whether `fenchel_young` and `dual_scale` are known
    is_proper: bool = False  # whether exp(-P) has a finite integral

    @abstractmethod
    def value(self, w: Array) -> Array:
        """P(w), one number."""

    @abstractmethod
    def prox(self, w: Array, step: Any) -> Array:
        """The z that minimises P(z) + sum((z - w)**2 / (2 step)). `step` > 0: a number, or one per coefficient."""

    @abstractmethod
    def violation(self, w: Array, gradient: Array) -> Array:
        """How far -gradient lies outside the subdifferential of P at w, per coefficient: 0 everywhere at a solution."""

    # ---- the prior

    def log_normalizers(self, shape: tuple[int, ...]) -> np.ndarray:
        """log of the integral of exp(-P) over each independent part: infinite if improper, NaN if in no closed form."""
        return np.array([np.nan if self.is_proper else np.inf])

    def log_normalizer(self, shape: int | tuple[int, ...]) -> float:
        """log of the integral of exp(-P) over all w of this shape.

        **Raises** `ParameterError` if the prior is improper, or if the integral has no closed form here.
        """
        parts = self.log_normalizers(_shape(shape))
        if np.any(np.isposinf(parts)):
            raise ParameterError(
                f"{self!r} is improper as a prior: exp(-penalty) has no finite integral, so it has a mode but no density. "
                "Add an L2 or a Box to make it proper."
            )
        if np.any(np.isnan(parts)):
            raise ParameterError(f"The normaliser of {self!r} has no closed form here; its density is known up to a constant.")
        return float(np.sum(parts))

    def log_normalizer_known(self, shape: int | tuple[int, ...]) -> tuple[float, bool]:
        """(the sum of the normalisers of the proper part that are known, whether that is all of the prior)."""
        parts = self.log_normalizers(_shape(shape))
        return float(np.sum(parts[np.isfinite(parts)])), bool(np.all(np.isfinite(parts)))

    def log_density(self, w: Array) -> Array:
        """log p(w), normalised. **Raises** `ParameterError` where there is no density, as `log_normalizer` does."""
        return -self.value(w) - self.log_normalizer(tuple(w.shape))

    def sample(self, shape: int | tuple[int, ...], rng: Any = None) -> np.ndarray:
        """Independent draws from the prior. `rng`: None, a seed or a NumPy generator."""
        raise ParameterError(f"{self!r} has no sampler: a draw needs a proper prior in closed form.")

    # ---- convex analysis

    def prox_conjugate(self, u: Array, step: float) -> Array:
        """The prox of the convex conjugate, by Moreau's identity."""
        return u - step * self.prox(u / step, 1 / step)

    def fenchel_young(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Terms >= 0 whose sum is P(w) + P*(v) - v.w; infinite outside the domain of P*. NumPy."""
        raise ParameterError(f"The convex conjugate of {self!r} is not known.")

    def dual_scale(self, v: np.ndarray) -> float:
        """The largest k <= 1 with P*(k v) finite (free coefficients left out). NumPy."""
        raise ParameterError(f"The convex conjugate of {self!r} is not known.")

    def critical(self, gradient: np.ndarray) -> float:
        """The smallest c at which w = 0 is stationary for gradient . w + c P(w); infinite if there is none. By bisection."""
        zero = np.zeros_like(gradient)

        def still(c: float) -> bool:
            return float(np.max((c * self).violation(zero, gradient), initial=0.0)) == 0.0

        high = 1.0
        while not still(high):
            high *= 2
            if high > 1e300:
                return np.inf
        low = 0.0
        for _ in range(2100):
            middle = (low + high) / 2
            if middle in (low, high) or high < 1e-300:
                break
            low, high = (low, middle) if still(middle) else (middle, high)
        return high

    # ---- for the solvers

    def free(self, p: int) -> np.ndarray:
        """Mask (p,) of the coefficients P does not touch: the ones at which it is flat everywhere."""
        return np.zeros(p, dtype=bool)

    def check(self, p: int) -> None:
        """Raise `ParameterError` unless P is for p coefficients; by default it is for any number."""
        return None

    def rescale(self, exponents: np.ndarray, e: int) -> Penalty | None:
        """Q with Q(v) = 2**-e P(2**exponents * v), exactly; None where this penalty cannot change its units."""
        return None

    def twin(self, p: int) -> Twin | None:
        """What the compiled core reads; None where it has no twin of this penalty."""
        return None

    # ---- calculus: the rules are in calculus.py

    def __add__(self, other: Any) -> Penalty:
        if not isinstance(other, Penalty):
            return NotImplemented
        from shrinkage.penalties import calculus

        return calculus.add(self, other)

    def __rmul__(self, c: Any) -> Penalty:
        from shrinkage.penalties import calculus

        return calculus.scale(c, self)

    __mul__ = __rmul__


class Separable(Penalty):
    """A sum of one-dimensional penalties. States `value`, `prox` and `subgradient`; a stranger's penalty is one of these."""

    @abstractmethod
    def subgradient(self, w: Array) -> tuple[Array, Array]:
        """The lower and upper end of the subdifferential at each w_j."""

    def violation(self, w: Array, gradient: Array) -> Array:
        low, high = self.subgradient(w)
        return positive_part(low + gradient) + positive_part(-gradient - high)

    def critical(self, gradient: np.ndarray) -> float:
        low, high = self.subgradient(np.zeros_like(gradient))
        end = np.where(gradient < 0, high, -low)  # both >= 0 where zero can be stationary
        size = np.abs(gradient)
        size[self.free(len(gradient))] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = np.where(size == 0, 0.0, np.where(end > 0, size / end, np.inf))
        return float(np.max(needed, initial=0.0))


def _shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (int(shape),) if np.ndim(shape) == 0 else tuple(shape)  # type: ignore[arg-type]
