"""Ridge in closed form for fewer columns than rows: each lane's Gram, decomposed once, gives its models at all strengths."""

from __future__ import annotations

from shrinkage.designs import Vector
from shrinkage.engine.gram import GramRows, Models
from shrinkage.engine.lanes import Patterns
from shrinkage.engine.spectrum import Bend, GramBasis
from shrinkage.problem import Problem


class GramRidge(GramRows):
    def __init__(self, problem: Problem, weights: Vector, patterns: Patterns, lanes: int):
        super().__init__(problem, weights, patterns, lanes)
        self.bases: dict[int, GramBasis] = {}

    def _models(self, lane, unit, strengths, start, tol):
        m, bend = self.moments[lane], Bend.of(unit[1], strengths)
        if lane not in self.bases:
            self.bases[lane] = GramBasis(m.G, bend)
        basis = self.bases[lane]
        W = basis.solve(m.q, bend.strengths)
        pull = m.q[:, None] - m.G @ W
        return Models(W.T, pull.T, bend.gaps(W, pull, m.total), basis.df(bend.strengths))
