"""What a fit leaves behind for attributes, summary and frames: numbers, and none of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage import blas, degrees
from shrinkage.designs import Design, Vector
from shrinkage.fit import Certificate, Solution, Task, feasible, number, to_solution
from shrinkage.paths import Path
from shrinkage.problem import Problem
from shrinkage.solvers import Outcome, choose, minimise
from shrinkage.units import Units

# Where the penalty bends (ridge, groups), counting degrees of freedom solves a system as large as the active set.
MOST_COUNTED = 500


@dataclass(frozen=True, eq=False)
class Rows:
    """What a fit was given for each row (n,), beside X."""

    y: Vector
    weights: Vector
    offset: Vector


@dataclass(frozen=True, eq=False)
class Record:
    """One fitted model in the units of the data.

    `alpha` is the dial as its estimator has it; `penalty` is what was added to the sum of the loss at that dial.
    `loss_sum` is counted from its minimum over eta. `rows` are for a report, and stay behind when a model is pickled.
    None stands for what was not computed, cannot be represented or is no longer there.
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
    rows: Rows | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "rows": None}

    def task(self, design: Design, names: list[str] | None) -> Task:
        """The job this is the answer to, on the design it was fitted to."""
        assert self.rows is not None
        return Task(
            design, names, self.rows.y, self.loss, self.penalty, self.rows.weights, self.rows.offset, self.has_intercept,
            self.standardized,
        )  # fmt: skip

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


@blas.alone
def solve(task: Task, tol: float, max_iter: int, start: Any, alpha: float | None, stated: bool) -> tuple[Solution, Record]:
    """One fit of a validated task. Unlike `shrinkage.solve` it does not warn: its caller does."""
    problem, units = task.prepared()
    point = problem.null if start is None else problem.at(*units.forward(*start))
    ending = minimise(problem, choose(problem, tol), feasible(problem, point), tol, max_iter)
    solution = to_solution(task, problem, units, ending, tol)
    point, half = ending.evaluation.point, problem.half_deviance
    floor = problem.floor
    excess = problem.total(point.eta) - floor
    return replace(solution, task=None), Record(
        coef=solution.coef,
        intercept=solution.intercept,
        certificate=solution.certificate,
        outcome=solution.outcome,
        n_iter=solution.n_iter,
        alpha=alpha,
        df=_df(problem, point),
        deviance_explained=1 - excess / half if half > 0 else 0.0,
        loss_sum=_in_units(excess, units),
        log_likelihood=solution.log_likelihood,
        stated=stated,
        **_of_data(task, problem, units),
    )


@blas.alone
def of_path(task: Task, path: Path, index: int, stated: bool) -> Record:
    """The record of one model on a path; the task holds the penalty at its alpha, on the sum."""
    problem, units = task.prepared()
    loss = float(path.losses[index])
    return Record(
        coef=path.coefs[:, index],
        intercept=float(path.intercepts[index]),
        certificate=path.certificates[index],
        outcome=path.outcomes[index],
        n_iter=int(path.n_iter[index]),
        alpha=float(path.alphas[index]),
        df=float(path.df[index]),
        deviance_explained=float(path.deviance_explained[index]),
        loss_sum=number(loss - float(task.loss.total_saturated(task.y, task.weights))),
        log_likelihood=number(-loss - float(task.loss.total_log_normalizer(task.y, task.weights))),
        stated=stated,
        **_of_data(task, problem, units),
    )


def _of_data(task: Task, problem: Problem, units: Units) -> dict[str, Any]:
    """What does not depend on the coefficients."""
    return {
        "has_intercept": task.intercept,
        "n": int(np.count_nonzero(task.weights)),
        "total_weight": float(task.weights.sum()),
        "half_deviance": _in_units(problem.half_deviance, units),
        "sd": units.sd,
        "standardized": task.standardize,
        "loss": task.loss,
        "penalty": task.penalty,
        "rows": Rows(task.y, task.weights, task.offset),
    }


def _in_units(x: float, units: Units) -> float | None:
    with np.errstate(over="ignore"):
        return number(float(np.ldexp(x, units.objective_power)))


def _df(problem: Problem, point: Any) -> float | None:
    twin = problem.twin
    bends = twin is not None and (twin.groups is not None or np.any(twin.terms[1] > 0))
    if bends and np.count_nonzero(point.w) > MOST_COUNTED:
        return None
    return float(degrees.of_freedom(problem, point))


__all__ = ["Record", "Rows", "of_path", "solve"]
