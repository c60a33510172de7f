"""The table from (loss, penalty) to a solver."""

from __future__ import annotations

import numpy as np

from shrinkage.problem import Problem
from shrinkage.solvers.admm import ADMM
from shrinkage.solvers.base import Solver
from shrinkage.solvers.concomitant import Concomitant
from shrinkage.solvers.linear_program import LinearProgram
from shrinkage.solvers.newton import ProxNewton
from shrinkage.solvers.prox_gradient import ProxGradient
from shrinkage.solvers.ridge import RidgeNewton


def choose(problem: Problem, tol: float) -> Solver:
    """The solver for this problem at this tolerance of the relative certificate."""
    accuracy = float(np.clip(tol * 1e-2, 1e-15, 1e-9))
    twin = problem.twin
    if not problem.loss.separable:
        # A gap of squared error is second order in the coefficients, the root's dual point first order: hence the square.
        inner = ProxGradient() if twin is None else ProxNewton(1e-14)
        return Concomitant(inner, max(1e-2 * tol**2, 1e-15), max(0.1 * tol, 1e-9))
    if not problem.loss.smooth:
        return LinearProgram() if twin is not None and _piecewise_linear(twin) else ADMM()
    if twin is None:
        return ProxGradient()
    return RidgeNewton() if twin.quadratic else ProxNewton(accuracy)


def _piecewise_linear(twin) -> bool:
    """But for concave parts, of which a linear program takes the tangent."""
    return twin.groups is None and not twin.terms[1].any()
