"""A few threads of our own for compiled loops that release the GIL.

Work is cut into tiles that do not depend on the number of threads, and results come back in order, so that no bit of an
answer does either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

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
    pending = [_executor(threads).submit(function, tile) for tile in tiles]
    try:
        return [one.result() for one in pending]
    except BaseException:
        for one in pending:
            one.cancel()
        raise


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


def scipys_blas_alone() -> AbstractContextManager[Any]:
    """While SciPy's BLAS works on one thread, where it is not NumPy's too. Their wheels bring one each, and the threads of each
    wait busily for its next call, on the cores that the other's work on: a group path that calls both took 0.9 s on one thread,
    2.2 s on two, and so 0.8 s; one of MCP 1.6, 3.3, and so 1.6."""
    return _scipys_blas().limit(limits=1)


@cache
def _scipys_blas() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  (loads it)

    every = ThreadpoolController().select(user_api="blas")
    homes = [one.filepath for one in every.lib_controllers if _is_scipys(Path(one.filepath))]
    return every.select(filepath=homes)


def _is_scipys(library: Path) -> bool:
    return any(folder.startswith("scipy") for folder in library.parent.parts[-2:])  # scipy.libs, or scipy/.dylibs
