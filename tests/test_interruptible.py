"""Ctrl-C is answered within a fifth of a second, also inside somebody else's compiled code."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import shrinkage as sh
from shrinkage.solvers import interruptible


def answered_after(work, wait):
    """Seconds between an interrupt, `wait` seconds into `work`, and its KeyboardInterrupt."""
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(wait, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt) as stop:
            work()
    finally:
        timer.cancel()
    return time.perf_counter() - sent[0], stop.value


def test_a_linear_program():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2500, 300))
    y = X[:, 0] + rng.standard_normal(2500)
    seconds, _ = answered_after(lambda: sh.solve(X, y, sh.AbsoluteError(), sh.L1(5.0)), 1.5)
    print(f"the linear program answered after {seconds * 1000:.0f} ms")
    assert seconds < 1.0


def test_answers_and_errors_come_through():
    assert interruptible.call(lambda a, b: a + b, 1, b=2) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible.call(lambda: 1 / 0)
