"""Seeded data, centred and scaled before any clock starts, with the grid of alphas and the folds that all solvers share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.jobs import N_ALPHAS, Job
from scipy import sparse

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"
SHARED = HERE.parent.parent / "shared" / "data"
SNR = 2.0
SIGNALS = 20  # coefficients that are not zero


class Missing(Exception):
    """The data of a row are not on this machine; the message says which."""


@dataclass(frozen=True, eq=False)
class Problem:
    """mean loss + alpha * penalty over `alphas`; X is in Fortran order, or sparse by columns."""

    job: Job
    X: Any
    y: np.ndarray
    intercept: bool

    @property
    def kind(self) -> str:
        return self.job.kind

    @property
    def n(self) -> int:
        return self.X.shape[0]

    @property
    def p(self) -> int:
        return self.X.shape[1]

    @property
    def is_sparse(self) -> bool:
        return sparse.issparse(self.X)

    @property
    def group_size(self) -> int:
        return self.job.args.get("size", 1)

    @property
    def groups(self) -> np.ndarray:
        """The group of each column, (p,)."""
        return np.arange(self.p) // self.group_size

    @cached_property
    def alphas(self) -> np.ndarray:
        if self.kind == "ridge":  # strengths on the sum of squares
            return np.geomspace(1e6, 1e6 * self.job.ratio, N_ALPHAS)
        pull = self.X.T @ (self.y - self.y.mean()) / self.n
        norms = np.sqrt(np.bincount(self.groups, pull * pull))
        return float(norms.max()) * np.geomspace(1, self.job.ratio, N_ALPHAS)

    @cached_property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(train, test) indices: shuffled, stratified for two classes; in order for a whole call, as cv=5 means."""
        order = np.arange(self.n) if self.job.task == "call" else np.random.default_rng(7).permutation(self.n)
        if self.kind == "logistic":
            order = order[np.argsort(self.y[order], kind="stable")]
            parts = [np.sort(order[k :: self.job.folds]) for k in range(self.job.folds)]
        else:
            parts = [np.sort(part) for part in np.array_split(order, self.job.folds)]
        every = np.arange(self.n)
        return [(np.setdiff1d(every, part), part) for part in parts]

    @cached_property
    def fold_of(self) -> np.ndarray:
        """The number of the fold that each row is held out in, (n,)."""
        found = np.empty(self.n, np.int64)
        for k, (_, test) in enumerate(self.folds):
            found[test] = k
        return found

    def rows(self, index: np.ndarray) -> Problem:
        """The same problem, grid included, on some of the rows: a copy."""
        X = self.X.tocsr()[index].tocsc() if self.is_sparse else np.asfortranarray(self.X[index])
        part = Problem(self.job, X, self.y[index], self.intercept)
        part.__dict__["alphas"] = self.alphas
        return part

    def tiny(self) -> Problem:
        """A few rows and columns of the same types, on which a just-in-time compiler warms up."""
        width = 4 * max(self.group_size, 10)
        every = np.linspace(0, self.n - 1, min(self.n, 60)).astype(int)
        X = self.X[:, :width].tocsr()[every].tocsc() if self.is_sparse else np.asfortranarray(self.X[every, :width])
        part = Problem(self.job, X, self.y[every], self.intercept)
        part.__dict__["alphas"] = part.alphas[:: max(1, N_ALPHAS // 5)]
        return part


# ---- generators: (X, y) of an array, not yet scaled


def normal(n: int, p: int, correlation: str, rho: float, binary: bool = False, size: int = 1) -> tuple[Any, np.ndarray]:
    """Columns of a stationary AR(1) process or equicorrelated ones; SNR 2, 20 coefficients (or 20 groups) of 1, -1, 1, ..."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((p, n)).T)
    if correlation == "ar":
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    else:
        shared = rng.standard_normal(n)
        for j in range(p):
            X[:, j] = np.sqrt(rho) * shared + np.sqrt(1 - rho) * X[:, j]
    units = rng.choice(p // size, min(SIGNALS, p // size), replace=False)
    at = (units[:, None] * size + np.arange(size)).ravel()
    signal = X[:, at] @ np.where(np.arange(len(at)) % 2, -1.0, 1.0)
    if binary:
        chance = 1 / (1 + np.exp(-2 * signal / signal.std()))
        return X, (rng.random(n) < chance).astype(float)
    return X, signal + rng.standard_normal(n) * signal.std() / np.sqrt(SNR)


def zipf(n: int, p: int, density: float) -> tuple[Any, np.ndarray]:
    """Columns whose numbers of entries fall as 1, 1/2, 1/3, ... (between 2 and n / 2), with log-normal values."""
    rng = np.random.default_rng(0)
    low, high = 0.0, float(n * p)
    for _ in range(100):
        scale = (low + high) / 2
        counts = np.clip(scale / np.arange(1, p + 1), 2, n // 2).astype(int)
        low, high = (scale, high) if counts.sum() < density * n * p else (low, scale)
    rows = np.concatenate([rng.choice(n, c, replace=False) for c in counts])
    X = sparse.csc_matrix((rng.lognormal(size=len(rows)), (rows, np.repeat(np.arange(p), counts))), shape=(n, p))
    X.sort_indices()
    coef = np.zeros(p)
    coef[rng.choice(p // 10, 50, replace=False)] = rng.standard_normal(50)
    size = np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())
    signal = X @ (coef / size)
    return X, signal + rng.standard_normal(n) * signal.std() / np.sqrt(SNR)


def leukemia(p: int | None = None) -> tuple[Any, np.ndarray]:
    path = SHARED / "leukemia_all.npz"
    if not path.exists():
        raise Missing("leukemia_all.npz is not beside the repository, in ../shared/data.")
    with np.load(path) as held:
        return np.asfortranarray(held["X"][:, :p], dtype=float), held["y"].astype(float)


def diabetes() -> tuple[Any, np.ndarray]:
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


GENERATORS = {"normal": normal, "zipf": zipf, "leukemia": leukemia, "diabetes": diabetes}


def _scaled(X: Any) -> Any:
    """Columns of mean zero (dense ones only: centring would fill a sparse one) and mean square one."""
    if sparse.issparse(X):
        X = sparse.csc_matrix(X @ sparse.diags(1 / np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())))
        X.sort_indices()
        return X
    X = X - X.mean(axis=0)
    size = np.sqrt(np.einsum("ij,ij->j", X, X) / len(X))
    return np.asfortranarray(X[:, size > 0] / size[size > 0])


def stamp(job: Job) -> str:
    """A file name that changes with the data."""
    text = json.dumps([job.data, job.args, SNR, SIGNALS], sort_keys=True)
    return f"{job.data}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def load(job: Job) -> Problem:
    """From the cache, or made and put there."""
    X, y = _read(CACHE / "data" / stamp(job), job)
    binary = job.kind == "logistic"
    # Centred data need no intercept, so paths of squared error go without; in folds, and for two classes, one is needed.
    intercept = binary or (job.is_curve and not sparse.issparse(X))
    return Problem(job, X, y if binary or job.task == "call" else y - y.mean(), intercept)


def _read(base: Path, job: Job) -> tuple[Any, np.ndarray]:
    base.parent.mkdir(parents=True, exist_ok=True)
    dense, thin = base.with_suffix(".npy"), base.with_suffix(".npz")
    target = base.with_name(base.name + "-y.npy")
    if not target.exists():
        X, y = GENERATORS[job.data](**job.args)
        X = _scaled(X) if job.task != "call" else np.asfortranarray(X)
        if sparse.issparse(X):
            sparse.save_npz(thin, X, compressed=False)
        else:
            np.save(dense, X)
        np.save(target, y)
    return (sparse.load_npz(thin).tocsc() if thin.exists() else np.load(dense)), np.load(target)
