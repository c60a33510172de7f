"""The loss in a few coefficients, the others profiled together with their penalty: the numbers behind one kind of picture.

At values v of the chosen coefficients the others are fitted again, and what they reach is drawn:

    m(v) = min over u of loss(u, v) + penalty(u)

By the envelope theorem its gradient at v is that of the loss at the u found there. At the fit, u is the fit's own: minus that
gradient lies in the subdifferential of the penalty of the chosen ones, so m's contour touches their ball there as the held
one's does (`shrinkage.geometry`). m is nowhere above the held loss. Without the penalty of u none of this holds.

The others of a group that a chosen coefficient is in are held: the ball holds them too. A point costs a fit of p - k
coefficients, milliseconds for tens of columns and hundreds of rows; a picture has hundreds of points.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.errors import ConvergenceWarning, ParameterError
from shrinkage.fit import Solution, Task, solve
from shrinkage.geometry import Slice, terms_of
from shrinkage.inputs import read_design
from shrinkage.penalties import Grouped, Penalty, Twin
from shrinkage.penalties.elementary import Plain
from shrinkage.penalties.terms import Terms

Array = np.ndarray
TOL = 1e-10  # relative certificate of the fits: differences from the fit are drawn


@dataclass(frozen=True, eq=False)
class Profile:
    """The profiled loss as a function of k chosen coefficients v.

    **Attributes**

    - `plane`: the same with the others held; its fit, units, penalty and ball are this one's too.
    - `others`: the job of those that are fitted again; `all`: the same with the chosen ones in it, which it does not penalise.

    `points` below are (..., k) arrays of values of v, in the units of `plane`.
    """

    plane: Slice
    others: Job
    all: Job

    @classmethod
    def of(cls, task: Task, coef: Any, intercept: float, chosen: Any) -> Profile:
        """The arguments, and what they raise, are those of `Slice.of`; **raises** `ParameterError` also where the penalty is
        not convex or a stranger's, or where no coefficient is left to fit again."""
        plane = Slice.of(task, coef, intercept, chosen)
        twin = task.penalty.twin(len(plane.coef))
        if twin is None or not task.penalty.convex:
            why = "cannot be split among its coefficients" if twin is None else "is not convex, so that nothing need touch"
            raise ParameterError(f"{task.penalty!r} {why}: hold the others instead of profiling them.")
        kept = _apart(plane, twin)
        if len(kept) == 0:
            raise ParameterError("No coefficient is left to profile: all others are in a group with a chosen one. Hold them.")
        coef = np.asarray(coef, np.float64)
        both = np.concatenate([kept, plane.chosen])
        return cls(plane, Job.of(task, plane, kept, (coef, intercept)), Job.of(task, plane, both, (coef, intercept)))

    def loss_above(self, points: Any) -> Array:
        """m less its value at the fit, (...)."""
        points = np.asarray(points, np.float64)
        flat = [self._value(point) for point in points.reshape(-1, len(self.plane.at))]
        return np.reshape(flat, points.shape[:-1]) - self._value(self.plane.at)

    def gradient_at(self, point: Any) -> Array:
        """Of m at one point, (k,): that of the loss, where the others are fitted again."""
        moved = self._moved(point)
        fit = self.others.fitted(moved)
        eta = fit.linear_predictor(self.others.task.design, self.others.task.offset + moved)
        pull = self.plane.loss.total_gradient(self.plane.y, eta, self.plane.weights)
        return self.plane.columns.T @ np.asarray(pull)

    def free_minimum(self) -> Array | None:
        """Where m is least, (k,): the chosen without their penalty, the others with theirs. None where no fit certifies it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = self.all.fitted(0.0)
        return fit.coef[-len(self.plane.at) :] / self.plane.scale if fit.converged else None

    def _moved(self, point: Any) -> Array:
        """By which the linear predictor differs from the fit's, but for what the intercept takes."""
        return self.plane.columns @ (np.asarray(point, np.float64) - self.plane.at)

    def _value(self, point: Array) -> float:
        value = self.others.fitted(self._moved(point)).objective
        return np.nan if value is None else value


@dataclass(frozen=True, eq=False)
class Job:
    """Some of the columns of a job at its fit, whose other columns are in the offset."""

    task: Task
    start: tuple[Array, float]

    @classmethod
    def of(cls, task: Task, plane: Slice, columns: Array, fit: tuple[Array, float]) -> Job:
        """`fit` is that of the whole job, in the units of the data. What is chosen of the columns is free."""
        design = read_design(task.design.data[:, columns].astype(np.float64)).design
        coef, intercept = fit[0][columns], fit[1]
        offset = plane.eta - intercept - design.matvec(coef)
        penalty = _part(task.penalty.twin(len(plane.coef)), columns, np.isin(columns, plane.chosen))
        return cls(replace(task, design=design, names=None, penalty=penalty, offset=offset), (coef, intercept))

    def fitted(self, moved: Any) -> Solution:
        """With the linear predictor moved by so much, (n,)."""
        t = self.task
        return solve(
            t.design, t.y, t.loss, t.penalty, weights=t.weights, offset=t.offset + moved, intercept=t.intercept,
            standardize=t.standardize, start=self.start, tol=TOL,
        )  # fmt: skip


def _apart(plane: Slice, twin: Twin) -> Array:
    """The coefficients that are neither chosen nor in a group with one that is."""
    apart = np.ones(len(plane.coef), bool)
    apart[plane.chosen] = False
    if twin.groups is not None:
        apart &= ~np.isin(twin.groups, twin.groups[plane.chosen])
    return np.flatnonzero(apart)


def _part(twin: Twin, columns: Array, free: Array) -> Penalty:
    """The penalty of some of the coefficients, in whole groups, but for those that are free."""
    terms = np.where(free, Terms().table(1), twin.terms[:, columns])
    plain = Plain(terms_of(terms))
    if twin.groups is None or twin.group_terms is None:
        return plain
    first = np.sort(np.unique(twin.groups[columns], return_index=True)[1])  # the order in which Grouped codes them
    labels = twin.groups[columns]
    inner = np.where(free[first], Terms().table(1), twin.group_terms[:, labels[first]])
    return plain + Grouped(Plain(terms_of(inner)), labels)
