"""pycasso: its active-set paths, with residual and with covariance updates, and its own cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.jobs import CONCAVITY
from benchmarks.peers.decades import decades

PACKAGES = ("pycasso",)
FOREVER = 10**6


def variants(problem: Problem) -> list[str]:
    if problem.kind not in ("lasso", "mcp", "logistic") or problem.is_sparse:
        return []
    return ["newton"] if problem.kind == "logistic" else ["naive", "covariance"]


def tolerances(problem: Problem) -> list[float]:
    return decades(2, 14)


def setup(problem: Problem, variant: str, threads: int):
    X = np.ascontiguousarray(problem.X)  # the order that it works in
    return lambda tol: _fit(problem, X, variant, tol, threads)


def read(problem: Problem, answer: Any) -> Found:
    if problem.job.is_curve:
        return Found(curve=np.asarray(answer["cvm"]) * (2 if problem.kind == "logistic" else 1))
    if len(answer["beta"]) < len(problem.alphas):
        raise RuntimeError(f"Its path ended at {len(answer['beta'])} of {len(problem.alphas)} alphas; no option turns that off.")
    return Found(np.asarray(answer["beta"]).T, np.asarray(answer["intercept"]))


def _fit(problem: Problem, X: np.ndarray, variant: str, tol: float, threads: int):
    from pycasso import Solver

    logistic = problem.kind == "logistic"
    solver = Solver(
        X, problem.y, lambdas=problem.alphas, family="binomial" if logistic else "gaussian",
        penalty="mcp" if problem.kind == "mcp" else "l1", gamma=CONCAVITY, useintercept=problem.intercept, standardize=False,
        type_gaussian="auto" if logistic else variant, prec=tol, max_ite=FOREVER,
    )  # fmt: skip
    if problem.job.is_curve:
        return solver.cross_validate(foldid=problem.fold_of, type_measure="deviance" if logistic else "mse", n_jobs=threads)
    solver.train()
    return solver.coef()
