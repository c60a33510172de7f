"""Accelerated proximal gradient with backtracking: any smooth loss, any penalty that has a prox.

Beck and Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm", SIAM J. Imaging Sci. 2; restarted when
momentum points uphill (O'Donoghue and Candes, 2015, Found. Comput. Math. 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shrinkage.designs import Vector
from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers.base import Solver


@dataclass(frozen=True, eq=False)
class State:
    point: Point
    size: float  # the step size
    seen: bool = True  # whether the last burst moved by more than rounding: only then does backtracking mean anything


@dataclass(frozen=True)
class ProxGradient(Solver[State]):
    """`burst` accelerated steps are taken between two looks of the judge."""

    burst: int = 25
    patience: ClassVar[int] = 100

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        return State(point, previous.size if isinstance(previous, State) else 1.0 / float(problem.weights.sum()))

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        here = evaluation.point
        ahead, age, size = here, 1.0, 2 * state.size if state.seen else state.size
        for _ in range(self.burst):
            new, size = _forward_backward(problem, ahead, size)
            uphill = _inner(ahead, new, here) > 0
            older = 1.0 if uphill else (1 + np.sqrt(1 + 4 * age**2)) / 2
            momentum = 0.0 if uphill else (age - 1) / older
            ahead = _extrapolated(new, here, momentum)
            here, age = new, older
        # Momentum may end a burst above its start where the penalty is not convex: then a plain step, which never rises.
        if problem.objective(here) > evaluation.objective:
            here, size = _forward_backward(problem, evaluation.point, size)
        moved = float(np.sum((here.w - evaluation.point.w) ** 2)) / (2 * size)
        return State(here, size, moved > 1e-10 * abs(evaluation.objective))


def _forward_backward(problem: Problem, at: Point, size: float) -> tuple[Point, float]:
    """A proximal gradient step with the first size that the quadratic bound allows."""
    loss, y, weights = problem.loss, problem.y, problem.weights
    u = loss.total_gradient(y, at.eta, weights)
    pull, lean = problem.design.rmatvec(u), float(u.sum()) if problem.intercept else 0.0
    before = float(loss.total(y, at.eta, weights))
    for _ in range(200):
        w = np.asarray(problem.penalty.prox(at.w - size * pull, size))
        new = problem.at(w, at.b - size * lean)
        dw, db = w - at.w, new.b - at.b
        bound = before + float(pull @ dw) + lean * db + (float(dw @ dw) + db * db) / (2 * size)
        if float(loss.total(y, new.eta, weights)) <= bound + 1e-14 * abs(bound):
            return new, size
        size /= 2
    return at, size


def _inner(ahead: Point, new: Point, old: Point) -> float:
    """(ahead - new) . (new - old), positive when momentum points uphill."""
    dw: Vector = ahead.w - new.w
    return float(dw @ (new.w - old.w)) + (ahead.b - new.b) * (new.b - old.b)


def _extrapolated(new: Point, old: Point, momentum: float) -> Point:
    return Point(new.w + momentum * (new.w - old.w), new.b + momentum * (new.b - old.b), new.eta + momentum * (new.eta - old.eta))
