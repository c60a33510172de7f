"""glum: iterated weighted least squares with coordinate descent along its own path and cross-validation.

It holds the p x p second derivative, so wide data are not for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.peers.decades import decades

PACKAGES = ("glum",)
FOREVER = 10**6
LARGEST = 15_000  # columns


def variants(problem: Problem) -> list[str]:
    return ["irls-cd"] if problem.kind in ("lasso", "logistic") and problem.p <= LARGEST else []


def tolerances(problem: Problem) -> list[float]:
    return decades(1, 10)  # times the largest alpha: it acts on a sum of violations


def setup(problem: Problem, variant: str, threads: int):
    from glum import GeneralizedLinearRegressor, GeneralizedLinearRegressorCV

    words = {
        "l1_ratio": 1.0, "alphas": problem.alphas, "solver": variant, "fit_intercept": problem.intercept, "max_iter": FOREVER,
        "max_inner_iter": FOREVER, "family": "binomial" if problem.kind == "logistic" else "normal", "check_input": False,
    }  # fmt: skip
    X, y, scale = problem.X, problem.y, problem.alphas[0]
    if problem.job.is_curve:
        words |= {"cv": problem.folds, "n_jobs": threads if threads > 1 else None}
        return lambda tol: GeneralizedLinearRegressorCV(gradient_tol=tol * scale, **words).fit(X, y)
    return lambda tol: GeneralizedLinearRegressor(alpha_search=True, gradient_tol=tol * scale, **words).fit(X, y)


def read(problem: Problem, answer: Any) -> Found:
    if problem.job.is_curve:
        return Found(curve=np.asarray(answer.deviance_path_).mean(axis=0).ravel())
    m = len(problem.alphas)
    return Found(np.asarray(answer.coef_path_).T, np.broadcast_to(np.ravel(answer.intercept_path_), (m,)))
