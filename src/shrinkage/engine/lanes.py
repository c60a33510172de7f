"""From products of the rows to the sufficient statistics of each lane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.designs import Design, Matrix, Vector
from shrinkage.problem import GAP, Problem

# A column (or the target) whose spread in a lane is a smaller share than this of its spread over all rows has lost digits to
# the subtraction of its mean: its moments are formed again from the lane's own rows.
LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Line:
    """A lane's path in the units of the shared problem: coefficients `W` (m, U) of `columns` (U,), the others being zero,
    intercepts `b` (m,), duality `gaps` (m,) and summed losses `totals` (m,), with half the lane's null deviance and the least
    that its loss can be."""

    columns: np.ndarray
    W: Matrix
    b: Vector
    gaps: Vector
    totals: Vector
    half_deviance: float
    floor: float = 0.0
    kind: str = GAP  # of certificate: `gaps` may be violations
    unit: float | None = None  # what they are relative to; None: half the null deviance
    df: Vector | None = None  # degrees of freedom (m,), where they come with the models

    @property
    def relative(self) -> Vector:
        return self.gaps / (self.unit or self.half_deviance)

    @classmethod
    def joined(cls, parts: list[Line]) -> Line:
        """Stretches of one path; the columns of each begin with those of the one before."""
        last = parts[-1]
        if len(parts) == 1:
            return last
        W = np.zeros((sum(len(part.W) for part in parts), len(last.columns)))
        at = 0
        for part in parts:
            W[at : at + len(part.W), : len(part.columns)] = part.W
            at += len(part.W)
        b, gaps, totals = (np.concatenate([getattr(part, name) for part in parts]) for name in ("b", "gaps", "totals"))
        df = None if last.df is None else np.concatenate([part.df for part in parts])
        return replace(last, W=W, b=b, gaps=gaps, totals=totals, df=df)


class Rows(ABC):
    """What was read of X for a number of lanes."""

    pull: Vector  # X' gradient of the first lane at its null model, (p,)
    passes: int  # readings of X so far

    @abstractmethod
    def follow(self, twin: Any, strengths: Matrix, pace: Vector, tol: float, standardize: bool) -> Iterator[list[Line]]:
        """The lanes' paths, some strengths at a time.

        `twin`: of the penalty, which `strengths` (lanes, m) multiply; `pace` (lanes,): times a strength, what multiplies the
        knots of its concave part (0: they stay); `standardize`: it acts on coefficients times the lane's own spread of their
        columns."""

    @abstractmethod
    def regular(self, lane: int) -> bool:
        """Whether the lane can be followed: its target varies."""

    @abstractmethod
    def errors(self, lane: int, line: Line, columns: list[int]) -> Matrix:
        """For each of these columns of the marks, the mean unit deviance of every model of a lane's line on the rows it
        counts."""

    def hessian(self, line: Line, i: int, columns: np.ndarray) -> Matrix:
        """The loss's second derivative at model i of the first lane's line, on some of the line's columns: for lines that
        come without their degrees of freedom."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows that every lane (and every held-out set) weights alike, relative to the task's weights, are one pattern."""

    labels: np.ndarray  # (n,), the pattern of each row
    marks: Matrix  # (patterns, columns): the multiple each column gives a pattern

    @classmethod
    def of(cls, multiples: Matrix) -> Patterns:
        """`multiples` (n, m): how often each row counts in each column."""
        n, m = multiples.shape
        if m == 1 and np.all(multiples == multiples[0]):
            return cls(np.zeros(n, np.int64), multiples[:1])
        key = multiples @ np.random.default_rng(0).random(m)  # rows alike have equal keys; the reverse is checked
        _, first, labels = np.unique(key, return_index=True, return_inverse=True)
        if not np.array_equal(np.take(multiples[first].T, labels, axis=1), multiples.T):  # as a column lies, side by side
            marks, labels = np.unique(multiples, axis=0, return_inverse=True)
            return cls(labels.reshape(-1), marks)
        return cls(labels, multiples[first])

    @property
    def count(self) -> int:
        return len(self.marks)


@dataclass(frozen=True, eq=False)
class Moments:
    """A lane's rows in products: total weight, means, and the sums about them of y y (`yy`), x y (`q`) and x x' (`G`)."""

    total: float
    mean: Vector
    level: float  # the target's mean
    yy: float
    q: Vector
    G: Matrix

    @classmethod
    def of(cls, products: Matrix, intercept: bool) -> Moments:
        """From sums of z z' with z = [x, y, 1]."""
        p = len(products) - 2
        total, sums = float(products[-1, -1]), products[:p, -1]
        G, q, yy = products[:p, :p].copy(), products[:p, p].copy(), float(products[p, p])
        if not intercept:
            return cls(total, np.zeros(p), 0.0, yy, q, G)
        mean, level = sums / total, float(products[p, -1]) / total
        G -= np.outer(sums, mean)
        q -= sums * level
        return cls(total, mean, level, yy - float(products[p, -1]) * level, q, G)

    def repaired(self, problem: Problem, weights: Vector, whole: Vector) -> Moments:
        """Columns that hardly vary in this lane, formed again from its rows. `whole` (p,): the diagonal of G over all rows."""
        thin = np.flatnonzero(np.diag(self.G) < LEAST_SPREAD * whole)
        if len(thin) == 0:
            return self
        columns, used = problem.design.gather(thin), weights > 0
        low, high = columns[used].min(axis=0), columns[used].max(axis=0)
        centre = np.where(low == high, low, low + weights @ (columns - low) / weights.sum())
        columns = np.where(low == high, 0.0, columns - centre)
        weighted = columns * weights[:, None]
        cross = problem.design.rmatmat(weighted) - np.outer(self.mean, weighted.sum(axis=0))
        cross[thin] = columns.T @ weighted
        G, q, mean = self.G, self.q.copy(), self.mean.copy()
        G[thin], G[:, thin] = cross.T, cross
        q[thin] = weighted.T @ (problem.y - self.level)
        mean[thin] = centre
        return replace(self, mean=mean, q=q, G=G)


def unit_terms(terms: Matrix, relative: Vector | None) -> Matrix:
    """A penalty's terms (7, p) on a lane's coefficients. `relative` (p,): the lane's spread of each column over that of the
    shared units, where the penalty acts on standardised coefficients."""
    terms = np.array(terms, np.float64)
    if relative is not None:
        terms[0] *= relative
        terms[1] *= relative**2
        terms[4] *= relative
        terms[[2, 3, 5, 6]] /= relative
    return terms


def relative_spread(design: Design, size: Vector, weights: Vector) -> Vector:
    """The spread of each column in a lane over that in the whole, which is `size` (p,); 1 where it has none. Reads X once."""
    p = len(size)
    one = design.view(np.zeros(p), np.ones(p)).moments(weights / weights.sum())
    sd = np.ldexp(one.sd, one.exponent) * design.scale
    usable = (sd > 0) & (size > 0) & ~one.constant
    return np.where(usable, sd / np.where(usable, size, 1.0), 1.0)
