"""Lasso and ElasticNet, and their cross-validated forms, as scikit-learn names and shapes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import MultiOutputMixin

from shrinkage.estimators.base import Regressor, polite_precompute
from shrinkage.estimators.cv import chosen, end_of_grid, read_splits, select_mean
from shrinkage.estimators.record import of_path
from shrinkage.estimators.validate import read_numbers, read_weights, read_Xy
from shrinkage.estimators.words import elastic_net
from shrinkage.inputs import read_alpha, read_tol
from shrinkage.losses import SquaredError
from shrinkage.penalties import NonNegative, Penalty


class _ElasticNetLike:
    """The penalty both the single fits and the cross-validated ones are about."""

    def _unit(self, l1_ratio: float) -> Penalty:
        unit = elastic_net(l1_ratio)
        return unit + NonNegative() if self._flag("positive") else unit  # type: ignore[attr-defined]

    def _polite(self, p: int) -> None:
        polite_precompute(self.precompute, p)  # type: ignore[attr-defined]
        self._one_of("selection", ("cyclic", "random"))  # type: ignore[attr-defined]

    @property
    def sparse_coef_(self) -> Any:
        """`coef_` as a sparse matrix of rows."""
        return sparse.csr_matrix(self.coef_)  # type: ignore[attr-defined]


class ElasticNet(_ElasticNetLike, MultiOutputMixin, Regressor):
    """Least squares with alpha * (l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|^2) added to the mean of (y - Xw)^2 / 2.

    The mean is over the sum of the weights, so scaling `sample_weight` changes nothing. Each column of a
    two-dimensional y is fitted by itself.

    **Arguments**

    - `alpha`: >= 0, the strength on the mean loss. `l1_ratio`: in [0, 1].
    - `positive`: coefficients >= 0. `fit_intercept`: the intercept is never penalised.
    - `tol`: a bound on the relative duality gap, in fractions of half the null deviance. `max_iter`: steps of the outer
      loop.
    - `warm_start`: begin at the previous answer.
    - `precompute`, `copy_X`, `selection`, `random_state`: accepted as in scikit-learn; they change nothing here (X is
      never modified, and the answer does not depend on an order).

    **After fit**: `coef_`, `intercept_`, `dual_gap_` (per unit of weight), `n_iter_`, `certificate_`, `converged_`,
    `solution_`, `n_features_in_`, `feature_names_in_`; lists or arrays over targets where there are several.
    """

    def __init__(
        self, alpha=1.0, *, l1_ratio=0.5, fit_intercept=True, precompute=False, max_iter=1000, copy_X=True, tol=1e-6,
        warm_start=False, positive=False, random_state=None, selection="cyclic",
    ):  # fmt: skip
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def fit(self, X: Any, y: Any, sample_weight: Any = None, check_input: bool = True):
        """Fit to X (n, p), an array, sparse matrix or frame, and y (n,) or (n, targets). Always checks its input."""
        values, Y = read_Xy(self, X, y, multi_output=True)
        weights = read_weights(sample_weight, values)
        self._polite(values.shape[1])
        alpha = read_alpha(self.alpha)
        unit = self._unit(self.l1_ratio)
        columns = [Y] if Y.ndim == 1 else list(Y.T)
        starts = self._start(values.shape, len(columns))
        fits = [
            self._solve(self._at(self._task(values, column, SquaredError(), unit, weights), alpha), start, alpha)
            for column, start in zip(columns, starts, strict=True)
        ]
        solutions, records = map(list, zip(*fits, strict=True))
        self._keep(X, records, solutions)
        self._shape(records, Y)
        self._warn()
        return self


class Lasso(ElasticNet):
    """Least squares with alpha * |w|_1 added to the mean of (y - Xw)^2 / 2: see `ElasticNet`, here with l1_ratio 1."""

    l1_ratio = 1.0

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, precompute=False, copy_X=True, max_iter=1000, tol=1e-6,
        warm_start=False, positive=False, random_state=None, selection="cyclic",
    ):  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection


class ElasticNetCV(_ElasticNetLike, Regressor):
    """`ElasticNet` with alpha, and of several `l1_ratio` the best, chosen by cross-validation or a criterion.

    **Arguments** (the others as `ElasticNet`)

    - `l1_ratio`: a number in [0, 1] or a list of them. `alphas`: a number of alphas, log-spaced from the smallest that
      leaves no coefficient down to `eps` times it, or the alphas themselves.
    - `cv`: None for 5 folds in order, a number of folds, a scikit-learn splitter, or an iterable of (train, test).
    - `rule`: "min", the smallest mean squared error; "1se", the largest alpha within one standard error of it (sd over
      folds / sqrt(K)); or "aic", "bic", "ebic", "gcv", for which no folds are run unless `cv` is given.
    - `n_jobs`, `verbose`, `precompute`, `copy_X`, `selection`, `random_state`: accepted; they change nothing here.

    **After fit**: as `ElasticNet`, and `alpha_`, `alphas_`, `l1_ratio_`, `mse_path_` (alphas, folds; with several
    l1_ratios a first axis for them), `choice_` and `path_`, of the chosen l1_ratio.
    """

    def __init__(
        self, *, l1_ratio=0.5, eps=1e-3, alphas=100, fit_intercept=True, precompute="auto", max_iter=1000, tol=1e-6,
        cv=None, copy_X=True, verbose=0, n_jobs=None, positive=False, random_state=None, selection="cyclic", rule="min",
    ):  # fmt: skip
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None):
        """Choose alpha on X and y (n,), then keep the model of all rows at it. `groups` (n,) go to the splitter."""
        values, y_ = read_Xy(self, X, y)
        weights = read_weights(sample_weight, values)
        self._polite(values.shape[1])
        splits = read_splits(self.cv, values, y_, groups, self.rule)
        ratios = [float(r) for r in read_numbers(self.l1_ratio, "l1_ratio")]
        units = [self._unit(r) for r in ratios]
        task = self._task(values, y_, SquaredError(), units[0], weights)
        tasks = [replace(task, penalty=unit) for unit in units]
        choices = select_mean(tasks, self.alphas, self.eps, splits, self.rule, read_tol(self.tol), self._max_iter())
        k = chosen(choices, self.rule)
        self.choice_, self.path_, self._splits = choices[k], choices[k].path, splits
        self.alpha_ = self.choice_.alpha
        given = not np.ndim(self.alphas) == 0
        self.alphas_ = self.choice_.alphas if len(ratios) == 1 or given else np.array([c.alphas for c in choices])
        if splits is not None:
            known = self.choice_.test_errors is not None  # not where targets are too large or small to have squares
            self.mse_path_ = np.squeeze(np.array([c.test_errors for c in choices])) if known else None
        self._set_ratio(ratios[k])
        record = of_path(self._at(tasks[k], self.alpha_), self.path_, self.choice_.index, stated=False)
        self._notes = end_of_grid(self.choice_.index, len(self.choice_.alphas), "alpha")
        self._keep(X, [record], None)
        self._shape([record], y_)
        self._warn()
        return self

    def _set_ratio(self, l1_ratio: float) -> None:
        self.l1_ratio_ = l1_ratio


class LassoCV(ElasticNetCV):
    """`Lasso` with alpha chosen by cross-validation or a criterion: see `ElasticNetCV`, here with l1_ratio 1."""

    l1_ratio = 1.0

    def __init__(
        self, *, eps=1e-3, alphas=100, fit_intercept=True, precompute="auto", max_iter=1000, tol=1e-6, copy_X=True,
        cv=None, verbose=False, n_jobs=None, positive=False, random_state=None, selection="cyclic", rule="min",
    ):  # fmt: skip
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.copy_X = copy_X
        self.cv = cv
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    def _set_ratio(self, l1_ratio: float) -> None:
        pass
