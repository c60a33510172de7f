"""The record of a path: one model per alpha, each with its certificate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage.designs import Matrix, Vector
from shrinkage.errors import ConvergenceWarning, ParameterError
from shrinkage.fit import Certificate, linear_predictor
from shrinkage.plurals import counted
from shrinkage.solvers import Outcome


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
    - `gaps` (m,): each model's relative certificate, a duality gap or a violation (`kinds`) of size `values` (m,);
      `certificates`, `outcomes`: lists of m.
    - `df` (m,): effective degrees of freedom, the intercept not counted; for groups of columns counted when first asked for
      (until then the path refers to X), since that may take longer than the path. `deviance_explained` (m,).
    - `losses` (m,): sums of the loss, which are `totals * 2**total_power` (that may leave the floating-point numbers).
    - `n_iter` (m,): steps of the outer loop. `passes`: how often the engine read X for the whole path, or None where a
      solver went from alpha to alpha. `loss`, `penalty`: as given; `names` of the columns or None.
    """

    alphas: Vector
    coefs: Matrix
    intercepts: Vector
    kinds: list[str]
    values: Vector
    gaps: Vector
    tol: float
    outcomes: list[Outcome]
    counts: list[float | Callable[[], float]]  # `df`, or what counts it
    deviance_explained: Vector
    totals: Vector
    total_power: int
    n_iter: np.ndarray
    loss: Any
    penalty: Any
    names: list[str] | None = None
    passes: int | None = None

    @cached_property
    def certificates(self) -> list[Certificate]:
        every = zip(self.kinds, self.values, self.gaps, strict=True)
        return [Certificate(kind, float(value), float(gap), self.tol) for kind, value, gap in every]

    @property
    def df(self) -> Vector:
        self.counts[:] = [float(count()) if callable(count) else count for count in self.counts]
        return np.array(self.counts, dtype=float)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "counts": self.df.tolist()}

    @property
    def losses(self) -> Vector:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.totals, self.total_power)

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
            f"{counted(len(self.alphas), 'alpha')} from {self.alphas[0]:.4g} to {self.alphas[-1]:.4g}; "
            f"{int(np.count_nonzero(self.coefs[:, -1]))} of {counted(len(self.coefs), 'coefficient')} not zero at the end; "
            f"{held} of {len(self.alphas)} certified (largest relative {self.kinds[0]} {self.gaps.max():.1e})."
        )


def warn_unconverged(found: Path | Sequence[Path], stacklevel: int, category: type[Warning] = ConvergenceWarning) -> None:
    """One warning for all alphas whose certificate does not hold. scikit-learn's estimators have a category of their own."""
    many = [found] if isinstance(found, Path) else list(found)
    bad = [(float(one.alphas[i]), one.certificates[i], o) for one in many for i, o in enumerate(one.outcomes) if not o]
    if bad:
        alpha, certificate, outcome = max(bad, key=lambda b: b[1].relative)
        total = sum(len(one.alphas) for one in many)
        warnings.warn(
            f"{len(bad)} of {total} fits on the path are not certified; the worst, at alpha={alpha:.6g}: "
            f"{outcome.value} {certificate}",
            category,
            stacklevel=stacklevel,
        )
