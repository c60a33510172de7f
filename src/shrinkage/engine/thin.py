"""A lane of squared error over sparse columns: once their Gram would cost more than they do, it is not formed, and a batch is
one path over the columns themselves."""

from __future__ import annotations

import numpy as np

from shrinkage import _core
from shrinkage.engine.lanes import LEAST_SPREAD
from shrinkage.engine.squares import SquaredLane, SquaredSet

COSTLIER = 16  # what an entry costs that is found by its row's number, times what one of a Gram does
MOST_ROWS = 2**31


class ThinSet(SquaredSet):
    """With the columns' sums of squares about their means, `square`, where there is no Gram."""

    thin = False  # whether the batch at hand is solved without one

    def measure(self, metric, whole=None):
        super().measure(metric, whole)
        self.square, self.even = np.zeros(0), True

    def gramless(self, panel):
        """A column that hardly varies in this weighting needs digits that only its Gram's row keeps: see `fill`."""
        if not self.even or len(self.at) ** 2 <= COSTLIER * panel.count(self.at) or len(self.y) >= MOST_ROWS:
            return False
        self.average(panel)
        new = self.at[len(self.square) :]
        raw = panel.squares(new, self.metric)
        square = raw - (self.held * self.mean[len(self.square) :] ** 2 if self.intercept else 0.0)
        self.square = np.concatenate([self.square, square])
        self.even = bool(np.all((square > LEAST_SPREAD * raw) | (raw == 0)))
        return self.even

    def ready(self, panel):
        self.thin = self.gramless(panel)
        if not self.thin:
            self.fill(panel)


class ThinLane(SquaredLane):
    sets = ThinSet
    working: ThinSet
    margin = 0.5  # a column more costs a product of few entries, and a prediction that fails a batch of every lane

    def solve(self, strengths, tol, panel):
        if not self.working.thin:
            return super().solve(strengths, tol, panel)
        columns, held = panel.some(self.at), self.held if self.intercept else 0.0
        W, gaps, tangent, _ = _core.follow_sparse(
            columns.data, columns.data * self.weights[columns.indices], columns.indices.astype(np.int32, copy=False),
            columns.indptr.astype(np.int64, copy=False), self.mean, self.working.square, held, self.y,
            self.weights, np.ascontiguousarray(self.unit[:, self.columns]), np.ascontiguousarray(strengths), self.state.w,
            0.1 * tol * self.half,
        )  # fmt: skip
        return self.solved(W, gaps, tangent, panel)

    def hessian(self, line, i, columns, panel):
        if self.working.filled == len(self.columns):
            return super().hessian(line, i, columns, panel)
        at = self.place[line.columns[columns]]
        return panel.gram(self.at[at], self.at[at], self.metric)[0] - self.held * np.outer(self.mean[at], self.mean[at])
