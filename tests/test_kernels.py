"""The compiled loops against slow, obvious twins, in every layout they read and on every instruction set."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shrinkage as sh
from shrinkage import _core
from shrinkage.designs import Dense

LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "rows of a wider C": lambda X: np.ascontiguousarray(np.column_stack([X, X]))[:, : X.shape[1]],
    "columns of a taller F": lambda X: np.asfortranarray(np.vstack([X, X]))[: X.shape[0]],
}
layout = pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS)
dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
sizes = given(n=st.integers(1, 600), p=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))


def matrix(n, p, seed, dtype):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n, p)) * np.exp(rng.normal(0, 3, p)) + rng.normal(0, 5, p)).astype(dtype)
    X[:, rng.integers(p)] = dtype(rng.normal())
    return X, rng


@layout
@dtype
@sizes
def test_moments(lay, dtype, n, p, seed):
    X, rng = matrix(n, p, seed, dtype)
    weights = rng.random(n) * (rng.random(n) > 0.3)
    weights[rng.integers(n)] = 1.0
    for w in (None, weights):
        mean, square, low, high = _core.moments(lay(X), w)
        share, Y = np.ones(n) if w is None else w, X.astype(np.longdouble)
        centre = share @ Y / share.sum()
        used = X[share > 0]
        spread = np.abs(used - centre).max(axis=0)
        np.testing.assert_array_less(np.abs(mean - centre), 1e-14 * (np.abs(centre) + spread) + 1e-300)
        np.testing.assert_allclose(square, share @ (Y - centre) ** 2, rtol=1e-11, atol=1e-28 * float((centre**2).max() * n))
        np.testing.assert_array_equal(low, used.min(axis=0))
        np.testing.assert_array_equal(high, used.max(axis=0))
        constant = low == high
        np.testing.assert_array_equal(mean[constant], low[constant])  # exactly, and no spread at all
        np.testing.assert_array_equal(square[constant], 0.0)


@layout
@pytest.mark.parametrize("skipped", [64, 256, 300, 599])
def test_moments_tell_a_nan_before_the_first_row_that_counts(lay, skipped):
    X = np.random.default_rng(0).standard_normal((600, 11))
    X[skipped - 10, 3] = np.nan
    mean = _core.moments(lay(X), np.repeat([0.0, 1.0], [skipped, 600 - skipped]))[0]
    np.testing.assert_array_equal(np.isnan(mean), np.arange(11) == 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weighted", [False, True])
@layout
def test_moments_do_not_hide_what_is_not_finite(lay, bad, weighted):
    X = np.random.default_rng(0).standard_normal((300, 19))
    X[270, 3] = X[1, 18] = bad
    weights = np.ones(300)
    weights[270] = 0.0
    _, square, _, _ = _core.moments(lay(X), weights if weighted else None)
    assert list(np.flatnonzero(~np.isfinite(square))) == [3, 18]


@layout
@dtype
@sizes
def test_skinny(lay, dtype, n, p, seed):
    X, rng = matrix(n, p, seed, dtype)
    shift = X.mean(axis=0).astype(float)
    R = np.asfortranarray(rng.standard_normal((n, int(rng.integers(1, 10)))))
    found = _core.skinny(lay(X), shift, R)
    apart = X.astype(np.longdouble) - shift
    bound = 1e-15 * n * np.abs(apart).T @ np.abs(R) + 1e-300
    assert np.all(np.abs(found - apart.T @ R) <= bound)


@layout
@dtype
@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 22])
def test_skinny_of_long_columns(lay, dtype, m):
    X, rng = matrix(9001, 11, 0, dtype)
    R = np.asfortranarray(rng.standard_normal((9001, m)))
    found = _core.skinny(lay(X), np.ones(11), R)
    apart = X.astype(np.longdouble) - 1
    assert np.all(np.abs(found - apart.T @ R) <= 1e-13 * np.abs(apart).T @ np.abs(R))


@layout
@dtype
@sizes
def test_pack(lay, dtype, n, p, seed):
    X, rng = matrix(n, p, seed, dtype)
    places, shift, scale = rng.permutation(n), rng.standard_normal(p), rng.random(p)
    for order in "CF":
        out = np.full((n, p + 2), 7.0, order=order)
        _core.pack(lay(X), places, shift, scale, out[:, :p])
        np.testing.assert_array_equal(out[places, :p], (X.astype(float) - shift) * scale)
        np.testing.assert_array_equal(out[:, p:], 7.0)


def test_shapes_that_do_not_fit_are_refused():
    X, R = np.ones((4, 3)), np.ones((5, 2), order="F")
    with pytest.raises(ValueError, match="skinny"):
        _core.skinny(X, np.zeros(3), R)
    with pytest.raises(ValueError, match="moments"):
        _core.moments(X, np.ones(5))
    with pytest.raises(ValueError, match="contiguous"):
        _core.moments(np.ones((8, 6))[::2, ::2], None)
    with pytest.raises((TypeError, ValueError), match="float32"):
        _core.moments(np.ones((4, 3), np.int64), None)
    for place in (-1, 4):
        with pytest.raises(ValueError, match="pack: a place"):
            _core.pack(X, np.array([0, 1, 2, place]), np.zeros(3), np.ones(3), np.empty((4, 3)))
    for places, rows in ((3, 4), (4, 3)):
        with pytest.raises(ValueError, match="pack: X and out"):
            _core.pack(X, np.arange(places), np.zeros(3), np.ones(3), np.empty((rows, 3)))


PROGRAM = """
import hashlib, numpy as np
from shrinkage import _core
rng = np.random.default_rng(0)
X, R = rng.standard_normal((701, 53)), np.asfortranarray(rng.standard_normal((701, 7)))
digest = hashlib.sha256()
for Y in (X, np.asfortranarray(X), X.astype(np.float32)):
    for part in (*_core.moments(Y, None), *_core.moments(Y, R[:, 0] ** 2), _core.skinny(Y, X[0], R)):
        digest.update(np.ascontiguousarray(part).tobytes())
