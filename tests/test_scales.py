"""A strength in another library's words means what that library makes of it: its objective, its solver, and back."""

from __future__ import annotations

import doctest
import json
import math
import shutil
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shrinkage as sh
from shrinkage import scales
from shrinkage.errors import ParameterError
from shrinkage.scales.rows import FACTS, ROWS, SOURCES
from tests.fixtures import libraries
from tests.fixtures.objectives import BINOMIAL_ROWS, OBJECTIVES, SD_X, SD_Y, SIGMA, K, residual
from tests.fixtures.small import N, small

HERE = Path(__file__).parent / "fixtures"
DATA = small()
BY_WORD = {row.word: row for row in ROWS}
LOSSES = {
    "gaussian": sh.SquaredError,
    "binomial": sh.Logistic,
    "poisson": sh.Poisson,
    "quantile": lambda s: sh.Quantile(0.5, s),
}


def target(family, outputs=1):
    """(n, outputs)"""
    if family == "quantile":
        family = "gaussian"
    y = getattr(DATA, family)
    return y[:, :outputs] if y.ndim == 2 else y[:, None]


def mode(family, l1, l2, *, scale=1.0, outputs=1, weights=None, intercept=True):
    """(p, outputs) coefficients and (outputs,) intercepts of ours; `scale`: sigma, where the likelihood has one."""
    loss = LOSSES[family](scale) if family in ("gaussian", "quantile") else LOSSES[family]()
    penalty = sh.L1(l1) + sh.L2(l2)
    fits = [
        sh.solve(DATA.X, y, loss, penalty, weights=weights, intercept=intercept, tol=1e-15 if family != "quantile" else 1e-9)
        for y in target(family, outputs).T
    ]
    return np.column_stack([fit.coef for fit in fits]), np.array([fit.intercept for fit in fits])


ELSEWHERE = {  # tested against the library's output: we have no such likelihood, or its loss has kinks
    "sklearn.TweedieRegressor.alpha",
    "sklearn.QuantileRegressor.alpha",
    "glmnet.cox.lambda",
    "lifelines.CoxPHFitter.penalizer",
}


def test_every_row_has_its_objective_here_and_its_source_there():
    assert set(BY_WORD) == {word.removesuffix(":standardized") for word in OBJECTIVES} | ELSEWHERE
    assert {row.word.split(".")[0] for row in ROWS} <= set(SOURCES) | {"strength", "prior", "shrinkage"}
    for row in ROWS:
        assert row.source and row.description and set(row.unit(row.kinds[0]).powers) <= set(FACTS)


def violation(objective, value, w, b, y):
    """Distance of 0 from the subdifferential, by complex steps (exact): `objective` knows |w| apart from w."""
    h = 1e-30

    def slopes(at, which):
        out = np.empty(at.shape)
        for i in np.ndindex(at.shape):
            step = at.astype(complex)
            step[i] += 1j * h
            arguments = {"w": w, "a": np.abs(w), "b": b} | {which: step}
            out[i] = objective(value, arguments["w"], arguments["a"], arguments["b"], y).imag / h
        return out

    smooth, kink = slopes(w, "w"), slopes(np.abs(w), "a")
    at_zero = np.maximum(np.abs(smooth) - kink, 0)
    return max(np.where(w == 0, at_zero, np.abs(smooth + np.sign(w) * kink)).max(), np.abs(slopes(b, "b")).max())


def cases():
    """Each convention with strengths (l1, l2), those it can hold."""
    for word in OBJECTIVES:
        row = BY_WORD[word.removesuffix(":standardized")]
        for l1, l2 in ((5.0, 3.0), (8.0, 0.0), (0.0, 6.0), (0.25, 0.5)):
            if row.pair is None:
                kind = "l2" if word == "liblinear.C" else row.kinds[0]
                if l1 if kind == "l1" else l2:
                    yield word, (l1 if kind == "l1" else l2), kind
            elif word != "prior" or l1 * l2:  # a density needs both scales to be finite
                yield word, (l1, l2), None


