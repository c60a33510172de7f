"""One reading of X: products of the rows of each pattern, from which every lane's path and every fold's score follow.

For n >> p the Gram is the algorithm: after it X is not touched again. Lanes add up the products of their patterns, so that
nothing is subtracted (Engstrom and Jensen, 2024, arXiv 2401.13185, subtract; a fold that holds a column's energy then loses
its digits), and a held-out sum of squares is a quadratic form in the held-out rows' products.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shrinkage import _core, memory, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Line, Moments, Patterns, Rows, unit_terms
from shrinkage.losses.base import quiet
from shrinkage.problem import Problem

AT_ONCE = 10  # strengths between two looks at what there is to keep
SMALL = 64  # columns up to which a whole path is too short for looks, or for threads
# Of the target's sum of squares: below it, a sum of squares got from products has lost digits, and is formed from residuals.
LEAST_SQUARES = 1e-8


class Models(NamedTuple):
    """A lane's models `W` (m, p), what the loss pulls there (m, p), their gaps (m,), and degrees of freedom where known."""

    W: Matrix
    pull: Matrix
    gaps: Vector
    df: Vector | None = None


class GramRows(Rows):
    def __init__(self, problem: Problem, weights: Vector, patterns: Patterns, lanes: int):
        """`weights` (n,): the rows' in the loss, its curvature included. The first `lanes` columns of the patterns' marks are
        lanes; others are sets to be scored."""
        self.problem, self.weights, self.patterns, self.lanes = problem, weights, patterns, lanes
        memory.require((patterns.count + lanes) * (problem.p + 2) ** 2, f"The Gram matrices of {lanes} weightings of the rows")
        self.products = problem.design.products(problem.y, weights, patterns.labels, patterns.count)
        self.moments = self._moments()
        self.pull = -self.moments[0].q
        self.memories = [_core.Memory() for _ in range(lanes)]
        self.passes = 1

    def _sums(self, marks: Vector) -> Matrix:
        return np.tensordot(marks, self.products, axes=1)

    def _moments(self) -> list[Moments]:
        every = [Moments.of(self._sums(self.patterns.marks[:, k]), self.problem.intercept) for k in range(self.lanes)]
        if len(every) == 1 or not self.problem.intercept:
            return every
        whole = np.diag(every[0].G) / every[0].total
        return [
            one.repaired(self.problem, self.patterns.marks[self.patterns.labels, k] * self.weights, whole * one.total)
            for k, one in enumerate(every)
        ]

    def regular(self, lane):
        return self.moments[lane].yy > LEAST_SPREAD * self.moments[0].yy

    def hessian(self, line, i, columns):
        return self.moments[0].G[np.ix_(columns, columns)]

    def follow(self, twin, strengths, pace, tol, standardize):
        units = [unit_terms(twin.terms, self._relative(k) if standardize else None) for k in range(self.lanes)]
        starts = [np.zeros(self.problem.p)] * self.lanes
        small = self.problem.p <= SMALL
        for at in threads.tiles(strengths.shape[1], strengths.shape[1] if small else AT_ONCE):
            jobs = [(k, units[k], strengths[k, at], starts[k], tol) for k in range(self.lanes)]
            lines = [self._line(job) for job in jobs] if small else threads.each(self._line, jobs)
            starts = [line.W[-1] for line in lines]
            yield lines

    def _relative(self, lane: int) -> Vector | None:
        """A lane's spread of each column over the whole's; 1 for a column that does not vary."""
        if lane == 0:
            return None
        one, whole = (np.diag(self.moments[k].G) / self.moments[k].total for k in (lane, 0))
        return np.sqrt(np.where((one > 0) & (whole > 0), one / np.where(whole > 0, whole, 1.0), 1.0))

    @quiet  # what overflows has no gap, and is left to a solver
    def _line(self, job: tuple[int, Matrix, Vector, Vector, float]) -> Line:
        lane, unit, strengths, start, tol = job
        m = self.moments[lane]
        W, pull, gaps, df = self._models(lane, unit, strengths, start, tol)
        squares = m.yy - np.sum(W * (m.q + pull), axis=1)
        b = m.level - W @ m.mean if self.problem.intercept else np.zeros(len(W))
        small = np.flatnonzero(squares < LEAST_SQUARES * m.yy)
        if len(small):
            squares[small] = self._residual_squares(W[small], b[small], lane)
        return Line(np.arange(len(m.q)), W, b, gaps, squares / 2, m.yy / 2, df=df)

    def _models(self, lane: int, unit: Matrix, strengths: Vector, start: Vector, tol: float) -> Models:
        m = self.moments[lane]
        return Models(*_core.follow(m.G, m.q, m.yy, unit, strengths, start, 0.1 * tol * m.yy / 2, False, self.memories[lane])[:3])

    def errors(self, lane, line, columns):
        return np.array([self._errors(line, column) for column in columns])

    def _errors(self, line: Line, column: int) -> Vector:
        sums = self._sums(self.patterns.marks[:, column])
        Z = np.column_stack([-line.W, np.ones(len(line.W)), -line.b])
        squares = np.sum((Z @ sums) * Z, axis=1)
        small = np.flatnonzero(squares < LEAST_SQUARES * sums[-2, -2])
        if len(small):
            squares[small] = self._residual_squares(line.W[small], line.b[small], column)
        return squares / sums[-1, -1]

    def _residual_squares(self, W: Matrix, b: Vector, column: int) -> Vector:
        weights = self.patterns.marks[self.patterns.labels, column] * self.weights
        eta = self.problem.design.matmat(np.arange(self.problem.p), W.T) + b
        return weights @ (self.problem.y[:, None] - eta) ** 2
