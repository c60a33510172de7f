"""The columns some lane works with, kept where products with them are cheap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from shrinkage import blas, memory
from shrinkage.designs import Design, Matrix, Sparse, Vector

LEAST_ROOM = 256  # columns: room costs nothing until it is used, and a copy into more of it does
NEAR = 1 << 18  # entries of a panel that stay in a processor's cache from one product to the next


class Ask(NamedTuple):
    """A product with columns `at` of a panel: their transposes times `factor` (n, b), `sums`; or they times `factor` (U, b)."""

    at: np.ndarray
    factor: Matrix
    sums: bool = False


class Panel(ABC):
    """Columns of a design in the order they came; `at` are positions in it. `centre` (U,): what the design takes from each
    entry of a column and the panel does not."""

    centre: Vector

    @abstractmethod
    def grow(self, new: np.ndarray) -> None:
        """Takes in these columns."""

    @abstractmethod
    def gram(self, at: np.ndarray, others: np.ndarray, weights: Vector) -> tuple[Matrix, Vector]:
        """Columns `at`, transposed, times weights (n,), times columns `others`; and times one."""

    @abstractmethod
    def sums(self, at: np.ndarray, R: Matrix) -> Matrix:
        """Columns `at`, transposed, times R (n, m)."""

    @abstractmethod
    def times(self, at: np.ndarray, B: Matrix, rows: np.ndarray | None = None) -> Matrix:
        """Columns `at` times B (len(at), m): (n, m), or some of its rows."""

    @abstractmethod
    def column(self, at: int) -> Vector:
        """One column, (n,)."""

    def products(self, asks: list[Ask]) -> list[Matrix]:
        """What is asked, each."""
        return [self.sums(one.at, one.factor) if one.sums else self.times(one.at, one.factor) for one in asks]


def widened(room: Matrix, old: int, size: int) -> Matrix:
    """Room for a Gram of `size` columns, with what there is of the `old` ones."""
    side = max(size, min(2 * len(room), size + max(512, size // 3)))
    memory.require(side * side, f"The Gram matrix of {size:,} columns")
    wider = np.empty((side, side))
    wider[:old, :old] = room[:old, :old]
    return wider


def roomier(held: Matrix, old: int, size: int, most: int | None = None) -> Matrix:
    """Room for `size` columns, one in each row, with the `old` ones there are; `most`: there can ever be."""
    count = max(size, LEAST_ROOM, min(2 * len(held), size + 512))
    count = count if most is None else min(most, count)
    memory.require(count * held.shape[1], f"A panel of {size:,} columns with {held.shape[1]:,} rows")
    wider = np.empty((count, held.shape[1]))
    wider[:old] = held[:old]
    return wider


class Whole:
    """The Gram of a panel's columns under one metric (n,), all rows counted: what lanes that lack only some rows take theirs
    from, less the rows they lack."""

    def __init__(self, panel: Panel, metric: Vector):
        self.panel, self.metric, self.size, self.room = panel, metric, 0, np.empty((0, 0))
        self.totals = np.zeros(0)

    def grow(self, size: int) -> None:
        """Takes in the panel's columns up to `size`."""
        old = self.size
        if old == size:
            return
        if size > len(self.room):
            self.room = widened(self.room, old, size)
        block, sums = self.panel.gram(np.arange(old, size), np.arange(size), self.metric)
        self.room[old:size, :size], self.room[:old, old:size] = block, block[:, :old].T
        self.size, self.totals = size, np.concatenate([self.totals, sums])

    def gram(self, at: np.ndarray, others: np.ndarray, metric: Vector) -> tuple[Matrix, Vector]:
        """As a panel's, for this metric, which is the whole's or 0."""
        block, sums = self.room[np.ix_(at, others)], self.totals[at]
        lacking = np.where(metric == 0, self.metric, 0.0)
        if not lacking.any():
            return block, sums
        less, fewer = self.panel.gram(at, others, lacking)
        return block - less, sums - fewer

    def diagonal(self, at: np.ndarray) -> Vector:
        return self.room[at, at]


def panel_of(design: Design) -> Panel:
    return SparsePanel(design) if isinstance(design, Sparse) else DensePanel(design)


