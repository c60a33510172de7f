"""The columns that lanes of one weighting work with, and what is formed of them once for all of these lanes."""

from __future__ import annotations

from copy import copy

import numpy as np

from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD
from shrinkage.engine.panels import Panel, Whole, widened
from shrinkage.problem import Problem

LEAST_SHARE = 1e-3  # of a column's sum of squares: with less than this in a lane, the difference of two sums has lost digits
NOTHING = np.zeros(0)


class WorkingSet:
    """A weighting of the rows and some `columns` (U,): where they lie in the panel (`at`) and where each of the design's columns
    lies among them (`place`, -1 for outside). Of the first of them there is a `mean`, and of the first `filled` the Gram, both
    under the `metric` (n,): the weights times the loss's curvature."""

    def __init__(self, problem: Problem, weights: Vector):
        self.weights, self.root, self.total = weights, np.sqrt(weights), float(weights.sum())
        self.raised = np.divide(1.0, self.root, out=np.zeros(len(weights)), where=weights > 0)  # one over the root, 0 for none
        self.intercept = problem.intercept
        self.columns = self.at = np.zeros(0, np.int64)
        self.place = np.full(problem.p, -1)
        self.room = np.empty((0, 0))
        self.measure(weights)

    def measure(self, metric: Vector, whole: Whole | None = None) -> None:
        """Another metric: what was formed under the one before is void. `whole`: where it is the whole's, or 0."""
        self.metric, self.held, self.whole = metric, float(metric.sum()), whole
        self.lever = np.divide(metric, self.root, out=np.zeros(len(metric)), where=self.root > 0)
        self.filled, self.mean = 0, NOTHING

    def apart(self, metric: Vector) -> WorkingSet:
        """The same columns under a metric of their own."""
        other = copy(self)
        other.place, other.room = self.place.copy(), np.empty((0, 0))
        other.measure(metric)
        return other

    @property
    def G(self) -> Matrix:
        size = len(self.columns)
        return self.room[:size, :size]

    def grow(self, wanted: np.ndarray, place: np.ndarray) -> None:
        """Takes in those of the wanted columns that are new, given the place of each of the design's in the panel."""
        new = wanted[self.place[wanted] < 0]
        self.place[new] = np.arange(len(self.columns), len(self.columns) + len(new))
        self.columns, self.at = np.concatenate([self.columns, new]), np.concatenate([self.at, place[new]])

    def ready(self, panel: Panel) -> None:
        """Forms what a batch is solved with."""
        self.fill(panel)

    def gramless(self, panel: Panel) -> bool:
        """Whether the next batch is solved without a Gram."""
        return False

    def fill(self, panel: Panel) -> None:
        """Means and Gram of the columns that lack them."""
        old, size = self.filled, len(self.columns)
        if old == size:
            return
        if size > len(self.room):
            self.room = widened(self.room, old, size)
        new = self.at[old:]
        block, sums = (self.whole or panel).gram(new, self.at, self.metric)
        raw = np.diag(block[:, old:]).copy()
        lost = raw < LEAST_SHARE * self.whole.diagonal(new) if self.whole else np.zeros(len(new), bool)
        self.mean = np.concatenate([self.mean[:old], sums / self.held if self.intercept else np.zeros(len(new))])
        if self.intercept:
            block -= np.outer(self.held * self.mean[old:], self.mean)
        self.room[old:size, :size], self.room[:old, old:size] = block, block[:, :old].T
        self.filled = size
        for j in np.flatnonzero(lost | (np.diag(block[:, old:]) <= LEAST_SPREAD * raw)):
            self._mend(old + int(j), panel)

    def average(self, panel: Panel) -> None:
        """The means of the columns that lack them."""
        new = self.at[len(self.mean) :]
        more = panel.sums(new, self.metric[:, None])[:, 0] / self.held if self.intercept else np.zeros(len(new))
        self.mean = np.concatenate([self.mean, more])

    def _mend(self, j: int, panel: Panel) -> None:
        """A column that hardly varies in this weighting: its row of G from the centred column, zero where it is constant."""
        if self.intercept:
            self.mean[j] = panel.sums(self.at[[j]], self.metric[:, None])[0, 0] / self.held
        x = self.centred(j, panel)
        weighted = self.metric * x
        row = panel.sums(self.at, weighted[:, None])[:, 0] - self.mean * float(weighted.sum())
        self.G[j], self.G[:, j] = row, row
        self.G[j, j] = float(weighted @ x)

    def centred(self, j: int, panel: Panel) -> Vector:
        """A column about its mean, (n,); exactly zero where it is constant in this weighting."""
        x = panel.column(int(self.at[j]))
        used = x[self.weights > 0]
        constant = self.intercept and used.min() == used.max()
        return np.zeros_like(x) if constant else x - self.mean[j]
