"""A lane of squared error: the model on a working set is the loss itself, and a batch is one path over its Gram."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.batched import Lane, Solved, State
from shrinkage.engine.panels import Panel
from shrinkage.engine.working import NOTHING, WorkingSet


class SquaredSet(WorkingSet):
    """With the target about its mean, `y`, and the columns' products with it, `q`."""

    def __init__(self, problem, weights):
        super().__init__(problem, weights)
        level = 0.0
        if problem.intercept:
            first = problem.y[np.flatnonzero(weights)[0]]
            level = float(first + weights @ (problem.y - first) / self.total)
        self.y, self.mean_of_y = problem.y - level, level
        self.yy = float(weights @ self.y**2)

    def measure(self, metric, whole=None):
        super().measure(metric, whole)
        self.q = NOTHING

    def fill(self, panel):
        old = self.filled
        if old == len(self.columns):
            return
        self.q = np.concatenate([self.q, panel.sums(self.at[old:], (self.weights * self.y)[:, None])[:, 0]])
        super().fill(panel)

    def _mend(self, j, panel):
        super()._mend(j, panel)
        self.q[j] = float((self.metric * self.centred(j, panel)) @ self.y)


class SquaredLane(Lane):
    floor = 0.0
    sets = SquaredSet
    working: SquaredSet

    def __init__(self, problem, weights, size):
        curvature = np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
        super().__init__(problem, weights * curvature, size * np.sqrt(curvature.max()))
        self.half = self.yy / 2
        self.state = State(np.inf, NOTHING, self.root * self.y, np.zeros(len(self.y)), NOTHING, NOTHING)

    y = property(lambda self: self.working.y)
    yy = property(lambda self: self.working.yy)
    q = property(lambda self: self.working.q)

    def solve(self, strengths, tol, panel):
        W, _, gaps, tangent, *_ = _core.follow(
            self.G, self.q, self.yy, np.ascontiguousarray(self.unit[:, self.columns]), np.ascontiguousarray(strengths),
            self.state.w, 0.1 * tol * self.half, True, self.memory,
        )  # fmt: skip
        return self.solved(W, gaps, tangent, panel)

    def solved(self, W: Matrix, gaps: Vector, tangent: Vector, panel: Panel) -> Solved:
        """What follows from models W (b, U), and from -dw / d strength at the last, (U,)."""
        self.lead(self.fitted(tangent[None, :], panel)[:, 0])
        vectors = self.root[:, None] * (self.y[:, None] - self.fitted(W, panel))
        return Solved(W, self.working.mean_of_y - W @ self.mean, gaps, vectors, np.sum(vectors**2, axis=0) / 2)

    def hessian(self, line, i, columns, panel):
        at = self.place[line.columns[columns]]
        return self.G[np.ix_(at, at)]

    def training(self, totals):
        return 2 * totals / self.working.total

    def deviances(self, eta, weights, rows):
        return weights @ (self.problem.y[rows, None] - eta) ** 2


def solve_symmetric(H: Matrix, v: Vector) -> Vector:
    """H^-1 v, by least squares where H is not positive definite."""
    _, x, failed = lapack.dposv(H, v)
    return linalg.lstsq(H, v, cond=1e-8)[0] if failed else x.reshape(len(v))
