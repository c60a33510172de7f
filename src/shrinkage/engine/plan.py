"""Which problems the engine takes, and how it reads their data."""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.designs import Matrix, Sparse, Vector
from shrinkage.engine import grouped
from shrinkage.engine.batched import BatchedRows, Lane
from shrinkage.engine.concave import ConcaveLane, CurvedConcaveLane
from shrinkage.engine.curved import CurvedLane
from shrinkage.engine.gram import GramRows
from shrinkage.engine.grouped import CurvedGroupedLane, GroupedLane
from shrinkage.engine.kernel import KernelRidge
from shrinkage.engine.lanes import Patterns, Rows, families
from shrinkage.engine.ridge import GramRidge
from shrinkage.engine.squares import SquaredLane
from shrinkage.engine.thin import ThinLane
from shrinkage.problem import Problem

LEAST_TOL = 1e-12  # below it, a gap out of Gram quantities is rounding
# Columns whose whole Gram costs no more than a path's readings of X, and PER_LANE more for each further weighting it serves.
WIDEST = 400
PER_LANE = 50


def kind(job: Any, tol: float) -> tuple[type[Lane], bool] | None:
    """Which way the engine goes with this problem or task, None where it does not take it. Those of one kind are read alike."""
    return (kind_of(job), ridge(job)) if suits(job, tol) else None


def suits(job: Any, tol: float) -> bool:
    """Squared error, Bernoulli or Poisson likelihoods; a penalty of L1, L2, box and concave terms, or norms of groups. L2 alone
    holds no column at zero: under a likelihood, only columns whose whole Gram costs little."""
    squared, curved, p = job.loss.quadratic and job.loss.separable, job.loss.chi_square, job.design.shape[1]
    twin = job.twin if squared or curved else None
    if twin is None or tol < LEAST_TOL or p == 0:
        return False
    if twin.groups is not None:
        return grouped.suits(twin)
    if curved and job.penalty.free(p).any():
        return False  # the dual point must be orthogonal to every free column, not to the intercept alone
    if twin.terms[4].any():
        return True
    if twin.quadratic:
        return bool(twin.terms[1].all() if curved else twin.terms[1].any()) and (squared or p <= min(WIDEST, len(job.y)))
    return True


def shared(problem: Problem, standardize: bool, multiples: Matrix, lanes: int) -> bool:
    """Whether lanes can go together. A lane's own spread of its columns is not among what is read of those that no intercept
    centres, nor known to what finds groups in the space of the rows; and where ridge's Grams are large, it is they and not the
    reading of X that take the time and the memory."""
    if standardize and (not problem.intercept or (kind_of(problem) is GroupedLane and problem.p > len(problem.y))):
        return False
    return not ridge(problem) or wide(problem) or bool(on_gram(problem, multiples, lanes))


def read(problem: Problem, size: Vector, multiples: Matrix, lanes: int, positive: bool) -> Rows | None:
    """The data as the lanes need them; None where the solvers do better.

    `size` (p,): the root mean square of each column; `multiples` (n, lanes and sets to be scored): how often each counts a
    row; `positive`: every alpha is > 0.
    """
    if ridge(problem) and wide(problem):
        return KernelRidge(problem, size, multiples, lanes)
    together = on_gram(problem, multiples, lanes)
    if together:
        weights = problem.weights * np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
        patterns = [Patterns.of(multiples, columns) for columns in together]
        return (GramRidge if ridge(problem) else GramRows)(problem, weights, patterns, lanes)
    if ridge(problem) or not positive:
        return None
    return BatchedRows(kind_of(problem), problem, problem.weights, size, multiples, lanes)


def ridge(job: Any) -> bool:
    """Whether there is a closed form: squared error, and a penalty of L2 alone."""
    return bool(job.loss.quadratic and job.twin.quadratic)


def wide(problem: Problem) -> bool:
    """Whether the kernel of the rows is no larger than the Gram of the columns."""
    n, p = problem.design.shape
    return n <= p


def on_gram(problem: Problem, multiples: Matrix, lanes: int) -> list[list[int]]:
    """The `families` of weightings whose Gram of all columns is formed; none where working sets cost less, or for ridge, lanes
    one after another.

    A family's costs n p**2, whatever it holds: a partition's folds share one, and p may be large; a bootstrap sample has one to
    itself, which up to `WIDEST` columns is still cheaper than its share in the readings and a Gram of nearly as many columns.
    Ridge alone has no other way.
    """

    def cheap(count: int) -> bool:
        return problem.p <= WIDEST + PER_LANE * (lanes / count - 1) or (lanes == 1 and ridge(problem))

    if kind_of(problem) not in (SquaredLane, ThinLane) or not cheap(1):
        return []
    found = families(multiples, lanes)
    return found if cheap(len(found)) else []


def kind_of(job: Any) -> type[Lane]:
    """How a lane of this problem or task, which the engine takes, solves a batch."""
    twin = job.twin
    if twin.groups is not None:
        return GroupedLane if job.loss.quadratic else CurvedGroupedLane
    if twin.terms[4].any():
        return ConcaveLane if job.loss.quadratic else CurvedConcaveLane
    if not job.loss.quadratic:
        return CurvedLane
    return ThinLane if isinstance(job.design, Sparse) else SquaredLane
