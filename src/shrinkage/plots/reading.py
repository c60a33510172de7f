"""From what users hold (an estimator, a choice, a path, a solution and its data) to what the displays draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.fit import Task
from shrinkage.geometry import Slice
from shrinkage.paths import Path

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit and its job: `task` (whose penalty acts on the sum of the loss), `coef` (p,) in data units, `sd` (p,) of the columns.

    `dispersion` turns the objective into nats: sigma**2, where squared error came without a stated sigma; else 1.
    """

    task: Task
    coef: Array
    intercept: float
    names: list[str]
    dispersion: float = 1.0

    def slice(self, chosen: Sequence[int]) -> Slice:
        return Slice.of(self.task, self.coef, self.intercept, chosen)

    @property
    def unit(self) -> str:
        return "per sd" if self.task.standardize else "per unit"

    @property
    def eta(self) -> Array:
        return self.task.design.matvec(self.coef) + self.intercept + self.task.offset

    @property
    def mean(self) -> Array:
        return np.asarray(self.task.loss.mean(self.eta))


def record_of(estimator: Any, target: int = 0) -> Any:
    """What a fitted estimator of this library keeps of one target."""
    records = getattr(estimator, "_records", None)
    if records is None:
        raise ParameterError(
            f"{type(estimator).__name__} is not a fitted estimator of shrinkage: call fit first, or use from_fit."
        )
    if not 0 <= target < len(records):
        raise ParameterError(f"target must lie between 0 and {len(records) - 1}; got {target}.")
    return records[target]


def of_estimator(estimator: Any, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, target: int = 0) -> Fit:
    """A fitted estimator and the data it was fitted to (an estimator keeps none of them)."""
    from shrinkage.estimators.prior import sigma_of  # late: it loads scikit-learn, which an estimator has loaded already

    record = record_of(estimator, target)
    observed = estimator._observed(y)
    observed = observed if observed.ndim == 1 else observed[:, target]
    weights = sample_weight
    if hasattr(estimator, "class_weight"):
        weights = estimator._weights(observed, None if weights is None else np.asarray(weights, np.float64))
    task = Task.read(X, observed, record.loss, record.penalty, weights, offset, record.has_intercept, record.standardized)
    sigma = sigma_of(record).value
    return Fit(
        task, np.asarray(record.coef, np.float64), record.intercept, estimator._names(), 1.0 if sigma is None else sigma**2
    )


def of_solution(fit: Any, X: Any, y: Any, weights: Any, offset: Any, intercept: bool, standardize: bool) -> Fit:
    """What `solve` gave back, and what it was given."""
    task = Task.read(X, y, fit.loss, fit.penalty, weights, offset, intercept, standardize)
    return Fit(task, np.asarray(fit.coef, np.float64), fit.intercept, names_of(fit, len(fit.coef)))


def names_of(record: Any, p: int) -> list[str]:
    """Of the columns: as the record has them, else x0, x1, ..."""
    return [f"x{j}" for j in range(p)] if record.names is None else [str(name) for name in record.names]


def path_of(source: Any) -> tuple[Path, list[str], Array | None]:
    """(path, names, sd of the columns where it is known) of a path, a choice or an estimator that keeps one."""
    if isinstance(source, Path):
        return source, names_of(source, len(source.coefs)), None
    found = getattr(source, "path_", None) or getattr(source, "path", None)
    if not isinstance(found, Path):
        raise ParameterError(
            f"{type(source).__name__} keeps no path: give sh.path(...), sh.select(...), or a fitted LassoCV, ElasticNetCV, "
            "PenalizedRegressorCV or PenalizedClassifierCV."
        )
    if hasattr(source, "_records"):
        return found, source._names(), record_of(source).sd
    return found, names_of(found, len(found.coefs)), None


def choice_of(source: Any) -> Any:
    """The cross-validation behind an estimator, or the choice itself."""
    choice = getattr(source, "choice_", source)
    if getattr(choice, "test_errors", None) is None:
        raise ParameterError(
            f"{type(source).__name__} has no held-out errors: give sh.select(..., cv=10), or a fitted LassoCV, ElasticNetCV, "
            "PenalizedRegressorCV or PenalizedClassifierCV whose rule runs folds."
        )
    return choice


def find(names: Sequence[str], wanted: Any) -> int:
    """The number of a coefficient given by name or number."""
    if isinstance(wanted, str):
        if wanted not in names:
            from difflib import get_close_matches

            close = get_close_matches(wanted, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ParameterError(f"There is no coefficient {wanted!r}.{hint} Known are: {', '.join(names[:20])}.")
        return list(names).index(wanted)
    if not isinstance(wanted, int | np.integer) or isinstance(wanted, bool) or not -len(names) <= wanted < len(names):
        raise ParameterError(f"A coefficient is a name or a number below {len(names)}; got {wanted!r}.")
    return int(wanted) % len(names)


def largest(size: Array, count: int) -> Array:
    """The positions of the largest entries of |size|, largest first; ties in order."""
    return np.argsort(-np.abs(size), kind="stable")[:count]


def minus_log(alphas: Array) -> Array:
    """-log(alpha), increasing; a last alpha of 0 stands a tenth of the range beyond its neighbour."""
    positive = alphas > 0
    out = np.full(len(alphas), np.nan)
    out[positive] = -np.log(alphas[positive])
    if not positive.all():
        span = np.ptp(out[positive]) if positive.sum() > 1 else 1.0
        out[~positive] = np.max(out[positive], initial=0.0) + 0.1 * max(span, 1.0)
    return out
