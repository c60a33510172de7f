"""Proximal Newton on a working set: the loss's quadratic model there, minimised with the penalty in the compiled core.

For squared error the model is the loss, its Gram is kept between steps (and between the alphas of a path), and a step
ends at the minimiser over the working set. Otherwise a line search makes every step go down.
Lee, Sun and Saunders (2014), "Proximal Newton-type methods for minimizing composite functions", SIAM J. Optim. 24;
working sets as in Johnson and Guestrin (2015), "Blitz", ICML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.penalties import Twin
from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem
from shrinkage.solvers.base import Solver
from shrinkage.solvers.tangent import tangent

SMALL = 256  # with no more columns than this all of them are in the working set
SWEEPS = 1000  # of coordinate descent in one step; what is left is the next step's
PACE = 3.0  # a factor between strengths of the short path to one of them
LEAST_CURVATURE = 1e-10  # of the largest one: rows whose likelihood is saturated must not make the model flat


@dataclass(frozen=True, eq=False)
class Gram:
    """Of the columns in `columns`, in that order, under fixed weights."""

    columns: np.ndarray
    values: np.ndarray

    def grown(self, problem: Problem, new: np.ndarray, weights: Vector) -> Gram:
        if len(new) == 0:
            return self
        old = len(self.columns)
        values = np.empty((old + len(new), old + len(new)))
        values[:old, :old] = self.values
        values[old:, old:] = problem.design.gram(new, new, weights)
        if old:
            cross = problem.design.gram(self.columns, new, weights)
            values[:old, old:], values[old:, :old] = cross, cross.T
        return Gram(np.concatenate([self.columns, new]), values)


NO_GRAM = Gram(np.zeros(0, np.int64), np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class State:
    point: Point
    gram: Gram  # of the working set; kept only where the curvature is constant
    floor: float = LEAST_CURVATURE


@dataclass(frozen=True)
class ProxNewton(Solver[State]):
    """For a smooth loss and a penalty with a compiled twin. `accuracy` is that of the inner minimisation, relative."""

    accuracy: float = 1e-10

    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        return State(point, previous.gram if isinstance(previous, State) else NO_GRAM)

    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        if problem.loss.quadratic:
            return self._exact_step(problem, state, evaluation)
        return self._searched_step(problem, state, evaluation)

    def _exact_step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        point = evaluation.point
        wanted = working_set(problem, evaluation)
        new = np.setdiff1d(wanted, state.gram.columns, assume_unique=True)
        weights = problem.weights * problem.loss.curvature(problem.y, point.eta)
        gram = state.gram.grown(problem, new, weights)
        twin, pull = problem.twin, evaluation.pull[gram.columns]
        if twin.groups is None and not twin.terms[4].any():
            goal = self._followed(problem, gram, twin.terms, pull, point)
        else:
            goal = self._inner(problem, twin, gram.values, gram.columns, pull, point.w, 0)
        return State(moved(problem, point, gram.columns, goal, 0.0, 1.0), gram)

    def _followed(self, problem: Problem, gram: Gram, terms: np.ndarray, pull: Vector, point: Point) -> Vector:
        """Where loss plus penalty is least over these columns: along a short path, where the strength is far below the one
        this point is a solution for, since from afar coordinate descent would wake columns the solution does not need."""
        unit, w = np.ascontiguousarray(terms[:, gram.columns]), point.w[gram.columns]
        along = gram.values @ w
        target = along - pull
        squares = 2 * problem.total(point.eta) + float(w @ (2 * target - along))
        with np.errstate(divide="ignore", invalid="ignore"):
            top = np.where((w == 0) & (unit[0] > 0), np.abs(pull) / unit[0], 1.0).max(initial=1.0)
        steps = 1 + int(np.ceil(np.log(min(top, 1e12)) / np.log(PACE)))
        strengths = np.geomspace(PACE ** (steps - 1), 1.0, steps)
        goal = self.accuracy * max(problem.half_deviance, np.finfo(float).tiny)
        return _core.follow(gram.values, target, squares, unit, strengths, w, goal, False, _core.Memory())[0][-1]

    def _searched_step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        point = evaluation.point
        columns = working_set(problem, evaluation)
        h = curvatures(problem, point, state.floor)
        lead = int(problem.intercept)  # the intercept is an unpenalised coefficient of the model, in front
        G = np.empty((lead + len(columns), lead + len(columns)))
        G[lead:, lead:] = problem.design.gram(columns, columns, h)
        pull = evaluation.pull[columns]
        if lead:
            G[0, 0], pull = h.sum(), np.concatenate([[evaluation.gradient.sum()], pull])
            G[0, 1:] = G[1:, 0] = problem.design.rmatvec(h)[columns]
        twin = problem.twin
        goal = self._inner(problem, twin, G, columns, pull, point.w, lead)
        size = line_search(problem, evaluation, columns, goal[lead:], goal[:lead].sum())
        if size < 1 and not problem.penalty.convex:
            # The model's minimum may lie in another valley, and the way there lead uphill; with tangents the way leads down.
            other = self._inner(problem, tangent(twin, point.w), G, columns, pull, point.w, lead)
            its = line_search(problem, evaluation, columns, other[lead:], other[:lead].sum())
            goal, size = (other, its) if its > size else (goal, size)
        db, goal = float(goal[:lead].sum()), goal[lead:]
        # A direction that had to be cut hard came from a model too flat for where it led.
        floor = min(100 * state.floor, 1.0) if size < 0.1 else max(state.floor / 10, LEAST_CURVATURE)
        return State(moved(problem, point, columns, goal, db, size), NO_GRAM, floor)

    def _inner(self, problem: Problem, twin: Twin, G: Matrix, columns: np.ndarray, pull: Vector, w: Vector, lead: int) -> Vector:
        """Where the quadratic model plus the penalty is least over these columns (and the intercept's move)."""
        terms, groups, group_terms = restricted(twin, columns, lead)
        start = np.concatenate([np.zeros(lead), w[columns]])
        current = G @ start
        target = current - pull
        found = start.copy()
        tolerance = self.accuracy * np.sqrt(max(problem.half_deviance, np.finfo(float).tiny))
        _core.descend(np.ascontiguousarray(G), target, terms, groups, group_terms, found, current, tolerance, SWEEPS, True)
        return found


def curvatures(problem: Problem, point: Point, floor: float) -> Vector:
    """The weighted second derivatives of the loss, each at least `floor` times the largest. Where all are (nearly) zero, a
    Huber loss with every row in a tail, their bound, which makes the model a majoriser."""
    h, bound = np.asarray(problem.loss.curvature(problem.y, point.eta)), problem.loss.curvature_bound
    largest = float(h[problem.weights > 0].max(initial=0.0))
    if np.isfinite(bound) and largest < 1e-8 * bound:
        return problem.weights * bound
    return problem.weights * np.maximum(h, floor * largest + np.finfo(float).tiny)


def moved(problem: Problem, point: Point, columns: np.ndarray, goal: Vector, db: float, size: float) -> Point:
    """The point a share `size` of the way to `goal` on these columns, and to b + db."""
    w = between(point.w, columns, goal, size)
    changed = np.flatnonzero(w != point.w)
    along = problem.design.matmat(changed, (w - point.w)[changed, None])[:, 0] if len(changed) else 0.0
    return Point(w, point.b + size * db, point.eta + along + size * db)


def between(w: Vector, columns: np.ndarray, goal: Vector, size: float) -> Vector:
    """Exact at both ends, and never outside them by a rounding: a bound stays a bound, a zero a zero."""
    here, out = w[columns], w.copy()
    out[columns] = goal if size == 1 else np.clip(here + size * (goal - here), np.minimum(here, goal), np.maximum(here, goal))
    return out


def working_set(problem: Problem, evaluation: Evaluation) -> np.ndarray:
    """The columns worth moving: those in use, the free ones, and the worst violators, by whole groups; sorted."""
    p = problem.p
    if p <= SMALL:
        return np.arange(p)
    point = evaluation.point
    used = point.w != 0
    used[problem.free] = True
    violation = np.broadcast_to(problem.penalty.violation(point.w, evaluation.pull), (p,))
    most = max(100, int(used.sum()))
    outside = np.where(used, 0.0, violation)
    worst = np.argpartition(-outside, min(most, p - 1))[:most]
    used[worst[outside[worst] > 0]] = True
    groups = problem.twin.groups
    if groups is not None:
        chosen = np.isin(groups, np.unique(groups[used & (groups >= 0)]))
        used |= chosen & (groups >= 0)
    return np.flatnonzero(used)


def restricted(twin: Any, columns: np.ndarray, lead: int) -> tuple[np.ndarray, Any, Any]:
    """A compiled twin on these columns, after `lead` unpenalised ones: (terms, groups, group terms)."""
    nothing = np.array([0.0, 0.0, -np.inf, np.inf, 0.0, np.inf, np.inf])
    terms = np.empty((7, lead + len(columns)))
    terms[:, :lead] = nothing[:, None]
    terms[:, lead:] = twin.terms[:, columns]
    if twin.groups is None:
        return terms, None, None
    chosen = twin.groups[columns]
    ids, codes = np.unique(chosen[chosen >= 0], return_inverse=True)
    groups = np.full(lead + len(columns), -1, np.int64)
    groups[lead:][chosen >= 0] = codes
    return terms, groups, np.ascontiguousarray(twin.group_terms[:, ids])


def line_search(
    problem: Problem, evaluation: Evaluation, columns: np.ndarray, goal: Vector, db: float, halvings: int = 50
) -> float:
    """The first of 1, 1/2, ... that lowers the objective by a share of what the model promises (Armijo); 0 if none does."""
    point, penalty = evaluation.point, problem.penalty
    full = moved(problem, point, columns, goal, db, 1.0)
    along = full.eta - point.eta
    promised = float(evaluation.gradient @ along) + float(penalty.value(full.w)) - float(penalty.value(point.w))
    promised = min(promised, 0.0)  # rounding may make it positive: then the step is taken if it does no harm
    size = 1.0
    for _ in range(halvings):
        trial = between(point.w, columns, goal, size)
        value = problem.total(point.eta + size * along) + float(penalty.value(trial))
        if value <= evaluation.objective + 1e-4 * size * promised + 4e-16 * abs(evaluation.objective):
            return size
        size /= 2
    return 0.0
