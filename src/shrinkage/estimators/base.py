"""What every estimator shares: read the data, make one call per target, keep the answer, say it in scikit-learn's way.

An estimator states its loss and its penalty and how its dial (`alpha`, `C`) becomes a strength on the sum of the loss;
the rest is here once. Nothing is set in `__init__` but the parameters, and parameters are judged in `fit`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from shrinkage.errors import ParameterError
from shrinkage.estimators import frames
from shrinkage.estimators.record import Record, solve
from shrinkage.estimators.summary import Summary, Words, summarise
from shrinkage.estimators.validate import native_backend, read_X
from shrinkage.fit import Solution, Task, linear_predictor, read_max_iter
from shrinkage.grids import per_alpha
from shrinkage.inputs import read_tol
from shrinkage.paths import Path


class Model(BaseEstimator):
    """Fit, certificate, summary and frames. A subclass is a regressor or a classifier by scikit-learn's mixins."""

    _dial = "alpha"  # what users turn; named in warnings and summaries
    _unit_of_dial = "mean loss"

    # ---- towards the library

    def _task(
        self,
        X: Any,
        y: np.ndarray,
        loss: Any,
        penalty: Any,
        weights: Any,
        offset: Any = None,
        standardize: bool = False,
    ) -> Task:
        task = Task.read(X, y, loss, penalty, weights, offset, self._flag("fit_intercept"), standardize)
        names = getattr(self, "feature_names_in_", None)
        return task if names is None else replace(task, names=list(names))

    def _at(self, task: Task, alpha: float) -> Task:
        """The task, whose penalty is that of alpha = 1 on the mean loss, with the one at alpha, on the sum."""
        self._unit_penalty = task.penalty
        return replace(task, penalty=per_alpha(task) * (alpha * task.penalty))

    def _solve(self, task: Task, start: Any, alpha: float | None, stated: bool = False) -> tuple[Solution, Record]:
        return solve(task, read_tol(self.tol), self._max_iter(), start, alpha, stated)

    def _max_iter(self) -> int:
        return 1000 if self.max_iter is None else read_max_iter(self.max_iter)

    def _flag(self, name: str) -> bool:
        value = getattr(self, name)
        if not isinstance(value, bool | np.bool_ | int):
            raise ParameterError(f"{name} must be True or False; got {value!r}.")
        return bool(value)

    def _one_of(self, name: str, known: Sequence[Any]) -> Any:
        value = getattr(self, name)
        if not any(value is k or (isinstance(k, str) and value == k) for k in known):
            raise ParameterError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}.")
        return value

    def _start(self, shape: tuple[int, ...], targets: int) -> list[Any]:
        """Where each target's fit begins: the previous answer under `warm_start`, if it still fits."""
        coef = getattr(self, "coef_", None) if getattr(self, "warm_start", False) else None
        if coef is None or np.size(coef) != targets * shape[1]:
            return [None] * targets
        coefs, intercepts = np.reshape(coef, (targets, shape[1])), np.ravel(self.intercept_)
        return [(np.asarray(c, np.float64), float(b)) for c, b in zip(coefs, intercepts, strict=True)]

    # ---- keeping the answer

    def _keep(self, X: Any, records: list[Record], solutions: list[Solution] | None) -> None:
        """Everything but the shapes of `coef_` and `intercept_`, which are the subclass's convention."""
        single = len(records) == 1
        self._records = records
        self._data = X  # what `report` reads again
        self._backend = native_backend(X)
        certificates = [r.certificate for r in records]
        self.certificate_ = certificates[0] if single else certificates
        self.converged_ = all(bool(r.outcome) for r in records)
        if solutions is not None:
            self.solution_ = solutions[0] if single else solutions
        gaps = [r.gap for r in records]
        self.dual_gap_ = gaps[0] if single else np.array(gaps, float)
        steps = [max(1, r.n_iter) for r in records]
        self.n_iter_ = steps[0] if single else np.array(steps)

    def _warn(self) -> None:
        """One ConvergenceWarning of scikit-learn's for the answers that are not certified."""
        bad = [r for r in self._records if not r.outcome]
        if not bad:
            return
        worst = max(bad, key=lambda r: r.certificate.relative)
        dial = "" if worst.alpha is None else f" at {self._dial}={worst.alpha:.6g}"
        targets = f" ({len(bad)} of {len(self._records)} targets; the worst is told)" if len(self._records) > 1 else ""
        warnings.warn(
            f"{type(self).__name__}{dial}{targets}: {worst.outcome.value} {worst.certificate.sentence} "
            f"Try a larger max_iter (now {self._max_iter()}), columns of similar scale, or a stronger penalty.",
            ConvergenceWarning,
            stacklevel=3,
        )

    def _warn_paths(self, paths: Sequence[Path]) -> None:
        """The same for models fitted on the way to a choice."""
        bad = [(c, o) for path in paths for c, o in zip(path.certificates, path.outcomes, strict=True) if not o]
        if bad:
            certificate, outcome = max(bad, key=lambda b: b[0].relative)
            total = sum(len(path.alphas) for path in paths)
            warnings.warn(
                f"{type(self).__name__}: {len(bad)} of {total} fits made to choose {self._dial} are not certified; "
                f"the worst: {outcome.value} {certificate.sentence} "
                f"Try a larger max_iter (now {self._max_iter()}) or a grid of stronger penalties.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def __getstate__(self) -> dict[str, Any]:
        """Without the data: they are for a report, not for a file."""
        return {name: value for name, value in super().__getstate__().items() if name not in ("_data", "_splits")}

    # ---- the answer, told

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{j}" for j in range(self.n_features_in_)] if names is None else [str(name) for name in names]

    def _targets(self) -> list[Any]:
        return list(range(len(self._records)))

    def summary(self) -> Summary:
        """The answer in words: what was kept, the coefficients, the prior the dial means, the certificate, warnings.

        Prints as text, and as a table in a notebook.
        """
        check_is_fitted(self)
        notes = list(getattr(self, "_notes", []))
        words = Words(type(self).__name__, self._dial, self._unit_of_dial, self._about(), notes)
        return summarise(self._records, self._names(), self._targets(), words)

    def _about(self) -> str:
        """A sentence on what the coefficients move, where it is not the mean."""
        return ""

    def report(self, file: Any, **more: Any) -> None:
        """Write the fit as one HTML file that explains it: see `shrinkage.report`, whose other arguments it takes."""
        from shrinkage import report

        report(self, file, **more)

    def tidy(self) -> Any:
        """One row per coefficient: term, estimate, estimate_std (per standard deviation of its column), selected.

        A frame of the library that X came from at fit; for arrays pandas, polars or Arrow, whichever is installed, else
        a dict of arrays. With several targets a first column `target` tells them apart.
        """
        check_is_fitted(self)
        return frames.tidy(self._records, self._names(), self._targets(), self._backend)

    def glance(self) -> Any:
        """One row per target: n, df, the dial, intercept, deviance_explained, log_likelihood, converged, ...

        For squared error without a stated sigma the log likelihood is at its maximum over sigma. Missing where unknown.
        """
        check_is_fitted(self)
        return frames.glance(self._records, self._targets(), self._dial, self._backend)

    def augment(self, X: Any, y: Any, offset: Any = None) -> Any:
        """One row per observation: the columns of X if it is a frame, then observed, fitted and residual.

        `fitted` is the mean: for a classifier the probability of `classes_[1]`, which counts as 1.
        """
        check_is_fitted(self)
        observed = self._observed(y)
        fitted = self._mean(X, offset)
        return frames.augment(X, observed, fitted, self._backend)

    def _observed(self, y: Any) -> np.ndarray:
        return np.asarray(y, np.float64)

    def _mean(self, X: Any, offset: Any = None) -> np.ndarray:
        """E[y | X]: (n,), or (n, targets)."""
        eta = self._eta(X, offset)
        return np.asarray(self._records[0].loss.mean(eta))

    def _eta(self, X: Any, offset: Any = None) -> np.ndarray:
        check_is_fitted(self)
        X = read_X(self, X)
        coefs = np.atleast_2d(self.coef_)
        intercepts = np.broadcast_to(np.ravel(self.intercept_), (len(coefs),))
        columns = [linear_predictor(X, c, float(b), offset) for c, b in zip(coefs, intercepts, strict=True)]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


class Regressor(RegressorMixin, Model):
    """A model whose prediction is the mean."""

    def predict(self, X: Any) -> np.ndarray:
        """The fitted mean for each row of X: (n,), or (n, targets)."""
        return self._mean(X)

    def _shape(self, records: list[Record], y: np.ndarray) -> None:
        """scikit-learn's shapes: (p,) and a number for one target, (targets, p) and (targets,) for more."""
        coefs = np.array([r.coef for r in records])
        self.coef_ = coefs[0] if len(records) == 1 else coefs
        intercepts = np.array([r.intercept for r in records])
        self.intercept_ = float(intercepts[0]) if y.ndim == 1 or not self.fit_intercept else intercepts


def polite_precompute(value: Any, p: int) -> None:
    """`precompute` and `selection` choose how scikit-learn computes; here they are read, and change nothing."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and value == "auto"):
        return
    if np.shape(value) != (p, p):
        raise ParameterError(f"precompute must be True, False, 'auto' or a Gram matrix of shape ({p}, {p}); got {value!r}.")
