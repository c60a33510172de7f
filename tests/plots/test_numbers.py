"""What is on a display before it is drawn, against numbers found another way."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.model_selection import KFold

import shrinkage as sh
from shrinkage import plots
from tests.plots.battery import LOSSES, PENALTIES, classifier, data, lasso, rows, solved, wide


def test_a_path_counts_per_sd_and_knows_its_sizes():
    display, path = plots.CoefficientPathDisplay.from_estimator(lasso()), lasso().path_
    X, _ = data()
    sd = X.to_numpy().std(axis=0)
    assert np.allclose(display.coefs, path.coefs * sd[:, None]) and display.unit == "per sd"
    assert np.array_equal(display.nonzero, (path.coefs != 0).sum(axis=0)) and display.chosen == lasso().alpha_
    assert display.names == list(X.columns)
    assert np.allclose(display.norms, np.abs(display.coefs).sum(axis=0))  # of L1 on standardised columns
    assert np.allclose(display.along("alpha"), -np.log(path.alphas))
    assert np.array_equal(display.along("deviance"), path.deviance_explained)
    raw = plots.CoefficientPathDisplay.from_path(path)
    assert raw.unit == "per unit" and np.allclose(raw.norms, np.abs(path.coefs).sum(axis=0)) and raw.chosen is None
    assert np.allclose(plots.CoefficientPathDisplay.from_path(path, sd).coefs, display.coefs)
    with pytest.raises(sh.ParameterError, match="one number for each of 6"):
        plots.CoefficientPathDisplay.from_path(path, sd[:3])


def test_an_alpha_of_zero_has_a_place():
    path = sh.path(*data(), sh.SquaredError(), sh.L1(), alphas=[1.0, 0.1, 0.0], standardize=True)
    at = plots.CoefficientPathDisplay.from_path(path).along("alpha")
    assert np.all(np.diff(at) > 0) and np.all(np.isfinite(at))


def test_held_out_errors_are_those_of_fits_by_hand():
    """Each fold fitted anew at three alphas, its rows predicted."""
    X, y = data()
    choice = sh.select(X, y, sh.SquaredError(), sh.L1(), cv=5, standardize=True, alphas=[0.5, 0.1, 0.02])
    display = plots.OverfittingDisplay.from_choice(choice)
    held, train = [], []
    for inside, outside in KFold(5, shuffle=True, random_state=0).split(X):
        path = sh.path(X.iloc[inside], y[inside], sh.SquaredError(), sh.L1(), standardize=True, alphas=[0.5, 0.1, 0.02])
        for where, errors in ((outside, held), (inside, train)):
            errors.append(((y[where, None] - path.predict(X.iloc[where])) ** 2).mean(axis=0))
    assert np.allclose(display.held_out, np.mean(held, axis=0), rtol=1e-5)
    assert np.allclose(display.train, np.mean(train, axis=0), rtol=1e-5)
    assert np.allclose(display.se, np.std(held, axis=0, ddof=1) / np.sqrt(5), rtol=1e-5)
    assert display.index_min == np.argmin(display.held_out) and np.array_equal(display.df, choice.path.df)
    assert np.allclose(display.gap, display.held_out - display.train)
    assert plots.OverfittingDisplay.from_choice(wide()).gap[-1] > 0


# ---- geometry


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_at_the_fit_is_normal_to_both(loss, penalty):
    """p = 6, correlated: no point of a convex ball is beyond the line through the fit; on a side the normals are parallel."""
    fit = solved(loss, penalty)
    X, y = data(loss)
    display = plots.GeometryDisplay.from_fit(fit, X, y, ["age", "x3"], standardize=True)
    sd = X.to_numpy().std(axis=0)
    Z = (X.to_numpy() - X.to_numpy().mean(axis=0)) / sd
    eta = Z @ (fit.coef * sd) + fit.intercept + X.to_numpy().mean(axis=0) @ fit.coef
    gradient = Z[:, [0, 3]].T @ fit.loss.gradient(y, eta)  # the intercept's own is zero at the fit
    size = np.hypot(*gradient)
    assert np.allclose(display.gradient, gradient, atol=1e-5 * size)
    assert np.allclose(display.at, (fit.coef * sd)[[0, 3]]) and np.array_equal(display.zero, fit.coef[[0, 3]] == 0)
    away = display.ball - display.at
    assert np.min(np.hypot(*away.T)) < 1e-9
    if display.convex:
        assert np.max(away @ -gradient) < 1e-6 * size * np.abs(display.ball).max()
    if not display.zero.any():
        h = 1e-6
        whole = fit.coef * sd

        def value(shift):
            moved = np.array(whole)
            moved[[0, 3]] += shift
            return float(fit.penalty.value(moved))

        normal = np.array([value([h, 0]) - value([-h, 0]), value([0, h]) - value([0, -h])]) / (2 * h)
        assert abs(gradient[0] * normal[1] - gradient[1] * normal[0]) < 1e-6 * size * max(np.hypot(*normal), 1e-3)


WEIGHTS, OFFSET = np.arange(90) % 4 + 0.5, np.linspace(-1, 1, 90)
ESTIMATORS = [
    (sh.Ridge(5.0), {}, {}),
    (sh.Lasso(0.1), {"sample_weight": WEIGHTS}, {"sample_weight": WEIGHTS}),
    (sh.ElasticNetCV(l1_ratio=[0.5, 0.9]), {}, {}),
    (sh.Ridge(5.0, fit_intercept=False), {}, {}),
    (sh.PenalizedRegressor("huber", "scad", 0.1, standardize=True), {"offset": OFFSET}, {"offset": OFFSET}),
    (sh.PenalizedRegressor(penalty="group_lasso", groups=[0, 0, 1, 1, 2, 2], alpha=0.1, standardize=True), {}, {}),
    (sh.PenalizedRegressor(sh.Gaussian(0.7), sh.Laplace(0.1), None, standardize=True), {}, {}),
    (sh.LogisticRegression(C=0.3, class_weight="balanced"), {"sample_weight": WEIGHTS}, {"sample_weight": WEIGHTS}),
    (sh.LogisticRegressionCV(Cs=3), {}, {}),
    (sh.PenalizedClassifier(alpha=0.05, class_weight={0.0: 2.0}), {}, {}),
]


@pytest.mark.parametrize(("estimator", "fitted_with", "shown_with"), ESTIMATORS, ids=lambda x: type(x).__name__)
def test_every_estimator_is_read_with_its_data(estimator, fitted_with, shown_with):
    """At the fit both objectives are least: the gradient is what the penalty pulls, and a step to any side costs."""
    X, y = data("logistic" if hasattr(estimator, "predict_proba") else "squared")
    model = estimator.fit(X, y, **fitted_with)
    display = plots.GeometryDisplay.from_estimator(model, X, y, [0, 3], **shown_with)
    sd = X.to_numpy().std(axis=0)[[0, 3]]
    assert np.allclose(display.at, np.ravel(model.coef_)[[0, 3]] * (sd if display.unit == "per sd" else 1), rtol=1e-12)
    size = np.hypot(*display.gradient)
    if display.convex:
        assert np.max((display.ball - display.at) @ -display.gradient) < 2e-2 * size * np.abs(display.ball).max()
    found = plots.PosteriorDisplay.from_estimator(model, X, y, "age", **shown_with).conditional
    spread = np.where(np.isfinite(found.log_posterior), found.log_posterior, -np.inf)
    assert abs(found.grid[np.argmax(spread)] - found.mode) < 0.05 * found.sd
    fitted = plots.CalibrationDisplay.from_estimator(model, X, y, offset=shown_with.get("offset")) if display.convex else None
    assert fitted is None or np.isfinite(fitted.observed).all()


def test_one_of_several_targets():
    X, y = data()
    model = sh.Lasso(0.1).fit(X, np.column_stack([y, -2 * y]))
    for k in (0, 1):
        display = plots.GeometryDisplay.from_estimator(model, X, np.column_stack([y, -2 * y]), [0, 3], target=k)
        assert np.array_equal(display.at, model.coef_[k][[0, 3]])
    with pytest.raises(sh.ParameterError, match="target must lie between 0 and 1"):
        plots.CoefficientDisplay.from_estimator(model, target=2)
    with pytest.raises(sh.DataError, match="one target"):
        plots.ResidualDisplay.from_estimator(model, X, np.column_stack([y, y]))


@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_the_contours_are_those_of_the_loss(loss):
    """The grid against sums over the rows; along both axes, so that rows and columns are not mistaken for each other."""
    fit = solved(loss, "L1")
    X, y = data(loss)
    display = plots.GeometryDisplay.from_fit(fit, X, y, [0, 3], standardize=True)
    sd, mean = X.to_numpy().std(axis=0), X.to_numpy().mean(axis=0)
    Z = (X.to_numpy() - mean) / sd
    if loss == "poisson":  # the intercept follows under the loss's curvature
        h = fit.loss.curvature(y, X.to_numpy() @ fit.coef + fit.intercept)
        Z = Z - (h / h.sum()) @ Z
    base = X.to_numpy() @ fit.coef + fit.intercept
    total = float(fit.loss.total(y, base))
    for i, j in [(0, 0), (5, 40), (50, 7)]:
        move = np.array([display.u[j], display.v[i]]) - display.at
        expected = float(fit.loss.total(y, base + Z[:, [0, 3]] @ move)) - total
        assert np.isclose(display.loss[i, j], expected, rtol=1e-9, atol=1e-9 * total)
    assert 0.0 in display.levels


def test_the_others_are_held_or_profiled():
    """Profiled, the same ball and gradient; the loss is fitted anew at each point, and no higher than the held one there."""
    pair = ["age", "a_rather_long_name"]
    held, display = (
        plots.GeometryDisplay.from_estimator(lasso(), *data(), pair, others=others) for others in ("held", "profiled")
    )
    assert np.array_equal(display.at, held.at) and np.array_equal(display.gradient, held.gradient)
    assert display.formula == held.formula and (held.others, display.others) == ("held", "profiled")
    away = display.ball - display.at
    assert np.max(away @ -display.gradient) < 1e-4 * np.hypot(*display.gradient) * np.abs(display.ball).max()
    X, y = data()
    sd, mean, w = X.to_numpy().std(axis=0), X.to_numpy().mean(axis=0), lasso().coef_ * X.to_numpy().std(axis=0)
    Z = (X.to_numpy() - mean) / sd
    strength, target = len(y) * lasso().alpha_, y - y.mean()

    def profiled(two):
        left = target - Z[:, :2] @ two
        others = sh.solve(Z[:, 2:], left, sh.SquaredError(), sh.L1(strength), tol=1e-12).coef
        return np.sum((left - Z[:, 2:] @ others) ** 2) / 2 + strength * np.abs(others).sum()

    for i, j in [(0, 3), (7, 7), (20, 11)]:
        point = np.array([display.u[j], display.v[i]])
        assert np.isclose(display.loss[i, j], profiled(point) - profiled(w[:2]), rtol=1e-6)
        fixed = target - Z @ np.r_[point, w[2:]]
        assert display.loss[i, j] < np.sum(fixed**2) / 2 + strength * np.abs(w[2:]).sum() - profiled(w[:2])
    with pytest.raises(sh.ParameterError, match="'held', 'profiled'"):
        plots.GeometryDisplay.from_estimator(lasso(), *data(), pair, others="free")
    with pytest.raises(sh.ParameterError, match="not convex"):
        plots.GeometryDisplay.from_fit(solved("squared", "MCP"), *data(), [0, 1], standardize=True, others="profiled")


def test_the_level_set_of_lq_is_drawn_where_it_is_asked_for():
    display = plots.GeometryDisplay.from_estimator(lasso(), *data(), ["age", "x3"], q=0.5)
    level = np.sqrt(np.abs(display.at)).sum()
    assert np.allclose(np.sqrt(np.abs(display.lq)).sum(axis=1), level)
    assert plots.GeometryDisplay.from_estimator(lasso(), *data(), ["age", "x3"]).lq is None
    words = [text.get_text() for text in display.plot().ax_.texts]
    assert "|u|^0.5 + |v|^0.5 ≤\nthat of the fit" in words


def test_the_trajectory_passes_through_the_fit():
    display = plots.GeometryDisplay.from_estimator(lasso(), *data(), ["age", "zeta"])
    sd = data()[0].to_numpy().std(axis=0)[[0, 5]]
    assert np.allclose(display.trajectory, lasso().path_.coefs[[0, 5]].T * sd)
    assert np.min(np.hypot(*(display.trajectory - display.at).T)) < 1e-12
    zero = int(np.flatnonzero(lasso().coef_ == 0)[0])
    corner = plots.GeometryDisplay.from_estimator(lasso(), *data(), [0, zero])
    assert "corner" in corner.sentence and f"{corner.names[1]} is exactly 0" in corner.sentence
    size = np.abs(corner.at).sum()
    assert corner.formula == f"|u| + |v| ≤ {size:.3g}" and np.allclose(np.abs(corner.ball).sum(axis=1), size)


def test_the_frame_is_that_of_the_fit_and_its_ball_however_long_the_path():
    path, pair = lasso().path_, ["age", "zeta"]
    X, y = data()
    fit = sh.solve(X, y, sh.SquaredError(), len(y) * lasso().alpha_ * sh.L1(), standardize=True, tol=1e-12)
    long, none = (
        plots.GeometryDisplay.from_fit(fit, X, y, pair, path=given, standardize=True)
        for given in (replace(path, coefs=1000 * path.coefs), None)
    )
    assert np.array_equal(long.u, none.u) and np.array_equal(long.v, none.v) and long.trajectory is not None
    for x, ball, at in zip((long.u, long.v), long.ball.T, long.at, strict=True):
        assert x[0] < min(ball.min(), at) and x[-1] > max(ball.max(), at)
    assert max(np.ptp(long.u), np.ptp(long.v)) < 3 * max(np.ptp(long.ball[:, 0]), np.abs(long.least).max())
    assert "path over alpha" in [text.get_text() for text in long.plot().ax_.texts]


def test_a_strong_penalty_has_its_ball_in_sight():
    """The least loss is far out; contours are there all the same."""
    X, y = data()
    strong = 0.97 * sh.path(X, y, sh.SquaredError(), sh.L1(), standardize=True).alphas[0]
    fit = sh.solve(X, y, sh.SquaredError(), len(y) * strong * sh.L1(), standardize=True, tol=1e-12)
    display = plots.GeometryDisplay.from_fit(fit, X, y, standardize=True)
    ball = np.ptp(display.ball[:, 0])
    assert 0 < ball and np.abs(display.least).max() > 6 * np.abs(display.at).max()
    assert np.ptp(display.u) < 4 * ball and len(display.levels) > 2
    assert np.any(display.levels > display.loss.min()) and "least" not in str([t.get_text() for t in display.plot().ax_.texts])


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_contours_are_round_however_weak_the_penalty(loss):
    """What is drawn between the points of the grid is the loss, and fine enough about the least one."""
    X, y = data(loss)
    fit = sh.solve(X, y, LOSSES[loss], sh.L1(0.05), standardize=True, tol=1e-12)
    display = plots.GeometryDisplay.from_fit(fit, X, y, [0, 1], standardize=True)
    u, v, drawn = display._smooth()
    sd, base = X.to_numpy().std(axis=0)[:2], X.to_numpy() @ fit.coef + fit.intercept
    h = fit.loss.curvature(y, base)
    Z = (X.to_numpy() - (h / h.sum()) @ X.to_numpy())[:, :2] / sd
    inside = np.hypot(*(np.stack(np.meshgrid(u, v), axis=-1) - display.least).T).T < 2 * np.hypot(*(display.at - display.least))
    assert inside.sum() > 500
    for i, j in np.argwhere(inside)[:: len(np.argwhere(inside)) // 20]:
        exact = fit.loss.total(y, base + Z @ (np.array([u[j], v[i]]) - display.at)) - fit.loss.total(y, base)
        assert abs(drawn[i, j] - exact) < 0.02 * np.abs(display.levels).max()


# ---- priors and posteriors


def test_priors_are_the_densities_of_their_names():
    display = plots.PriorDisplay.from_penalties(
        sh.Laplace(0.7), sh.Normal(1.3), sh.Exponential(2.0), sh.Uniform(1.0, 3.0), sh.SCAD(1.0)
    )
    expected = [stats.laplace(scale=0.7), stats.norm(scale=1.3), stats.expon(scale=2.0), stats.uniform(1.0, 2.0)]
    edges = np.isin(display.w, [0.0, 1.0, 3.0])
    for row, distribution in zip(display.log_densities, expected, strict=False):
        with np.errstate(divide="ignore"):
            assert np.allclose(np.exp(row[~edges]), distribution.pdf(display.w[~edges]), rtol=1e-9, atol=1e-12)
    assert display.proper.tolist() == [True, True, True, True, False]
    assert display.names[:2] == ["Laplace(0.7)", "Normal(1.3)"] and display.log_densities[-1].max() == 0


def test_the_prior_of_a_fit_is_what_its_summary_says():
    display = plots.PriorDisplay.from_estimator(lasso(), "bmi")
    scale = float(display.names[0].removeprefix("Laplace(").removesuffix(")"))
    assert f"Laplace with scale {scale:.3g}"[:-1] in str(lasso().summary())
    found = np.exp(np.interp(0.0, display.w, display.log_densities[0]))
    assert np.isclose(found, 1 / (2 * scale), rtol=5e-3)


def test_priors_without_a_density_of_that_name_are_told_by_their_kind():
    X, y = data()
    names = {}
    for penalty in ("mcp", "scad"):
        model = sh.PenalizedRegressor(penalty=penalty, alpha=0.1, standardize=True).fit(X, y)
        names[penalty] = plots.PriorDisplay.from_estimator(model, "bmi").names[0]
    assert names == {"mcp": "MCP,\nflat beyond 0.3", "scad": "SCAD,\nflat beyond 0.37"}
    model = sh.PenalizedRegressor(penalty="group_lasso", groups=[0, 0, 1, 1, 2, 2], alpha=0.1, standardize=True).fit(X, y)
    display = plots.PriorDisplay.from_estimator(model, "bmi")
    kind, scale = display.names[0].split(",\nscale ")
    assert kind == "group lasso"
    assert np.exp(display.log_densities[0]).max() == pytest.approx(1 / (2 * float(scale)), rel=5e-3)
    assert plots.PriorDisplay.from_penalties(sh.MCP(1.4, 2.0)).names == ["MCP(1.4, concavity=2)"]


def test_l1_pulls_by_its_sign_and_l2_by_its_size():
    display = plots.GradientDisplay.from_penalties(sh.L1(1.0), sh.L2(1.0), start=1.0, rate=0.1, steps=20)
    assert np.array_equal(display.slopes[0], np.sign(display.w)) and np.allclose(display.slopes[1], display.w)
    assert display.jumps.tolist() == [[-1.0, 1.0], [0.0, 0.0]]
    assert np.allclose(display.steps[0], np.maximum(1 - 0.1 * np.arange(21), 0), atol=1e-12) and display.steps[0][-1] == 0
    assert np.allclose(display.steps[1], 1.1 ** -np.arange(21.0)) and display.steps[1][-1] > 0


@pytest.mark.parametrize("name", ["age", "bmi"])
def test_the_posterior_of_a_lasso_in_closed_form(name):
    """Gaussian times Laplace is two halves of normals; the mean by their formula, sigma as the summary estimates it."""
    model, (X, y) = lasso(), data()
    display = plots.PosteriorDisplay.from_estimator(model, X, y, name).conditional
    j, sd = list(X.columns).index(name), X.to_numpy().std(axis=0)
    Z, w = (X.to_numpy() - X.to_numpy().mean(axis=0)) / sd, model.coef_ * sd
    n, kept = len(y), np.count_nonzero(w)
    residual = y - y.mean() - Z @ w
    sigma2 = residual @ residual / (n - kept - 1)
    h, strength = n / sigma2, n * model.alpha_ / sigma2
    best = w[j] + Z[:, j] @ residual / n
    halves = []
    for sign in (1, -1):
        centre = best - sign * strength / h
        mass = stats.norm.cdf(sign * centre * np.sqrt(h)) * np.exp(h * centre**2 / 2)
        a, b = ((0 - centre) * np.sqrt(h), np.inf) if sign > 0 else (-np.inf, (0 - centre) * np.sqrt(h))
        halves.append((mass, stats.truncnorm.mean(a, b, loc=centre, scale=1 / np.sqrt(h))))
    total = sum(mass for mass, _ in halves)
    assert display.mode == pytest.approx(w[j], abs=1e-12)
    assert display.mean == pytest.approx(sum(mass * mean for mass, mean in halves) / total, rel=1e-6)
    assert display.above_zero == pytest.approx(halves[0][0] / total, rel=1e-6)
    assert np.exp(display.log_prior).max() == pytest.approx(strength / 2, rel=1e-9)


def test_the_words_say_which_of_mode_and_mean_is_zero():
    zero = plots.PosteriorDisplay.from_estimator(lasso(), *data(), "bmi")
    assert zero.conditional.mode == 0 and zero.conditional.mean != 0 and "zero is the mode, not the mean" in zero.sentence
    assert "the fit is the mode" in plots.PosteriorDisplay.from_estimator(lasso(), *data(), "age").sentence


# ---- coefficients and predictions


def test_coefficients_are_those_of_tidy():
    display = plots.CoefficientDisplay.from_estimator(lasso())
    table = lasso().tidy()
    of = dict(zip(table["term"], table["estimate_std"], strict=True))
    assert np.allclose(display.coefs, [of[name] for name in display.names])
    raw = plots.CoefficientDisplay.from_fit(solved("squared", "L1"))
    assert raw.unit == "per unit" and np.array_equal(raw.coefs, solved("squared", "L1").coef)


@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_without_the_penalty_is_the_fit_without_a_penalty(loss):
    X, y = data(loss)
    display = plots.ShrinkageMapDisplay.from_fit(solved(loss, "L1"), X, y, standardize=True)
    free = sh.solve(X, y, LOSSES[loss], sh.L1(0.0), tol=1e-12)
    assert np.allclose(display.free, free.coef * X.to_numpy().std(axis=0), rtol=1e-2 if loss == "poisson" else 1e-6, atol=1e-3)
    assert np.allclose(display.penalised, solved(loss, "L1").coef * X.to_numpy().std(axis=0))


def test_calibration_is_that_of_scikit_learn():
    X, y = data("logistic")
    model = classifier()
    shown = model.predict_proba(X)[:, 1]
    display = plots.CalibrationDisplay.from_estimator(model, X, y, bins=5)
    observed, predicted = calibration_curve(y, shown, n_bins=5, strategy="quantile")
    assert np.allclose(display.observed, observed) and np.allclose(display.predicted, predicted)
    assert np.isclose(display.weight @ display.observed, y.sum()) and display.target == "share of 1.0"
    assert np.allclose(display.se**2, display.observed * (1 - display.observed) / (display.weight - 1))


def test_weights_count_rows_in_calibration_and_residuals():
    rng = np.random.default_rng(0)
    y, predicted = rng.random(40), rng.random(40)
    weights = rng.integers(0, 3, 40).astype(float)
    display = plots.ResidualDisplay.from_predictions(y, predicted, weights=weights)
    repeated = np.repeat(y - predicted, weights.astype(int))
    assert np.isclose(display.mean, repeated.mean()) and np.isclose(display.sd, repeated.std())
    found = plots.CalibrationDisplay.from_predictions(y, predicted, weights=weights, bins=4)
    assert np.isclose(found.weight.sum(), weights.sum()) and np.isclose(found.weight @ found.observed, weights @ y)
    tied = plots.CalibrationDisplay.from_predictions(y, np.full(40, 0.5))
    assert len(tied.predicted) == 1 and np.isclose(tied.observed[0], y.mean())


@pytest.mark.parametrize("bins", [0, 2.5, True])
def test_bins_are_counted(bins):
    with pytest.raises(sh.ParameterError, match="bins"):
        plots.CalibrationDisplay.from_predictions([0.0, 1.0], [0.2, 0.8], bins=bins)


def test_the_certificate_is_the_paths():
    display, path = plots.CertificateDisplay.from_path(wide()), wide().path
    assert np.array_equal(display.gaps, path.gaps) and display.tol == path.tol and display.kind == "duality gap"
    assert np.array_equal(display.holds, path.gaps <= path.tol)


def test_training_holds_the_rows():
    display = plots.TrainingDisplay.from_monitor(rows())
    assert np.allclose(display.objective, display.loss + display.penalty) and len(display.epochs) == 40


def test_numbers_need_no_matplotlib():
    """Where it is missing the numbers are there, and plot names the extra."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np, shrinkage as sh\n"
        "X = np.random.default_rng(0).standard_normal((30, 3))\n"
        "fit = sh.solve(X, X[:, 0], sh.SquaredError(), sh.L1(3.0))\n"
        "display = sh.plots.GeometryDisplay.from_fit(fit, X, X[:, 0], [0, 1])\n"
        "assert display.zero.tolist() == [False, True]\n"
        "try: display.plot()\n"
        "except ModuleNotFoundError as error: assert 'pip install \"shrinkage[plots]\"' in str(error), error\n"
        "else: raise SystemExit('drawn')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