G = X.T @ X
unit = np.repeat([[1.0], [0.1], [-np.inf], [np.inf], [0.0], [np.inf], [np.inf]], 53, axis=1)
q, strengths = np.round(X.T @ R[:, 0], 6), np.geomspace(60, 0.1, 30)
for part in _core.follow(np.round(G, 6), q, 900.0, unit, strengths, np.zeros(53), 1e-9, True, _core.Memory())[:4]:
    digest.update(part.tobytes())
y, eta = (R[:, 0] > 0).astype(float), np.asfortranarray(30 * R)
for family in ("bernoulli", "poisson"):
    rho, curvatures, totals = _core.likelihood(family, y, R[:, 0] ** 2, eta)
    for part in (rho, curvatures, totals, *_core.judge(rho, R[:, 1] ** 2, R, rho + 0.1 * curvatures, curvatures)):
        digest.update(np.ascontiguousarray(part).tobytes())
ones = np.ones(701)
read = [R[:, k].copy() for k in (0, 1, 0, 1)]
for part in _core.chord(read, R[:4, :2].copy(), ones[:2], ones, ones, ones, R[:, 2].copy(), ones[:2]):
    digest.update(part.tobytes())
print(_core.kernels(), digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    found = {}
    for name in ("baseline", "avx2", "avx512"):
        env = {**os.environ, "SHRINKAGE_KERNELS": name}
        used, digest = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        ).stdout.split()
        found[used] = digest
    assert "baseline" in found and len(set(found.values())) == 1, found


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("type", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e4])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_products_by_label(order, type, offset, count, weighted):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.standard_normal((5000, 7)) * np.geomspace(1, 1e3, 7) + offset, dtype=type, order=order)
    y, labels = rng.standard_normal(5000), rng.integers(0, count, 5000)
    weights = rng.random(5000) if weighted else np.full(5000, 0.3)
    shift, scale = X.mean(axis=0).astype(float), 1 / X.std(axis=0).astype(float)
    (found,) = Dense.of(X).view(shift, scale).products(y, weights, [(labels, np.eye(count))])
    for label in range(count):
        rows = labels == label
        Z = np.column_stack([(X[rows].astype(np.longdouble) - shift) * scale, y[rows], np.ones(rows.sum())])
        np.testing.assert_allclose(found[label], ((Z * weights[rows, None]).T @ Z).astype(float), rtol=1e-12, atol=1e-10)


