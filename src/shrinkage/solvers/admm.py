"""ADMM on the splitting z = X w + b + offset, for a loss with a prox in z: absolute and quantile error with any penalty.

Boyd, Parikh, Chu, Peleato and Eckstein (2011), "Distributed optimization and statistical learning via ADMM", section 6;
the step in w is linearised (one proximal gradient step), so that a penalty needs no more than its prox.
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
    z: Vector
    t: Vector  # the scaled dual value: rho t is in the subdifferential of the loss at z
    rho: float
    curvature: float  # a bound on the largest eigenvalue of [1 X]'[1 X]
    changes: int = 0  # of rho so far


@dataclass(frozen=True)
class ADMM(Solver[State]):
    """`burst` rounds between two looks of the judge; rho balances the primal and the dual residual after each burst."""

    burst: int = 200
    patience: ClassVar[int] = 100  # its certificate does not fall at every look

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        curvature = previous.curvature if isinstance(previous, State) else _largest_eigenvalue(problem)
        return State(point, point.eta.copy(), np.zeros(len(point.eta)), 1.0, curvature)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        here, z, t, rho = evaluation.point, state.z, state.t, state.rho
        size = 1.0 / (rho * state.curvature)
        primal = dual = 0.0
        for _ in range(self.burst):
            lean = rho * (here.eta - z + t)
            w = np.asarray(problem.penalty.prox(here.w - size * problem.design.rmatvec(lean), size))
            b = here.b - size * float(lean.sum()) if problem.intercept else 0.0
            here = problem.at(w, b)
            new = problem.loss.prox(problem.y, here.eta + t, problem.weights / rho)
            t = t + here.eta - new
            primal, dual = float(np.linalg.norm(here.eta - new)), rho * float(np.linalg.norm(new - z))
            z = new
        point = Point(here.w, here.b, here.eta, rho * t)
        lean_to = 1 if primal > 3 * dual else -1 if dual > 3 * primal else 0
        factor = 2.0 ** (lean_to / (1 + state.changes / 5))  # ever smaller changes: a rho that settles is what converges
        return State(point, z, t / factor, rho * factor, state.curvature, state.changes + abs(lean_to))


def _largest_eigenvalue(problem: Problem, rounds: int = 30) -> float:
    """By the power method, with a margin for what it has not yet found."""
    v = np.random.default_rng(0).standard_normal(problem.p)
    size = 0.0
    for _ in range(rounds):
        norm = float(np.linalg.norm(v))
        if norm == 0:
            break
        v = problem.design.rmatvec(problem.design.matvec(v / norm))
        size = float(np.linalg.norm(v))
    return 1.1 * size + (len(problem.y) if problem.intercept else 0.0) + np.finfo(float).tiny
