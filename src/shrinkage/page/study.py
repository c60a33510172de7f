"""A fit, its data and the road to it: everything that a page tells is derived from a `Study`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from shrinkage.designs import Matrix
from shrinkage.errors import ParameterError
from shrinkage.estimators.base import Model
from shrinkage.estimators.cv import end_of_grid
from shrinkage.estimators.record import Record, of_path
from shrinkage.estimators.summary import Words
from shrinkage.estimators.validate import read_X
from shrinkage.fit import Solution, Task
from shrinkage.grids import grid, per_alpha
from shrinkage.inputs import read_design
from shrinkage.selection import Choice, fold_masks, judge
from shrinkage.walk import Settings

FOLDS = 10
ALPHAS = 60  # on a path that is walked for the page alone,
BEYOND = 1 / 30  # down to this share of the fit's alpha
AS_IT_STANDS = ("times the penalty", 1.0, False)  # the dial of a penalty that was given whole
HASHED = 2**28  # bytes of a design that are read for its fingerprint
TOL = 1e-6  # of `solve` and `select`, unless another is asked for
CHANGED = 1e-6  # of half the null deviance: the loss has moved by more, so the data are not those of the fit


@dataclass(frozen=True)
class Origin:
    """Where the data came from, in words, and the command that does it again."""

    source: str
    command: str
    columns: int
    sha256: str = ""
    dropped: Sequence[str] = ()
    encodings: Sequence[tuple[str, str, Sequence[str]]] = ()  # input column, kind, levels
    sources: Sequence[str] = ()  # (p,): the input column of each feature; empty: its own name


@dataclass(frozen=True, eq=False)
class Study:
    """`task.penalty` is that of alpha = 1 on the mean loss; `record` is the chosen model, `choice.path` its neighbours,
    `index` its place there and `rule` how it was chosen ("given": it was not). `masks` are the folds' (train, test)."""

    task: Task
    choice: Choice
    index: int
    rule: str
    record: Record
    masks: tuple[Matrix, Matrix] | None
    words: Words
    origin: Origin
    target: str = "y"
    classes: tuple[str, str] | None = None
    dial: tuple[str, float, bool] = ("alpha", 1.0, False)  # the estimator's number is factor * alpha, or its inverse
    held_out: Choice | None = field(default=None)  # the errors of the folds, where the choice itself has none

    @property
    def names(self) -> list[str]:
        return feature_names(self.task)

    @property
    def curve(self) -> Choice | None:
        """The choice that has held-out errors."""
        return next((c for c in (self.choice, self.held_out) if c is not None and c.test_errors is not None), None)


def feature_names(task: Task) -> list[str]:
    return [f"x{j}" for j in range(task.design.shape[1])] if task.names is None else [str(name) for name in task.names]


def of_estimator(model: Model, *, target: str | None = None, which: int = 0, origin: Origin | None = None) -> Study:
    """Of a fitted estimator, which still refers to its data. `which` of several targets.

    **Raises** `ParameterError` where the data are gone (a model that was pickled), or are no longer those of the fit.
    """
    check_is_fitted(model)
    if getattr(model, "_data", None) is None:
        raise ParameterError("This model came from a pickle, which leaves the data behind. Fit it again to report on it.")
    record = model._records[which]
    task = record.task(read_design(read_X(model, model._data)).design, model._names())
    _refuse_changed(task, record)
    unit, alpha, dial = _on_the_mean(model, record, task)
    splits = getattr(model, "_splits", None)
    words = Words(type(model).__name__, model._dial, model._unit_of_dial, model._about(), getattr(model, "_notes", []))
    classes = getattr(model, "classes_", None)
    told = [str(c) for c in classes.tolist()] if classes is not None else None
    study = of_task(
        replace(task, penalty=unit), alpha=alpha, choice=getattr(model, "choice_", None), record=record, splits=splits,
        words=words, origin=origin or _origin(model, task), target=target or _called(model, which), dial=dial,
        rule=str(getattr(model, "rule", "given")), tol=float(model.tol), max_iter=model._max_iter(),
    )  # fmt: skip
    return replace(study, classes=None if told is None else (told[0], told[1]))


