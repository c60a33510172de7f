"""Ridge in closed form for no fewer columns than rows: the kernel of the rows is formed once, and each lane decomposes the
part of it that its own rows have.

X is read for the kernel, for the coefficients that follow from its eigenvectors, for their predictions, and for the gradient
there, of which the gaps are made: as often for a hundred alphas and ten folds as for one.
"""

from __future__ import annotations

import numpy as np

from shrinkage import memory, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Line, Rows, relative_spread, unit_terms
from shrinkage.engine.spectrum import Bend, KernelBasis
from shrinkage.losses.base import quiet
from shrinkage.problem import Problem


class KernelLane:
    """A weighting of the rows. `weights` (n,) include the loss's curvature; `free` (n, k): the columns no penalty touches,
    and ones for an intercept."""

    df: Vector  # of each model, (m,)
    residuals: Matrix  # (n, m)

    def __init__(self, problem: Problem, weights: Vector, free: Matrix):
        self.problem, self.weights, self.free = problem, weights, free
        self.basis = KernelBasis(weights, free)
        y = problem.y[weights > 0]
        level = y[0] if problem.intercept else 0.0  # one at hand: exact for a constant target
        if problem.intercept:
            level += weights[weights > 0] @ (y - level) / weights.sum()
        self.half = float(weights[weights > 0] @ (y - level) ** 2) / 2

    @quiet
    def duals(self, kernel: Matrix, strengths: Vector) -> Matrix:
        """Of each model the weighted residuals over its strength, (n, m): D^2 X' times them are the coefficients."""
        spectrum = self.basis.spectrum(kernel)
        self.df = spectrum.gain(strengths).sum(axis=0) + self.basis.rank - self.problem.intercept
        return self.basis.spread(spectrum.solve(self.basis.apart(self.problem.y), strengths))

    def complete(self, W: Matrix, eta: Matrix) -> Vector:
        """Puts what no penalty touches into models W (p, m), whose other columns predict `eta` (n, m). Their intercepts."""
        left = self.problem.y[:, None] - eta
        found = self.basis.free_coefs(left)
        self.residuals = left - self.free @ found
        W[self.problem.free] = found[: len(self.problem.free)]
        return found[-1] if self.problem.intercept else np.zeros(W.shape[1])

    def line(self, W: Matrix, levels: Vector, pull: Matrix, bend: Bend) -> Line:
        """`pull` (p, m): X' times the weighted residuals."""
        total = float(self.weights.sum())
        gaps = bend.gaps(W, pull, total) + np.abs((self.weights @ self.residuals) * levels)
        squares = self.weights @ self.residuals**2
        return Line(np.arange(len(W)), W.T, levels, gaps, squares / 2, self.half, df=self.df)


class KernelRidge(Rows):
    def __init__(self, problem: Problem, size: Vector, multiples: Matrix, lanes: int):
        """`size` (p,): the root mean square of each column. The first `lanes` columns of `multiples` are lanes, the others
        sets to be scored."""
        self.problem, self.size = problem, size
        curvature = np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
        self.weights = multiples * (problem.weights * curvature)[:, None]  # (n, lanes and sets)
        free = problem.design.gather(problem.free)
        if problem.intercept:
            free = np.column_stack([free, np.ones(len(free))])
        self.lanes = [KernelLane(problem, weights, free) for weights in self.weights.T[:lanes]]
        self.pull, self.passes = problem.null_pull, 1

    def regular(self, lane):
        return self.lanes[lane].half > LEAST_SPREAD * self.lanes[0].half

    def follow(self, twin, strengths, pace, tol, standardize):
        yield self._lines(twin.terms, strengths, standardize)

    @quiet  # what overflows has no gap, and is left to a solver
    def _lines(self, terms: Matrix, strengths: Matrix, standardize: bool) -> list[Line]:
        (lanes, m), design = strengths.shape, self.problem.design
        memory.require(2 * self.problem.p * strengths.size, f"{lanes} paths of {m:,} models of {self.problem.p:,} columns")
        bends = [
            Bend.of(unit_terms(terms, self._relative(lane) if standardize and k else None)[1], strengths[k])
            for k, lane in enumerate(self.lanes)
        ]
        at = [slice(k * m, k * m + m) for k in range(lanes)]
        W = self._times(self._duals(bends, apart=standardize))
        for k, bend in enumerate(bends):
            W[:, at[k]] *= bend.unit[:, None] ** 2
        self.passes += 1
        eta = design.matmat(np.arange(self.problem.p), W)
        levels = [lane.complete(W[:, at[k]], eta[:, at[k]]) for k, lane in enumerate(self.lanes)]
        pull = self._times(np.column_stack([lane.weights[:, None] * lane.residuals for lane in self.lanes]))
        return [lane.line(W[:, at[k]], levels[k], pull[:, at[k]], bends[k]) for k, lane in enumerate(self.lanes)]

    def _relative(self, lane: KernelLane) -> Vector:
        self.passes += 1
        return relative_spread(self.problem.design, self.size, lane.weights)

    def _times(self, R: Matrix) -> Matrix:
        self.passes += 1
        return self.problem.design.rmatmat(R)

    def _duals(self, bends: list[Bend], apart: bool) -> Matrix:
        """Of all lanes' models, (n, models). `apart`: each lane has a penalty, and so a kernel, of its own."""
        every = range(len(bends))
        found: list[Matrix] = []
        for some in [[k] for k in every] if apart else [every]:
            kernel = self.problem.design.kernel(bends[some[0]].unit ** 2)
            self.passes += 1
            found += threads.each(lambda k: self.lanes[k].duals(kernel, bends[k].strengths), some)  # noqa: B023
        return np.column_stack(found)

    def errors(self, lane, line, columns):
        squares = self.lanes[lane].residuals ** 2
        return np.array([self.weights[:, c] @ squares / self.weights[:, c].sum() for c in columns])
