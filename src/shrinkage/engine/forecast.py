"""What a job is going to cost, told from its shape alone: for people who decide whether to begin, not for the engine."""

from __future__ import annotations

from typing import NamedTuple

from shrinkage import threads
from shrinkage.designs import Matrix, Sparse
from shrinkage.engine.batched import LARGEST_BATCH
from shrinkage.engine.concave import Concave, CurvedConcaveLane
from shrinkage.engine.curved import CurvedLane
from shrinkage.engine.grouped import ByGroups, GroupedLane
from shrinkage.engine.lanes import Patterns
from shrinkage.engine.plan import kind_of, on_gram, ridge, wide
from shrinkage.engine.thin import COSTLIER, ThinLane
from shrinkage.problem import Problem

READINGS = 15  # of X, for a hundred alphas and any number of lanes: measured from 12 to 20
METRICS = 18  # Grams of a likelihood's columns: one for each of a dozen curvatures, and products of about their cost
USED = 0.9  # of the coefficients that can be in use, those that are at the end of a usual path
GROUPED = 3  # times as many can be in use where they enter by groups
SPARE = 1.3  # columns in a working set, over those in use
UPDATES = 10  # of a factor and systems solved with it, for each column that comes to be in use
CORRECTIONS = 3  # of a concave penalty's model beside a likelihood, each with a Gram of its own
BESIDE = 5  # vectors of the rows for each model of a batch, of all lanes, since these wait for products together
SWEEPS = 1000  # of a concave penalty's coordinates, at an alpha
PRODUCTS = 35  # of each sparse column with a vector, at an alpha
WIDEST_SET = 6  # columns in a working set, over those that can be in use: a prediction near saturation is a poor one
DECOMPOSED = 25  # times the cube of its side: what a symmetric matrix takes, in products of matrices
CLOSED = 5  # readings of X by the ridge of no fewer columns than rows
BLOCKS = 4e6  # numbers in the blocks in which X is read


class Forecast(NamedTuple):
    """`readings` of X, each against so many `vectors`; `flops` and `steps` (batches of a lane) besides; at most so many `numbers`
    held beside X."""

    words: str
    readings: float
    vectors: float
    flops: float
    steps: float
    numbers: float


def forecast(problem: Problem, multiples: Matrix, lanes: int, alphas: int, standardize: bool) -> Forecast:
    """For a problem that the engine takes, all lanes together; arguments as for `read`."""
    (n, p), kind = problem.design.shape, kind_of(problem)
    if ridge(problem) and wide(problem):
        return _kernel(n, p, lanes, alphas, lanes if standardize else 1)
    around = BLOCKS + lanes * (30.0 * (n + p) + alphas * min(p, n)) + 2 * alphas * p
    families = [Patterns.of(multiples, columns) for columns in on_gram(problem, multiples, lanes)]
    if families:
        square, sums = (p + 2.0) ** 2, sum(family.kept.shape[1] for family in families)
        words = "one Gram matrix" if len(families) == 1 else f"{len(families)} Gram matrices"
        if ridge(problem):
            words, steps = f"{words}, decomposed", lanes * (DECOMPOSED * square**1.5 + 4 * square * alphas)
            numbers = BLOCKS + 30.0 * n + 3 * (lanes + 1) * alphas * p + (sums + 2 + 5 * lanes) * square
        else:
            steps = lanes * UPDATES * square * (p + alphas)
            numbers = around + (sums + 2 * lanes) * square
        return Forecast(words, 1, lanes, len(families) * n * square + steps, lanes, numbers)
    used = min(p, min(n, p) * (GROUPED if issubclass(kind, ByGroups) else 1)) * USED
    U, most, steps = SPARE * used, min(p, WIDEST_SET * min(n, p)), 1
    words, flops = "batches of alphas, each on a working set", n * U**2 + UPDATES * used**3
    numbers = around + 2 * (lanes + 1) * (most + 512) ** 2 + 2 * n * most  # twice: what is outgrown is copied
    if kind is CurvedConcaveLane:
        words, steps = "Newton's method from large alphas to small", CORRECTIONS * alphas / READINGS
        flops = CORRECTIONS * alphas * n * U**2
    elif issubclass(kind, CurvedLane):
        words, flops, steps = "batches of alphas, each a quadratic model corrected by Newton's method", METRICS * n * U**2, 4
        numbers += lanes * BESIDE * LARGEST_BATCH * n
    elif kind is GroupedLane:
        flops = n * min(U, n) ** 2 + alphas * min(used, n) ** 3  # beyond as many columns as rows, matrices have the rows' size
    elif issubclass(kind, Concave):
        words, flops = "coordinate descent from large alphas to small", n * U**2 + alphas * SWEEPS * used**2
    elif kind is ThinLane and isinstance(problem.design, Sparse):
        entries = problem.design.data.nnz / p
        if U > COSTLIER * entries:
            words, flops = (
                "batches of alphas over the sparse columns of a working set",
                alphas * PRODUCTS * COSTLIER * U * entries,
            )
            numbers = around + 4 * lanes * most * entries + 2 * (COSTLIER * entries + 512) ** 2
    return Forecast(words, READINGS, 2 * lanes, lanes * flops, lanes * steps * READINGS, numbers)


def _kernel(n: int, p: int, lanes: int, alphas: int, kernels: int) -> Forecast:
    """Of ridge. `kernels`: what lanes would share, but for a standardisation of their own."""
    square, models = (n + 2.0) ** 2, float(lanes * alphas)
    readings = CLOSED + 2 * (kernels - 1)  # and the spread of each lane's columns
    flops = kernels * p * square + lanes * DECOMPOSED * square**1.5 + 6 * n * p * models
    numbers = BLOCKS + 30.0 * n + 3 * models * (n + p) + 3 * alphas * p + (1 + 4 * min(lanes, threads.count())) * square
    return Forecast("one kernel matrix, decomposed", readings, 1, flops, lanes, numbers)
