"""The square-root lasso in its concomitant form: min over s of ||r||^2 / (2 s) + s / 2 is ||r||.

With s fixed this is squared error with strength s times as large, so each step solves that (ProxNewton) and moves s towards
||r(s)||. Between two changes of the active set ||r(s)||^2 is linear in s^2, so a secant step in these finds the root at once.
Sun and Zhang (2012), "Scaled sparse linear regression", Biometrika 99; Ndiaye et al. (2017), "Efficient smoothed
concomitant lasso estimation" (the floor on s).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.losses import SquaredError
from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers.base import Solver
from shrinkage.solvers.loop import minimise


@dataclass(frozen=True, eq=False)
class State:
    point: Point
    inner: Any = None
    known: tuple[tuple[float, float], ...] = ()  # (s^2, ||r(s)||^2) of the last two steps


@dataclass(frozen=True)
class Concomitant(Solver[State]):
    """For RootSquaredError and any penalty that `inner` can take with squared error."""

    inner: Solver
    tol: float = 1e-12
    floor: float = 1e-7  # of the null model's residual norm: below it the data are interpolated, at a cost of this share

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        return State(point, previous.inner if isinstance(previous, State) else None)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        least = self.floor * _norm(problem, problem.null)
        now = _norm(problem, evaluation.point)
        s2 = max(_root(state.known, now**2), least**2)
        strength = float(np.sqrt(s2)) * problem.loss.scale
        plain = Problem(
            problem.design, problem.y, SquaredError(), strength * problem.penalty, problem.weights, problem.offset,
            problem.intercept,
        )  # fmt: skip
        ending = minimise(plain, self.inner, evaluation.point, self.tol, 100, state.inner)
        found, size = ending.evaluation.point, _norm(problem, ending.evaluation.point)
        if size < np.sqrt(s2):  # (nearly) a perfect fit, where the root has many subgradients: s names the one
            found = replace(found, dual=problem.weights * (found.eta - problem.y) / (np.sqrt(s2) * problem.loss.scale))
        return State(found, ending.state, (*state.known[-1:], (s2, size**2)))


def _root(known: tuple[tuple[float, float], ...], last: float) -> float:
    """Where ||r(s)||^2 = s^2 on the secant through the last two, else simply the last norm squared."""
    if len(known) == 2 and known[0][0] != known[1][0]:
        (x0, r0), (x1, r1) = known
        slope = (r1 - r0) / (x1 - x0)
        if slope < 0.999:
            return max((r1 - slope * x1) / (1 - slope), 0.0)
    return last


def _norm(problem: Problem, point: Point) -> float:
    return float(np.sqrt(np.sum(problem.weights * (problem.y - point.eta) ** 2)))
