"""The displays every test of pictures runs over, each of a real fit. A new display is one line in DISPLAYS."""

from __future__ import annotations

from collections import namedtuple
from functools import cache

import numpy as np
import pandas as pd

import shrinkage as sh
from shrinkage import plots

NAMES = ["age", "a_rather_long_name", "bmi", "x3", "pressure", "zeta"]
LOSSES = {"squared": sh.SquaredError(), "logistic": sh.Logistic(), "poisson": sh.Poisson(), "huber": sh.Huber(1.0)}
STRENGTHS = {"squared": 9.0, "logistic": 1.5, "poisson": 4.0, "huber": 4.0}
PENALTIES = {
    "L1": sh.L1(1.0),
    "L2": sh.L2(1.0),
    "elastic net": sh.L1(0.6) + sh.L2(0.8),
    "group": sh.Grouped(sh.L1(1.2), [0, 0, 1, 1, 2, 2]),
    "MCP": sh.MCP(0.4, 3.0),
    "SCAD": sh.SCAD(0.4, 3.7),
}
Row = namedtuple("Row", "epoch objective loss penalty zeros violation")


@cache
def data(loss: str = "squared") -> tuple[pd.DataFrame, np.ndarray]:
    """Six columns, 0.6 between any two, of sizes from a tenth to a thousand."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((90, 6)) * np.sqrt(0.4) + rng.standard_normal((90, 1)) * np.sqrt(0.6)
    eta = Z @ [1.2, -0.7, 0.0, 0.5, 0.0, -0.2] + 0.3
    y = {
        "squared": lambda: eta + 0.7 * rng.standard_normal(90),
        "huber": lambda: eta + 0.7 * rng.standard_t(3, 90),
        "logistic": lambda: (rng.random(90) < 1 / (1 + np.exp(-eta))).astype(float),
        "poisson": lambda: rng.poisson(np.exp(0.5 * eta)).astype(float),
    }[loss]()
    return pd.DataFrame(Z * [10.0, 1.0, 0.1, 1000.0, 5.0, 1.0] + 3.0, columns=NAMES), y


@cache
def solved(loss: str, penalty: str) -> sh.Solution:
    X, y = data(loss)
    P = STRENGTHS[loss] * PENALTIES[penalty]
    return sh.solve(X, y, LOSSES[loss], P, standardize=True, tol=1e-12, max_iter=20000)


@cache
def lasso() -> sh.PenalizedRegressorCV:
    return sh.PenalizedRegressorCV(rule="1se", standardize=True, n_alphas=40).fit(*data())


@cache
def classifier() -> sh.PenalizedClassifierCV:
    return sh.PenalizedClassifierCV(standardize=True, n_alphas=30).fit(*data("logistic"))


@cache
def wide() -> sh.Choice:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 60))
    return sh.select(X, X[:, 0] + rng.standard_normal(40), sh.SquaredError(), sh.L1(), cv=5, rule="1se", n_alphas=40)


def rows() -> list[Row]:
    t = np.arange(1, 41)
    return [Row(int(k), 2 + 5 / k, 1 + 4 / k, 1 + 1 / k, 1 - 1 / k, 10.0 ** (-k / 10)) for k in t]


DISPLAYS = {
    "path": lambda: plots.CoefficientPathDisplay.from_estimator(lasso()),
    "path of many": lambda: plots.CoefficientPathDisplay.from_path(wide()),
    "path of zeros": lambda: plots.CoefficientPathDisplay.from_path(
        sh.path(*data(), sh.SquaredError(), sh.L1(), n_alphas=1, standardize=True)
    ),
    "overfitting": lambda: plots.OverfittingDisplay.from_choice(wide()),
    "overfitting of a classifier": lambda: plots.OverfittingDisplay.from_estimator(classifier()),
    "certificate": lambda: plots.CertificateDisplay.from_estimator(classifier()),
    "geometry with a path": lambda: plots.GeometryDisplay.from_estimator(lasso(), *data(), ["age", "zeta"]),
    "geometry of a classifier": lambda: plots.GeometryDisplay.from_estimator(classifier(), *data("logistic")),
    **{
        f"geometry {loss} {penalty}": lambda loss=loss, penalty=penalty: plots.GeometryDisplay.from_fit(
            solved(loss, penalty), *data(loss), [0, 1], standardize=True
        )
        for loss, penalty in [("squared", name) for name in PENALTIES] + [("poisson", "L1"), ("huber", "group")]
    },
    "geometry profiled": lambda: plots.GeometryDisplay.from_estimator(
        lasso(), *data(), ["age", "a_rather_long_name"], others="profiled"
    ),
    "geometry with a level set of L_q": lambda: plots.GeometryDisplay.from_estimator(lasso(), *data(), ["age", "zeta"], q=0.5),
    "geometry at zero": lambda: plots.GeometryDisplay.from_fit(
        solved("squared", "L1"), *data(), np.flatnonzero(solved("squared", "L1").coef == 0)[:2].tolist(), standardize=True
    ),
    "priors": lambda: plots.PriorDisplay.from_penalties(sh.L1(1.4), sh.L2(1.0), sh.L1(1.0) + sh.L2(1.0), sh.MCP(1.4, 2.0)),
    "prior with bounds": lambda: plots.PriorDisplay.from_penalties(sh.Exponential(2.0), sh.Uniform(1.0, 3.0)),
    "prior of a fit": lambda: plots.PriorDisplay.from_estimator(lasso(), "bmi"),
    "gradients": lambda: plots.GradientDisplay.from_penalties(sh.L1(1.0), sh.L2(1.0), sh.MCP(1.0, 1.3)),
    "gradients with bounds": lambda: plots.GradientDisplay.from_penalties(sh.L1(0.5) + sh.NonNegative()),
    "posterior": lambda: plots.PosteriorDisplay.from_estimator(lasso(), *data(), "age"),
    "posterior at zero": lambda: plots.PosteriorDisplay.from_estimator(lasso(), *data(), "bmi"),
    "posterior of an improper prior": lambda: plots.PosteriorDisplay.from_fit(
        solved("squared", "MCP"), *data(), 0, standardize=True
    ),
    "posterior poisson": lambda: plots.PosteriorDisplay.from_fit(solved("poisson", "L2"), *data("poisson"), 0, standardize=True),
    "coefficients": lambda: plots.CoefficientDisplay.from_estimator(lasso()),
    "coefficients of a solution": lambda: plots.CoefficientDisplay.from_fit(solved("squared", "L1")),
    "shrinkage map": lambda: plots.ShrinkageMapDisplay.from_estimator(lasso(), *data()),
    "shrinkage map poisson": lambda: plots.ShrinkageMapDisplay.from_fit(
        solved("poisson", "L1"), *data("poisson"), standardize=True
    ),
    "calibration": lambda: plots.CalibrationDisplay.from_estimator(classifier(), *data("logistic")),
    "calibration of a mean": lambda: plots.CalibrationDisplay.from_fit(solved("poisson", "L1"), *data("poisson"), bins=6),
    "residuals": lambda: plots.ResidualDisplay.from_estimator(lasso(), *data()),
    "training": lambda: plots.TrainingDisplay.from_monitor(rows()),
    "training begun": lambda: plots.TrainingDisplay.from_monitor(rows()[:1]),
}
