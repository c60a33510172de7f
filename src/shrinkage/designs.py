"""Design matrices: one type a layout, the same few verbs, and nothing above ever asks which layout it is.

A design holds the user's data untouched, and the numbers that turn a column into the one the solver sees,
`(x - shift) * scale`. Centring and scaling therefore cost no copy, and a column at an offset of 1e8 loses no digit:
the shift is taken from each entry before anything is summed (Dense), or kept as a rank-one correction (Sparse).
Sums are accumulated in float64 whatever the dtype of the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from shrinkage import _core, blas, memory, threads

Vector = np.ndarray
Matrix = np.ndarray

# Bytes of float64 that a pass over the data may hold at once: a share of a usual L2/L3 cache, small beside any X that matters.
BLOCK_BYTES = 1 << 18
# Above this ratio of |shift| to spread, x'r - shift * sum(r) would lose digits that (x - shift)'r keeps.
SAFE_OFFSET = 64.0
# Above this ratio products of raw data would lose two digits or more; and scales beyond which their squares might.
NEARLY, FAR = 4.0, 1e100
# Bytes of X that one thread takes at a time, a multiple of 64 columns.
TILE_BYTES = 1 << 21
# Bytes of rows held, sorted by fold, while the Gram matrices of folds are formed.
CHUNK_BYTES = 1 << 22
# With no more right-hand sides than this our kernel, which reads X once, is faster than BLAS, which repacks it.
FEW = 8
# With no more than this it is faster also where BLAS needs blocks of columns centred and in float64 first.
SOME = 32
# Columns of such a block, where products with it fill a large matrix: enough for that not to be what takes the time.
WIDTH = 256


@dataclass(frozen=True, eq=False)
class Moments:
    """Per column: weighted `mean`, spread and range.

    `sd` is the weighted standard deviation (divisor: the sum of the weights), as `sd * 2**exponent` so that
    entries of 1e200 do not overflow on the way; `low` and `high` are the extremes over rows of positive weight.
    """

    mean: Vector
    sd: Vector
    exponent: Vector
    low: Vector
    high: Vector

    @property
    def constant(self) -> Vector:
        return self.low == self.high


class Design(ABC):
    """An (n, p) matrix seen as `(data - shift) * scale`."""

    data: Any
    shift: Vector
    scale: Vector

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype coefficients are handed back in: float32 for float32 data, float64 otherwise."""
        return np.dtype(np.float32) if self.data.dtype == np.float32 else np.dtype(np.float64)

    @abstractmethod
    def moments(self, weights: Vector) -> Moments:
        """Of the data themselves, before shift and scale. `weights` (n,) sum to one."""

    @abstractmethod
    def rmatmat(self, R: Matrix) -> Matrix:
        """X'R, (p, m), for R (n, m)."""

    @abstractmethod
    def matmat(self, columns: Vector, B: Matrix) -> Matrix:
        """X[:, columns] B, (n, m), for B (len(columns), m)."""

    @abstractmethod
    def gram(self, columns: Vector, others: Vector, weights: Vector) -> Matrix:
        """sum_i weights[i] x[i, columns] x[i, others]', (len(columns), len(others))."""

    @abstractmethod
    def kernel(self, d: Vector) -> Matrix:
        """X diag(d) X', (n, n), for d >= 0."""

    @abstractmethod
    def gather(self, columns: Vector) -> Matrix:
        """X[:, columns] as a float64 array of its own."""

    def products(self, y: Vector, weights: Vector, partitions: list[tuple[Vector, Matrix]]) -> list[Matrix]:
        """Sums over rows of marks[label_i, k] weights[i] z_i z_i' where z = [x, y, 1], (sums, p + 2, p + 2), for each partition
        of the rows into labels (n,), with its marks (labels, sums)."""
        p = self.shape[1]
        outs, every, one = _sums_for(partitions, p), np.arange(p), np.empty((p + 2, p + 2))
        for out, (labels, marks) in zip(outs, partitions, strict=True):
            for label, its in enumerate(marks):
                w = np.where(labels == label, weights, 0.0)
                one[:p, :p] = self.gram(every, every, w)
                one[:p, p:] = self.rmatmat(np.column_stack([w * y, w]))
                one[p:, :p] = one[:p, p:].T
                one[p:, p:] = [[w * y @ y, w @ y], [w @ y, w.sum()]]
                _add(one, its, out)
        return outs

    def rmatmat_of(self, columns: Vector, R: Matrix) -> Matrix:
        """X[:, columns]' R, (len(columns), m)."""
        return blas.times(self.gather(columns).T, R)

    def rmatvec(self, r: Vector) -> Vector:
        return self.rmatmat(r[:, None])[:, 0]

    def matvec(self, w: Vector) -> Vector:
        columns = np.flatnonzero(w)
        if len(columns) == 0:
            return np.zeros(self.shape[0])
        return self.matmat(columns, w[columns, None])[:, 0]

    def view(self, shift: Vector, scale: Vector) -> Design:
        """The same data under another shift and scale."""
        return replace(self, shift=shift, scale=scale)  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class Dense(Design):
    """A NumPy array or memory map of any real dtype, order and strides; read in blocks, never copied whole."""

    data: Matrix
    shift: Vector
    scale: Vector
    compiled: bool = False  # whether the kernels read this layout, and products with it cannot overflow
    centred_exactly: bool = True  # False: BLAS may run on the raw data, the shift being small beside the spread

    @classmethod
    def of(cls, data: Matrix) -> Dense:
        p = data.shape[1]
        return cls(data, np.zeros(p), np.ones(p)).view(np.zeros(p), np.ones(p))

    def view(self, shift, scale):
        spread = np.divide(1.0, scale, where=scale != 0, out=np.full(len(scale), np.inf))
        contiguous = self.data.flags.c_contiguous or self.data.flags.f_contiguous
        tame = bool(np.all((scale > 1e-150) & (scale < 1e150)))
        compiled = contiguous and tame and self.data.dtype.isnative and self.data.dtype in (np.float32, np.float64)
        near = compiled and self.data.dtype == np.float64 and bool(np.all(np.abs(shift) <= SAFE_OFFSET * spread))
        return Dense(self.data, shift, scale, compiled, not near)

    def _by_rows(self, columns: Vector | None = None) -> tuple[list[slice], Callable[[slice], Matrix]]:
        """Blocks of rows, and what gives one as the solver sees it: of these columns, or all."""
        n, p = self.shape
        if columns is not None and len(columns) == p and np.array_equal(columns, np.arange(p)):
            columns = None  # a slice of rows is then a view, not a copy
        k = p if columns is None else len(columns)
        shift, scale = (self.shift, self.scale) if columns is None else (self.shift[columns], self.scale[columns])

        def block(rows: slice) -> Matrix:
            seen = self.data[rows] if columns is None else self.data[rows][:, columns]
            seen = np.subtract(seen, shift, dtype=np.float64)
            seen *= scale
            return seen

        return threads.tiles(n, max(16, BLOCK_BYTES // (8 * max(k, 1)))), block

    def _by_columns(self, least: int = 1) -> tuple[list[slice], Callable[[slice], Matrix]]:
        """The same of columns: of `least` or more, yet few beside X."""
        n, p = self.shape

        def block(at: slice) -> Matrix:
            seen = np.subtract(self.data[:, at], self.shift[at], dtype=np.float64)
            seen *= self.scale[at]
            return seen

        return threads.tiles(p, max(min(least, p // 16 + 1), BLOCK_BYTES // (8 * max(n, 1)))) or [slice(0)], block

    def moments(self, weights):
        return (self._compiled_moments(weights) if self.compiled else None) or self._patient_moments(weights)

    def _compiled_moments(self, weights: Vector) -> Moments | None:
        """None where a sum of squares leaves the floating-point numbers, or the data are not finite."""
        alike = None if np.all(weights == weights[0]) else np.ascontiguousarray(weights)
        parts = threads.each(lambda at: _core.moments(self.data[:, at], alike), self._tiles())
        mean, square, low, high = (np.concatenate(part) for part in zip(*parts, strict=True))
        held = float(len(weights)) if alike is None else float(weights.sum())
        if not np.isfinite(square).all() or np.any((square < 1e-280) & (low < high)):
            return None
        exponent = exponents(np.maximum(np.abs(high - mean), np.abs(low - mean)))
        return Moments(mean, np.ldexp(np.sqrt(square / held), -exponent), exponent, low, high)

    def _tiles(self) -> list[slice]:
        n, p = self.shape
        return threads.tiles(p, max(64, TILE_BYTES // (8 * max(n, 1)) // 64 * 64))

    def _patient_moments(self, weights: Vector) -> Moments:
        """The twin of the kernel, for any dtype, strides and magnitudes."""
        p = self.shape[1]
        low, high = np.full(p, np.inf), np.full(p, -np.inf)
        drift, mean, square = np.zeros(p), np.zeros(p), np.zeros(p)
        used = weights > 0
        # An entry at hand: exact for a constant column.
        origin = self.data[np.flatnonzero(used)[0]].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # the caller refuses NaN and infinities by name
            tiles, block_of = self._raw()._by_rows()
            for rows in tiles:
                block = block_of(rows)
                kept = block if used[rows].all() else block[used[rows]]
                if len(kept):
                    low, high = np.minimum(low, kept.min(axis=0)), np.maximum(high, kept.max(axis=0))
                drift += weights[rows] @ (block * 0.5 - origin * 0.5)  # halves: a difference of two doubles may overflow
            mean = origin + 2 * drift
            low = np.where(np.isfinite(mean), low, np.nan)  # also a NaN in a row of weight 0
            size = np.maximum(np.abs(high - mean), np.abs(low - mean))
        exponent = exponents(size)
        mean = np.where(np.isfinite(mean), mean, 0.0)
        tiles, block_of = replace(self, shift=mean, scale=np.ldexp(1.0, -np.clip(exponent, -1000, 1000)))._by_rows()
        for rows in tiles:
            block = block_of(rows)
            with np.errstate(invalid="ignore", over="ignore"):
                square += weights[rows] @ (block * block)
        return Moments(mean, np.sqrt(square), exponent, low, high)

    def rmatmat(self, R):
        if not self.centred_exactly and R.shape[1] > FEW:
            return self.scale[:, None] * (blas.times(self.data.T, R) - np.outer(self.shift, R.sum(axis=0)))
        if self.compiled and R.shape[1] <= SOME:
            R = np.asfortranarray(R, dtype=np.float64)
            parts = threads.each(lambda at: _core.skinny(self.data[:, at], self.shift[at], R), self._tiles())
            return self.scale[:, None] * np.concatenate(parts)
        if self.compiled or self.data.flags.f_contiguous:
            tiles, block = self._by_columns(WIDTH if R.shape[1] > SOME else 1)
            out = np.empty((self.shape[1], R.shape[1]))
            threads.each(lambda at: np.matmul(block(at).T, R, out=out[at]), tiles)
            return out
        tiles, block = self._by_rows()
        return threads.total(lambda rows: block(rows).T @ R[rows], tiles, self.shape[1] * R.shape[1])

    def matmat(self, columns, B):
        n, p = self.shape
        if not self.centred_exactly and 4 * len(columns) > p:
            scaled = np.zeros((p, B.shape[1]))
            scaled[columns] = self.scale[columns, None] * B
            return blas.times(self.data, scaled) - self.shift @ scaled
        tiles, block = self._by_rows(columns)
        out = np.empty((n, B.shape[1]))
        threads.each(lambda rows: np.matmul(block(rows), B, out=out[rows]), tiles)
        return out

    def gram(self, columns, others, weights):
        same = len(columns) == len(others) and np.array_equal(columns, others)
        both = columns if same else np.concatenate([columns, others])
        k = len(columns)
        memory.require(k * len(others), f"A Gram matrix, {k:,} x {len(others):,},")
        tiles, block_of = self._by_rows(both)

        def term(rows: slice) -> Matrix:
            block = block_of(rows)
            if same:
                block *= np.sqrt(weights[rows, None])
                return blas.square(block.T)
            block[:, :k] *= weights[rows, None]
            return blas.times(block[:, :k].T, block[:, k:])

        return threads.total(term, tiles, k * len(others))

    def products(self, y, weights, partitions):
        border = np.column_stack([y, np.ones(len(y))])
        alike, near = bool(np.all(weights == weights[0])), self._nearly_centred()
        seen = self._raw() if near else self
        if near and alike and self.data.dtype == np.float64 and [len(marks) for _, marks in partitions] == [1]:
            outs = [marks.T[:, :, None] * seen._whole_products(border) for _, marks in partitions]
        else:
            outs = seen._labelled_products(border, None if alike else np.sqrt(weights), partitions)
        for out in outs:
            if near:
                _centre(out, self.shift, self.scale)
            if alike:
                out *= weights[0]
        return outs

    def _nearly_centred(self) -> bool:
        """Whether products of the raw data can be centred and scaled afterwards, and lose next to nothing by it."""
        offset = np.abs(self.shift) * self.scale
        return self.compiled and bool(np.all((offset <= NEARLY) & (self.scale > 1 / FAR) & (self.scale < FAR)))

    def _raw(self) -> Dense:
        p = self.shape[1]
        return replace(self, shift=np.zeros(p), scale=np.ones(p))

    def _whole_products(self, border: Matrix) -> Matrix:
        """Of all rows: nothing is copied. For raw data, which the kernels read."""
        n, p = self.shape

        def term(rows: slice) -> Matrix:
            part = self.data[rows]  # both now, while the rows are in the cache: another reading would cost a tenth more
            return np.hstack([blas.square(part.T), _core.skinny(part, self.shift, np.asfortranarray(border[rows]))])

        sums = threads.total(term, threads.tiles(n, max(2048, CHUNK_BYTES // (16 * (p + 2)))), p * (p + 2))
        out = np.empty((p + 2, p + 2))
        out[:p] = sums
        out[p:, :p], out[p:, p:] = out[:p, p:].T, border.T @ border
        return out

    def _labelled_products(
        self, border: Matrix, root: Vector | None, partitions: list[tuple[Vector, Matrix]]
    ) -> list[Matrix]:  # fmt: skip
        p = self.shape[1]
        outs = _sums_for(partitions, p)
        short = [(labels.astype(np.uint16) if len(marks) < 1 << 16 else labels, marks) for labels, marks in partitions]
        for rows in self._chunks(max(len(marks) for _, marks in partitions)):
            for out, (labels, marks) in zip(outs, short, strict=True):  # short labels are sorted by their digits
                order = rows.start + np.argsort(labels[rows], kind="stable")
                ends = np.searchsorted(labels[order], np.arange(len(marks) + 1))
                block = self._packed(rows, order, 2)
                block[:, p:] = border[order]
                if root is not None:
                    block *= root[order, None]
                parts = [block[start:end] for start, end in zip(ends, ends[1:], strict=False)]
                for some in threads.tiles(len(parts), threads.count()):
                    products = threads.each(lambda part: blas.square(part.T), parts[some])
                    for product, its in zip(products, marks[some], strict=True):
                        _add(product, its, out)
        return outs

    def _chunks(self, count: int) -> list[slice]:
        """Rows enough for products of those of each of `count` labels."""
        n, p = self.shape
        return threads.tiles(n, max(64 * count, CHUNK_BYTES // (8 * (p + 2))))

    def _packed(self, rows: slice, order: Vector, more: int) -> Matrix:
        """A slice of the rows in an order, with room for `more` columns behind them, as the data lie."""
        p = self.shape[1]
        block = np.empty((len(order), p + more), order="C" if self.data.flags.c_contiguous else "F")
        if self.compiled:
            places = np.empty(len(order), np.int64)
            places[order - rows.start] = np.arange(len(order))
            _core.pack(self.data[rows], places, self.shift, self.scale, block[:, :p])
        else:
            np.subtract(self.data[order], self.shift, out=block[:, :p])
            block[:, :p] *= self.scale
        return block

    def kernel(self, d):
        n, p = self.shape
        memory.require(n * n, f"The kernel matrix of the rows, {n:,} x {n:,},")
        tiles, block_of = self._by_columns(WIDTH)

        def term(at: slice) -> Matrix:
            block = block_of(at)
            block *= np.sqrt(d[at])
            return blas.square(block)

        return threads.total(term, tiles, n * n)

    def gather(self, columns):
        if self.data.flags.f_contiguous:
            out = np.take(self.data.T, columns, axis=0).astype(np.float64, copy=False).T
            out -= self.shift[columns]
            out *= self.scale[columns]
            return out
        out = np.empty((self.shape[0], len(columns)), order="F")
        tiles, block = self._by_rows(columns)
        for rows in tiles:
            out[rows] = block(rows)
        return out


def _centre(products: Matrix, shift: Vector, scale: Vector) -> None:
    """In place, from sums of z z', z = [x, y, 1], to those with (x - shift) * scale for x. (k, p + 2, p + 2)"""
    p = len(shift)
    products[:, :p] -= shift[:, None] * products[:, -1:]
    products[:, :, :p] -= products[:, :, -1:] * shift
    products[:, :p] *= scale[:, None]
    products[:, :, :p] *= scale


@dataclass(frozen=True, eq=False)
class Sparse(Design):
    """Compressed columns. Centring is a rank-one correction: no zero is ever filled in."""

    data: Any  # scipy.sparse.csc_array, canonical
    shift: Vector
    scale: Vector

    @classmethod
    def of(cls, data: Any) -> Sparse:
        columns = sparse.csc_array(data, copy=False)
        if not columns.has_canonical_format:
            columns = columns.copy()
            columns.sum_duplicates()
        p = columns.shape[1]
        return cls(columns, np.zeros(p), np.ones(p))

    def _scaled(self, columns: Vector) -> tuple[Any, Vector]:
        """These columns times their scale, uncentred, and the centres in the same units."""
        taken = self.data[:, columns].astype(np.float64)
        taken.data *= np.repeat(self.scale[columns], np.diff(taken.indptr))
        return taken, self.shift[columns] * self.scale[columns]

    def moments(self, weights):
        X = self.data
        n, p = X.shape
        column, entries, w = np.repeat(np.arange(p), np.diff(X.indptr)), X.data.astype(np.float64, copy=False), weights[X.indices]
        finite = np.isfinite(X.data) if X.data.dtype.kind == "f" else None
        bad = np.unique(column[~finite]) if finite is not None else np.zeros(0, np.int64)
        if not w.all():  # rows of weight 0 are not there
            used = np.flatnonzero(w)
            column, entries, w = column[used], entries[used], w[used]
        counts = np.bincount(column, minlength=p)
        some = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[some]
        full = counts == np.count_nonzero(weights)  # no implicit zero in a used row
        low, high = np.where(full, np.inf, 0.0), np.where(full, -np.inf, 0.0)
        with np.errstate(invalid="ignore"):  # the caller refuses NaN by name
            low[some] = np.minimum(low[some], np.minimum.reduceat(entries, starts))
            high[some] = np.maximum(high[some], np.maximum.reduceat(entries, starts))
        low[bad] = high[bad] = np.nan
        with np.errstate(invalid="ignore", over="ignore"):
            mean = np.bincount(column, w * entries, minlength=p)
            size = np.maximum(np.abs(high - mean), np.abs(low - mean))
        exponent = exponents(size)
        mean = np.where(np.isfinite(mean), mean, 0.0)
        unit = np.ldexp(1.0, -np.clip(exponent, -1000, 1000))
        with np.errstate(invalid="ignore", over="ignore"):
            apart = (entries - mean[column]) * unit[column]
            held = np.bincount(column, w, minlength=p)
            square = np.bincount(column, w * apart * apart, minlength=p)  # of no entries: integers
            square = square + np.clip(1.0 - held, 0.0, None) * (mean * unit) ** 2
        return Moments(mean, np.sqrt(square), exponent, low, high)

    def rmatmat(self, R):
        return self.scale[:, None] * (self.data.T @ R - np.outer(self.shift, R.sum(axis=0)))

    def matmat(self, columns, B):
        X, centre = self._scaled(columns)
        return X @ B - centre @ B

    def gram(self, columns, others, weights):
        memory.require(len(columns) * len(others), f"A Gram matrix, {len(columns):,} x {len(others):,},")
        (left, mu), (right, nu) = self._scaled(columns), self._scaled(others)
        weighted = left.copy()
        weighted.data *= weights[weighted.indices]
        weighted.eliminate_zeros()  # rows that do not count cost nothing
        a, b = left.T @ weights, right.T @ weights
        return (weighted.T @ right).toarray() - np.outer(a, nu) - np.outer(mu, b) + weights.sum() * np.outer(mu, nu)

    def kernel(self, d):
        memory.require(self.shape[0] ** 2, f"The kernel matrix of the rows, {self.shape[0]:,} x {self.shape[0]:,},")
        X, centre = self._scaled(np.arange(self.shape[1]))
        cross = X @ (d * centre)
        return (X.multiply(d).tocsr() @ X.T).toarray() - cross[:, None] - cross + (d * centre) @ centre

    def gather(self, columns):
        X, centre = self._scaled(columns)
        return np.asfortranarray(X.toarray() - centre)

    def rmatmat_of(self, columns, R):
        X, centre = self._scaled(columns)
        return X.T @ R - np.outer(centre, R.sum(axis=0))

    def scaled(self, columns: Vector) -> tuple[Any, Vector]:
        """These columns times their scale as a sparse matrix, and the centres (k,) they are seen about."""
        return self._scaled(columns)


def _sums_for(partitions: list[tuple[Vector, Matrix]], p: int) -> list[Matrix]:
    return [np.zeros((marks.shape[1], p + 2, p + 2)) for _, marks in partitions]


def _add(products: Matrix, marks: Vector, out: Matrix) -> None:
    """Products times each mark to each sum."""
    for k in np.flatnonzero(marks):
        out[k] += products if marks[k] == 1 else marks[k] * products


def exponents(size: Vector) -> np.ndarray:
    """The power of two just above each size; 0 where the size is 0 or not finite."""
    ok = np.isfinite(size) & (size > 0)
    return np.where(ok, np.frexp(np.where(ok, size, 1.0))[1], 0).astype(np.int64)
