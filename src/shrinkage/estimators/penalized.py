"""PenalizedRegressor and PenalizedClassifier: any loss with any penalty, in scikit-learn's manner."""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage import blas
from shrinkage.errors import ParameterError
from shrinkage.estimators.base import Model, Regressor
from shrinkage.estimators.classify import Classifier, log_probabilities
from shrinkage.estimators.cv import end_of_grid, read_splits, select_mean
from shrinkage.estimators.record import of_path
from shrinkage.estimators.validate import read_weights, read_Xy
from shrinkage.estimators.words import Words, read_loss
from shrinkage.inputs import read_alpha, read_design, read_tol
from shrinkage.losses import Loss
from shrinkage.selection import CRITERIA


class _Penalized(Model):
    """Words to a loss and a unit penalty; then one solve, or one select."""

    def _words(self, X: Any, weights: np.ndarray | None) -> tuple[Loss, Any, bool]:
        """(loss, penalty at alpha = 1, whether the loss was given as an object)."""
        words = Words(self.penalty, self.l1_ratio, self.penalty_factor, self.bounds, self.groups, self.concavity)
        sd = column_sd(X, weights) if self._flag("standardize") and self.bounds is not None else None
        names = getattr(self, "feature_names_in_", None)
        return read_loss(self.loss), words.unit(X.shape[1], names, sd), isinstance(self.loss, Loss)

    def _fit_one(self, X: Any, values: Any, y: np.ndarray, weights: np.ndarray | None, offset: Any) -> None:
        """At the given alpha; None means the penalty as it stands, on the sum of the loss."""
        loss, unit, stated = self._words(values, weights)
        alpha = None if self.alpha is None else read_alpha(self.alpha)
        task = self._task(values, y, loss, unit, weights, offset, self.standardize)
        if alpha is not None:
            task = self._at(task, alpha)
        solution, record = self._solve(task, self._start(values.shape, 1)[0], alpha, stated)
        self._keep(X, [record], [solution])

    def _fit_cv(self, X: Any, values: Any, y: np.ndarray, weights: np.ndarray | None, offset: Any, splits: Any) -> None:
        """At the alpha that the rule chooses."""
        loss, unit, stated = self._words(values, weights)
        task = self._task(values, y, loss, unit, weights, offset, self.standardize)
        alphas = self.n_alphas if self.alphas is None else self.alphas
        (choice,) = select_mean([task], alphas, self.ratio, splits, self.rule, read_tol(self.tol), self._max_iter())
        self.choice_, self.path_, self._splits = choice, choice.path, splits
        self.alpha_, self.alphas_ = choice.alpha, choice.alphas
        self._notes = end_of_grid(choice.index, len(choice.alphas), "alpha")
        self._keep(X, [of_path(self._at(task, self.alpha_), choice.path, choice.index, stated)], None)


@blas.alone
def column_sd(X: Any, weights: np.ndarray | None) -> np.ndarray:
    """The standard deviation of each column (divisor: the sum of the weights), 1 for a constant one."""
    design = read_design(X).design
    rows = np.ones(design.shape[0]) if weights is None else weights
    moments = design.moments(rows / rows.sum())
    usable = ~moments.constant & (moments.sd > 0)
    return np.where(usable, np.ldexp(moments.sd, moments.exponent), 1.0)


class PenalizedRegressor(_Penalized, Regressor):
    """The mean of a loss plus alpha times a penalty. The default is the lasso; with `groups`, the group lasso.

    **Arguments**

    - `alpha`: >= 0, the strength on the mean loss (for "root_squared_error" on the root of the mean square); None
      leaves a penalty object as it stands: the prior, on the sum of the loss.
    - `loss`: a word or an object. `penalty`: "l1", "l2", "elastic_net" (by `l1_ratio`), "mcp", "scad" (by `concavity`:
      3 and 3.7 unless given; their strength is alpha * factor), "group_lasso", "none", or a penalty object.
    - `penalty_factor`: (p,), multiplies the strength of each coefficient; 0 leaves it free, inf keeps it out. Not
      rescaled.
    - `bounds`: (low, high), numbers or arrays (p,), on the coefficients in the units of the data, also under
      `standardize`.
    - `groups`: one label per feature, or lists of features. "l1" then is the group lasso, "mcp" and "scad" their group
      forms; each group's strength is multiplied by the square root of its size. Objects take no such factor.
    - `standardize`: the penalty acts on coef * sd of each column; the answer stays in the units of the data.
    - `tol`: a bound on the relative certificate. `max_iter`: steps of the outer loop.
    - `warm_start`: begin at the previous answer.

    **After fit**: `coef_`, `intercept_`, `n_iter_`, `certificate_`, `converged_`, `dual_gap_` (None without a dual),
    `solution_`.
    """

    def __init__(
        self, loss="squared_error", penalty="l1", alpha=1.0, *, l1_ratio=0.5, penalty_factor=None, bounds=None,
        groups=None, standardize=False, fit_intercept=True, concavity=None, tol=1e-6, max_iter=1000, warm_start=False,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.bounds = bounds
        self.groups = groups
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.concavity = concavity
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None):
        """Fit to X (n, p), an array, sparse matrix or frame, and y (n,); `offset` (n,) is added to X coef."""
        values, y_ = read_Xy(self, X, y)
        self._fit_one(X, values, y_, read_weights(sample_weight, values), offset)
        self._shape(self._records, y_)
        self._warn()
        return self

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """The fitted mean for each row of X, (n,)."""
        return self._mean(X, offset)


