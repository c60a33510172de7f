"""What a page is told of a fit, held to the library's own numbers; no browser is needed here."""

import json
import pickle
import re
import subprocess
import sys
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
import pytest

import shrinkage as sh
from shrinkage.page.evidence import evidence, half_samples
from shrinkage.page.record import listed, record, rounded
from shrinkage.page.report import TEMPLATE, html, study
from tests.pages import records
from tests.test_page_maths import leaves

RNG = np.random.default_rng(0)
N, P = 90, 6
MIXED = RNG.standard_normal((P, P)) + np.eye(P)
X = pd.DataFrame(RNG.standard_normal((N, P)) @ MIXED * [1, 2, 5, 1, 0.5, 10] + 3, columns=list("abcdef"))
ETA = 0.8 * X["a"] - 0.1 * X["f"]
Y = ETA + RNG.standard_normal(N)
YES = np.where(ETA - ETA.mean() + RNG.logistic(size=N) > 0, "yes", "no")
COUNTS = RNG.poisson(np.exp(np.clip((ETA - ETA.mean()) / 4, -2, 2))).astype(float)
GROUPS = [0, 0, 1, 1, 2, 2]

# (name, the fit, the number on its dial: None where the penalty stands as it is)
FITS = [
    ("lasso", lambda: sh.Lasso(0.1, tol=1e-12).fit(X, Y), lambda f: f.alpha),
    ("lasso_cv", lambda: sh.LassoCV(tol=1e-12).fit(X, Y), lambda f: f.alpha_),
    ("elastic_net_cv", lambda: sh.ElasticNetCV(l1_ratio=[0.3, 0.9], tol=1e-12).fit(X, Y), lambda f: f.alpha_),
    ("ridge", lambda: sh.Ridge(3.0, tol=1e-12).fit(X, Y), lambda f: f.alpha),
    ("ridge_cv", lambda: sh.RidgeCV([0.1, 1.0, 30.0]).fit(X, Y), lambda f: f.alpha_),
    ("logistic", lambda: sh.LogisticRegression(C=0.5, tol=1e-12).fit(X, YES), lambda f: f.C),
    ("standardized", lambda: sh.PenalizedRegressorCV(standardize=True, tol=1e-12, rule="1se").fit(X, Y), lambda f: f.alpha_),
    ("criterion", lambda: sh.PenalizedRegressorCV(standardize=True, tol=1e-12, rule="bic").fit(X, Y), lambda f: f.alpha_),
    ("classifier", lambda: sh.PenalizedClassifier(alpha=0.03, standardize=True, tol=1e-12).fit(X, YES), lambda f: f.alpha),
    (
        "poisson",
        lambda: sh.PenalizedRegressor("poisson", alpha=0.1, standardize=True, tol=1e-12).fit(X, COUNTS),
        lambda f: f.alpha,
    ),
    ("groups", lambda: sh.PenalizedRegressor(groups=GROUPS, alpha=0.1, standardize=True, tol=1e-12).fit(X, Y), lambda f: f.alpha),
    (
        "mcp",
        lambda: sh.PenalizedRegressorCV(penalty="mcp", standardize=True, n_alphas=20, tol=1e-9).fit(X, Y),
        lambda f: f.alpha_,
    ),
    ("weighted", lambda: sh.Lasso(0.1, tol=1e-12).fit(X, Y, np.arange(N) % 3 + 0.5), lambda f: f.alpha),
    ("object", lambda: sh.PenalizedRegressor(penalty=sh.Laplace(0.2), alpha=None, tol=1e-12).fit(X, Y), None),
    (
        "no intercept",
        lambda: sh.solve(X, Y, sh.Huber(1.0), sh.L1(3.0), intercept=False, weights=np.arange(N) % 3 + 0.5),
        None,
    ),
    ("select", lambda: sh.select(X, Y, sh.SquaredError(), sh.L1(), standardize=True, tol=1e-12), lambda f: f.alpha),
    ("solve", lambda: sh.solve(X, Y, sh.SquaredError(2.0), sh.Laplace(0.3) + sh.Normal(1.0), tol=1e-12), None),
]
BY_NAME = {name: (make, dial) for name, make, dial in FITS}


@cache
def fitted(name):
    """Once for all tests: none of them changes it."""
    return BY_NAME[name][0]()


def coef_of(fit):
    return np.ravel(fit.coef_ if hasattr(fit, "coef_") else fit.coef)


def acting(told):
    return np.array(told["path"]["coefs"], float)[:, told["path"]["index"]]


def gram_of(told):
    half = told["local"]["gram"]
    full = np.array([row + [0.0] * (len(half) - len(row)) for row in half])
    return full + np.tril(full, -1).T


