"""The problem, which judges: minimise sum(weights * loss(y, X w + b + offset)) + penalty(w).

Here in *prepared* coordinates (`units.py`): a solver and the judge see columns of spread near one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage import free_terms
from shrinkage.bisection import largest_share
from shrinkage.designs import Design, Vector
from shrinkage.points import Point

GAP, VIOLATION = "duality gap", "violation"
ROWS = 8192  # in one go
NEARLY = 1e-12  # of a column's curvature: less L2 than this is next to none


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the judge says of a point, and what it had to compute on the way (a solver reads it rather than do it again)."""

    point: Point
    objective: float
    gradient: Vector  # of the loss in eta, weights included: (n,)
    pull: Vector  # X' gradient: (p,)
    kind: str
    value: float  # the gap, or the largest violation
    relative: float


@dataclass(frozen=True, eq=False)
class Problem:
    """See the module. `weights` are positive or zero; `offset` is zero for a loss whose target can be shifted."""

    design: Design
    y: Vector
    loss: Any
    penalty: Any
    weights: Vector
    offset: Vector
    intercept: bool

    @property
    def p(self) -> int:
        return self.design.shape[1]

    @cached_property
    def twin(self) -> Any:
        """What the compiled core reads of the penalty; None where it cannot."""
        return self.penalty.twin(self.p)

    @cached_property
    def free(self) -> Vector:
        """The columns no penalty touches."""
        return np.flatnonzero(self.penalty.free(self.p))

    @cached_property
    def nearly_free(self) -> Vector:
        """The columns of which L2 alone holds so little that rounding of v, squared and divided by it, is no longer small.

        A dual point moved along such a column by that rounding has v = l2 w exactly, at a cost of its square over the
        column's curvature; as with the free columns, what is left of the product with w is counted.
        """
        twin = self.twin
        bound = float(self.weights.sum()) * self.loss.curvature_bound if self.loss.separable else np.inf
        if twin is None or twin.groups is not None or not np.isfinite(bound):
            return np.zeros(0, np.int64)
        l1, l2, low, high, slope, _, _ = twin.terms
        alone = (l1 == 0) & (slope == 0) & np.isinf(low) & np.isinf(high)
        return np.flatnonzero(alone & (l2 > 0) & (l2 < NEARLY * bound))

    @cached_property
    def null(self) -> Point:
        """The model without coefficients: the best intercept alone."""
        b = float(self.loss.null(self.y, self.weights, self.offset)) if self.intercept else 0.0
        same = self.offset.strides == (0,) and len(self.offset)
        return Point(np.zeros(self.p), b, np.broadcast_to(self.offset[0] + b, self.y.shape) if same else self.offset + b)

    @cached_property
    def null_pull(self) -> Vector:
        """X' times the loss's gradient at the null model."""
        return self.design.rmatvec(self.gradient(self.null.eta))

    @cached_property
    def floor(self) -> float:
        """The least the summed loss can be, over eta."""
        if not self.loss.separable:
            return float(self.loss.total_saturated(self.y, self.weights))
        return sum(float(self.loss.total_saturated(self.y[rows], self.weights[rows])) for rows in self.rows())

    @cached_property
    def half_deviance(self) -> float:
        """Half the null deviance: the null model's loss, counted from its minimum over eta; 0 if only rounding is left."""
        half = self.total(self.null.eta) - self.floor
        return half if half > 1e-13 * float(self.weights.sum()) else 0.0

    @cached_property
    def certifiable(self) -> bool:
        """Whether a duality gap is known for this loss and this penalty."""
        return bool(self.loss.has_dual and self.penalty.has_dual and self.penalty.convex)

    def with_penalty(self, penalty: Any) -> Problem:
        """The same loss and data under another penalty; the null model is not computed again."""
        other = replace(self, penalty=penalty)
        for name in ("null", "null_pull", "floor", "half_deviance"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def at(self, w: Vector, b: float) -> Point:
        return Point(w, b, self.design.matvec(w) + b + self.offset)

    def total(self, eta: Vector) -> float:
        """The summed loss."""
        return self._over_rows(self.loss.total, eta)

    def gradient(self, eta: Vector) -> Vector:
        """Of the summed loss in eta, (n,)."""
        if not self.loss.separable:
            return np.asarray(self.loss.total_gradient(self.y, eta, self.weights))
        out = np.empty(len(self.y))
        for rows in self.rows():
            out[rows] = self.loss.total_gradient(self.y[rows], eta[rows], self.weights[rows])
        return out

    def objective(self, point: Point) -> float:
        return self.total(point.eta) + float(self.penalty.value(point.w))

    def _over_rows(self, total: Any, *vectors: Vector) -> float:
        """A total of the loss, some rows at a time: its temporaries would be several times y."""
        if not self.loss.separable:
            return float(total(self.y, *vectors, self.weights))
        return sum(float(total(self.y[rows], *(v[rows] for v in vectors), self.weights[rows])) for rows in self.rows())

    def rows(self) -> Iterator[slice]:
        """The rows, some at a time."""
        n = len(self.y)
        return (slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS))

    def evaluate(self, point: Point) -> Evaluation:
        """Certify a point, after solving exactly for what no penalty touches."""
        if self.loss.smooth:
            point = self.refit(point)
        gradient = self.gradient(point.eta)
        if point.dual is not None:  # of a loss with kinks: the one subgradient, of many, that the solver found
            gradient = free_terms.project(self, point.dual)
        pull = self.design.rmatvec(gradient)
        objective = self.objective(point)
        if self.certifiable and (self.loss.smooth or point.dual is not None):
            kind, value = GAP, self._gap(point, gradient, pull)
            # A null deviance of zero leaves nothing to explain; the gap then counts against the objective itself.
            scale = self.half_deviance or max(abs(objective), 1.0)
        else:
            kind, value = VIOLATION, self._violation(point, gradient, pull)
            scale = max(float(np.max(np.abs(self.null_pull), initial=0.0)), np.finfo(float).tiny)
        return Evaluation(point, objective, gradient, pull, kind, value, value / scale)

    def _gap(self, point: Point, gradient: Vector, pull: Vector) -> float:
        """P - D at a scaled dual point. Every summand is a Fenchel-Young term, so >= 0: nothing cancels.

        Writing u for the dual value, gap = [l(eta) + l*(u) - u.eta] + [P(w) + P*(v) - v.w] with v = -X'u, provided that
        u is orthogonal to the intercept and to the free columns; what rounding leaves of those products is added.
        Ndiaye et al. (2017), "Gap safe screening rules for sparsity enforcing penalties", JMLR 18.
        """
        u = gradient
        k = float(self.penalty.dual_scale(-pull))
        k = k if self.loss.smooth else min(k, self._loss_scale(u))
        gap = self._over_rows(self.loss.total_fenchel_young, point.eta, u if k == 1 else k * u)
        v = -k * pull
        v[self.free] = 0.0
        terms = self.penalty.fenchel_young(point.w, v)
        if len(self.nearly_free):
            near, terms = self.nearly_free, np.array(terms)
            bend = self.twin.terms[1, near]
            terms[near] = np.minimum(terms[near], np.abs((v[near] - bend * point.w[near]) * point.w[near]))
        gap += float(np.sum(terms))
        gap += float(np.abs(k * pull[self.free]) @ np.abs(point.w[self.free]))
        if self.intercept:
            gap += abs(k * float(u.sum()) * point.b)
        return max(gap, 0.0)  # a summand may be a rounding below zero

    def _loss_scale(self, u: Vector) -> float:
        """The largest k <= 1 at which the loss's conjugate is finite at k u: its domain is convex and holds 0."""
        return largest_share(lambda k: bool(np.isfinite(self._over_rows(self.loss.total_fenchel_young, self.null.eta, k * u))))

    def _violation(self, point: Point, gradient: Vector, pull: Vector) -> float:
        """The largest over coefficients and intercept; with kinks in the loss, also how far the dual is from its subgradients."""
        largest = float(np.max(self.penalty.violation(point.w, pull), initial=0.0))
        if self.intercept:
            largest = max(largest, abs(float(gradient.sum())))
        if self.loss.smooth:
            return largest
        k = self._loss_scale(gradient)
        apart = self._over_rows(self.loss.total_fenchel_young, point.eta, k * gradient)
        size = float(np.max(np.abs(self.null_pull), initial=0.0))
        return max(largest, (apart / (self.half_deviance or 1.0) + (1 - k)) * size)

    def refit(self, point: Point) -> Point:
        return free_terms.refit(self, point)
