"""Choosing a strength: one road where it acts on the mean loss (a `Choice`), one where it acts on the sum.

Ridge's alpha and logistic regression's C are strengths on the sum of the loss: a fold with fewer rows is penalised with
the same number, so their grids are scored fold by fold. Folds are weights of zero on one design; nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from shrinkage.errors import ParameterError
from shrinkage.fit import Task
from shrinkage.grids import read_alphas
from shrinkage.paths import Path
from shrinkage.selection import CRITERIA, RULES, Choice, fold_masks, information, judge
from shrinkage.walk import Settings, walks

Splits = list[tuple[np.ndarray, np.ndarray]]


def check_rule(rule: Any) -> None:
    if rule not in RULES:
        raise ParameterError(f"rule must be one of {', '.join(RULES)}; got {rule!r}.")


def read_splits(
    cv: Any, X: Any, y: np.ndarray, groups: Any, rule: str, *, classifier: bool = False, shuffled: bool = False
) -> Splits | None:
    """The folds as index arrays; None where the rule needs none and none were asked for.

    A number of folds means, as in scikit-learn, folds in order (stratified for a classifier), or with `shuffled` folds
    shuffled with seed 0.
    """
    check_rule(rule)
    if cv is None and rule in CRITERIA:
        return None
    if shuffled and isinstance(cv, Integral) and not isinstance(cv, bool):
        kind = StratifiedKFold if classifier else KFold
        cv = kind(int(cv), shuffle=True, random_state=0)
    try:
        return list(check_cv(cv, y, classifier=classifier).split(X, y, groups))
    except ValueError as error:
        raise ParameterError(f"cv={cv!r} cannot split these data: {error}") from None


def read_scorer(estimator: Any, scoring: Any) -> Any:
    """scikit-learn's scorer of that name, or the callable as one."""
    try:
        return check_scoring(estimator, scoring)
    except ValueError as error:
        raise ParameterError(f"scoring={scoring!r}: {error}") from None


def select_mean(
    tasks: Sequence[Task], alphas: Any, ratio: float | None, splits: Splits | None, rule: str, tol: float, max_iter: int
) -> list[Choice]:
    """For each of some tasks, which differ in their penalties alone, a path over all rows and its `Choice`; `alphas` is a number
    of them, the alphas themselves, or None for 100."""
    if alphas is None or (isinstance(alphas, Integral) and not isinstance(alphas, bool)):
        count, values = 100 if alphas is None else int(alphas), None
    else:
        count, values = 0, read_alphas(alphas)
    masks = None if splits is None else fold_masks(splits, tasks[0], None, None)
    choices = judge(tasks, masks, rule, Settings(values, count, ratio, tol, max_iter), ConvergenceWarning)
    return [replace(choice, task=None) for choice in choices]  # an estimator keeps X as it was given, and no copy of it


def chosen(choices: Sequence[Choice], rule: str) -> int:
    """Which of several grids holds the smallest mean error, or the smallest criterion."""
    if rule in CRITERIA:
        return int(np.argmin([c.criteria[rule].min() for c in choices]))
    errors = [c.test_errors if c.ranking is None else c.ranking for c in choices]
    return int(np.argmin([e.mean(axis=1).min() for e in errors if e is not None]))


def end_of_grid(index: int, size: int, dial: str) -> list[str]:
    """A note where the best lies at an end of the grid, beyond which there may be a better one."""
    if size > 1 and index == size - 1:
        return [f"The chosen {dial} is the weakest penalty of the grid; a weaker one may do better. Extend the grid."]
    if size > 1 and index == 0:
        return [f"The chosen {dial} is the strongest penalty of the grid; the null model may be all the data support."]
    return []


@dataclass(frozen=True, eq=False)
class FoldModels:
    """`coefs` (K, m, p), `intercepts` and `n_iter` (K, m) of K folds at m strengths, and the folds' paths."""

    coefs: np.ndarray
    intercepts: np.ndarray
    n_iter: np.ndarray
    paths: list[Path]


def sum_paths(tasks: Sequence[Task], strengths: np.ndarray, tol: float, max_iter: int) -> list[Path]:
    """For each of some tasks, which differ in their penalties alone, a path over strengths on the sum of the loss, which must be
    decreasing; its alphas are strengths / W."""
    alphas = strengths / float(tasks[0].weights.sum())
    return [one.paths[0] for one in walks(tasks, None, None, Settings(alphas, len(alphas), None, tol, max_iter))]


def fold_models(tasks: Sequence[Task], strengths: np.ndarray, splits: Splits, tol: float, max_iter: int) -> list[FoldModels]:
    """For each of some tasks, which differ in their penalties alone, every fold's model at every strength, in the order given."""
    order = np.argsort(-strengths, kind="stable")
    folds = []
    for mask in fold_masks(splits, tasks[0], None, None)[0].T:
        weights = mask * tasks[0].weights
        folds.append(sum_paths([replace(task, weights=weights) for task in tasks], strengths[order], tol, max_iter))
    return [_models(list(paths), np.argsort(order)) for paths in zip(*folds, strict=True)]


def _models(paths: list[Path], back: np.ndarray) -> FoldModels:
    return FoldModels(
        np.array([path.coefs.T[back] for path in paths]), np.array([path.intercepts[back] for path in paths]),
        np.array([path.n_iter[back] for path in paths]), paths,
    )  # fmt: skip


def best_score(scores: np.ndarray, strengths: np.ndarray, rule: str) -> int:
    """The index with the largest mean score over the first axis, or under "1se" the strongest penalty within one
    standard error of it."""
    mean = scores.mean(axis=0)
    best = int(np.argmax(mean))
    if rule != "1se":
        return best
    enough = np.flatnonzero(mean >= mean[best] - scores[:, best].std(ddof=1) / np.sqrt(len(scores)))
    return int(enough[np.argmax(strengths[enough])])


def best_criterion(tasks: Sequence[Task], strengths: np.ndarray, rule: str, tol: float, max_iter: int) -> list[tuple[int, float]]:
    """For each of some tasks, which differ in their penalties alone, the index with the smallest criterion over the models of all
    rows, and its value."""
    order = np.argsort(-strengths, kind="stable")
    paths = sum_paths(tasks, strengths[order], tol, max_iter)
    every = [information(task, path)[rule] for task, path in zip(tasks, paths, strict=True)]
    return [(int(order[np.argmin(values)]), float(np.min(values))) for values in every]
