"""Absolute and quantile loss with L1 and bounds are a linear program; HiGHS solves it and hands back the dual.

min  sum c (q r+ + (1 - q) r-) + l1 . (w+ + w-)   s.t.   X w + b + r+ - r- = y,   w in its box.
Koenker and Bassett (1978), Econometrica 46; HiGHS: Huangfu and Hall (2018), Math. Prog. Comp. 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers import interruptible
from shrinkage.solvers.base import Solver
from shrinkage.solvers.tangent import tangent


@dataclass(frozen=True, eq=False)
class State:
    point: Point


@dataclass(frozen=True)
class LinearProgram(Solver[State]):
    """For a piecewise linear loss (slopes `loss.above`, `loss.below`) and a penalty of L1 and box terms, and of concave
    ones, of which each step takes the tangent."""

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        return State(point)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        from scipy import sparse
        from scipy.optimize import linprog  # late: it is slow to import and rarely needed

        used = np.flatnonzero(problem.weights > 0)
        n, p = len(used), problem.p
        l1, _, low, high = tangent(problem.penalty.twin(p), evaluation.point.w).terms[:4]
        above, below = problem.loss.above, problem.loss.below  # the slopes where y > eta and where y < eta, both >= 0
        X = problem.design.gather(np.arange(p))[used]
        ones = np.full((n, int(problem.intercept)), 1.0)
        A = sparse.hstack([X, -X, ones, sparse.eye_array(n), -sparse.eye_array(n)], format="csc")
        c = np.concatenate([l1, l1, np.zeros(ones.shape[1]), above * problem.weights[used], below * problem.weights[used]])
        # w+ and w- carry the parts of the box on either side of zero.
        bounds = np.concatenate([
            np.column_stack([np.maximum(low, 0), np.maximum(high, 0)]),
            np.column_stack([np.maximum(-high, 0), np.maximum(-low, 0)]),
            np.tile([-np.inf, np.inf], (ones.shape[1], 1)),
            np.tile([0, np.inf], (2 * n, 1)),
        ])  # fmt: skip
        target = (problem.y - problem.offset)[used]
        tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        answer = interruptible.call(linprog, c, A_eq=A, b_eq=target, bounds=bounds, method="highs", options=tight)
        if answer.x is None:  # an unbounded or infeasible program: leave the judgement to the certificate of what we have
            return State(evaluation.point)
        w = answer.x[:p] - answer.x[p : 2 * p]
        w = np.clip(w, low, high)
        b = float(answer.x[2 * p]) if problem.intercept else 0.0
        dual = np.zeros(len(problem.y))
        dual[used] = -answer.eqlin.marginals  # how the objective falls as eta rises in place of y
        point = problem.at(w, b)
        return State(Point(w, b, point.eta, dual))
