"""Cross-validation for a peer that has none of its own, or none that takes our folds and grid: a path per fold, copies
included, and predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from benchmarks.data import Problem
from benchmarks.evaluator import held_out

PathOf = Callable[[Problem], tuple[np.ndarray, np.ndarray]]  # -> coefs (p, m), intercepts (m,)


def curve(problem: Problem, path: PathOf) -> np.ndarray:
    """The mean over folds of the mean held-out loss, (m,). As every CV does, it also fits all rows."""
    path(problem)
    errors = []
    for train, test in problem.folds:
        coefs, intercepts = path(problem.rows(train))
        errors.append(held_out(problem, coefs, intercepts, test))
    return np.mean(errors, axis=0)


def centred(problem: Problem, path: Callable[[Problem], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(coefs, intercepts) of squared error by a peer whose path has no intercept: on centred rows, then moved back."""
    if not problem.intercept:
        return path(problem), np.zeros(len(problem.alphas))
    mean, level = problem.X.mean(axis=0), problem.y.mean()
    inner = replace(problem, X=problem.X - mean, y=problem.y - level, intercept=False)
    inner.__dict__["alphas"] = problem.alphas
    coefs = path(inner)
    return coefs, level - mean @ coefs
