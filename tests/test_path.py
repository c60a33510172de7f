"""Paths: every point is the solution solve finds, and the path's own records are right."""

import signal
import threading
import warnings

import numpy as np
import pytest

import shrinkage as sh
from tests.batteries import PENALTIES
from tests.battery_losses import LOSSES

N, P = 60, 8


def data(loss=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) * np.array([1, 2, 0.5, 1, 1, 3, 1, 1]) + 2
    eta = X[:, 0] - 0.5 * X[:, 1] + 1
    y = eta + 0.5 * rng.standard_normal(N) if loss is None else np.asarray(loss.sample(eta - 2, rng), float)
    return X, y


@pytest.mark.parametrize("case", [c for c in PENALTIES if c.penalty.convex], ids=str)
def test_each_point_is_what_solve_finds(case):
    X, y = data()
    penalty = case.make(P)
    line = sh.path(X, y, sh.SquaredError(), penalty, n_alphas=8, ratio=0.01, tol=1e-9)
    assert line.converged and np.all(np.diff(line.alphas) < 0)
    assert line.coefs.shape == (P, 8) and line.gaps.max() <= 1e-9
    for k in (0, 4, 7):
        alone = sh.solve(X, y, sh.SquaredError(), (N * line.alphas[k]) * penalty, tol=1e-9)
        np.testing.assert_allclose(line.coefs[:, k], alone.coef, atol=1e-4)
        assert line.n_iter[k] < 1000


@pytest.mark.parametrize("loss", [c.loss for c in LOSSES], ids=str)
def test_alpha_max_is_where_the_first_coefficient_appears(loss):
    X, y = data(loss)
    line = sh.path(X, y, loss, sh.L1(1.0), n_alphas=3, ratio=0.9, tol=1e-8 if loss.smooth else 1e-5)
    assert np.abs(line.coefs[:, 0]).max() < 1e-6
    if loss.smooth:  # a median's dual is not unique: there the grid may start above
        assert line.coefs[:, 1].any()


def test_groups_enter_together():
    X, y = data()
    line = sh.path(X, y, sh.SquaredError(), sh.Grouped(sh.L1(1.0), [0, 0, 1, 1, 2, 2, 3, 3]), n_alphas=20)
    inside = line.coefs.reshape(4, 2, -1) != 0
    assert np.all(inside[:, 0] == inside[:, 1]) and inside.any() and not inside[:, :, 0].any()


def test_at_and_predict():
    X, y = data()
    line = sh.path(X, y, sh.SquaredError(), sh.L1(1.0), n_alphas=30, tol=1e-10)
    point = line.at(line.alphas[7])
    assert point.exact
    np.testing.assert_array_equal(point.coef, line.coefs[:, 7])
    between = line.at(np.sqrt(line.alphas[7] * line.alphas[8]))
    assert not between.exact
    size = np.abs(line.coefs[:, 12]).sum()
    np.testing.assert_allclose(np.abs(line.at(norm=size).coef).sum(), size, rtol=1e-10)
    half = line.at(norm=size * 0.9)
    assert float(sh.L1(1.0).value(half.coef)) == pytest.approx(0.9 * size, rel=1e-3)
    assert line.predict(X).shape == (N, 30)
    np.testing.assert_allclose(line.predict(X)[:, 7], line.predict(X, alpha=line.alphas[7]))
    for bad in (dict(), dict(alpha=1.0, norm=1.0), dict(alpha=1e9), dict(norm=1e9)):
        with pytest.raises(sh.ParameterError):
            line.at(**bad)


def test_degrees_of_freedom():
    X, y = data()
    centred = X - X.mean(axis=0)
    lasso = sh.path(X, y, sh.SquaredError(), sh.L1(1.0), n_alphas=10)
    np.testing.assert_array_equal(lasso.df, np.count_nonzero(lasso.coefs, axis=0))
    ridge = sh.path(X, y, sh.SquaredError(), sh.L2(1.0), alphas=[1.0, 0.01])
    s2 = np.linalg.svd(centred, compute_uv=False) ** 2
    np.testing.assert_allclose(ridge.df, [np.sum(s2 / (s2 + N * a)) for a in ridge.alphas], rtol=1e-8)
    wide = np.random.default_rng(0).standard_normal((10, 30))
    s2 = np.linalg.svd(wide - wide.mean(axis=0), compute_uv=False) ** 2
    found = sh.path(wide, y[:10], sh.SquaredError(), sh.L2(1.0), alphas=[0.5])
    np.testing.assert_allclose(found.df, np.sum(s2 / (s2 + 5)), rtol=1e-8)


