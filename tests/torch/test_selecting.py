"""SparseNetRegressor and SparseNetClassifier: features found by a network, in scikit-learn's manners."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

import shrinkage as sh
from shrinkage.torch.selecting import path as paths
from shrinkage.torch.selecting.training import Training
from tests.torch.battery import st, torch

SHORT = {"hidden": (16,), "growth": 3.0, "epochs": 60, "path_epochs": 15, "batch_size": 32, "learning_rate": 0.02}
SHORTEST = {**SHORT, "growth": 10.0, "epochs": 40, "path_epochs": 10}


@parametrize_with_checks([st.SparseNetRegressor(**SHORTEST), st.SparseNetClassifier(**SHORTEST)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def curved(n=300, seed=0):
    """Two of eight columns matter, neither through a straight line alone."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 8))
    return X, np.abs(X[:, 2]) * 2 + np.tanh(2 * X[:, 5]) + 0.1 * rng.standard_normal(n)


def test_what_is_not_a_line_is_found():
    """The lasso sees nothing of |x2|."""
    X, y = curved()
    model = st.SparseNetRegressor(random_state=0, growth=1.5).fit(X, y)
    assert list(model.selected_features_) == ["x2", "x5"] and np.flatnonzero(model.support_).tolist() == [2, 5]
    assert model.score(*curved(seed=1)) > 0.85
    assert abs(sh.Lasso(alpha=0.05).fit(X, y).coef_[2]) < 0.1


def test_a_path_goes_from_all_features_to_none():
    model = st.SparseNetRegressor(**SHORT, random_state=0).fit(*curved())
    counts = [len(step.features) for step in model.path_]
    assert counts[0] >= 6 and counts[-1] == 0 and all(counts[:-1])
    strengths = [step.strength for step in model.path_]
    np.testing.assert_allclose(np.divide(strengths[1:], strengths[:-1]), 3.0)
    assert model.strength_ in strengths and model.path_[-1].score <= 0


def test_what_is_left_out_does_not_matter():
    X, y = curved()
    model = st.SparseNetRegressor(**SHORT, random_state=0, max_features=3).fit(X, y)
    assert 0 < model.support_.sum() <= 3
    moved = np.where(model.support_, X, X + 100.0)
    np.testing.assert_array_equal(model.predict(moved), model.predict(X))


def test_names_of_a_data_frame():
    pd = pytest.importorskip("pandas")
    data = load_breast_cancer(as_frame=True)
    X, X_test, y, y_test = train_test_split(data.data, data.target.map({0: "malignant", 1: "benign"}), random_state=0)
    model = st.SparseNetClassifier(**SHORT, random_state=0, max_features=8).fit(X, y)
    assert isinstance(X, pd.DataFrame) and list(X.columns[model.support_]) == list(model.selected_features_)
    assert 0 < len(model.selected_features_) <= 8 and model.score(X_test, y_test) > 0.93
    assert list(model.classes_) == ["benign", "malignant"]
    shares = model.predict_proba(X_test)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_array_equal(model.classes_[shares.argmax(1)], model.predict(X_test))


def test_a_hierarchy_finds_what_is_not_a_line_and_keeps_its_bound():
    X, y = curved()
    y = y + X[:, 2] + X[:, 5]  # LassoNet enters an input by its line
    model = st.SparseNetRegressor(random_state=0, hierarchy=10.0, growth=1.5, epochs=60, batch_size=64).fit(X, y)
    assert list(model.selected_features_) == ["x2", "x5"] and np.flatnonzero(model.support_).tolist() == [2, 5]
    counts = [len(step.features) for step in model.path_]
    assert counts[0] == 8 and counts[-1] == 0
    new = curved(seed=1)
    assert model.score(new[0], new[1] + new[0][:, 2] + new[0][:, 5]) > 0.85
    weight = model.network_.first.weight.detach()
    assert (weight[1:].abs() <= 10 * weight[0].abs() * (1 + 1e-12)).all()


def test_a_hierarchy_of_zero_is_a_straight_line():
    """The lasso, at the same strength: squared error against half of it."""
    X, y = load_diabetes(return_X_y=True)
    settings = {"strengths": [0.1], "epochs": 50, "path_epochs": 200, "learning_rate": 0.02, "batch_size": 512, "decay": 0.0}
    model = st.SparseNetRegressor((4,), hierarchy=0.0, validation_fraction=1e-9, random_state=0, **settings).fit(X, y)
    X_std = (X - X.mean(0)) / X.std(0)
    line = model.network_.first.weight.detach().numpy()[0]
    lasso = sh.Lasso(0.05).fit(X_std, (y - y.mean()) / y.std())
    np.testing.assert_allclose(line, lasso.coef_, atol=5e-3)
    np.testing.assert_array_equal(line != 0, lasso.coef_ != 0)
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted - predicted.mean(), X_std @ line * y.std(), atol=1e-8)


def test_a_hierarchy_of_classes():
    data = load_breast_cancer()
    X, X_test, y, y_test = train_test_split(data.data, data.target, random_state=0)
    settings = {**SHORT, "learning_rate": 0.01, "growth": 2.0}
    model = st.SparseNetClassifier(**settings, hierarchy=5.0, random_state=0, max_features=12).fit(X, y)
    assert 0 < len(model.selected_features_) <= 12 and model.score(X_test, y_test) > 0.9


