"""What `plan` says beforehand is what then happens: the algorithm, and the memory at most."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import RepeatedKFold, check_cv

import shrinkage as sh

rng = np.random.default_rng(0)
WIDE = rng.standard_normal((300, 4000))
TALL = rng.standard_normal((20_000, 100))
TALL_AND_BROAD = rng.standard_normal((1200, 600))
THIN = sparse.csc_array(np.where(rng.random((1000, 4000)) < 2e-3, WIDE[rng.integers(0, 300, 1000)], 0.0))
SQUARES, LOGIT, L1 = sh.SquaredError(), sh.Logistic(), sh.L1(1.0)
SAMPLES = [rng.integers(0, len(TALL), len(TALL)) for _ in range(6)]
BOOTSTRAP = [(one, np.setdiff1d(np.arange(len(TALL)), one)) for one in SAMPLES]
GROUPS = sh.Grouped(L1, np.arange(4000) // 5)
JOBS = {  # X, loss, penalty, folds, words of the plan
    "wide": (WIDE, SQUARES, L1, None, "working set, one path"),
    "wide, folds": (WIDE, SQUARES, L1, 5, "6 paths (5 of folds)"),
    "tall": (TALL, SQUARES, L1, None, "one Gram matrix"),
    "tall, folds": (TALL, SQUARES, L1, 5, "one Gram matrix"),
    "tall, repeated": (TALL, SQUARES, L1, RepeatedKFold(n_splits=10, n_repeats=3, random_state=0), "Gram matrices, 31 paths"),
    "tall, bootstrap": (TALL, SQUARES, L1, BOOTSTRAP, "Gram matrices, 7 paths"),
    "wide, repeated": (WIDE, SQUARES, L1, RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), "working set, 7 paths"),
    "sparse": (THIN, SQUARES, L1, None, "sparse columns"),
    "sparse, folds": (THIN, SQUARES, L1, 5, "sparse columns"),
    "logistic": (WIDE, LOGIT, L1, None, "Newton"),
    "logistic, folds": (TALL, LOGIT, L1, 5, "Newton"),
    "groups": (WIDE, SQUARES, GROUPS, None, "working set"),
    "MCP": (WIDE, SQUARES, sh.MCP(1.0, 3.0), None, "coordinate descent"),
    "by a solver": (TALL, sh.Huber(1.0), L1, None, "ProxNewton, alpha after alpha"),
    "folds by a solver": (TALL[:2000], sh.Huber(1.0), L1, 3, "one after another"),
    "ridge": (TALL, SQUARES, sh.L2(1.0), None, "one Gram matrix, decomposed"),
    "ridge, folds": (TALL, SQUARES, sh.L2(1.0), 5, "6 paths (5 of folds) from one reading"),
    "ridge, many columns, folds": (TALL_AND_BROAD, SQUARES, sh.L2(1.0), 3, "one after another, each from one reading"),
    "ridge, wide": (WIDE, SQUARES, sh.L2(1.0), None, "one kernel matrix, decomposed"),
    "ridge, wide, folds": (WIDE, SQUARES, sh.L2(1.0), 5, "6 paths (5 of folds) from about 5 readings"),
    "ridge, sparse": (THIN, SQUARES, sh.L2(1.0), None, "one kernel matrix, decomposed"),
    "ridge beside a likelihood": (TALL[:2000], LOGIT, sh.L2(1.0), None, "corrected by Newton"),
    "ridge beside a likelihood, wide": (WIDE[:100, :900], LOGIT, sh.L2(1.0), None, "RidgeNewton"),
    "groups beside a likelihood": (TALL[:2000], LOGIT, sh.Grouped(L1, np.arange(TALL.shape[1]) // 5), 3, "corrected by Newton"),
    "SCAD beside a likelihood": (TALL[:2000], LOGIT, sh.SCAD(1.0), 3, "Newton's method from large alphas"),
}


def target(X, loss):
    eta = X[:, :6] @ np.ones(6) + np.random.default_rng(1).standard_normal(X.shape[0])
    return (eta > 0).astype(float) if loss is LOGIT else eta


@pytest.mark.parametrize(("X", "loss", "penalty", "folds", "words"), JOBS.values(), ids=JOBS)
def test_what_is_said_is_what_happens(X, loss, penalty, folds, words):
    y, few = target(X, loss), {"n_alphas": 20}
    said = sh.plan(X, y, loss, penalty, cv=folds, **few)
    count = 0 if folds is None else check_cv(folds).get_n_splits()
    assert words in said.algorithm and said.affordable and said.fits == 1 + count and 0 < said.seconds < 600
    tracemalloc.start()
    if folds:
        found = sh.select(X, y, loss, penalty, cv=folds, ratio=0.02, **few).path
    else:
        found = sh.path(X, y, loss, penalty, ratio=0.02, **few)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.passes is not None) == said.algorithm.startswith("The engine")
    assert peak <= said.bytes, (peak, said.bytes)


def test_a_budget_is_told_of_beforehand(monkeypatch):
    monkeypatch.setenv("SHRINKAGE_MEMORY_BUDGET", "1MB")
    y = target(WIDE, SQUARES)
    said = sh.plan(WIDE, y, SQUARES, L1)
    assert not said.affordable and "1 MB may be used: it may end with a MemoryBudgetError" in str(said)
    with pytest.raises(sh.MemoryBudgetError):
        sh.path(WIDE, y, SQUARES, L1, ratio=0.01)


def test_bad_input_is_refused_as_by_path():
    with pytest.raises(sh.DataError, match="y"):
        sh.plan(WIDE, np.full(300, np.nan), SQUARES, L1)


def test_a_plan_holds_next_to_nothing():
    X = np.zeros((1000, 8000))
    X[:, ::2] = rng.standard_normal((1000, 4000))
    y = X[:, 0] + 1.0 * np.arange(1000)
    sh.plan(X, y, SQUARES, L1, cv=10)
    tracemalloc.start()
    sh.plan(X, y, SQUARES, L1, cv=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * X.nbytes


def test_it_reads_as_a_sentence():
    said = str(sh.plan(WIDE, target(WIDE, SQUARES), SQUARES, L1, cv=10))
    assert said.startswith(
        "The engine: batches of alphas, each on a working set, 11 paths (10 of folds) from about 15 readings of X."
    )
    assert "Roughly" in said and "beside X" in said


FOLDS = """
import resource, numpy as np, shrinkage as sh
rng = np.random.default_rng(0)
X = rng.standard_normal((150_000, 8)); y = (X[:, :4].sum(axis=1) + rng.standard_normal(150_000) > 0).astype(float)
job = dict(cv=5, n_alphas=30)
sh.select(X[:500], y[:500], sh.Logistic(), sh.L1(1.0), **job)
said = sh.plan(X, y, sh.Logistic(), sh.L1(1.0), **job)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sh.select(X, y, sh.Logistic(), sh.L1(1.0), **job)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before), int(said.bytes))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the unit of ru_maxrss")
def test_folds_that_wait_for_each_other_are_counted():
    """By the memory of a process: the core's arrays are not among what tracemalloc sees."""
    taken, said = map(
        int, subprocess.run([sys.executable, "-c", FOLDS], capture_output=True, text=True, check=True).stdout.split()
    )
    assert taken <= said, (taken, said)
