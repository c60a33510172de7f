"""Rules: c * P, and P + Q wherever the prox of the sum follows exactly from the parts.

    + L1 thresholds first     prox of l1|w| + Q, Q even: prox_Q after soft-thresholding
    + L2 shrinks              prox_Q(w / (1 + step l2), step / (1 + step l2))
    + Box clips after         Q convex and separable
    L1 + Grouped composes     also with NonNegative, a cone: Bach et al. (2012), Found. Trends Mach. Learn. 4, 3.3

A sum is therefore `Terms` plus at most one penalty of another kind; any other is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from shrinkage.arrays import Array, namespace, positive_part
from shrinkage.bisection import largest_share
from shrinkage.errors import ParameterError
from shrinkage.penalties.base import Penalty, Separable, Twin
from shrinkage.penalties.elementary import Elementary, Plain
from shrinkage.penalties.grouped import Grouped
from shrinkage.penalties.terms import Terms, number


def add(first: Penalty, second: Penalty) -> Penalty:
    """first + second, or ParameterError where the sum has no exact prox."""
    name = f"{first!r} + {second!r}"
    plain = [p for p in (*_parts(first), *_parts(second)) if isinstance(p, Elementary)]
    others = [p for p in (*_parts(first), *_parts(second)) if not isinstance(p, Elementary)]
    terms: Terms | None = Terms()
    for part in plain:
        terms = None if terms is None else terms.merged(part.terms)
    if terms is None or len(others) > 1:
        raise ParameterError(
            f"{name} has no exact prox: two penalties that are not L1, L2 or bounds cannot be added. Choose one of them."
        )
    if not others:
        return Plain(terms, name)
    return Sum(Plain(terms), others[0], name)


def scale(c: Any, penalty: Penalty) -> Penalty:
    """c * penalty, c a finite number > 0 (0 only where what is left is still a penalty: bounds stay)."""
    factor = number(c, "The factor of a penalty")
    if np.ndim(factor):
        raise ParameterError("A penalty is multiplied by one number; give the penalty one strength per coefficient instead.")
    if isinstance(penalty, Plain | Elementary):
        return Plain(penalty.terms.scaled(factor), partial(_product, factor, penalty))
    if isinstance(penalty, Grouped):
        return penalty.around(scale(factor, penalty.inner))
    if isinstance(penalty, Sum):
        plain = Plain(penalty.plain.terms.scaled(factor))
        return Sum(plain, scale(factor, penalty.other), f"{factor:g} * {_bracketed(penalty)}")
    if isinstance(penalty, Scaled):
        return Scaled(factor * penalty.factor, penalty.penalty)
    return Scaled(factor, penalty)


def _parts(penalty: Penalty) -> tuple[Penalty, ...]:
    return (penalty.plain, penalty.other) if isinstance(penalty, Sum) else (penalty,)


def _product(factor: float, penalty: Penalty) -> str:
    return f"{factor:g} * {_bracketed(penalty)}"


def _bracketed(penalty: Penalty) -> str:
    text = repr(penalty)
    return f"({text})" if " + " in text else text


@dataclass(frozen=True, eq=False)
class Scaled(Penalty):
    """factor * a stranger's penalty: value times the factor, prox(w, factor step)."""

    factor: float
    penalty: Penalty

    def __repr__(self) -> str:
        return f"{self.factor:g} * {_bracketed(self.penalty)}"

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.penalty.convex

    @property
    def even(self) -> bool:  # type: ignore[override]
        return self.penalty.even

    def value(self, w: Array) -> Array:
        return self.factor * self.penalty.value(w) if self.factor else namespace(w).sum(w * 0)

    def prox(self, w: Array, step: Any) -> Array:
        return self.penalty.prox(w, step * self.factor) if self.factor else w

    def violation(self, w: Array, gradient: Array) -> Array:
        if not self.factor:
            return namespace(w).abs(gradient)
        return self.factor * self.penalty.violation(w, gradient / self.factor)

    def critical(self, gradient: np.ndarray) -> float:
        return self.penalty.critical(gradient) / self.factor if self.factor else np.inf

    def check(self, p: int) -> None:
        self.penalty.check(p)

    def free(self, p: int) -> np.ndarray:
        return self.penalty.free(p) if self.factor else np.ones(p, bool)


