"""Ridge, and RidgeCV with its exact leave-one-out errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin

from shrinkage import blas
from shrinkage.errors import ParameterError
from shrinkage.estimators.base import Regressor
from shrinkage.estimators.cv import (
    Splits,
    best_criterion,
    best_score,
    check_rule,
    end_of_grid,
    fold_models,
    read_scorer,
    read_splits,
)
from shrinkage.estimators.leave_one_out import leave_one_out
from shrinkage.estimators.validate import read_numbers, read_weights, read_Xy
from shrinkage.fit import Task
from shrinkage.inputs import read_alpha
from shrinkage.losses import SquaredError
from shrinkage.penalties import L2, NonNegative
from shrinkage.plurals import are, counted
from shrinkage.selection import CRITERIA


class Ridge(MultiOutputMixin, Regressor):
    """Least squares with alpha * |w|^2 added to the residual sum of squares, as in scikit-learn.

    alpha acts on the *sum*, so a repeated data set, or weights of 2, halve the shrinkage; inside it is `L2(alpha)` on
    half the residual sum of squares. Each column of a two-dimensional y is fitted by itself.

    **Arguments**

    - `alpha`: >= 0, a number or one per target. `positive`: coefficients >= 0.
    - `tol`: a bound on the relative duality gap. `max_iter`: steps of the outer loop (None: 1000).
    - `solver`, `copy_X`, `random_state`: accepted as in scikit-learn; they change nothing here.

    **After fit**: `coef_`, `intercept_`, `n_iter_`, `dual_gap_`, `certificate_`, `converged_`, `solution_`, ...
    """

    _unit_of_dial = "residual sum of squares"

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, copy_X=True, max_iter=None, tol=1e-6, solver="auto", positive=False,
        random_state=None,
    ):  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Fit to X (n, p), an array, sparse matrix or frame, and y (n,) or (n, targets)."""
        values, Y = read_Xy(self, X, y, multi_output=True)
        weights = read_weights(sample_weight, values)
        self._one_of("solver", ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"))
        return self._fit(X, values, Y, weights, self._alphas(1 if Y.ndim == 1 else Y.shape[1]))

    def _fit(self, X: Any, values: Any, Y: np.ndarray, weights: np.ndarray | None, alphas: list[float], start: Any = None):
        """`start(target, alpha)`: the (coef, intercept) to begin at, where they are known."""
        unit = L2(1.0) + NonNegative() if self._flag("positive") else L2(1.0)
        fits = [
            self._solve(
                self._task(values, column, SquaredError(), alpha * unit, weights), start(t, alpha) if start else None, alpha
            )
            for t, (column, alpha) in enumerate(zip(_columns(Y), alphas, strict=True))
        ]
        solutions, records = map(list, zip(*fits, strict=True))
        self._keep(X, records, solutions)
        self._shape(records, Y)
        self._warn()
        return self

    def _alphas(self, targets: int) -> list[float]:
        if np.ndim(self.alpha) == 0:
            alpha = self.alpha.item() if isinstance(self.alpha, np.ndarray) else self.alpha
            return [read_alpha(alpha)] * targets
        alphas = [read_alpha(float(a)) for a in read_numbers(self.alpha, "alpha")]
        if len(alphas) not in (1, targets):
            raise ParameterError(
                f"alpha must be one number, or one per target; there {are(targets)} {counted(targets, 'target')} and "
                f"{counted(len(alphas), 'alpha')}."
            )
        return alphas * (targets if len(alphas) == 1 else 1)


class RidgeCV(Ridge):
    """`Ridge` with alpha chosen by exact leave-one-out errors (cv=None), by folds, or by a criterion.

    Leave-one-out errors come in closed form from one decomposition, the intercept included.

    **Arguments** (the others as `Ridge`)

    - `alphas`: > 0, the candidates. `scoring`: None is the negative mean squared error for leave-one-out, with weights
      in it, and R^2 for folds, as in scikit-learn; or a name or callable of scikit-learn's.
    - `cv`: None, a number of folds, a splitter, or an iterable of (train, test).
    - `rule`: "min" (the best score); "1se", the largest alpha within one standard error of it; "aic", "bic", "ebic",
      "gcv".
    - `store_cv_results`: keep `cv_results_` (n, alphas) or (n, targets, alphas): squared leave-one-out errors, or with
      `scoring` the predictions. `alpha_per_target`: choose for each target by itself. Both for cv=None only.
    - `gcv_mode`: accepted; the smaller side is always the one decomposed.

    **After fit**: as `Ridge`, and `alpha_`, `best_score_`, `cv_results_`.
    """

    tol = 1e-8  # of the one final fit, which is direct
    max_iter = 1000
    positive = False

    def __init__(
        self, alphas=(0.1, 1.0, 10.0), *, fit_intercept=True, scoring=None, cv=None, gcv_mode=None,
        store_cv_results=False, alpha_per_target=False, rule="min",
    ):  # fmt: skip
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target
        self.rule = rule

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None):
        """Choose alpha on X (n, p) and y (n,) or (n, targets), then fit all rows. `groups` (n,) go to the splitter."""
        values, Y = read_Xy(self, X, y, multi_output=True)
        weights = read_weights(sample_weight, values)
        self._one_of("gcv_mode", (None, "auto", "svd", "eigen"))
        check_rule(self.rule)
        alphas = np.array([read_alpha(float(a), f"alphas[{i}]") for i, a in enumerate(read_numbers(self.alphas, "alphas"))])
        if self.cv is not None and (self.store_cv_results or self.alpha_per_target):
            raise ParameterError("store_cv_results and alpha_per_target are for leave-one-out: leave cv=None.")
        tasks = [self._task(values, column, SquaredError(), L2(1.0), weights) for column in _columns(Y)]
        start = None
        if self.rule in CRITERIA:
            index = self._by_criterion(tasks, alphas)
        elif self.cv is None:
            index, start = self._by_leaving_one_out(tasks, Y, alphas, weights)
        else:
            splits = read_splits(self.cv, values, Y, groups, self.rule) or []
            index = self._by_folds(values, Y, tasks, alphas, splits, weights)
        self.alpha_ = alphas[index] if np.ndim(index) else float(alphas[index])
        rank = np.argsort(np.argsort(-alphas))
        self._notes = [] if np.ndim(index) else end_of_grid(int(rank[index]), len(alphas), "alpha")
        return self._fit(X, values, Y, weights, [float(a) for a in np.broadcast_to(self.alpha_, (len(tasks),))], start)

    def _by_criterion(self, tasks: list[Task], alphas: np.ndarray) -> Any:
        found = np.array([best_criterion([task], alphas, self.rule, self.tol, self.max_iter)[0][0] for task in tasks])
        if self.alpha_per_target and len(tasks) > 1:
            return found
        if len(set(found)) > 1:
            raise ParameterError(f"By the rule {self.rule!r} targets differ in their alpha: pass alpha_per_target=True.")
        return int(found[0])

    def _by_leaving_one_out(
        self, tasks: list[Task], Y: np.ndarray, alphas: np.ndarray, weights: np.ndarray | None
    ) -> tuple[Any, Any]:
        """The index, or one per target; and what gives the model at an alpha."""
        if np.any(alphas == 0):
            raise ParameterError("alphas must be > 0 for leave-one-out; for alpha=0 pass cv=5.")
        left = leave_one_out(tasks, alphas)
        residuals = left.residuals
        root = np.ones(len(Y)) if weights is None else np.sqrt(weights)
        if self.scoring is None:
            held = (root[:, None, None] * residuals) ** 2
            scores = -held
        else:
            held = Y.reshape(len(Y), -1)[:, :, None] - residuals
            scores = self._scored(held, Y, weights)
        if self.store_cv_results:
            self.cv_results_ = held[:, 0] if Y.ndim == 1 else held
        if self.alpha_per_target and len(tasks) > 1:
            index = np.array([best_score(scores[:, t], alphas, self.rule) for t in range(len(tasks))])
            self.best_score_ = scores.mean(axis=0)[np.arange(len(tasks)), index]
            return index, left.model
        pooled = scores.mean(axis=1)
        best = best_score(pooled, alphas, self.rule)
        self.best_score_ = float(pooled.mean(axis=0)[best])
        return best, left.model

    def _scored(self, predictions: np.ndarray, Y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """(1, targets or 1, alphas): what the scorer says of the leave-one-out predictions."""
        if self.rule == "1se":
            raise ParameterError("rule='1se' needs an error per row: leave scoring=None, or pass cv=10.")
        scorer = read_scorer(_Given(), self.scoring)
        more = {} if weights is None else {"sample_weight": weights}
        if self.alpha_per_target and Y.ndim == 2:
            return np.array(
                [[[scorer(_Given(), p, y, **more) for p in P.T] for P, y in zip(predictions.swapaxes(0, 1), Y.T, strict=True)]]
            )
        return np.array([[[scorer(_Given(), P.reshape(Y.shape), Y, **more) for P in np.moveaxis(predictions, 2, 0)]]])

    def _by_folds(
        self, X: Any, Y: np.ndarray, tasks: list[Task], alphas: np.ndarray, splits: Splits, weights: np.ndarray | None
    ) -> int:
        scorer = read_scorer(self, self.scoring)
        rows = sparse.csr_matrix(X) if sparse.issparse(X) else X
        fits = [fold_models([task], alphas, splits, self.tol, self.max_iter)[0] for task in tasks]
        self._warn_paths([path for fit in fits for path in fit.paths])
        scores = np.empty((len(splits), len(alphas)))
        for k, (_, test) in enumerate(splits):
            held, y = rows[test], Y[test]
            more = {} if weights is None else {"sample_weight": weights[test]}
            for i in range(len(alphas)):
                coef = np.array([fit.coefs[k, i] for fit in fits])
                intercept = np.array([fit.intercepts[k, i] for fit in fits])
                one = Y.ndim == 1
                model = _Fixed(coef[0] if one else coef, intercept[0] if one else intercept)
                scores[k, i] = scorer(model, held, y, **more)
        index = best_score(scores, alphas, self.rule)
        self.best_score_ = float(scores.mean(axis=0)[index])
        return index


def _columns(Y: np.ndarray) -> list[np.ndarray]:
    return [Y] if Y.ndim == 1 else list(Y.T)


class _Given(RegressorMixin, BaseEstimator):
    """Predictions that are there already, in the place of X, as a scorer wants them."""

    def fit(self, X: Any, y: Any = None):
        return self

    def predict(self, X: Any) -> Any:
        return X


@dataclass
class _Fixed(RegressorMixin, BaseEstimator):
    """One fold's model, as a scorer wants it."""

    coef: np.ndarray
    intercept: Any

    def fit(self, X: Any, y: Any = None):
        return self

    @blas.alone
    def predict(self, X: Any) -> np.ndarray:
        return np.asarray(X @ self.coef.T + self.intercept)
