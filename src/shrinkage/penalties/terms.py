"""The one formula every separable penalty of ours is an instance of.

    P(w) = l1 |w| + l2 w^2 / 2 + C(|w|)  on [low, high],      C'(u) = slope                                 u <= fall
                                                                      slope (flat - u) / (flat - fall)      between
                                                                      0                                     u >= flat

C is the concave part: MCP has fall = 0 (Zhang, 2010, Ann. Stat. 38), SCAD falls from its strength on (Fan and Li, 2001,
JASA 96). Sums add l1 and l2 and cut boxes; c P multiplies l1, l2 and slope and leaves the knots where they are.
`core/terms.hpp` is the compiled twin of `prox`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from shrinkage.arrays import Array, namespace, on, or_one, positive_part, signed, soft_threshold
from shrinkage.errors import ParameterError

STRONGEST = 1e300
NAMES = ("l1", "l2", "low", "high", "slope", "fall", "flat")


@dataclass(frozen=True, eq=False)
class Terms:
    """Numbers, or arrays that broadcast with w. Every method takes w of any shape, NumPy or torch."""

    l1: Any = 0.0
    l2: Any = 0.0
    low: Any = -np.inf
    high: Any = np.inf
    slope: Any = 0.0
    fall: Any = np.inf
    flat: Any = np.inf

    @property
    def concave(self) -> bool:
        return bool(np.any(np.asarray(self.slope) > 0))

    @property
    def bounded(self) -> bool:
        return bool(np.any(np.isfinite(self.low)) or np.any(np.isfinite(self.high)))

    @property
    def even(self) -> bool:
        """P(-w) = P(w), and P grows with |w|."""
        return bool(np.all(np.asarray(self.low) == -np.asarray(self.high)))

    def table(self, p: int) -> np.ndarray:
        """What the compiled core reads: float64 (7, p), rows as in NAMES."""
        out = np.empty((len(NAMES), p))
        for row, name in zip(out, NAMES, strict=True):
            row[:] = getattr(self, name)
        return out

    def length(self) -> int | None:
        """How many coefficients these terms are for; None for any number."""
        sizes = {np.shape(getattr(self, name))[-1] for name in NAMES if np.ndim(getattr(self, name))} - {1}
        if len(sizes) > 1:
            raise ParameterError(f"The strengths and bounds of one penalty have different lengths: {sorted(sizes)}.")
        return sizes.pop() if sizes else None

    # ---- calculus

    def merged(self, other: Terms) -> Terms | None:
        """The terms of the sum; None if both have a concave part."""
        if self.concave and other.concave:
            return None
        curved = other if other.concave else self
        return Terms(
            _sum(self.l1, other.l1), _sum(self.l2, other.l2), np.maximum(self.low, other.low),
            np.minimum(self.high, other.high), curved.slope, curved.fall, curved.flat,
        )  # fmt: skip

    def scaled(self, c: float) -> Terms:
        return replace(self, l1=_times(c, self.l1), l2=_times(c, self.l2), slope=_times(c, self.slope))

    def rescaled(self, exponents: Any, e: int) -> Terms:
        """Of Q(v) = 2**-e P(2**exponents * v): powers of two, joined before they are applied, so nothing overflows early.

        A strength beyond the floating-point numbers leaves no coefficient but zero, as does the largest one kept.
        """
        k = np.asarray(exponents)

        def strength(x: Any, power: np.ndarray) -> np.ndarray:
            return np.minimum(np.ldexp(x, power), STRONGEST)

        with np.errstate(over="ignore", under="ignore"):
            return Terms(
                strength(self.l1, k - e), strength(self.l2, 2 * k - e), np.ldexp(self.low, -k), np.ldexp(self.high, -k),
                strength(self.slope, k - e), np.ldexp(self.fall, -k), np.ldexp(self.flat, -k),
            )  # fmt: skip

    def at(self, columns: Any) -> Terms:
        """The terms of some of the coefficients."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Terms(**{name: np.asarray(v)[columns] if np.ndim(v) else v for name, v in parts.items()})

    def tangent(self, size: Any) -> Terms:
        """With the concave part as an L1 of its slope at |w| = `size`: what lies above it and touches it there."""
        return Terms(self.l1 + self._concave_slope(size), self.l2, self.low, self.high) if self.concave else self

    # ---- the function

    def value(self, w: Array) -> Array:
        """P per coefficient."""
        xp = namespace(w)
        size = xp.abs(w)
        out = on(self.l1, w) * size + on(self.l2, w) * w * w / 2
        if self.concave:
            out = out + self._concave_value(size)
        if self.bounded:
            outside = (w < on(self.low, w)) | (w > on(self.high, w))
            out = xp.where(outside, xp.full_like(out, np.inf), out)
        return out

    def _knots(self, like: Array) -> tuple[Any, Array, Array]:
        """(slope, fall, flat) as arrays like `like`; where the slope is 0 the knots do not matter and are set to 0 and 1."""
        xp = namespace(like)
        slope = on(self.slope, like) + xp.zeros_like(like)
        some = slope > 0
        fall = xp.where(some, on(self.fall, like) + xp.zeros_like(like), xp.zeros_like(like))
        flat = xp.where(some, on(self.flat, like) + xp.zeros_like(like), xp.ones_like(like))
        return slope, fall, flat

    def _concave_value(self, size: Array) -> Array:
        xp = namespace(size)
        slope, fall, flat = self._knots(size)
        early = xp.where(size < fall, size, fall)
        late = xp.where(size < flat, size, flat)
        late = xp.where(late > fall, late, fall)
        curved = (late - fall) * (flat - (late + fall) / 2) / (flat - fall)
        return slope * (early + curved)

    def _concave_slope(self, size: Array) -> Array:
        xp = namespace(size)
        slope, fall, flat = self._knots(size)
        return slope * positive_part((flat - xp.where(size > fall, size, fall)) / (flat - fall))

    def subgradient(self, w: Array) -> tuple[Array, Array]:
        """The ends of the subdifferential of P at each w (an interval; at a bound it is infinite on one side)."""
        xp = namespace(w)
        steep = on(self.l1, w) + (self._concave_slope(xp.abs(w)) if self.concave else xp.zeros_like(w))
        bend = on(self.l2, w) * w
        low = xp.where(w > 0, steep, -steep) + bend
        high = xp.where(w < 0, -steep, steep) + bend
        if self.bounded:
            low = xp.where(w <= on(self.low, w), xp.full_like(low, -np.inf), low)
            high = xp.where(w >= on(self.high, w), xp.full_like(high, np.inf), high)
        return low, high

    # ---- the prox

    def prox(self, w: Array, step: Any) -> Array:
        """argmin_z P(z) + (z - w)^2 / (2 step), exactly, for any step > 0: one number or one per coefficient.

        + L1 thresholds first, + L2 shrinks the argument and the step, then the concave part, then the box clips. Where
        the scalar problem is not convex (step * slope >= flat - fall) the minimiser is the best of its candidates.
        """
        z = soft_threshold(w, step * on(self.l1, w))
        shrink = 1 + step * on(self.l2, w)
        z, step = z / shrink, step / shrink
        if not self.concave:
            return self._clipped(z)
        xp = namespace(z)
        step = step + xp.zeros_like(z)
        slope, fall, flat = self._knots(z)
        size = xp.abs(z)
        near, far, convex = self._stationary(size, step, slope, fall, flat)
        if not self.bounded:
            return signed(xp.where(convex, near, self._better(size, step, near, far)), z)
        return xp.where(convex, self._clipped(signed(near, z)), self._best_in_box(z, step, near, far))

    def _clipped(self, z: Array) -> Array:
        if not self.bounded:
            return z
        xp = namespace(z)
        low, high = on(self.low, z) + xp.zeros_like(z), on(self.high, z) + xp.zeros_like(z)
        z = xp.where(z < low, low, z)
        return xp.where(z > high, high, z)

    @staticmethod
    def _stationary(size: Array, step: Array, slope: Array, fall: Array, flat: Array) -> tuple[Array, Array, Array]:
        """(the stationary point below the knots or the only one, the one beyond them, whether the problem is convex)."""
        xp = namespace(size)
        room = flat - fall
        convex = step * slope < room
        first = positive_part(size - step * slope)
        bent = xp.where(convex, 1 - step * slope / room, xp.ones_like(size))
        middle = (size - step * slope * flat / room) / bent
        only = xp.where(size <= fall + step * slope, first, xp.where(size < flat, middle, size))
        near = xp.where(convex, only, xp.where(first < fall, first, fall))
        return near, xp.where(size > flat, size, flat), convex

    def _better(self, size: Array, step: Array, near: Array, far: Array) -> Array:
        xp = namespace(size)

        def cost(z: Array) -> Array:
            return (z - size) ** 2 / (2 * step) + self._concave_value(z)

        return xp.where(cost(near) <= cost(far), near, far)

    def _best_in_box(self, z: Array, step: Array, near: Array, far: Array) -> Array:
        """The best of the stationary points, clipped, and the bounds themselves."""
        xp = namespace(z)
        ends = [self._clipped(xp.full_like(z, end)) for end in (-np.inf, np.inf)]
        best = self._clipped(signed(near, z))
        cost = (best - z) ** 2 / (2 * step) + self._concave_value(xp.abs(best))
        for other in (self._clipped(signed(far, z)), *ends):
            other = xp.where(xp.isfinite(other), other, best)
            there = (other - z) ** 2 / (2 * step) + self._concave_value(xp.abs(other))
            best, cost = xp.where(there < cost, other, best), xp.where(there < cost, there, cost)
        return best

    # ---- the dual

    def fenchel_young(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """P(w) + P*(v) - v w per coefficient, >= 0: with z the maximiser of v z - P(z), it is P(w) - P(z) - v (w - z).

        Infinite outside the domain of P* (a few units in the last place beyond it count as its edge).
        """
        l1, l2, low, high = (np.broadcast_to(np.asarray(x, float), w.shape) for x in (self.l1, self.l2, self.low, self.high))
        pull = soft_threshold(v, l1)
        pull = np.where(np.abs(pull) <= 1e-14 * l1, 0.0, pull)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inner = np.where(l2 > 0, pull / or_one(l2), np.where(pull == 0, 0.0, np.sign(pull) * np.inf))
            z = np.clip(inner, low, high)
            known = np.isfinite(z)
            z = np.where(known, z, 0.0)
            # Written so that each summand is >= 0 up to rounding: the L1 part, the L2 part, the linear part.
            out = self.value(w) - self.value(z) - v * (w - z)
        return np.where(known, np.maximum(out, 0.0), np.inf)

    def dual_scale(self, v: np.ndarray) -> float:
        """The largest k <= 1 with P*(k v) finite, coefficients that are free left out."""
        l1, l2, low, high = (np.broadcast_to(np.asarray(x, float), v.shape) for x in (self.l1, self.l2, self.low, self.high))
        endless = np.where(v > 0, np.isinf(high), np.isinf(low)) & (l2 == 0)
        tight = endless & (np.abs(v) > l1) & ~self.free(v.shape)
        return float(np.min(l1[tight] / np.abs(v[tight]), initial=1.0))

    def free(self, shape: tuple[int, ...]) -> np.ndarray:
        touched = (np.asarray(self.l1) > 0) | (np.asarray(self.l2) > 0) | (np.asarray(self.slope) > 0)
        touched = touched | np.isfinite(self.low) | np.isfinite(self.high)
        return ~np.broadcast_to(touched, shape)


def _times(c: float, x: Any) -> Any:
    return c * np.asarray(x, dtype=float) if np.ndim(x) else c * x


def _sum(a: Any, b: Any) -> Any:
    return np.asarray(a) + np.asarray(b) if np.ndim(a) or np.ndim(b) else a + b


def number(value: Any, what: str, low: float = 0.0, open_low: bool = False, finite: bool = True) -> Any:
    """A parameter: a float, or a float64 array, of numbers >= low; ParameterError says which entry is not."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, bool | str | bytes) or value is None:
        raise ParameterError(f"{what} must be a number or an array of numbers; got {value!r}.")
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{what} must be a number or an array of numbers; got {value!r}.") from None
    bad = np.isnan(array) | ((array <= low) if open_low else (array < low)) | (np.isinf(array) if finite else False)
    if bad.any():
        first = int(np.flatnonzero(bad.ravel())[0])
        where = f" at position {first}" if array.ndim else ""
        bound = f"{'>' if open_low else '>='} {low:g}" if np.isfinite(low) else "a number"
        hint = " To keep a coefficient out, use Box(0, 0) for it." if np.isposinf(array.ravel()[first]) else ""
        raise ParameterError(
            f"{what} must be {'finite and ' if finite else ''}{bound}; got {array.ravel()[first]:g}{where}.{hint}"
        )
    return float(array) if array.ndim == 0 else array
