"""The one loop, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from shrinkage import blas
from shrinkage.points import Point
from shrinkage.problem import GAP, Evaluation, Problem
from shrinkage.solvers.base import Solver


class Outcome(Enum):
    """How a fit ended. The value is the sentence."""

    converged = "The certificate is within the tolerance."
    null = "The target has nothing to explain: the null model is exact."
    max_iter = "Stopped at max_iter before the certificate was within the tolerance. Raise max_iter, tol or the strength."
    stalled = "No further progress in floating point before the certificate was within the tolerance. Raise tol or the strength."
    nonfinite = "The iterates stopped being finite. Scale the columns, strengthen the penalty, or check the target."

    def __bool__(self) -> bool:
        return self in (Outcome.converged, Outcome.null)


@dataclass(frozen=True, eq=False)
class Ending:
    """The best point found, the judge's word on it, and the solver's last state (for a warm start)."""

    evaluation: Evaluation
    outcome: Outcome
    steps: int
    state: Any


@blas.alone
def minimise(problem: Problem, solver: Solver, start: Point, tol: float, max_iter: int, previous: Any = None) -> Ending:
    """Step until the problem says it is enough."""
    if _nothing_to_explain(problem):
        return Ending(_exact(problem), Outcome.null, 0, previous)
    state = solver.start(problem, start, previous)
    best: Ending | None = None
    idle = 0
    for steps in range(max_iter + 1):
        evaluation = problem.evaluate(state.point)
        if not _finite(evaluation):
            return replace(best, outcome=Outcome.nonfinite) if best else Ending(evaluation, Outcome.nonfinite, steps, state)
        progress = best is None or _better(evaluation, best.evaluation)
        idle = 0 if progress else idle + 1
        if best is None or progress or evaluation.relative < best.evaluation.relative:
            best = Ending(evaluation, Outcome.max_iter, steps, state)
        if evaluation.relative <= tol:
            return Ending(evaluation, Outcome.converged, steps, state)
        if idle >= solver.patience:
            return replace(best, outcome=Outcome.stalled)
        if steps < max_iter:
            state = solver.step(problem, state, evaluation)
    assert best is not None
    return best


def _better(new: Evaluation, old: Evaluation) -> bool:
    """Whether the certificate or, by more than rounding, the objective has improved."""
    lower = new.objective < old.objective - 1e-14 * abs(old.objective)
    if not np.isfinite(new.relative):
        return lower
    return new.relative < 0.99 * old.relative or (lower and new.relative <= old.relative)


def _finite(evaluation: Evaluation) -> bool:
    return bool(np.isfinite(evaluation.objective) and not np.isnan(evaluation.relative))


def _nothing_to_explain(problem: Problem) -> bool:
    """A null deviance of zero, and a penalty that is content with zero."""
    if problem.half_deviance > 0:
        return False
    zero = np.zeros(problem.p)
    return float(np.max(problem.penalty.violation(zero, zero), initial=0.0)) == 0.0


def _exact(problem: Problem) -> Evaluation:
    null = problem.null
    gradient = problem.gradient(null.eta)
    return Evaluation(null, problem.objective(null), gradient, problem.null_pull, GAP, 0.0, 0.0)