def _called(model: Model, which: int) -> str:
    """What the series or frame of targets called it, else y."""
    names = getattr(model, "_targets_called", [])
    return names[which] if which < len(names) and isinstance(names[which], str) and names[which] else "y"


def of_choice(choice: Choice, *, target: str | None = None) -> Study:
    """Of what `select` chose, while it still refers to its data. A sigma other than 1 is taken as stated."""
    task = _kept(choice.task)
    stated = getattr(task.loss, "sigma", 1.0) != 1.0
    folds = None if choice.fold_weights is None else len(choice.fold_weights)
    words = Words("select", "alpha", "mean loss", notes=end_of_grid(choice.index, len(choice.alphas), "alpha"))
    call = _verb("select", task, choice.path.tol, *[f"rule={choice.rule!r}"] * (choice.rule != "min"))
    study = of_task(
        task, alpha=choice.alpha, choice=choice, rule=choice.rule, folds=folds or FOLDS, stated=stated, target=target or "y",
        words=words, origin=_in_memory(task, call), tol=choice.path.tol,
    )  # fmt: skip
    _refuse_changed(task, study.record)
    return study


def of_solution(solution: Solution, *, target: str | None = None) -> Study:
    """Of what `solve` found, while it still refers to its data; its penalty is a prior on the sum of the loss."""
    task = _kept(solution.task)
    call = _verb("solve", task, solution.certificate.tol)
    study = of_task(
        replace(task, penalty=(1 / per_alpha(task)) * task.penalty), alpha=1.0, stated=True, target=target or "y",
        words=Words("solve", "alpha", "mean loss"), origin=_in_memory(task, call), dial=AS_IT_STANDS,
        tol=solution.certificate.tol,
    )  # fmt: skip
    found = replace(
        study.record, coef=solution.coef, intercept=solution.intercept, certificate=solution.certificate,
        outcome=solution.outcome, n_iter=solution.n_iter, alpha=None,
    )  # fmt: skip
    _refuse_changed(task, found)
    return replace(study, record=found)


def _kept(task: Task | None) -> Task:
    if task is None:
        raise ParameterError("This came from a pickle, which leaves the data behind. Fit it again to report on it.")
    return task


def of_task(
    task: Task, *, words: Words, origin: Origin, alpha: float | None = None, choice: Choice | None = None,
    record: Record | None = None, splits: Any = None, rule: str = "min", target: str = "y",
    dial: tuple[str, float, bool] = ("alpha", 1.0, False), stated: bool = False, folds: int | None = FOLDS,
    n_alphas: int = ALPHAS, tol: float = 1e-6, max_iter: int = 1000,
) -> Study:  # fmt: skip
    """Of a task whose penalty is that of alpha = 1 on the mean loss: the path around `alpha` (None: chosen by `rule`), and the
    errors of its folds. What the caller has already (`choice`, `record`, `splits`) is not computed again."""
    masks = _masks(task, splits, folds)
    alphas = choice.alphas if choice is not None else _alphas(task, alpha, n_alphas)
    held_out = None
    if choice is None or (choice.test_errors is None and masks is not None):
        held_out = judge([task], masks, "min" if masks else "bic", Settings(alphas, len(alphas), None, tol, max_iter))[0]
    made = choice or held_out
    assert made is not None
    if alpha is None:
        index = made.pick(rule) if masks is not None or rule not in ("min", "1se") else made.pick("bic")
        words = replace(words, notes=[*words.notes, *end_of_grid(index, len(made.alphas), words.dial)])
    else:
        index = int(np.argmin(np.abs(made.alphas - alpha)))
        rule = rule if choice is not None else "given"
    if record is None:
        at = replace(task, penalty=per_alpha(task) * (float(made.alphas[index]) * task.penalty))
        record = of_path(at, made.path, index, stated)
    return Study(task, made, index, rule, record, masks, words, origin, target, None, dial, held_out)


def _alphas(task: Task, alpha: float | None, count: int) -> np.ndarray:
    """The usual grid; around a given alpha it ends sooner, and holds it."""
    problem, _ = task.prepared()
    usual = grid(task, problem, count, None)
    if alpha is None:
        return usual
    low, high = max(min(alpha * BEYOND, usual[0] / 10), usual[-1]), usual[0]
    return np.unique(np.append(np.geomspace(low, high, count), alpha))[::-1]


