"""Our own threads."""

from __future__ import annotations

from shrinkage import threads


def test_the_pool_stays_whatever_there_is_to_do(monkeypatch):
    monkeypatch.setenv("SHRINKAGE_NUM_THREADS", "3")
    pools = []
    for tiles in (5, 3, 2, 1, 0, 4):
        assert threads.each(lambda k: k + 1, range(tiles)) == [k + 1 for k in range(tiles)]
        pools.append(threads._pool)
    assert len(set(map(id, pools))) == 1 and threads._pool._max_workers == 3
