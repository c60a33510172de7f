"""A few threads of our own, for what releases the GIL: compiled loops and products of matrices.

Work is cut into tiles that do not depend on the number of threads, and results come back in order, so that no bit of an
answer does either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")

ROOM = 100_000  # numbers of a sum's terms that may wait: few beside any X that matters

_pool: ThreadPoolExecutor | None = None


def count() -> int:
    """SHRINKAGE_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use; 1 off the main thread,
    where somebody else is already dividing the machine."""
    if threading.current_thread() is not threading.main_thread():
        return 1
    for name in ("SHRINKAGE_NUM_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "").split(",")[0].strip()
        if asked.isdigit() and int(asked) > 0:
            return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(function: Callable[[T], R], tiles: Iterable[T], threads: int | None = None) -> list[R]:
    """[function(tile) for tile in tiles], side by side. After an exception (Ctrl-C too) no further tile is begun.
    `threads`: at most; by default `count()`."""
    tiles = list(tiles)
    threads = threads or (count() if len(tiles) > 1 else 1)
    if min(threads, len(tiles)) <= 1:
        return [function(tile) for tile in tiles]
    heed = np.geterr()  # of overflows and the like: what the caller has said of them

    def run(tile: T) -> R:
        with np.errstate(**heed):
            return function(tile)

    pool = _executor(threads)
    pending: list[Future[R]] = []
    try:
        pending.extend(pool.submit(run, tile) for tile in tiles)
        return [one.result() for one in pending]
    except BaseException:
        for one in pending:
            one.cancel()
        raise


def total(term: Callable[[T], Any], tiles: Sequence[T], size: int, room: int = ROOM) -> Any:
    """The sum of term(tile), an array of `size` numbers, over tiles, of which there is one or more: in their order. `room`: for
    how many numbers of terms that wait for those before them."""
    some, out = 1 if count() == 1 else max(1, room // max(size, 1)), None
    for start in range(0, len(tiles), some):
        for one in each(term, tiles[start : start + some]):
            out = one if out is None else np.add(out, one, out=out)
    return out


def _executor(threads: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers != threads:
        _pool = ThreadPoolExecutor(threads, thread_name_prefix="shrinkage")
    return _pool


def _forget() -> None:
    """After a fork the child has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def tiles(p: int, width: int) -> list[slice]:
    """0 .. p in slices of `width`, whatever the number of threads."""
    return [slice(start, min(start + width, p)) for start in range(0, p, width)]
