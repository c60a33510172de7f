"""How far a long fit has come: shares that grow from nothing to one, and a bar where somebody sees it."""

import os
import pty
import subprocess
import sys

import numpy as np
import pytest

import shrinkage as sh
from shrinkage import watching

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 8))
y = X @ np.arange(8.0) + rng.standard_normal(60)
WIDE = np.hstack([X, rng.standard_normal((60, 700))])
WALKS = {
    "a path on the engine": lambda: sh.path(WIDE, y, sh.SquaredError(), sh.L1(1.0), n_alphas=20),
    "a path by a solver": lambda: sh.path(X, y, sh.Huber(1.0), sh.L1(1.0), n_alphas=20),
    "folds on the engine": lambda: sh.select(WIDE, y, sh.SquaredError(), sh.L1(1.0), cv=3, n_alphas=20),
    "folds by a solver": lambda: sh.select(X, y, sh.Huber(1.0), sh.L1(1.0), cv=3, n_alphas=5),
    "an estimator with two grids": lambda: sh.ElasticNetCV(l1_ratio=[0.5, 1.0], cv=3).fit(X, y),
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_shares_grow_to_one(walk):
    seen = []
    with sh.progress(seen.append):
        walk()
    assert seen == sorted(seen) and 0 < seen[0] < 1 and seen[-1] == pytest.approx(1.0) and max(seen) <= 1.0
    count = len(seen)
    walk()  # nobody watches any more
    assert len(seen) == count


def test_parts_of_parts():
    seen = []
    with sh.progress(seen.append), watching.part(1, 2), watching.part(0, 4):
        watching.reached(0.5)
    np.testing.assert_allclose(seen, [0.5625, 0.625, 1.0])


def test_who_watches_may_stop_the_fit():
    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught, sh.progress(stop):
        sh.path(WIDE, y, sh.SquaredError(), sh.L1(1.0), n_alphas=20)
    assert len(caught.value.partial.alphas) >= 1


SCRIPT = """
import sys, time, shrinkage as sh
from shrinkage import watching
watching.LONG = float(sys.argv[1])
with sh.progress("Fitting a model"):
    for i in range(5):
        watching.reached(i / 5)
        time.sleep(0.05)
"""


@pytest.mark.parametrize(("long", "terminal", "drawn"), [(0, True, True), (60, True, False), (0, False, False)])
def test_a_bar_on_a_terminal_for_what_takes_long(long, terminal, drawn):
    words = [sys.executable, "-c", SCRIPT, str(long)]
    if not terminal:
        assert subprocess.run(words, capture_output=True, check=True).stderr == b""
        return
    here, there = pty.openpty()
    subprocess.run(words, stderr=there, check=True, env={**os.environ, "TERM": "xterm"})
    os.close(there)
    seen = b""
    try:
        while piece := os.read(here, 4096):
            seen += piece
    except OSError:  # what a terminal's end looks like on Linux
        pass
    os.close(here)
    assert (b"Fitting a model" in seen) == drawn


def test_without_rich_a_function_does():
    code = (
        "import sys; sys.modules['rich'] = None; import shrinkage as sh\n"
        "try:\n    with sh.progress(): pass\nexcept sh.ParameterError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install rich" in said and "pass a function" in said
