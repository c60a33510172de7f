"""What every answer is compared with: optima certified to 1e-12 by the evaluator, and curves made of such optima.

    python -m benchmarks.reference KEY ...

A path by this library at a tight tolerance is the first guess. Newton's method on its support then ends at rounding error:
there the problem is smooth, and in extended precision. What the evaluator says of the result is kept beside it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from benchmarks import evaluator
from benchmarks.data import CACHE, Problem, load, stamp
from benchmarks.jobs import BY_KEY, Job
from benchmarks.peers import ours
from scipy import sparse
from scipy.sparse import linalg

CERTIFIED = 1e-12
TOL = 1e-10  # of the first guess
ROUNDS = 12  # of Newton, and of changes of the support
TINY = 1e-5  # of the largest group
SMALL = 1e-10  # of the largest coefficient: gradients are of extended precision, so the step after would be 1e-6 times this one


@dataclass(frozen=True)
class Reference:
    """`objectives` (m,) of a path with their relative `gaps` (m,), or the `curve` (m,) with the worst gap of its folds."""

    objectives: np.ndarray | None
    curve: np.ndarray | None
    worst: float
    count: int  # of optima not certified to 1e-12, all folds together

    @property
    def certified(self) -> bool:
        return self.count == 0


def reference(job: Job) -> Reference:
    """From the cache, or computed and put there."""
    path = CACHE / "reference" / f"{job.key}-{stamp(job)}-{job.ratio:g}-{job.folds}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = compute(load(job))
        held = {name: value for name, value in vars(found).items() if value is not None}
        np.savez(path, **held)
    with np.load(path) as held:
        get = {name: held[name] for name in held.files}
    return Reference(get.get("objectives"), get.get("curve"), float(get["worst"]), int(get["count"]))


def compute(problem: Problem) -> Reference:
    if problem.kind == "ridge":
        return Reference(None, evaluator.leave_one_out(problem), 0.0, 0)
    if problem.kind == "mcp":
        coefs, intercepts = ours.path(problem, 1e-9)
        found = [evaluator.violation(problem, c, a) for c, a in zip(coefs.T, problem.alphas, strict=True)]
        return Reference(evaluator.objectives(problem, coefs, intercepts), None, max(found), int(np.sum(np.array(found) > 1e-8)))
    if not problem.job.is_curve:
        _, _, objectives, gaps = certified(problem)
        return Reference(objectives, None, float(gaps.max()), int(np.sum(gaps > CERTIFIED)))
    curves, worst, count = [], 0.0, 0
    for train, test in problem.folds:
        coefs, intercepts, _, gaps = certified(problem.rows(train))
        curves.append(evaluator.held_out(problem, coefs, intercepts, test))
        worst, count = max(worst, float(gaps.max())), count + int(np.sum(gaps > CERTIFIED))
    return Reference(None, np.mean(curves, axis=0), worst, count)


def certified(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(coefs, intercepts, objectives, relative gaps) of a path, each the better of the first guess and of Newton's end."""
    coefs, intercepts = ours.path(problem, TOL)
    objectives, gaps = np.empty(len(problem.alphas)), np.empty(len(problem.alphas))
    for k, alpha in enumerate(problem.alphas):
        held = *evaluator.gap(problem, coefs[:, k], float(alpha)), coefs[:, k]
        if held[0] > CERTIFIED:
            better = polished(problem, coefs[:, k], intercepts[k], float(alpha))
            if better is not None:
                held = min(held, (*evaluator.gap(problem, better, float(alpha)), better), key=lambda one: one[0])
        gaps[k], intercepts[k], objectives[k], coefs[:, k] = held
    return coefs, intercepts, objectives, gaps


