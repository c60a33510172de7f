"""Lanes that wait for products together, and few columns of which all are taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shrinkage as sh
from shrinkage import _core
from shrinkage.designs import Dense
from shrinkage.engine import panels
from shrinkage.engine.batched import _nearest
from shrinkage.engine.panels import Ask, DensePanel
from shrinkage.engine.together import together
from tests.alike import printed_by_threads

PROGRAM = """
import hashlib, numpy as np, shrinkage as sh
rng = np.random.default_rng(1)
X = rng.standard_normal((3000, 100)); y = (X[:, :5].sum(axis=1) + rng.standard_normal(3000) > 0).astype(float)
found = sh.select(X, y, sh.Logistic(), sh.L1(1.0), cv=4, n_alphas=12, ratio=1e-2, tol=1e-8)
print(hashlib.sha256(found.mean.tobytes() + np.ascontiguousarray(found.path.coefs).tobytes()).hexdigest())
"""


def panel(rng, n, p):
    found = DensePanel(Dense.of(np.asfortranarray(rng.standard_normal((n, p)))))
    found.grow(np.arange(p))
    return found


@given(seed=st.integers(0, 2**32 - 1), near=st.booleans())
def test_what_is_asked_together_is_what_is_asked_alone(seed, near):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(1, 30)), int(rng.integers(1, 12))
    one, asks = panel(rng, n, p), []
    for _ in range(rng.integers(1, 6)):
        at = rng.permutation(p)[: rng.integers(0, p + 1)]
        sums, b = bool(rng.integers(2)), int(rng.integers(1, 4))
        asks.append(Ask(at, rng.standard_normal((n if sums else len(at), b)), sums))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panels, "NEAR", 10**9 if near else 0)
        found = one.products(asks)
    for ask, product in zip(asks, found, strict=True):
        columns = one.held[ask.at]
        np.testing.assert_allclose(product, columns @ ask.factor if ask.sums else columns.T @ ask.factor, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_some_rows_of_some_columns(seed):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(4, 30)), int(rng.integers(2, 12))
    one = panel(rng, n, p)
    at = rng.permutation(p)[: rng.integers(1, p + 1)]
    weights = np.where(rng.random(n) < 0.3, rng.random(n), 0.0)
    for its in (at, np.concatenate([np.setdiff1d(np.arange(p), at), at])):
        block, sums = one.gram(at, its, weights)
        np.testing.assert_allclose(block, (one.held[at] * weights) @ one.held[its].T, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(sums, one.held[at] @ weights, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_combinations_that_come_near(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    units = [v / np.linalg.norm(v) for v in rng.standard_normal((2, n))]
    sizes = [10.0 ** int(power) for power in rng.integers(-200, 200, 2)]  # whose squares may be no numbers
    vectors = [units[0] * sizes[0], units[1] * sizes[1], 3 * units[1] * sizes[1], np.zeros(n)]
    targets = rng.standard_normal((n, 3))
    targets[:, 0] = 2 * units[0]
    inside, apart = _nearest(vectors, targets)
    left = np.linalg.norm(targets - np.array(vectors).T @ inside, axis=0)
    np.testing.assert_allclose(apart, left, rtol=1e-6, atol=1e-10)
    assert apart[0] < 1e-10
    U = np.array(units).T
    nearest = np.linalg.norm(targets - U @ np.linalg.lstsq(U, targets, rcond=1e-6)[0], axis=0)
    np.testing.assert_allclose(left, nearest, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_has_left_the_numbers_is_near_nothing(bad):
    rng = np.random.default_rng(0)
    vectors, targets = [rng.standard_normal(6) for _ in range(4)], rng.standard_normal((6, 2))
    vectors[1][3] = bad
    inside, apart = _nearest(vectors, targets)
    assert np.all(np.abs(inside[1]) < 1e-12) and np.all(np.isfinite(apart))
    targets[0, 1] = bad
    assert np.all(np.isinf(_nearest(vectors, targets)[1]))


def test_few_that_ask_for_little_do_not_read_the_whole_panel():
    one = panel(np.random.default_rng(0), 6, 40)
    little = [Ask(np.array([k]), np.ones((1, 2))) for k in range(3)]
    assert not one._alike(little) and not one._alike(little[:1])
    assert one._alike([Ask(np.arange(40 - k), np.ones((40 - k, 2))) for k in range(3)])


def test_tasks_that_ask_and_tasks_that_do_not():
    rng = np.random.default_rng(0)
    one = panel(rng, 8, 3)
    every = np.arange(3)

    def asking(times):
        total = 0.0
        for _ in range(times):
            pulls = yield Ask(every, np.ones((8, 1)), sums=True)
            fitted = yield Ask(every, pulls)
            total += float(fitted.sum())
        return total

    once = float((one.held.T @ (one.held @ np.ones((8, 1)))).sum())
    found = together(one, [lambda: asking(2), lambda: "at once", lambda: asking(0), lambda: asking(1)], 1)
    assert found == [pytest.approx(2 * once), "at once", 0.0, pytest.approx(once)]


def test_an_error_in_a_task_is_told():
    def failing():
        yield Ask(np.arange(2), np.ones((4, 1)), sums=True)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together(panel(np.random.default_rng(0), 4, 2), [failing], 1)


def test_one_model_that_stands_for_all_is_judged_as_copies_of_it():
    rng = np.random.default_rng(0)
    before, metric = np.asfortranarray(rng.standard_normal((9, 1))), rng.random(9)
    moved, rho, curvatures = (np.asfortranarray(rng.random((9, 4))) for _ in range(3))
    for a, b in zip(
        _core.judge(before, metric, moved, rho, curvatures),
        _core.judge(np.asfortranarray(np.repeat(before, 4, axis=1)), metric, moved, rho, curvatures),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"before must be \(n, m\), or \(n, 1\)"):
        _core.judge(np.asfortranarray(before.repeat(3, axis=1)), metric, moved, rho, curvatures)


@pytest.mark.parametrize("cv", [0, 4])
@pytest.mark.parametrize("loss", [sh.Logistic(), sh.Poisson()], ids=["logistic", "poisson"])
def test_few_columns_are_all_taken_and_then_not_read_any_more(loss, cv):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((400, 30))
    eta = X[:, :12] @ np.where(np.arange(12) % 2, -0.3, 0.3)
    y = (
        rng.poisson(np.exp(eta)).astype(float)
        if isinstance(loss, sh.Poisson)
        else (rng.random(400) < 1 / (1 + np.exp(-eta))) * 1.0
    )
    folds = sh.select(X, y, loss, sh.L1(1.0), cv=cv, n_alphas=60, ratio=1e-3, tol=1e-9) if cv else None
    path = folds.path if folds else sh.path(X, y, loss, sh.L1(1.0), n_alphas=60, ratio=1e-3, tol=1e-9)
    assert path.passes <= 6 and all(path.outcomes)
    assert np.all(path.gaps <= 1e-9) and np.count_nonzero(path.coefs[:, -1]) > 25
    for i in (10, 59):
        alone = sh.solve(X, y, loss, float(path.alphas[i]) * len(y) * sh.L1(1.0), tol=1e-9)
        np.testing.assert_allclose(path.coefs[:, i], alone.coef, atol=1e-4)


def test_no_bit_depends_on_the_number_of_threads():
    assert len(printed_by_threads(PROGRAM)) == 1