def test_critical_of_a_hierarchy():
    X, y = curved(80)
    torch.manual_seed(0)
    model, loss, inputs = paths.with_skip((8, 16, 1)), torch.nn.MSELoss(), paths.hierarchy(3.0, 1)
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    strength = paths.critical(model, loss, data, inputs)
    with torch.no_grad():
        model.first.weight.zero_()
    for share, optimal in ((1.001, True), (0.999, False)):
        penalties = st.Penalties(model, {"first.weight": inputs.penalty(share * strength)})
        violation = st.certificate(model, penalties, loss, data).violations["first.weight"]
        assert (violation == 0) == optimal


@pytest.mark.parametrize("rule", ["min", "1se"])
def test_the_rule_chooses(rule):
    X, y = load_diabetes(return_X_y=True)
    model = st.SparseNetRegressor(**SHORT, random_state=0, rule=rule).fit(X, y)
    [chosen] = [step for step in model.path_ if step.strength == model.strength_]
    best = min(model.path_, key=lambda step: step.loss)
    if rule == "min":
        assert chosen == best
    else:
        assert len(chosen.features) < len(best.features) and chosen.loss <= best.loss + best.se
        assert all(len(s.features) >= len(chosen.features) for s in model.path_ if s.loss <= best.loss + best.se)
    assert chosen.features == tuple(model.selected_features_)


def test_the_same_seed_gives_the_same_network_and_leaves_torchs_alone():
    X, y = curved(80)
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    first, second, other = (st.SparseNetRegressor(**SHORT, random_state=s).fit(X, y).predict(X) for s in (0, 0, 1))
    assert torch.equal(torch.randn(3), expected)
    assert np.array_equal(first, second) and not np.allclose(first, other)


def test_units_do_not_matter():
    """Powers of two: the standardised data have the same bits."""
    X, y = curved(80)
    model = st.SparseNetRegressor(**SHORT, random_state=0)
    one = clone(model).fit(X, y)
    other = clone(model).fit(X * 2.0 ** np.arange(8), y * 4)
    assert list(one.selected_features_) == list(other.selected_features_)
    np.testing.assert_allclose(other.predict(X * 2.0 ** np.arange(8)), 4 * one.predict(X), rtol=1e-6)


def test_a_fitted_model_is_pickled():
    X, y = curved(80)
    model = st.SparseNetRegressor(**SHORT, random_state=0).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_critical_is_where_zero_is_an_optimum_of_the_first_layer():
    X, y = curved(80)
    torch.manual_seed(0)
    model, loss = paths.perceptron((8, 16, 1)), torch.nn.MSELoss()
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    strength = paths.critical(model, loss, data)
    with torch.no_grad():
        model[0].weight.zero_()
    for share, optimal in ((1.001, True), (0.999, False)):
        penalties = st.Penalties(model, {"0.weight": st.Groups(sh.L1(share * strength), "columns")})
        violation = st.certificate(model, penalties, loss, data).violations["0.weight"]
        assert (violation == 0) == optimal


def test_each_step_of_a_path_starts_where_the_last_ended():
    """At a rate of nothing the first network stays."""
    X, y = curved(40)
    torch.manual_seed(0)
    model = paths.perceptron((8, 4, 1))
    before = model[2].weight.detach().clone()
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    steps = list(paths.follow(model, torch.nn.MSELoss(), data, [0.1, 0.2], Training(2, 16, 0.0), 0.0))
    assert [strength for strength, _ in steps] == [0.1, 0.2]
    assert all(torch.equal(network[2].weight, before) for _, network in steps)
    assert steps[0][1] is not steps[1][1]


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": ()}, {"hidden": (0,)}, {"hidden": 16}, {"epochs": 0}, {"path_epochs": 1.5}, {"batch_size": True}, {"growth": 1.0},
     {"max_features": -1}, {"learning_rate": 0.0}, {"decay": -1.0},
     {"hierarchy": -1.0}, {"validation_fraction": 1.0}, {"rule": "best"},
     {"strengths": [0.0]}, {"strengths": []}, {"strengths": 0.1}],
    ids=repr,
)  # fmt: skip
def test_wrong_settings(wrong):
    with pytest.raises(sh.ParameterError, match=next(iter(wrong))):
        st.SparseNetRegressor(**wrong).fit(*curved(20))


def test_what_cannot_be_had():
    X, y = curved(40)
    with pytest.raises(sh.ParameterError, match="Training diverged at learning_rate"):
        st.SparseNetRegressor(**{**SHORT, "learning_rate": 1e200}).fit(X, y)
    with pytest.raises(sh.ParameterError, match="max_features=0: every network"):
        st.SparseNetRegressor(**SHORT, strengths=[1e-6], max_features=0).fit(X, y)
    with pytest.raises(NotFittedError):
        st.SparseNetRegressor().predict(X)
    with pytest.raises(sh.DataError, match="at least two classes"):
        st.SparseNetClassifier(**SHORT).fit(X, np.zeros(40, int))