@pytest.mark.parametrize("name", BY_NAME)
def test_the_chosen_model_is_the_fit(name):
    fit, dial = fitted(name), BY_NAME[name][1]
    told = record(study(fit), draws=0)
    assert np.allclose(acting(told) / told["features"]["unit"], coef_of(fit), rtol=1e-8, atol=1e-12)
    assert told["features"]["names"] == list(X.columns)
    alpha = told["path"]["alphas"][told["path"]["index"]]
    number = told["dial"]["factor"] * alpha
    if dial is not None:
        assert (1 / number if told["dial"]["inverse"] else number) == pytest.approx(dial(fit), rel=1e-8)
    json.dumps(told, allow_nan=False)
    assert told["answer"].startswith("Of 6 features")


@pytest.mark.parametrize("name", BY_NAME)
def test_the_command_does_it_again(name):
    """As it is typed after `import shrinkage as sh`: numbers of a penalty object are told to six digits."""
    fit = fitted(name)
    told = study(fit)
    target = YES if told.classes else COUNTS if name == "poisson" else Y
    weights = np.arange(N) % 3 + 0.5
    again = eval(told.origin.command, {"sh": sh, "X": X, "y": target, "sample_weight": weights, "weights": weights})
    np.testing.assert_allclose(coef_of(again), coef_of(fit), rtol=1e-4 if name == "solve" else 1e-7, atol=1e-10)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_quadratic_is_stationary_at_the_fit(name):
    """Its gradient at the fit is undone by alpha times the penalty's, in the units that the page draws in."""
    found = study(fitted(name))
    told = record(found, draws=0)
    w = acting(told)
    alpha = told["path"]["alphas"][told["path"]["index"]]
    pull = gram_of(told) @ w - np.array(told["local"]["pull"])
    violation = np.max((alpha * found.task.penalty).violation(w, pull))
    assert violation < 1e-6 * np.abs(told["local"]["pull"]).max()


@pytest.mark.parametrize("name", ["lasso", "ridge", "standardized", "weighted", "solve"])
def test_for_squared_error_the_quadratic_is_the_loss_everywhere(name):
    found = study(fitted(name))
    told, task = record(found, draws=0), found.task
    assert told["local"]["exact"]
    for w in np.random.default_rng(1).standard_normal((5, P)):
        eta = X.to_numpy() @ (w / told["features"]["unit"])
        eta = eta + np.average(task.y - eta, weights=task.weights)
        mean = task.loss.total(task.y, eta, task.weights) / task.weights.sum()
        quadratic = told["local"]["constant"] + w @ gram_of(told) @ w / 2 - told["local"]["pull"] @ w
        assert quadratic == pytest.approx(mean, rel=1e-7)


@pytest.mark.parametrize("name", ["lasso", "standardized", "weighted"])
def test_least_squares_is_least_squares(name):
    found = study(fitted(name))
    told = record(found, draws=0)
    root = np.sqrt(found.task.weights)[:, None]
    design = np.column_stack([np.ones(N), X])
    least = np.linalg.lstsq(root * design, root[:, 0] * Y, rcond=None)[0][1:]
    assert np.allclose(np.array(told["features"]["unpenalized"]) / told["features"]["unit"], least, rtol=1e-6)


def test_the_curve_is_that_of_the_choice():
    fit = fitted("standardized")
    told = record(study(fit), draws=0)
    assert np.allclose(told["curve"]["mean"], fit.choice_.mean) and np.allclose(told["curve"]["se"], fit.choice_.se)
    assert (told["curve"]["index_min"], told["curve"]["index_1se"]) == (fit.choice_.index_min, fit.choice_.index_1se)
    assert told["path"]["index"] == fit.choice_.index and told["path"]["rule"] == "1se"


@pytest.mark.parametrize("name", ["standardized", "classifier", "poisson"])
def test_held_out_predictions_are_those_of_fits_without_the_fold(name):
    found = study(fitted(name))
    eta = evidence(found, 0).eta
    task, alpha = found.task, found.choice.alphas[found.index]
    train, test = found.masks
    inside, rows = train[:, 1] > 0, test[:, 1] > 0
    other = sh.path(X[inside], task.y[inside], task.loss, task.penalty, alphas=[alpha], standardize=task.standardize, tol=1e-12)
    assert np.allclose(eta[rows], X.to_numpy()[rows] @ other.coefs[:, 0] + other.intercepts[0], atol=2e-2)


