"""Draw the gallery's pictures: python docs/gallery.py FOLDER. The site's build does the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import shrinkage as sh
from shrinkage import plots

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def read(name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A table of the examples: its columns of numbers, and its last column, the target."""
    table = np.genfromtxt(EXAMPLES / name, delimiter=",", names=True, dtype=None, encoding="utf-8")
    *columns, target = table.dtype.names
    return {column: table[column].astype(float) for column in columns}, table[target]


class Fits:
    """The fits that the pictures show: two lassos, a ridge and an MCP of the diabetes study, and a classifier of biopsies."""

    def __init__(self) -> None:
        import pandas as pd

        columns, self.y = read("diabetes.csv")
        self.X = pd.DataFrame(columns)
        self.lasso = sh.PenalizedRegressorCV(rule="1se", standardize=True).fit(self.X, self.y)
        self.ridge = sh.PenalizedRegressorCV(penalty="l2", rule="1se", standardize=True).fit(self.X, self.y)
        self.net = sh.PenalizedRegressor(penalty="elastic_net", alpha=2.0, standardize=True).fit(self.X, self.y)
        self.mcp = sh.PenalizedRegressorCV(penalty="mcp", rule="1se", standardize=True).fit(self.X, self.y)
        columns, labels = read("breast_cancer.csv")
        self.cells = pd.DataFrame(columns)
        self.diagnosis = labels
        self.classifier = sh.PenalizedClassifierCV(rule="1se", standardize=True).fit(self.cells, labels)
        self.wide = wide_path()


def wide_path() -> sh.Path:
    """More features (squares and products) than the study's patients in one half of it: room to overfit."""
    columns, y = read("diabetes.csv")
    Z = np.column_stack(list(columns.values()))
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    squares = [Z[:, j] * Z[:, k] for j in range(Z.shape[1]) for k in range(j + 1)]
    X = np.column_stack([Z, *squares])[::2]
    return sh.select(X, y[::2], sh.SquaredError(), sh.L1(), rule="1se", standardize=True, ratio=1e-4)


PAIR = ["blood_pressure", "glucose"]
PICTURES: dict[str, Callable[[Fits], Any]] = {
    "path": lambda fits: plots.CoefficientPathDisplay.from_estimator(fits.lasso),
    "overfitting": lambda fits: plots.OverfittingDisplay.from_choice(fits.wide),
    "geometry-l1": lambda fits: plots.GeometryDisplay.from_estimator(fits.lasso, fits.X, fits.y, PAIR),
    "geometry-l2": lambda fits: plots.GeometryDisplay.from_estimator(fits.ridge, fits.X, fits.y, PAIR),
    "geometry-net": lambda fits: plots.GeometryDisplay.from_estimator(fits.net, fits.X, fits.y, ["bmi", "hdl"]),
    "geometry-mcp": lambda fits: plots.GeometryDisplay.from_estimator(fits.mcp, fits.X, fits.y, PAIR),
    "priors": lambda fits: plots.PriorDisplay.from_penalties(
        sh.Laplace(1 / np.sqrt(2)), sh.Normal(1), sh.MCP(np.sqrt(2), 2.0), names=["Laplace", "Normal", "MCP"]
    ),
    "gradients": lambda fits: plots.GradientDisplay.from_penalties(
        sh.L1(1.0), sh.L2(1.0), sh.MCP(1.0, 1.3), names=["L1", "L2", "MCP"]
    ),
    "posterior-zero": lambda fits: plots.PosteriorDisplay.from_estimator(fits.lasso, fits.X, fits.y, "glucose"),
    "posterior": lambda fits: plots.PosteriorDisplay.from_estimator(fits.lasso, fits.X, fits.y, "bmi"),
    "coefficients": lambda fits: plots.CoefficientDisplay.from_estimator(fits.lasso),
    "shrinkage-map": lambda fits: plots.ShrinkageMapDisplay.from_estimator(fits.lasso, fits.X, fits.y),
    "calibration": lambda fits: plots.CalibrationDisplay.from_estimator(fits.classifier, fits.cells, fits.diagnosis),
    "residuals": lambda fits: plots.ResidualDisplay.from_estimator(fits.lasso, fits.X, fits.y),
    "certificate": lambda fits: plots.CertificateDisplay.from_estimator(fits.classifier),
}


def draw(folder: Path) -> None:
    """Every picture in both themes, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    fits = Fits()
    for name, make in PICTURES.items():
        display = make(fits)
        for theme in ("light", "dark"):
            display.plot(theme=theme)
            display.figure_.savefig(folder / f"{name}-{theme}.png", dpi=110)
            plt.close(display.figure_)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
