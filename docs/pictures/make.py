"""Draw docs/pictures/geometry.svg and geometry-dark.svg, the README's first picture, from real fits of the diabetes data.

    python docs/pictures/make.py

Two of the ten coefficients are shown; the other eight are held at the fit, so that the contours are exactly those of the
loss and the point shown is exactly where the penalised fit lies. Each alpha is the one that 10-fold cross-validation
chooses by the one-standard-error rule. The files are the same, byte for byte, each time they are drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from pyarrow import csv

import shrinkage as sh
from shrinkage import plots

HERE = Path(__file__).resolve().parent
PAIR = ["blood pressure", "glucose"]
TITLES = ("L1 meets the loss at a corner:\nglucose is exactly 0", "L2 meets it on a side:\nnothing is exactly 0",
          "L1 from strong to weak:\none by one they enter")  # fmt: skip


def displays() -> list[Any]:
    """The geometry of a lasso and of a ridge, and the lasso's path."""
    table = csv.read_csv(HERE.parents[1] / "examples" / "diabetes.csv")
    y = table[table.column_names[-1]].to_numpy()
    X = table.drop_columns(table.column_names[-1:]).rename_columns([n.replace("_", " ") for n in table.column_names[:-1]])
    lasso, ridge = (
        sh.PenalizedRegressorCV(penalty=penalty, ratio=ratio, rule="1se", cv=10, standardize=True).fit(X, y)
        for penalty, ratio in (("l1", 1 / 40), ("l2", None))
    )
    geometry = [plots.GeometryDisplay.from_estimator(model, X, y, PAIR) for model in (lasso, ridge)]
    return [*geometry, plots.CoefficientPathDisplay.from_estimator(lasso)]


def draw(three: list[Any], theme: str, target: Path) -> None:
    """The three side by side, the first two to one scale."""
    with plt.rc_context({"font.size": 17, "svg.fonttype": "path", "svg.hashsalt": "shrinkage"}):
        figure = plt.figure(figsize=(18.5, 6.0))
        axes = [figure.add_axes((x, 0.14, w, 0.65)) for x, w in ((0.045, 0.25), (0.345, 0.25), (0.645, 0.215))]
        for display, ax, title in zip(three, axes, TITLES, strict=True):
            display.plot(ax, theme=theme)
            ax.set_xlabel(ax.get_xlabel().split(":")[0] if ax is axes[2] else ax.get_xlabel())
            ax.set_title(title, color=ax.xaxis.label.get_color(), size=20, loc="left", linespacing=1.25)
        figure.savefig(target, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)


if __name__ == "__main__":
    three = displays()
    draw(three, "light", HERE / "geometry.svg")
    draw(three, "dark", HERE / "geometry-dark.svg")