class PenalizedRegressorCV(_Penalized, Regressor):
    """`PenalizedRegressor` with alpha chosen by cross-validation or a criterion.

    **Arguments**

    - `alphas`: the grid; None: `n_alphas` of them, log-spaced from the smallest at which every penalised coefficient is
      zero down to `ratio` times it (None: 1e-4 for n > p, else 1e-2).
    - `cv`: None or a number: 5 or as many folds, shuffled with seed 0; or a scikit-learn splitter, or an iterable of
      (train, test).
    - `rule`: "min", the smallest mean deviance of held-out rows; "1se", the largest alpha within one standard error of
      it; or "aic", "bic", "ebic", "gcv", for which no folds are run unless `cv` is given.
    - `loss`: a word or an object. `penalty`: "l1", "l2", "elastic_net" (by `l1_ratio`), "mcp", "scad" (by `concavity`:
      3 and 3.7 unless given; their strength is alpha * factor), "group_lasso", "none", or a penalty object.
    - `penalty_factor`: (p,), multiplies the strength of each coefficient; 0 leaves it free, inf keeps it out. Not
      rescaled.
    - `bounds`: (low, high), numbers or arrays (p,), on the coefficients in the units of the data, also under
      `standardize`.
    - `groups`: one label per feature, or lists of features. "l1" then is the group lasso, "mcp" and "scad" their group
      forms; each group's strength is multiplied by the square root of its size. Objects take no such factor.
    - `standardize`: the penalty acts on coef * sd of each column; the answer stays in the units of the data.
    - `tol`: a bound on the relative certificate. `max_iter`: steps of the outer loop.
      Under `standardize` folds are standardised by their own rows, and `bounds` hold on that scale in them.

    **After fit**: as `PenalizedRegressor` but `solution_`; and `alpha_`, `alphas_`, `choice_`, `path_`.
    """

    def __init__(
        self, loss="squared_error", penalty="l1", *, alphas=None, n_alphas=100, ratio=None, cv=None, rule="min",
        l1_ratio=0.5, penalty_factor=None, bounds=None, groups=None, standardize=False, fit_intercept=True,
        concavity=None, tol=1e-6, max_iter=1000,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.ratio = ratio
        self.cv = cv
        self.rule = rule
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.bounds = bounds
        self.groups = groups
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.concavity = concavity
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *, groups: Any = None):
        """Choose alpha on X (n, p) and y (n,). `groups` (n,) go to the splitter; groups of features are a parameter."""
        values, y_ = read_Xy(self, X, y)
        splits = read_splits(_five(self.cv, self.rule), values, y_, groups, self.rule, shuffled=True)
        self._fit_cv(X, values, y_, read_weights(sample_weight, values), offset, splits)
        self._shape(self._records, y_)
        self._warn()
        return self

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """The fitted mean for each row of X, (n,)."""
        return self._mean(X, offset)