def test_deviance_explained():
    X, y = data()
    line = sh.path(X, y, sh.SquaredError(), sh.L1(1.0), n_alphas=5)
    rss = ((y[:, None] - line.predict(X)) ** 2).sum(axis=0)
    np.testing.assert_allclose(line.deviance_explained, 1 - rss / ((y - y.mean()) ** 2).sum(), atol=1e-9)


def test_root_squared_error_is_the_square_root_lasso():
    """Its alpha acts on ||r|| / sqrt(n): the solution is a lasso's at alpha times the residual's root mean square."""
    X, y = data()
    found = sh.path(X, y, sh.RootSquaredError(), sh.L1(1.0), alphas=[0.3], tol=1e-9)
    rms = np.sqrt(np.mean((y - found.predict(X)[:, 0]) ** 2))
    lasso = sh.path(X, y, sh.SquaredError(), sh.L1(1.0), alphas=[0.3 * rms], tol=1e-11)
    np.testing.assert_allclose(found.coefs, lasso.coefs, atol=1e-5)


@pytest.mark.parametrize(
    "bad",
    [dict(alphas=[-1.0]), dict(alphas=[np.nan]), dict(alphas=[]), dict(n_alphas=0), dict(ratio=0), dict(ratio=2.0)],
)
def test_bad_grids(bad):
    X, y = data()
    with pytest.raises((sh.ParameterError, sh.DataError)):
        sh.path(X, y, sh.SquaredError(), sh.L1(1.0), **bad)


def test_uncertified_points_are_counted():
    X, y = data(sh.Huber())
    with pytest.warns(sh.ConvergenceWarning, match=r"of 5 fits .* alpha="):
        sh.path(X, y, sh.Huber(), sh.L1(1.0), n_alphas=5, max_iter=0)


def test_an_interrupted_path_keeps_what_it_has():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 1500)) + 2 * rng.standard_normal((400, 1))
    y = X[:, :20].sum(axis=1) + rng.standard_normal(400)
    threading.Timer(1.0, lambda: signal.raise_signal(signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt) as stop, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(100):
            sh.path(X, y, sh.SquaredError(), sh.L1(1.0), ratio=1e-4, tol=1e-12, n_alphas=400)
    partial = getattr(stop.value, "partial", None)  # none where it came between two of these calls
    assert partial is None or 0 < len(partial.alphas) == partial.coefs.shape[1] <= 400


def test_a_square_root_lasso_is_certified_also_where_it_fits_perfectly():
    """Below some alpha the residual is zero and the root has many subgradients: the dual point must be the right one."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 500))
    y = X[:, :5].sum(axis=1) + rng.standard_normal(40)
    found = sh.path(X, y, sh.RootSquaredError(), sh.L1(1.0), n_alphas=30)
    assert found.converged and found.gaps.max() <= 1e-6
    assert found.deviance_explained[-1] > 1 - 1e-6


@pytest.mark.parametrize("penalty", ["mcp", "scad"])
@pytest.mark.parametrize("seed", [4, 5, 23, 35])
def test_concave_penalties_beside_a_likelihood_do_not_crawl(penalty, seed):
    """The model's minimum may lie across a hill: steps towards it were cut to nothing, a thousand times over."""
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(0, 1.5, (150, 12))) * (rng.random((150, 12)) < 0.4)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = rng.random(150) < 1 / (1 + np.exp(-X[:, :4].sum(axis=1) - 0.3))
    found = sh.PenalizedClassifierCV(penalty=penalty, concavity=3.0, rule="bic", alphas=30).fit(X, y).path_
    assert found.converged and found.n_iter.max() < 60
