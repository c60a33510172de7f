"""Effective degrees of freedom of a fit, the intercept not counted.

tr[(H + P'')^-1 H] over the active coefficients, H the loss's Hessian there: the number of non-zeros for L1 (Zou, Hastie and
Tibshirani, 2007, Ann. Stat. 35), sum s^2 / (s^2 + strength) for L2, between the two for the elastic net, and for groups with
P'' = slope (I - u u') / ||w_g|| (Yuan and Lin, 2006, JRSS B 68; Vaiter et al., 2012). The concave part of MCP and SCAD is
counted as the number of non-zeros, as ncvreg does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from shrinkage.designs import Vector
from shrinkage.points import Point
from shrinkage.problem import Problem


def of_freedom(problem: Problem, point: Point, hessian: Callable[[], np.ndarray] | None = None) -> float:
    """The trace above, at this point of this problem. `hessian` gives H on the columns in use, in order, where it is at hand."""
    active = np.flatnonzero(point.w)
    twin = problem.twin
    if len(active) == 0:
        return 0.0
    if twin is None or not problem.loss.smooth or not problem.loss.separable:
        return float(len(active))
    bend = np.diag(twin.terms[1, active])
    if twin.groups is not None:
        bend = bend + _group_curvature(twin, point.w, active)
    if not bend.any():
        return float(min(len(active), int(np.count_nonzero(problem.weights))))
    if hessian is not None:
        return _trace(hessian(), bend)
    h = problem.weights * np.asarray(problem.loss.curvature(problem.y, point.eta))
    if len(active) > len(h) and twin.groups is None and np.all(twin.terms[1, active] > 0):
        inverse = np.zeros(problem.p)
        inverse[active] = 1 / twin.terms[1, active]
        root = np.sqrt(h)
        values = np.clip(linalg.eigvalsh(root[:, None] * problem.design.kernel(inverse) * root), 0, None)
        return float(np.sum(values / (1 + values)))
    return _trace(problem.design.gram(active, active, h), bend)


def _trace(H: np.ndarray, bend: np.ndarray) -> float:
    """tr[(H + bend)^-1 H], which is the number of columns less tr[(H + bend)^-1 bend]."""
    factor, failed = lapack.dpotrf(H + bend, lower=1)
    pivots = np.diag(factor)
    if failed or pivots.min() < 1e-6 * pivots.max():  # (nearly) dependent columns
        return float(np.trace(linalg.lstsq(H + bend, H, cond=1e-14)[0]))
    inverse = lapack.dpotri(factor, lower=1)[0]  # its lower triangle
    return float(len(H) - 2 * np.sum(np.tril(inverse) * bend) + np.diag(inverse) @ np.diag(bend))


def _group_curvature(twin, w: Vector, active: np.ndarray) -> np.ndarray:
    """slope (I - u u') / ||w_g|| in blocks; the slope of an L1 on the norm, or where a concave part starts."""
    group, block = twin.groups[active], w[active]
    grouped = group >= 0
    size = np.sqrt(np.bincount(np.maximum(group, 0), np.where(grouped, block**2, 0.0)))[group]
    unit = np.divide(block, size, out=np.zeros(len(block)), where=grouped)
    slope, l2 = np.where(grouped, twin.group_terms[:2, group], 0.0)
    bend = np.divide(slope, size, out=np.zeros(len(block)), where=grouped)
    return np.diag(bend + l2) - np.where(group[:, None] == group, np.outer(bend * unit, unit), 0.0)
