"""One reading of X: products of the rows of each pattern, from which every lane's path and every fold's score follow.

For n >> p the Gram is the algorithm: after it X is not touched again. Weightings add up the products of their patterns, so that
nothing is subtracted (Engstrom and Jensen, 2024, arXiv 2401.13185, subtract; a fold that holds a column's energy then loses
its digits), and a held-out sum of squares is a quadratic form in the held-out rows' products.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from shrinkage import _core, memory, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Line, Moments, Patterns, Rows, unit_terms
from shrinkage.losses.base import quiet
from shrinkage.plurals import counted
from shrinkage.problem import Problem

AT_ONCE = 10  # strengths between two looks at what there is to keep
SMALL = 64  # columns up to which a whole path is too short for looks, or for threads
# Of the target's sum of squares: below it, a sum of squares got from products has lost digits, and is formed from residuals.
LEAST_SQUARES = 1e-8


class Job(NamedTuple):
    """Some strengths of a lane, given its penalty's terms `unit` (7, p), the model to begin from, and what the core remembers of
    the strengths before."""

    lane: int
    unit: Matrix
    strengths: Vector
    start: Vector
    memory: Any


class Models(NamedTuple):
    """A lane's models `W` (m, p), what the loss pulls there (m, p), their gaps (m,), and degrees of freedom where known."""

    W: Matrix
    pull: Matrix
    gaps: Vector
    df: Vector | None = None


class GramRows(Rows):
    def __init__(self, problem: Problem, weights: Vector, families: list[Patterns], weightings: int):
        """`weights` (n,): the rows' in the loss, its curvature included. The first `weightings` of the families' columns are
        lanes'; others are sets to be scored."""
        self.problem, self.weights, self.families, self.weightings = problem, weights, families, weightings
        self.home = {int(column): (f, j) for f, family in enumerate(families) for j, column in enumerate(family.columns)}
        kept = [family.kept for family in families]
        sums = sum(one.shape[1] for one in kept)
        memory.require(
            (sums + weightings) * (problem.p + 2) ** 2, f"The Gram matrices of {counted(weightings, 'weighting')} of the rows"
        )
        partitions = [(family.labels, one) for family, one in zip(families, kept, strict=True)]
        self.products = problem.design.products(problem.y, weights, partitions)
        self.moments = self._moments()
        self.pull = -self.moments[0].q
        self.passes = 1

    def _sums(self, column: int) -> Matrix:
        """Products of the rows as a column counts them."""
        f, j = self.home[column]
        return np.tensordot(self.families[f].shares[:, j], self.products[f], axes=1)

    def _rows(self, column: int) -> Vector:
        """Their weights, (n,)."""
        f, j = self.home[column]
        return self.families[f].marks[self.families[f].labels, j] * self.weights

    def _moments(self) -> list[Moments]:
        every = [Moments.of(self._sums(k), self.problem.intercept) for k in range(self.weightings)]
        if len(every) == 1 or not self.problem.intercept:
            return every
        whole = np.diag(every[0].G) / every[0].total
        return [one.repaired(self.problem, partial(self._rows, k), whole * one.total) for k, one in enumerate(every)]

    def regular(self, weighting):
        return self.moments[weighting].yy > LEAST_SPREAD * self.moments[0].yy

    def hessian(self, line, i, columns):
        return self.moments[self.courses[line.lane].weighting].G[np.ix_(columns, columns)]

    def follow(self, courses, tol, standardize):
        """As many lanes side by side as there are weightings, since each holds a factor as large as a Gram matrix."""
        self.courses = courses
        for some in threads.tiles(len(courses), self.weightings):
            yield from self._side_by_side(range(len(courses))[some], tol, standardize)

    def _side_by_side(self, lanes: range, tol: float, standardize: bool) -> Iterator[list[Line]]:
        courses = [self.courses[k] for k in lanes]
        units = [unit_terms(c.twin.terms, self._relative(c.weighting) if standardize else None) for c in courses]
        starts, memories = [np.zeros(self.problem.p)] * len(lanes), [_core.Memory() for _ in lanes]
        m, small = len(courses[0].strengths), self.problem.p <= SMALL
        for at in threads.tiles(m, m if small else AT_ONCE):
            each = zip(lanes, units, (c.strengths[at] for c in courses), starts, memories, strict=True)
            jobs = [Job(*one) for one in each]
            lines = [self._line(job, tol) for job in jobs] if small else threads.each(lambda job: self._line(job, tol), jobs)
            starts = [line.W[-1] for line in lines]
            yield lines

    def _relative(self, weighting: int) -> Vector | None:
        """Its spread of each column over the whole's; 1 for a column that does not vary."""
        if weighting == 0:
            return None
        one, whole = (np.diag(self.moments[k].G) / self.moments[k].total for k in (weighting, 0))
        return np.sqrt(np.where((one > 0) & (whole > 0), one / np.where(whole > 0, whole, 1.0), 1.0))

    @quiet  # what overflows has no gap, and is left to a solver
    def _line(self, job: Job, tol: float) -> Line:
        weighting = self.courses[job.lane].weighting
        m = self.moments[weighting]
        W, pull, gaps, df = self._models(m, job, tol)
        squares = m.yy - np.sum(W * (m.q + pull), axis=1)
        b = m.level - W @ m.mean if self.problem.intercept else np.zeros(len(W))
        small = np.flatnonzero(squares < LEAST_SQUARES * m.yy)
        if len(small):
            squares[small] = self._residual_squares(W[small], b[small], weighting)
        return Line(np.arange(len(m.q)), W, b, gaps, squares / 2, m.yy / 2, df=df, lane=job.lane)

    def _models(self, m: Moments, job: Job, tol: float) -> Models:
        found = _core.follow(m.G, m.q, m.yy, job.unit, job.strengths, job.start, 0.1 * tol * m.yy / 2, False, job.memory)
        return Models(*found[:3])

    def errors(self, line, columns):
        return np.array([self._errors(line, column) for column in columns])

    def _errors(self, line: Line, column: int) -> Vector:
        if column == self.courses[line.lane].weighting:  # its own rows, whose sum of squares it brings
            return 2 * line.totals / self.moments[column].total
        sums = self._sums(column)
        Z = np.column_stack([-line.W, np.ones(len(line.W)), -line.b])
        squares = np.sum((Z @ sums) * Z, axis=1)
        small = np.flatnonzero(squares < LEAST_SQUARES * sums[-2, -2])
        if len(small):
            squares[small] = self._residual_squares(line.W[small], line.b[small], column)
        return squares / sums[-1, -1]

    def _residual_squares(self, W: Matrix, b: Vector, column: int) -> Vector:
        eta = self.problem.design.matmat(np.arange(self.problem.p), W.T) + b
        return self._rows(column) @ (self.problem.y[:, None] - eta) ** 2