FAMILIES = {"bernoulli": sh.Logistic(), "poisson": sh.Poisson()}


@pytest.mark.parametrize("family", FAMILIES)
@given(n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1e-8, 1.0, 30.0, 700.0]))
def test_likelihoods(family, n, seed, size):
    loss, rng = FAMILIES[family], np.random.default_rng(seed)
    eta = np.asfortranarray(np.clip(size * rng.standard_normal((n, 3)), -700, 700))
    y = rng.random(n) if family == "bernoulli" else 3 * rng.random(n)
    weights = rng.random(n) * (rng.random(n) > 0.3)
    rho, curvatures, totals = _core.likelihood(family, y, weights, eta)
    slopes, bends = loss.gradient(y[:, None], eta), loss.curvature(y[:, None], eta)
    np.testing.assert_allclose(rho, -weights[:, None] * slopes, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(curvatures, weights[:, None] * bends, rtol=1e-13, atol=1e-300)
    values = loss.value(y[:, None], eta)
    np.testing.assert_allclose(totals, weights @ values, rtol=1e-13, atol=1e-14 * (1 + np.abs(weights @ np.abs(values)).max()))


def test_likelihoods_far_out():
    eta = np.array([[-1e5], [-745.0], [800.0], [1e5], [np.inf], [0.0]], order="F")
    weights = np.array([1.0, 1, 1, 1, 1, 0])
    for y in (np.zeros(6), np.ones(6)):
        rho, curvatures, total = _core.likelihood("bernoulli", y, weights, eta)
        np.testing.assert_allclose(rho[:, 0], weights * (y - (eta[:, 0] > 0)), atol=1e-300)
        assert np.all(curvatures < 1e-300) and (total[0] == np.inf or y[0] == 1)
        assert _core.likelihood("poisson", y, weights, eta)[2][0] == np.inf
    assert _core.likelihood("poisson", np.zeros(6), weights, eta)[0][5, 0] == 0  # a row of weight 0 is not there


@given(n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_a_steps_account(n, seed):
    rng = np.random.default_rng(seed)
    before, moved, rho = (np.asfortranarray(rng.standard_normal((n, 2))) for _ in range(3))
    metric, curvatures = rng.random(n), np.asfortranarray(4 * rng.random((n, 2)) + 0.1)
    rho[0], before[0], moved[0], curvatures[0] = 0, 0, 0, 0  # a row of weight 0
    predicted, squares, admitted = _core.judge(before, metric, moved, rho, curvatures)
    wanted = before - metric[:, None] * moved
    np.testing.assert_allclose(predicted, wanted, rtol=1e-15, atol=1e-15)
    apart = wanted - rho
    np.testing.assert_allclose(squares, np.sum(apart[1:] ** 2 / curvatures[1:], axis=0), rtol=1e-13)
    np.testing.assert_array_equal(admitted, np.all(np.abs(apart) <= curvatures, axis=0))


@given(n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), level=st.booleans())
def test_a_dual_point_brought_back(n, seed, level):
    rng = np.random.default_rng(seed)
    rho, before = (np.asfortranarray(rng.standard_normal((n, 3))) for _ in range(2))
    h = np.asfortranarray(2 * rng.random((n, 3)) + 1e-3)
    predicted, some = before.copy(order="F"), np.array([0, 2])
    shift, squares, admitted = _core.mend(predicted, rho, h, some, level)
    was = before - rho
    apart = np.where(np.abs(was) <= h, was, 0.0)
    if level:
        apart -= (apart - was).sum(axis=0) * (h / h.sum(axis=0))
    np.testing.assert_array_equal(predicted[:, 1], before[:, 1])  # which was not asked for
    np.testing.assert_allclose(predicted[:, some], (rho + apart)[:, some], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(before[:, some] + shift, predicted[:, some], rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(squares, (apart**2 / h).sum(axis=0)[some], rtol=1e-11, atol=1e-20)
    np.testing.assert_array_equal(admitted, np.all(np.abs(apart) <= h, axis=0)[some])
    if level:
        np.testing.assert_allclose(predicted.sum(axis=0), before.sum(axis=0), atol=1e-11)


@given(p=st.integers(1, 600), b=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_chords(p, b, seed):
    rng = np.random.default_rng(seed)
    read, inside, apart = rng.standard_normal((4, p)), rng.standard_normal((4, b)), rng.random(b)
    up, down, reach = rng.random((3, p)) * (rng.random((3, p)) > 0.3)
    end, allowed = rng.standard_normal(p), rng.uniform(0.5, 4, b)
    end[rng.integers(p)] = np.nan
    pull = read.T @ inside
    pull[:, -1], apart[-1] = end, 0.0
    counts = np.maximum(up[:, None] * pull, -down[:, None] * pull) + reach[:, None] * apart
    largest, over = _core.chord(list(read), inside, apart, up, down, reach, end, allowed)
    sure = (counts <= allowed).all(axis=1)
    np.testing.assert_array_equal(over, ~sure)
    np.testing.assert_allclose(largest, counts[sure].max(axis=0, initial=0.0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("m", [0, 1, 2, 5, 6, 33, 199, 200, 201, 407])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 511, 512, 1030])
@pytest.mark.parametrize("other", [None, 1, 7, 203])
def test_inner(m, n, other):
    rng = np.random.default_rng(m + n)
    A, B = ((rng.standard_normal((k, n + 3)) * np.exp(rng.normal(0, 3, n + 3)))[:, :n] for k in (m, other or m))
    got, twin = (_core.inner(A), A) if other is None else (_core.inner(A, B), B)
    exact = A.astype(np.longdouble) @ twin.T.astype(np.longdouble)
    assert other or np.array_equal(got, got.T)
    assert np.all(np.abs(got - exact) <= 1e-15 * max(n, 1) * np.outer(np.linalg.norm(A, axis=1), np.linalg.norm(twin, axis=1)))


@given(m=st.integers(2, 30), n=st.integers(1, 600), seed=st.integers(0, 2**32 - 1))
def test_inner_products_of_equal_rows_are_equal(m, n, seed):
    """Whichever block a row falls into."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n))
    order = rng.integers(m, size=2 * m)
    for product in (_core.inner, lambda B: _core.inner(B, B)):
        np.testing.assert_array_equal(product(A[order]), product(A)[np.ix_(order, order)])


def test_inner_wants_contiguous_rows_of_one_length():
    A = np.ones((4, 6))
    with pytest.raises(ValueError, match="rows must be contiguous"):
        _core.inner(A[:, ::2])
    with pytest.raises(ValueError, match="rows must be contiguous"):
        _core.inner(A, np.ones((6, 4)).T)
    with pytest.raises(ValueError, match="backwards"):
        _core.inner(A[::-1])
    with pytest.raises(ValueError, match="as long"):
        _core.inner(A, np.ones((4, 5)))


INNER = """
import numpy as np
from shrinkage import _core
rng = np.random.default_rng(0)
for m, n, l in ((1, 9, 1), (7, 513, 3), (201, 130, 202)):
    A, B = rng.standard_normal((m, n)), rng.standard_normal((l, n))
    for got, said in ((_core.inner(A), A @ A.T), (_core.inner(A, B), A @ B.T)):
        np.testing.assert_allclose(got, said, rtol=0, atol=1e-12)
"""


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512"])
def test_inner_on_every_instruction_set(name):
    subprocess.run([sys.executable, "-c", INNER], env={**os.environ, "SHRINKAGE_KERNELS": name}, check=True)