@dataclass(frozen=True, eq=False)
class Sum(Penalty):
    """Terms (`plain`) + one penalty of another kind (`other`): Grouped, or a stranger's."""

    plain: Plain
    other: Penalty
    name: str

    def __post_init__(self) -> None:
        t, other = self.plain.terms, self.other
        if t.concave:
            raise ParameterError(f"{self.name} has no exact prox: only L1, L2 and bounds can be added to {other!r}.")
        if isinstance(other, Grouped):
            if np.any(np.isfinite(t.high)) or not np.all(np.isneginf(t.low) | (np.asarray(t.low) == 0)):
                raise ParameterError(f"{self.name} has no exact prox: of bounds only NonNegative can be added to groups.")
        elif np.any(np.asarray(t.l1) > 0) and not other.even:
            raise ParameterError(f"{self.name} has no exact prox: L1 can be added to an even penalty only (state `even = True`).")
        elif t.bounded and not (other.convex and isinstance(other, Separable | Scaled)):
            raise ParameterError(f"{self.name} has no exact prox: bounds can be added to convex separable penalties only.")

    def __repr__(self) -> str:
        return self.name

    # ---- facts

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.other.convex

    @property
    def even(self) -> bool:  # type: ignore[override]
        return self.plain.even and self.other.even

    @property
    def has_dual(self) -> bool:  # type: ignore[override]
        """Known for groups where the L2 added is one number within each group."""
        return isinstance(self.other, Grouped) and self.other.convex and self._l2_by_group() is not None

    @property
    def is_proper(self) -> bool:  # type: ignore[override]
        return self.plain.is_proper or self.other.is_proper

    # ---- the function

    def value(self, w: Array) -> Array:
        return self.plain.value(w) + self.other.value(w)

    def prox(self, w: Array, step: Any) -> Array:
        t = self.plain.terms
        if isinstance(self.other, Grouped):  # threshold, project on the cone, shrink; then the groups
            shrink = 1 + step * np.asarray(t.l2) if np.ndim(t.l2) else 1 + step * t.l2
            return self.other.prox(t.prox(w, step), step / shrink)
        inner = Terms(l1=t.l1, l2=t.l2)
        shrink = 1 + step * inner.l2
        return t._clipped(self.other.prox(inner.prox(w, step), step / shrink))

    def violation(self, w: Array, gradient: Array) -> Array:
        xp = namespace(w)
        if isinstance(self.other, Grouped):
            smooth, steep, dead = self.other.parts(w)
            return self.other.spread(self.plain.violation(w, gradient + smooth), steep, dead)
        if isinstance(self.other, Separable):
            low, high = self.other.subgradient(w)
            a, b = self.plain.subgradient(w)
            return positive_part(a + low + gradient) + positive_part(-gradient - b - high)
        return xp.abs(w - self.prox(w - gradient, 1.0))

    def check(self, p: int) -> None:
        self.plain.check(p)
        self.other.check(p)

    def free(self, p: int) -> np.ndarray:
        return self.plain.free(p) & self.other.free(p)

    # ---- duality of terms + groups: sup v.w - l1|w| - l2 w^2/2 - phi(||w_g||) is phi's (+ l2) at ||soft(v_g, l1)||

    def _l2_by_group(self) -> np.ndarray | None:
        groups: Grouped = self.other  # type: ignore[assignment]
        l2 = np.broadcast_to(np.asarray(self.plain.terms.l2, float), groups.codes.shape)
        by_group = np.zeros(len(groups.sizes))
        by_group[groups.codes] = l2
        return by_group if np.array_equal(by_group[groups.codes], l2) else None

    def _norms_problem(self) -> tuple[Grouped, Terms]:
        """The groups, and the terms that the norms feel: phi plus the plain L2."""
        groups: Grouped = self.other  # type: ignore[assignment]
        inner = groups.inner.terms.merged(Terms(l2=self._l2_by_group()))
        return groups, inner

    def _left_of(self, v: np.ndarray) -> np.ndarray:
        """v after the threshold, and after the cone where there is one."""
        t = self.plain.terms
        u: np.ndarray = Terms(l1=t.l1).prox(v, 1.0)
        return np.maximum(u, np.where(np.isfinite(t.low), 0.0, -np.inf))

    def fenchel_young(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Per group; with u = what is left of v: l1|w| - (v - u) w, then the norms' own, then ||w|| ||u|| - u.w: all >= 0."""
        groups, inner = self._norms_problem()
        u = self._left_of(v)
        l1 = np.broadcast_to(np.asarray(self.plain.terms.l1, float), w.shape)
        outside = self.plain.value(np.where(w == 0, 0.0, w)) == np.inf
        thresholded = np.maximum(l1 * np.abs(w) - (v - u) * w, 0.0)
        size, pull = groups.norms(w), groups.norms(u)
        along = np.maximum(size * pull - groups._sums(u * w), 0.0)
        out = groups._sums(thresholded) + Plain(inner).fenchel_young(size, pull) + along
        return out + np.inf if outside else out

    def dual_scale(self, v: np.ndarray) -> float:
        """By bisection: the norm of what the threshold leaves of k v grows with k."""
        groups, inner = self._norms_problem()
        return largest_share(lambda k: inner.dual_scale(groups.norms(self._left_of(k * v))) >= 1.0)

    # ---- for the solvers

    def rescale(self, exponents: np.ndarray, e: int) -> Penalty | None:
        other = self.other.rescale(exponents, e)
        return None if other is None else Sum(Plain(self.plain.terms.rescaled(exponents, e)), other, self.name)

    def twin(self, p: int) -> Twin | None:
        other = self.other.twin(p)
        return None if other is None else Twin(self.plain.terms.table(p), other.groups, other.group_terms)
