"""What the promises of `test_promises.py` are tried on: estimators, problems that hypothesis draws, and when two fits agree.

One line of CASES is one estimator; its `make(x, y)` is the one to use when X is multiplied by x and y by y, so each
strength carries its own power. Linear predictors are compared to what the two certificates prove and nothing more: at the
midpoint of two fits of one problem the objective is not below its minimum, which bounds their distance by

    sum(weights * curvature * (eta_1 - eta_2)**2) <= 4 (gap_1 + gap_2),

the curvature being the least between the two. So a law fails where an answer moves, and also where a certificate lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st
from sklearn.base import clone

import shrinkage as sh

P = 4
ORDER = [2, 0, 3, 1]  # a permutation of the columns that moves every one
TOL = 1e-12
ROUNDING = 1e-14  # of a relative gap, which is a sum of squares of rounded numbers
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, repr=False)
class Case:
    """An estimator, and what is true of it. `tied`: one factor for X and y, as l1_ratio holds two strengths in one."""

    name: str
    make: Callable[[float, float], Any]
    loss: Any = sh.SquaredError()
    on_mean: bool = True  # the strength acts on the mean loss: scaling the weights changes nothing
    tied: bool = False
    cv: bool = False
    curved: bool = True  # the loss is strictly convex: the linear predictor is unique

    def __repr__(self) -> str:
        return self.name

    @property
    def model(self) -> Any:
        return self.make(1.0, 1.0)

    @property
    def classifies(self) -> bool:
        return self.loss.name == "logistic"

    @property
    def moves(self) -> bool:
        """Whether y may be shifted and scaled."""
        return bool(self.loss.equivariant)

    @property
    def intercept(self) -> bool:
        return bool(self.model.fit_intercept)


def mixture(l1: float, l2: float, **more: Any) -> dict[str, Any]:
    """The alpha and l1_ratio of two strengths."""
    return {"alpha": l1 + l2, "l1_ratio": l1 / (l1 + l2), **more}


def regressor(alpha: float | None, **settings: Any) -> sh.PenalizedRegressor:
    return sh.PenalizedRegressor(alpha=alpha, tol=TOL, **settings)


def classifier(alpha: float | None, **settings: Any) -> sh.PenalizedClassifier:
    return sh.PenalizedClassifier(alpha=alpha, tol=TOL, **settings)


def prior(l1: float, l2: float) -> Any:
    return sh.L1(l1) + sh.L2(l2)


LOGISTIC, PAIRS, FACTORS = sh.Logistic(), [0, 0, 1, 1], [0.0, 0.5, 1.0, 2.0]
SINGLE = [
    Case("Lasso", lambda x, y: sh.Lasso(0.8 * x * y, tol=TOL)),
    Case("Lasso, positive", lambda x, y: sh.Lasso(0.4 * x * y, tol=TOL, positive=True)),
    Case("Lasso, no intercept", lambda x, y: sh.Lasso(0.8 * x * y, tol=TOL, fit_intercept=False)),
    Case("ElasticNet", lambda x, y: sh.ElasticNet(**mixture(0.6 * x * y, 0.6 * x * x), tol=TOL), tied=True),
    Case("Ridge", lambda x, y: sh.Ridge(3.0 * x * x, tol=TOL), on_mean=False),
    Case("Ridge, positive", lambda x, y: sh.Ridge(3.0 * x * x, tol=TOL, positive=True), on_mean=False),
    Case("LogisticRegression", lambda x, y: sh.LogisticRegression(C=0.25 / x / x, tol=TOL), LOGISTIC, on_mean=False),
    Case("LogisticRegression, l1", lambda x, y: sh.LogisticRegression(C=0.5 / x, l1_ratio=1.0, tol=TOL), LOGISTIC, on_mean=False),
    Case("PenalizedRegressor", lambda x, y: regressor(0.5 * x * y, penalty_factor=FACTORS)),
    Case("PenalizedRegressor, group", lambda x, y: regressor(0.5 * x * y, groups=PAIRS)),
    Case("PenalizedRegressor, standardised", lambda x, y: regressor(0.5 * y, standardize=True)),
    Case("PenalizedRegressor, l2", lambda x, y: regressor(0.5 * x * x, penalty="l2")),
    Case("PenalizedRegressor, bounds", lambda x, y: regressor(0.2 * x * y, bounds=(-0.2 * y / x, 0.5 * y / x))),
    Case("PenalizedRegressor, a prior", lambda x, y: regressor(None, penalty=prior(4.0 * x * y, 2.0 * x * x)), on_mean=False),
    Case("Huber", lambda x, y: regressor(0.2 * x / y, loss=sh.Huber(1.345, 4.0 * y)), sh.Huber(1.345, 4.0)),
    Case("Poisson", lambda x, y: regressor(0.3 * x, loss="poisson"), sh.Poisson()),
    Case("AbsoluteError", lambda x, y: regressor(0.1 * x, loss="absolute_error"), sh.AbsoluteError(), curved=False),
    Case("RootSquaredError", lambda x, y: regressor(0.1 * x, loss="root_squared_error"), sh.RootSquaredError(), curved=False),
    Case("PenalizedClassifier", lambda x, y: classifier(0.1 * x, penalty_factor=FACTORS), LOGISTIC),
    Case("PenalizedClassifier, group", lambda x, y: classifier(0.1 * x, groups=PAIRS), LOGISTIC),
    Case("PenalizedClassifier, l2", lambda x, y: classifier(0.3 * x * x, penalty="l2"), LOGISTIC),
]
CROSS_VALIDATED = [
    Case("LassoCV", lambda x, y: sh.LassoCV(alphas=5, tol=TOL), cv=True),
    Case("ElasticNetCV", lambda x, y: sh.ElasticNetCV(alphas=5, tol=TOL), tied=True, cv=True),
    Case("RidgeCV", lambda x, y: sh.RidgeCV(np.array([1.0, 10.0, 100.0]) * x * x), on_mean=False, cv=True),
    Case(
        "LogisticRegressionCV",
        lambda x, y: sh.LogisticRegressionCV(Cs=np.array([0.01, 1.0]) / x / x, scoring="neg_log_loss", tol=TOL),
        LOGISTIC,
        on_mean=False,
        cv=True,
    ),
    Case("PenalizedRegressorCV", lambda x, y: sh.PenalizedRegressorCV(n_alphas=5, tol=TOL), cv=True),
    Case("PenalizedClassifierCV", lambda x, y: sh.PenalizedClassifierCV(n_alphas=3, ratio=0.1, tol=TOL), LOGISTIC, cv=True),
]
CASES = SINGLE + CROSS_VALIDATED
CURVED = [case for case in CASES if case.curved]


def every(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=str)


def law(examples: int) -> Any:
    """`check(case, draw)` for this many draws, and for two where each is a cross-validation."""

    def test_of(check: Any) -> Any:
        def test(case: Case) -> None:
            @seed(crc32(f"{check.__name__} {case}".encode()))  # each law and estimator has draws of its own, the same ever after
            @settings(max_examples=2 if case.cv else examples, derandomize=True)
            @given(st.data())
            def holds(data: Any) -> None:
                check(case, data.draw)

            holds()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return test_of


# ---- problems


@dataclass(frozen=True)
class Data:
    """X (n, 4) of small whole numbers, exact in every dtype; `weights` are counts of rows, some 0."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Three folds, of interleaved rows."""
        return self.folds_of(np.arange(self.n) % 3)

    @staticmethod
    def folds_of(label: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(np.flatnonzero(label != k), np.flatnonzero(label == k)) for k in range(3)]


