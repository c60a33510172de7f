"""The verb `path`, and how a path is walked: by the engine where it takes the problem, else a solver from alpha to alpha."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from shrinkage import degrees, engine
from shrinkage.designs import Matrix, Vector
from shrinkage.errors import ConvergenceError
from shrinkage.fit import Certificate, Task, feasible, read_max_iter
from shrinkage.grids import grid, per_alpha, read_alphas
from shrinkage.inputs import read_tol
from shrinkage.paths import Path, warn_unconverged
from shrinkage.points import Point
from shrinkage.problem import GAP, Problem
from shrinkage.solvers import Outcome, choose, minimise
from shrinkage.units import Units


def path(
    X: Any, y: Any, loss: Any, penalty: Any, *, alphas: Any = None, n_alphas: int = 100, ratio: float | None = None,
    intercept: bool = True, weights: Any = None, offset: Any = None, standardize: bool = False, tol: float = 1e-6,
    max_iter: int = 1000,
) -> Path:  # fmt: skip
    """Fit `mean loss + alpha * penalty` for decreasing alphas (inside: sum of the loss + W alpha penalty, W = sum of weights;
    for `RootSquaredError` sqrt(W) alpha penalty, so that ||r|| / sqrt(W) is what alpha acts on).

    **Arguments** (the others as in `solve`)

    - `alphas`: the grid, in any order; None: `n_alphas` of them, log-spaced from the smallest at which every penalised
      coefficient is zero down to `ratio` times it (None: 1e-4 for n > p, else 1e-2).

    **Returns** a `Path`. A `ConvergenceWarning` counts the alphas whose certificate does not hold. After Ctrl-C the
    KeyboardInterrupt carries what was done so far as its attribute `partial`, a `Path`.
    """
    task = Task.read(X, y, loss, penalty, weights, offset, intercept, standardize)
    tol, max_iter = read_tol(tol), read_max_iter(max_iter)
    alphas = read_alphas(alphas)
    found = walk(task, alphas, n_alphas, ratio, tol, max_iter)
    warn_unconverged(found, stacklevel=3)
    return found


class Settings(NamedTuple):
    """The alphas (m,), or None for `n_alphas` of them down to `ratio` times the largest; tolerance and steps."""

    alphas: Vector | None
    n_alphas: int
    ratio: float | None
    tol: float
    max_iter: int


class Row(NamedTuple):
    """What is kept of one fit: nothing as long as the data."""

    coef: Vector
    intercept: float
    certificate: Certificate
    outcome: Outcome
    df: float
    total: float  # the summed loss, in prepared units
    steps: int


@dataclass(frozen=True, eq=False)
class Walks:
    """Paths of one task under several weightings of its rows, the first of them over all rows."""

    paths: list[Path]
    # Mean squared errors (m, K) on held-out and on training rows, to be multiplied by 2**power; None where nobody has them.
    errors: tuple[Matrix, Matrix] | None = None
    power: int = 0


def walk(task: Task, alphas: Vector | None, n_alphas: int, ratio: float | None, tol: float, max_iter: int) -> Path:
    """The path of a validated task."""
    return walks(task, None, None, Settings(alphas, n_alphas, ratio, tol, max_iter)).paths[0]


def walks(task: Task, train: Matrix | None, test: Matrix | None, settings: Settings) -> Walks:
    """The path over all rows and, at its alphas, one for each column of `train` (n, K): how often each row counts.

    One design, never copied. Where the engine takes the problem all of them share its readings of X, and the errors on the
    training rows and on those of `test` (n, K) come from these too.
    """
    problem, units = task.prepared()
    shares = [] if train is None else list(train.T)
    if engine.suits(problem, settings.tol) and problem.half_deviance > 0:
        columns = [np.ones(len(task.y)), *shares, *([] if test is None else test.T)]
        positive = settings.alphas is None or bool(settings.alphas.min() > 0)
        rows = engine.read(problem, units.size, np.column_stack(columns), 1 + len(shares), positive)
        if rows is not None:
            return _together(task, problem, units, rows, shares, settings)
    full = _alone(task, problem, units, settings)
    return Walks([full, *(_lane(task, share, settings._replace(alphas=full.alphas)) for share in shares)])


def _lane(task: Task, share: Vector, settings: Settings) -> Path:
    lane = replace(task, weights=share * task.weights)
    return _alone(lane, *lane.prepared(), settings)


# ---- by a solver


def _alone(task: Task, problem: Problem, units: Units, settings: Settings) -> Path:
    """One alpha after another, each from the one before."""
    alphas = settings.alphas
    if alphas is None:
        alphas = grid(task, problem, settings.n_alphas, settings.ratio)
    rows: list[Row] = []
    point, state = feasible(problem, problem.null), None
    try:
        for alpha in alphas:
            row, point, state = _fit(task, problem, units, float(alpha), point, state, settings)
            rows.append(row)
    except KeyboardInterrupt as stop:
        stop.partial = _path(task, problem, units, alphas, rows) if rows else None  # type: ignore[attr-defined]
        raise
    return _path(task, problem, units, alphas, rows)


def _fit(task, problem, units, alpha, point, state, settings):
    """One fit on a path: its row, and where the next one starts."""
    # alpha first: a family of penalties (MCP by strength) moves its knots with alpha, not with the sum of weights
    here = problem.with_penalty(per_alpha(task) * (alpha * problem.penalty))
    ending = minimise(here, choose(here, settings.tol), feasible(here, point), settings.tol, settings.max_iter, state)
    evaluation = ending.evaluation
    coef, intercept = units.back(evaluation.point)
    certificate = Certificate(evaluation.kind, evaluation.value, evaluation.relative, settings.tol)
    df, total = degrees.of_freedom(here, evaluation.point), problem.total(evaluation.point.eta)
    return Row(coef, intercept, certificate, ending.outcome, df, total, ending.steps), evaluation.point, ending.state


# ---- by the engine


def _together(task: Task, problem: Problem, units: Units, rows: engine.Rows, shares: list[Vector], settings: Settings) -> Walks:
    """All lanes side by side; what is not certified so, or hardly varies in a lane, is left to a solver."""
    alphas = settings.alphas
    if alphas is None:
        alphas = grid(task, problem, settings.n_alphas, settings.ratio, rows.pull)
    tasks = [task, *(replace(task, weights=share * task.weights) for share in shares)]
    strengths = np.array([per_alpha(lane) for lane in tasks])[:, None] * alphas
    lines: list[engine.Line] = []
    try:
        for some in rows.follow(problem.penalty.twin(problem.p).terms, strengths, settings.tol, task.standardize):
            lines = [a.then(b) for a, b in zip(lines, some, strict=True)] if lines else some
    except KeyboardInterrupt as stop:
        done = _of_line(task, problem, units, rows, lines[0], alphas, settings) if lines else None
        stop.partial = done  # type: ignore[attr-defined]
        raise
    paths, exact = [], True
    for k, lane in enumerate(tasks):
        certified = rows.regular(k) and bool(np.all(lines[k].relative <= settings.tol))
        exact = exact and certified
        if rows.regular(k):
            paths.append(_of_line(lane, problem, units, rows, lines[k], alphas, settings, k))
        else:
            paths.append(_lane(task, shares[k - 1], settings._replace(alphas=alphas)))
    if not exact or not shares:
        return Walks(paths)
    K = len(shares)
    held = np.column_stack([rows.errors(lines[1 + k], 1 + K + k) for k in range(K)])
    trained = np.column_stack([rows.errors(lines[1 + k], 1 + k) for k in range(K)])
    return Walks(paths, (held, trained), 2 * units.target_power)


def _of_line(
    task: Task, problem: Problem, units: Units, rows: engine.Rows, line: engine.Line, alphas: Vector, settings: Settings,
    lane: int = 0,
) -> Path:  # fmt: skip
    """A lane's path; the alphas at which the engine's gap is too large are fitted by a solver, from where it got to."""
    coefs, intercepts = units.back_many(line.W, line.b)
    df = _dfs(task, problem, rows, line.W, alphas) if lane == 0 else np.full(len(line.W), np.nan)
    found = []
    for i, gap in enumerate(line.gaps):
        certificate = Certificate(GAP, float(gap), float(gap / line.half_deviance), settings.tol)
        found.append(Row(coefs[i], float(intercepts[i]), certificate, Outcome.converged, df[i], float(line.totals[i]), 1))
    bad = [i for i, row in enumerate(found) if not row.certificate.holds]
    if bad:
        own, own_units = task.prepared()
        for i in bad:
            start = own.at(*own_units.forward(coefs[i], float(intercepts[i])))
            found[i], _, _ = _fit(task, own, own_units, float(alphas[i]), start, None, settings)
            found[i] = found[i]._replace(total=float(np.ldexp(found[i].total, own_units.objective_power - units.objective_power)))
    return _path(task, problem, units, alphas, found, line.half_deviance, rows.passes)


def _dfs(task: Task, problem: Problem, rows: engine.Rows, W: Matrix, alphas: Vector) -> Vector:
    """Degrees of freedom of models W (m, p)."""
    if not problem.penalty.twin(problem.p).terms[1].any():
        return np.minimum(np.count_nonzero(W, axis=1), np.count_nonzero(problem.weights)).astype(float)
    out = np.empty(len(W))
    for i, w in enumerate(W):  # an interrupted path has fewer models than alphas
        here = problem.with_penalty(per_alpha(task) * (float(alphas[i]) * problem.penalty))
        out[i] = degrees.of_freedom(here, Point(w, 0.0, problem.y), rows.gram)
    return out


# ---- the record


def _path(
    task: Task, problem: Problem, units: Units, alphas: Vector, rows: list[Row], half: float | None = None,
    passes: int | None = None,
) -> Path:  # fmt: skip
    coefs = np.column_stack([row.coef for row in rows])
    intercepts = np.array([row.intercept for row in rows])
    if not (np.isfinite(coefs).all() and np.isfinite(intercepts).all()):
        bad = int(np.flatnonzero(~np.isfinite(coefs).all(axis=0) | ~np.isfinite(intercepts))[0])
        raise ConvergenceError(
            f"At alpha={alphas[bad]:.6g} the coefficients are not finite in the units of the data "
            f"({rows[bad].outcome.value}) Rescale X or y, or stop the path at a larger alpha."
        )
    totals = np.array([row.total for row in rows])
    half = problem.half_deviance if half is None else half
    floor = problem.floor if problem.loss.name != "squared_error" else 0.0
    with np.errstate(over="ignore", under="ignore"):
        kept = coefs.astype(task.design.dtype)
    return Path(
        alphas=np.asarray(alphas[: len(rows)], float),
        coefs=kept,
        intercepts=intercepts,
        certificates=[row.certificate for row in rows],
        outcomes=[row.outcome for row in rows],
        df=np.array([row.df for row in rows]),
        deviance_explained=1 - (totals - floor) / half if half > 0 else np.zeros(len(totals)),
        totals=totals,
        total_power=units.objective_power,
        n_iter=np.array([row.steps for row in rows]),
        loss=task.loss,
        penalty=task.penalty,
        names=task.names,
        passes=passes,
    )
