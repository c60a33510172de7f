"""Newton for a penalty that is a quadratic form: one solve for squared error, with p x p or n x n systems, the smaller.

With D = diag(strength) and S = sqrt(h) X, (S'S + D)^-1 = D^-1 - D^-1 S' (I + S D^-1 S')^-1 S D^-1 (Woodbury).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from shrinkage.designs import Vector
from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers.base import Solver
from shrinkage.solvers.newton import LEAST_CURVATURE, curvatures, line_search, moved


@dataclass(frozen=True, eq=False)
class State:
    point: Point
    system: Any = None  # what does not change between steps: X D^-1 X', or for squared error X'WX


@dataclass(frozen=True)
class RidgeNewton(Solver[State]):
    """For a smooth loss and strengths of L2 alone."""

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        return State(point)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        point, design = evaluation.point, problem.design
        strength = problem.twin.terms[1]
        h = curvatures(problem, point, LEAST_CURVATURE)
        gradient = evaluation.pull + strength * point.w
        everything = np.arange(problem.p)
        wide = problem.p > len(problem.y) and bool(np.all(strength > 0))
        system = state.system
        if system is None or not (wide or problem.loss.quadratic):
            system = design.kernel(1 / strength) if wide else design.gram(everything, everything, h)
        invert = _woodbury(problem, system, h, strength) if wide else _direct(system, strength)
        dw, db = _bordered(problem, invert, gradient, float(evaluation.gradient.sum()), h)
        goal = point.w + dw
        size = 1.0 if problem.loss.quadratic else line_search(problem, evaluation, everything, goal, db)
        return State(moved(problem, point, everything, goal, db, size), system)


def _bordered(problem: Problem, invert: Any, gradient: Vector, slope: float, h: Vector) -> tuple[Vector, float]:
    """Minus the Newton system's solution, the intercept eliminated by its Schur complement."""
    if not problem.intercept:
        return -invert(gradient), 0.0
    border = problem.design.rmatvec(h)
    solved, against = invert(gradient), invert(border)
    schur = float(h.sum()) - float(border @ against)
    db = (slope - float(border @ solved)) / schur if schur > 0 else 0.0
    return -(solved - against * db), -db


def _direct(gram: np.ndarray, strength: Vector) -> Any:
    matrix = gram + np.diag(strength)
    try:
        factor = linalg.cho_factor(matrix, check_finite=False)
    except linalg.LinAlgError:  # singular: free columns that repeat one another; the shortest solution
        return lambda v: linalg.lstsq(matrix, v, cond=1e-14)[0]
    return lambda v: linalg.cho_solve(factor, v, check_finite=False)


def _woodbury(problem: Problem, kernel: np.ndarray, h: Vector, strength: Vector) -> Any:
    root = np.sqrt(h)
    # By its eigenvalues, which rounding may bring below zero beside a far larger one; those of the kernel are >= 0.
    values, vectors = linalg.eigh(root[:, None] * kernel * root, check_finite=False)
    shrunk = 1 / (1 + np.maximum(values, 0.0))

    def invert(v: Vector) -> Vector:
        plain = v / strength
        inner = vectors @ (shrunk * (vectors.T @ (root * problem.design.matvec(plain))))
        return plain - problem.design.rmatvec(root * inner) / strength

    return invert
