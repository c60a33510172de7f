"""The promises as laws: each holds for every estimator, on every problem that hypothesis draws (`laws.py`).

Laws about powers of two compare bits. The others compare linear predictors, to what the certificates prove.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import shrinkage as sh
from tests.laws import (
    CASES,
    CURVED,
    EPS,
    FLAWS,
    LOGISTIC,
    ORDER,
    PAIRS,
    SINGLE,
    TOL,
    Case,
    Data,
    P,
    assert_agree,
    classifier,
    coef,
    eta,
    every,
    fit,
    half_deviance,
    intercept,
    law,
    problems,
    regressor,
    relative,
    target,
)
from tests.layouts import LAYOUTS

for name in ("pandas", "polars", "pyarrow"):
    pytest.importorskip(name)

# ---- P1: units


REACH = 300  # of the powers; beyond it products leave the compiled kernels, and are rounded in another order
PROPER = tuple(flaw for flaw in FLAWS if flaw != "constant column")  # see the last part


def factors(case: Case, exponents: Any) -> Any:
    """Exponents of what X is multiplied by; groups: see the last part."""
    return exponents.map(abs) if case.model.get_params().get("groups") else exponents


@every(CASES)
@law(3)
def test_powers_of_two_change_no_bit(case, draw):
    """X times 2**j, y times 2**k, each strength times its own power: the same digits."""
    data = draw(problems(case, PROPER))
    powers = st.integers(-REACH, REACH)
    j = draw(factors(case, powers))
    k = (j if case.tied else draw(powers)) if case.moves else 0
    scaled = replace(data, X=np.ldexp(data.X, j), y=np.ldexp(data.y, k))
    one = fit(case, case.model, data, data.weights)
    other = fit(case, case.make(np.ldexp(1.0, j), np.ldexp(1.0, k)), scaled, data.weights)
    np.testing.assert_array_equal(np.ldexp(coef(other), j - k), coef(one))
    np.testing.assert_array_equal(np.ldexp(intercept(other), -k), intercept(one))


@every(CURVED)
@law(3)
def test_units_of_any_size(case, draw):
    """The same for factors that are no powers of two, from 1e-150 to 1e150."""
    data = draw(problems(case))
    decades = st.floats(-150, 150)
    x = 10.0 ** draw(factors(case, decades))
    y = (x if case.tied else 10.0 ** draw(decades)) if case.moves else 1.0
    one = fit(case, case.model, data)
    other = fit(case, case.make(x, y), replace(data, X=data.X * x, y=data.y * y))
    assert_agree(case, data, None, one, other, data.X @ (coef(other) * x / y) + intercept(other) / y)


# ---- P2: shifts


@every([case for case in CURVED if case.intercept])
@law(3)
def test_a_shift_of_columns_moves_the_intercept_alone(case, draw):
    """Up to 1e8 standard deviations. Whole numbers: the shifted data are exact."""
    data = draw(problems(case))
    shift = np.array(draw(st.lists(st.integers(-(4 * 10**8), 4 * 10**8), min_size=P, max_size=P)), float)
    one = fit(case, case.model, data)
    other = fit(case, case.model, replace(data, X=data.X + shift))
    noise = float(np.abs(shift) @ np.abs(coef(other)))
    assert_agree(case, data, None, one, other, data.X @ coef(other) + (intercept(other) + shift @ coef(other)), noise)


@every([case for case in CURVED if case.intercept and case.moves])
@law(3)
def test_a_shift_of_the_target_moves_the_intercept_alone(case, draw):
    data = draw(problems(case))
    data = replace(data, y=np.round(data.y * 64) / 64)
    shift = float(draw(st.integers(-(10**8), 10**8)))
    one = fit(case, case.model, data, data.weights)
    other = fit(case, case.model, replace(data, y=data.y + shift), data.weights)
    assert_agree(case, data, data.weights, one, other, data.X @ coef(other) + (intercept(other) - shift), abs(shift))


# ---- P3: order


def reordered(model: Any) -> Any:
    """The same settings for columns in the other order."""
    settings = model.get_params()
    moved = {name: np.asarray(settings[name])[ORDER] for name in ("groups", "penalty_factor") if settings.get(name) is not None}
    return clone(model).set_params(**moved)


@every(CURVED)
@law(3)
def test_the_order_of_rows_and_columns_changes_nothing(case, draw):
    data = draw(problems(case))
    rows = np.array(draw(st.permutations(range(data.n))))
    other = Data(data.X[rows][:, ORDER], data.y[rows], data.weights[rows])
    one = fit(case, case.model, data, data.weights)
    two = fit(case, reordered(case.model), other, other.weights, data.folds_of((np.arange(data.n) % 3)[rows]))
    assert_agree(case, data, data.weights, one, two, data.X[:, ORDER] @ coef(two) + intercept(two))


# ---- P4: weights


@every([case for case in CURVED if case.name != "RidgeCV"])  # leaving out one of two equal rows is no zero weight
@law(3)
def test_a_weight_counts_rows(case, draw):
    """2 is the row twice, 0 the row dropped."""
    data = draw(problems(case))
    rows = np.repeat(np.arange(data.n), data.weights.astype(int))
    repeated = Data(data.X[rows], data.y[rows], np.ones(len(rows)))
    one = fit(case, case.model, data, data.weights)
    two = fit(case, case.model, repeated, None, data.folds_of((np.arange(data.n) % 3)[rows]))
    assert_agree(case, data, data.weights, one, two)


@every([case for case in CURVED if case.on_mean])
@law(3)
def test_the_size_of_weights_changes_nothing(case, draw):
    data = draw(problems(case))
    factor = draw(st.floats(-250, 250).map(lambda e: 10.0**e))
    one = fit(case, case.model, data, data.weights)
    two = fit(case, case.model, data, data.weights * factor)
    assert_agree(case, data, data.weights, one, two)


# ---- P5: layouts


SPARSE = ("csc", "csr", "csr duplicates", "csc int64", "coo")
DTYPES = (np.float64, np.float32, np.float16, np.int8, np.int64, np.uint16, object)


def laid_out(data: Data, name: str, dtype: Any) -> Any:
    """X in one of the layouts; whole numbers, so exact in each dtype. Halves of duplicates need floats."""
    X = data.X - data.X.min() if dtype is np.uint16 and name not in SPARSE else data.X
    if name in SPARSE and dtype not in (np.float64, np.float32, np.int8):
        dtype = np.float64
    if name == "csr duplicates" and dtype is np.int8:
        dtype = np.float64
    return LAYOUTS[name](X.astype(dtype))


@every(CURVED)
@law(3)
def test_the_layout_of_x_changes_nothing(case, draw):
    """Any order, strides, index type, frame and dtype; float32 coefficients are the same ones, rounded."""
    data = draw(problems(case))
    name, dtype = draw(st.sampled_from(sorted(LAYOUTS))), draw(st.sampled_from(DTYPES))
    X = laid_out(data, name, dtype)
    data = replace(data, X=data.X - data.X.min()) if dtype is np.uint16 and name not in SPARSE else data
    one = fit(case, case.model, data, data.weights)
    other = fit(case, case.model, replace(data, X=X), data.weights)
    noise = 2.0**-24 / EPS * (np.abs(data.X) @ np.abs(coef(one))) if other.coef_.dtype == np.float32 else 0.0
    assert_agree(case, data, data.weights, one, other, noise=noise)
    np.testing.assert_array_equal(other.predict(X), other.predict(X))
    assert np.shape(other.predict(X)) == (data.n,)


# ---- P7: certificates


@every(SINGLE)
@law(4)
def test_converged_means_certified(case, draw):
    """True iff the certificate is within tol, and one warning otherwise, which names the dial, the number and a way out."""
    data = draw(problems(case))
    model = case.model.set_params(max_iter=draw(st.integers(0, 3)), tol=10.0 ** -draw(st.integers(1, 15)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(case, model, data, data.weights)
    certificate = model.certificate_
    assert model.converged_ == certificate.holds == (certificate.relative <= model.tol) == (not caught)
    assert model.converged_ == bool(model.solution_.outcome) and np.isfinite(coef(model)).all()
    for warning in caught:
        words = str(warning.message)
        assert issubclass(warning.category, ConvergenceWarning) and f"{certificate.relative:.1e}" in words
        assert type(model).__name__ in words and "max_iter" in words
        assert model.get_params().get("alpha", 0) is None or f" at {model._dial}=" in words


@every([case for case in SINGLE if case.curved])
@law(3)
def test_a_certificate_is_true(case, draw):
    """No fit is further above the best one known than its own certificate says, with the objective taken from its parts."""
    data = draw(problems(case))
    rough = fit(case, case.model.set_params(tol=10.0 ** -draw(st.integers(1, 6))), data, data.weights)
    best = fit(case, case.model, data, data.weights)

    def objective(model: Any) -> float:
        loss = float(case.loss.total(data.y, eta(model, data.X), data.weights))
        scale = np.sqrt(np.cov(data.X.T, aweights=data.weights, ddof=0).diagonal()) if standardised(model) else 1.0
        return loss + float(model.solution_.penalty.value(coef(model) * scale))

    size = abs(objective(best)) + half_deviance(case, data, data.weights)
    assert objective(rough) == pytest.approx(rough.solution_.objective, rel=1e-9, abs=1e-9 * size)
    excess = objective(rough) - objective(best)
    assert excess <= rough.certificate_.relative * half_deviance(case, data, data.weights) + 1e-12 * size


def standardised(model: Any) -> bool:
    return bool(model.get_params().get("standardize", False))


# ---- P8 and P9: nothing that is not a number, and a defined answer to every degenerate problem


DIRECT = ("Ridge", "LogisticRegression", "PenalizedRegressor, l2", "PenalizedClassifier, l2")


@every(SINGLE)
@law(4)
def test_every_number_is_finite_or_an_error(case, draw):
    """Columns and targets from 1e-135 to 1e135, each of its own size: finite numbers, or one of our errors."""
    data = draw(problems(case))
    assume(data.n > P or case.name not in DIRECT)  # see the last part
    powers = np.array(draw(st.lists(st.integers(-450, 450), min_size=P, max_size=P)))
    k = draw(st.integers(-450, 450)) if case.moves else 0
    wild = replace(data, X=np.ldexp(data.X, powers), y=np.ldexp(data.y, k))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model = fit(case, case.model, wild)
        except sh.ShrinkageError:
            return
    assert np.isfinite(coef(model)).all() and np.isfinite(intercept(model))
    assert np.isfinite(model.predict(wild.X)).all()


@every([case for case in SINGLE if case.moves and case.intercept])
@law(3)
def test_a_constant_target_has_the_null_model(case, draw):
    """Exactly; one row is a constant target."""
    data = draw(problems(case))
    level = draw(st.floats(-1e6, 1e6))
    rows = slice(0, draw(st.sampled_from([1, data.n])))
    model = case.model.fit(data.X[rows], np.full(data.n, level)[rows], sample_weight=data.weights[rows])
    assert model.converged_ and not np.any(model.coef_) and model.intercept_ == level


@every([case for case in SINGLE if case.intercept and case.curved])
@law(3)
def test_a_constant_column_has_no_coefficient(case, draw):
    """And changes nothing for the others."""
    data = draw(problems(case, ("none",)))
    value = draw(st.sampled_from([0.0, 0.1, 7.0, 1e8, -3e150, 1e-200]))
    with_it = data.X.copy()
    with_it[:, 1] = value
    without = data.X.copy()
    without[:, 1] = 0.0
    one = fit(case, case.model, replace(data, X=without), data.weights)
    other = fit(case, case.model, replace(data, X=with_it), data.weights)
    assert coef(other)[1] == 0 and coef(one)[1] == 0
    assert_agree(case, replace(data, X=without), data.weights, one, other)


PLAIN = [
    Case("Lasso", lambda x, y: sh.Lasso(0.5, tol=TOL)),
    Case("ElasticNet", lambda x, y: sh.ElasticNet(0.5, tol=TOL)),
    Case("Ridge", lambda x, y: sh.Ridge(2.0, tol=TOL)),
    Case("LogisticRegression", lambda x, y: sh.LogisticRegression(tol=TOL), LOGISTIC),
    Case("PenalizedRegressor", lambda x, y: regressor(0.5)),
    Case("PenalizedClassifier", lambda x, y: classifier(0.05), LOGISTIC),
]


@every(PLAIN)
@law(3)
def test_one_column_is_enough_and_none_is_refused(case, draw):
    data = draw(problems(case))
    alone = fit(case, case.model, replace(data, X=data.X[:, :1]))
    beside = fit(case, case.model, replace(data, X=data.X * [1, 0, 0, 0]))
    assert_agree(case, replace(data, X=data.X[:, :1]), None, alone, alone, eta(beside, data.X * [1, 0, 0, 0]))
    with pytest.raises(sh.DataError, match="0 feature"):
        fit(case, case.model, replace(data, X=data.X[:, :0]))


@every([case for case in PLAIN if case.name in ("Ridge", "ElasticNet", "LogisticRegression")])
@law(3)
def test_columns_alike_share_alike(case, draw):
    """Under a strictly convex penalty two equal columns have equal coefficients, to what strong convexity leaves."""
    data = draw(problems(case, ("columns alike",)))
    model = fit(case, case.model, data)
    strength = {"Ridge": 2.0, "ElasticNet": 0.25 * data.n, "LogisticRegression": 1.0}[case.name]
    allowed = 4 * relative(model) * half_deviance(case, data, np.ones(data.n)) / strength
    assert (coef(model)[0] - coef(model)[3]) ** 2 <= 2 * allowed


# ---- P10: missing values


@every(CASES)
@law(3)
def test_missing_values_are_refused_by_column_and_row(case, draw):
    data = draw(problems(case))
    bad = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    rows = sorted(draw(st.sets(st.integers(0, data.n - 1), min_size=1, max_size=data.n)))
    word = "NaN" if np.isnan(bad) else "inf"
    X, y, weights, j = data.X.copy(), data.y.copy(), np.ones(data.n), draw(st.integers(0, P - 1))
    X[rows, j] = y[rows] = weights[rows] = bad
    layout = LAYOUTS[draw(st.sampled_from(["c", "csc", "csr", "pandas", "polars", "arrow"]))](X)
    with pytest.raises(sh.DataError, match=rf"(?s){word}.*column '?x?{j}'? has {len(rows)} {word}"):
        fit(case, case.model, replace(data, X=layout))
    with pytest.raises(sh.DataError, match=rf"(?s)y contains {word}.*{len(rows)} entr.*row {rows[0]}\b"):
        fit(case, case.model, replace(data, y=y))
    with pytest.raises(sh.DataError, match=rf"(?s)sample_weight contains {word}.*{len(rows)} entr.*row {rows[0]}\b"):
        fit(case, case.model, data, weights)
    fitted = fit(case, case.model, data)
    with pytest.raises(sh.DataError, match=rf"(?s){word}.*column '?{j}'? has"):
        fitted.predict(X)


# ---- P14: inputs


def buffers(X: Any) -> list[bytes]:
    """Every byte an input holds, in the order it holds them."""
    if sparse.issparse(X):
        parts = [X.row, X.col, X.data] if X.format == "coo" else [X.data, X.indices, X.indptr]
        return [part.tobytes() for part in parts]
    return [np.asarray(X, dtype=object if isinstance(X, list) else None).tobytes("A")]


@every(CASES)
@law(3)
def test_inputs_are_never_modified(case, draw):
    data = draw(problems(case))
    X = LAYOUTS[draw(st.sampled_from([name for name in sorted(LAYOUTS) if name not in ("list", "object")]))](data.X)
    before = buffers(X), data.y.tobytes(), data.weights.tobytes()
    fit(case, case.model, replace(data, X=X), data.weights).predict(X)
    assert (buffers(X), data.y.tobytes(), data.weights.tobytes()) == before


# ---- P13: threads and processes


def test_threads_give_the_same_bits():
    rng = np.random.default_rng(0)
    X = rng.integers(-8, 9, (60, P)).astype(float)
    jobs = [(case, Data(X, target(case.loss, X @ [1.0, 0.0, -2.0, 0.5] + 3.0, rng), np.ones(60))) for case in CASES]
    alone = [coef(fit(case, case.model, data)) for case, data in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: coef(fit(job[0], job[0].model, job[1])), jobs * 2))
    for one, other in zip(alone * 2, together, strict=True):
        np.testing.assert_array_equal(one, other)


CHILDREN = """
import multiprocessing, sys
import numpy as np, shrinkage as sh

