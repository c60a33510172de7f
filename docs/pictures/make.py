"""Draw docs/pictures/geometry.svg and geometry-dark.svg from a real fit of the diabetes data.

    python docs/pictures/make.py

Two of the ten coefficients are shown; the other eight are held at the fit, so that the contours are exactly those of the
loss and the point shown is exactly where the penalised fit lies. Each alpha is the one that 10-fold cross-validation
chooses by the one-standard-error rule. The files are the same, byte for byte, each time they are drawn.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Ellipse, Polygon

import shrinkage as sh

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REACH = (-15.5, 24.5, -16.5, 16.5)  # of the two geometry panels: x from, x to, y from, y to
LABELS = {  # of the third panel: the words, and how far to move them up
    "bmi": ("body mass", 1.0), "log_triglycerides": ("triglycerides", -1.3), "blood_pressure": ("blood pressure", 0),
    "glucose": ("glucose", 0), "sex": ("sex", 0.9), "hdl": ("hdl", -0.9),
}  # fmt: skip

# Okabe and Ito's colours, which people who confuse red and green can tell apart.
LIGHT = {"ink": "#1f2328", "soft": "#6e7781", "faint": "#d0d7de", "ball": "#0072B2", "loss": "#D55E00", "second": "#A0407C"}
DARK = {"ink": "#e6edf3", "soft": "#9198a1", "faint": "#3d444d", "ball": "#56B4E9", "loss": "#E69F00", "second": "#E48CBF"}


def read() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Standardised columns, the target, and the names of the columns."""
    table = np.genfromtxt(ROOT / "examples" / "diabetes.csv", delimiter=",", names=True)
    names = list(table.dtype.names)[:-1]
    X = np.column_stack([table[name] for name in names])
    return (X - X.mean(axis=0)) / X.std(axis=0), table[table.dtype.names[-1]], names


def geometry(ax, X, y, pair, choice, colours, shape: str) -> None:
    """Contours of the mean loss in two coefficients, and the ball of the penalty that the fit lies on."""
    coef, at = choice.coef.astype(float), choice.coef[pair]
    H, g = X[:, pair].T @ X[:, pair] / len(y), X[:, pair].T @ (X @ coef + choice.intercept - y) / len(y)
    centre = at - np.linalg.solve(H, g)  # in two coefficients the loss is a quadratic about here: contours are ellipses
    size, axis = np.linalg.eigh(H)
    widths, angle = 2 * np.sqrt((at - centre) @ H @ (at - centre) / size), np.degrees(np.arctan2(*axis[::-1, 0]))
    for ring in (1.0, 1.35, 1.7, 2.1):
        touching = ring == 1.0
        ax.add_patch(Ellipse(centre, *(ring * widths), angle=angle, fill=False, edgecolor=colours["loss"],
                             linewidth=3 if touching else 1.3, alpha=1.0 if touching else 0.55))  # fmt: skip
    if shape == "diamond":
        t = np.abs(at).sum()
        ball, formula = Polygon([(t, 0), (0, t), (-t, 0), (0, -t)]), "|u| + |v| ≤ t"
    else:
        t = np.hypot(*at)
        ball, formula = Circle((0, 0), t), "u² + v² ≤ t²"
    ball.set(facecolor=colours["ball"] + "2e", edgecolor=colours["ball"], linewidth=3, joinstyle="miter", zorder=3)
    ax.add_patch(ball)
    for line in (ax.axhline, ax.axvline):
        line(0, color=colours["soft"], linewidth=0.9, zorder=2)
    ax.plot(*centre, marker="+", markersize=14, markeredgewidth=2.6, color=colours["loss"], zorder=5)
    ax.annotate("least loss", centre, xytext=(0, 12), textcoords="offset points", ha="center", color=colours["loss"])
    ax.plot(*at, marker="o", markersize=13, color=colours["ink"], zorder=6)
    ax.text(1.0, -t - 2.3, formula, va="center", color=colours["ball"])
    ax.set(xlim=REACH[:2], ylim=REACH[2:], aspect="equal", xticks=[-10, 0, 10, 20], yticks=[-10, 0, 10])
    ax.set_xlabel("u: blood pressure, per sd")


def trace(ax, choice, names, pair, colours) -> None:
    """Every coefficient against alpha, and the alpha of the first panel."""
    path = choice.path
    shown = path.alphas >= path.alphas[0] / 40
    alphas, coefs = path.alphas[shown], path.coefs[:, shown]
    special = {pair[0]: colours["ink"], pair[1]: colours["second"]}
    for j in range(len(names)):
        ax.plot(alphas, coefs[j], color=special.get(j, colours["soft"]), linewidth=3.4 if j in special else 1.6,
                zorder=4 if j in special else 2)  # fmt: skip
    for j, words in LABELS.items():
        k = names.index(j)
        ax.text(alphas[-1] * 0.93, coefs[k, -1] + words[1], words[0], color=special.get(k, colours["soft"]), va="center")
    ax.axvline(choice.alpha, color=colours["ball"], linewidth=1.6, linestyle=(0, (5, 3)), zorder=1)
    ax.text(choice.alpha * 1.08, -12.9, "chosen by\ncross-validation", ha="right", color=colours["ball"], linespacing=1.15)
    ax.set(xscale="log", xlabel="alpha: weaker to the right", ylim=(-14, 27), yticks=[-10, 0, 10, 20])
    ax.set_xlim(alphas[0] * 1.35, alphas[-1])
    ax.set_xticks([30, 10, 3], ["30", "10", "3"])
    ax.minorticks_off()


def draw(colours: dict[str, str], target: Path) -> None:
    plt.rcParams.update({
        "font.family": "DejaVu Sans", "font.size": 17, "svg.fonttype": "path", "svg.hashsalt": "shrinkage",
        "text.color": colours["ink"], "axes.labelcolor": colours["ink"], "axes.edgecolor": colours["faint"],
        "xtick.color": colours["soft"], "ytick.color": colours["soft"], "xtick.labelsize": 16, "ytick.labelsize": 16,
        "axes.labelsize": 18, "axes.titlesize": 20, "axes.titlelocation": "left", "axes.spines.top": False,
        "axes.spines.right": False,
    })  # fmt: skip
    X, y, names = read()
    pair = [names.index("blood_pressure"), names.index("glucose")]
    lasso, ridge = (sh.select(X, y, sh.SquaredError(), P, rule="1se") for P in (sh.L1(), sh.L2()))
    fig = plt.figure(figsize=(17, 5.8))
    axes = [fig.add_axes((x, 0.15, w, 0.7)) for x, w in ((0.05, 0.29), (0.375, 0.29), (0.7, 0.19))]
    geometry(axes[0], X, y, pair, lasso, colours, "diamond")
    axes[0].set_title("L1 meets the loss at a corner:\nglucose is exactly 0")
    axes[0].set_ylabel("v: glucose, per sd", color=colours["second"], labelpad=0)
    geometry(axes[1], X, y, pair, ridge, colours, "circle")
    axes[1].set_title("L2 meets it on a side:\nnothing is exactly 0")
    trace(axes[2], lasso, names, pair, colours)
    axes[2].set_title("L1 from strong to weak:\none by one they enter")
    fig.savefig(target, transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(fig)


if __name__ == "__main__":
    draw(LIGHT, HERE / "geometry.svg")
    draw(DARK, HERE / "geometry-dark.svg")
