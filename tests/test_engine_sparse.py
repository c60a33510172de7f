"""Paths over sparse columns whose Gram is never formed, against the same data with every zero filled in."""

import numpy as np
import pytest
from scipy import sparse

import shrinkage as sh
from shrinkage.engine import thin
from tests.test_engine import PENALTIES, P, check

LOSS = sh.SquaredError()
penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


def data(n=200, p=P, seed=0, density=0.015):
    """About three entries in a column; some columns without any, some alike, one with every entry alike."""
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, p)) < density, rng.normal(1, 1, (n, p)), 0.0)
    X[:, 20], X[:, 21], X[:, 31] = 0.0, X[:, 22], 1.5
    return X, X[:, 40:60].sum(axis=1) + rng.standard_normal(n) + 3, rng


@pytest.fixture
def seen(monkeypatch):
    """How many working sets went, in a batch, over the columns themselves, and how many over a Gram."""
    counts = {"columns": 0, "Gram": 0}
    gramless = thin.ThinSet.gramless

    def counted(columns, panel):
        found = gramless(columns, panel)
        counts["columns" if found else "Gram"] += 1
        return found

    monkeypatch.setattr(thin.ThinSet, "gramless", counted)
    return counts


@penalty
@pytest.mark.parametrize("intercept", [True, False], ids=["", "no intercept"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_every_model_of_a_path_is_the_one(penalty, intercept, weighted, seen):
    X, y, rng = data()
    weights = 10.0 ** rng.uniform(-2, 2, len(y)) if weighted else np.ones(len(y))
    weights[5] = 0.0
    if not intercept:
        y -= 3
    words = {"n_alphas": 25, "ratio": 0.003, "weights": weights, "intercept": intercept}
    found = sh.path(sparse.csc_array(X), y, LOSS, penalty, tol=1e-8, **words)
    assert found.converged and found.passes is not None and seen["columns"] > 0
    if intercept:
        check(found, X, y, penalty, 1e-8, weights)
    dense = sh.path(X, y, LOSS, penalty, tol=1e-11, **words)
    eta = X @ (found.coefs - dense.coefs) + found.intercepts - dense.intercepts
    np.testing.assert_allclose(eta[weights > 0], 0, atol=2e-3)


@pytest.mark.parametrize("standardize", [False, True], ids=["", "standardised"])
def test_folds_are_those_of_dense_data(standardize, seen):
    X, y, _ = data(density=0.04)  # few entries would be alike once standardised, and then which column is used is open
    words = {"cv": 4, "n_alphas": 15, "ratio": 0.05, "standardize": standardize, "tol": 1e-9}
    thin, dense = (sh.select(one, y, LOSS, sh.L1(1.0), **words) for one in (sparse.csc_array(X), X))
    np.testing.assert_allclose(thin.test_errors, dense.test_errors, rtol=1e-4)
    np.testing.assert_allclose(thin.path.df, dense.path.df, atol=1)  # of two columns alike, one or both are in use
    assert seen["columns"] > 0


def test_a_column_that_hardly_varies_keeps_its_gram(seen):
    X, y, rng = data()
    X[:, 31] += 1e-5 * rng.standard_normal(len(y))
    X[:, 31] *= 1e4
    penalty = sh.L1(np.where(np.arange(P) == 31, 1e-3, 1.0))
    found = sh.path(sparse.csc_array(X), y, LOSS, penalty, n_alphas=15, ratio=0.03, tol=1e-8)
    check(found, X, y, penalty, 1e-8)
    assert seen["Gram"] > 0 == seen["columns"]


def test_nearly_dependent_columns_end(seen):
    """Each column twice, but for one part in 1e6: conjugate gradients meet a direction that is all but flat."""
    X, y, rng = data(p=350)
    X = np.hstack([X, X * (1 + 1e-6 * rng.standard_normal(X.shape))])
    found = sh.path(sparse.csc_array(X), y, LOSS, sh.L1(1.0), n_alphas=20, ratio=0.02, tol=1e-7)
    assert found.converged and seen["columns"] > 0
    check(found, X, y, sh.L1(1.0), 1e-7)


@pytest.mark.parametrize("weights", [None, np.repeat([0.0, 1.0], 20)])
def test_columns_without_an_entry(weights):
    X = sparse.csc_array((40, 3))
    if weights is not None:  # what entries there are, are in rows that do not count
        X = sparse.csc_array((np.ones(3), ([0, 1, 2], [0, 1, 2])), shape=(40, 3))
    y = np.random.default_rng(0).standard_normal(40)
    fit = sh.Lasso(0.1).fit(X, y, weights)
    assert fit.converged_ and not fit.coef_.any()
    np.testing.assert_allclose(fit.intercept_, np.average(y, weights=weights), rtol=1e-12)
