"""From products of the rows to the sufficient statistics of each lane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from shrinkage.designs import Design, Matrix, Vector
from shrinkage.problem import GAP, Problem

# A column (or the target) whose spread in a lane is a smaller share than this of its spread over all rows has lost digits to
# the subtraction of its mean: its moments are formed again from the lane's own rows.
LEAST_SPREAD = 1e-6
MOST_PATTERNS = 4  # of a family's rows, for each of its weightings: their products are formed apart, and kept


class Course(NamedTuple):
    """What a lane is to follow: a penalty, whose `twin` the `strengths` (m,) multiply, over the rows as one `weighting` counts
    them. `pace`: times a strength, what multiplies the knots of the penalty's concave part (0: they stay)."""

    weighting: int
    twin: Any
    strengths: Vector
    pace: float


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
    lane: int = 0  # whose path this is

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
    """What was read of X for a number of weightings of its rows. A lane is one of these and a penalty."""

    pull: Vector  # X' gradient of the first weighting at its null model, (p,)
    passes: int  # readings of X so far

    @abstractmethod
    def follow(self, courses: list[Course], tol: float, standardize: bool) -> Iterator[list[Line]]:
        """The paths of lanes, one for each course, some strengths of some lanes at a time.

        `standardize`: penalties act on coefficients times the weighting's own spread of their columns."""

    @abstractmethod
    def regular(self, weighting: int) -> bool:
        """Whether its lanes can be followed: the target varies."""

    @abstractmethod
    def errors(self, line: Line, columns: list[int]) -> Matrix:
        """For each of these columns of the marks, the mean unit deviance of every model of a line on the rows it counts."""

    def hessian(self, line: Line, i: int, columns: np.ndarray) -> Matrix:
        """The loss's second derivative at model i of a line, on some of its columns: for lines that come without their degrees
        of freedom."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows that every one of some columns (weightings and held-out sets) counts alike, relative to the task's weights, are one
    pattern."""

    labels: np.ndarray  # (n,), the pattern of each row
    marks: Matrix  # (patterns, columns): the multiple each column gives a pattern
    columns: np.ndarray  # which these are

    @classmethod
    def of(cls, multiples: Matrix, columns: Any = None) -> Patterns:
        """`multiples` (n, m): how often each row counts in each column; some of the columns, or all."""
        columns = np.arange(multiples.shape[1]) if columns is None else np.sort(columns)
        if len(columns) < multiples.shape[1]:
            multiples = multiples.T[columns].T
        n, m = multiples.shape
        if m == 1 and np.all(multiples == multiples[0]):
            return cls(np.zeros(n, np.int64), multiples[:1], columns)
        key = multiples @ np.random.default_rng(0).random(m)  # rows alike have equal keys; the reverse is checked
        keys = np.unique(key)
        labels, some = np.searchsorted(keys, key), np.empty(len(keys), np.int64)
        some[labels] = np.arange(n)  # a row of each
        alike = zip(np.ascontiguousarray(multiples[some].T), multiples.T, strict=True)  # a column at a time: no second table
        if not all(np.array_equal(its[labels], column) for its, column in alike):
            marks, labels = np.unique(multiples, axis=0, return_inverse=True)
            return cls(labels.reshape(-1), marks, columns)
        return cls(labels, multiples[some], columns)

    @property
    def count(self) -> int:
        return len(self.marks)

    @property
    def kept(self) -> Matrix:
        """(patterns, sums): of which patterns products are added up and kept: of each, or of those of each column, whichever are
        fewer."""
        return np.eye(self.count) if self.count <= len(self.columns) else self.marks

    @property
    def shares(self) -> Matrix:
        """(sums, columns): how those of a column follow from what is kept."""
        return self.marks if self.count <= len(self.columns) else np.eye(len(self.columns))


def families(multiples: Matrix, weightings: int) -> list[list[int]]:
    """The columns in families that have few patterns each, where all of them together may have any number.

    The first columns are weightings, and the others the sets on which those after the first weighting are scored. Folds of one
    partition are a family; those of a second one would split each of its patterns, and begin another family. So does every
    bootstrap sample.
    """
    n, m = multiples.shape
    number = np.random.default_rng(0).random((m,))
    found, nothing = [[0]], np.zeros(n)
    key, lanes = nothing, 1  # rows of the family at hand that are alike have equal keys
    for k in range(1, weightings):
        mine = [j for j in (k, weightings - 1 + k) if j < m]
        both = _keys(key, multiples, number, mine)
        if len(np.unique(both)) <= MOST_PATTERNS * (lanes + 1):
            found[-1] += mine
            key, lanes = both, lanes + 1
        else:
            found.append(mine)
            key, lanes = _keys(nothing, multiples, number, mine), 1
    return found


def _keys(key: Vector, multiples: Matrix, number: Vector, columns: list[int]) -> Vector:
    for j in columns:
        key = key + number[j] * multiples[:, j]
    return key


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

    def repaired(self, problem: Problem, rows: Callable[[], Vector], whole: Vector) -> Moments:
        """Columns that hardly vary in this lane, formed again from its `rows`' weights. `whole` (p,): the diagonal of G over all
        rows."""
        thin = np.flatnonzero(np.diag(self.G) < LEAST_SPREAD * whole)
        if len(thin) == 0:
            return self
        columns, weights = problem.design.gather(thin), rows()
        used = weights > 0
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
