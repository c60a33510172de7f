"""adelie: `grpnet`, and its covariance method where n >> p. Folds are weights of zero on the one matrix, as in its own
cross-validation, without the extra fits that look for each fold's largest alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.evaluator import held_out
from benchmarks.found import Found
from benchmarks.peers.by_hand import centred, curve
from benchmarks.peers.decades import decades

PACKAGES = ("adelie",)
FOREVER = 10**8
SMALL = 2000  # columns, up to which a covariance matrix is worth its making


def variants(problem: Problem) -> list[str]:
    if problem.kind not in ("lasso", "logistic", "group"):
        return []
    tall = problem.kind == "lasso" and problem.n > problem.p and problem.p <= SMALL
    return ["naive", "covariance"] if tall else ["naive"]


def tolerances(problem: Problem) -> list[float]:
    return decades(4, 16)


def setup(problem: Problem, variant: str, threads: int):
    if variant == "covariance":
        path = lambda part, tol: centred(part, lambda inner: _covariance(inner, tol, threads))  # noqa: E731
        return lambda tol: curve(problem, lambda part: path(part, tol)) if problem.job.is_curve else path(problem, tol)
    if problem.job.is_curve:
        return lambda tol: _cv(problem, tol, threads)
    return lambda tol: _naive(problem, tol, threads, None)


def read(problem: Problem, answer: Any) -> Found:
    return Found(curve=answer) if problem.job.is_curve else Found(*answer)


def _words(problem: Problem, tol: float, threads: int) -> dict[str, Any]:
    starts = np.arange(0, problem.p, problem.group_size)
    return {
        "groups": starts, "penalty": np.ones(len(starts)), "lmda_path": problem.alphas, "tol": tol, "max_iters": FOREVER,
        "early_exit": False, "n_threads": threads, "progress_bar": False,
    }  # fmt: skip


def _naive(problem: Problem, tol: float, threads: int, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    import adelie as ad

    words = _words(problem, tol, threads)
    if problem.kind == "logistic":
        glm = ad.glm.binomial(problem.y, weights=weights, dtype=np.float64)
        words |= {"irls_tol": tol, "irls_max_iters": FOREVER}
    else:
        glm = ad.glm.gaussian(problem.y, weights=weights, dtype=np.float64)
    make = ad.matrix.sparse if problem.is_sparse else ad.matrix.dense
    X = make(problem.X, method="naive", n_threads=threads)
    state = ad.grpnet(X, glm, intercept=problem.intercept, adev_tol=1.0, **words)
    return state.betas.toarray().T, np.asarray(state.intercepts)


def _covariance(problem: Problem, tol: float, threads: int) -> np.ndarray:
    import adelie as ad

    A, v = problem.X.T @ problem.X / problem.n, problem.X.T @ problem.y / problem.n
    words = _words(problem, tol, threads)
    return ad.gaussian_cov(A, v, rdev_tol=0.0, **words).betas.toarray().T


def _cv(problem: Problem, tol: float, threads: int) -> np.ndarray:
    _naive(problem, tol, threads, None)
    errors = []
    for train, test in problem.folds:
        weights = np.zeros(problem.n)
        weights[train] = 1 / len(train)
        coefs, intercepts = _naive(problem, tol, threads, weights)
        errors.append(held_out(problem, coefs, intercepts, test))
    return np.mean(errors, axis=0)
