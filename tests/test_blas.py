"""BLAS on one thread while we work, and products in tiles of our own: what no bit of an answer depends on."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from threadpoolctl import ThreadpoolController

from shrinkage import blas, threads
from tests.alike import printed_by_threads


def _counts() -> set[int]:
    linalg.inv(np.eye(2))  # loads SciPy's
    return {one.num_threads for one in ThreadpoolController().select(user_api="blas").lib_controllers}


@pytest.fixture
def two():
    """BLAS on two threads, where it can be told."""
    with ThreadpoolController().limit(limits=2):
        if _counts() != {2}:
            pytest.skip("BLAS cannot be told here on how many threads to work.")
        yield


@blas.alone
def inside(then=lambda: None):
    then()
    return _counts()


def test_blas_works_alone_inside_and_is_set_free_again(two):
    assert inside() == {1} and _counts() == {2}
    assert inside(inside) == {1} and _counts() == {2}
    with pytest.raises(ZeroDivisionError):
        inside(lambda: 1 / 0)
    assert _counts() == {2}


def test_the_last_of_two_threads_sets_it_free(two):
    """The second begins while the first is inside, and ends after it."""
    first, second = threading.Event(), threading.Event()
    found = []

    def late():
        found.append(inside(lambda: (second.set(), first.wait(10))))

    other = threading.Thread(target=late)

    def begin():
        other.start()
        second.wait(10)

    assert inside(begin) == {1}
    first.set()
    other.join(10)
    assert found == [{1}] and _counts() == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No fork here.")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_fork_may_work_too(two):
    """It is forked while another thread is inside, or holds the lock, and none of its own will ever let go of either."""
    for holding in (threading.Lock(), blas._alone.lock):
        begun, end = threading.Event(), threading.Event()
        other = threading.Thread(target=lambda begun=begun, end=end: inside(lambda: (begun.set(), end.wait(30))))
        other.start()
        begun.wait(10)
        with holding:
            child = os.fork()
            if child == 0:
                os._exit(0 if _counts() == {2} and inside() == {1} and _counts() == {2} else 1)
        end.set()
        other.join(10)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and _counts() == {2}


SHAPES = {
    "small": (3, 4, 5),
    "thin": (1200, 1300, 9),
    "thin, lying": (9, 1300, 1200),
    "wide": (300, 100, 2000),
    "large": (1100, 300, 700),
    "a sum": (40, 30_000, 40),
    "long rows": (300, 500, 7),
    "long rows, a sum": (12, 300_000, 9),
    "nothing": (0, 3, 4),
    "of nothing": (3, 0, 4),
}
shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
LAYOUTS = {"C": np.ascontiguousarray, "F": np.asfortranarray}
PAIRS = {f"{a} {b}": (LAYOUTS[a], LAYOUTS[b]) for a in LAYOUTS for b in LAYOUTS}
layouts = pytest.mark.parametrize("layouts", PAIRS.values(), ids=PAIRS)
dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@shape
@layouts
@dtype
def test_products_are_what_they_say(shape, layouts, dtype):
    (m, k, n), rng = shape, np.random.default_rng(0)
    A, B = (layout(rng.standard_normal(s).astype(dtype)) for layout, s in zip(layouts, ((m, k), (k, n)), strict=True))
    near = 30 * np.finfo(dtype).eps * np.sqrt(k + 1)
    for found, said in ((blas.times(A, B), A @ B), (blas.square(A), A @ A.T)):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, said, rtol=0, atol=near * max(1.0, np.abs(said).max(initial=0.0)))
    np.testing.assert_array_equal(blas.square(A), blas.square(A).T)


@given(st.lists(st.integers(-9, 9), min_size=1), st.integers(1, 1 << 23))
@settings(deadline=None)
def test_a_sum_is_that_of_its_terms_in_order(terms, size):
    assert threads.total(lambda k: np.array([k / 3]), terms, size)[0] == np.array([k / 3 for k in terms]).cumsum()[-1]


def test_threads_heed_what_their_caller_says_of_overflows(monkeypatch):
    monkeypatch.setenv("SHRINKAGE_NUM_THREADS", "2")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.each(lambda k: np.float64(1e308) * k, [10, 10])
    with np.errstate(over="ignore"):
        assert threads.each(lambda k: np.float64(1e308) * k, [10, 10]) == [np.inf] * 2


# Each of a size at which BLAS, left alone, cuts its sums by its threads.
PROGRAM = """
import hashlib, warnings
import numpy as np, shrinkage as sh
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
def data(n, p):
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    return X, X[:, :9] @ rng.standard_normal(9) + rng.standard_normal(n)
def path(*args, **more):
    one = sh.path(*args, **more)
    return one.coefs, one.intercepts, one.gaps, one.values, one.deviance_explained, one.df
def select(*args, **more):
    one = sh.select(*args, **more)
    return one.mean, one.path.coefs, one.criteria["bic"]
def model(estimator, X, y):
    m = estimator.fit(X, y)
    return m.coef_, m.predict(X), m.score(X, y), m.summary().__str__().encode()
L1, L2, LOSS, LOGIT = sh.L1(1.0), sh.L2(1.0), sh.SquaredError(), sh.Logistic()
wide, tall = data(300, 1500), data(12000, 120)
for X, y in (wide, tall):
    alphas, classes = np.geomspace(3, 0.03, 10), (y > 0).astype(float)
    groups = sh.Grouped(L1, np.arange(X.shape[1]) // 5)
    far = np.tile(X, (1, 20_000 // X.shape[1]))[:40]
    for made in (
        lambda: (sh.path(far, y[:40], LOSS, L1, n_alphas=3, ratio=0.5).predict(far),),
        lambda: path(X, y, LOSS, L1, n_alphas=15, ratio=0.05),
        lambda: path(X.astype(np.float32), y, LOSS, L1, n_alphas=10, ratio=0.1, standardize=True),
        lambda: select(X, y, LOSS, L1, n_alphas=12, ratio=0.1, cv=3, standardize=True),
        lambda: path(X, y, LOSS, L2, alphas=alphas),
        lambda: path(X, y, LOSS, groups, n_alphas=12, ratio=0.1),
        lambda: path(X, y, LOSS, sh.MCP(1.0), n_alphas=5, ratio=0.3),
        lambda: path(X, classes, LOGIT, L1, n_alphas=8, ratio=0.1),
        lambda: select(X, classes, LOGIT, L1, n_alphas=6, ratio=0.2, cv=3),
        lambda: model(sh.RidgeCV(alphas=alphas), X, y),
        lambda: model(sh.RidgeCV(alphas=alphas, cv=3, scoring="r2"), X, y),
        lambda: model(sh.LogisticRegressionCV(Cs=[0.01, 0.1], cv=3, l1_ratios=[1.0], scoring="neg_log_loss"), X, classes),
        lambda: path(X, classes, LOGIT, groups, n_alphas=6, ratio=0.3),
        lambda: select(X, np.round(np.exp(y / 9)), sh.Poisson(), L1, n_alphas=5, ratio=0.3, cv=3),
        lambda: model(sh.Lasso(alpha=0.2), X, y),
        lambda: (lambda one: (one.coef, one.intercept, one.objective))(sh.solve(X, y, sh.Huber(), 0.3 * len(y) * L1, tol=1e-3)),
    ):
        parts = [part if isinstance(part, bytes) else np.asarray(part).tobytes() for part in made()]
        print(hashlib.sha1(b"".join(parts)).hexdigest())
"""


def test_no_bit_depends_on_the_number_of_threads_of_blas():
    assert len(printed_by_threads(PROGRAM)) == 1
