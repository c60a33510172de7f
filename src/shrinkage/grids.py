"""The grid of alphas a path is fitted at, and what an alpha is inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.designs import Vector
from shrinkage.errors import ParameterError
from shrinkage.fit import Task
from shrinkage.inputs import read_vector
from shrinkage.problem import Problem

# Ridge has no alpha at which its coefficients vanish; its grid starts where a tenth of a per cent of it, as L1, would.
RIDGE_SHARE = 1e-3


def per_alpha(task: Task) -> float:
    """The strength inside for alpha = 1: the one place where a mean becomes a sum."""
    W = float(task.weights.sum())
    return W if task.loss.separable else float(np.sqrt(W))


def grid(task: Task, problem: Problem, n_alphas: int, ratio: float | None, pull: Vector | None = None) -> Vector:
    """Log-spaced from alpha_max, the smallest alpha that leaves every penalised coefficient at zero. `pull` (p,): X' times
    the gradient at the null model, where it is known."""
    if not isinstance(n_alphas, int | np.integer) or n_alphas < 1:
        raise ParameterError(f"n_alphas must be an integer >= 1; got {n_alphas!r}.")
    n, p = problem.design.shape
    if ratio is None:
        ratio = 1e-4 if np.count_nonzero(task.weights) > p else 1e-2
    if not 0 < ratio <= 1:
        raise ParameterError(f"ratio must lie in (0, 1]: the smallest alpha over the largest; got {ratio!r}.")
    top = alpha_max(task, problem, pull)
    return top * np.logspace(0, np.log10(ratio), n_alphas)


def alpha_max(task: Task, problem: Problem, pull: Vector | None = None) -> float:
    """Where the path starts. 1 where nothing can be told from the data: a target without variation, or no penalty."""
    if pull is None or len(problem.free):
        start = problem.refit(problem.null)
        pull = problem.design.rmatvec(problem.gradient(start.eta))
    strength = float(problem.penalty.critical(pull))
    if not np.isfinite(strength):
        twin = problem.twin
        scale = float(twin.terms[1].max(initial=0.0)) if twin is not None else 1.0
        strength = float(np.abs(pull).max(initial=0.0)) / (RIDGE_SHARE * scale) if scale > 0 else 0.0
    return strength / per_alpha(task) if strength > 0 and problem.half_deviance > 0 else 1.0


def read_alphas(alphas: Any) -> Vector | None:
    """Decreasing, finite, >= 0."""
    if alphas is None:
        return None
    values = read_vector(np.atleast_1d(alphas), "alphas")
    if len(values) == 0 or np.any(values < 0):
        raise ParameterError(f"alphas must be one or more finite numbers >= 0; got {np.asarray(alphas)!r}.")
    return np.sort(values)[::-1].copy()
