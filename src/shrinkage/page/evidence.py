"""What the folds and half samples say of a fit: held-out predictions, and how often each feature is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.designs import Matrix, Vector
from shrinkage.page.study import Study
from shrinkage.paths import Path
from shrinkage.walk import Settings, walks

DRAWS = {"squared_error": 50, "logistic": 20, "poisson": 20, "huber": 20}  # by loss: what takes about as long
FEWEST = 10
POSITIONS = 12  # on the path, from its start to the chosen alpha, at which draws are fitted
LOOSE = 1e-7  # relative gap of a draw, whatever the fit's own
AFFORDABLE = 4e7  # entries of X times draws: for more, fewer draws
ROOM = 3e7  # coefficients held at once


@dataclass(frozen=True, eq=False)
class Evidence:
    """`eta` (n,): the linear predictor of the fold that did not see the row, NaN where there is none; `kept` (p, k): the share
    of `draws` in which a coefficient is not zero, at the positions `indices` (k,) of the path."""

    eta: Vector | None
    indices: Vector
    kept: Matrix
    draws: int
    words: str


def evidence(study: Study, draws: int | None = None) -> Evidence | None:
    """Every draw is a weighting of the rows, fitted at some alphas down to the chosen one; they share their readings of X.

    Half samples in complementary pairs: Shah and Samworth (2013), JRSS B 75, after Meinshausen and Bühlmann (2010), JRSS B 72.
    """
    task, alphas = study.task, study.choice.alphas
    n, p = task.design.shape
    indices = np.unique(np.linspace(0, study.index, POSITIONS).round().astype(int))
    draws = DRAWS.get(task.loss.name, FEWEST) if draws is None else draws
    folds = 0 if study.masks is None else study.masks[0].shape[1]
    most = min(AFFORDABLE / (n * p), ROOM / (p * len(indices)) - folds)
    pairs = int(min(draws, most)) // 2 if np.count_nonzero(task.weights) >= 20 else 0
    halves = half_samples(task.y, task.weights, pairs, stratified=task.loss.name == "logistic")
    if not folds and not pairs:
        return None
    train = halves if study.masks is None else np.column_stack([study.masks[0], halves])
    settings = Settings(alphas[indices], len(indices), None, max(study.record.certificate.tol, LOOSE), 1000)
    paths = walks([task], np.asfortranarray(train), None, settings)[0].paths[1:]
    eta = None if study.masks is None else _held_out(study, paths[:folds])
    counted = paths[folds:] if pairs >= 5 else paths[:folds]
    kept = np.mean([path.coefs != 0 for path in counted], axis=0)
    words = f"{len(counted)} random halves of the rows, in {pairs} complementary pairs"
    if pairs < 5:
        words = f"the training rows of the {folds} folds, which overlap and so agree more than new data would"
    return Evidence(eta, indices, kept, len(counted), f"{words}; each fitted at the same alphas")


def half_samples(y: Vector, weights: Vector, pairs: int, stratified: bool) -> Matrix:
    """(n, 2 pairs) of 0 and 1: random halves of the rows of positive weight, each beside the other half; with seed 0."""
    rng = np.random.default_rng(0)
    rows = np.flatnonzero(weights > 0)
    strata = [rows[y[rows] == value] for value in np.unique(y[rows])] if stratified else [rows]
    out = np.zeros((len(y), 2 * pairs))
    for k in range(pairs):
        for stratum in strata:
            shuffled = rng.permutation(stratum)
            out[shuffled[: (len(shuffled) + 1) // 2], 2 * k] = 1.0
            out[shuffled[(len(shuffled) + 1) // 2 :], 2 * k + 1] = 1.0
    return out


def _held_out(study: Study, paths: list[Path]) -> Vector:
    """By the last model of each fold's path, which is the chosen one."""
    task, masks = study.task, study.masks
    assert masks is not None
    eta = np.full(len(task.y), np.nan)
    for path, test in zip(paths, masks[1].T, strict=True):
        rows = test > 0
        coef = np.asarray(path.coefs[:, -1], np.float64)
        eta[rows] = (task.design.matvec(coef) + path.intercepts[-1] + task.offset)[rows]
    return eta
