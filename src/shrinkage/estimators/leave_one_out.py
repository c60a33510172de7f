"""Exact leave-one-out residuals of ridge regression, for many strengths from one decomposition.

With weights W, intercept and hat matrix H of the full fit, leaving row i out gives the residual r_i / (1 - h_ii)
(Allen, 1974, Technometrics 16; Golub, Heath and Wahba, 1979, Technometrics 21). In the eigenbasis of the centred Gram
or kernel matrix, whichever is smaller, r and h are one product per strength. X is never copied: the long side is read
in strips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from shrinkage.errors import DataError
from shrinkage.fit import Task
from shrinkage.points import Point
from shrinkage.problem import Problem

STRIP = 32  # columns of the eigenbasis at a time
LARGEST_UNIT = 2.0**480  # a penalty of 2**-960 is as good as none, and its inverse still has a square


@dataclass(frozen=True, eq=False)
class LeftOut:
    """`residuals` (n, targets, alphas): y_i minus its prediction from all other rows, in the units of y; and
    `model(target, alpha)`: the (coef, intercept) of all rows, in the units of the data."""

    residuals: np.ndarray
    model: Callable[[int, float], tuple[np.ndarray, float]]


@dataclass(frozen=True, eq=False)
class Basis:
    """`fitted` (n, t, m), `leverage` (n, m), and the coefficients (p,) of a target at an alpha, in prepared units."""

    fitted: np.ndarray
    leverage: np.ndarray
    coef: Callable[[int, float], np.ndarray]


def leave_one_out(tasks: list[Task], alphas: np.ndarray) -> LeftOut:
    """For many strengths from one decomposition.

    Each task has the penalty L2(1), and all share X and weights; `alphas` > 0 multiply the penalty.
    """
    prepared = [task.prepared() for task in tasks]
    problem = prepared[0][0]
    n = len(problem.y)
    if np.count_nonzero(problem.weights) < 2:
        raise DataError(f"Leave-one-out needs at least two rows of positive weight; got n_samples={n}. Add rows, or use Ridge.")
    weights = problem.weights / problem.loss.sigma**2  # preparation may have put a power of two into sigma
    Y = np.column_stack([p.y for p, _ in prepared])
    share = problem.weights / problem.weights.sum()
    level = share @ Y if problem.intercept else np.zeros(Y.shape[1])
    Y = Y - level
    found = (_kernel_basis if n <= problem.p else _gram_basis)(problem, weights, Y, alphas)
    left = 1 - (found.leverage + (share[:, None] if problem.intercept else 0.0))
    residual = Y[:, :, None] - found.fitted
    with np.errstate(divide="ignore", invalid="ignore"):
        out = residual / left[:, None, :]
    power = np.array([units.target_power for _, units in prepared])

    def model(target: int, alpha: float) -> tuple[np.ndarray, float]:
        return prepared[target][1].back(Point(found.coef(target, alpha), float(level[target]), Y[:, target]))

    return LeftOut(np.ldexp(out, power[None, :, None]), model)


def _unit(problem: Problem) -> np.ndarray:
    """The inverse root of each coefficient's strength at alpha = 1."""
    l2 = problem.penalty.twin(problem.p).terms[1]
    with np.errstate(divide="ignore"):
        return np.minimum(1 / np.sqrt(l2), LARGEST_UNIT)


def _kernel_basis(problem: Problem, weights: np.ndarray, Y: np.ndarray, alphas: np.ndarray) -> Basis:
    """For n <= p, from the (n, n) kernel."""
    root, spread = np.sqrt(weights), _unit(problem) ** 2
    K = root[:, None] * problem.design.kernel(spread) * root
    values, U = linalg.eigh(K)
    gain = _gain(values, alphas)
    target = U.T @ (root[:, None] * Y)
    fitted = np.stack([U @ (g[:, None] * target) for g in gain.T], axis=-1)
    # A row of weight 0 is out of the kernel's reach; its error has weight 0 too, so it is given as none.
    seen = root[:, None, None] > 0
    fitted = np.where(seen, fitted / np.where(seen, root[:, None, None], 1.0), Y[:, :, None])

    def coef(t: int, alpha: float) -> np.ndarray:
        return spread * problem.design.rmatvec(root * (U @ (target[:, t] / (np.clip(values, 0, None) + alpha))))

    return Basis(fitted, (U**2) @ gain, coef)


def _gram_basis(problem: Problem, weights: np.ndarray, Y: np.ndarray, alphas: np.ndarray) -> Basis:
    """For n > p: the same from the (p, p) Gram matrix."""
    every, unit = np.arange(problem.p), _unit(problem)
    G = problem.design.gram(every, every, weights)
    values, V = linalg.eigh(unit[:, None] * G * unit)
    values = np.clip(values, 0, None)
    V = unit[:, None] * V
    target = V.T @ problem.design.rmatmat(weights[:, None] * Y)
    shrunk = 1 / (values[:, None] + alphas)
    fitted = np.zeros((*Y.shape, len(alphas)))
    leverage = np.zeros((len(Y), len(alphas)))
    for start in range(0, problem.p, STRIP):
        at = slice(start, start + STRIP)
        Z = problem.design.matmat(every, V[:, at])
        leverage += Z**2 @ shrunk[at]
        for t in range(Y.shape[1]):
            fitted[:, t] += Z @ (shrunk[at] * target[at, t, None])

    def coef(t: int, alpha: float) -> np.ndarray:
        return V @ (target[:, t] / (values + alpha))

    return Basis(fitted, leverage * weights[:, None], coef)


def _gain(values: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    values = np.clip(values, 0, None)[:, None]
    return values / (values + alphas)
