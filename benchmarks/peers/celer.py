"""celer: its path; folds by hand on centred rows, since its LassoCV is older than scikit-learn 1.9 and cannot be made.

Its logistic path has no intercept, so that job is not one it can do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.peers.by_hand import centred, curve
from benchmarks.peers.decades import decades

PACKAGES = ("celer",)
FOREVER = 10**6


def variants(problem: Problem) -> list[str]:
    if problem.kind not in ("lasso", "group"):
        return []
    return ["path", "path, pruned"]


def tolerances(problem: Problem) -> list[float]:
    return decades(2, 12)


def setup(problem: Problem, variant: str, threads: int):
    prune = "pruned" in variant
    if problem.job.is_curve:
        return lambda tol: curve(problem, lambda part: centred(part, lambda inner: _path(inner, tol, prune)))
    return lambda tol: _path(problem, tol, prune)


def read(problem: Problem, answer: Any) -> Found:
    if problem.job.is_curve:
        return Found(curve=answer)
    return Found(answer, np.zeros(len(problem.alphas)))


def _path(problem: Problem, tol: float, prune: bool) -> np.ndarray:
    from celer import celer_path

    what = {"groups": problem.group_size, "pb": "grouplasso"} if problem.kind == "group" else {"pb": "lasso"}
    return celer_path(
        problem.X, problem.y, alphas=problem.alphas, tol=tol, max_iter=1000, max_epochs=FOREVER, prune=int(prune), **what
    )[1]
