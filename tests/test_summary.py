"""What a fit says of itself: the summary, and the frames in the user's own library."""

import numpy as np
import pytest

import shrinkage as sh

pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))

rng = np.random.default_rng(3)
N = 80
VALUES = rng.standard_normal((N, 4)) * [1.0, 10.0, 0.1, 1.0] + [0, 5, 0, 100]
NAMES = ["age", "income", "dose", "noise"]
y = 3 * VALUES[:, 0] - 0.2 * VALUES[:, 1] + rng.standard_normal(N) * 2
FRAMES = {
    "pandas": pd.DataFrame(VALUES, columns=NAMES),
    "polars": pl.DataFrame(VALUES, schema=NAMES),
    "pyarrow": pa.table({name: VALUES[:, j] for j, name in enumerate(NAMES)}),
}
KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}


def columns(frame):
    return list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)


def test_the_sentence_the_table_the_prior_and_the_certificate():
    model = sh.Lasso(alpha=0.2).fit(FRAMES["pandas"], y)
    text = str(model.summary())
    kept = np.count_nonzero(model.coef_)
    assert f"Kept {kept} of 4 features" in text and "% of the deviance" in text
    r = y - model.predict(FRAMES["pandas"])
    sigma = np.sqrt(r @ r / (N - kept - 1))
    assert f"sigma = {sigma:.4g}, estimated as sqrt(RSS / (80 - {kept + 1}))" in text
    assert f"Laplace with scale {sigma**2 / (N * 0.2):.4g}" in text
    assert "alpha = 0.2 on the mean loss" in text
    assert "Certified" in text and "income" in text and "(intercept)" in text
    (section,) = model.summary().sections
    assert section.zeros == 4 - kept
    assert [abs(row.standardized) for row in section.rows] == sorted((abs(r.standardized) for r in section.rows), reverse=True)
    by_name = {row.term: row for row in section.rows}
    assert by_name["income"].standardized == pytest.approx(by_name["income"].estimate * VALUES[:, 1].std())


def test_ridge_is_a_normal_prior():
    model = sh.Ridge(alpha=4.0).fit(VALUES, y)
    text = str(model.summary())
    X = VALUES - VALUES.mean(axis=0)
    H = np.linalg.solve(X.T @ X + 4 * np.eye(4), X.T @ X)
    r = y - model.predict(VALUES)
    sigma = np.sqrt(r @ r / (N - 1 - np.trace(H)))
    assert f"Normal with sd {sigma / 2:.4g}" in text and "residual sum of squares" in text


def test_logistic_needs_no_sigma():
    text = str(sh.LogisticRegression(C=0.5, l1_ratio=1.0).fit(VALUES, y > 0).summary())
    assert "C = 0.5 on the summed loss" in text and "Laplace with scale 0.5 on each coefficient" in text and "sigma" not in text


def test_a_stated_sigma_is_used():
    model = sh.PenalizedRegressor(sh.SquaredError(sigma=2.0), sh.Laplace(0.5), alpha=None).fit(VALUES, y)
    text = str(model.summary())
    assert "sigma = 2, as stated" in text and "Laplace with scale 0.5" in text and "The penalty as it stands" in text


def test_warnings_in_the_summary():
    constant = np.column_stack([VALUES, np.ones(N)])
    assert "1 column is constant: x4" in str(sh.Lasso(alpha=0.1).fit(constant, y).summary())
    text = str(sh.LassoCV(alphas=[5.0, 1.0]).fit(VALUES, y).summary())
    assert "weakest penalty of the grid" in text
    with pytest.warns(Warning):
        model = sh.Lasso(alpha=0.001, max_iter=0).fit(VALUES, y)
    assert "Warning: These coefficients are not certified" in str(model.summary())
    nothing = sh.Lasso(alpha=1e3).fit(VALUES, y)
    assert "Kept 0 of 4" in str(nothing.summary()) and "intercept alone" in str(nothing.summary())
    assert "nothing to explain" in str(sh.Lasso().fit(VALUES, np.ones(N)).summary())


