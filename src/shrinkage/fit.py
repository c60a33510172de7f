"""The verb: `solve` finds the mode of the posterior exp(-sum(loss) - penalty), and certifies it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage import blas
from shrinkage.designs import Design, Vector
from shrinkage.errors import ConvergenceError, ConvergenceWarning, DataError, ParameterError
from shrinkage.inputs import check_finite, read_design, read_tol, read_vector, read_weights
from shrinkage.plurals import are, counted
from shrinkage.points import Point
from shrinkage.problem import GAP, Evaluation, Problem
from shrinkage.solvers import Ending, Outcome, Solver, choose, minimise
from shrinkage.units import Units, prepare

ROUNDING = 1e-14  # of half the null deviance: a smaller gap is a rounding, and no sentence claims it


@dataclass(frozen=True)
class Certificate:
    """How near the optimum a model is, proved (`kind` "duality gap") or by the optimality conditions ("violation").

    **Attributes**

    - `value`: the gap (an upper bound on objective - optimum), or the largest violation, in prepared units.
    - `relative`: the gap over half the null deviance, or the violation over the largest gradient at the null model.
    - `tol`: what was asked for; `holds` is `relative <= tol`.
    """

    kind: str
    value: float
    relative: float
    tol: float

    @property
    def holds(self) -> bool:
        return bool(self.relative <= self.tol)

    @property
    def sentence(self) -> str:
        found = f"relative {self.kind} {self.relative:.1e}"
        if not self.holds:
            return f"Not certified: {found} exceeds the tolerance {self.tol:.1e}."
        if self.kind == GAP:
            bound = max(self.relative, ROUNDING)
            return f"Certified: the objective exceeds its optimum by at most {bound:.1e} of half the null deviance."
        return f"Certified stationary: {found} (the penalty is not convex, or states no conjugate, so no gap is known)."

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, eq=False)
class Solution:
    """The mode of the posterior, in the units of the data.

    **Attributes**

    - `coef`: (p,) in the dtype of X; `intercept`: float.
    - `objective`: sum(weights * loss) + penalty; `log_likelihood`, `log_prior`, and their sum `log_posterior` (the joint,
      evidence not included). `log_prior` is -P minus the known log normalisers of the prior's proper part, and
      `log_prior_normalized` says whether that is all of it. None where a number cannot be represented.
    - `certificate`, `outcome` (truthy iff certified), `n_iter`; `loss`, `penalty`, `names` (of the columns, or None).
    """

    coef: Vector
    intercept: float
    objective: float | None
    log_likelihood: float | None
    log_prior: float | None
    log_prior_normalized: bool
    certificate: Certificate
    outcome: Outcome
    n_iter: int
    loss: Any
    penalty: Any
    names: list[str] | None = None
    task: Task | None = field(default=None, repr=False)  # what it is the answer to; stays behind when pickled

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "task": None}

    def report(self, file: Any, **more: Any) -> None:
        """Write it as one HTML file that explains it: see `shrinkage.report`, whose other arguments it takes."""
        from shrinkage import report

        report(self, file, **more)

    @property
    def log_posterior(self) -> float | None:
        if self.log_likelihood is None or self.log_prior is None:
            return None
        return self.log_likelihood + self.log_prior

    @property
    def converged(self) -> bool:
        return bool(self.outcome)

    def linear_predictor(self, X: Any, offset: Any = None) -> Vector:
        """X coef + intercept + offset, (n,)."""
        return linear_predictor(X, self.coef, self.intercept, offset)

    def predict(self, X: Any, offset: Any = None) -> Vector:
        """The mean E[y | X], (n,)."""
        return np.asarray(self.loss.mean(self.linear_predictor(X, offset)))

    def __str__(self) -> str:
        kept = int(np.count_nonzero(self.coef))
        ending = "" if self.converged else f"{self.outcome.value} "
        return f"{kept} of {counted(len(self.coef), 'coefficient')} {are(kept)} not zero. {ending}{self.certificate}"


@blas.alone
def linear_predictor(X: Any, coef: Vector, intercept: float, offset: Any = None) -> Vector:
    """X coef + intercept + offset, in float64; X anything `solve` takes."""
    design = read_design(X).design
    n, p = design.shape
    if p != len(coef):
        raise DataError(f"X has {counted(p, 'feature')}, but the model was fitted with {len(coef)}.")
    eta = design.matvec(np.asarray(coef, np.float64)) + intercept
    return eta if offset is None else eta + read_vector(offset, "offset", n)


@dataclass(frozen=True, eq=False)
class Task:
    """A validated job in the user's units: what `solve`, `path` and `select` have in common."""

    design: Design
    names: list[str] | None
    y: Vector
    loss: Any
    penalty: Any
    weights: Vector
    offset: Vector
    intercept: bool
    standardize: bool

    @classmethod
    def read(cls, X: Any, y: Any, loss: Any, penalty: Any, weights: Any, offset: Any, intercept: bool, standardize: bool):
        """Validate everything once; DataError or ParameterError says what is wrong."""
        columns = read_design(X)
        n, p = columns.design.shape
        y = read_vector(y, "y", n)
        loss.domain.check(y)
        penalty.check(p)
        weights = read_weights(weights, n)
        offset = np.broadcast_to(0.0, (n,)) if offset is None else read_vector(offset, "offset", n)
        return cls(columns.design, columns.names, y, loss, penalty, weights, offset, bool(intercept), bool(standardize))

    @cached_property
    def twin(self) -> Any:
        """What the compiled core reads of the penalty; None where it cannot."""
        return self.penalty.twin(self.design.shape[1])

    @blas.alone
    def prepared(self) -> tuple[Problem, Units]:
        """The problem in prepared units. Reads the data once or twice, for the moments."""
        share = self.weights / self.weights.max()
        moments = self.design.moments(share / share.sum())
        check_finite(moments, self.design, self.names)
        return prepare(
            self.design, self.y, self.loss, self.penalty, self.weights, self.offset, self.intercept, self.standardize, moments
        )