@pytest.mark.parametrize(("word", "strengths", "kind"), list(cases()))
def test_the_other_objective_is_stationary_at_our_solution(word, strengths, kind):
    stem = word.removesuffix(":standardized")
    family = "binomial" if word in BINOMIAL_ROWS else BY_WORD[stem].family or "gaussian"
    outputs = K if word.endswith((".mse", ".mse_sum")) else 1
    facts = {"n": N, "sd_y": SD_Y, "column_sd": SD_X, "outputs": outputs, "residual_norm": 11.0, "penalty": kind}
    if family == "gaussian":
        facts["sigma"] = SIGMA
    value = scales.convert(strengths, "strength", stem, **facts)
    inside = scales.convert(value, word, "strength", **facts)  # one per column where columns were standardised
    if kind is not None:
        inside = (inside, 0.0) if kind == "l1" else (0.0, inside)
    w, b = mode(family, *inside, scale=SIGMA, outputs=outputs)
    y = target(family, outputs)
    facts["residual_norm"] = np.linalg.norm(residual(w, b, y))
    value = scales.convert(strengths, "strength", stem, **facts)
    start = violation(OBJECTIVES[word], value, 0 * w, 0 * b + y.mean(axis=0) / 2, y)
    assert violation(OBJECTIVES[word], value, w, b, y) <= 1e-8 * min(start, 1)


# -- what each library's own solver returns --------------------------------------------------------------------------


def recorded(name):
    return json.loads((HERE / name).read_text())["records"]


RECORDS = [*recorded("glmnet.json"), *recorded("libraries.json")]


def strengths_of(record):
    """(l1, l2), per column where the record has a penalty factor or standardised columns."""
    word, facts = record["word"], record["facts"]
    row = BY_WORD[word.removesuffix(":standardized")]
    value = record["value"]
    if "sigma" not in facts:
        facts = {"dispersion": 1.0} | facts
    if row.pair:
        l1, l2 = scales.convert(tuple(value), word, "strength", **facts)
    else:
        kind = record.get("penalty", row.kinds[0])
        found = scales.convert(value, word, "strength", **facts, penalty=kind)
        l1, l2 = (found, 0.0) if kind == "l1" else (0.0, found)
    by = scales.factors(record["penalty_factor"]) if "penalty_factor" in record else 1.0
    return l1 * by, l2 * by


def agrees(record):
    l1, l2 = strengths_of(record)
    theirs = np.atleast_2d(record["coef"]).T
    sigma = math.sqrt(record["facts"].get("dispersion", record["facts"].get("sigma", 1.0) ** 2))
    w, b = mode(
        record["family"],
        l1,
        l2,
        scale=sigma,
        outputs=theirs.shape[1],
        weights=DATA.weights if record["weighted"] else None,
        intercept="intercept" in record,
    )
    np.testing.assert_allclose(w, theirs, rtol=0, atol=1e-6)
    if "intercept" in record:
        np.testing.assert_allclose(b, np.atleast_1d(record["intercept"]), rtol=0, atol=3e-6)


def name_of(record):
    return f"{record['word']}-{record['value']}-{record['call']}"


@pytest.mark.parametrize("record", [r for r in RECORDS if r["family"] != "cox" and r["coef"]], ids=name_of)
def test_recorded_solvers_agree(record):
    agrees(record)


