"""The verb `plan`: what a path or a cross-validation is going to take, before it takes it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from shrinkage import engine, memory
from shrinkage.designs import Design
from shrinkage.engine.forecast import Forecast, forecast
from shrinkage.fit import Task
from shrinkage.inputs import read_tol
from shrinkage.selection import fold_masks
from shrinkage.solvers import choose
from shrinkage.walk import weightings

STEPS = 6  # a solver's, for one alpha from the one before
STEP = 1.5e-3  # seconds that Python takes over a step, or over a lane's batch


@dataclass(frozen=True)
class Plan:
    """What `path` or `select` will do with the same words.

    - `algorithm`: in words; `fits`: how many paths it follows.
    - `bytes`: the most that is held beside X; `budget`: what may be (SHRINKAGE_MEMORY_BUDGET, else nine tenths of the memory
      that is free); `affordable`: whether it fits.
    - `seconds`: roughly, from what this machine did in a hundredth of a second just now. Within a factor of three on the data
      of our benchmarks; longer where columns are hard to tell apart.
    """

    algorithm: str
    fits: int
    bytes: float
    budget: float
    seconds: float

    @property
    def affordable(self) -> bool:
        return self.bytes <= self.budget

    def __str__(self) -> str:
        held = f"at most {memory.text(self.bytes)} beside X"
        held += f", of {memory.text(self.budget)} that may be used" if self.affordable else (
            f", and {memory.text(self.budget)} may be used: it may end with a MemoryBudgetError"
        )  # fmt: skip
        return f"{self.algorithm}. Roughly {_text(self.seconds)}; {held}."


def plan(
    X: Any, y: Any, loss: Any, penalty: Any, *, cv: Any = None, n_alphas: int = 100, intercept: bool = True, weights: Any = None,
    offset: Any = None, standardize: bool = False, tol: float = 1e-6, groups: Any = None,
) -> Plan:  # fmt: skip
    """Say which algorithm a path (or, with `cv`, a `select`) takes, how much memory at most, and roughly how long.

    Arguments as in `path` and `select`, and the same errors for bad input. X is read once or twice, for its moments; nothing
    of its size is allocated.

        >>> print(sh.plan(X, y, sh.SquaredError(), sh.L1(1.0), cv=10))  # doctest: +SKIP
    """
    task = Task.read(X, y, loss, penalty, weights, offset, intercept, standardize)
    tol = read_tol(tol)
    masks = None if cv is None else fold_masks(cv, task, groups, 0)
    multiples, lanes = weightings(len(task.y), *(masks or (None, None)))
    problem, _ = task.prepared()
    if not engine.suits(problem, tol):
        found, times = _alone(problem, lanes, n_alphas), 1
        words = f"{found.words}, alpha after alpha, {_paths(lanes)} one after another"
    elif lanes == 1 or engine.shared(problem, standardize, multiples, lanes):
        found, times = forecast(problem, multiples, lanes, n_alphas, standardize), 1
        words = f"The engine: {found.words}, {_paths(lanes)} from {_often(found)}"
    else:
        found, times = forecast(problem, multiples[:, :1], 1, n_alphas, standardize), lanes
        words = f"The engine: {found.words}, {_paths(lanes)} one after another, each from {_often(found)}"
    kept = (times - 1) * n_alphas * problem.p  # the models of the paths before
    return Plan(words, lanes, 8 * (found.numbers + kept), memory.budget(), times * _seconds(found, task.design))


def _alone(problem: Any, lanes: int, alphas: int) -> Forecast:
    """For what a solver goes through alpha by alpha."""
    (n, p), fits = problem.design.shape, lanes * alphas
    U = min(n, p) / 2
    name = type(choose(problem, 1e-6)).__name__
    return Forecast(
        name, 2 * STEPS * fits, 1, STEPS * fits * n * U**2, STEPS * fits, 4e6 + 3 * (2 * U) ** 2 + 30 * n + alphas * p
    )


def _often(found: Forecast) -> str:
    return "one reading of X" if found.readings == 1 else f"about {found.readings:g} readings of X"


def _paths(lanes: int) -> str:
    return "one path" if lanes == 1 else f"{lanes} paths ({lanes - 1} of folds)"


def _seconds(found: Forecast, design: Design) -> float:
    rate, flops = _rates()
    n, p = design.shape
    size = getattr(design.data, "nbytes", None) or 12.0 * design.data.nnz
    reading = max(size / rate, 2.0 * n * p * found.vectors / flops * (size / (8.0 * n * p)))
    return STEP * found.steps + found.readings * reading + found.flops / flops


@cache
def _rates() -> tuple[float, float]:
    """Bytes a second out of memory, and flops a second in a product of matrices, each seen once."""
    x, A = np.ones(1 << 22), np.ones((256, 256))
    A @ A, x.sum()
    start = time.perf_counter()
    x.sum()
    middle = time.perf_counter()
    A @ A
    end = time.perf_counter()
    return x.nbytes / max(middle - start, 1e-9), 2 * 256**3 / max(end - middle, 1e-9)


def _text(seconds: float) -> str:
    if seconds < 1:
        return "a second or less"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
