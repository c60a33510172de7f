"""What a fit leaves behind for attributes, summary and frames: numbers, and none of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import degrees
from shrinkage.designs import Vector
from shrinkage.fit import Certificate, Solution, Task, feasible, number, to_solution
from shrinkage.path import Path
from shrinkage.problem import Problem
from shrinkage.solvers import Outcome, choose, minimise
from shrinkage.units import Units

# Where the penalty bends (ridge, groups), counting degrees of freedom solves a system as large as the active set.
MOST_COUNTED = 500


@dataclass(frozen=True, eq=False)
class Record:
    """One fitted model in the units of the data.

    `alpha` is the dial as its estimator has it; `penalty` is what was added to the sum of the loss at that dial.
    `loss_sum` is counted from its minimum over eta. None stands for what was not computed or cannot be represented.
    """

    coef: Vector
    intercept: float
    has_intercept: bool
    certificate: Certificate
    outcome: Outcome
    n_iter: int
    alpha: float | None
    n: int
    total_weight: float
    df: float | None
    deviance_explained: float
    loss_sum: float | None
    half_deviance: float | None
    log_likelihood: float | None
    sd: Vector
    standardized: bool
    loss: Any
    penalty: Any
    stated: bool  # whether the loss was an object, whose sigma is then meant

    @property
    def gap(self) -> float | None:
        """The duality gap per unit of weight, on the scale of the mean loss; None without a dual."""
        if self.certificate.kind != "duality gap" or self.half_deviance is None:
            return None
        return number(self.certificate.relative * self.half_deviance / self.total_weight)

    @property
    def standardized_coef(self) -> Vector:
        with np.errstate(over="ignore"):
            return np.asarray(self.coef, np.float64) * self.sd

    @property
    def rss(self) -> float | None:
        """The weighted residual sum of squares, for squared error only."""
        if self.loss.name != "squared_error" or self.loss_sum is None:
            return None
        return number(2 * self.loss.sigma**2 * self.loss_sum)


def solve(
    task: Task, tol: float, max_iter: int, start: Any, alpha: float | None, stated: bool
) -> tuple[Solution, Record]:
    """One fit of a validated task. Unlike `shrinkage.solve` it does not warn: its caller does."""
    problem, units = task.prepared()
    point = problem.null if start is None else problem.at(*units.forward(*start))
    ending = minimise(problem, choose(problem, tol), feasible(problem, point), tol, max_iter)
    solution = to_solution(task, problem, units, ending, tol)
    evaluation = ending.evaluation
    floor = float(problem.loss.total_saturated(problem.y, problem.weights))
    excess = float(problem.loss.total(problem.y, evaluation.point.eta, problem.weights)) - floor
    half = problem.half_deviance
    return solution, Record(
        solution.coef,
        solution.intercept,
        task.intercept,
        solution.certificate,
        solution.outcome,
        solution.n_iter,
        alpha,
        *_counts(task),
        _df(problem, evaluation.point),
        1 - excess / half if half > 0 else 0.0,
        _in_units(excess, units),
        _in_units(half, units),
        solution.log_likelihood,
        units.sd,
        task.standardize,
        task.loss,
        task.penalty,
        stated,
    )


def of_path(task: Task, path: Path, index: int, penalty: Any, stated: bool, alpha: float | None = None) -> Record:
    """The record of one model on a path; `penalty` is the one on the sum at its alpha."""
    problem, units = task.prepared()
    half = problem.half_deviance
    explained = float(path.deviance_explained[index])
    saturated = float(task.loss.total_saturated(task.y, task.weights))
    log_likelihood = number(-float(path.losses[index]) - float(task.loss.total_log_normalizer(task.y, task.weights)))
    return Record(
        path.coefs[:, index],
        float(path.intercepts[index]),
        task.intercept,
        path.certificates[index],
        path.outcomes[index],
        int(path.n_iter[index]),
        float(path.alphas[index]) if alpha is None else alpha,
        *_counts(task),
        float(path.df[index]),
        explained,
        number(float(path.losses[index]) - saturated),
        _in_units(half, units),
        log_likelihood,
        units.sd,
        task.standardize,
        task.loss,
        penalty,
        stated,
    )


def _counts(task: Task) -> tuple[int, float]:
    return int(np.count_nonzero(task.weights)), float(task.weights.sum())


def _in_units(x: float, units: Units) -> float | None:
    with np.errstate(over="ignore"):
        return number(float(np.ldexp(x, units.objective_power)))


def _df(problem: Problem, point: Any) -> float | None:
    twin = problem.penalty.twin(problem.p)
    bends = twin is not None and (twin.groups is not None or np.any(twin.terms[1] > 0))
    if bends and np.count_nonzero(point.w) > MOST_COUNTED:
        return None
    return float(degrees.of_freedom(problem, point))


__all__ = ["Record", "of_path", "solve"]
