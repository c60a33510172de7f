"""What no penalty touches, the intercept and the columns of strength 0, solved exactly with the other coefficients held.

The dual point is feasible only if it is orthogonal to these columns, so the judge calls this before it scales one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from shrinkage.designs import Vector
from shrinkage.points import Point

ROUNDS = 50  # of Newton; from a warm start two or three are used
ROUNDING = 1e-15


def refit(problem: Any, point: Point) -> Point:
    """Newton with halving on the intercept and the free coefficients: one step for squared error."""
    if not problem.intercept and len(problem.free) == 0:
        return point
    if not problem.loss.separable:
        return _refit_root(problem, point)
    for _ in range(ROUNDS):
        direction = _newton_direction(problem, point)
        if direction is None:
            break
        dw, db, promised = direction
        point, settled = _descend(problem, point, dw, db, promised)
        if settled:
            break
    return point


def project(problem: Any, u: Vector) -> Vector:
    """u minus its part along the intercept and the free columns."""
    if not problem.intercept and len(problem.free) == 0:
        return u
    A = _columns(problem) * (problem.weights > 0)[:, None]
    return u - A @ np.linalg.lstsq(A, u, rcond=None)[0]


def _columns(problem: Any) -> np.ndarray:
    """The intercept's column and the free ones, gathered: (n, k)."""
    columns = problem.design.gather(problem.free)
    return np.column_stack([np.ones(len(problem.y)), columns]) if problem.intercept else columns


def _newton_direction(problem: Any, point: Point) -> tuple[Vector, float, float] | None:
    """(coefficients, intercept, the decrease of the loss that the model promises), or None where the gradient is rounding."""
    loss, y, weights, free = problem.loss, problem.y, problem.weights, problem.free
    if len(free) == 0:  # the intercept alone: by far the commonest case
        g = c = size = 0.0
        for rows in problem.rows():
            u = loss.total_gradient(y[rows], point.eta[rows], weights[rows])
            g, size = g + float(u.sum()), size + float(np.abs(u).sum())
            c += float(np.asarray(loss.curvature(y[rows], point.eta[rows])) @ weights[rows])
        return None if abs(g) <= ROUNDING * size or c <= 0 else (np.zeros(0), -g / c, g * g / c / 2)
    u = loss.total_gradient(y, point.eta, weights)
    h = np.asarray(loss.curvature(y, point.eta)) * weights
    noise = ROUNDING * float(np.abs(u).sum())
    A = _columns(problem)
    g = A.T @ u
    if np.max(np.abs(g)) <= noise:
        return None
    step = -linalg.lstsq((A * h[:, None]).T @ A, g, cond=1e-13)[0]
    promised = -float(g @ step) / 2
    return (step[1:], float(step[0]), promised) if problem.intercept else (step, 0.0, promised)


def _descend(problem: Any, point: Point, dw: Vector, db: float, promised: float) -> tuple[Point, bool]:
    """The point after the first of the steps 1, 1/2, ... that lowers the loss, and whether nothing more is to be gained.

    A decrease below the rounding of the loss cannot be seen, but the step still brings the gradient down: it is the last.
    """
    free = problem.free
    along = db + (problem.design.matmat(free, dw[:, None])[:, 0] if len(free) else 0.0)
    before = problem.total(point.eta)
    unseen = promised <= 4e-15 * abs(before)
    size = 1.0
    for _ in range(30):
        eta = point.eta + size * along
        if unseen or problem.total(eta) < before:
            w = point.w.copy()
            w[free] += size * dw
            return Point(w, point.b + size * db, eta, point.dual), unseen
        size /= 2
    return point, True


def _refit_root(problem: Any, point: Point) -> Point:
    """The root of a sum of squares has the minimiser of the sum: one weighted least-squares step."""
    A, root = _columns(problem), np.sqrt(problem.weights)
    step = np.linalg.lstsq(A * root[:, None], (problem.y - point.eta) * root, rcond=None)[0]
    dw, db = (step[1:], float(step[0])) if problem.intercept else (step, 0.0)
    w = point.w.copy()
    w[problem.free] += dw
    return Point(w, point.b + db, point.eta + A @ step, point.dual)
