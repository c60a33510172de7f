"""Which problems the engine takes, and how it reads their data."""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.designs import Matrix, Sparse, Vector
from shrinkage.engine import grouped
from shrinkage.engine.batched import BatchedRows, Lane
from shrinkage.engine.concave import ConcaveLane
from shrinkage.engine.curved import CurvedLane
from shrinkage.engine.gram import GramRows
from shrinkage.engine.grouped import GroupedLane
from shrinkage.engine.lanes import Patterns, Rows
from shrinkage.engine.squares import SquaredLane
from shrinkage.engine.thin import ThinLane
from shrinkage.problem import Problem

LEAST_TOL = 1e-12  # below it, a gap out of Gram quantities is rounding
# Columns whose whole Gram costs no more than a path's readings of X, and PER_LANE more for each further weighting it serves.
WIDEST = 400
PER_LANE = 50


def kind(job: Any, tol: float) -> type[Lane] | None:
    """How a lane of this problem or task solves a batch; None where the engine does not take it. Those of one kind are read
    alike."""
    return kind_of(job) if suits(job, tol) else None


def suits(job: Any, tol: float) -> bool:
    """Squared error, Bernoulli or Poisson likelihoods, and a penalty of L1, L2 and box terms that is more than L2;
    for squared error also concave terms, or norms of groups."""
    squared, curved, p = job.loss.quadratic and job.loss.separable, job.loss.chi_square, job.design.shape[1]
    twin = job.penalty.twin(p) if squared or curved else None
    if twin is None or tol < LEAST_TOL or p == 0:
        return False
    if twin.groups is not None:
        return squared and grouped.suits(twin)
    if twin.terms[4].any():
        return squared
    if curved and job.penalty.free(p).any():
        return False  # the dual point must be orthogonal to every free column, not to the intercept alone
    return bool(twin.terms[0].any() or np.isfinite(twin.terms[2:4]).any())


def shared(problem: Problem, standardize: bool) -> bool:
    """Whether lanes can go together: a group's norm cannot be restated in each lane's own spread of its columns."""
    return not (standardize and problem.penalty.twin(problem.p).groups is not None)


def read(problem: Problem, size: Vector, multiples: Matrix, lanes: int, positive: bool) -> Rows | None:
    """The data as the lanes need them; None where the solvers do better.

    `size` (p,): the root mean square of each column; `multiples` (n, lanes and sets to be scored): how often each counts a
    row; `positive`: every alpha is > 0.
    """
    kind = kind_of(problem)
    families = on_gram(problem, kind, multiples, lanes)
    if families:
        weights = problem.weights * np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
        return GramRows(problem, weights, families, lanes)
    return BatchedRows(kind, problem, problem.weights, size, multiples, lanes) if positive else None


def on_gram(problem: Problem, kind: type[Lane], multiples: Matrix, lanes: int) -> list[Patterns]:
    """The families of weightings whose Gram of all columns is formed; none where working sets cost less.

    A family's costs n p**2, whatever it holds: a partition's folds share one, and p may be large; a bootstrap sample has one to
    itself, which up to `WIDEST` columns is still cheaper than its share in the readings and a Gram of nearly as many columns.
    """

    def cheap(families: int) -> bool:
        return problem.p <= WIDEST + PER_LANE * (lanes / families - 1)

    if kind not in (SquaredLane, ThinLane) or not cheap(1):
        return []
    families = Patterns.families(multiples, lanes)
    return families if cheap(len(families)) else []


def kind_of(job: Any) -> type[Lane]:
    """How a lane of this problem or task, which the engine takes, solves a batch."""
    twin = job.penalty.twin(job.design.shape[1])
    if not job.loss.quadratic:
        return CurvedLane
    if twin.groups is not None:
        return GroupedLane
    if twin.terms[4].any():
        return ConcaveLane
    return ThinLane if isinstance(job.design, Sparse) else SquaredLane
