"""Ridge in closed form for fewer columns than rows: each lane's Gram, decomposed once, gives its models at all strengths."""

from __future__ import annotations

from shrinkage.engine.gram import GramRows, Models
from shrinkage.engine.spectrum import Bend, GramBasis


class GramRidge(GramRows):
    def follow(self, courses, tol, standardize):
        self.bases: dict[int, GramBasis] = {}  # of each lane: of its weighting, and of its penalty's share in each column
        return super().follow(courses, tol, standardize)

    def _models(self, m, job, tol):
        bend = Bend.of(job.unit[1], job.strengths)
        if job.lane not in self.bases:
            self.bases[job.lane] = GramBasis(m.G, bend)
        basis = self.bases[job.lane]
        W = basis.solve(m.q, bend.strengths)
        pull = m.q[:, None] - m.G @ W
        return Models(W.T, pull.T, bend.gaps(W, pull, m.total), basis.df(bend.strengths))