def test_improper_and_grouped_priors_are_named():
    text = str(sh.PenalizedRegressor(penalty="mcp", alpha=0.2).fit(VALUES, y).summary())
    assert "improper" in text
    text = str(sh.PenalizedRegressor(groups=[0, 0, 1, 1], alpha=0.2).fit(VALUES, y).summary())
    assert "multivariate Laplace" in text


def test_html_escapes_names():
    model = sh.Lasso(alpha=0.01).fit(pd.DataFrame(VALUES, columns=["<b>", "b", "c", "d"]), y)
    html = model.summary()._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" in html and "<table>" in html


def test_summary_of_many_targets_has_a_section_each():
    summary = sh.Lasso(alpha=0.1).fit(VALUES, np.column_stack([y, -y])).summary()
    assert len(summary.sections) == 2 and "target 1" in str(summary)


@pytest.mark.parametrize("library", FRAMES)
def test_frames_come_back_in_the_users_library(library):
    X = FRAMES[library]
    model = sh.Lasso(alpha=0.2).fit(X, y)
    tidy, glance, augment = model.tidy(), model.glance(), model.augment(X, y)
    assert all(isinstance(f, KINDS[library]) for f in (tidy, glance, augment))
    assert columns(tidy) == ["term", "estimate", "estimate_std", "selected"]
    assert len(tidy) == 4 and len(glance) == 1 and len(augment) == N
    assert columns(augment) == [*NAMES, "observed", "fitted", "residual"]
    for name in ("n", "df", "alpha", "deviance_explained", "log_likelihood", "converged", "relative"):
        assert name in columns(glance)
    np.testing.assert_allclose(np.asarray(augment["fitted"], float), model.predict(X))
    np.testing.assert_allclose(np.asarray(tidy["estimate"], float), model.coef_)


def test_augment_keeps_a_pandas_index():
    X = FRAMES["pandas"].set_axis(np.arange(N) * 3 + 1)
    model = sh.Lasso(alpha=0.2).fit(X, y)
    out = model.augment(X, y)
    assert list(out.index) == list(X.index)
    np.testing.assert_allclose(out["residual"], y - model.predict(X))


def test_arrays_get_a_frame_too():
    model = sh.Lasso(alpha=0.2).fit(VALUES, np.column_stack([y, -y]))
    assert isinstance(model.tidy(), pd.DataFrame) and list(model.tidy()["target"]) == [0] * 4 + [1] * 4
    assert "fitted_1" in model.augment(VALUES, np.column_stack([y, -y])).columns


def test_without_any_library_a_dict(monkeypatch):
    from shrinkage.estimators import frames

    monkeypatch.setattr(frames, "FALLBACKS", ())
    assert isinstance(sh.Lasso().fit(VALUES, y).tidy(), dict)


def test_glance_says_what_is_so():
    model = sh.Lasso(alpha=0.2).fit(VALUES, y)
    row = model.glance().iloc[0]
    r = y - model.predict(VALUES)
    assert row["n"] == N and row["alpha"] == 0.2 and bool(row["converged"])
    assert row["deviance_explained"] == pytest.approx(1 - r @ r / ((y - y.mean()) @ (y - y.mean())))
    assert row["log_likelihood"] == pytest.approx(-N / 2 * (np.log(2 * np.pi * (r @ r) / N) + 1))


def test_classifiers_are_augmented_with_probabilities():
    labels = np.where(y > 0, "yes", "no")
    model = sh.LogisticRegression().fit(FRAMES["polars"], labels)
    out = model.augment(FRAMES["polars"], labels)
    np.testing.assert_allclose(out["fitted"], model.predict_proba(FRAMES["polars"])[:, 1])
    assert set(out["observed"]) == {0.0, 1.0}
    assert "log odds of 'yes'" in str(model.summary())
    with pytest.raises(sh.DataError, match="not among the classes"):
        model.augment(FRAMES["polars"], np.where(y > 0, "yes", "maybe"))


@pytest.mark.parametrize("model", [sh.LassoCV(alphas=20), sh.RidgeCV(), sh.PenalizedRegressorCV(n_alphas=20)], ids=str)
def test_cross_validated_forms_too(model):
    model.fit(FRAMES["polars"], y)
    assert "Kept" in str(model.summary())
    assert isinstance(model.tidy(), pl.DataFrame) and model.glance()["alpha"][0] == model.alpha_
