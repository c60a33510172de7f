"""A budget is kept: an error before anything is allocated, no crash."""

import numpy as np
import pytest

import shrinkage as sh
from shrinkage import memory

RNG = np.random.default_rng(0)
WIDE, TALL = RNG.standard_normal((60, 3000)), RNG.standard_normal((500, 90))
JOBS = {
    "the Gram of an engine": lambda: sh.path(TALL, TALL[:, 0] + 1, sh.SquaredError(), sh.L1(1.0)),
    "a panel": lambda: sh.path(WIDE, WIDE[:, :9].sum(axis=1), sh.SquaredError(), sh.L1(1.0)),
    "folds": lambda: sh.LassoCV(cv=5).fit(TALL, TALL[:, 0] + 1),
    "ridge, rows": lambda: sh.Ridge().fit(WIDE[:60, :2000], WIDE[:, 0]),
    "ridge, columns": lambda: sh.Ridge().fit(TALL, TALL[:, 0]),
    "leave-one-out": lambda: sh.RidgeCV().fit(TALL, TALL[:, 0]),
    "a likelihood": lambda: sh.path(WIDE, (WIDE[:, 0] > 0).astype(float), sh.Logistic(), sh.L1(1.0)),
}


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_budget_is_kept(job, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "10KB")
    with pytest.raises(sh.MemoryBudgetError, match=r"needs .* [KM]B; the budget is 10 KB, and nothing was allocated.*=32GB"):
        job()
    monkeypatch.setenv(memory.VARIABLE, "2GB")
    job()


@pytest.mark.parametrize(("said", "bytes_"), [("5", 5), ("1e9", 1e9), ("2 GB", 2e9), ("500mb", 5e8), ("1.5TB", 1.5e12)])
def test_words_for_a_budget(said, bytes_, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, said)
    assert memory.budget() == bytes_


def test_what_is_no_budget(monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "much")
    with pytest.raises(sh.ParameterError, match="500MB"):
        memory.budget()
    monkeypatch.delenv(memory.VARIABLE)
    assert 1e6 < memory.budget() < 1e15


def test_sizes_in_words():
    assert [memory.text(x) for x in (5, 1500, 2.5e9, 3e13)] == ["5 B", "1.5 KB", "2.5 GB", "30 TB"]
