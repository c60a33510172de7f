"""Grouped(inner, groups): any even separable penalty on the Euclidean norms of groups of coefficients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import gammaln

from shrinkage.arrays import Array, namespace, on, or_one, positive_part
from shrinkage.errors import ParameterError
from shrinkage.penalties.base import Penalty, Twin
from shrinkage.penalties.elementary import Elementary, Plain
from shrinkage.penalties.terms import Terms
from shrinkage.plurals import are, counted

NEWTON_ROUNDS = 50  # a guard: four or five are used


@dataclass(frozen=True, eq=False)
class Grouped(Penalty):
    """inner(norms of the groups): L1 inside is the group lasso (Yuan and Lin, 2006, JRSS B 68), MCP and SCAD their group
    forms; with a single group L1 is the unsquared L2 norm. As a prior, L1 is the multivariate Laplace of each group.

    **Arguments**

    - `inner`: L1, L2, MCP, SCAD or a sum of them; its strengths may be one per group. No square root of a group's size is
      applied here (the estimators apply it, and say so).
    - `groups`: the group of each coefficient, (p,): any labels, coded in order of first appearance.
    """

    inner: Any
    groups: Any
    codes: np.ndarray = field(init=False, repr=False)
    sizes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Elementary) or self.inner.terms.bounded:
            raise ParameterError(f"Grouped takes L1, L2, MCP, SCAD or a sum of them inside; got {self.inner!r}.")
        labels = list(self.groups.tolist() if hasattr(self.groups, "tolist") else self.groups)
        if not labels or any(g is None or g != g or (isinstance(g, int | float) and g < 0) for g in labels):
            raise ParameterError(
                f"groups must name the group of each coefficient, without gaps; got {self.groups!r}. "
                "Give a coefficient that stands alone a group of its own."
            )
        known: dict[Any, int] = {}
        codes = np.array([known.setdefault(g, len(known)) for g in labels], dtype=np.int64)
        object.__setattr__(self, "groups", tuple(labels))
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "sizes", np.bincount(codes))
        length = self.inner.terms.length()
        k = len(self.sizes)
        if length not in (None, k):
            raise ParameterError(f"{self.inner!r} has {counted(length, 'strength')}, but there {are(k)} {counted(k, 'group')}.")

    def __repr__(self) -> str:
        return f"Grouped({self.inner!r}, {counted(len(self.sizes), 'group')} of {counted(len(self.codes), 'coefficient')})"

    # ---- facts

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return bool(self.inner.convex)

    @property
    def even(self) -> bool:  # type: ignore[override]
        return True

    @property
    def has_dual(self) -> bool:  # type: ignore[override]
        return bool(self.inner.convex)

    @property
    def is_proper(self) -> bool:  # type: ignore[override]
        return bool(self.inner.is_proper)

    def check(self, p: int) -> None:
        if p != len(self.codes):
            raise ParameterError(f"groups names {counted(len(self.codes), 'coefficient')}, but there {are(p)} {p}.")

    # ---- the function

    def _codes(self, w: Array) -> Any:
        return self.codes if isinstance(w, np.ndarray) else namespace(w).asarray(self.codes)

    def _sums(self, x: Array) -> Array:
        """The sum of x over each group, (m,)."""
        if isinstance(x, np.ndarray):
            return np.bincount(self.codes, x, minlength=len(self.sizes))
        xp = namespace(x)
        return xp.zeros(len(self.sizes), dtype=x.dtype, device=x.device).index_add(0, self._codes(x), x)

    def norms(self, w: Array) -> Array:
        """The Euclidean norm of each group, (m,)."""
        return namespace(w).sqrt(self._sums(w * w))

    def value(self, w: Array) -> Array:
        return self.inner.value(self.norms(w))

    def prox(self, w: Array, step: Any) -> Array:
        """Along w_g where the step is one number in the group; else along the curve w_j(s) = w_j / (1 + step_j s)."""
        steps = on(step, w)
        uniform = np.ndim(steps) == 0
        if not uniform:
            spread = np.asarray(steps, float) if isinstance(w, np.ndarray) else None
            uniform = spread is not None and all(np.ptp(spread[self.codes == g]) == 0 for g in range(len(self.sizes)))
            if uniform:
                first = np.unique(self.codes, return_index=True)[1]
                steps = steps[first]
        if uniform:
            norms = self.norms(w)
            return w * (self.inner.prox(norms, steps) / or_one(norms))[self._codes(w)]
        return self._metric_prox(w, steps)

    def _metric_prox(self, w: Array, steps: Array) -> Array:
        """One step per coefficient: w_j = z_j / (1 + step_j phi'(theta) / theta) with theta = ||w||, found per group.

        ||d z|| <= slope at 0 means zero (d = 1 / step). Else theta is the root of sum (d z / (d theta + phi'(theta)))^2 = 1,
        which lies in (0, ||z||]; bracketed Newton, all groups at once.
        """
        xp = namespace(w)
        codes, d = self._codes(w), 1 / steps
        zero = xp.zeros(len(self.sizes), dtype=w.dtype)
        slope0 = self._steep(zero)
        alive = self.norms(d * w) > slope0
        low, high = xp.zeros_like(slope0), self.norms(w)
        theta = high
        for _ in range(200 if self.inner.terms.concave else NEWTON_ROUNDS):
            steep = self._steep(theta)
            q = d * w / or_one(d * theta[codes] + steep[codes])
            norm = xp.sqrt(self._sums(q * q))
            low, high = xp.where(norm > 1, theta, low), xp.where(norm > 1, high, theta)
            slopes = self._sums(q * q * d / or_one(d * theta[codes] + steep[codes]))
            new = theta + (1 - 1 / or_one(norm)) * norm**3 / or_one(slopes)
            inside = (new > low) & (new < high)
            theta = xp.where(inside, new, (low + high) / 2)
        steep = self._steep(theta)
        out = w / (1 + steps * (steep / or_one(theta))[codes])
        return xp.where(alive[codes], out, xp.zeros_like(w))

    def _steep(self, norms: Array) -> Array:
        """The derivative of the inner penalty at each norm (at zero, from the right)."""
        return self.inner.subgradient(norms)[1]

    def parts(self, w: Array) -> tuple[Array, Array, Array]:
        """(the gradient's part at groups that are not zero, (p,); the slope at zero, (m,); which groups are zero, (m,))."""
        xp = namespace(w)
        norms, codes = self.norms(w), self._codes(w)
        steep = self._steep(norms)
        dead = norms == 0
        smooth = w * (xp.where(dead, xp.zeros_like(steep), steep) / or_one(norms))[codes]
        return smooth, steep, dead

    def violation(self, w: Array, gradient: Array) -> Array:
        smooth, steep, dead = self.parts(w)
        return self.spread(gradient + smooth, steep, dead)

    def spread(self, rest: Array, steep: Array, dead: Array) -> Array:
        """What of `rest` a group's ball of radius `steep` does not cover where the group is zero, per coefficient."""
        xp = namespace(rest)
        norms, codes = self.norms(rest), self._codes(rest)
        left = xp.where(dead, positive_part(1 - steep / or_one(norms)), xp.ones_like(norms))
        return xp.abs(rest) * left[codes]

    # ---- duality: the norm of each group is its own coefficient

    def fenchel_young(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Per group: that of the inner penalty at the norms, and by how much v_g is not along w_g."""
        size, pull = self.norms(w), self.norms(v)
        inner = self.inner.fenchel_young(size, pull)
        along = size * pull - self._sums(w * v)
        return inner + np.maximum(along, 0.0)

    def dual_scale(self, v: np.ndarray) -> float:
        return float(self.inner.dual_scale(self.norms(v)))

    def critical(self, gradient: np.ndarray) -> float:
        return float(self.inner.critical(self.norms(gradient)))

    # ---- for the solvers

    def free(self, p: int) -> np.ndarray:
        return self.inner.free(len(self.sizes))[self.codes]

    def rescale(self, exponents: np.ndarray, e: int) -> Penalty | None:
        k = np.zeros(len(self.sizes), np.int64)
        k[self.codes] = exponents
        if np.any(k[self.codes] != exponents):
            return None
        return self.around(Plain(self.inner.terms.rescaled(k, e)))

    def twin(self, p: int) -> Twin:
        return Twin(Terms().table(p), self.codes, self.inner.terms.table(len(self.sizes)))

    def around(self, inner: Penalty) -> Grouped:
        """The same groups, not read again: a path makes a penalty for every alpha."""
        other = object.__new__(Grouped)
        for name, value in (("inner", inner), ("groups", self.groups), ("codes", self.codes), ("sizes", self.sizes)):
            object.__setattr__(other, name, value)
        return other

    # ---- the prior

    def log_normalizers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Multivariate Laplace: log[2 pi^(m/2) Gamma(m) / (Gamma(m/2) strength^m)] per group of m."""
        t, m = self.inner.terms, self.sizes.astype(float)
        l1, l2, slope = (np.broadcast_to(np.asarray(x, float), m.shape) for x in (t.l1, t.l2, t.slope))
        with np.errstate(divide="ignore"):
            laplace = np.log(2) + m / 2 * np.log(np.pi) + gammaln(m) - gammaln(m / 2) - m * np.log(l1)
            normal = m / 2 * np.log(2 * np.pi / l2)
        out = np.where((l1 > 0) & (l2 == 0), laplace, np.where((l1 == 0) & (l2 > 0), normal, np.nan))
        improper = (l1 == 0) & (l2 == 0)
        return np.where(improper, np.inf, np.where(slope > 0, np.nan, out))

    def sample(self, shape: int | tuple[int, ...], rng: Any = None) -> np.ndarray:
        """A uniform direction and a Gamma(m) radius for each group; `shape` ends in p."""
        shape = (int(shape),) if np.ndim(shape) == 0 else tuple(shape)  # type: ignore[arg-type]
        self.check(shape[-1])
        self.log_normalizer(shape)
        t, m = self.inner.terms, len(self.sizes)
        rng = np.random.default_rng(rng)
        w = rng.standard_normal(shape)
        l1, l2 = (np.broadcast_to(np.asarray(x, float), (m,)) for x in (t.l1, t.l2))
        for g, size in enumerate(self.sizes):
            at = np.flatnonzero(self.codes == g)
            if l2[g] > 0:
                w[..., at] /= np.sqrt(l2[g])
            else:
                radius = rng.gamma(size, 1 / l1[g], shape[:-1])
                w[..., at] *= (radius / np.linalg.norm(w[..., at], axis=-1))[..., None]
        return w
