"""skein-glm: its path regressors, by the strong rule and by gap-safe screening, and its own cross-validation of the lasso."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.jobs import CONCAVITY
from benchmarks.peers.by_hand import curve
from benchmarks.peers.decades import decades

PACKAGES = ("skein-glm",)
FOREVER = 10**6


class Splitter:
    """Our folds, as its cross-validation asks for them."""

    def __init__(self, folds: list) -> None:
        self.folds = folds

    def split(self, rows: Any, y: Any = None, groups: Any = None):
        return iter(self.folds)


def variants(problem: Problem) -> list[str]:
    if problem.kind == "ridge":
        return []
    return ["newton"] if problem.kind == "logistic" else ["strong"] if problem.kind == "mcp" else ["strong", "gap_safe"]


def tolerances(problem: Problem) -> list[float]:
    return decades(2, 13)


def setup(problem: Problem, variant: str, threads: int):
    X = problem.X if problem.is_sparse else np.ascontiguousarray(problem.X)  # the order that it works in
    if problem.job.is_curve and problem.kind == "lasso":
        return lambda tol: _cv(problem, X, variant, tol, threads)
    if problem.job.is_curve:
        return lambda tol: curve(problem, lambda part: _path(part, part.X, variant, tol))
    return lambda tol: _path(problem, X, variant, tol)


def read(problem: Problem, answer: Any) -> Found:
    return Found(curve=answer) if problem.job.is_curve else Found(*answer)


def _words(problem: Problem, tol: float) -> dict[str, Any]:
    return {"lambdas": problem.alphas, "tol": tol, "max_iter": FOREVER, "fit_intercept": problem.intercept}


def _path(problem: Problem, X: Any, variant: str, tol: float) -> tuple[np.ndarray, np.ndarray]:
    import skein_glm

    words = _words(problem, tol)
    if problem.kind == "logistic":
        model = skein_glm.LogisticLassoPathRegressor(max_outer=1000, outer_tol=tol, **words)
    elif problem.kind == "group":
        ones = np.ones(problem.p // problem.group_size)
        model = skein_glm.GroupLassoPathRegressor(problem.groups, weights=ones, screening=variant, **words)
    elif problem.kind == "mcp":
        model = skein_glm.MCPPathRegressor(CONCAVITY, screening=variant, **words)
    else:
        model = skein_glm.ElasticNetPathRegressor(1.0, screening=variant, **words)
    model.fit(X, problem.y)
    return np.asarray(model.coefs_).T, np.asarray(model.intercepts_)


def _cv(problem: Problem, X: Any, variant: str, tol: float, threads: int) -> np.ndarray:
    from skein_glm import ElasticNetPathCV

    model = ElasticNetPathCV(1.0, cv=Splitter(problem.folds), n_jobs=threads, screening=variant, **_words(problem, tol))
    return np.asarray(model.fit(X, problem.y).cv_mean_scores_)
