"""The verb `path`, and how a path is walked: by the engine where it takes the problem, else a solver from alpha to alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from shrinkage import blas, degrees, engine, threads, watching
from shrinkage.designs import Matrix, Vector
from shrinkage.errors import ConvergenceError
from shrinkage.fit import Task, feasible, read_max_iter
from shrinkage.grids import grid, per_alpha, read_alphas
from shrinkage.inputs import read_tol
from shrinkage.paths import Path, warn_unconverged
from shrinkage.points import Point
from shrinkage.problem import Problem
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
    KeyboardInterrupt carries what was done so far as its attribute `partial`, a `Path`, or None if there is nothing yet.
    """
    task = Task.read(X, y, loss, penalty, weights, offset, intercept, standardize)
    tol, max_iter = read_tol(tol), read_max_iter(max_iter)
    alphas = read_alphas(alphas)
    try:
        found = walk(task, alphas, n_alphas, ratio, tol, max_iter)
    except KeyboardInterrupt as stop:
        stop.partial = getattr(stop, "partial", None)  # type: ignore[attr-defined]
        raise
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
    kind: str  # of the certificate
    value: float
    relative: float
    outcome: Outcome
    df: float
    total: float  # the summed loss, in prepared units
    steps: int


@dataclass(frozen=True, eq=False)
class Fits:
    """Rows, column by column: coefs (p, m) and the rest (m,)."""

    coefs: Matrix
    intercepts: Vector
    kinds: list[str]
    values: Vector
    relatives: Vector
    outcomes: list[Outcome]
    df: list[float | Callable[[], float]]  # a number, or what counts it
    totals: Vector
    steps: np.ndarray

    @classmethod
    def of(cls, rows: list[Row]) -> Fits:
        coefs, intercepts, kinds, values, relatives, outcomes, df, totals, steps = zip(*rows, strict=True)
        return cls(
            np.column_stack(coefs), np.array(intercepts), list(kinds), np.array(values), np.array(relatives), list(outcomes),
            list(df), np.array(totals), np.array(steps),
        )  # fmt: skip

    def put(self, i: int, row: Row) -> None:
        """Row i instead of what stands there."""
        self.coefs[:, i], self.intercepts[i], self.kinds[i], self.values[i], self.relatives[i] = row[:5]
        self.outcomes[i], self.df[i], self.totals[i], self.steps[i] = row[5:]


@dataclass(frozen=True, eq=False)
class Walks:
    """Paths of one task under several weightings of its rows, the first of them over all rows."""

    paths: list[Path]
    # Mean unit deviances (m, K) on held-out and on training rows, to be multiplied by 2**power; None where nobody has them.
    errors: tuple[Matrix, Matrix] | None = None
    power: int = 0


def walk(task: Task, alphas: Vector | None, n_alphas: int, ratio: float | None, tol: float, max_iter: int) -> Path:
    """The path of a validated task."""
    return walks([task], None, None, Settings(alphas, n_alphas, ratio, tol, max_iter))[0].paths[0]


