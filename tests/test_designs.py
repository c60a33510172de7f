"""Every verb of every layout against the plain array it stands for."""

import numpy as np
import pytest
from scipy import sparse

from shrinkage import designs
from shrinkage.designs import Dense, Sparse, exponents
from shrinkage.errors import DataError
from shrinkage.inputs import check_finite, read_design
from tests.layouts import LAYOUTS, memory_map


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 7))
    X[rng.random(X.shape) < 0.5] = 0.0
    X[:, 3] += 5.0
    return X


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(designs, "BLOCK_BYTES", 1)


def both(X, layout, centred):
    """(design, the array it stands for)."""
    design = read_design(LAYOUTS[layout](X)).design
    if not centred:
        return design.view(np.zeros(7), np.ones(7)), X
    shift, scale = X.mean(axis=0), 1 / X.std(axis=0)
    return design.view(shift, scale), (X - shift) * scale


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_verbs(X, layout, centred, blocks):
    design, Z = both(X, layout, centred)
    rng = np.random.default_rng(1)
    R, B, w, d = rng.standard_normal((40, 50)), rng.standard_normal((3, 2)), rng.random(40), rng.random(7)
    columns, others = np.array([5, 0, 3]), np.array([3, 6])
    close = dict(rtol=1e-12, atol=1e-12)
    assert design.shape == X.shape
    for few in (R, R[:, :2]):
        np.testing.assert_allclose(design.rmatmat(few), Z.T @ few, **close)
    np.testing.assert_allclose(design.matmat(columns, B), Z[:, columns] @ B, **close)
    np.testing.assert_allclose(design.matmat(np.arange(7), np.eye(7)), Z, **close)
    np.testing.assert_allclose(design.matvec(d), Z @ d, **close)
    np.testing.assert_allclose(design.gram(columns, others, w), Z[:, columns].T @ (w[:, None] * Z[:, others]), **close)
    np.testing.assert_allclose(design.gram(columns, columns, w), Z[:, columns].T @ (w[:, None] * Z[:, columns]), **close)
    np.testing.assert_allclose(design.kernel(d), (Z * d) @ Z.T, **close)
    np.testing.assert_allclose(design.gather(columns), Z[:, columns], **close)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_moments(X, layout, blocks):
    weights = np.random.default_rng(2).random(40)
    weights[:4] = 0
    weights /= weights.sum()
    m = read_design(LAYOUTS[layout](X)).design.moments(weights)
    mean = weights @ X
    np.testing.assert_allclose(m.mean, mean, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(np.ldexp(m.sd, m.exponent), np.sqrt(weights @ (X - mean) ** 2), rtol=1e-12)
    np.testing.assert_array_equal(m.low, X[4:].min(axis=0))
    np.testing.assert_array_equal(m.high, X[4:].max(axis=0))


def test_memory_map(X, tmp_path):
    mapped = read_design(memory_map(X, tmp_path)).design
    assert isinstance(mapped.data, np.memmap)
    np.testing.assert_allclose(mapped.rmatvec(np.ones(40)), X.sum(axis=0), rtol=1e-13)


@pytest.mark.parametrize("kind", [Dense, Sparse])
@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e200, 1e300])
def test_moments_do_not_overflow(X, kind, size):
    design = kind.of(sparse.csc_array(X * size) if kind is Sparse else X * size)
    m = design.moments(np.full(40, 1 / 40))
    np.testing.assert_allclose(m.mean, X.mean(axis=0) * size, rtol=1e-12)
    np.testing.assert_allclose(np.ldexp(m.sd, m.exponent), X.std(axis=0) * size, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", "CF")
def test_an_offset_of_1e8_costs_no_digit(dtype, order):
    rng = np.random.default_rng(3)
    rough = (rng.standard_normal((500, 3)) + 1e8).astype(dtype, order=order)
    exact = rough.astype(np.longdouble)
    weights = np.full(500, 1 / 500)
    m = Dense.of(rough).moments(weights)
    view = Dense.of(rough).view(m.mean, np.ones(3))
    r = rng.standard_normal(500)
    truth = ((exact - m.mean).T @ r).astype(float)
    np.testing.assert_allclose(view.rmatvec(r), truth, rtol=1e-12, atol=1e-12 * np.abs(truth).max())


def test_constant_columns_are_exactly_constant():
    X = np.full((61, 2), 0.1)
    m = Dense.of(X).moments(np.full(61, 1 / 61))
    assert m.constant.all()
    np.testing.assert_array_equal(Dense.of(X).view(m.low, np.ones(2)).gather(np.arange(2)), 0)


@pytest.mark.parametrize("layout", ["c", "f", "csc", "csr", "polars"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_what_is_not_finite_is_named(X, layout, value, weight):
    X[5, 2] = value
    columns = read_design(LAYOUTS[layout](X))
    weights = np.ones(40)
    weights[5] = weight
    with pytest.raises(DataError, match=r"column ('x2'|2) has"):
        check_finite(columns.design.moments(weights / weights.sum()), columns.design, columns.names)


def test_input_is_never_modified(X):
    for layout in ("c", "f", "csc", "csr", "csr duplicates"):
        given = LAYOUTS[layout](X.copy())
        before = given.toarray().copy() if sparse.issparse(given) else given.copy()
        indices = given.indices.copy() if sparse.issparse(given) else None
        design = read_design(given).design.view(np.ones(7), np.full(7, 2.0))
        design.gram(np.arange(7), np.arange(7), np.ones(40))
        design.moments(np.full(40, 1 / 40))
        np.testing.assert_array_equal(given.toarray() if sparse.issparse(given) else given, before)
        if indices is not None:
            np.testing.assert_array_equal(given.indices, indices)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (np.zeros(3), "reshape"),
        (np.zeros((2, 2, 2)), "two-dimensional"),
        (np.zeros((0, 2)), "no rows"),
        (np.array([["1.5", "2"], ["3", "4"]]), "not a number"),
        (np.array([["a", 1], ["b", 2]], dtype=object), "text"),
        (np.zeros((2, 2), complex), "Complex"),
        (np.ma.masked_array(np.zeros((2, 2)), [[0, 1], [0, 0]]), "masked"),
    ],
)
def test_refused(bad, match):
    with pytest.raises(DataError, match=match):
        read_design(bad)


def test_frames_name_their_text_columns():
    pl = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"'town' \(String\)"):
        read_design(pl.DataFrame({"rooms": [1.0, 2.0], "town": ["a", "b"]}))


def test_exponents():
    np.testing.assert_array_equal(exponents(np.array([1.0, 0.5, 3.0, 0.0, np.inf])), [1, 0, 2, 0, 0])