@pytest.mark.parametrize("library", libraries.LIVE)
def test_installed_solvers_agree(library):
    pytest.importorskip(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = list(libraries.LIVE[library]())
    for record in records:
        try:
            agrees(record)
        except AssertionError as error:
            raise AssertionError(name_of(record)) from error


@pytest.mark.parametrize("record", [r for r in RECORDS if r["family"] == "cox"], ids=name_of)
def test_cox_solutions_are_stationary_in_our_terms(record):
    """We have no Cox loss: the exact partial likelihood, by complex steps."""
    (l1, l2), w = strengths_of(record), np.array(record["coef"])
    order = np.argsort(DATA.time)
    X, event = DATA.X[order], DATA.event[order]

    def objective(value, w, a, b, y):
        eta = (X @ w)[:, 0]
        at_risk = np.cumsum(np.exp(eta)[::-1])[::-1]
        return np.sum(event * (np.log(at_risk) - eta)) + np.sum(l1 * a[:, 0]) + np.sum(l2 * w[:, 0] ** 2) / 2 + 0 * b

    def off(w):
        return violation(lambda *v: objective(*v).sum(), None, w[:, None], np.zeros(1), None)

    assert off(w) < 3e-5 * off(0 * w)  # lifelines smooths |w|; the others are far below


def test_gamma_solutions_are_stationary_in_our_terms():
    """The exact gamma density, dispersion 0.5, against scikit-learn's GammaRegressor."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    y, phi = 1 + DATA.poisson, 0.5
    fit = linear_model.GammaRegressor(alpha=0.2, solver="newton-cholesky", tol=1e-12).fit(DATA.X, y)
    l2 = scales.convert(0.2, "sklearn.TweedieRegressor.alpha", "strength", n=N, dispersion=phi)

    def objective(value, w, a, b, y):
        mean = np.exp(DATA.X @ w + b)[:, 0]
        return np.sum((y / mean + np.log(mean)) / phi) + l2 / 2 * np.sum(w**2)

    assert violation(objective, None, fit.coef_[:, None], np.array([fit.intercept_]), y) < 1e-8


def test_laplace_torch_has_the_same_posterior():
    (record,) = (r for r in RECORDS if r["word"] == "laplace.prior_precision")
    l2 = scales.convert(record["value"], "laplace.prior_precision", "strength")
    ours = DATA.X.T @ DATA.X / record["facts"]["sigma"] ** 2 + l2 * np.eye(DATA.X.shape[1])
    np.testing.assert_allclose(record["precision"], ours, rtol=1e-6)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_glmnet_still_says_what_is_recorded():
    run = subprocess.run(["Rscript", HERE / "glmnet.R"], capture_output=True, text=True, timeout=300)
    if run.returncode and "there is no package" in run.stderr:
        pytest.skip("R has no glmnet")
    for now, then in zip(json.loads(run.stdout)["records"], recorded("glmnet.json"), strict=True):
        assert now["value"] == then["value"] and now["word"] == then["word"]
        np.testing.assert_allclose(now["coef"], then["coef"], rtol=0, atol=1e-7)


# -- there and back --------------------------------------------------------------------------------------------------

values = st.floats(1e-6, 1e6)
all_facts = st.fixed_dictionaries(
    {"n": st.integers(1, 10**9), "outputs": st.integers(1, 1000)}
    | {fact: st.floats(1e-3, 1e3) for fact in ("dispersion", "sd_y", "column_sd", "residual_norm")}
)
words = st.sampled_from([*BY_WORD, *(w + ":standardized" for w in BY_WORD if not w.startswith("lifelines"))])


def given_facts(facts, *used):
    if any(BY_WORD[word.removesuffix(":standardized")].family in ("binomial", "cox") for word in used):
        return {k: v for k, v in facts.items() if k != "dispersion"}
    return facts


@given(word=words, value=values, facts=all_facts, data=st.data())
@settings(max_examples=500)
def test_round_trip_of_a_number(word, value, facts, data):
    row = BY_WORD[word.removesuffix(":standardized")]
    facts = given_facts(facts, word) | {"penalty": data.draw(st.sampled_from(row.kinds))}
    inside = scales.convert(value, word, "strength", **facts)
    assert math.isclose(scales.convert(inside, "strength", word, **facts), value, rel_tol=1e-12)
    other = data.draw(words)
    partner = BY_WORD[other.removesuffix(":standardized")]
    if facts["penalty"] in partner.kinds and (None in (row.family, partner.family) or row.family == partner.family):
        facts = given_facts(facts, word, other)
        there = scales.convert(value, word, other, **facts)
        assert math.isclose(scales.convert(there, other, word, **facts), value, rel_tol=1e-12)


@given(word=words, value=values, second=st.floats(0.001, 0.999), facts=all_facts)
@settings(max_examples=500)
def test_round_trip_of_a_pair(word, value, second, facts):
    row = BY_WORD[word.removesuffix(":standardized")]
    facts = given_facts(facts, word)
    if row.pair is None:
        return
    inside = scales.convert((value, second), word, "strength", **facts)
    assert isinstance(inside, scales.Strengths)
    back = scales.convert(inside, "strength", word, **facts)
    np.testing.assert_allclose(back, (value, second), rtol=1e-12)
    via = scales.convert(scales.convert((value, second), word, "prior", **facts), "prior", word, **facts)
    np.testing.assert_allclose(via, (value, second), rtol=1e-9)  # tau is rounded before it is squared; 1 - share is small


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "source", "target", "facts", "expected"),
    [
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": 100}, 10.0),
        (0.1, "sklearn.Lasso.alpha", "prior.Laplace.scale", {"n": 100, "sigma": 2.0}, 0.4),
        (0.1, "sklearn.Lasso.alpha", "glmnet.lambda", {}, 0.1),
        (1.0, "sklearn.Ridge.alpha", "prior.Normal.scale", {"sigma": 3.0}, 3.0),
        (2.0, "sklearn.LogisticRegression.C", "liblinear.C", {}, 2.0),
        (2.0, "sklearn.LogisticRegression.C", "glmnet.binomial.lambda", {"n": 100}, 0.005),
        (2.0, "sklearn.LogisticRegression.C", "prior", {"penalty": "l1"}, 2.0),
        (0.01, "torch.weight_decay", "laplace.prior_precision", {"n": 1000}, 10.0),
        (0.01, "torch.weight_decay.mse", "strength", {"n": 1000, "outputs": 3, "sigma": 0.5}, 60.0),
        (0.01, "torch.weight_decay", "keras.L1L2", {}, 0.005),
        (3.0, "bayesian_lasso.lambda", "sklearn.Lasso.alpha", {"n": 10, "sigma": 2.0}, 0.6),
        (1.1, "belloni.sqrt_lasso.lambda", "skglm.SqrtLasso.alpha", {"n": 121}, 0.1),
        (0, "sklearn.Lasso.alpha", "prior.Laplace.scale", {"n": 100, "sigma": 2.0}, math.inf),
        (math.inf, "prior.Laplace.scale", "sklearn.Lasso.alpha", {"n": 100, "sigma": 2.0}, 0.0),
        ([0.1, 0.2], "sklearn.Lasso.alpha", "lars.lambda", {"n": 100}, [10.0, 20.0]),
        (0.5, "glmnet.lambda:standardized", "sklearn.Lasso.alpha", {"column_sd": [1.0, 4.0]}, [0.5, 2.0]),
        (0.5, "sklearn.Lasso.alpha:standardized", "glmnet.lambda:standardized", {}, 0.5),
        ((0.5, 0.2), "sklearn.ElasticNet.alpha", "glmnet.lambda", {"sd_y": 2.0}, (0.9, 1 / 9)),
        ((0.5, 0.2), "sklearn.ElasticNet.alpha", "glmnet.object.lambda", {}, (0.5, 0.2)),
        ((0.5, 0.2), "sklearn.ElasticNet.alpha", "prior", {"n": 10, "sigma": 1.0}, (1.0, 0.5)),
        ((0.5, 1.0), "sklearn.ElasticNet.alpha", "sklearn.Lasso.alpha", {}, 0.5),
        ((0.0, 0.3), "sklearn.ElasticNet.alpha", "glmnet.object.lambda", {}, (0.0, 0.3)),
        ((2.0, math.inf), "prior", "strength", {}, (0.5, 0.0)),
        ((1e300, 0.5), "sklearn.ElasticNet.alpha", "glmnet.lambda", {"sd_y": 1e-5}, (5e299 + 5e294, 1 / 1.00001)),
        ((0.4, [0.5, 0.0]), "sklearn.ElasticNet.alpha", "strength", {"n": 10, "sigma": 1}, ([2.0, 0.0], [2.0, 4.0])),
    ],
)
def test_values(value, source, target, facts, expected):
    found = scales.convert(value, source, target, **facts)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert type(found) in (float, np.ndarray, tuple, scales.Strengths, scales.PriorScales)
    assert isinstance(found, tuple) == isinstance(expected, tuple)


def test_a_square_root_lasso_is_the_lasso_with_its_own_residuals():
    w, b = mode("gaussian", 20.0, 0.0)
    norm = float(np.linalg.norm(residual(w, b, target("gaussian"))))
    alpha = scales.convert(20.0 / N, "sklearn.Lasso.alpha", "skglm.SqrtLasso.alpha", n=N, residual_norm=norm)
    back = scales.convert(alpha, "skglm.SqrtLasso.alpha", "sklearn.Lasso.alpha", n=N, residual_norm=norm)
    assert alpha == pytest.approx(20.0 / norm) and back == pytest.approx(20.0 / N)


def test_penalty_factors():
    np.testing.assert_allclose(scales.factors([1.0, 2.0, math.inf, 4.0]), [0.5, 1.0, math.inf, 2.0])
    value, factors = scales.split([0.1, 0.0, 0.5])
    np.testing.assert_allclose(value * scales.factors(factors), [0.1, 0.0, 0.5])


@pytest.mark.parametrize(
    ("source", "target", "penalty", "expected"),
    [
        ("sklearn.Lasso.alpha", "glmnet.lambda", None, "lambda = alpha"),
        ("sklearn.Lasso.alpha", "prior.Laplace.scale", None, "scale = sigma^2 / (n alpha)"),
        ("torch.weight_decay.mse", "prior.Normal.scale", None, "scale = sqrt(2) sigma / sqrt(n outputs weight_decay)"),
        ("prior.Normal.scale", "sklearn.PoissonRegressor.alpha", None, "alpha = dispersion / (n scale^2)"),
        ("sklearn.Ridge.alpha", "glmnet.lambda", None, "lambda = sd_y alpha / n"),
        ("strength", "prior", "l2", "tau = 1 / sqrt(l2)"),
    ],
)
def test_formulas(source, target, penalty, expected):
    assert scales.formula(source, target, penalty) == expected
    assert scales.explain(source, target, penalty).endswith(expected)


def test_explain_tells_the_two_weights_apart_where_they_differ():
    text = scales.explain("sklearn.ElasticNet.alpha", "glmnet.lambda").splitlines()
    assert text[2:] == ["L1: lambda = alpha", "L2: lambda = sd_y alpha"]


def test_words_are_listed():
    assert list(scales.available()) == [row.word for row in ROWS]
    assert all("\n" not in text for text in (*scales.available().values(), *scales.refused().values()))


# -- no silent wrong answer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "source", "target", "facts", "message"),
    [
        (0.1, "Lasso.alpha", "strength", {}, "did you mean 'shrinkage.Lasso.alpha' or 'sklearn.Lasso.alpha'"),
        (0.1, "sklearn.Laso.alpha", "strength", {}, "did you mean 'sklearn.Lasso.alpha'"),
        (0.1, "strength", "xyzzy", {}, "scales.available"),
        (0.1, 3, "strength", {}, "named by a word"),
        (0.1, "sklearn.Lasso.alpha", "strength", {}, "also needs n=.*and dispersion=.*sigma="),
        (0.1, "torch.weight_decay.mse", "strength", {"n": 5, "sigma": 1.0}, "outputs=, the number of outputs"),
        (0.1, "torch.AdamW.weight_decay", "strength", {"n": 5}, "the density of no prior"),
        (0.1, "strength", "optax.adamw.weight_decay", {"n": 5}, "the density of no prior"),
        (0.1, "sklearn.SVC.C", "prior.Normal.scale", {}, "not minus the log of a likelihood"),
        (0.1, "sklearn.BayesianRidge.alpha_", "strength", {}, "precision of the noise"),
        (0.1, "sklearn.Lasso.alpha", "sklearn.Ridge.alpha", {}, "an L1 strength and sklearn.Ridge.alpha an L2 one"),
        (
            0.1,
            "sklearn.ElasticNet.alpha",
            "glmnet.lambda",
            {"sd_y": 2},
            "penalty='l1' or penalty='l2', or give a tuple",
        ),
        (0.1, "sklearn.Lasso.alpha", "glmnet.lambda", {"penalty": "l2"}, "translates L1 only"),
        (0.1, "sklearn.Lasso.alpha", "glmnet.lambda", {"penalty": "L1"}, "penalty must be"),
        ((0.1, 0.5), "sklearn.ElasticNet.alpha", "sklearn.Lasso.alpha", {}, "has an L2 part"),
        ((0.1, 0.5), "sklearn.ElasticNet.alpha", "sklearn.Ridge.alpha", {"n": 5}, "has an L1 part"),
        ((0.1, 0.5), "sklearn.SGDClassifier.alpha", "liblinear.C", {"n": 5}, "an L1 or an L2 strength, not both"),
        ((0.1, 0.5), "sklearn.Lasso.alpha", "strength", {"n": 5, "sigma": 1}, "takes a number"),
        ((0.1, 1.5), "sklearn.ElasticNet.alpha", "glmnet.object.lambda", {}, r"l1_ratio .* must lie in \[0, 1\]"),
        ((0.1, 0.5, 1.0), "sklearn.ElasticNet.alpha", "glmnet.object.lambda", {}, "a tuple"),
        (0.1, "sklearn.Lasso.alpha", "sklearn.LogisticRegression.C", {"n": 5, "sigma": 1}, "convert to 'prior' first"),
        (-0.1, "sklearn.Lasso.alpha", "glmnet.lambda", {}, "finite and not negative"),
        (math.nan, "sklearn.Lasso.alpha", "glmnet.lambda", {}, "finite and not negative"),
        (math.inf, "sklearn.Lasso.alpha", "glmnet.lambda", {}, "finite and not negative"),
        (0.0, "prior.Laplace.scale", "strength", {}, "greater than 0"),
        ("much", "sklearn.Lasso.alpha", "glmnet.lambda", {}, "must be a number"),
        (None, "sklearn.Lasso.alpha", "glmnet.lambda", {}, "finite and not negative"),
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": 0}, "n must be finite and greater than 0"),
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": math.nan}, "n must be finite and greater than 0"),
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": "many"}, "n must be a number"),
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": [1, 2]}, "n must be one number"),
        (0.1, "sklearn.Lasso.alpha", "strength", {"n": 9, "sigma": [1, 2]}, "sigma must be one number"),
        ((1.0, 1e-20), "strength", "glmnet.binomial.lambda", {"n": 9}, "within rounding of 1"),
        (0.1, "torch.weight_decay.mse", "strength", {"n": 5, "sigma": 1.0, "outputs": 1.5}, "whole number"),
        (0.1, "sklearn.Lasso.alpha", "lars.lambda", {"n": 5, "sigma": 2.0, "dispersion": 2.0}, "give one"),
        (0.1, "sklearn.LogisticRegression.C", "strength", {"sigma": 2.0}, "no dispersion and no sigma"),
        (0.1, "sklearn.PoissonRegressor.alpha", "strength", {"n": 5, "sigma": 2.0}, "give dispersion="),
        (1e-320, "sklearn.Lasso.alpha", "sklearn.Lasso.alpha:standardized", {"column_sd": 1e9}, "too small"),
        (1e300, "sklearn.Lasso.alpha", "lars.lambda", {"n": 1e10}, "too large"),
        (
            [1.0, 2.0],
            "glmnet.lambda:standardized",
            "lars.lambda",
            {"n": 5, "column_sd": [1, 2, 3]},
            "do not fit together",
        ),
        (0.1, "lifelines.CoxPHFitter.penalizer:standardized", "strength", {"n": 5, "column_sd": 1}, "adds nothing"),
    ],
)
def test_refusals(value, source, target, facts, message):
    with pytest.raises(ParameterError, match=message):
        scales.convert(value, source, target, **facts)


@pytest.mark.parametrize("factor", [[], [0.0, 0.0], [1.0, -1.0], [math.nan], 3.0, "a"])
def test_wrong_factors_are_refused(factor):
    with pytest.raises(ParameterError):
        scales.factors(factor)
    with pytest.raises(ParameterError):
        scales.split(factor)


def table():
    """The page's table, from the rows."""
    lines = ["| word | minimises | prior |", "|---|---|---|"]
    for row in ROWS:
        if row.word.startswith("prior"):
            continue
        rules = [scales.formula(row.word, "prior", kind) for kind in row.kinds]
        lines.append(f"| `{row.word}` | `{row.objective.replace('|', chr(0x2016))}` | `{'`, `'.join(rules)}` |")
    return "\n".join(lines)


def test_the_page_shows_the_rows_and_its_examples_run():
    page = Path(__file__).parents[1] / "docs" / "scales.md"
    assert table() in page.read_text(), f"replace the table in docs/scales.md by\n{table()}"
    assert doctest.testfile(str(page), module_relative=False).failed == 0
    assert doctest.testmod(scales).failed == 0


def test_light_to_import():
    code = "import sys, shrinkage.scales; print(*[m for m in ('sklearn', 'torch', 'scipy', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
    assert find_spec("shrinkage.scales") is not None
