"""Every picture, light and dark: drawn without a warning, its words apart, inside the figure, and of enough contrast."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import shrinkage as sh
from shrinkage import plots
from shrinkage.plots.style import DARK, LIGHT, apart, box_of
from tests.plots.battery import DISPLAYS, data, lasso, solved


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