class _PenalizedClassifier(_Penalized, Classifier):
    """Predictions of both classifiers, which take an offset."""

    def decision_function(self, X: Any, offset: Any = None) -> np.ndarray:
        """The linear predictor, (n,); for the logistic loss the log of the odds of `classes_[1]`."""
        return self._decide(X, offset)

    def predict(self, X: Any, offset: Any = None) -> np.ndarray:
        """The more likely class of each row."""
        return self._labels(self._decide(X, offset))

    def predict_proba(self, X: Any, offset: Any = None) -> np.ndarray:
        """The probability of each class, (n, 2), in the order of `classes_`."""
        return self._probabilities(self._decide(X, offset))

    def predict_log_proba(self, X: Any, offset: Any = None) -> np.ndarray:
        """The log of `predict_proba`, accurate where a probability rounds to 0 or 1."""
        return log_probabilities(self._decide(X, offset))

    def _words(self, X: Any, weights: np.ndarray | None) -> tuple[Loss, Any, bool]:
        loss, unit, stated = super()._words(X, weights)
        if loss.likelihood != "Bernoulli":
            raise ParameterError(f"A classifier needs a loss for classes, loss='logistic'; got {self.loss!r}.")
        return loss, unit, stated


class PenalizedClassifier(_PenalizedClassifier):
    """The mean of the logistic loss plus alpha times a penalty, for two classes.

    **Arguments**

    - `alpha`: >= 0, the strength on the mean loss; None leaves a penalty object as it stands: the prior, on the sum of
      the loss. (On columns of unit variance the lasso keeps nothing for alpha above 0.5, hence the default.)
    - `class_weight`: None, "balanced", or a dict from class to weight.
    - `loss`: a word or an object. `penalty`: "l1", "l2", "elastic_net" (by `l1_ratio`), "mcp", "scad" (by `concavity`:
      3 and 3.7 unless given; their strength is alpha * factor), "group_lasso", "none", or a penalty object.
    - `penalty_factor`: (p,), multiplies the strength of each coefficient; 0 leaves it free, inf keeps it out. Not
      rescaled.
    - `bounds`: (low, high), numbers or arrays (p,), on the coefficients in the units of the data, also under
      `standardize`.
    - `groups`: one label per feature, or lists of features. "l1" then is the group lasso, "mcp" and "scad" their group
      forms; each group's strength is multiplied by the square root of its size. Objects take no such factor.
    - `standardize`: the penalty acts on coef * sd of each column; the answer stays in the units of the data.
    - `tol`: a bound on the relative certificate. `max_iter`: steps of the outer loop.
    - `warm_start`: begin at the previous answer.

    **After fit**: `classes_`, and as `LogisticRegression`.
    """

    def __init__(
        self, loss="logistic", penalty="l1", alpha=0.01, *, l1_ratio=0.5, penalty_factor=None, bounds=None, groups=None,
        standardize=False, fit_intercept=True, concavity=None, class_weight=None, tol=1e-6, max_iter=1000,
        warm_start=False,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.bounds = bounds
        self.groups = groups
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.concavity = concavity
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None):
        """Fit to X (n, p), an array, sparse matrix or frame, and y (n,) of two classes."""
        values, labels = read_Xy(self, X, y, numeric=False)
        codes = self._encode(labels)
        self._fit_one(X, values, codes, self._weights(codes, read_weights(sample_weight, values)), offset)
        self._shape(self._records[0])
        self._warn()
        return self


class PenalizedClassifierCV(_PenalizedClassifier):
    """`PenalizedClassifier` with alpha chosen by cross-validation or a criterion: see `PenalizedRegressorCV`, with
    stratified folds and the deviance of the classes. `class_weight` as in `PenalizedClassifier`."""

    def __init__(
        self, loss="logistic", penalty="l1", *, alphas=None, n_alphas=100, ratio=None, cv=None, rule="min",
        l1_ratio=0.5, penalty_factor=None, bounds=None, groups=None, standardize=False, fit_intercept=True,
        concavity=None, class_weight=None, tol=1e-6, max_iter=1000,
    ):  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.ratio = ratio
        self.cv = cv
        self.rule = rule
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.bounds = bounds
        self.groups = groups
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.concavity = concavity
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *, groups: Any = None):
        """Choose alpha on X (n, p) and y (n,) of two classes. `groups` (n,) go to the splitter."""
        values, labels = read_Xy(self, X, y, numeric=False)
        codes = self._encode(labels)
        splits = read_splits(
            _five(self.cv, self.rule), values, codes, groups, self.rule, classifier=True, shuffled=True
        )  # fmt: skip
        self._fit_cv(X, values, codes, self._weights(codes, read_weights(sample_weight, values)), offset, splits)
        self._shape(self._records[0])
        self._warn()
        return self


def _five(cv: Any, rule: str) -> Any:
    return 5 if cv is None and rule not in CRITERIA else cv
