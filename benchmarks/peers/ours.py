"""shrinkage, by its public calls."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.jobs import CONCAVITY
from benchmarks.peers.decades import decades

PACKAGES = ("shrinkage",)


def variants(problem: Problem) -> list[str]:
    return ["path" if problem.job.task == "path" else {"cv": "select", "loo": "RidgeCV", "call": "LassoCV"}[problem.job.task]]


def tolerances(problem: Problem) -> list[float]:
    return [0.0] if problem.kind == "ridge" else decades(2, 10)


def setup(problem: Problem, variant: str, threads: int):
    if variant == "RidgeCV":
        return lambda tol: _ridge(problem)
    if variant == "LassoCV":
        return lambda tol: _call(problem, tol)
    return (lambda tol: fit_path(problem, tol)) if variant == "path" else (lambda tol: _select(problem, tol))


def read(problem: Problem, answer: Any) -> Found:
    if problem.kind == "ridge":
        return Found(curve=answer.cv_results_.mean(axis=0))
    if problem.job.task == "call":
        return Found(curve=answer.mse_path_.mean(axis=1), **_said(answer.path_))
    if problem.job.task == "cv":
        return Found(curve=answer.mean, **_said(answer.path))
    return Found(np.asarray(answer.coefs, float), np.asarray(answer.intercepts, float), **_said(answer))


def _said(path: Any) -> dict[str, float | None]:
    outcomes = getattr(path, "outcomes", None)
    share = None if outcomes is None else float(np.mean([bool(o) for o in outcomes]))
    return {"passes": getattr(path, "passes", None), "certified": share}


def path(problem: Problem, tol: float) -> tuple[np.ndarray, np.ndarray]:
    """(coefs, intercepts) at a tolerance: for the reference."""
    answer = fit_path(problem, tol)
    return np.array(answer.coefs, float), np.array(answer.intercepts, float)


def _words(problem: Problem) -> tuple[Any, Any]:
    import shrinkage as sh

    loss = sh.Logistic() if problem.kind == "logistic" else sh.SquaredError()
    return loss, sh.Grouped(sh.L1(1.0), problem.groups) if problem.kind == "group" else sh.L1(1.0)


def fit_path(problem: Problem, tol: float):
    import shrinkage as sh

    if problem.kind == "mcp":  # a criterion needs no folds: one path, and nothing else
        model = sh.PenalizedRegressorCV(
            penalty="mcp", concavity=CONCAVITY, rule="bic", alphas=problem.alphas, fit_intercept=problem.intercept, tol=tol
        )
        return model.fit(problem.X, problem.y).path_
    loss, penalty = _words(problem)
    return sh.path(problem.X, problem.y, loss, penalty, alphas=problem.alphas, intercept=problem.intercept, tol=tol)


def _select(problem: Problem, tol: float):
    import shrinkage as sh

    loss, penalty = _words(problem)
    return sh.select(
        problem.X, problem.y, loss, penalty, cv=problem.folds, alphas=problem.alphas, intercept=problem.intercept, tol=tol
    )


def _ridge(problem: Problem):
    import shrinkage as sh

    return sh.RidgeCV(alphas=problem.alphas, store_cv_results=True).fit(problem.X, problem.y)


def _call(problem: Problem, tol: float):
    import shrinkage as sh

    return sh.LassoCV(cv=problem.job.folds, alphas=problem.alphas, tol=tol).fit(problem.X, problem.y)