class DensePanel(Panel):
    def __init__(self, design: Design):
        self.design, self.size = design, 0
        self.held = np.empty((0, design.shape[0]))  # a row of it is a column of the design
        self.centre = np.zeros(0)

    def grow(self, new):
        size = self.size + len(new)
        if size > len(self.held):
            self.held = roomier(self.held, self.size, size, self.design.shape[1])
        self.held[self.size : size] = self.design.gather(new).T
        self.size, self.centre = size, np.zeros(size)

    def gram(self, at, others, weights):
        rows = np.flatnonzero(weights)
        few = 2 * len(rows) < len(weights)
        if len(at) == len(others):  # all of them: half the work, by symmetry
            root = np.sqrt(weights[rows] if few else weights)
            rooted = self._scaled(self._of(at, rows) if few else self._some(at), root)
            return blas.square(rooted), rooted @ root
        new = self._scaled(self._of(at, rows) if few else self._some(at), weights[rows] if few else weights)
        return blas.times(new, (self._of(others, rows) if few else self._some(others)).T), new.sum(axis=1)

    def sums(self, at, R):
        held, every = self._covering(at)
        out = blas.times(held, R)
        return out[at] if every else out

    def times(self, at, B, rows=None):
        if rows is not None and 2 * len(rows) < self.held.shape[1]:
            return blas.times(B.T, self._of(at, rows)).T
        held, every = self._covering(at)
        if every:
            B, some = np.zeros((self.size, B.shape[1])), B
            B[at] = some
        out = blas.times(B.T, held).T
        return out if rows is None else out[rows]

    def products(self, asks):
        """Where the columns come out of memory, those of a kind in one reading."""
        if self.size * self.held.shape[1] <= NEAR:
            return super().products(asks)
        found: dict[int, Matrix] = {}
        for sums in (True, False):
            mine = [k for k, one in enumerate(asks) if one.sums == sums]
            some = [asks[k] for k in mine]
            if self._alike(some):
                found.update(zip(mine, self._all_sums(some) if sums else self._all_times(some), strict=True))
            else:
                found.update(zip(mine, super().products(some), strict=True))
        return [found[k] for k in range(len(asks))]

    def _alike(self, asks: list[Ask]) -> bool:
        """Whether a product with all columns is not much more than what is asked."""
        asked = sum(len(one.at) * one.factor.shape[1] for one in asks)
        return len(asks) > 1 and 2 * asked >= self.size * sum(one.factor.shape[1] for one in asks)

    def _all_sums(self, asks: list[Ask]) -> list[Matrix]:
        out = blas.times(self.held[: self.size], np.concatenate([one.factor.T for one in asks]).T)
        return [out[one.at, its] for one, its in zip(asks, _slices(asks), strict=True)]

    def _all_times(self, asks: list[Ask]) -> list[Matrix]:
        at = _slices(asks)
        B = np.zeros((at[-1].stop, self.size))
        for one, its in zip(asks, at, strict=True):
            B[its, one.at] = one.factor.T
        out = blas.times(B, self.held[: self.size])
        return [out[its].T for its in at]

    def _covering(self, at: np.ndarray) -> tuple[Matrix, bool]:
        """These columns, or (True) all of them in the panel's order where that is not much more."""
        every = 2 * len(at) > self.size
        return self.held[: self.size] if every else self._some(at), every

    def _some(self, at: np.ndarray) -> Matrix:
        """Without a copy where these are side by side."""
        beside = len(at) > 0 and np.all(np.diff(at) == 1)
        return self.held[at[0] : at[-1] + 1] if beside else self.held[at]

    def _scaled(self, columns: Matrix, by: Vector) -> Matrix:
        """Columns times a number for each row: in place, but in the panel."""
        return np.multiply(columns, by, out=None if np.may_share_memory(columns, self.held) else columns)

    def _of(self, at: np.ndarray, rows: np.ndarray) -> Matrix:
        """Some rows of columns `at`. All columns' come faster than some's, if these are most."""
        if 2 * len(at) <= self.size:
            return self.held[np.ix_(at, rows)]
        some = self.held[: self.size].take(rows, axis=1)
        return some if len(at) == self.size and np.all(np.diff(at) == 1) else some[at]

    def column(self, at):
        return self.held[at]

    def rows(self, at: np.ndarray) -> Matrix:
        """Columns `at`, each in a row of its own: a copy."""
        return self.held[at]


def _slices(asks: list[Ask]) -> list[slice]:
    """Where the factors of each lie, side by side."""
    ends = np.cumsum([one.factor.shape[1] for one in asks]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


class SparsePanel(Panel):
    def __init__(self, design: Sparse):
        self.design = design
        self.held: Any = None  # compressed columns, scaled
        self.centre = np.zeros(0)

    def grow(self, new):
        from scipy import sparse

        columns, centre = self.design.scaled(new)
        self.held = columns if self.held is None else sparse.hstack([self.held, columns], format="csc")
        self.centre = np.concatenate([self.centre, centre])

    def some(self, at: np.ndarray) -> Any:
        """Columns `at`, compressed, uncentred."""
        return self.held[:, at]

    def count(self, at: np.ndarray) -> int:
        """How many entries they hold."""
        return int(np.diff(self.held.indptr)[at].sum())

    def squares(self, at: np.ndarray, weights: Vector) -> Vector:
        """Their weighted sums of squares."""
        some = self.held[:, at]
        some.data = some.data**2
        return some.T @ weights

    def gram(self, at, others, weights):
        new = self.held[:, at]
        new.data = new.data * weights[new.indices]
        new.eliminate_zeros()
        return (new.T @ self.held[:, others]).toarray(), np.asarray(new.sum(axis=0)).ravel()

    def sums(self, at, R):
        return self.held[:, at].T @ R

    def times(self, at, B, rows=None):
        out = self.held[:, at] @ B
        return out if rows is None else out[rows]

    def column(self, at):
        return self.held[:, [at]].toarray()[:, 0]