FLAWS = ("none", "none", "columns alike", "constant column", "column of zeros", "rows alike")


def flawed(X: np.ndarray, flaw: str) -> np.ndarray:
    if flaw == "columns alike":
        X[:, 3] = X[:, 0]
    elif flaw == "constant column":
        X[:, 1] = 7.0
    elif flaw == "column of zeros":
        X[:, 2] = 0.0
    elif flaw == "rows alike":
        X[1::2] = X[: len(X) // 2 * 2 : 2]
    return X


def target(loss: Any, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Both classes are there, in the first six rows of every fold."""
    if loss.name == "logistic":
        y = (eta + 2 * rng.standard_normal(len(eta)) > 0).astype(float)
        y[:6] = [0, 0, 0, 1, 1, 1]
        return y
    if loss.name == "poisson":
        return rng.poisson(np.exp(np.clip(0.2 * eta, -3, 3))).astype(float) + (np.arange(len(eta)) == 0)
    return eta + rng.standard_normal(len(eta)) * rng.choice([1.0, 8.0], len(eta), p=[0.9, 0.1])


def curved_at_null(loss: Any, y: np.ndarray, weights: np.ndarray) -> bool:
    """Not so for a Huber loss all of whose residuals are in the tails: see the last part."""
    if not (loss.smooth and loss.separable):
        return True
    return bool(np.any(weights * loss.curvature(y, np.full(len(y), loss.null(y, weights))) > 0))


@st.composite
def problems(draw: Any, case: Case, flaws: Sequence[str] = FLAWS) -> Data:
    """Fewer rows than columns to five times as many, with columns and rows alike; for cross-validation none of that."""
    least = 24 if case.cv else 6 if case.classifies else 2 if case.loss.separable else 12
    n = draw(st.integers(least, 32 if case.cv else 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(-8, 9, (n, P)).astype(float)
    if not case.cv:
        X = flawed(X, draw(st.sampled_from(flaws)))
    coef = rng.choice([-2.0, -0.5, 0.0, 1.0], P)
    weights = rng.integers(0, 4, n).astype(float)
    weights[: 6 if case.classifies else 1] = 1.0
    y = target(case.loss, X @ coef + 3.0, rng)
    assume(curved_at_null(case.loss, y, weights) and curved_at_null(case.loss, y, np.ones(n)))
    return Data(X, y, weights)


# ---- fits, and when two agree


def fit(case: Case, model: Any, data: Data, weights: Any = None, folds: Any = None) -> Any:
    """A fit that is certified: warnings are errors here. A cross-validated form gets folds, unless it leaves one out."""
    if case.cv and type(model).__name__ != "RidgeCV":
        model = clone(model).set_params(cv=data.folds if folds is None else folds)
    return model.fit(data.X, data.y, sample_weight=weights)


def coef(model: Any) -> np.ndarray:
    return np.ravel(model.coef_).astype(np.float64)


def intercept(model: Any) -> float:
    return float(np.ravel(model.intercept_)[0])


def eta(model: Any, X: np.ndarray) -> np.ndarray:
    return X @ coef(model) + intercept(model)


def relative(model: Any) -> float:
    return model.certificate_.relative + ROUNDING


def half_deviance(case: Case, data: Data, weights: np.ndarray) -> float:
    """Half the null deviance, of which a relative gap is a fraction."""
    null = case.loss.null(data.y, weights) if case.intercept else 0.0
    level = np.full(data.n, null)
    return float(case.loss.total(data.y, level, weights) - case.loss.total_saturated(data.y, weights))


def assert_agree(case: Case, data: Data, weights: Any, one: Any, other: Any, found: Any = None, noise: float = 0.0) -> None:
    """The law of the module's docstring. `found` is the other's linear predictor of the rows of `data`, itself unless given;
    `noise` is the size of numbers that cancelled on the way to it."""
    w = np.ones(data.n) if weights is None else weights
    expected = eta(one, data.X)
    found = eta(other, data.X) if found is None else found
    least = np.minimum(case.loss.curvature(data.y, expected), case.loss.curvature(data.y, found))
    allowed = 4 * (relative(one) + relative(other)) * half_deviance(case, data, w)
    size = np.abs(data.X) @ np.abs(coef(one)) + abs(intercept(one)) + np.abs(data.y) + noise
    rounding = 16 * EPS * np.sqrt(w @ size**2)
    assert np.sqrt((w * least) @ (found - expected) ** 2) <= np.sqrt(allowed) + rounding
    if hasattr(one, "path_"):
        assert np.argmax(one.alphas_ == one.alpha_) == np.argmax(other.alphas_ == other.alpha_)
