"""The threads that are not ours: what of them is held back, and what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import linalg
from threadpoolctl import ThreadpoolController

from shrinkage import threads


def _counts() -> dict[str, int]:
    linalg.inv(np.eye(2))  # loads it
    every = ThreadpoolController().select(user_api="blas").lib_controllers
    return {one.filepath: one.num_threads for one in every}


def test_scipys_blas_alone_is_held_to_one_thread_and_set_free_again():
    with ThreadpoolController().limit(limits=2):
        before = _counts()
        his = [path for path in before if threads._is_scipys(Path(path))]
        if not his:
            pytest.skip("SciPy has no BLAS of its own here.")
        with threads.scipys_blas_alone():
            inside = _counts()
        assert {inside[path] for path in his} == {1}
        assert all(inside[path] == before[path] for path in before if path not in his)
        assert _counts() == before


@pytest.mark.parametrize(
    ("library", "is_his"),
    [
        ("/lib/python3/site-packages/scipy.libs/libscipy_openblas-1.so", True),
        ("/lib/python3/site-packages/scipy/.dylibs/libscipy_openblas.dylib", True),
        ("/lib/python3/site-packages/numpy.libs/libscipy_openblas64_-1.so", False),
        ("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3", False),
    ],
)
def test_whose_a_library_is(library, is_his):
    assert threads._is_scipys(Path(library)) == is_his


def test_the_pool_stays_whatever_there_is_to_do(monkeypatch):
    monkeypatch.setenv("SHRINKAGE_NUM_THREADS", "3")
    pools = []
    for tiles in (5, 3, 2, 1, 0, 4):
        assert threads.each(lambda k: k + 1, range(tiles)) == [k + 1 for k in range(tiles)]
        pools.append(threads._pool)
    assert len(set(map(id, pools))) == 1 and threads._pool._max_workers == 3
