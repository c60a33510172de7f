"""How strong should the penalty be? Cross-validation and information criteria over one path -> Choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage import blas
from shrinkage.designs import Matrix, Vector
from shrinkage.errors import ConvergenceWarning, DataError, ParameterError
from shrinkage.fit import Task, read_max_iter
from shrinkage.grids import read_alphas
from shrinkage.inputs import read_tol
from shrinkage.paths import Path, warn_unconverged
from shrinkage.plurals import are, counted
from shrinkage.walk import Settings, Walks, walks

CRITERIA = ("aic", "bic", "ebic", "gcv")
RULES = ("min", "1se", *CRITERIA)
EBIC_GAMMA = 0.5  # Chen and Chen (2008), Biometrika 95
TIE = 1e-12  # of a mean of errors: less is rounding


def least(values: Vector) -> int:
    """Where the least is: of those that only rounding tells apart, the first, which has the largest alpha."""
    lowest = float(np.min(values))
    return int(np.argmax(values <= lowest + TIE * abs(lowest)))


@dataclass(frozen=True, eq=False)
class Choice:
    """A path, what every alpha on it is worth, and the one chosen.

    **Attributes**

    - `path`, on all rows; `rule`; `alphas` (m,).
    - `test_errors`, `train_errors` (m, K): mean unit deviance (squared error: the mean square) on the held-out and on the
      training rows of each of K folds; None where no fold was needed (a criterion), or where targets above 1e152 or below 1e-152
      have squares that are no floating-point numbers (the rules still work). `fold_weights` (K,): held-out weight.
    - `criteria`: aic, bic, ebic, gcv -> (m,); gcv on targets divided by 2**k where their squares leave the floats.
    - `index`, `alpha`, `coef`, `intercept`: the chosen model; `pick(rule)` gives the index another rule would choose.
    """

    path: Path
    rule: str
    test_errors: Matrix | None
    train_errors: Matrix | None
    fold_weights: Vector | None
    criteria: dict[str, Vector]
    ranking: Matrix | None = None  # the held-out errors up to a power of two, which rules compare
    task: Task | None = field(default=None, repr=False)  # what was chosen for; stays behind when pickled

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "task": None}

    def report(self, file: Any, **more: Any) -> None:
        """Write it as one HTML file that explains it: see `shrinkage.report`, whose other arguments it takes."""
        from shrinkage import report

        report(self, file, **more)

    @property
    def alphas(self) -> Vector:
        return self.path.alphas

    @property
    def mean(self) -> Vector:
        """Mean held-out error over folds, (m,)."""
        return self._errors().mean(axis=1)

    @property
    def se(self) -> Vector:
        """Its standard error: sd over folds / sqrt(K), (m,)."""
        errors = self._errors()
        return errors.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])

    def _errors(self) -> Matrix:
        if self.test_errors is None:
            raise ParameterError("No cross-validation was run: pass cv=10, or use one of the rules " + ", ".join(CRITERIA) + ".")
        return self.test_errors

    def pick(self, rule: str) -> int:
        """The index a rule chooses: the smallest mean error ("min"), the largest alpha within one standard error of it
        ("1se"), or the smallest criterion. Ties go to the larger alpha."""
        if rule in ("min", "1se"):
            errors = self._errors() if self.ranking is None else self.ranking
            mean = errors.mean(axis=1)
            best = least(mean)
            se = errors[best].std(ddof=1) / np.sqrt(errors.shape[1]) if rule == "1se" else 0.0
            return best if rule == "min" else int(np.argmax(mean <= mean[best] + se))
        if rule in CRITERIA:
            return least(self.criteria[rule])
        raise ParameterError(f"rule must be one of {', '.join(RULES)}; got {rule!r}.")

    @cached_property
    def index(self) -> int:
        return self.pick(self.rule)

    @property
    def index_min(self) -> int:
        return self.pick("min")

    @property
    def index_1se(self) -> int:
        return self.pick("1se")

    @property
    def alpha(self) -> float:
        return float(self.alphas[self.index])

    @property
    def coef(self) -> Vector:
        return self.path.coefs[:, self.index]

    @property
    def intercept(self) -> float:
        return float(self.path.intercepts[self.index])

    def __str__(self) -> str:
        kept = int(np.count_nonzero(self.coef))
        coefficients = counted(len(self.coef), "coefficient")
        return f"alpha={self.alpha:.6g} by the rule {self.rule!r}: {kept} of {coefficients} {are(kept)} not zero."


def select(
    X: Any, y: Any, loss: Any, penalty: Any, *, cv: Any = 10, rule: str = "min", alphas: Any = None, n_alphas: int = 100,
    ratio: float | None = None, intercept: bool = True, weights: Any = None, offset: Any = None, standardize: bool = False,
    tol: float = 1e-6, max_iter: int = 1000, groups: Any = None, shuffle_seed: int | None = 0,
) -> Choice:  # fmt: skip
    """Choose alpha over the path of all rows.

    **Arguments** (the others as in `path`)

    - `cv`: the number of folds (shuffled with `shuffle_seed`; None: in order; stratified for a Bernoulli likelihood), any
      scikit-learn splitter, or an iterable of (train, test) index arrays. `groups`: handed to the splitter.
      None: no folds, for the criteria.
    - `rule`: min, 1se, aic, bic, ebic, gcv.

    Folds share the grid and the design; each is fitted and certified by itself, standardised by its own training rows.

    **Returns** a `Choice`; errors and warnings as `path`.
    """
    if rule not in RULES:
        raise ParameterError(f"rule must be one of {', '.join(RULES)}; got {rule!r}.")
    if cv is None and rule not in CRITERIA:
        raise ParameterError(f"The rule {rule!r} needs folds: pass cv=10 or a splitter.")
    task = Task.read(X, y, loss, penalty, weights, offset, intercept, standardize)
    tol, max_iter = read_tol(tol), read_max_iter(max_iter)
    masks = None if cv is None else fold_masks(cv, task, groups, shuffle_seed)
    return judge([task], masks, rule, Settings(read_alphas(alphas), n_alphas, ratio, tol, max_iter))[0]


def judge(
    tasks: Sequence[Task], masks: tuple[Matrix, Matrix] | None, rule: str, settings: Settings,
    category: type[Warning] = ConvergenceWarning,
) -> list[Choice]:  # fmt: skip
    """For each of some tasks, which differ in their penalties alone, the path over all rows, its errors and its criteria, given
    (train, test) masks (n, K) or None."""
    train, test = masks if masks is not None else (None, None)
    found = walks(tasks, train, test, settings)
    warn_unconverged([path for one in found for path in one.paths], 4, category)
    return [_choice(task, one, masks, rule) for task, one in zip(tasks, found, strict=True)]


@blas.alone
def _choice(task: Task, found: Walks, masks: tuple[Matrix, Matrix] | None, rule: str) -> Choice:
    full, criteria = found.paths[0], information(task, found.paths[0])
    if masks is None:
        return Choice(full, rule, None, None, None, criteria, task=task)
    power, (held, trained) = far_from_one(task), found.errors or fold_errors(task, found.paths[1:], *masks)
    fold_weights = (masks[1] * task.weights[:, None]).sum(axis=0)
    if power:
        return Choice(full, rule, None, None, fold_weights, criteria, held, task)
    errors, training = np.ldexp(held, found.power), np.ldexp(trained, found.power)
    return Choice(full, rule, errors, training, fold_weights, criteria, task=task)


def fold_errors(task: Task, fold_paths: list[Path], train: Matrix, test: Matrix) -> tuple[Matrix, Matrix]:
    """Mean unit deviances (m, K), held-out and training, of targets divided by 2**far_from_one."""
    columns = np.arange(task.design.shape[1])
    power = far_from_one(task)
    loss, y = task.loss.rescale(power)[0], np.ldexp(task.y, -power)
    held, trained = [], []
    for k, fold in enumerate(fold_paths):
        eta = task.design.matmat(columns, fold.coefs.astype(np.float64)) + fold.intercepts + task.offset[:, None]
        deviance = np.asarray(loss.unit_deviance(y[:, None], np.ldexp(eta, -power)))
        held.append(_average(deviance, test[:, k] * task.weights))
        trained.append(_average(deviance, train[:, k] * task.weights))
    return np.column_stack(held), np.column_stack(trained)


def far_from_one(task: Task) -> int:
    """The power of two by which targets are divided before their errors are squared: 0 unless those would leave the floats."""
    if not task.loss.equivariant:
        return 0
    used = task.y[task.weights > 0]
    size = int(np.frexp(np.abs(used).max(initial=0.0))[1])
    return size if abs(size) > 505 else 0


def _average(deviance: Matrix, weights: Vector) -> Vector:
    used = weights > 0
    return (weights[used] / weights[used].sum()) @ deviance[used]


def fold_masks(cv: Any, task: Task, groups: Any, seed: int | None) -> tuple[Matrix, Matrix]:
    """(train, test), each (n, K) of 0 and 1 (a row drawn twice counts twice)."""
    from sklearn.model_selection import KFold, StratifiedKFold, check_cv

    n = len(task.y)
    binary = task.loss.name == "logistic" and len(np.unique(task.y)) == 2
    if isinstance(cv, int | np.integer) and not isinstance(cv, bool):
        if not 2 <= cv <= n:
            raise ParameterError(f"cv must lie between 2 and the number of rows, {n}; got {cv}.")
        kind = StratifiedKFold if binary else KFold
        cv = kind(int(cv), shuffle=seed is not None, random_state=seed)
    splits = list(check_cv(cv, task.y, classifier=binary).split(np.zeros((n, 1)), task.y, groups))
    train, test = (np.zeros((n, len(splits)), order="F") for _ in range(2))
    for k, (inside, outside) in enumerate(splits):
        np.add.at(train[:, k], inside, 1.0)
        np.add.at(test[:, k], outside, 1.0)
        for mask, what in ((train, "training"), (test, "held-out")):
            if not np.any(mask[:, k] * task.weights):
                raise DataError(
                    f"Fold {k} has no {what} row of positive weight. Use fewer folds, or a splitter that knows the weights."
                )
    return train, test


def information(task: Task, full: Path) -> dict[str, Vector]:
    """AIC, BIC, EBIC and GCV of every model on a path.

    With df counting the intercept: deviance + 2 df, + log(n) df, + 2 gamma log C(p, df) more; for squared error the
    deviance is n log(RSS / n), sigma at its maximum. GCV = mean deviance / (1 - df / n)^2 (Craven and Wahba, 1979).
    """
    from scipy.special import gammaln

    n, p = float(task.weights.sum()), task.design.shape[1]
    df = full.df + task.intercept
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        if task.loss.name in ("squared_error", "root_squared_error"):
            squares, power = sums_of_squares(task, full)
            deviance = n * (np.log(squares / n) + power * np.log(2.0))
            error = np.ldexp(squares / n, power - 2 * far_from_one(task))
        else:
            saturated = float(task.loss.total_saturated(task.y, task.weights))
            deviance = 2 * np.maximum(full.losses - saturated, 0.0)
            error = deviance / n
        left = np.where(df < n, 1 - df / n, np.nan)
        gcv = np.where(df < n, error / left**2, np.inf)
    inside = np.clip(full.df, 0, p)
    models = gammaln(p + 1) - gammaln(inside + 1) - gammaln(p - inside + 1)
    bic = deviance + np.log(n) * df
    return {"aic": deviance + 2 * df, "bic": bic, "ebic": bic + 2 * EBIC_GAMMA * models, "gcv": gcv}


def sums_of_squares(task: Task, full: Path) -> tuple[Vector, int]:
    """The residual sums of squares as (mantissas, the power of two they are to be multiplied by)."""
    if task.loss.name == "squared_error":
        sigma, power = np.frexp(task.loss.sigma)
        return 2 * full.totals * sigma**2, full.total_power + 2 * int(power)
    scale, power = np.frexp(task.loss.scale)
    return (full.totals * scale) ** 2, 2 * (full.total_power + int(power))
