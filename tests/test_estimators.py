"""The estimators as scikit-learn sees them, and as their docstrings promise."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import shrinkage as sh
from tests.layouts import LAYOUTS, memory_map

pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))

SINGLE = [
    sh.Lasso(),
    sh.ElasticNet(),
    sh.Ridge(),
    sh.LogisticRegression(),
    sh.PenalizedRegressor(),
    sh.PenalizedClassifier(),
]
CROSS_VALIDATED = [
    sh.LassoCV(alphas=4),
    sh.ElasticNetCV(alphas=4),
    sh.RidgeCV(),
    sh.LogisticRegressionCV(Cs=[0.1, 1.0], cv=3),
    sh.PenalizedRegressorCV(n_alphas=4, cv=3),
    sh.PenalizedClassifierCV(n_alphas=3, ratio=0.05, cv=3),
]
REGRESSORS = [m for m in SINGLE + CROSS_VALIDATED if m.__sklearn_tags__().estimator_type == "regressor"]

rng = np.random.default_rng(11)
X = rng.standard_normal((70, 6)) + np.arange(6)
y = X @ [2.0, -1.0, 0.0, 0.0, 0.5, 0.0] + rng.standard_normal(70)
labels = np.where(y > np.median(y), "b", "a")


def target(model):
    return y if model.__sklearn_tags__().estimator_type == "regressor" else labels


@parametrize_with_checks(SINGLE + CROSS_VALIDATED)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", SINGLE + CROSS_VALIDATED, ids=lambda m: type(m).__name__)
class TestEvery:
    def test_clone_pickle_and_repr(self, model):
        fitted = clone(model).fit(X, target(model))
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
        assert str(again.summary()) == str(fitted.summary()) and type(model).__name__ in repr(model)

    def test_in_a_pipeline_and_a_search(self, model):
        pipe = make_pipeline(StandardScaler(), clone(model)).set_output(transform="pandas")
        pipe.fit(pd.DataFrame(X, columns=list("abcdef")), target(model))
        assert list(pipe[-1].feature_names_in_) == list("abcdef")
        assert pipe.score(pd.DataFrame(X, columns=list("abcdef")), target(model)) > 0.4
        search = GridSearchCV(clone(model), {"fit_intercept": [True, False]}, cv=3).fit(X, target(model))
        assert search.best_score_ > 0.3

    def test_every_layout_gives_one_answer(self, model, tmp_path):
        fitted = clone(model).set_params(**({"tol": 1e-10} if "tol" in model.get_params() else {}))
        base = clone(fitted).fit(X, target(model)).coef_
        made = {name: make(X) for name, make in LAYOUTS.items()} | {"map": memory_map(X, tmp_path)}
        if type(model).__name__.endswith("CV"):  # a road in for each kind of layout
            made = {name: made[name] for name in ("f", "csr duplicates", "arrow", "map")}
        for name, A in made.items():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                other = clone(fitted).fit(A, target(model))
            np.testing.assert_allclose(other.coef_, base, atol=1e-7, err_msg=name)
            assert other.predict(A).shape == (70,)

    def test_float32_stays(self, model):
        fitted = clone(model).fit(X.astype(np.float32), target(model))
        assert fitted.coef_.dtype == np.float32
        np.testing.assert_allclose(fitted.coef_, clone(model).fit(X, target(model)).coef_, atol=2e-3)

    def test_names_and_their_order_are_checked(self, model):
        fitted = clone(model).fit(pl.DataFrame(X, schema=list("abcdef")), target(model))
        assert list(fitted.feature_names_in_) == list("abcdef") and fitted.n_features_in_ == 6
        with pytest.raises(ValueError, match="same order"):
            fitted.predict(pl.DataFrame(X, schema=list("fedcba")))

    def test_attributes_of_the_fit(self, model):
        fitted = clone(model).fit(X, target(model))
        assert fitted.converged_ is True and fitted.certificate_.holds
        assert np.all(np.asarray(fitted.n_iter_) >= 1)
        assert hasattr(fitted, "solution_") or hasattr(fitted, "choice_")

    def test_text_is_refused_by_name(self, model):
        frame = pd.DataFrame(X, columns=list("abcdef")).assign(city="here", town="there")
        with pytest.raises(sh.DataError, match=r"(?s)'city'.*'town'.*(OneHotEncoder).*shrinkage fit"):
            clone(model).fit(frame, target(model))
        with pytest.raises(sh.DataError, match="'colour'"):
            clone(model).fit(pl.DataFrame(X).with_columns(colour=pl.lit("red").cast(pl.Categorical)), target(model))
        for bad in (X.astype(str), X.astype(str).astype(object), X.astype(str).tolist()):
            with pytest.raises(sh.DataError, match="text"):
                clone(model).fit(bad, target(model))

    def test_masked_values_are_refused(self, model):
        with pytest.raises(sh.DataError, match="masked"):
            clone(model).fit(np.ma.masked_array(X, X > 2), target(model))
        fine = clone(model).fit(np.ma.masked_array(X, np.zeros_like(X, bool)), target(model))
        np.testing.assert_array_equal(fine.coef_, clone(model).fit(X, target(model)).coef_)

    def test_missing_values_are_refused_by_name(self, model):
        frame = pd.DataFrame(X, columns=list("abcdef"))
        frame.loc[[3, 5], "d"] = np.nan
        with pytest.raises(sh.DataError, match=r"NaN.*'d' has 2"):
            clone(model).fit(frame, target(model))

    def test_bad_weights_are_refused(self, model):
        for bad in (-np.ones(70), np.zeros(70), np.full(70, np.nan)):
            with pytest.raises(ValueError, match=r"(?i)weight"):
                clone(model).fit(X, target(model), sample_weight=bad)

    def test_inputs_are_left_alone(self, model):
        before = X.copy()
        clone(model).fit(X, target(model), sample_weight=np.ones(70))
        np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda m: type(m).__name__)
def test_text_in_y_is_refused(model):
    with pytest.raises(sh.DataError, match="y contains text"):
        clone(model).fit(X, y.astype(str))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (sh.Lasso(alpha=-1.0), "alpha"),
        (sh.Lasso(alpha=np.nan), "alpha"),
        (sh.Lasso(alpha="a"), "alpha"),
        (sh.Ridge(alpha=-1.0), "alpha"),
        (sh.ElasticNet(l1_ratio=1.5), "l1_ratio"),
        (sh.Lasso(tol=-1), "tol"),
        (sh.Lasso(max_iter=-3), "max_iter"),
        (sh.Lasso(precompute=3), "precompute"),
        (sh.Lasso(selection="no"), "selection"),
        (sh.LassoCV(rule="best"), "rule"),
        (sh.LassoCV(alphas=[-1.0, 1.0]), "alphas"),
        (sh.RidgeCV(alphas=(0.0, 1.0)), "> 0"),
        (sh.RidgeCV(cv=3, store_cv_results=True), "leave"),
        (sh.Ridge(solver="fast"), "solver"),
        (sh.PenalizedRegressor(penalty="lassoo"), "Did you mean 'lasso'"),
        (sh.PenalizedRegressor(loss="squared_eror"), "Did you mean"),
        (sh.PenalizedRegressor(loss=3), "loss"),
        (sh.PenalizedRegressor(penalty=3), "penalty"),
        (sh.PenalizedRegressor(penalty_factor=[1.0]), "penalty_factor"),
        (sh.PenalizedRegressor(penalty_factor=[-1.0] * 6), "penalty_factor"),
        (sh.PenalizedRegressor(bounds=(1, 2)), "bounds"),
        (sh.PenalizedRegressor(bounds=3), "bounds"),
        (sh.PenalizedRegressor(penalty="group_lasso"), "groups"),
        (sh.PenalizedRegressor(groups=[0, 1]), "groups"),
        (sh.PenalizedRegressor(groups=[["a", "b"]]), "does not have"),
        (sh.PenalizedRegressor(groups=[[0, 1], [1, 2]]), "two groups"),
        (sh.PenalizedRegressor(concavity=3.0), "concavity"),
        (sh.PenalizedRegressor(penalty="l2", groups=[0, 0, 1, 1, 2, 2]), "groups"),
        (sh.PenalizedRegressor(penalty=sh.L1(1.0), penalty_factor=[1.0] * 6), "penalty_factor"),
        (sh.PenalizedRegressor(groups=[0, 0, 1, 1, 2, 2], penalty_factor=[1, 2, 1, 1, 1, 1]), "group"),
    ],
    ids=str,
)
def test_parameters_are_judged(model, message):
    with pytest.raises(sh.ParameterError, match=message):
        model.fit(X, y)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (sh.LogisticRegression(C=0.0), "C must"),
        (sh.LogisticRegression(C=-1), "C must"),
        (sh.LogisticRegression(C=1e-320), "small"),
        (sh.LogisticRegression(l1_ratio=2), "l1_ratio"),
        (sh.LogisticRegression(penalty="l3"), "penalty"),
        (sh.LogisticRegression(class_weight="equal"), "class_weight"),
        (sh.LogisticRegression(class_weight={"c": 1}), "class_weight"),
        (sh.PenalizedClassifier(loss="squared_error"), "classifier"),
        (sh.LogisticRegressionCV(refit=False), "refit"),
    ],
    ids=str,
)
def test_parameters_of_classifiers_are_judged(model, message):
    with pytest.raises(sh.ParameterError, match=message):
        model.fit(X, labels)


def test_three_classes_are_refused_in_scikit_learns_words():
    with pytest.raises(ValueError, match="Only binary classification is supported. The type of the target is multiclass."):
        sh.LogisticRegression().fit(X, rng.integers(0, 3, 70))
    with pytest.raises(ValueError, match="only one class"):
        sh.LogisticRegression().fit(X, np.ones(70))


@pytest.mark.parametrize(
    "model",
    [
        sh.Lasso(alpha=1e-3, max_iter=0),
        sh.LassoCV(max_iter=0, alphas=3, tol=1e-13),
        sh.PenalizedRegressor(alpha=1e-3, max_iter=0),
    ],
    ids=str,
)
def test_what_is_not_certified_is_warned_of(model):
    with pytest.warns(ConvergenceWarning, match=r"(?s)max_iter.*Not certified: relative duality gap .* exceeds"):
        model.fit(X, y)
    assert not model.converged_ or type(model).__name__ == "LassoCV"
    with pytest.warns(ConvergenceWarning, match="alpha=0.001"):
        sh.Lasso(alpha=1e-3, max_iter=0).fit(X, y)


def test_warm_start_begins_where_it_ended():
    model = sh.Lasso(alpha=0.05, warm_start=True, tol=1e-8).fit(X, y)
    first = model.coef_.copy()
    model.set_params(max_iter=0).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, first, atol=1e-8)


def test_the_same_problem_by_three_names():
    n = len(y)
    one = sh.Lasso(alpha=0.1, tol=1e-12).fit(X, y).coef_
    two = sh.PenalizedRegressor(alpha=0.1, tol=1e-12).fit(X, y).coef_
    three = sh.PenalizedRegressor(penalty=sh.L1(0.1 * n), alpha=None, tol=1e-12).fit(X, y).coef_
    four = sh.solve(X, y, sh.SquaredError(), sh.L1(0.1 * n), tol=1e-12).coef
    for other in (two, three, four):
        np.testing.assert_allclose(other, one, atol=1e-9)


def test_factors_leave_free_and_keep_out():
    model = sh.PenalizedRegressor(alpha=2.0, penalty_factor=[0, 1, 1, 1, np.inf, 1], tol=1e-12).fit(X, y)
    assert model.coef_[0] != 0 and model.coef_[4] == 0
    gradient = (X - X.mean(0)).T @ (y - model.predict(X)) / len(y)
    assert abs(gradient[0]) < 1e-8 and np.all(np.abs(gradient[[1, 2, 3, 5]]) <= 2 + 1e-8)
    twice = sh.PenalizedRegressor(alpha=0.05, penalty_factor=np.full(6, 2.0), tol=1e-12).fit(X, y)
    np.testing.assert_allclose(twice.coef_, sh.Lasso(alpha=0.1, tol=1e-12).fit(X, y).coef_, atol=1e-9)


@pytest.mark.parametrize("standardize", [False, True])
def test_bounds_are_on_the_raw_scale(standardize):
    A = X * [1, 10, 1, 1, 0.1, 1]
    high = np.array([0.7, 1.0, 1.0, 1.0, 2.0, 1.0])
    model = sh.PenalizedRegressor(alpha=0.001, bounds=(-0.05, high), standardize=standardize, tol=1e-10).fit(A, y)
    assert np.all(model.coef_ <= high + 1e-12) and np.all(model.coef_ >= -0.05 - 1e-12)
    assert model.coef_[0] == pytest.approx(0.7) and model.coef_[4] == pytest.approx(2.0)
    positive = sh.PenalizedRegressor(alpha=0.1, bounds=(0, np.inf), tol=1e-12).fit(X, y)
    np.testing.assert_allclose(positive.coef_, sh.Lasso(alpha=0.1, positive=True, tol=1e-12).fit(X, y).coef_, atol=1e-9)


def test_standardize_is_a_scaler_before_and_its_inverse_after():
    A = X * [1, 10, 1, 1, 0.1, 1]
    model = sh.PenalizedRegressor(alpha=0.1, standardize=True, tol=1e-12).fit(A, y)
    by_hand = sh.Lasso(alpha=0.1, tol=1e-12).fit((A - A.mean(0)) / A.std(0), y).coef_ / A.std(0)
    np.testing.assert_allclose(model.coef_, by_hand, atol=1e-9)


@pytest.mark.parametrize("groups", [[0, 0, 0, 1, 1, 2], [["a", "b", "c"], ["d", "e"]], [[0, 1, 2], [3, 4], [5]]], ids=str)
def test_group_lasso(groups):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = sh.PenalizedRegressor(groups=groups, alpha=0.4, tol=1e-12).fit(frame, y)
    g = (X - X.mean(0)).T @ (y - model.predict(frame)) / len(y)
    for members in ([0, 1, 2], [3, 4], [5]):
        w, pull, strength = model.coef_[members], g[members], 0.4 * np.sqrt(len(members))
        if np.any(w != 0):
            np.testing.assert_allclose(pull, strength * w / np.linalg.norm(w), atol=1e-6)
        else:
            assert np.linalg.norm(pull) <= strength + 1e-8
    assert np.any(model.coef_ == 0)
    same = sh.PenalizedRegressor(penalty="group_lasso", groups=groups, alpha=0.4, tol=1e-12).fit(frame, y)
    np.testing.assert_array_equal(same.coef_, model.coef_)


@pytest.mark.parametrize("labels", [[1, 0, 0], [5, 2, 2], ["b", "a", "a"], [2, 2, 1]], ids=str)
@pytest.mark.parametrize("penalty", ["group_lasso", "mcp", "scad"])
def test_the_order_of_group_labels_means_nothing(labels, penalty):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 3))
    y = X @ [1.0, 0.5, -0.5] + rng.standard_normal(100)
    found = [
        sh.PenalizedRegressor(penalty=penalty, groups=given, alpha=0.3, tol=1e-12).fit(X, y).coef_
        for given in (labels, [labels.index(label) for label in labels])  # the second: in order of first appearance
    ]
    np.testing.assert_allclose(*found, atol=1e-8)


@pytest.mark.parametrize("word", ["mcp", "scad"])
def test_mcp_and_scad_move_their_knots_with_alpha(word):
    """As ncvreg means lambda: the strength is alpha * factor, the sum of the loss multiplies the result."""
    alpha, n = 0.3, len(y)
    build = {"mcp": sh.MCP, "scad": sh.SCAD}[word]
    model = sh.PenalizedRegressor(penalty=word, alpha=alpha, tol=1e-10).fit(X, y)
    by_hand = sh.solve(X, y, sh.SquaredError(), n * build(alpha, {"mcp": 3.0, "scad": 3.7}[word]), tol=1e-10)
    np.testing.assert_allclose(model.coef_, by_hand.coef, atol=1e-7)
    grid = [1.0, alpha, 0.1]
    path = sh.PenalizedRegressorCV(penalty=word, alphas=grid, tol=1e-10, rule="bic").fit(X, y).path_
    np.testing.assert_allclose(path.coefs[:, 1], by_hand.coef, atol=1e-6)
    assert np.all(np.abs(by_hand.coef[[0, 1]]) > alpha)


@pytest.mark.parametrize("loss", ["huber", "poisson", "absolute_error", "quantile", "root_squared_error"])
def test_other_losses_by_word(loss):
    counts = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    model = sh.PenalizedRegressor(loss=loss, alpha=0.05).fit(X, counts if loss == "poisson" else y)
    assert model.converged_ and np.isfinite(model.predict(X)).all() and "Kept" in str(model.summary())
    if loss == "poisson":
        assert model.predict(X).min() > 0


def test_root_squared_error_takes_the_root_of_the_weight():
    model = sh.PenalizedRegressor(loss="root_squared_error", alpha=0.1, tol=1e-9).fit(X, y)
    same = sh.solve(X, y, sh.RootSquaredError(), sh.L1(0.1 * np.sqrt(len(y))), tol=1e-9)
    np.testing.assert_allclose(model.coef_, same.coef, atol=1e-6)


def test_offset_at_fit_and_predict():
    offset = rng.standard_normal(70)
    with_it = sh.PenalizedRegressor(alpha=0.1, tol=1e-12).fit(X, y + offset, offset=offset)
    without = sh.PenalizedRegressor(alpha=0.1, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(with_it.coef_, without.coef_, atol=1e-9)
    np.testing.assert_allclose(with_it.predict(X, offset=offset), without.predict(X) + offset, atol=1e-8)
    model = sh.PenalizedClassifier(alpha=0.05).fit(X, labels, offset=offset)
    assert not np.allclose(model.predict_proba(X, offset=offset), model.predict_proba(X))


@pytest.mark.parametrize("rule", ["min", "1se", "aic", "bic", "ebic", "gcv"])
@pytest.mark.parametrize(
    "model",
    [
        sh.LassoCV(alphas=15),
        sh.ElasticNetCV(alphas=10, l1_ratio=[0.5, 1.0]),
        sh.RidgeCV(),
        sh.RidgeCV(cv=4),
        sh.PenalizedRegressorCV(n_alphas=15),
    ],
    ids=str,
)
def test_rules(model, rule):
    fitted = clone(model).set_params(rule=rule).fit(X, y)
    least = clone(model).set_params(rule="min").fit(X, y)
    if rule == "1se":
        assert fitted.alpha_ >= least.alpha_
    assert fitted.score(X, y) > 0.5


@pytest.mark.parametrize("rule", ["min", "1se", "aic", "bic"])
def test_rules_of_classifiers(rule):
    for model in (sh.LogisticRegressionCV(Cs=5, rule=rule), sh.PenalizedClassifierCV(n_alphas=15, rule=rule)):
        assert model.fit(X, labels).score(X, labels) > 0.7


def test_groups_of_rows_reach_the_splitter():
    rows = rng.integers(0, 5, 70)
    model = sh.LassoCV(cv=GroupKFold(3), alphas=10).fit(X, y, groups=rows)
    same = sh.LassoCV(cv=list(GroupKFold(3).split(X, y, rows)), alphas=10).fit(X, y)
    np.testing.assert_array_equal(model.mse_path_, same.mse_path_)
    with pytest.raises(ValueError, match="groups"):
        sh.LassoCV(cv=GroupKFold(3)).fit(X, y)
    with config_context(enable_metadata_routing=True):
        inner = sh.LassoCV(cv=GroupKFold(3), alphas=10).set_fit_request(groups=True)
        GridSearchCV(inner, {"fit_intercept": [True]}, cv=2).fit(X, y, groups=rows)


def test_weights_count_rows():
    w = rng.integers(0, 3, 70)
    for model in (sh.Lasso(alpha=0.1, tol=1e-12), sh.Ridge(alpha=2.0), sh.PenalizedRegressor(alpha=0.1, tol=1e-12)):
        weighted = clone(model).fit(X, y, w).coef_
        np.testing.assert_allclose(clone(model).fit(np.repeat(X, w, axis=0), np.repeat(y, w)).coef_, weighted, atol=1e-7)
    scaled = sh.Lasso(alpha=0.1, tol=1e-12).fit(X, y, w * 7.0).coef_
    np.testing.assert_allclose(scaled, sh.Lasso(alpha=0.1, tol=1e-12).fit(X, y, w).coef_, atol=1e-9)


def test_sparse_coef():
    fitted = sh.Lasso(alpha=0.5).fit(X, y)
    assert sparse.issparse(fitted.sparse_coef_)
    np.testing.assert_array_equal(fitted.sparse_coef_.toarray()[0], fitted.coef_)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_copy_of_x(order, dtype):
    """Beside X no more than a tenth of it is ever held: a few vectors as long as y, and a block. In a process of its own."""
    code = (
        "import tracemalloc, numpy as np, shrinkage as sh; rng = np.random.default_rng(0);"
        f"A = np.asarray(rng.standard_normal((50_000, 200), dtype=np.{np.dtype(dtype).name}), order={order!r});"
        "y = A[:, 0] + rng.standard_normal(50_000); fit = sh.Lasso(alpha=0.1).fit;"
        "fit(A[:500], y[:500]);"  # modules that are loaded on first use are not counted
        "tracemalloc.start(); fit(A, y); print(tracemalloc.get_traced_memory()[1] / A.nbytes)"
    )
    share = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    print(f"peak beside X: {share:.3f} of X")
    assert share <= 0.1


@pytest.mark.parametrize("power", [-700, -400, 400, 700])
def test_targets_without_squares_are_chosen_for_alike(power):
    """Targets times 2**700 have squares that are no numbers: the choice is the same, and the errors are None."""
    plain = sh.LassoCV(alphas=10, cv=3).fit(X, y)
    scaled = sh.LassoCV(alphas=10, cv=3).fit(X, np.ldexp(y, power))
    np.testing.assert_array_equal(np.ldexp(scaled.coef_, -power), plain.coef_)
    assert (scaled.mse_path_ is None) == (abs(power) == 700)
    assert "Kept" in str(scaled.summary())
