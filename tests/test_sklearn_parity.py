"""The same numbers as scikit-learn, over lists: estimators x layouts x weights x intercept x positive x splitters."""

import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model as theirs
from sklearn.datasets import make_regression
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold

import shrinkage as ours

TIGHT = 1e-12
rng = np.random.default_rng(7)
X = rng.standard_normal((60, 8)) @ np.diag(2.0 ** np.linspace(-1, 2, 8)) + np.arange(8)
Y = X[:, [0, 3, 5]] @ np.array([[2.0, 0.0], [-1.0, 0.5], [0.1, 0.0]]) + rng.standard_normal((60, 2)) + 3.0
LABELS = np.where(X[:, 2] / 2 - 1 + rng.logistic(size=60) > 0, "yes", "no")
WEIGHTS = rng.integers(0, 4, 60).astype(float)
GROUPS = rng.integers(0, 6, 60)

ROWS = {"all rows alike": None, "weights": WEIGHTS}
MATRICES = {
    "c": np.ascontiguousarray(X),
    "f": np.asfortranarray(X),
    "float32": X.astype(np.float32),
    "csc": sparse.csc_matrix(X),
    "csr": sparse.csr_matrix(X),
}
SPLITTERS = {
    "none": None,
    "three": 3,
    "shuffled": KFold(4, shuffle=True, random_state=1),
    "groups": GroupKFold(3),
    "random": ShuffleSplit(3, random_state=0),
    "list": [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))],
}

# name, parameters of both, parameters of theirs alone
REGRESSORS = [
    ("Lasso", {"alpha": 0.3}, {"tol": TIGHT, "max_iter": 100_000}),
    ("Lasso", {"alpha": 0.3, "positive": True}, {"tol": TIGHT, "max_iter": 100_000}),
    ("ElasticNet", {"alpha": 0.3, "l1_ratio": 0.4}, {"tol": TIGHT, "max_iter": 100_000}),
    ("ElasticNet", {"alpha": 0.01, "l1_ratio": 0.9, "positive": True}, {"tol": TIGHT, "max_iter": 100_000}),
    ("Ridge", {"alpha": 2.0}, {"tol": TIGHT}),
    ("Ridge", {"alpha": 2.0, "positive": True}, {"tol": 1e-14, "max_iter": 100_000}),
]


def close(mine, yours, single=False):
    scale = max(1.0, float(np.max(np.abs(yours))))
    np.testing.assert_allclose(np.asarray(mine, float), np.asarray(yours, float), rtol=0, atol=(1e-5 if single else 1e-6) * scale)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("layout", MATRICES)
@pytest.mark.parametrize(("name", "both", "tight"), REGRESSORS, ids=lambda v: str(v))
def test_regressors(name, both, tight, layout, rows, intercept):
    A, single = MATRICES[layout], layout == "float32"
    if name == "Ridge" and "positive" in both and sparse.issparse(A) and intercept:
        pytest.skip("theirs does not take sparse X with positive")
    mine = getattr(ours, name)(**both, fit_intercept=intercept, tol=TIGHT)
    yours = getattr(theirs, name)(**both, **tight, fit_intercept=intercept)
    mine.fit(A, Y[:, 0], sample_weight=ROWS[rows])
    # theirs would stop at the rounding of float32, so it is asked in float64 about the same values
    yours.fit(A.astype(np.float64) if single else A, Y[:, 0], sample_weight=ROWS[rows])
    close(mine.coef_, yours.coef_, single)
    close(mine.intercept_, yours.intercept_, single)
    close(mine.predict(A), yours.predict(A.astype(np.float64) if single else A), single)
    assert mine.coef_.shape == yours.coef_.shape
    assert mine.coef_.dtype == (np.float32 if single else np.float64)
    assert mine.converged_
    assert np.isclose(mine.score(A, Y[:, 0]), yours.score(A, Y[:, 0]), atol=1e-4)


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize(("name", "both"), [("Lasso", {"alpha": 0.2}), ("ElasticNet", {"alpha": 0.2}), ("Ridge", {"alpha": 3.0})])
def test_targets_are_columns(name, both, targets):
    y = Y[:, :targets]
    mine = getattr(ours, name)(**both, tol=TIGHT).fit(X, y)
    yours = getattr(theirs, name)(**both, tol=TIGHT).fit(X, y)
    for attribute in ("coef_", "intercept_"):
        assert np.shape(getattr(mine, attribute)) == np.shape(getattr(yours, attribute))
        close(getattr(mine, attribute), getattr(yours, attribute))
    assert mine.predict(X).shape == yours.predict(X).shape
    if targets == 2:
        assert len(mine.solution_) == len(mine.certificate_) == len(mine.dual_gap_) == len(mine.n_iter_) == 2


