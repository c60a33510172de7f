"""LogisticRegression and its cross-validated form, as scikit-learn names and shapes them, for two classes."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin

from shrinkage import blas
from shrinkage.errors import ParameterError
from shrinkage.estimators.classify import Classifier, log_probabilities
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
from shrinkage.estimators.validate import read_numbers, read_weights, read_Xy
from shrinkage.estimators.words import elastic_net
from shrinkage.fit import Task
from shrinkage.inputs import read_tol
from shrinkage.losses import Logistic
from shrinkage.selection import CRITERIA

SOLVERS = ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
RATIO_OF = {"l2": 0.0, "l1": 1.0}


class _LogisticLike(Classifier):
    """What the single fit and the cross-validated one share."""

    _dial = "C"
    _unit_of_dial = "summed loss"

    def decision_function(self, X: Any) -> np.ndarray:
        """The log of the odds of `classes_[1]`, (n,)."""
        return self._decide(X)

    def predict(self, X: Any) -> np.ndarray:
        """The more likely class of each row."""
        return self._labels(self._decide(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (n, 2), in the order of `classes_`."""
        return self._probabilities(self._decide(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The log of `predict_proba`, accurate where a probability rounds to 0 or 1."""
        return log_probabilities(self._decide(X))

    def _ratio(self, l1_ratio: Any) -> float:
        """l1_ratio, or what the older word `penalty` says of it."""
        known = ("deprecated", "l1", "l2", "elasticnet", None)
        word = self._one_of("penalty", known)
        ratio = RATIO_OF.get(word, l1_ratio)
        if not isinstance(ratio, Real) or not 0 <= float(ratio) <= 1:
            raise ParameterError(f"l1_ratio must be a number in [0, 1]; got {ratio!r}.")
        return float(ratio)

    def _polite(self) -> None:
        self._one_of("solver", SOLVERS)
        self._flag("dual")


class LogisticRegression(_LogisticLike):
    """The sum of the logistic loss plus (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2) / C, for two classes.

    As in scikit-learn, C is the inverse strength on the *sum* of the loss, and the weights do not scale it.

    **Arguments**

    - `C`: > 0; infinity for no penalty. `l1_ratio`: 0 is ridge, 1 the lasso.
    - `penalty`: the older words "l2", "l1", "elasticnet" and None, instead of `l1_ratio` and C=inf.
    - `class_weight`: None, "balanced", or a dict from class to weight; it multiplies `sample_weight`.
    - `tol`: a bound on the relative duality gap. `max_iter`: steps of the outer loop. `warm_start`: begin at the
      previous answer.
    - `solver`, `dual`, `intercept_scaling`, `random_state`, `verbose`, `n_jobs`: accepted as in scikit-learn; they
      change nothing here. The intercept is never penalised.

    **After fit**: `classes_`, `coef_` (1, p), `intercept_` (1,), `n_iter_` (1,), `certificate_`, `converged_`,
    `dual_gap_`, `solution_`.
    """

    def __init__(
        self, penalty="deprecated", *, C=1.0, l1_ratio=0.0, dual=False, tol=1e-6, fit_intercept=True,
        intercept_scaling=1, class_weight=None, random_state=None, solver="lbfgs", max_iter=1000, verbose=0,
        warm_start=False, n_jobs=None,
    ):  # fmt: skip
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Fit to X (n, p), an array, sparse matrix or frame, and y (n,) of two classes."""
        values, labels = read_Xy(self, X, y, numeric=False)
        codes = self._encode(labels)
        weights = self._weights(codes, read_weights(sample_weight, values))
        self._polite()
        C = np.inf if self.penalty is None else self.C
        task = self._task(values, codes, Logistic(), _strength(C) * elastic_net(self._ratio(self.l1_ratio)), weights)
        solution, record = self._solve(task, self._start(values.shape, 1)[0], float(C))
        self._keep(X, [record], [solution])
        self._shape(record)
        self._warn()
        return self


def _strength(C: Any) -> float:
    if not isinstance(C, Real) or isinstance(C, bool) or not float(C) > 0:
        raise ParameterError(f"C must be a number > 0, the inverse of the strength (inf: no penalty); got {C!r}.")
    strength = 1 / float(C)
    if not np.isfinite(strength):
        raise ParameterError(f"C={C!r} is so small that its inverse, the strength, is not a number. Use a larger C.")
    return strength


class LogisticRegressionCV(_LogisticLike):
    """`LogisticRegression` with C and `l1_ratio` chosen by cross-validation or a criterion.

    **Arguments** (the others as `LogisticRegression`)

    - `Cs`: a number of them, log-spaced from 1e-4 to 1e4, or the Cs themselves. `l1_ratios`: a list of numbers in [0,
      1].
    - `cv`: None for 5 stratified folds in order, a number of folds, a scikit-learn splitter, or an iterable of (train,
      test).
    - `scoring`: None is accuracy; or a name or callable of scikit-learn's.
    - `refit`: True; the average of the folds' models, which False asks for, is the mode of nothing and is refused.
    - `rule`: "min", the best mean score; "1se", the smallest C within one standard error of it; "aic", "bic", "ebic",
      "gcv", for which no folds are run.
    - `use_legacy_attributes`: accepted; attributes have scikit-learn's new shapes, below.

    **After fit**: as `LogisticRegression`, and `C_`, `l1_ratio_` (numbers), `Cs_`, `l1_ratios_`, `scores_` and
    `n_iter_` (folds, l1_ratios, Cs), `coefs_paths_` (folds, l1_ratios, Cs, 1, p + intercept).
    """

    def __init__(
        self, *, Cs=10, l1_ratios=(0.0,), fit_intercept=True, cv=None, dual=False, penalty="deprecated", scoring=None,
        solver="lbfgs", tol=1e-6, max_iter=1000, class_weight=None, n_jobs=None, verbose=0, refit=True,
        intercept_scaling=1.0, random_state=None, use_legacy_attributes=False, rule="min",
    ):  # fmt: skip
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes
        self.rule = rule

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None):
        """Choose on X (n, p) and y (n,) of two classes, then fit all rows. `groups` (n,) go to the splitter."""
        values, labels = read_Xy(self, X, y, numeric=False)
        codes = self._encode(labels)
        given = read_weights(sample_weight, values)
        weights = self._weights(codes, given)
        self._polite()
        check_rule(self.rule)
        if not self._flag("refit"):
            raise ParameterError("refit=False is not supported: an average of the folds' models is the mode of nothing.")
        self.Cs_ = _grid(self.Cs)
        strengths = np.array([_strength(C) for C in self.Cs_])
        ratios = (0.0,) if self.l1_ratios is None else tuple(read_numbers(self.l1_ratios, "l1_ratios"))
        self.l1_ratios_ = np.array([self._ratio(r) for r in ratios])
        nets = [elastic_net(float(r)) for r in self.l1_ratios_]
        task = self._task(values, codes, Logistic(), nets[0], weights)
        tasks = [replace(task, penalty=net) for net in nets]
        if self.rule in CRITERIA:
            found = best_criterion(tasks, strengths, self.rule, read_tol(self.tol), self._max_iter())
            r = int(np.argmin([value for _, value in found]))
            i = found[r][0]
        else:
            splits = read_splits(self.cv, values, labels, groups, self.rule, classifier=True) or []
            r, i = self._by_folds(values, labels, tasks, strengths, splits, given)
        self.C_, self.l1_ratio_ = float(self.Cs_[i]), float(self.l1_ratios_[r])
        final = self._task(values, codes, Logistic(), strengths[i] * tasks[r].penalty, weights)
        solution, record = self._solve(final, None, self.C_)
        self._keep(X, [record], [solution])
        self._shape(record)
        if self.rule not in CRITERIA:
            self.n_iter_ = self._fold_steps
            del self._fold_steps
        rank = np.argsort(np.argsort(-strengths))
        self._notes = end_of_grid(int(rank[i]), len(strengths), "C")
        self._warn()
        return self

    def _by_folds(
        self,
        X: Any,
        labels: np.ndarray,
        tasks: list[Task],
        strengths: np.ndarray,
        splits: Splits,
        weights: np.ndarray | None,
    ) -> tuple[int, int]:
        """(index of the l1_ratio, index of the C)."""
        scorer = read_scorer(self, self.scoring)
        rows = sparse.csr_matrix(X) if sparse.issparse(X) else X
        fits = fold_models(tasks, strengths, splits, read_tol(self.tol), self._max_iter())
        self._warn_paths([path for fit in fits for path in fit.paths])
        scores = np.empty((len(splits), len(tasks), len(strengths)))
        for k, (_, test) in enumerate(splits):
            held, y = rows[test], labels[test]
            more = {} if weights is None else {"sample_weight": weights[test]}
            for r, fit in enumerate(fits):
                for i in range(len(strengths)):
                    scores[k, r, i] = scorer(_Fixed(self.classes_, fit.coefs[k, i], fit.intercepts[k, i]), held, y, **more)
        coefs = np.stack([fit.coefs for fit in fits], axis=1).astype(np.float64)
        intercepts = np.stack([fit.intercepts for fit in fits], axis=1)[..., None]
        self.scores_ = scores
        self.coefs_paths_ = (np.concatenate([coefs, intercepts], axis=3) if self.fit_intercept else coefs)[:, :, :, None, :]
        self._fold_steps = np.maximum(np.stack([fit.n_iter for fit in fits], axis=1), 1)
        r = int(np.argmax(scores.mean(axis=0).max(axis=1)))
        return r, best_score(scores[:, r], strengths, self.rule)


def _grid(Cs: Any) -> np.ndarray:
    if isinstance(Cs, Integral) and not isinstance(Cs, bool):
        if int(Cs) < 1:
            raise ParameterError(f"Cs must be a number of Cs >= 1, or the Cs themselves; got {Cs!r}.")
        return np.logspace(-4, 4, int(Cs))
    return read_numbers(Cs, "Cs")


class _Fixed(ClassifierMixin, BaseEstimator):
    """One fold's model, as a scorer wants it."""

    def __init__(self, classes: np.ndarray, coef: np.ndarray, intercept: float):
        self.classes = self.classes_ = classes
        self.coef = coef
        self.intercept = intercept

    def fit(self, X: Any, y: Any = None):
        return self

    @blas.alone
    def decision_function(self, X: Any) -> np.ndarray:
        return np.asarray(X @ self.coef + self.intercept)

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[(self.decision_function(X) > 0).astype(np.int64)]

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.exp(log_probabilities(self.decision_function(X)))
