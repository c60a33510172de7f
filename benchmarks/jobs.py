"""What is measured: one row of the table each, as data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

N_ALPHAS = 100
CONCAVITY = 3.0  # of MCP
WIDE, TALL = 1e-2, 1e-3  # the smallest alpha over the largest, for p > n and for n > p
CURVE = 1e-4  # how near a cross-validation curve must come to the reference's


@dataclass(frozen=True)
class Job:
    """`kind`: lasso, logistic, group, mcp, ridge. `task`: path; cv (a curve over folds); loo (the curve of exact
    leave-one-out errors); call (cross-validation through the estimator, validation and refit included).

    `target` is what the fastest peer's time over ours shall reach at 1e-6, `loose` the same at 1e-4 (None: no aim).
    """

    key: str
    title: str
    kind: str
    task: str
    data: str
    args: dict[str, Any]
    ratio: float
    target: float
    loose: float | None = 2.0
    folds: int = 0
    small: dict[str, Any] = field(default_factory=dict)

    @property
    def is_curve(self) -> bool:
        return self.task != "path"

    @property
    def targets(self) -> tuple[float, ...]:
        """The accuracies at which times are read."""
        return (CURVE,) if self.is_curve else (1e-4, 1e-6)

    def shrunk(self) -> Job:
        """The same job at a size of no interest, to try the harness on."""
        return replace(self, key=self.key + "-small", args={**self.args, **self.small}, folds=min(self.folds, 3))

    def resized(self, **args: Any) -> Job:
        folds = args.pop("folds", self.folds)
        mark = "-".join(f"{name}{value}" for name, value in {**args, "folds": folds}.items())
        return replace(self, key=f"{self.key}-{mark}", args={**self.args, **args}, folds=folds)


def _wide(correlation: str, rho: float) -> dict[str, Any]:
    return {"n": 500, "p": 10_000, "correlation": correlation, "rho": rho}


_SMALL, _SMALL_TALL = {"n": 60, "p": 200}, {"n": 400, "p": 20}
_TALL = {"n": 100_000, "p": 200, "correlation": "ar", "rho": 0.4}
_SPARSE = {"n": 20_000, "p": 50_000, "density": 1e-3}
_SMALL_SPARSE = {"n": 300, "p": 500, "density": 2e-2}
_BINARY = {"n": 20_000, "p": 200, "correlation": "ar", "rho": 0.4, "binary": True}
_GROUPS = {"n": 1000, "p": 10_000, "correlation": "ar", "rho": 0.4, "size": 5}
_RIDGE = {"n": 1000, "p": 5000, "correlation": "ar", "rho": 0.4}

JOBS = (
    Job("lasso-ar04", "lasso path, AR(0.4)", "lasso", "path", "normal", _wide("ar", 0.4), WIDE, 5, small=_SMALL),
    Job("lasso-equi08", "lasso path, equicorrelated 0.8", "lasso", "path", "normal", _wide("equal", 0.8), WIDE, 10, small=_SMALL),
    Job("lasso-ar06", "lasso path, AR(0.6)", "lasso", "path", "normal", {"n": 2000, "p": 5000, "correlation": "ar", "rho": 0.6},
        WIDE, 5, small=_SMALL),
    Job("lasso-tall", "lasso path, n >> p", "lasso", "path", "normal", _TALL, TALL, 1, None, small=_SMALL_TALL),
    Job("lasso-tall-cv", "lasso 10-fold CV, n >> p", "lasso", "cv", "normal", _TALL, TALL, 20, folds=10, small=_SMALL_TALL),
    Job("lasso-wide-cv", "lasso 10-fold CV", "lasso", "cv", "normal", _wide("ar", 0.4), WIDE, 10, folds=10, small=_SMALL),
    Job("lasso-cells-cv", "lasso 10-fold CV, leukemia_all", "lasso", "cv", "leukemia", {}, WIDE, 10, folds=10, small={"p": 300}),
    Job("lasso-sparse", "lasso path, sparse, Zipf columns", "lasso", "path", "zipf", _SPARSE, WIDE, 3, small=_SMALL_SPARSE),
    Job("lasso-sparse-cv", "lasso 5-fold CV, sparse, Zipf columns", "lasso", "cv", "zipf", _SPARSE, WIDE, 8, folds=5,
        small=_SMALL_SPARSE),
    Job("logistic-cells", "logistic lasso path, leukemia_all", "logistic", "path", "leukemia", {}, WIDE, 3, small={"p": 300}),
    Job("logistic-cells-cv", "logistic lasso 10-fold CV, leukemia_all", "logistic", "cv", "leukemia", {}, WIDE, 8, folds=10,
        small={"p": 300}),
    Job("logistic-tall", "logistic lasso path", "logistic", "path", "normal", _BINARY, TALL, 3, small=_SMALL_TALL),
    Job("logistic-tall-cv", "logistic lasso 10-fold CV", "logistic", "cv", "normal", _BINARY, TALL, 8, folds=10,
        small=_SMALL_TALL),
    Job("group", "group lasso path, groups of 5", "group", "path", "normal", _GROUPS, WIDE, 3, small=_SMALL),
    Job("mcp", "MCP path", "mcp", "path", "normal", _wide("ar", 0.4), WIDE, 3, small=_SMALL),
    Job("ridge-loo", "ridge, 100 alphas, exact leave-one-out", "ridge", "loo", "normal", _RIDGE, 1e-6, 2, None,
        small={"n": 40, "p": 120}),
    Job("diabetes", "LassoCV on diabetes, whole call", "lasso", "call", "diabetes", {}, TALL, 10, folds=5),
)  # fmt: skip
BY_KEY = {job.key: job for job in JOBS}
# Four rows, each against the peers that are likeliest to be its fastest.
QUICK = {
    "lasso-ar04": ("glmnet", "adelie", "celer"),
    "lasso-tall": ("sklearn", "adelie", "glmnet"),
    "lasso-cells-cv": ("glmnet", "adelie", "celer"),
    "diabetes": ("glmnet", "sklearn", "celer"),
}