def test_ridge_takes_an_alpha_per_target():
    mine = ours.Ridge(alpha=[0.1, 50.0]).fit(X, Y)
    close(mine.coef_, theirs.Ridge(alpha=[0.1, 50.0]).fit(X, Y).coef_)
    with pytest.raises(ours.ParameterError, match="one per target"):
        ours.Ridge(alpha=[1.0, 2.0, 3.0]).fit(X, Y)


def test_dual_gap_is_theirs():
    """At the same loose answer both would say the same; at the optimum both are about zero."""
    mine = ours.Lasso(alpha=0.3, tol=TIGHT).fit(X, Y[:, 0])
    assert 0 <= mine.dual_gap_ < 1e-9
    loose = ours.Lasso(alpha=0.3, tol=0.2, max_iter=1).fit(X, Y[:, 0])
    r = Y[:, 0] - loose.predict(X)
    v = (X - X.mean(0)).T @ r / len(r)
    k = min(1.0, 0.3 / np.abs(v).max())
    yc = Y[:, 0] - Y[:, 0].mean()
    primal = r @ r / 2 / len(r) + 0.3 * np.abs(loose.coef_).sum()
    dual = (yc @ yc - (yc - k * r) @ (yc - k * r)) / 2 / len(r)
    assert loose.dual_gap_ == pytest.approx(primal - dual, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize(
    ("name", "both"),
    [
        ("LassoCV", {"alphas": 6}),
        ("LassoCV", {"alphas": [0.01, 0.5, 0.1], "fit_intercept": False}),
        ("LassoCV", {"alphas": 5, "positive": True}),
        ("ElasticNetCV", {"alphas": 5, "l1_ratio": [0.2, 1.0]}),
        ("ElasticNetCV", {"alphas": 5, "l1_ratio": 0.5, "eps": 1e-2}),
    ],
    ids=str,
)
def test_lasso_and_elastic_net_cv(name, both, cv, rows):
    split = SPLITTERS[cv]
    theirs_split = list(split.split(X, Y[:, 0], GROUPS)) if cv == "groups" else split
    y, w = Y[:, 0], ROWS[rows]
    mine = getattr(ours, name)(**both, cv=split, tol=TIGHT)
    mine.fit(X, y, w, groups=GROUPS if cv == "groups" else None)
    yours = getattr(theirs, name)(**both, cv=theirs_split, tol=TIGHT, max_iter=100_000).fit(X, y, w)
    for attribute in ("alphas_", "mse_path_"):
        assert getattr(mine, attribute).shape == getattr(yours, attribute).shape
        close(getattr(mine, attribute), getattr(yours, attribute))
    assert mine.alpha_ == pytest.approx(yours.alpha_)
    close(mine.coef_, yours.coef_)
    close(mine.intercept_, yours.intercept_)
    if name == "ElasticNetCV":
        assert mine.l1_ratio_ == yours.l1_ratio_


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("layout", ["c", "csr"])
@pytest.mark.parametrize("targets", [0, 1, 2])
def test_ridge_cv_leaves_one_out(layout, wide, intercept, rows, targets):
    A = MATRICES[layout][:7] if wide else MATRICES[layout]
    n = A.shape[0]
    y = Y[:n, 0] if targets == 0 else Y[:n, :targets]
    w = None if ROWS[rows] is None else np.maximum(ROWS[rows][:n], 1.0)
    both = {"alphas": (0.1, 1.0, 100.0), "fit_intercept": intercept, "store_cv_results": True}
    mine, yours = ours.RidgeCV(**both).fit(A, y, w), theirs.RidgeCV(**both).fit(A, y, w)
    for attribute in ("cv_results_", "coef_", "intercept_", "best_score_", "alpha_"):
        assert np.shape(getattr(mine, attribute)) == np.shape(getattr(yours, attribute)), attribute
        close(getattr(mine, attribute), getattr(yours, attribute))


@pytest.mark.parametrize(
    "both",
    [
        {"cv": 3},
        {"cv": KFold(4, shuffle=True, random_state=0)},
        {"cv": 3, "scoring": "neg_mean_absolute_error"},
        {"scoring": "neg_mean_absolute_error", "store_cv_results": True},
        {"scoring": "r2"},
    ],
    ids=str,
)
@pytest.mark.parametrize("targets", [0, 2])
@pytest.mark.parametrize("rows", ROWS)
def test_ridge_cv_by_folds_and_scores(both, targets, rows):
    y, w = Y if targets else Y[:, 0], None if ROWS[rows] is None else ROWS[rows] + 0.5  # theirs divides by weights
    mine, yours = (m.RidgeCV(alphas=(0.1, 10.0, 300.0), **both).fit(X, y, w) for m in (ours, theirs))
    assert mine.alpha_ == yours.alpha_
    close(mine.coef_, yours.coef_)
    close(mine.best_score_, yours.best_score_)
    if "store_cv_results" in both:
        close(mine.cv_results_, yours.cv_results_)


def test_ridge_cv_alpha_per_target():
    both = {"alphas": (0.1, 10.0, 300.0), "alpha_per_target": True}
    mine, yours = ours.RidgeCV(**both).fit(X, Y), theirs.RidgeCV(**both).fit(X, Y)
    np.testing.assert_array_equal(mine.alpha_, yours.alpha_)
    close(mine.best_score_, yours.best_score_)
    close(mine.coef_, yours.coef_)


LOGISTIC = [
    ({"C": 0.7}, {"solver": "newton-cholesky", "tol": TIGHT}),
    ({"C": 0.05, "class_weight": "balanced"}, {"solver": "newton-cholesky", "tol": TIGHT}),
    ({"C": 0.7, "class_weight": {"yes": 2.0, "no": 0.5}}, {"solver": "newton-cholesky", "tol": TIGHT}),
    ({"C": 0.2, "l1_ratio": 1.0}, {"solver": "saga", "tol": 1e-13, "max_iter": 200_000}),
    ({"C": 0.2, "l1_ratio": 0.5}, {"solver": "saga", "tol": 1e-13, "max_iter": 200_000}),
    ({"C": np.inf}, {"solver": "newton-cholesky", "tol": TIGHT}),
]
Z = X / X.std(axis=0)  # saga needs columns of one scale


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("layout", [np.ascontiguousarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(("both", "tight"), LOGISTIC, ids=str)
def test_logistic(both, tight, layout, rows, intercept):
    A = layout(Z)
    mine = ours.LogisticRegression(**both, tol=1e-14, fit_intercept=intercept).fit(A, LABELS, ROWS[rows])
    yours = theirs.LogisticRegression(**both, **tight, fit_intercept=intercept)
    yours.fit(Z, LABELS, ROWS[rows])  # dense: their saga sets a coefficient of sparse columns to zero that is not
    for attribute in ("coef_", "intercept_"):
        assert getattr(mine, attribute).shape == getattr(yours, attribute).shape
        close(getattr(mine, attribute), getattr(yours, attribute))
    np.testing.assert_array_equal(mine.classes_, yours.classes_)
    np.testing.assert_array_equal(mine.predict(A), yours.predict(A))
    close(mine.predict_proba(A), yours.predict_proba(A))
    close(mine.predict_log_proba(A), yours.predict_log_proba(A))
    close(mine.decision_function(A), yours.decision_function(A))


@pytest.mark.parametrize(("word", "same"), [("l1", {"l1_ratio": 1.0}), ("l2", {}), (None, {"C": np.inf})])
def test_the_older_word_for_the_penalty(word, same):
    old = ours.LogisticRegression(penalty=word, tol=TIGHT).fit(Z, LABELS)
    new = ours.LogisticRegression(tol=TIGHT, **same).fit(Z, LABELS)
    np.testing.assert_array_equal(old.coef_, new.coef_)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", None])
@pytest.mark.parametrize("cv", [None, 3, StratifiedKFold(3, shuffle=True, random_state=0)], ids=str)
@pytest.mark.parametrize("rows", ROWS)
def test_logistic_cv(cv, scoring, rows):
    both = {"Cs": [0.01, 0.3, 5.0], "cv": cv, "scoring": scoring, "use_legacy_attributes": False, "l1_ratios": (0.0,)}
    w = None if ROWS[rows] is None else ROWS[rows] + 0.5
    mine = ours.LogisticRegressionCV(**both, tol=1e-14).fit(Z, LABELS, w)
    yours = theirs.LogisticRegressionCV(**both, solver="newton-cholesky", tol=TIGHT, max_iter=1000).fit(Z, LABELS, w)
    for attribute in ("Cs_", "scores_", "coefs_paths_", "coef_", "intercept_", "l1_ratios_"):
        assert np.shape(getattr(mine, attribute)) == np.shape(getattr(yours, attribute)), attribute
        close(getattr(mine, attribute), getattr(yours, attribute))
    assert mine.n_iter_.shape == yours.n_iter_.shape
    assert (mine.C_, mine.l1_ratio_) == (yours.C_, yours.l1_ratio_)


def test_many_features_few_rows():
    A, y = make_regression(40, 120, n_informative=6, noise=3.0, random_state=0)
    for name in ("Lasso", "ElasticNet"):
        mine = getattr(ours, name)(alpha=1.0, tol=TIGHT).fit(A, y)
        close(mine.coef_, getattr(theirs, name)(alpha=1.0, tol=TIGHT, max_iter=100_000).fit(A, y).coef_)
    close(ours.Ridge(alpha=0.5).fit(A, y).coef_, theirs.Ridge(alpha=0.5).fit(A, y).coef_)