def work(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 40))
    y = X[:, 0] + rng.standard_normal(300)
    models = sh.LassoCV(alphas=5, cv=3).fit(X, y), sh.LogisticRegression().fit(X, y > 0), sh.Ridge().fit(X, y)
    return [model.coef_.tobytes() for model in models]

if __name__ == "__main__":
    here = [work(seed) for seed in range(2)]
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map_async(work, range(2)).get(timeout=60) == here
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_a_process_that_has_fitted(method, tmp_path):
    """None hangs, and each gives the bits its parent gave."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("no such start method here")
    script = tmp_path / "children.py"
    script.write_text(CHILDREN)
    subprocess.run([sys.executable, "-W", "ignore", script, method], check=True, timeout=100)


# ---- P16: one class per kind of error, which says what, where and how to mend it


WRONG = [
    *[(sh.Lasso(alpha=bad), "alpha must be a finite number >= 0") for bad in (-1.0, np.nan, np.inf, "a", None)],
    *[(sh.Ridge(alpha=bad), "alpha must be") for bad in (-1.0, np.nan, ["a"], [])],
    *[(sh.ElasticNet(l1_ratio=bad), r"l1_ratio must be a number in \[0, 1\]") for bad in (-0.1, 1.1, np.nan, "a")],
    *[(sh.LogisticRegression(C=bad), "C must be a number > 0") for bad in (0.0, -1.0, np.nan, "a")],
    *[(sh.LogisticRegression(class_weight={0: bad}), "class_weight must hold finite") for bad in (-1, np.nan, "a")],
    *[(sh.PenalizedRegressor(penalty_factor=bad), "penalty_factor must hold") for bad in ("a", [1.0], [np.nan] * P)],
    *[(sh.PenalizedRegressor(groups=bad), "without gaps") for bad in ([0, 0, 1, np.nan], ["a", "a", None, "b"])],
    *[(sh.ElasticNetCV(l1_ratio=bad), "l1_ratio must be") for bad in ([], "a", 2.0)],
    *[(sh.LassoCV(alphas=bad), "(?i)alphas must be") for bad in ([], 0, [-1.0])],
    *[(sh.LassoCV(cv=bad), f"cv={bad}") for bad in (1, 1000)],
    *[(sh.RidgeCV(alphas=bad), "alphas") for bad in ([], ["a"], [-1.0])],
    *[(sh.RidgeCV(scoring=bad), f"scoring={bad!r}") for bad in ("fast",)],
    *[(sh.LogisticRegressionCV(Cs=bad), "Cs? must be") for bad in ([], "a", 0, [0.0, 1.0])],
    *[(sh.LogisticRegressionCV(l1_ratios=bad), "l1_ratios? must be") for bad in ([], ["a"], [2.0])],
    *[(model(tol=bad), "tol must be") for model in (sh.Lasso, sh.LogisticRegression) for bad in (-1, 1, np.nan, "a")],
    *[(model(max_iter=bad), "max_iter must be") for model in (sh.Lasso, sh.LassoCV) for bad in (-1, 1.5, "a")],
]


def plain(classifies: bool) -> Data:
    rng = np.random.default_rng(3)
    X = rng.integers(-8, 9, (30, P)).astype(float)
    return Data(X, target(LOGISTIC if classifies else sh.SquaredError(), X[:, 0], rng), np.ones(30))


@pytest.mark.parametrize(("model", "message"), WRONG, ids=lambda value: str(value) if isinstance(value, str) else None)
def test_a_wrong_parameter_is_named(model, message):
    data = plain(model.__sklearn_tags__().estimator_type == "classifier")
    with pytest.raises(sh.ParameterError, match=message):
        clone(model).fit(data.X, data.y)


DATES = np.full((30, P), np.datetime64("2026-01-01"))
UNUSABLE = [
    ("rows that differ in number", lambda d: (d.X, d.y[:-1], None), "inconsistent numbers of samples"),
    ("no row", lambda d: (d.X[:0], d.y[:0], None), "0 sample"),
    ("one dimension", lambda d: (d.X[:, 0], d.y, None), "Reshape your data"),
    ("three dimensions", lambda d: (d.X[None], d.y, None), "dim"),
    ("complex numbers", lambda d: (d.X + 1j, d.y, None), "Complex data not supported"),
    ("dates", lambda d: (DATES, d.y, None), "dates or durations.*Convert them first"),
    ("durations", lambda d: (DATES - DATES[0, 0], d.y, None), "dates or durations.*Convert them first"),
    ("text", lambda d: (d.X.astype(str), d.y, None), "text.*OneHotEncoder"),
    ("rows of different length", lambda d: ([[1.0], [1.0, 2.0]], [0, 1], None), "inhomogeneous"),
    ("weights of the wrong length", lambda d: (d.X, d.y, np.ones(29)), "sample_weight has length 29, X has 30 rows"),
    ("weights in two columns", lambda d: (d.X, d.y, np.ones((30, 2))), "sample_weight must be one-dimensional"),
    ("a negative weight", lambda d: (d.X, d.y, np.where(np.arange(30) == 4, -1.0, 1.0)), "row 4 has -1"),
    ("no weight", lambda d: (d.X, d.y, np.zeros(30)), "All weights are zero.*Give some row"),
]


@every(PLAIN)
@pytest.mark.parametrize(("change", "message"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_unusable_data_are_told_of(case, change, message):
    X, y, weights = change(plain(case.classifies))
    with pytest.raises(sh.DataError, match=f"(?s){message}"):
        case.model.fit(X, y, sample_weight=weights)


@every([case for case in CASES if case.classifies])
def test_a_class_without_weight_is_not_there(case):
    """As P4 has it: its rows dropped, one class would be left, which is refused."""
    data = plain(True)
    with pytest.raises(sh.DataError, match="no row of class 0.0 has a positive weight"):
        fit(case, case.model, data, (data.y == 1).astype(float))
    with pytest.raises(sh.DataError, match="only one class"):
        fit(case, case.model, replace(data, y=np.ones(30)))


# ---- what these laws found


def test_no_bit_changes_beside_a_constant_column():
    rng = np.random.default_rng(1)
    X = rng.integers(-8, 9, (9, P)).astype(float)
    X[:, 1] = 7.0
    y = X @ [1.0, 0.0, -2.0, 0.5] + rng.standard_normal(9) > 0
    weights = rng.integers(0, 4, 9).astype(float)
    one = sh.LogisticRegression(C=0.25, tol=TOL).fit(X, y, weights)
    other = sh.LogisticRegression(C=np.ldexp(0.25, -42), tol=TOL).fit(np.ldexp(X, 21), y, weights)
    np.testing.assert_array_equal(np.ldexp(coef(other), 21), coef(one))


def test_a_flat_null_model():
    X, y = np.array([[5.0, 1.0], [0.0, -4.0]]), np.array([-13.0, -1.0])
    assert regressor(0.2, loss=sh.Huber(1.345, 2.0)).fit(X, y).converged_


def test_groups_in_small_units():
    data = plain(False)
    x = 1e-86
    one = regressor(0.5, groups=PAIRS).fit(data.X * [1.0, 8.0, 1.0, 8.0], data.y)
    other = regressor(0.5 * x, groups=PAIRS).fit(data.X * [x, 8 * x, x, 8 * x], data.y)
    np.testing.assert_allclose(coef(other) * x, coef(one), rtol=1e-6)


def test_no_bit_changes_at_the_ends_of_the_range():
    data = plain(False)
    far = sh.Lasso(np.ldexp(0.8, 450), tol=TOL).fit(np.ldexp(data.X, 450), data.y)
    np.testing.assert_array_equal(np.ldexp(coef(far), 450), coef(sh.Lasso(0.8, tol=TOL).fit(data.X, data.y)))


def test_units_beyond_the_range():
    data = plain(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        sh.Ridge(3.0).fit(np.ldexp(data.X, [0, 0, 0, -600]), data.y)


def test_float32_predictions_of_a_column_far_from_zero():
    rng = np.random.default_rng(0)
    X = (1.7e9 + 1e6 * rng.standard_normal((200, 1))).astype(np.float32)
    y = (X[:, 0].astype(float) - 1.7e9) / 1e6
    model = sh.Ridge(1e-6).fit(X, y)
    assert np.abs(model.predict(X) - sh.Ridge(1e-6).fit(X.astype(float), y).predict(X.astype(float))).max() < 1e-6


def test_a_column_in_much_larger_units_is_certified():
    data = plain(False)
    assert sh.Ridge(3.0).fit(np.ldexp(data.X, [0, 0, 0, 60]), data.y).converged_


def test_more_columns_than_rows_of_far_larger_units():
    X = np.array([[6.0, 2.0, 0.0, -4.0], [-3.0, -8.0, -7.0, -8.0], [-6.0, 5.0, 3.0, 7.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        sh.Ridge(3.0).fit(np.ldexp(X, [0, 0, 26, 0]), [0.0, 2.0, 8.0])
