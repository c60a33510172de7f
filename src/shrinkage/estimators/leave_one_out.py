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

from shrinkage import blas, threads
from shrinkage.engine.spectrum import Bend, GramBasis, KernelBasis
from shrinkage.errors import DataError
from shrinkage.fit import Task
from shrinkage.points import Point
from shrinkage.problem import Problem

STRIP = 32  # columns of the eigenbasis at a time


@dataclass(frozen=True, eq=False)
class LeftOut:
    """`residuals` (n, targets, alphas): y_i minus its prediction from all other rows, in the units of y; and
    `model(target, alpha)`: the (coef, intercept) of all rows, in the units of the data."""

    residuals: np.ndarray
    model: Callable[[int, float], tuple[np.ndarray, float]]


@dataclass(frozen=True, eq=False)
class Fit:
    """`fitted` (n, t, m), `leverage` (n, m), and the coefficients (p, k) of a target at strengths (k,), in prepared units."""

    fitted: np.ndarray
    leverage: np.ndarray
    coefs: Callable[[int, np.ndarray], np.ndarray]


@blas.alone
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
    l2 = problem.twin.terms[1]
    found = (_by_kernel if n <= problem.p else _by_gram)(problem, weights, Y, Bend.of(l2, alphas))
    left = 1 - (found.leverage + (share[:, None] if problem.intercept else 0.0))
    residual = Y[:, :, None] - found.fitted
    with np.errstate(divide="ignore", invalid="ignore"):
        out = residual / left[:, None, :]
    power = np.array([units.target_power for _, units in prepared])

    def model(target: int, alpha: float) -> tuple[np.ndarray, float]:
        coef = found.coefs(target, Bend.of(l2, np.array([alpha])).strengths)[:, 0]
        return prepared[target][1].back(Point(coef, float(level[target]), Y[:, target]))

    return LeftOut(np.ldexp(out, power[None, :, None]), model)


def _by_kernel(problem: Problem, weights: np.ndarray, Y: np.ndarray, bend: Bend) -> Fit:
    """For n <= p, from the (n, n) kernel."""
    rows = KernelBasis(weights, np.ones((len(Y), int(problem.intercept))))
    spectrum = rows.spectrum(problem.design.kernel(bend.unit**2))
    U, gain = spectrum.vectors, spectrum.gain(bend.strengths)
    target = U.T @ (rows.root[:, None] * Y[rows.rows])
    # A row of weight 0 is out of the kernel's reach; its error has weight 0 too, so it is given as none.
    fitted, leverage = np.repeat(Y[:, :, None], gain.shape[1], axis=2), np.zeros((len(Y), gain.shape[1]))
    fitted[rows.rows] = np.stack([U @ (g[:, None] * target) for g in gain.T], axis=-1) / rows.root[:, None, None]
    leverage[rows.rows] = U**2 @ gain

    def coefs(t: int, strengths: np.ndarray) -> np.ndarray:
        dual = rows.spread(spectrum.solve(rows.apart(Y[:, t]), strengths))
        return bend.unit[:, None] ** 2 * problem.design.rmatmat(dual)

    return Fit(fitted, leverage, coefs)


def _by_gram(problem: Problem, weights: np.ndarray, Y: np.ndarray, bend: Bend) -> Fit:
    """For n > p: the same from the (p, p) Gram matrix."""
    every = np.arange(problem.p)
    basis = GramBasis(problem.design.gram(every, every, weights), bend)
    V = basis.unit[:, None] * basis.spectrum.vectors
    pull = problem.design.rmatmat(weights[:, None] * Y)
    target, shrunk = V.T @ pull, basis.spectrum.inverse(bend.strengths)
    fitted = np.zeros((*Y.shape, shrunk.shape[1]))
    leverage = np.zeros((len(Y), shrunk.shape[1]))
    for at in threads.tiles(problem.p, STRIP):
        Z = problem.design.matmat(every, V[:, at])
        leverage += Z**2 @ shrunk[at]
        for t in range(Y.shape[1]):
            fitted[:, t] += Z @ (shrunk[at] * target[at, t, None])

    def coefs(t: int, strengths: np.ndarray) -> np.ndarray:
        return basis.solve(pull[:, t], strengths)

    return Fit(fitted, leverage * weights[:, None], coefs)
