"""Ridge in closed form for no fewer columns than rows: the kernel of the rows is formed once, and each lane decomposes the
part of it that its own rows have.

X is read for the kernel, for the coefficients that follow from its eigenvectors, for their predictions, and for the gradient
there, of which the gaps are made: as often for a hundred alphas and ten folds as for one.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from shrinkage import memory, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Course, Line, Rows, relative_spread, unit_terms
from shrinkage.engine.spectrum import Bend, KernelBasis
from shrinkage.losses.base import quiet
from shrinkage.plurals import counted
from shrinkage.problem import Problem


class KernelLane:
    """A penalty, whose second derivative is `bend`, over a weighting of the rows. `weights` (n,) include the loss's curvature;
    `half`: half the null deviance."""

    df: Vector  # of each model, (m,)
    residuals: Matrix  # (n, m)

    def __init__(self, number: int, problem: Problem, weights: Vector, half: float, bend: Bend):
        self.number, self.problem, self.weights, self.half, self.bend = number, problem, weights, half, bend
        self.untouched = np.flatnonzero(bend.l2 == 0)
        self.free = problem.design.gather(self.untouched)  # (n, k), and ones for an intercept
        if problem.intercept:
            self.free = np.column_stack([self.free, np.ones(len(weights))])
        self.basis = KernelBasis(weights, self.free)

    @quiet
    def duals(self, kernel: Matrix) -> Matrix:
        """Of each model the weighted residuals over its strength, (n, m): D^2 X' times them are the coefficients."""
        spectrum, strengths = self.basis.spectrum(kernel), self.bend.strengths
        self.df = spectrum.gain(strengths).sum(axis=0) + self.basis.rank - self.problem.intercept
        return self.basis.spread(spectrum.solve(self.basis.apart(self.problem.y), strengths))

    def complete(self, W: Matrix, eta: Matrix) -> Vector:
        """Puts what no penalty touches into models W (p, m), whose other columns predict `eta` (n, m). Their intercepts."""
        left = self.problem.y[:, None] - eta
        found = self.basis.free_coefs(left)
        self.residuals = left - self.free @ found
        W[self.untouched] = found[: len(self.untouched)]
        return found[-1] if self.problem.intercept else np.zeros(W.shape[1])

    def line(self, W: Matrix, levels: Vector, pull: Matrix) -> Line:
        """`pull` (p, m): X' times the weighted residuals."""
        total = float(self.weights.sum())
        gaps = self.bend.gaps(W, pull, total) + np.abs((self.weights @ self.residuals) * levels)
        squares = self.weights @ self.residuals**2
        return Line(np.arange(len(W)), W.T, levels, gaps, squares / 2, self.half, df=self.df, lane=self.number)


class KernelRidge(Rows):
    def __init__(self, problem: Problem, size: Vector, multiples: Matrix, lanes: int):
        """`size` (p,): the root mean square of each column. The first `lanes` columns of `multiples` are weightings of the
        lanes, the others sets to be scored."""
        self.problem, self.size = problem, size
        curvature = np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
        self.weights = multiples * (problem.weights * curvature)[:, None]  # (n, weightings and sets)
        self.halves = [_half_deviance(problem, weights) for weights in self.weights.T[:lanes]]
        self.pull, self.passes = problem.null_pull, 1

    def regular(self, weighting):
        return self.halves[weighting] > LEAST_SPREAD * self.halves[0]

    def follow(self, courses, tol, standardize):
        yield self._lines(courses, standardize)

    @quiet  # what overflows has no gap, and is left to a solver
    def _lines(self, courses: list[Course], standardize: bool) -> list[Line]:
        m, p = len(courses[0].strengths), self.problem.p
        memory.require(2 * p * m * len(courses), f"{counted(len(courses), 'path')} of {m:,} models of {p:,} columns")
        relative = [self._relative(k) if standardize and k else None for k in range(len(self.halves))]
        self.lanes = []
        for k, (weighting, twin, strengths, _) in enumerate(courses):
            bend = Bend.of(unit_terms(twin.terms, relative[weighting])[1], strengths)
            self.lanes.append(KernelLane(k, self.problem, self.weights[:, weighting], self.halves[weighting], bend))
        every = list(zip(self.lanes, threads.tiles(m * len(courses), m), strict=True))
        W = self._times(self._duals())
        for lane, at in every:
            W[:, at] *= lane.bend.unit[:, None] ** 2
        self.passes += 1
        eta = self.problem.design.matmat(np.arange(p), W)
        levels = [lane.complete(W[:, at], eta[:, at]) for lane, at in every]
        pull = self._times(np.column_stack([lane.weights[:, None] * lane.residuals for lane in self.lanes]))
        return [lane.line(W[:, at], its, pull[:, at]) for (lane, at), its in zip(every, levels, strict=True)]

    def _relative(self, weighting: int) -> Vector:
        self.passes += 1
        return relative_spread(self.problem.design, self.size, self.weights[:, weighting])

    def _times(self, R: Matrix) -> Matrix:
        self.passes += 1
        return self.problem.design.rmatmat(R)

    def _duals(self) -> Matrix:
        """Of all lanes' models, (n, models). A kernel serves the lanes whose penalties bend alike, one after another."""
        found: list[Matrix] = []
        for _, some in groupby(self.lanes, lambda lane: lane.bend.unit.tobytes()):
            lanes = list(some)
            kernel = self.problem.design.kernel(lanes[0].bend.unit ** 2)
            self.passes += 1
            found += threads.each(lambda lane: lane.duals(kernel), lanes)  # noqa: B023
        return np.column_stack(found)

    def errors(self, line, columns):
        squares = self.lanes[line.lane].residuals ** 2
        return np.array([self.weights[:, c] @ squares / self.weights[:, c].sum() for c in columns])


def _half_deviance(problem: Problem, weights: Vector) -> float:
    """Half the null deviance of the rows as these weights (n,) count them."""
    y, weights = problem.y[weights > 0], weights[weights > 0]
    level = y[0] if problem.intercept else 0.0  # one at hand: exact for a constant target
    if problem.intercept:
        level += weights @ (y - level) / weights.sum()
    return float(weights @ (y - level) ** 2) / 2
