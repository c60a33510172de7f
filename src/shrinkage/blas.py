"""Products of matrices on our own threads.

BLAS's threads cut sums where their number says, so that last digits hang on it, and those of NumPy's BLAS and of SciPy's, which
their wheels bring apart, wait busily for their next calls on each other's cores. So BLAS works on one thread (`alone`), and
what is large is cut into tiles that do not depend on the number of ours.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from shrinkage import _core, threads

F = TypeVar("F", bound=Callable[..., Any])
Matrix = np.ndarray
Vector = np.ndarray

LEAST = 4_000_000  # multiplications worth a tile of their own: a quarter of a millisecond
MOST = 16  # tiles of a product
SIDE = 256  # of a tile, at least: BLAS lays out the other factor anew for each
THIN, THIN_SIDE = 32, 64  # which costs little where that has few columns
READ = 4  # multiplications take as long as to read an entry out of memory
DEEP = 1024  # terms of a part of a sum, at least
# Our kernel takes rows of LONG numbers or more, in a third to all of BLAS's time: BLAS lays its factors out anew, which does not
# pay where one of them is SLIM, and of the square of FLAT rows or fewer it makes whole tiles about the diagonal.
LONG, SLIM, FLAT = 128, 40, 256
WIDE = _core.kernels() != "baseline"


class _Alone:
    """How many callers want BLAS on one thread, in whichever threads they are: the first holds it, the last lets go."""

    def __init__(self) -> None:
        self.lock, self.callers, self.mine = threading.Lock(), 0, threading.local()
        self.before: list[int] = []

    def __enter__(self) -> None:
        with self.lock:
            if self.callers == 0:
                self.before = [one.num_threads for one in _every()]
                _set([1] * len(self.before))
            self.callers += 1
        self.mine.depth = getattr(self.mine, "depth", 0) + 1

    def __exit__(self, *_: Any) -> None:
        self.mine.depth -= 1
        with self.lock:
            self.callers -= 1
            if self.callers == 0:
                _set(self.before)

    def forked(self) -> None:
        """In a child, where nobody else is left to let go of the lock, and of BLAS."""
        others = self.callers - getattr(self.mine, "depth", 0)
        self.lock, self.callers = threading.Lock(), self.callers - others
        if others and self.callers == 0:
            _set(self.before)


_alone = _Alone()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone.forked)


def alone(function: F) -> F:
    """While the function runs, BLAS works on one thread: in the whole process where it has threads of its own (OpenBLAS, as the
    wheels of NumPy and SciPy bring it; BLIS), in the calling thread where it takes OpenMP's or Intel's."""

    @wraps(function)
    def held(*args: Any, **kwargs: Any) -> Any:
        with _alone:
            return function(*args, **kwargs)

    return held  # type: ignore[return-value]


@cache
def _every() -> list[Any]:
    import scipy.linalg  # noqa: F401  (loads its BLAS)

    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set(counts: list[int]) -> None:
    """Of each library. Of Python's threads, threadpoolctl (3.8) heeds only the first that asked; we count who asks instead."""
    for one, count in zip(_every(), counts, strict=True):
        getattr(one, "_real_set_num_threads", one.set_num_threads)(count)


def _tiles(length: int, work: int, least: int) -> list[slice]:
    """0 .. length in slices of `least` or more, each with its share of so many multiplications; one where that is little."""
    count = min(MOST, work // LEAST, length // least)
    if count < 2:
        return [slice(0, length)]
    return threads.tiles(length, -(-length // (32 * count)) * 32)


def _rowed(A: Matrix) -> bool:
    """Whether its rows are what our kernel reads."""
    return WIDE and A.dtype == np.float64 and A.strides[1] == 8 and A.strides[0] >= 8 * A.shape[1] >= 8 * LONG


def _product(A: Matrix, B: Matrix, out: Matrix | None = None) -> Matrix:
    """A B, on this thread."""
    if not (1 < min(len(A), B.shape[1]) <= SLIM and _rowed(A) and _rowed(B.T)):
        return np.matmul(A, B, out=out)
    found = _core.inner(A, B.T)
    if out is not None:
        out[:] = found
    return found


def _square(A: Matrix) -> Matrix:
    """A A', on this thread."""
    return _core.inner(A) if len(A) <= FLAT and _rowed(A) else A @ A.T


def times(A: Matrix, B: Matrix) -> Matrix:
    """A B, (m, n)."""
    (m, k), n = A.shape, B.shape[1]
    long, other = max(m, n), min(m, n)
    tiles = _tiles(long, m * k * n + READ * k * long, THIN_SIDE if other <= THIN else SIDE)
    if len(tiles) == 1:
        deep = _tiles(k, m * k * n, DEEP)
        return threads.total(lambda at: _product(A[:, at], B[at]), deep, m * n, MOST * m * n) if len(deep) > 1 else _product(A, B)
    out = np.empty((m, n), np.result_type(A, B))
    if m >= n:
        threads.each(lambda at: _product(A[at], B, out[at]), tiles)
    else:
        threads.each(lambda at: _product(A, B[:, at], out[:, at]), tiles)
    return out


def apply(A: Matrix, v: Vector) -> Vector:
    """A v, (m,)."""
    return times(A, v[:, None])[:, 0]


def square(A: Matrix) -> Matrix:
    """A A', (m, m), by symmetry for half the work."""
    m, k = A.shape
    if m * m * k < 4 * LEAST:  # no more than one tile: as quick as can be, for light lanes
        return _square(A)
    tiles = _tiles(m, m * m * k // 2, SIDE)
    if len(tiles) == 1:
        deep = _tiles(k, m * m * k // 2, DEEP)
        return threads.total(lambda at: _square(A[:, at]), deep, m * m, MOST * m * m)
    out = np.empty((m, m), A.dtype)

    def tile(at: slice) -> None:
        np.matmul(A[at], A[at].T, out=out[at, at])
        np.matmul(A[at], A[: at.start].T, out=out[at, : at.start])
        out[: at.start, at] = out[at, : at.start].T

    threads.each(tile, tiles[::-1])  # the longest first
    return out
