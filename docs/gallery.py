"""Draw the pictures of the gallery: python docs/gallery.py FOLDER. `make docs` draws the light ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from pyarrow import csv

import shrinkage as sh
from shrinkage import plots

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def read(name: str) -> tuple[Any, np.ndarray]:
    """An example's table without its last column, and that column, the target."""
    table = csv.read_csv(EXAMPLES / name)
    target = table.column_names[-1]
    return table.drop_columns([target]), table[target].to_numpy()


class Fits:
    """What the pictures show: four fits of the diabetes study, one of biopsies, and a path with room to overfit."""

    def __init__(self) -> None:
        self.X, self.y = read("diabetes.csv")
        self.lasso = sh.PenalizedRegressorCV(rule="1se", standardize=True).fit(self.X, self.y)
        self.ridge = sh.PenalizedRegressorCV(penalty="l2", rule="1se", standardize=True).fit(self.X, self.y)
        self.net = sh.PenalizedRegressor(penalty="elastic_net", alpha=2.0, standardize=True).fit(self.X, self.y)
        self.mcp = sh.PenalizedRegressorCV(penalty="mcp", rule="1se", standardize=True).fit(self.X, self.y)
        self.cells, self.diagnosis = read("breast_cancer.csv")
        self.classifier = sh.PenalizedClassifierCV(rule="1se", standardize=True).fit(self.cells, self.diagnosis)
        self.crowded = self._crowded()

    def _crowded(self) -> sh.Choice:
        """All squares and products of the measurements, on every second patient."""
        Z = np.column_stack([column.to_numpy() for column in self.X.columns]).astype(float)
        Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
        products = [Z[:, j] * Z[:, k] for j in range(Z.shape[1]) for k in range(j + 1)]
        X = np.column_stack([Z, *products])[::2]
        return sh.select(X, self.y[::2].astype(float), sh.SquaredError(), sh.L1(), standardize=True)


PAIR = ["blood_pressure", "glucose"]
PICTURES: dict[str, Callable[[Fits], Any]] = {
    "path": lambda fits: plots.CoefficientPathDisplay.from_estimator(fits.lasso),
    "overfitting": lambda fits: plots.OverfittingDisplay.from_choice(fits.crowded),
    "geometry-l1": lambda fits: plots.GeometryDisplay.from_estimator(fits.lasso, fits.X, fits.y, PAIR),
    "geometry-l2": lambda fits: plots.GeometryDisplay.from_estimator(fits.ridge, fits.X, fits.y, PAIR),
    "geometry-profiled": lambda fits: plots.GeometryDisplay.from_estimator(fits.lasso, fits.X, fits.y, PAIR, others="profiled"),
    "geometry-lq": lambda fits: plots.GeometryDisplay.from_estimator(fits.lasso, fits.X, fits.y, PAIR, q=0.5),
    "geometry-net": lambda fits: plots.GeometryDisplay.from_estimator(fits.net, fits.X, fits.y, ["bmi", "hdl"]),
    "geometry-mcp": lambda fits: plots.GeometryDisplay.from_estimator(fits.mcp, fits.X, fits.y, PAIR),
    "priors": lambda fits: plots.PriorDisplay.from_penalties(
        sh.Laplace(0.5**0.5), sh.Normal(1.0), sh.MCP(2**0.5, 2.0), names=["Laplace", "Normal", "MCP"]
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


def draw(folder: Path, themes: Sequence[str] = ("light", "dark")) -> None:
    """Every picture as PNG, NAME-THEME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    fits = Fits()
    for name, make in PICTURES.items():
        display = make(fits)
        for theme in themes:
            display.plot(theme=theme).figure_.savefig(folder / f"{name}-{theme}.png", dpi=110)
            plt.close(display.figure_)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
