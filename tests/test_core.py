"""The compiled core against its slow, obvious twins."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage import _core
from shrinkage.penalties.terms import NAMES, Terms
from tests.batteries import PENALTIES

number = st.floats(0.05, 3.0)
maybe = st.one_of(st.just(0.0), number)


@st.composite
def terms(draw):
    low, high = draw(st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (-0.5, 0.7), (0.2, 0.9), (-2.0, -0.1), (0.0, 0.0)]))
    slope, fall = draw(maybe), draw(maybe)
    return Terms(draw(maybe), draw(maybe), low, high, slope, fall, fall + draw(number))


@settings(max_examples=500)
@given(terms(), st.floats(-6, 6), st.floats(0.01, 20))
def test_prox_is_that_of_the_formula(t, w, step):
    compiled = _core.prox(t.table(1), np.array([w]), np.array([step]))[0]
    formula = float(t.prox(np.array([w]), step)[0])

    def cost(z):
        return float(t.value(np.array([z]))[0]) + (z - w) ** 2 / (2 * step)

    grid = np.linspace(max(t.low, -8), min(t.high, 8), 4001)
    best = min(cost(z) for z in grid[::20])
    assert cost(compiled) == pytest.approx(cost(formula), rel=1e-9, abs=1e-12)  # where two minima tie, either is right
    assert cost(formula) <= best + 1e-9 * abs(best) + 1e-12


@settings(max_examples=300)
@given(terms(), st.floats(-6, 6), st.floats(-6, 6))
def test_price_is_that_of_the_formula(t, w, pull):
    w = np.clip(np.array([w, 0.0, t.fall, t.flat, t.low if np.isfinite(t.low) else 1.0]), t.low, t.high)
    value, violation = _core.price(t.table(5), w, np.full(5, pull))
    low, high = t.subgradient(w)
    assert value == pytest.approx(float(np.sum(t.value(w))), rel=1e-12)
    assert violation == pytest.approx(float(np.max(np.maximum(low - pull, pull - high), initial=0.0)), rel=1e-12, abs=1e-14)


def descend(G, q, twin, newton=True, tolerance=1e-11, w=None):
    w = np.zeros(len(q)) if w is None else w
    Gw = G @ w
    out = _core.descend(G, q, twin.terms, twin.groups, twin.group_terms, w, Gw, tolerance, 100_000, newton)
    return w, Gw, out


def quadratic(k=6, n=30, seed=0, twins=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, k)) + rng.standard_normal((n, 1))
    if twins:
        X[:, 1] = X[:, 0]
        X[:, 2] = 0
    return X.T @ X / n, X.T @ (X[:, 0] * 2 - X[:, -1] + rng.standard_normal(n)) / n


@pytest.mark.parametrize("newton", [False, True])
@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("case", PENALTIES, ids=str)
def test_descend_ends_where_the_optimality_conditions_hold(case, twins, newton):
    G, q = quadratic(twins=twins)
    penalty = case.penalty
    w, Gw, (_, _, converged) = descend(G, q, penalty.twin(6), newton)
    assert converged
    np.testing.assert_allclose(Gw, G @ w, atol=1e-13)
    violation = penalty.violation(w, Gw - q)
    assert np.max(np.where(np.diag(G) > 0, violation, 0.0)) < 1e-7
    assert np.isfinite(penalty.value(w))


@pytest.mark.parametrize("case", [c for c in PENALTIES if c.penalty.convex], ids=str)
def test_descend_against_proximal_gradient(case):
    """The slow twin: ten thousand plain proximal gradient steps."""
    G, q = quadratic()
    penalty, w = case.penalty, np.zeros(6)
    step = 1 / np.linalg.eigvalsh(G)[-1]
    for _ in range(10_000):
        w = penalty.prox(w - step * (G @ w - q), step)
    np.testing.assert_allclose(descend(G, q, penalty.twin(6))[0], w, atol=1e-7)


def test_newton_ends_the_crawl_of_ill_conditioned_problems():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 1)) + 1e-3 * rng.standard_normal((200, 12))
    G, q = X.T @ X, X.T @ rng.standard_normal(200)
    table = Terms(l1=1e-6).table(12)
    w, Gw, (sweeps, _, converged) = descend(G, q, type("T", (), dict(terms=table, groups=None, group_terms=None)), True, 1e-12)
    assert converged and sweeps < 1000
    low, high = Terms(l1=1e-6).subgradient(w)
    assert np.max(np.clip(low + Gw - q, 0, None) + np.clip(q - Gw - high, 0, None)) < 1e-9


@pytest.mark.parametrize("k", [0, 1])
def test_small_sizes(k):
    G, q = np.eye(k) * 2, np.ones(k)
    w, _, (_, _, converged) = descend(G, q, type("T", (), dict(terms=Terms(l1=0.5).table(k), groups=None, group_terms=None)))
    assert converged
    np.testing.assert_allclose(w, np.full(k, 0.25))


def test_wrong_arguments_are_refused():
    G, q, table = np.eye(2), np.ones(2), Terms().table(2)
    with pytest.raises(ValueError, match="descend"):
        _core.descend(G, q, Terms().table(3), None, None, np.zeros(2), np.zeros(2), 1e-9, 10, True)
    with pytest.raises(ValueError, match="come together"):
        _core.descend(G, q, table, np.zeros(2, np.int64), None, np.zeros(2), np.zeros(2), 1e-9, 10, True)
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(TypeError):
        _core.descend(G, q, table, None, None, frozen, np.zeros(2), 1e-9, 10, True)
    with pytest.raises(TypeError):
        _core.descend(G, q, table, None, None, np.zeros(2, np.float32), np.zeros(2), 1e-9, 10, True)
    assert len(NAMES) == 7


ENDLESS = """
import numpy as np, time, sys
from shrinkage import _core
from shrinkage.penalties.terms import Terms
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 300)) + 100 * rng.standard_normal((300, 1))
G = X.T @ X
q = X.T @ rng.standard_normal(300)
print("ready", flush=True)
try:
    w = np.zeros(300)
    _core.descend(G, q, Terms(l1=1e-9).table(300), None, None, w, G @ w, 0.0, 2_000_000_000, False)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_answers_at_once():
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "stopped\n"
        took = time.perf_counter() - sent
    print(f"Ctrl-C answered after {1000 * took:.0f} ms")
    assert took < 2  # 0.2 s is the promise; a busy test machine may be late


def test_threads_and_fork_after_use():
    G, q = quadratic(k=40, n=80)
    twin = type("T", (), dict(terms=Terms(l1=0.1).table(40), groups=None, group_terms=None))
    expected = descend(G, q, twin)[0]
    found = [None] * 4

    def work(i):
        found[i] = descend(G, q, twin)[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for w in found:
        np.testing.assert_array_equal(w, expected)
    if hasattr(os, "fork"):
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-c",
             "import os, numpy as np, shrinkage as sh;"
             "f = lambda: sh.solve(np.eye(5), np.arange(5.0), sh.SquaredError(), sh.L1(0.1));"
             "f(); pid = os.fork(); f(); pid and os.waitpid(pid, 0)"],
            timeout=30,
        )  # fmt: skip
        assert child.returncode == 0