def _masks(task: Task, splits: Any, folds: int | None) -> tuple[Matrix, Matrix] | None:
    """The folds of the fit, or as many as the rows allow, shuffled."""
    if splits is not None:
        return fold_masks(splits, task, None, None)
    used = task.y[task.weights > 0]
    few = min(np.unique(used, return_counts=True)[1]) if task.loss.name == "logistic" else len(used) // 2
    count = min(folds or 0, int(few))
    if count < 2 or (task.weights == 0).any():
        return None
    return fold_masks(count, task, None, 0)


def _on_the_mean(model: Model, record: Record, task: Task) -> tuple[Any, float, tuple[str, float, bool]]:
    """(the penalty at alpha = 1 on the mean loss, this model's alpha, how its own dial relates to alpha)."""
    W = per_alpha(task)
    if record.alpha is None:
        return (1 / W) * record.penalty, 1.0, AS_IT_STANDS
    if model._unit_of_dial == "mean loss":
        return model._unit_penalty, record.alpha, ("alpha", 1.0, False)
    inverse = model._dial == "C"
    alpha = (1 / record.alpha if inverse else record.alpha) / W
    unit = (1 / (W * alpha)) * record.penalty if alpha > 0 else record.penalty
    return unit, alpha, (model._dial, W, inverse)


def _refuse_changed(task: Task, record: Record) -> None:
    """The loss at the coefficients, computed again, must be what it was."""
    if record.loss_sum is None or not record.half_deviance:
        return
    eta = task.design.matvec(np.asarray(record.coef, np.float64)) + record.intercept + task.offset
    found = float(task.loss.total(task.y, eta, task.weights)) - float(task.loss.total_saturated(task.y, task.weights))
    loose = CHANGED if task.design.dtype == np.float64 else 1e-2
    if abs(found - record.loss_sum) > loose * record.half_deviance:
        raise ParameterError(
            "X is no longer what the model was fitted to: its loss is another now. Fit again, or report before X is changed."
        )


def _origin(model: Model, task: Task) -> Origin:
    kind = type(model._data)
    name = f"{kind.__module__.split('.')[0]}.{kind.__name__}"
    own = getattr(model, "class_weight", None) is not None  # weights that the estimator makes by itself
    call = f"{model!r}.fit({', '.join(_data(task, '' if own else 'sample_weight'))})"
    return replace(_in_memory(task, call), source=f"X ({name}) and y, in memory")


def _data(task: Task, weights: str) -> list[str]:
    """The arguments that are data: each is told by its own name."""
    weighted, shifted = weights and np.any(task.weights != 1), np.any(task.offset != 0)
    return ["X", "y", *[f"{weights}={weights}"] * bool(weighted), *["offset=offset"] * bool(shifted)]


def _verb(name: str, task: Task, tol: float, *more: str) -> str:
    """`solve` or `select`, with what is not its default."""
    X, y, *others = _data(task, "weights")
    switches = ["intercept=False"] * (not task.intercept) + ["standardize=True"] * task.standardize
    switches += [f"tol={tol!r}"] * (tol != TOL)
    return f"sh.{name}({', '.join([X, y, repr(task.loss), repr(task.penalty), *more, *others, *switches])})"


def _to_type(call: str) -> str:
    """The call as it is typed after `import shrinkage as sh`, on one line."""
    import shrinkage

    def owned(word: re.Match) -> str:
        return f"sh.{word[0]}" if hasattr(shrinkage, word[1]) else word[0]

    return re.sub(r"(?<![\w.'\"])(\w+)\(", owned, " ".join(call.split()))


def _in_memory(task: Task, command: str) -> Origin:
    return Origin("X and y, in memory", _to_type(command), task.design.shape[1], fingerprint(task))


def fingerprint(task: Task) -> str:
    """SHA-256 of X, column by column, and y; empty for a design too large to read once more."""
    data = task.design.data
    if sparse.issparse(data) or data.size * 8 > HASHED:
        return ""
    digest = hashlib.sha256()
    for column in np.asarray(data, np.float64).T:
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update(np.ascontiguousarray(task.y).tobytes())
    return digest.hexdigest()
