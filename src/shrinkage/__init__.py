"""Fit, see and trust regularised models: penalties are priors, losses are likelihoods, and the fit is certified.

Names are loaded when first used (PEP 562), so `import shrinkage` costs next to nothing; `__init__.pyi` lists them for
editors and type checkers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "shrinkage.penalties": (
        "Penalty Separable L1 L2 MCP SCAD NonNegative Box Grouped "
        "Laplace Normal LaplaceNormal MultivariateLaplace Uniform Exponential HalfNormal"
    ),
    "shrinkage.losses": ("Loss SquaredError Gaussian Logistic Bernoulli Poisson Huber AbsoluteError Quantile RootSquaredError"),
    "shrinkage.fit": "solve Solution Certificate",
    "shrinkage.solvers": "Outcome",
    "shrinkage.walk": "path",
    "shrinkage.paths": "Path PathPoint",
    "shrinkage.selection": "select Choice",
    "shrinkage.planning": "plan Plan",
    "shrinkage.watching": "progress",
    "shrinkage.errors": (
        "ShrinkageError DataError ParameterError ConvergenceError MemoryBudgetError FormatError ConvergenceWarning"
    ),
    "shrinkage.estimators": (
        "Lasso LassoCV Ridge RidgeCV ElasticNet ElasticNetCV LogisticRegression LogisticRegressionCV "
        "PenalizedRegressor PenalizedRegressorCV PenalizedClassifier PenalizedClassifierCV"
    ),
    "shrinkage.page.report": "report",
    "shrinkage.page.explore": "explore Explorer",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_MODULES = ("scales", "estimators", "penalties", "losses", "solvers", "tables", "model_file", "geometry", "profiles", "plots")

__all__ = [*_HOME_OF, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = import_module(f"shrinkage.{name}")
    else:
        raise AttributeError(f"module 'shrinkage' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
