"""The explorer without a browser: what its controls ask for is fitted as the library fits it, and served until it is closed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
import pytest

import shrinkage as sh
from shrinkage.page.example import diabetes
from shrinkage.page.explore import PENALTIES, answering, groups_of, related
from shrinkage.page.record import record
from shrinkage.page.study import of_choice, of_estimator


@pytest.fixture(scope="module")
def study():
    return diabetes()


@pytest.fixture(scope="module")
def answer(study):
    return answering(study)


def coefs(record):
    """In the units of the data, at the chosen alpha."""
    index = record["path"]["index"]
    acting = np.array([row[index] for row in record["path"]["coefs"]])
    return acting / np.array(record["features"]["unit"])


def estimator(study, penalty, standardize, **more):
    if penalty == "group_lasso":
        more["groups"] = groups_of(study)
    return sh.PenalizedRegressorCV(penalty=penalty, standardize=standardize, **more).fit(study.task.design.data, study.task.y)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("standardize", [True, False])
def test_a_refit_is_the_estimators(study, answer, penalty, standardize):
    found = answer({"penalty": penalty, "standardize": standardize})
    wanted = estimator(study, penalty, standardize)
    assert found["live"] and found["standardized"] is standardize
    assert np.isclose(found["path"]["alphas"][found["path"]["index"]], wanted.alpha_, rtol=1e-8)
    sd = np.std(study.task.design.data, axis=0)
    np.testing.assert_allclose(coefs(found) * sd, wanted.coef_ * sd, atol=1e-5)
    assert found["curve"]["folds"] == 5


def test_the_command_of_a_refit_does_it_again(study, answer):
    X = pd.DataFrame(study.task.design.data, columns=study.names)
    for wanted in ({"penalty": "elastic_net", "l1_ratio": 0.3}, {"penalty": "l1", "alpha": 2.5, "drop": ["bmi", "age"]}):
        found = answer(wanted)
        model = eval(found["command"], {"sh": sh, "X": X, "y": study.task.y})
        np.testing.assert_allclose(coefs(found), model.coef_, rtol=1e-4, atol=1e-7)
        assert found["features"]["names"] == list(model.feature_names_in_)


def test_an_alpha_that_is_asked_for_is_on_the_path(answer):
    found = answer({"alpha": 1.2345})
    assert found["path"]["rule"] == "given"
    assert found["path"]["alphas"][found["path"]["index"]] == 1.2345


def test_noise_widens_the_prior_and_changes_no_coefficient(answer):
    usual, wide = answer({"alpha": 1.0}), answer({"alpha": 1.0, "noise": 108.0})
    assert usual["path"]["coefs"] == wide["path"]["coefs"]
    assert wide["noise"]["dispersion"] == 108.0**2 and wide["noise"]["sigma"] == 108.0
    assert "as you set it" in wide["prior"][0] and f"scale {108**2 / 442:.4g}" in wide["prior"][0]


def test_rows_are_drawn_where_that_is_asked_for(answer):
    """Not for a refit, which must be quick; then of the same fit, with what they say of it."""
    quick, drawn = answer({"penalty": "mcp", "alpha": 2.0}), answer({"penalty": "mcp", "alpha": 2.0, "evidence": True})
    assert not quick["drawn"] and quick["stability"] is None and not quick["fitted"]["held_out"]
    assert drawn["drawn"] and drawn["stability"]["draws"] == 50 and drawn["fitted"]["held_out"]
    assert quick["path"] == drawn["path"]
    kept = np.array(drawn["stability"]["frequency"])
    assert kept[2, -1] > 0.9 and kept[:, -1].min() < 0.5  # bmi, and something that hardly matters


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"penalty": "l3"}, "penalty must be one of"),
        ({"penalty": ["l1"]}, "penalty must be one of"),
        ({"l1_ratio": 1.5}, "l1_ratio must be a number between 0 and 1"),
        ({"l1_ratio": "half"}, "l1_ratio"),
        ({"alpha": 0}, "alpha must be a number positive"),
        ({"alpha": -1}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"alpha": True}, "alpha"),
        ({"noise": -3}, "noise"),
        ({"noise": 1e400}, "noise"),
        ({"standardize": "yes"}, "standardize must be true or false"),
        ({"evidence": 1}, "evidence must be true or false"),
        ({"drop": "bmi"}, "drop must be a list"),
        ({"drop": ["weight"]}, "no feature 'weight'"),
        ({"colour": "red"}, "Unknown control 'colour'"),
    ],
    ids=str,
)
def test_a_bad_request_is_refused_in_one_sentence(answer, wanted, told):
    with pytest.raises(sh.ParameterError, match=told):
        answer(wanted)


def test_one_feature_at_least_is_kept(study, answer):
    with pytest.raises(sh.ParameterError, match="keep at least one"):
        answer({"drop": study.names})
    assert answer({"drop": study.names[1:]})["features"]["names"] == ["age"]


def test_noise_is_refused_where_the_likelihood_has_none():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 3))
    model = sh.PenalizedClassifier(alpha=0.05).fit(X, np.where(X[:, 0] + rng.standard_normal(80) > 0, "yes", "no"))
    respond = answering(of_estimator(model))
    with pytest.raises(sh.ParameterError, match="noise level belongs to squared error"):
        respond({"noise": 1.0})
    found = respond({"penalty": "elastic_net"})
    assert found["classes"] == ["no", "yes"] and found["command"].startswith("sh.PenalizedClassifierCV(")


def test_features_that_are_alike_are_one_group(study):
    X = np.random.default_rng(1).standard_normal((200, 4))
    X[:, 2] = -X[:, 0] + 0.1 * X[:, 2]
    model = sh.PenalizedRegressor().fit(X, X[:, 1])
    labels = related(of_estimator(model))
    assert labels[0] == labels[2] and len(set(labels)) == 3
    groups = dict(zip(study.names, groups_of(study), strict=True))
    assert groups["total_cholesterol"] == groups["ldl"] and groups["age"] != groups["bmi"]


# ---- served


def test_explore_serves_until_it_is_closed(study):
    model = sh.PenalizedRegressorCV(standardize=True).fit(study.task.design.data, study.task.y)
    with sh.explore(model, target="progression") as explorer:
        assert explorer.address in explorer._repr_html_() and "<iframe" in explorer._repr_html_()
        page = urllib.request.urlopen(explorer.address, timeout=10).read().decode()
        assert "PenalizedRegressorCV: progression" in page and '"live":true' in page
        body = json.dumps({"penalty": "scad"}).encode()
        headers = {"Content-Type": "application/json"}
        answered = urllib.request.urlopen(urllib.request.Request(f"{explorer.address}fit", body, headers), timeout=10)
        assert json.load(answered)["penalty"]["kind"] == "scad"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(explorer.address, timeout=2)


def test_explore_takes_a_fitted_estimator_only(study):
    with pytest.raises(sh.ParameterError, match="fitted estimator"):
        sh.explore(study)


def run(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "shrinkage", "explore", "--no-browser", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ([], "disease_progression"),
        (["examples/diabetes.csv", "--target", "disease_progression", "--drop", "age"], "examples/diabetes.csv"),
    ],
    ids=["its own study", "a file"],
)
def test_the_command_prints_an_address_and_ends_with_ctrl_c(words, title):
    process = run(*words)
    try:
        address = process.stdout.readline().strip()
        page = urllib.request.urlopen(address, timeout=20).read().decode()
        assert title in page
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, told = process.communicate(timeout=20)
        assert process.returncode == 0 and told.strip().endswith("Ended.") and "Traceback" not in told
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("words", [["examples/diabetes.csv"], ["--target", "y"]], ids=str)
def test_data_and_target_come_together(words):
    process = run(*words)
    assert process.wait(60) == 2 and "--target" in process.communicate()[1]


def test_a_choice_at_the_end_of_the_grid_is_told(study, answer):
    told = answer({"penalty": "l2", "standardize": True})
    assert told["path"]["index"] == len(told["path"]["alphas"]) - 1
    assert any("weakest penalty of the grid" in one for one in told["warnings"])
    assert not any("of the grid" in one for one in answer({"penalty": "l2", "alpha": 1.0})["warnings"])
    choice = sh.select(study.task.design.data, study.task.y, sh.SquaredError(), sh.L2(1.0), standardize=True)
    assert choice.index == 99 and any("weakest penalty" in one for one in record(of_choice(choice), draws=0)["warnings"])
