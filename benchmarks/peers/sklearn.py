"""scikit-learn: coordinate descent with and without a Gram matrix, liblinear's and SAGA's logistic lasso, RidgeCV."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.peers.by_hand import curve
from benchmarks.peers.decades import decades

PACKAGES = ("scikit-learn",)
FOREVER = 10**6  # rounds: the tolerance ends a fit, nothing else


def variants(problem: Problem) -> list[str]:
    if problem.kind == "lasso":
        # Its own choice, a Gram for n > p, and none.
        return ["auto"] if problem.job.task == "call" else ["residual", "gram"] if problem.n > problem.p else ["residual"]
    if problem.kind == "logistic":
        return ["liblinear", "saga"]
    return ["eigen", "svd"] if problem.kind == "ridge" else []


def tolerances(problem: Problem) -> list[float]:
    return [0.0] if problem.kind == "ridge" else decades(2, 12)


def setup(problem: Problem, variant: str, threads: int):
    import sklearn.linear_model as linear

    X, y, alphas, job = problem.X, problem.y, problem.alphas, problem.job
    gram = {"gram": True, "residual": False, "auto": "auto"}.get(variant)
    jobs = threads if threads > 1 else None
    if problem.kind == "ridge":
        return lambda tol: linear.RidgeCV(alphas=alphas, gcv_mode=variant, store_cv_results=True).fit(X, y)
    if problem.kind == "logistic":
        # LogisticRegressionCV has one C, a strength on the sum, for folds of different sizes: no curve of one alpha.
        if job.is_curve:
            return lambda tol: curve(problem, lambda part: _logistic(part, variant, tol))
        return lambda tol: _logistic(problem, variant, tol)
    if job.is_curve:
        cv = job.folds if job.task == "call" else problem.folds
        return lambda tol: linear.LassoCV(
            alphas=alphas, cv=cv, tol=tol, max_iter=FOREVER, precompute=gram, fit_intercept=problem.intercept, n_jobs=jobs
        ).fit(X, y)
    return lambda tol: linear.lasso_path(X, y, alphas=alphas, precompute=gram, tol=tol, max_iter=FOREVER)


def read(problem: Problem, answer: Any) -> Found:
    if problem.kind == "ridge":
        return Found(curve=answer.cv_results_.mean(axis=0))
    if problem.kind == "logistic":
        return Found(curve=answer) if problem.job.is_curve else Found(*answer)
    if problem.job.is_curve:
        return Found(curve=answer.mse_path_.mean(axis=1))
    return Found(answer[1], np.zeros(len(problem.alphas)))


def _words(problem: Problem, variant: str, tol: float) -> dict[str, Any]:
    # liblinear's intercept is a column of its own that it penalises; a large scaling makes that penalty small.
    more = {"intercept_scaling": 100.0} if variant == "liblinear" else {}
    return {"solver": variant, "tol": tol, "max_iter": FOREVER, "random_state": 0, "fit_intercept": problem.intercept, **more}


def _logistic(problem: Problem, variant: str, tol: float) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(l1_ratio=1.0, warm_start=True, **_words(problem, variant, tol))
    coefs, intercepts = np.empty((problem.p, len(problem.alphas))), np.empty(len(problem.alphas))
    for k, alpha in enumerate(problem.alphas):
        model.set_params(C=1 / (problem.n * alpha)).fit(problem.X, problem.y)
        coefs[:, k], intercepts[k] = model.coef_[0], model.intercept_[0]
    return coefs, intercepts