def polished(problem: Problem, start: np.ndarray, intercept: float, alpha: float) -> np.ndarray | None:
    """The coefficients after Newton's method on the support, which coefficients that change sign leave."""
    size, coef, b = problem.group_size, start.astype(evaluator.LONG), evaluator.LONG(intercept)
    if size > 1:  # groups that are next to nothing have a curvature that is next to infinite
        norms = np.sqrt((start.reshape(-1, size) ** 2).sum(axis=1))
        coef[np.repeat(norms < TINY * norms.max(), size)] = 0
    for _ in range(ROUNDS):
        used = np.flatnonzero(np.repeat(np.any(coef.reshape(-1, size) != 0, axis=1), size))
        if (size == 1 and len(used) > problem.n) or len(used) == 0:
            return None
        eta = evaluator.predictor(problem, coef, b)
        r = evaluator.residual(problem, eta)
        X = problem.X[:, used]
        slope, bend = _penalty(coef[used], size, alpha)
        gradient = _times(X, r) / problem.n - slope
        weights = None
        if problem.kind == "logistic":
            chance = 1 / (1 + np.exp(-eta.astype(float)))
            weights = chance * (1 - chance)
        step, shift = _newton(X, weights, gradient, r, bend, problem)
        if step is None:
            return None
        moved = coef.copy()
        moved[used] += step
        turned = (moved * coef).reshape(-1, size).sum(axis=1) < 0
        moved[np.repeat(turned, size)] = 0  # a sign that changed: out
        coef, b = moved, b + shift
        if np.abs(step).max() <= SMALL * np.abs(coef).max():
            break
    return coef.astype(float)


def _penalty(w: np.ndarray, size: int, alpha: float) -> tuple[np.ndarray, np.ndarray | None]:
    """The gradient of the penalty on the support, and its second derivative where it has one."""
    if size == 1:
        return alpha * np.sign(w), None
    blocks = w.reshape(-1, size)
    norms = np.sqrt((blocks**2).sum(axis=1))[:, None]
    unit = (blocks / norms).astype(float)
    bend = np.zeros((len(w), len(w)))
    for g in range(len(unit)):
        at = slice(g * size, (g + 1) * size)
        bend[at, at] = alpha / float(norms[g, 0]) * (np.eye(size) - np.outer(unit[g], unit[g]))
    return (alpha * blocks / norms).ravel(), bend


def _times(X: np.ndarray, r: np.ndarray) -> np.ndarray:
    """X'r with the part of r below double precision kept."""
    high = r.astype(float)
    low = (r - high).astype(float)
    return np.asarray(X.T @ high).astype(evaluator.LONG) + np.asarray(X.T @ low)


def _newton(X, weights, gradient, r, bend, problem):
    """(step of the coefficients, of the intercept), or (None, None) where the matrix is singular."""
    if problem.intercept:
        one = np.ones((problem.n, 1))
        X = sparse.hstack([X, one], format="csc") if problem.is_sparse else np.column_stack([X, one])
        gradient = np.append(gradient, r.mean())
    solve = _by_products if problem.is_sparse and weights is None else _by_matrix
    step = solve(X, weights, bend, gradient.astype(float), problem.n)
    if step is None or not np.isfinite(step).all():
        return None, None
    return (step[:-1], step[-1]) if problem.intercept else (step, 0.0)


def _by_matrix(X, weights, bend, gradient, n):
    A = X.toarray() if sparse.issparse(X) else X
    H = (A.T if weights is None else A.T * weights) @ A / n
    if bend is not None:
        H[: len(bend), : len(bend)] += bend
    try:
        return np.linalg.solve(H, gradient)
    except np.linalg.LinAlgError:
        return None


def _by_products(X, weights, bend, gradient, n):
    """Conjugate gradients: the matrix of thousands of sparse columns would take longer than all else. What a step leaves, the
    next one, from a residual in extended precision, takes away."""
    size = X.shape[1]
    H = linalg.LinearOperator((size, size), matvec=lambda v: X.T @ (X @ v) / n)
    return linalg.cg(H, gradient, rtol=1e-8, maxiter=3000)[0]


if __name__ == "__main__":
    for key in sys.argv[1:]:
        one = reference(BY_KEY[key.removesuffix("-small")].shrunk() if key.endswith("-small") else BY_KEY[key])
        print(f"{key}: worst {one.worst:.1e}, {one.count} optima not certified to {CERTIFIED:g}")
