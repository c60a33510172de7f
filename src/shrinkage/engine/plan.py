"""Which problems the engine takes, and how it reads their data."""

from __future__ import annotations

import numpy as np

from shrinkage.designs import Matrix, Sparse, Vector
from shrinkage.engine import grouped
from shrinkage.engine.batched import BatchedRows, Lane
from shrinkage.engine.concave import ConcaveLane
from shrinkage.engine.curved import CurvedLane
from shrinkage.engine.gram import GramRows
from shrinkage.engine.grouped import GroupedLane
from shrinkage.engine.kernel import KernelRidge
from shrinkage.engine.lanes import Patterns, Rows
from shrinkage.engine.ridge import GramRidge
from shrinkage.engine.squares import SquaredLane
from shrinkage.engine.thin import ThinLane
from shrinkage.problem import Problem

LEAST_TOL = 1e-12  # below it, a gap out of Gram quantities is rounding
WIDEST = 400  # columns whose whole Gram costs no more than a path's readings of X, and PER_LANE more for each further lane
PER_LANE = 50


def suits(problem: Problem, tol: float) -> bool:
    """Squared error, Bernoulli or Poisson likelihoods, and a penalty of L1, L2 and box terms that is more than L2;
    for squared error also L2 alone, concave terms, or norms of groups."""
    squared, curved = problem.loss.quadratic and problem.loss.separable, problem.loss.chi_square
    twin = problem.penalty.twin(problem.p) if squared or curved else None
    if twin is None or tol < LEAST_TOL or problem.p == 0:
        return False
    if twin.groups is not None:
        return squared and grouped.suits(twin)
    if twin.terms[4].any():
        return squared
    if curved and len(problem.free):
        return False  # the dual point must be orthogonal to every free column, not to the intercept alone
    return bool(twin.terms[1].any()) and squared if twin.quadratic else True


def shared(problem: Problem, standardize: bool, lanes: int) -> bool:
    """Whether lanes can go together. A group's norm cannot be restated in each lane's own spread of its columns, which is not
    among what is read of columns that no intercept centres; and where ridge's Grams are large, it is they and not the reading
    of X that take the time and the memory."""
    twin = problem.penalty.twin(problem.p)
    if standardize and (twin.groups is not None or not problem.intercept):
        return False
    return not twin.quadratic or wide(problem) or few(problem, lanes)


def read(problem: Problem, size: Vector, multiples: Matrix, lanes: int, positive: bool) -> Rows | None:
    """The data as the lanes need them; None where the solvers do better.

    `size` (p,): the root mean square of each column; `multiples` (n, lanes and sets to be scored): how often each counts a
    row; `positive`: every alpha is > 0.
    """
    ridge = problem.penalty.twin(problem.p).quadratic
    if ridge and wide(problem):
        return KernelRidge(problem, size, multiples, lanes)
    if ridge or on_gram(problem, lanes):
        patterns = Patterns.of(multiples)
        if patterns.count <= 4 * lanes:
            weights = problem.weights * np.asarray(problem.loss.curvature(problem.y, problem.null.eta))
            return (GramRidge if ridge else GramRows)(problem, weights, patterns, lanes)
    if ridge or not positive:
        return None
    return BatchedRows(kind_of(problem), problem, problem.weights, size, multiples, lanes)


def wide(problem: Problem) -> bool:
    """Whether the kernel of the rows is no larger than the Gram of the columns."""
    n, p = problem.design.shape
    return n <= p


def few(problem: Problem, lanes: int) -> bool:
    """Whether the columns are so few that all of their Gram is formed for every lane."""
    return problem.p <= WIDEST + PER_LANE * (lanes - 1)


def on_gram(problem: Problem, lanes: int) -> bool:
    """Whether all columns' Gram is formed, if the lanes' patterns of rows are few."""
    return kind_of(problem) in (SquaredLane, ThinLane) and few(problem, lanes)


def kind_of(problem: Problem) -> type[Lane]:
    """How a lane of this problem solves a batch."""
    twin = problem.penalty.twin(problem.p)
    if not problem.loss.quadratic:
        return CurvedLane
    if twin.groups is not None:
        return GroupedLane
    if twin.terms[4].any():
        return ConcaveLane
    return ThinLane if isinstance(problem.design, Sparse) else SquaredLane
