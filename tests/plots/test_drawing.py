"""Every picture, light and dark: drawn without a warning, its words apart, inside the figure, and of enough contrast."""

from functools import cache
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

import shrinkage as sh
from shrinkage import plots
from shrinkage.plots.style import DARK, LIGHT, apart, box_of
from tests.plots.battery import DISPLAYS, PENALTIES, data, lasso, solved


class AStrangerWithALongName(sh.Separable):
    """|w|, by someone who writes no __repr__."""

    def value(self, w):
        return np.abs(w).sum()

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step, 0)

    def subgradient(self, w):
        return np.where(w > 0, 1.0, -1.0), np.where(w < 0, -1.0, 1.0)


def words(ax):
    """Every text of some axes that is drawn: labels, titles, and the ticks inside the view."""
    found = [*ax.texts, ax.xaxis.label, ax.yaxis.label, ax._left_title, ax.title]
    for axis, side in ((ax.xaxis, 0), (ax.yaxis, 1)):
        for tick in axis.get_major_ticks():
            corner = [ax.get_xlim()[0], ax.get_ylim()[0]]
            corner[side] = tick.get_loc()
            at = ax.transData.transform(corner)[side]
            if ax.bbox.min[side] - 0.5 <= at <= ax.bbox.max[side] + 0.5:
                found += [label for label in (tick.label1, tick.label2) if label.get_visible()]
    for child in ax.child_axes:
        found += words(child)
    return [text for text in found if text.get_text().strip() and text.get_visible()]


def overlaps(figure):
    figure.canvas.draw()
    boxes = [(text.get_text(), box_of(text)) for ax in figure.axes for text in words(ax)]
    shrunk = [(name, box.padded(-1)) for name, box in boxes]
    return [(a, b) for (a, one), (b, other) in combinations(shrunk, 2) if one.overlaps(other)], boxes