@blas.alone
def walks(tasks: Sequence[Task], train: Matrix | None, test: Matrix | None, settings: Settings) -> list[Walks]:
    """For each of some tasks, which differ in their penalties alone, the path over all rows and, at its alphas, one for each
    column of `train` (n, K): how often each row counts.

    One design, never copied. Where the engine takes the problems, those that it reads alike share its readings of X, and the
    errors on the training rows and on those of `test` (n, K) come from these too, in place of the paths (None: the paths).
    """
    kinds = [engine.kind(task, settings.tol) or i for i, task in enumerate(tasks)]
    alike = [[i for i, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(kinds)]
    found: dict[int, Walks] = {}
    for part, some in enumerate(alike):
        with watching.part(part, len(alike)):
            found.update(zip(some, _alike([tasks[i] for i in some], train, test, settings), strict=True))
    return [found[i] for i in range(len(tasks))]


def _alike(tasks: list[Task], train: Matrix | None, test: Matrix | None, settings: Settings) -> list[Walks]:
    """The same of tasks that the engine reads alike, if it takes them."""
    problem, units = tasks[0].prepared()
    shares = [] if train is None else list(train.T)
    takes = engine.suits(problem, settings.tol) and problem.half_deviance > 0
    penalties = [problem.penalty, *(units.penalty(task.penalty) for task in tasks[1:])]
    if any(penalty is None for penalty in penalties):  # groups whose columns are in units of their own
        return [_alike([task], train, test, settings)[0] for task in tasks]
    problems = [problem.with_penalty(penalty) for penalty in penalties]
    multiples, lanes = weightings(len(problem.y), train, test)
    if takes and (lanes == 1 or engine.shared(problem, tasks[0].standardize, multiples, lanes)):
        positive = settings.alphas is None or bool(settings.alphas.min() > 0)
        rows = engine.read(problem, units.size, multiples, lanes, positive)
        if rows is not None:
            return _together(tasks, problems, units, rows, shares, settings, test is not None)
    if not shares:
        return [Walks([_alone(task, one, units, settings)]) for task, one in zip(tasks, problems, strict=True)]
    return [_apart(task, shares, settings) for task in tasks]


def weightings(n: int, train: Matrix | None, test: Matrix | None) -> tuple[Matrix, int]:
    """How often each of n rows counts in each weighting, and in each set that is held out (n, m); how many are the weightings."""
    columns = [one for masks in (train, test) if masks is not None for one in masks.T]
    return np.array([np.ones(n), *columns]).T, 1 + (0 if train is None else train.shape[1])  # each column contiguous


def _apart(task: Task, shares: list[Vector], settings: Settings) -> Walks:
    """One weighting after another, each in units of its own."""
    with watching.part(0, 1 + len(shares)):
        paths = walks([task], None, None, settings)[0].paths
    for k, share in enumerate(shares):
        with watching.part(1 + k, 1 + len(shares)):
            lane = replace(task, weights=share * task.weights)
            paths += walks([lane], None, None, settings._replace(alphas=paths[0].alphas))[0].paths
    return Walks(paths)


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
            watching.reached(len(rows) / len(alphas))
    except KeyboardInterrupt as stop:
        stop.partial = _path(task, problem, units, alphas, Fits.of(rows), settings.tol) if rows else None  # type: ignore[attr-defined]
        raise
    return _path(task, problem, units, alphas, Fits.of(rows), settings.tol)


def _fit(task, problem, units, alpha, point, state, settings):
    """One fit on a path: its row, and where the next one starts."""
    # alpha first: a family of penalties (MCP by strength) moves its knots with alpha, not with the sum of weights
    here = problem.with_penalty(per_alpha(task) * (alpha * problem.penalty))
    ending = minimise(here, choose(here, settings.tol), feasible(here, point), settings.tol, settings.max_iter, state)
    e = ending.evaluation
    coef, intercept = units.back(e.point)
    df, total = degrees.of_freedom(here, e.point), problem.total(e.point.eta)
    row = Row(coef, intercept, e.kind, e.value, e.relative, ending.outcome, df, total, ending.steps)
    return row, e.point, ending.state


# ---- by the engine


def _together(
    tasks: list[Task], problems: list[Problem], units: Units, rows: engine.Rows, shares: list[Vector], settings: Settings,
    judged: bool,
) -> list[Walks]:  # fmt: skip
    """All lanes side by side; what is not certified so, or hardly varies in a lane, is left to a solver."""
    alphas = [
        settings.alphas if settings.alphas is not None else grid(task, one, settings.n_alphas, settings.ratio, rows.pull)
        for task, one in zip(tasks, problems, strict=True)
    ]
    weights = [tasks[0].weights, *(share * tasks[0].weights for share in shares)]
    lanes = [[replace(task, weights=its) for its in weights] for task in tasks]
    every = list(zip(lanes, problems, alphas, strict=True))
    courses = [course for one in every for course in _courses(*one)]
    parts: list[list[engine.Line]] = [[] for _ in courses]
    try:
        for some in rows.follow(courses, settings.tol, tasks[0].standardize):
            for line in some:
                parts[line.lane].append(line)
            watching.reached(sum(len(line.W) for part in parts for line in part) / (len(courses) * len(alphas[0])))
    except KeyboardInterrupt as stop:
        first = engine.Line.joined(parts[0]) if parts[0] else None
        done = None if first is None else _of_line(tasks[0], problems[0], units, rows, first, alphas[0], settings)
        stop.partial = done  # type: ignore[attr-defined]
        raise
    lines = [engine.Line.joined(part) for part in parts]
    mine = [lines[at] for at in threads.tiles(len(lines), len(weights))]
    return [_of_lines(*one, units, rows, its, settings, judged) for one, its in zip(every, mine, strict=True)]


def _courses(lanes: list[Task], problem: Problem, alphas: Vector) -> list[engine.Course]:
    """What the lanes of one penalty are to follow."""
    twin, strengths = problem.twin, [per_alpha(lane) * alphas for lane in lanes]
    # Whether alpha moves the knots of the penalty.
    moving = twin.terms[4].any() and not np.array_equal((2.0 * problem.penalty).twin(problem.p).terms[5:], twin.terms[5:])
    return [engine.Course(k, twin, its, alphas[0] / its[0] if moving else 0.0) for k, its in enumerate(strengths)]


def _of_lines(
    lanes: list[Task], problem: Problem, alphas: Vector, units: Units, rows: engine.Rows, lines: list[engine.Line],
    settings: Settings, judged: bool,
) -> Walks:  # fmt: skip
    """What the lanes of one penalty amount to: errors where they are asked for and all are certified, else their paths."""
    full = _of_line(lanes[0], problem, units, rows, lines[0], alphas, settings)
    folds = range(1, len(lanes))
    K = len(folds)
    if judged and all(rows.regular(k) and np.all(lines[k].relative <= settings.tol) for k in folds):
        errors = np.array([rows.errors(lines[k], [K + k, k]) for k in folds])  # (K, held out or not, m)
        return Walks([full], (errors[:, 0].T, errors[:, 1].T) if K else None, 2 * units.target_power)
    settings = settings._replace(alphas=alphas)
    paths = [
        _of_line(lanes[k], problem, units, rows, lines[k], alphas, settings)
        if rows.regular(k) else walks([lanes[k]], None, None, settings)[0].paths[0]
        for k in folds
    ]  # fmt: skip
    return Walks([full, *paths])


def _of_line(
    task: Task, problem: Problem, units: Units, rows: engine.Rows, line: engine.Line, alphas: Vector, settings: Settings
) -> Path:  # fmt: skip
    """A lane's path; the alphas at which the engine's gap is too large are fitted by a solver, from where it got to."""
    m = len(line.W)
    some, intercepts = units.back_many(line.W, line.b, line.columns)
    coefs = np.zeros((problem.p, m))
    coefs[line.columns] = some.T
    df = _dfs(task, problem, rows, line, alphas)
    fits = Fits(
        coefs,
        intercepts,
        [line.kind] * m,
        line.gaps,
        line.relative,
        [Outcome.converged] * m,
        df,
        line.totals.copy(),
        np.ones(m, np.int64),
    )
    bad = np.flatnonzero(~(fits.relatives <= settings.tol)).tolist()
    if bad:
        own, own_units = task.prepared()
        apart = own_units.objective_power - units.objective_power
        for i in bad:
            near = line.relative[i] < 1  # else it may be further off than no model at all
            start = own.at(*own_units.forward(coefs[:, i], float(intercepts[i]))) if near else feasible(own, own.null)
            row, _, _ = _fit(task, own, own_units, float(alphas[i]), start, None, settings)
            fits.put(i, row._replace(total=float(np.ldexp(row.total, apart))))
    used = slice(None) if bad else line.columns
    return _path(task, problem, units, alphas, fits, settings.tol, used, line, rows.passes)


def _dfs(task: Task, problem: Problem, rows: engine.Rows, line: engine.Line, alphas: Vector) -> list[float | Callable[[], float]]:
    """Degrees of freedom of the models of a line; of groups only once they are asked for."""
    twin, m = problem.twin, len(line.W)  # an interrupted path has fewer models than alphas
    most = np.count_nonzero(task.weights)  # rounding may count a rank higher
    if line.df is not None:
        return np.minimum(line.df, most).tolist()
    if twin.groups is None and not twin.terms[1].any():
        return np.minimum(np.count_nonzero(line.W, axis=1), most).astype(float).tolist()
    counts = [partial(_df, task, problem, line, float(alphas[i]), i) for i in range(m)]
    if twin.groups is not None:
        return [*counts]
    order = np.argsort(line.columns)
    return [count(partial(rows.hessian, line, i, order[line.W[i, order] != 0])) for i, count in enumerate(counts)]


@blas.alone
def _df(
    task: Task, problem: Problem, line: engine.Line, alpha: float, i: int, hessian: Callable[[], Matrix] | None = None
) -> float:
    w = np.zeros(problem.p)
    w[line.columns] = line.W[i]
    here = problem.with_penalty(per_alpha(task) * (alpha * problem.penalty))
    # Where the curvature is the same everywhere, or at hand, no predictor is needed.
    point = Point(w, 0.0, problem.y) if problem.loss.quadratic or hessian else problem.at(w, float(line.b[i]))
    return degrees.of_freedom(here, point, hessian)


# ---- the record


def _path(
    task: Task, problem: Problem, units: Units, alphas: Vector, fits: Fits, tol: float, used: Any = slice(None),
    line: engine.Line | None = None, passes: int | None = None,
) -> Path:  # fmt: skip
    """`used`: the columns that some model has; the zeros of others are memory not touched so far, which costs nothing."""
    alphas = np.asarray(alphas[: len(fits.df)], float)
    finite = np.isfinite(fits.coefs[used]).all(axis=0) & np.isfinite(fits.intercepts)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ConvergenceError(
            f"At alpha={alphas[bad]:.6g} the coefficients are not finite in the units of the data "
            f"({fits.outcomes[bad].value}) Rescale X or y, or stop the path at a larger alpha."
        )
    half, floor = (problem.half_deviance, problem.floor) if line is None else (line.half_deviance, line.floor)
    with np.errstate(over="ignore", under="ignore"):
        kept = fits.coefs.astype(task.design.dtype, copy=False)
    return Path(
        alphas=alphas,
        coefs=kept,
        intercepts=fits.intercepts,
        kinds=fits.kinds,
        values=fits.values,
        gaps=fits.relatives,
        tol=tol,
        outcomes=fits.outcomes,
        counts=fits.df,
        deviance_explained=1 - (fits.totals - floor) / half if half > 0 else np.zeros(len(alphas)),
        totals=fits.totals,
        total_power=units.objective_power,
        n_iter=fits.steps,
        loss=task.loss,
        penalty=task.penalty,
        names=task.names,
        passes=passes,
    )