def solve(
    X: Any, y: Any, loss: Any, penalty: Any, *, weights: Any = None, offset: Any = None, intercept: bool = True,
    start: Any = None, tol: float = 1e-6, max_iter: int = 1000, solver: Solver | None = None, standardize: bool = False,
) -> Solution:  # fmt: skip
    """Minimise sum(weights * loss(y, X coef + intercept + offset)) + penalty(coef).

    That is minus the log posterior, up to a constant that `Solution.log_posterior` knows.

    **Arguments**

    - `X`: (n, p): an array of any real dtype, order and strides (memory maps too), a sparse matrix, or a data frame of
      numbers. Never modified; never copied whole where it is dense and floating.
    - `y`: (n,), inside the loss's domain. `weights`: (n,) >= 0; 2 counts a row twice, 0 drops it. `offset`: (n,), added to eta.
    - `loss`, `penalty`: objects, e.g. `SquaredError()`, `L1(3.0)`; the strength acts on the *sum* of the loss.
    - `intercept`: whether to fit one; it is never penalised.
    - `standardize`: the penalty acts on `coef * sd` of each column (divisor n) instead of `coef`; the answer stays in data units.
    - `start`: a coefficient vector (p,), or (coef, intercept), to begin from.
    - `tol`: a bound on the relative certificate (see `Certificate`). `max_iter`: steps of the outer loop.
    - `solver`: one of `shrinkage.solvers`, instead of the one `choose` picks.

    **Returns** a `Solution`. If its certificate does not hold, a `ConvergenceWarning` names the number and what to try.

    **Raises** `DataError`, `ParameterError`; `ConvergenceError` if the iterates stop being finite.
    """
    tol, max_iter = read_tol(tol), read_max_iter(max_iter)
    task = Task.read(X, y, loss, penalty, weights, offset, intercept, standardize)
    solution = _solved(task, start, solver, tol, max_iter)
    if not solution.converged:
        warnings.warn(f"{solution.outcome.value} {solution.certificate}", ConvergenceWarning, stacklevel=2)
    return solution


@blas.alone
def _solved(task: Task, start: Any, solver: Solver | None, tol: float, max_iter: int) -> Solution:
    problem, units = task.prepared()
    ending = minimise(problem, solver or choose(problem, tol), _start(problem, units, start), tol, max_iter)
    return to_solution(task, problem, units, ending, tol)


def read_max_iter(max_iter: Any) -> int:
    if not isinstance(max_iter, int | np.integer) or isinstance(max_iter, bool) or max_iter < 0:
        raise ParameterError(f"max_iter must be an integer >= 0; got {max_iter!r}.")
    return int(max_iter)


def _start(problem: Problem, units: Units, start: Any) -> Point:
    if start is None:
        return feasible(problem, problem.null)
    coef, intercept = start if isinstance(start, tuple) else (start, 0.0)
    coef = read_vector(coef, "start", problem.p)
    return feasible(problem, problem.at(*units.forward(coef, float(intercept))))


def feasible(problem: Problem, point: Point) -> Point:
    """The point itself, or where the penalty is infinite there, the nearest at which it is not."""
    if np.isfinite(float(problem.penalty.value(point.w))):
        return point
    return problem.at(np.asarray(problem.penalty.prox(point.w, 1e-12)), point.b)


def to_solution(task: Task, problem: Problem, units: Units, ending: Ending, tol: float) -> Solution:
    """The ending in the user's units."""
    evaluation, outcome = ending.evaluation, ending.outcome
    coef, intercept = units.back(evaluation.point)
    if not (np.all(np.isfinite(coef)) and np.isfinite(intercept)):
        raise ConvergenceError(
            f"The coefficients are not finite in the units of the data ({outcome.value}) "
            "Rescale X or y, or strengthen the penalty."
        )
    with np.errstate(over="ignore", under="ignore"):
        coef = coef.astype(task.design.dtype)
    minus_loss, minus_penalty = parts(problem, units, evaluation)
    known_likelihood = task.loss.likelihood is not None  # else log_likelihood is up to a constant
    constant = float(task.loss.total_log_normalizer(task.y, task.weights)) if known_likelihood else 0.0
    known, complete = task.penalty.log_normalizer_known((problem.p,))
    if task.standardize:  # the density of coef, not of coef * sd
        known = known + float(np.sum(np.log(units.scale)))
    certificate = Certificate(evaluation.kind, evaluation.value, evaluation.relative, tol)
    return Solution(
        coef, intercept, number(-(minus_loss + minus_penalty)), number(minus_loss - constant), number(minus_penalty - known),
        complete, certificate, outcome, ending.steps, task.loss, task.penalty, task.names, task,
    )  # fmt: skip


def parts(problem: Problem, units: Units, evaluation: Evaluation) -> tuple[float, float]:
    """Minus the summed loss and minus the penalty, in the user's units (infinite where too large to represent)."""
    point = evaluation.point
    with np.errstate(over="ignore"):
        loss = np.ldexp(problem.total(point.eta), units.objective_power)
        penalty = np.ldexp(float(problem.penalty.value(point.w)), units.objective_power)
    return -float(loss), -float(penalty)


def number(x: float) -> float | None:
    """x, or None where it cannot be represented."""
    return float(x) if np.isfinite(x) else None
