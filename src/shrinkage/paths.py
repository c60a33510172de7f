"""A path: one fit per alpha, from strong to weak, each started at the one before, each certified."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from shrinkage import degrees
from shrinkage.designs import Matrix, Vector
from shrinkage.errors import ConvergenceError, ConvergenceWarning, ParameterError
from shrinkage.fit import Certificate, Task, feasible, linear_predictor, read_max_iter
from shrinkage.inputs import read_tol, read_vector
from shrinkage.problem import Problem
from shrinkage.solvers import Ending, Outcome, choose, minimise
from shrinkage.units import Units

# Ridge has no alpha at which its coefficients vanish; its grid starts where a tenth of a per cent of it, as L1, would.
RIDGE_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class PathPoint:
    """One model on a path. `exact` says whether it was fitted there, rather than interpolated between two fits."""

    alpha: float
    coef: Vector
    intercept: float
    exact: bool


@dataclass(frozen=True, eq=False)
class Path:
    """Models along decreasing alphas (m of them), in the units of the data.

    **Attributes**

    - `alphas` (m,), on the mean of the loss; `coefs` (p, m), `intercepts` (m,).
    - `gaps` (m,): each model's relative certificate; `certificates`, `outcomes`: lists of m.
    - `df` (m,): effective degrees of freedom, the intercept not counted; `deviance_explained` (m,); `losses` (m,): sums.
    - `n_iter` (m,): steps of the outer loop. `loss`, `penalty`: as given; `names` of the columns or None.
    """

    alphas: Vector
    coefs: Matrix
    intercepts: Vector
    certificates: list[Certificate]
    outcomes: list[Outcome]
    df: Vector
    deviance_explained: Vector
    losses: Vector
    n_iter: np.ndarray
    loss: Any
    penalty: Any
    names: list[str] | None = None

    @property
    def gaps(self) -> Vector:
        return np.array([c.relative for c in self.certificates])

    @property
    def converged(self) -> bool:
        return all(self.outcomes)

    def at(self, alpha: float | None = None, *, norm: float | None = None) -> PathPoint:
        """The model at an alpha, or the one whose penalty value is `norm` (the constrained form: penalty(coef) <= norm).

        Exact where it was fitted, else linear interpolation between its neighbours, which for the lasso is exact
        between two knots. Outside the range: ParameterError.
        """
        if (alpha is None) == (norm is None):
            raise ParameterError("Give either alpha or norm.")
        if alpha is not None:
            return self._between(self.alphas, float(alpha), "alpha")
        norms = np.array([float(self.penalty.value(c)) for c in self.coefs.T.astype(float)])
        return self._between(norms, float(norm), "norm")  # type: ignore[arg-type]

    def _between(self, at: Vector, value: float, what: str) -> PathPoint:
        same = np.flatnonzero(np.isclose(at, value, rtol=1e-12, atol=0.0))
        if len(same):
            k = int(same[0])
            return PathPoint(float(self.alphas[k]), self.coefs[:, k], float(self.intercepts[k]), True)
        low, high = float(at.min()), float(at.max())
        if not low <= value <= high:
            raise ParameterError(f"{what} must lie on the path, between {low:.6g} and {high:.6g}; got {value:.6g}.")
        k = int(np.flatnonzero((at[:-1] - value) * (at[1:] - value) <= 0)[0])
        t = (value - at[k]) / (at[k + 1] - at[k])

        def mix(a: Any, b: Any) -> Any:
            return (1 - t) * a + t * b

        coef = mix(self.coefs[:, k], self.coefs[:, k + 1]).astype(self.coefs.dtype)
        alpha = float(mix(self.alphas[k], self.alphas[k + 1]))
        return PathPoint(alpha, coef, float(mix(self.intercepts[k], self.intercepts[k + 1])), False)

    def predict(self, X: Any, alpha: float | None = None, offset: Any = None) -> Matrix:
        """Means at every alpha, (n, m), or at one, (n,)."""
        if alpha is not None:
            point = self.at(alpha)
            return np.asarray(self.loss.mean(linear_predictor(X, point.coef, point.intercept, offset)))
        eta = [linear_predictor(X, c, b, offset) for c, b in zip(self.coefs.T, self.intercepts, strict=True)]
        return np.asarray(self.loss.mean(np.column_stack(eta)))

    def __str__(self) -> str:
        held = sum(map(bool, self.outcomes))
        return (
            f"{len(self.alphas)} alphas from {self.alphas[0]:.4g} to {self.alphas[-1]:.4g}; "
            f"{int(np.count_nonzero(self.coefs[:, -1]))} of {len(self.coefs)} coefficients not zero at the end; "
            f"{held} of {len(self.alphas)} certified (largest relative {self.certificates[0].kind} {self.gaps.max():.1e})."
        )


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
    found = fit_path(task, alphas, n_alphas, ratio, tol, max_iter)
    warn_unconverged(found, stacklevel=3)
    return found


def paths(task: Task, weights: Matrix, alphas: Vector, tol: float, max_iter: int) -> list[Path]:
    """One path per column of `weights` (n, m), on one design that is never copied: folds are zero weights."""
    return [fit_path(replace(task, weights=w), alphas, len(alphas), None, tol, max_iter) for w in weights.T]


def fit_path(
    task: Task, alphas: Vector | None, n_alphas: int, ratio: float | None, tol: float, max_iter: int
) -> Path:  # fmt: skip
    """The path of a validated task."""
    problem, units = task.prepared()
    if alphas is None:
        alphas = grid(task, problem, n_alphas, ratio)
    rows: list[Row] = []
    point, state = feasible(problem, problem.null), None
    try:
        for alpha in alphas:
            # alpha first: a family of penalties (MCP by strength) moves its knots with alpha, not with the sum of weights
            here = problem.with_penalty(per_alpha(task) * (float(alpha) * problem.penalty))
            ending = minimise(here, choose(here, tol), feasible(here, point), tol, max_iter, state)
            point, state = ending.evaluation.point, ending.state
            rows.append(_row(here, units, ending, tol))
    except KeyboardInterrupt as stop:
        stop.partial = _assemble(task, problem, units, alphas, rows, tol) if rows else None  # type: ignore[attr-defined]
        raise
    return _assemble(task, problem, units, alphas, rows, tol)


class Row(NamedTuple):
    """What is kept of one fit: nothing as long as the data."""

    coef: Vector
    intercept: float
    certificate: Certificate
    outcome: Outcome
    df: float
    total: float  # the summed loss, in prepared units
    steps: int


def _row(problem: Problem, units: Units, ending: Ending, tol: float) -> Row:
    evaluation = ending.evaluation
    coef, intercept = units.back(evaluation.point)
    certificate = Certificate(evaluation.kind, evaluation.value, evaluation.relative, tol)
    df, total = degrees.of_freedom(problem, evaluation.point), problem.total(evaluation.point.eta)
    return Row(coef, intercept, certificate, ending.outcome, df, total, ending.steps)


def _assemble(task: Task, problem: Problem, units: Units, alphas: Vector, rows: list[Row], tol: float) -> Path:
    coefs = np.column_stack([row.coef for row in rows])
    intercepts = np.array([row.intercept for row in rows])
    if not (np.isfinite(coefs).all() and np.isfinite(intercepts).all()):
        bad = int(np.flatnonzero(~np.isfinite(coefs).all(axis=0) | ~np.isfinite(intercepts))[0])
        raise ConvergenceError(
            f"At alpha={alphas[bad]:.6g} the coefficients are not finite in the units of the data "
            f"({rows[bad].outcome.value}) Rescale X or y, or stop the path at a larger alpha."
        )
    totals = np.array([row.total for row in rows])
    floor, half = problem.floor, problem.half_deviance
    explained = 1 - (totals - floor) / half if half > 0 else np.zeros(len(totals))
    with np.errstate(over="ignore", under="ignore"):
        losses = np.ldexp(totals, units.objective_power)
        kept = coefs.astype(task.design.dtype)
    return Path(
        alphas=np.asarray(alphas[: len(rows)], float),
        coefs=kept,
        intercepts=intercepts,
        certificates=[row.certificate for row in rows],
        outcomes=[row.outcome for row in rows],
        df=np.array([row.df for row in rows]),
        deviance_explained=explained,
        losses=losses,
        n_iter=np.array([row.steps for row in rows]),
        loss=task.loss,
        penalty=task.penalty,
        names=task.names,
    )


def per_alpha(task: Task) -> float:
    """The strength inside for alpha = 1: the one place where a mean becomes a sum."""
    W = float(task.weights.sum())
    return W if task.loss.separable else float(np.sqrt(W))


def grid(task: Task, problem: Problem, n_alphas: int, ratio: float | None) -> Vector:
    """Log-spaced from alpha_max, the smallest alpha that leaves every penalised coefficient at zero."""
    if not isinstance(n_alphas, int | np.integer) or n_alphas < 1:
        raise ParameterError(f"n_alphas must be an integer >= 1; got {n_alphas!r}.")
    n, p = problem.design.shape
    if ratio is None:
        ratio = 1e-4 if np.count_nonzero(task.weights) > p else 1e-2
    if not 0 < ratio <= 1:
        raise ParameterError(f"ratio must lie in (0, 1]: the smallest alpha over the largest; got {ratio!r}.")
    top = alpha_max(task, problem)
    return top * np.logspace(0, np.log10(ratio), n_alphas)


def alpha_max(task: Task, problem: Problem) -> float:
    """Where the path starts. 1 where nothing can be told from the data: a target without variation, or no penalty."""
    start = problem.refit(problem.null)
    pull = problem.design.rmatvec(problem.gradient(start.eta))
    strength = float(problem.penalty.critical(pull))
    if not np.isfinite(strength):
        twin = problem.penalty.twin(problem.p)
        scale = float(twin.terms[1].max(initial=0.0)) if twin is not None else 1.0
        strength = float(np.abs(pull).max(initial=0.0)) / (RIDGE_SHARE * scale) if scale > 0 else 0.0
    return strength / per_alpha(task) if strength > 0 and problem.half_deviance > 0 else 1.0


def read_alphas(alphas: Any) -> Vector | None:
    """Decreasing, finite, >= 0."""
    if alphas is None:
        return None
    values = read_vector(np.atleast_1d(alphas), "alphas")
    if len(values) == 0 or np.any(values < 0):
        raise ParameterError(f"alphas must be one or more finite numbers >= 0; got {np.asarray(alphas)!r}.")
    return np.sort(values)[::-1].copy()


def warn_unconverged(found: Path | Sequence[Path], stacklevel: int, category: type[Warning] = ConvergenceWarning) -> None:
    """One warning for all alphas whose certificate does not hold. scikit-learn's estimators have a category of their own."""
    many = [found] if isinstance(found, Path) else list(found)
    bad = [(float(a), c, o) for one in many for a, c, o in zip(one.alphas, one.certificates, one.outcomes, strict=True) if not o]
    if bad:
        alpha, certificate, outcome = max(bad, key=lambda b: b[1].relative)
        total = sum(len(one.alphas) for one in many)
        warnings.warn(
            f"{len(bad)} of {total} fits on the path are not certified; the worst, at alpha={alpha:.6g}: "
            f"{outcome.value} {certificate}",
            category,
            stacklevel=stacklevel,
        )
