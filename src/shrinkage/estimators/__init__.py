"""Estimators in scikit-learn's conventions: words to objects, one call, an answer with its certificate.

`Lasso`, `Ridge`, `ElasticNet`, `LogisticRegression` and their cross-validated forms take scikit-learn's parameters and
give its numbers; `PenalizedRegressor` and `PenalizedClassifier` take any loss with any penalty.
"""

from shrinkage.estimators.linear import ElasticNet, ElasticNetCV, Lasso, LassoCV
from shrinkage.estimators.logistic import LogisticRegression, LogisticRegressionCV
from shrinkage.estimators.penalized import (
    PenalizedClassifier,
    PenalizedClassifierCV,
    PenalizedRegressor,
    PenalizedRegressorCV,
)
from shrinkage.estimators.ridge import Ridge, RidgeCV
from shrinkage.estimators.summary import Summary

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PenalizedClassifier",
    "PenalizedClassifierCV",
    "PenalizedRegressor",
    "PenalizedRegressorCV",
    "Ridge",
    "RidgeCV",
    "Summary",
]