def contrast(colour, paper):
    """As WCAG 2 has it."""
    channels = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in map(np.array, (to_rgb(colour), to_rgb(paper)))
    ]
    light, dark = sorted((float(c @ [0.2126, 0.7152, 0.0722]) for c in channels), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_picture_in_both_themes(name):
    display = DISPLAYS[name]()
    assert not hasattr(display, "figure_")  # nothing is drawn before plot
    for theme in (LIGHT, DARK):
        assert display.plot(theme=theme.name) is display
        figure = display.figure_
        assert all(ax.figure is figure for ax in np.ravel(display.ax_))
        clashes, boxes = overlaps(figure)
        assert not clashes
        outside = [
            text
            for text, box in boxes
            if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1
        ]
        assert not outside
        for ax in np.ravel(display.ax_):
            assert all(contrast(text.get_color(), theme.paper) > 4.5 for text in words(ax))
            assert ax.get_xlabel() and (ax.get_ylabel() or name.startswith("coefficients"))
        plt.close(figure)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_theme_is_that_of_the_background(theme):
    figure, ax = plt.subplots(facecolor=theme.paper)
    ax.set_facecolor(theme.paper)
    display = plots.CoefficientDisplay.from_estimator(lasso()).plot(ax)
    assert display.ax_ is ax and display.figure_ is figure
    assert ax.xaxis.label.get_color() == theme.ink
    with plt.rc_context({"figure.facecolor": theme.paper}):
        assert plots.OverfittingDisplay.from_estimator(lasso()).plot().figure_.get_facecolor()[:3] == to_rgb(theme.paper)


def test_a_display_of_panels_takes_as_many_axes():
    figure, axes = plt.subplots(1, 2)
    display = plots.ResidualDisplay.from_estimator(lasso(), *data()).plot(axes)
    assert list(display.ax_) == list(axes)
    with pytest.raises(sh.ParameterError, match="2 panel"):
        display.plot(axes[0])


@pytest.mark.parametrize("x", ["alpha", "norm", "deviance"])
def test_a_path_over_each_axis(x):
    figure = plots.CoefficientPathDisplay.from_estimator(lasso()).plot(x=x).figure_
    assert not overlaps(figure)[0]


def test_colours_differ_and_can_be_read():
    for theme in (LIGHT, DARK):
        assert len(set(theme.hues)) == len(theme.hues)
        assert all(contrast(hue, theme.paper) > 4.5 for hue in (*theme.hues, theme.ink, theme.soft))


KINDS = {
    **PENALTIES,
    "L1 of each": sh.L1(np.linspace(0.5, 1.5, 6)),
    "MCP of each": sh.MCP(np.linspace(0.5, 1.5, 6), 3.0),
    "SCAD of each": 442 * sh.SCAD(np.linspace(0.5, 1.5, 6), 3.7),
    "MCP and L2": sh.MCP(np.linspace(0.5, 1.5, 6), 3.0) + sh.L2(0.5),
    "sparse groups": sh.L1(0.3) + sh.Grouped(442 * sh.L1(np.array([1.0, 1.1, 1.2])), [0, 0, 1, 1, 2, 2]),
    "group MCP": sh.Grouped(sh.MCP(np.array([1.0, 1.1, 1.2]), 3.0), [0, 0, 1, 1, 2, 2]),
    "bounds": sh.L1(np.linspace(0.5, 1.5, 6)) + sh.Box(-1.0, 2.0),
    "a stranger's": 442 * AStrangerWithALongName(),
}


@pytest.mark.parametrize("name", KINDS)
def test_words_beside_the_axes_leave_them_room(name):
    """Of any penalty, and of a name as long as you like."""
    for given in (None, [name * 20], ["a name in words " * 8]):
        display = plots.PriorDisplay.from_penalties(KINDS[name], coefficient=1, p=6, names=given).plot()
        figure = display.figure_
        clashes, boxes = overlaps(figure)
        assert not clashes and all(box.x1 < figure.bbox.x1 + 1 for _, box in boxes)
        assert sum(ax.get_window_extent().width for ax in display.ax_) > 0.6 * figure.bbox.width
        plt.close(figure)


def test_a_long_name_keeps_its_ends():
    X, y = data()
    X = X.set_axis([f"expression_of_the_gene_with_the_number_{j:04d}" for j in range(6)], axis=1)
    display = plots.CoefficientPathDisplay.from_path(sh.path(X, y, sh.SquaredError(), sh.L1(), standardize=True)).plot()
    display.figure_.canvas.draw()
    assert {text.get_text()[-4:] for text in display.ax_.texts} >= {f"{j:04d}" for j in range(6)}
    assert display.ax_.get_window_extent().width > 0.6 * display.figure_.bbox.width


def markers(ax):
    """The dots' middles and radii in pixels."""
    found = []
    for line in ax.lines:
        if line.get_marker() not in ("None", None):
            half = line.get_markersize() * ax.figure.dpi / 144
            found += [(at, half) for at in ax.transData.transform(line.get_xydata())]
    return found


@cache
def diabetes():
    table = pd.read_csv(Path(__file__).parents[2] / "examples" / "diabetes.csv")
    y = table.pop("disease_progression")
    return table, y, sh.PenalizedRegressorCV(rule="1se", standardize=True).fit(table, y)


@pytest.mark.parametrize("size", [None, (4.0, 2.8)])
@pytest.mark.parametrize(
    "make",
    [
        lambda X, y, model: plots.ShrinkageMapDisplay.from_estimator(model, X, y),
        lambda X, y, model: plots.ShrinkageMapDisplay.from_estimator(sh.Ridge(40.0).fit(X, y), X, y),
        lambda X, y, model: plots.CoefficientPathDisplay.from_estimator(model),
        lambda X, y, model: plots.CoefficientDisplay.from_estimator(model),
        lambda X, y, model: plots.OverfittingDisplay.from_estimator(model),
        lambda X, y, model: plots.PosteriorDisplay.from_estimator(model, X, y, "glucose"),
        lambda X, y, model: plots.PosteriorDisplay.from_estimator(model, X, y, "bmi"),
        lambda X, y, model: plots.GeometryDisplay.from_estimator(model, X, y, ["blood_pressure", "glucose"]),
    ],
    ids=["map", "map of a ridge", "path", "coefficients", "overfitting", "posterior at zero", "posterior", "geometry"],
)
def test_no_label_lies_on_a_dot_or_another_in_small_axes_too(make, size):
    ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
    display = make(*diabetes()).plot(ax)
    clashes, boxes = overlaps(display.figure_)
    assert not clashes
    edge = display.figure_.bbox
    assert not [text for text, box in boxes if box.x0 < -2 or box.y0 < -2 or box.x1 > edge.x1 + 2 or box.y1 > edge.y1 + 2]
    for text in display.ax_.texts:
        box = box_of(text)
        for at, radius in markers(display.ax_):
            assert np.hypot(*np.maximum(np.maximum(box.min - at, at - box.max), 0)) > radius + 1, text.get_text()


def test_a_map_names_all_that_it_has_room_for():
    X, y, model = diabetes()
    words = [text.get_text() for text in plots.ShrinkageMapDisplay.from_estimator(model, X, y).plot().ax_.texts]
    assert set(words) == {"no shrinkage", *X.columns}


@cache
def mcp():
    return sh.PenalizedRegressorCV(penalty="mcp", rule="1se", standardize=True).fit(*diabetes()[:2])


def test_what_is_chosen_is_not_crossed_by_its_line():
    display = plots.CoefficientPathDisplay.from_estimator(mcp()).plot()
    display.figure_.canvas.draw()
    (words,) = [text for text in display.ax_.texts if text.get_text().startswith("chosen")]
    box, line = box_of(words), display.ax_.transData.transform((-np.log(display.chosen), 0.0))[0]
    assert not box.x0 < line < box.x1


def test_labels_of_curves_that_cover_each_other_are_not_on_their_tail():
    """Where MCP is flat the posterior is the likelihood."""
    display = plots.PosteriorDisplay.from_estimator(mcp(), *diabetes()[:2], "bmi").plot()
    at = {text.get_text(): text.xy for text in display.ax_.texts}
    top = np.exp(display.conditional.log_posterior).max()
    assert all(at[name][1] > 0.3 * top for name in ("posterior", "likelihood"))


def test_dots_lie_whole_within_the_residuals():
    left = plots.ResidualDisplay.from_estimator(lasso(), *data()).plot().ax_[0]
    dots, frame = markers(left), left.get_window_extent()
    assert all(frame.x0 < at[0] - radius and at[0] + radius < frame.x1 for at, radius in dots)


def test_a_mean_of_rounding_is_told_as_zero():
    noise = np.array([0.9, -0.9, 0.1, -0.1])
    assert plots.ResidualDisplay.from_predictions(noise + 2e-7, np.zeros(4)).plot().ax_[1]._left_title.get_text()[:7] == "mean 0,"
    assert plots.ResidualDisplay.from_predictions(noise + 2e-4, np.zeros(4)).plot().ax_[1]._left_title.get_text()[:7] == "mean 0."


def test_labels_are_moved_apart_the_least_they_can():
    at = np.array([0.0, 10.0, 10.5, 30.0, 10.2])
    placed = apart(at, np.full(5, 4.0))
    assert np.array_equal(np.argsort(placed), np.argsort(at))
    assert np.min(np.diff(np.sort(placed))) >= 4 - 1e-12
    assert placed[0] == 0 and placed[3] == 30 and np.isclose(placed[[1, 2, 4]].mean(), at[[1, 2, 4]].mean())
    assert len(apart(np.zeros(0), np.zeros(0))) == 0


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(sh.ParameterError, match="'light', 'dark'"):
        plots.CoefficientDisplay.from_estimator(lasso()).plot(theme="solarized")
    with pytest.raises(sh.ParameterError, match="'alpha', 'norm', 'deviance'"):
        plots.CoefficientPathDisplay.from_estimator(lasso()).plot(x="lambda")
    with pytest.raises(sh.ParameterError, match="keeps no path"):
        plots.CoefficientPathDisplay.from_estimator(sh.Lasso().fit(*data()))
    with pytest.raises(sh.ParameterError, match="no held-out errors"):
        plots.OverfittingDisplay.from_estimator(sh.LassoCV(rule="bic").fit(*data()))
    with pytest.raises(sh.ParameterError, match="not a fitted estimator"):
        plots.CoefficientDisplay.from_estimator(sh.Lasso())
    with pytest.raises(sh.ParameterError, match="Did you mean 'zeta'"):
        plots.PosteriorDisplay.from_estimator(lasso(), *data(), "zetta")
    with pytest.raises(sh.ParameterError, match="two names"):
        plots.GeometryDisplay.from_estimator(lasso(), *data(), "bmi")
    with pytest.raises(sh.DataError, match="no fit of these data"):
        plots.GeometryDisplay.from_fit(solved("squared", "L1"), *data(), [0, 1])  # it was standardised
    X, y = data()
    with pytest.raises(sh.ParameterError, match="no single minimum"):
        plots.ShrinkageMapDisplay.from_estimator(sh.Lasso(alpha=0.1).fit(X[:5], y[:5]), X[:5], y[:5])