def test_stability_counts_fits_of_half_the_rows():
    found = study(fitted("standardized"))
    seen = evidence(found)
    halves = half_samples(found.task.y, found.task.weights, seen.draws // 2, stratified=False)
    assert np.array_equal(halves[:, ::2] + halves[:, 1::2], np.ones((N, seen.draws // 2)))  # complementary pairs
    alphas = found.choice.alphas[seen.indices]
    kept = [
        sh.path(X[half > 0], Y[half > 0], sh.SquaredError(), sh.L1(), alphas=alphas, standardize=True, tol=1e-10).coefs != 0
        for half in halves.T
    ]
    assert np.abs(np.mean(kept, axis=0) - seen.kept).max() <= 2 / seen.draws  # a coefficient may be on the edge


def test_half_samples_hold_half_of_either_class():
    y = np.r_[np.zeros(30), np.ones(10)]
    halves = half_samples(y, np.ones(40), 5, stratified=True)
    assert np.all(halves[y == 1].sum(axis=0) == 5) and np.all(halves[y == 0].sum(axis=0) == 15)


def test_warnings_say_what_is_wrong():
    noise = np.random.default_rng(5).standard_normal((40, 30))
    target = np.random.default_rng(6).standard_normal(40)
    text = " ".join(record(study(sh.PenalizedRegressor(alpha=0.02, standardize=True).fit(noise, target)))["warnings"])
    assert "no better than the mean" in text and "fewer than half of the draws" in text
    text = " ".join(record(study(sh.Lasso(0.1).fit(X * [1, 1, 1, 1, 1, 1000], Y)), draws=0)["warnings"])
    assert "not standardised" in text


@pytest.mark.parametrize(
    ("x", "digits", "out"),
    [
        (1234.5678, 3, 1230),
        (2.0, 5, 2),
        (1e-9, 5, 1e-9),
        (np.nan, 3, None),
        (np.float64(0.1), 3, 0.1),
        ([np.inf], 3, [None]),
        (1.7976931348623157e308, 3, None),
    ],
)
def test_rounding_for_json(x, digits, out):
    assert rounded(x, digits) == out


def test_names_are_listed_as_one_says_them():
    letters = list("abcdefg")
    assert [listed(letters[:k]) for k in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert listed(letters) == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize("penalty", ["l1", "mcp"])
def test_alphas_are_told_to_every_bit(penalty):
    """Also where a record is wide and its other numbers are short."""
    wide = np.random.default_rng(7).standard_normal((40, 120))
    fit = sh.PenalizedRegressorCV(penalty=penalty, n_alphas=8, cv=3).fit(wide, wide[:, 0])
    told = json.loads(json.dumps(record(study(fit), draws=0)))["path"]
    assert told["alphas"] == fit.choice_.alphas.tolist()
    assert told["alphas"][told["index"]] == fit.alpha_


def test_the_records_that_the_pages_views_are_tested_on_are_what_the_library_says():
    """But for versions, and for how far below the tolerance a certificate is."""
    stored, fresh = (
        dict(leaves(given)) for given in (json.loads(records.FILE.read_text()), json.loads(json.dumps(records.records())))
    )
    varies = ("/versions/", "/path/certificate", "/path/certificates/")
    assert stored.keys() == fresh.keys()
    for where, value in fresh.items():
        if not any(part in where for part in varies):
            same = (
                stored[where] == value
                if isinstance(value, str | bool | None)
                else np.isclose(stored[where], value, rtol=1e-5, atol=1e-6)
            )
            assert same, f"{where}: {stored[where]} is stored, {value} found. python -m tests.pages.records writes the file."


# ---- what cannot be reported on


@pytest.mark.parametrize("name", ["lasso", "select", "solve"])
def test_a_pickled_fit_left_its_data_behind(name, tmp_path):
    fit = pickle.loads(pickle.dumps(fitted(name)))
    with pytest.raises(sh.ParameterError, match="pickle"):
        fit.report(tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [
    lambda X, y: sh.Lasso(0.1).fit(X, y), lambda X, y: sh.select(X, y, sh.SquaredError(), sh.L1()),
    lambda X, y: sh.solve(X, y, sh.SquaredError(), sh.L1(1.0)),
])  # fmt: skip
def test_data_that_changed_since_the_fit_are_noticed(make, tmp_path):
    values = X.to_numpy().copy()
    fit = make(values, Y.to_numpy())
    values[:, 0] *= 2
    with pytest.raises(sh.ParameterError, match="no longer what"):
        fit.report(tmp_path / "r.html")


def test_only_fits_are_reported_on():
    with pytest.raises(sh.ParameterError, match="got dict"):
        sh.report({}, "r.html")


def test_an_estimator_keeps_no_copy_of_a_frame():
    fit = sh.LassoCV().fit(X, Y)
    assert fit._data is X and fit.choice_.task is None
    assert sh.Lasso(0.1).fit(X, Y).solution_.task is None


# ---- the file


def test_the_file_is_whole_and_nothing_in_it_ends_the_script(tmp_path):
    name = "</script><script>alert(1)</script><!--"
    fit = sh.Lasso(0.1).fit(X.rename(columns={"a": name}), Y)
    fit.report(tmp_path / "r.html", target=name)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count("</script>") == TEMPLATE.read_text(encoding="utf-8").count("</script>")
    assert "<script>alert" not in text and "&lt;/script&gt;" in text
    body = re.search(r'<script type="application/json" id="record">(.*?)</script>', text, re.DOTALL).group(1)
    assert json.loads(body)["features"]["names"][0] == name


def test_the_template_names_no_address():
    """The address of a namespace is a name: nothing is fetched from it."""
    found = set(re.findall(r"https?://[^\"'`\s)]+", TEMPLATE.read_text(encoding="utf-8")))
    assert all(address.startswith("http://www.w3.org/") for address in found), found


def test_only_a_live_page_may_talk():
    told = record(study(fitted("lasso")), draws=0)
    assert "connect-src 'none'" in html(told)
    assert "connect-src 'self'" in html(told | {"live": True})


@pytest.mark.parametrize(("n", "p"), [(300, 100), (150, 10_000)])
def test_the_file_stays_small(n, p, tmp_path):
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((n, p))
    fit = sh.PenalizedRegressorCV(standardize=True).fit(wide, wide[:, :5].sum(axis=1) + rng.standard_normal(n))
    fit.report(tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 400_000


# ---- the command line


def test_the_command_line_writes_a_report(tmp_path):
    rows = ["size,kind,empty,price"] + [f"{i},{'ab'[i % 2]},,{2 * i + (i % 3)}" for i in range(60)] + [",a,,7"]
    (tmp_path / "h.csv").write_text("\n".join(rows))
    words = ["fit", "h.csv", "--target", "price", "--missing", "drop", "--report", "r.html", "--json"]
    done = subprocess.run([sys.executable, "-m", "shrinkage", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    assert "Report written to r.html" in done.stderr
    body = re.search(r'id="record">(.*?)</script>', (tmp_path / "r.html").read_text(encoding="utf-8"), re.DOTALL).group(1)
    told = json.loads(body)
    assert told["command"] == "shrinkage " + " ".join(words)
    assert told["data"]["source"] == "h.csv" and told["data"]["rows"] == 60
    assert any("empty: left out" in note for note in told["data"]["dropped"])
    assert any("1 row with missing entries left out" in note for note in told["data"]["dropped"])
    assert told["data"]["encodings"] == [{"name": "kind", "kind": "factor", "levels": ["a", "b"]}]
    assert told["features"]["source"] == ["size", "kind", "kind"]


def test_a_report_is_written_though_nobody_reads_the_summary(tmp_path):
    """`shrinkage fit ... --report r.html | head -1` ends the command at its second line."""
    words = ["fit", "examples/diabetes.csv", "--target", "disease_progression", "--report", str(tmp_path / "r.html")]
    process = subprocess.Popen([sys.executable, "-m", "shrinkage", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.close()
    process.wait(60)
    assert (tmp_path / "r.html").stat().st_size > 100_000


def test_the_template_is_part_of_the_package():
    """As data of the package that is installed, which is where the report reads it from."""
    assert resources.files("shrinkage.page").joinpath("template.html").read_bytes() == TEMPLATE.read_bytes()


def test_a_place_that_cannot_be_written_to_is_refused_first(tmp_path):
    words = ["fit", "none.csv", "--target", "y", "--report", str(tmp_path / "no" / "r.html")]
    done = subprocess.run([sys.executable, "-m", "shrinkage", *words], capture_output=True, text=True)
    assert done.returncode == 2 and "there is no folder" in done.stderr


@pytest.mark.parametrize(
    ("y", "which", "name"),
    [
        (Y.rename("yield"), 0, "yield"),
        (Y.rename("yield").to_frame().assign(loss=Y), 1, "loss"),
        (Y.rename(None), 0, "y"),
        (np.asarray(Y), 0, "y"),
        (Y.rename("yield").tolist(), 0, "y"),
    ],
)
def test_the_target_is_called_what_y_calls_it(y, which, name):
    fit = sh.Lasso(0.1).fit(X, y)
    assert study(fit, which=which).target == name
    assert study(fit, "how much", which).target == "how much"
