"""skglm: Anderson-accelerated coordinate descent along `solver.path`; folds and other solvers' paths by hand, warm-started.

Its own cross-validation chooses other folds at every alpha, so that its curve is no curve of one partition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.jobs import CONCAVITY
from benchmarks.peers.by_hand import curve
from benchmarks.peers.decades import decades

PACKAGES = ("skglm",)


def variants(problem: Problem) -> list[str]:
    return {"lasso": ["AndersonCD"], "mcp": ["AndersonCD"], "logistic": ["ProxNewton"], "group": ["GroupBCD"]}.get(
        problem.kind, []
    )


def tolerances(problem: Problem) -> list[float]:
    return decades(2, 12)  # times the largest alpha: it acts on the violation itself


def setup(problem: Problem, variant: str, threads: int):
    if problem.job.is_curve:
        return lambda tol: curve(problem, lambda part: _path(part, tol))
    return lambda tol: _path(problem, tol)


def read(problem: Problem, answer: Any) -> Found:
    return Found(curve=answer) if problem.job.is_curve else Found(*answer)


def _path(problem: Problem, tol: float) -> tuple[np.ndarray, np.ndarray]:
    from skglm.datafits import Logistic, Quadratic, QuadraticGroup
    from skglm.penalties import L1, MCPenalty, WeightedGroupL2
    from skglm.solvers import AndersonCD, GroupBCD, ProxNewton
    from skglm.utils.data import grp_converter
    from skglm.utils.jit_compilation import compiled_clone

    alphas, intercept = problem.alphas, problem.intercept
    words = {"tol": tol * alphas[0], "fit_intercept": intercept}
    if problem.kind in ("lasso", "mcp"):
        penalty = L1(1.0) if problem.kind == "lasso" else MCPenalty(1.0, CONCAVITY)
        solver = AndersonCD(max_iter=1000, max_epochs=100_000, **words)
        datafit, penalty = compiled_clone(Quadratic()), compiled_clone(penalty)
        coefs = solver.path(problem.X, problem.y, datafit, penalty, alphas=alphas)[1]
        return (coefs[:-1], coefs[-1]) if intercept else (coefs, np.zeros(len(alphas)))
    if problem.kind == "logistic":
        y, solver = 2 * problem.y - 1, ProxNewton(max_iter=1000, **words)
        datafit, penalty = compiled_clone(Logistic()), compiled_clone(L1(1.0))
    else:
        indices, starts = grp_converter(problem.group_size, problem.p)
        y, solver = problem.y, GroupBCD(max_iter=1000, max_epochs=100_000, **words)
        datafit = compiled_clone(QuadraticGroup(starts, indices))
        penalty = compiled_clone(WeightedGroupL2(1.0, np.ones(problem.p // problem.group_size), starts, indices))
    w, eta = np.zeros(problem.p + intercept), np.zeros(problem.n)
    out = np.zeros((len(w), len(alphas)), order="F")
    for k, alpha in enumerate(alphas):
        penalty.alpha = alpha
        w = solver.solve(problem.X, y, datafit, penalty, w, eta)[0]
        eta = problem.X @ w[: problem.p] + (w[-1] if intercept else 0.0)
        out[:, k] = w
    return (out[:-1], out[-1]) if intercept else (out, np.zeros(len(alphas)))
