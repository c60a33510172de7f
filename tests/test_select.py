"""Choosing alpha: folds, rules, criteria."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold

import shrinkage as sh
from shrinkage.selection import least

N, P = 80, 6


def data(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) * np.array([1, 5, 1, 1, 1, 1])
    return X, 2 + X[:, 0] - X[:, 2] + rng.standard_normal(N)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_folds_are_fits_of_their_own_rows(standardize, weighted):
    X, y = data()
    weights = np.random.default_rng(1).random(N) if weighted else np.ones(N)
    folds = list(KFold(4).split(X))
    found = sh.select(
        X, y, sh.SquaredError(), sh.L1(1.0), cv=folds, n_alphas=7, weights=weights, standardize=standardize, tol=1e-11
    )
    for k, (train, test) in enumerate(folds):
        alone = sh.path(
            X[train], y[train], sh.SquaredError(), sh.L1(1.0), alphas=found.alphas, weights=weights[train],
            standardize=standardize, tol=1e-11,
        )  # fmt: skip
        for rows, errors in ((test, found.test_errors), (train, found.train_errors)):
            square = (y[rows][:, None] - alone.predict(X[rows])) ** 2
            np.testing.assert_allclose(errors[:, k], np.average(square, axis=0, weights=weights[rows]), rtol=1e-7)


def test_rules():
    X, y = data()
    found = sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=10, n_alphas=40)
    errors = found.test_errors
    np.testing.assert_allclose(found.se, errors.std(axis=1, ddof=1) / np.sqrt(10))
    best = int(np.argmin(errors.mean(axis=1)))
    assert found.index == best == found.index_min and found.alpha == found.alphas[best]
    bound = found.mean[best] + found.se[best]
    assert found.index_1se <= best
    assert found.mean[found.index_1se] <= bound and np.all(found.mean[: found.index_1se] > bound)
    np.testing.assert_array_equal(found.coef, found.path.coefs[:, best])
    for rule in ("aic", "bic", "ebic", "gcv"):
        assert sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=None, rule=rule, n_alphas=40).index == found.pick(rule)
    assert found.pick("ebic") <= found.pick("bic") <= found.pick("aic")
    assert np.mean(found.train_errors[-1]) < np.mean(found.train_errors[0])


def test_criteria_are_their_formulas():
    X, y = data()
    found = sh.select(X, y, sh.SquaredError(2.0), sh.L1(1.0), cv=None, rule="aic", n_alphas=5)
    rss = ((y[:, None] - found.path.predict(X)) ** 2).sum(axis=0)
    df = found.path.df + 1
    np.testing.assert_allclose(found.criteria["aic"], N * np.log(rss / N) + 2 * df, rtol=1e-9)
    np.testing.assert_allclose(found.criteria["bic"], N * np.log(rss / N) + np.log(N) * df, rtol=1e-9)
    np.testing.assert_allclose(found.criteria["gcv"], rss / N / (1 - df / N) ** 2, rtol=1e-9)
    yes = (y > 2).astype(float)
    logit = sh.select(X, yes, sh.Logistic(), sh.L1(1.0), cv=None, rule="aic", n_alphas=5)
    eta = X @ logit.path.coefs + logit.path.intercepts
    nll = sh.Logistic().value(yes[:, None], eta).sum(axis=0)
    np.testing.assert_allclose(logit.criteria["aic"], 2 * nll + 2 * (logit.path.df + 1), rtol=1e-9)


@pytest.mark.parametrize("cv", [3, KFold(3), RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), GroupKFold(3)], ids=str)
def test_any_splitter(cv):
    X, y = data()
    groups = np.arange(N) % 9 if isinstance(cv, GroupKFold) else None
    found = sh.select(X, y, sh.SquaredError(), sh.L2(1.0), cv=cv, groups=groups, n_alphas=3)
    assert found.test_errors.shape == (3, 6 if isinstance(cv, RepeatedKFold) else 3)


def test_folds_of_a_binary_target_are_stratified():
    X, y = data()
    rare = np.zeros(N)
    rare[:6] = 1
    found = sh.select(X, rare, sh.Logistic(), sh.L1(1.0), cv=6, n_alphas=3)
    assert np.isfinite(found.test_errors).all()


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (dict(rule="best"), "rule"), (dict(cv=None), "folds"), (dict(cv=1), "cv"), (dict(cv=N + 1), "cv"),
        (dict(weights=np.r_[np.ones(20), np.zeros(N - 20)], cv=KFold(4)), "Fold 0 has no training"),
    ],
)  # fmt: skip
def test_refused(bad, match):
    X, y = data()
    with pytest.raises((sh.ParameterError, sh.DataError), match=match):
        sh.select(X, y, sh.SquaredError(), sh.L1(1.0), **bad)


def test_no_errors_without_folds():
    X, y = data()
    with pytest.raises(sh.ParameterError, match="cv=10"):
        sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=None, rule="aic").mean  # noqa: B018


@pytest.mark.parametrize("size", [1e-200, 1e-100, 1e160, 1e200])
def test_criteria_choose_the_same_model_of_a_target_of_any_size(size):
    X, y = data()
    plain = sh.select(X, y, sh.SquaredError(), sh.L1(1.0), cv=None, rule="bic")
    far = sh.select(X, y * size, sh.SquaredError(), sh.L1(1.0), cv=None, rule="bic")
    for rule in ("aic", "bic", "ebic", "gcv"):
        assert far.pick(rule) == plain.pick(rule)
    shift = 2 * N * np.log(size)
    np.testing.assert_allclose(far.criteria["bic"] - plain.criteria["bic"], shift, atol=1e-6 * abs(shift))


@pytest.mark.parametrize("unit", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("shift", [0.0, -5.0], ids=["errors", "criteria below zero"])
def test_what_only_rounding_tells_apart_goes_to_the_larger_alpha(unit, shift):
    assert least(unit * (np.array([3.0, 1 + 1e-9, 1 + 4e-16, 1.0, 1 - 2e-16, 2.0]) + shift)) == 2
