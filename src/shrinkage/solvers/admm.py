"""ADMM on the splitting z = X w + b + offset, for a loss with a prox in z: absolute and quantile error with any penalty.

Boyd, Parikh, Chu, Peleato and Eckstein (2011), "Distributed optimization and statistical learning via ADMM", section 6.
The step in w is a penalised least-squares problem on a Gram that never changes, for the compiled core; a penalty without a
compiled twin takes one proximal gradient step instead (linearised ADMM). A concave part is replaced by its tangent at the
start of each burst (`tangent.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shrinkage import _core
from shrinkage.designs import Vector
from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers.base import Solver
from shrinkage.solvers.newton import SWEEPS, restricted
from shrinkage.solvers.tangent import tangent


@dataclass(frozen=True, eq=False)
class State:
    point: Point
    z: Vector
    t: Vector  # the scaled dual value: rho t is in the subdifferential of the loss at z
    rho: float
    normal: Any  # A'A for A = [1 X]; or a bound on its largest eigenvalue, where there is no compiled twin
    changes: int = 0  # of rho so far


@dataclass(frozen=True)
class ADMM(Solver[State]):
    """`burst` rounds between two looks of the judge; rho balances the primal and the dual residual after each burst."""

    burst: int = 100
    patience: ClassVar[int] = 100  # its certificate does not fall at every look

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        normal = previous.normal if isinstance(previous, State) else _normal(problem)
        return State(point, point.eta.copy(), np.zeros(len(point.eta)), 1.0, normal)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        here, z, t, rho = evaluation.point, state.z, state.t, state.rho
        inner = _least_squares(problem, state.normal, rho, here.w)
        primal = dual = 0.0
        for _ in range(self.burst):
            here = inner(here, z - t)
            new = problem.loss.prox(problem.y, here.eta + t, problem.weights / rho)
            t = t + here.eta - new
            primal, dual = float(np.linalg.norm(here.eta - new)), rho * float(np.linalg.norm(new - z))
            z = new
        point = Point(here.w, here.b, here.eta, rho * t)
        lean = 1 if primal > 3 * dual else -1 if dual > 3 * primal else 0
        factor = 2.0 ** (lean / (1 + state.changes / 5))  # ever smaller changes: a rho that settles is what converges
        return State(point, z, t / factor, rho * factor, state.normal, state.changes + abs(lean))


def _least_squares(problem: Problem, normal: Any, rho: float, w: Vector) -> Any:
    """The step in (w, b): a function of where one is and of the target for the linear predictor."""
    if np.ndim(normal) == 0:
        size = 1.0 / (rho * normal)

        def linearised(here: Point, target: Vector) -> Point:
            lean = rho * (here.eta - target)
            w = np.asarray(problem.penalty.prox(here.w - size * problem.design.rmatvec(lean), size))
            return problem.at(w, here.b - size * float(lean.sum()) if problem.intercept else 0.0)

        return linearised
    lead = int(problem.intercept)
    terms, groups, group_terms = restricted(tangent(problem.twin, w), np.arange(problem.p), lead)
    G = rho * normal

    def exact(here: Point, target: Vector) -> Point:
        r = target - problem.offset
        q = rho * np.concatenate([[r.sum()] * lead, problem.design.rmatvec(r)])
        found = np.concatenate([[here.b] * lead, here.w])
        _core.descend(G, q, terms, groups, group_terms, found, G @ found, 1e-11, SWEEPS, True)
        return problem.at(found[lead:], float(found[0]) if lead else 0.0)

    return exact


def _normal(problem: Problem) -> Any:
    if problem.twin is None:
        return _largest_eigenvalue(problem)
    everything, lead, ones = np.arange(problem.p), int(problem.intercept), np.ones(len(problem.y))
    out = np.empty((lead + problem.p, lead + problem.p))
    out[lead:, lead:] = problem.design.gram(everything, everything, ones)
    if lead:
        out[0, 0] = len(ones)
        out[0, 1:] = out[1:, 0] = problem.design.rmatvec(ones)
    return out


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
