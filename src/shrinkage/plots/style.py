"""What all pictures share: colours for light and dark, axes without clutter, and labels that do not overlap.

Lines are named where they end, not in a legend; a label that has to move keeps a thin line to what it names. matplotlib is
imported when something is drawn, so that the numbers of a picture can be had without it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.plurals import counted


@dataclass(frozen=True)
class Theme:
    """Colours: `paper` behind all, `ink` for words, `soft` for axes, `faint` for what is behind; `hues` for things."""

    name: str
    paper: str
    ink: str
    soft: str
    faint: str
    hues: tuple[str, ...]


# Okabe and Ito's hues, which people who confuse red and green can tell apart, at a contrast of 4.5 to the paper.
LIGHT = Theme(
    "light", "#ffffff", "#1f2328", "#59636e", "#d0d7de", ("#0072B2", "#B84A00", "#007A5A", "#A0407C", "#7A5C00", "#4B4F9E")
)
DARK = Theme(
    "dark", "#0d1117", "#e6edf3", "#9198a1", "#3d444d", ("#56B4E9", "#E69F00", "#2BC79A", "#E48CBF", "#DDCC55", "#A9A6F5")
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}
DASHES = ("solid", (0, (6, 2)), (0, (2, 1.5)))  # with the hues, eighteen lines that differ
FONT = 13.0  # points, in a picture of 8 by 5 inches: readable at half that size
LINE = 1.28  # of the font's size: from one line of words to the next
BESIDE = (0.27, 12.5)  # the width of words beside the axes at most: of the figure's, and in font sizes
LED = 1.5  # font sizes: words farther than this from what they name have a line to it
CROWDED = 120.0  # the cost of a place that is worse than no words at all: more than lines that are crossed, and distance
SMALLER = 0.75  # of their size at a time: as small as names of axes are set
AROUND = [(0, 1), (0, -1), (1, 0), (-1, 0), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8)]  # where a label may stand


class Display:
    """The numbers of a picture. `plot` draws them and leaves `ax_` (an array of axes where there are several) and `figure_`."""

    ax_: Any
    figure_: Any

    def _keep(self, ax: Any, figure: Any) -> Any:
        keep_inside(np.ravel(ax))
        object.__setattr__(self, "ax_", ax)
        object.__setattr__(self, "figure_", figure)
        return self


def pyplot() -> Any:
    """matplotlib's, or an error that names the extra."""
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "matplotlib":
            raise
        raise ModuleNotFoundError(
            'Pictures need matplotlib, which is not installed: pip install "shrinkage[plots]"', name="matplotlib"
        ) from None
    return plt


def read_theme(theme: Any, background: Any) -> Theme:
    """By name; None goes by the background, whose colour matplotlib knows."""
    if theme is None:
        from matplotlib.colors import to_rgb

        return DARK if np.dot(to_rgb(background), (0.299, 0.587, 0.114)) < 0.5 else LIGHT
    if isinstance(theme, str) and theme in THEMES:
        return THEMES[theme]
    raise ParameterError(
        f"theme must be one of {', '.join(map(repr, THEMES))}, or None for that of the background; got {theme!r}."
    )


def canvases(ax: Any, theme: Any, panels: int = 1, size: tuple[float, float] = (8.0, 5.0)) -> list[Canvas]:
    """One canvas for each panel, side by side: in a new figure, or on the axes given."""
    plt = pyplot()
    if ax is None:
        theme = read_theme(theme, plt.rcParams["figure.facecolor"])
        figure = plt.figure(figsize=size, layout="constrained", facecolor=theme.paper)
        axes, font = np.ravel(figure.subplots(1, panels)), FONT
    else:
        axes, font = np.ravel(ax), float(plt.rcParams["font.size"])
        if len(axes) != panels:
            raise ParameterError(f"This picture has {counted(panels, 'panel')}: ax must hold as many axes; got {len(axes)}.")
        face = axes[0].get_facecolor()
        theme = read_theme(theme, face if face[3] > 0 else axes[0].figure.get_facecolor())
    return [Canvas(one, theme, font) for one in axes]


def canvas(ax: Any, theme: Any, size: tuple[float, float] = (8.0, 5.0)) -> Canvas:
    return canvases(ax, theme, 1, size)[0]


class Canvas:
    """Axes, dressed, and what is put on them in words."""

    def __init__(self, ax: Any, theme: Theme, font: float) -> None:
        self.ax, self.theme, self.font = ax, theme, font
        self._settled = False
        self._leaders: list[np.ndarray] = []  # along the lines from words to what they name, in pixels
        ax.set_facecolor(theme.paper)
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(theme.faint)
        ax.tick_params(colors=theme.soft, labelsize=0.9 * font, which="both")

    @property
    def figure(self) -> Any:
        return self.ax.figure

    def hue(self, k: int) -> str:
        return self.theme.hues[k % len(self.theme.hues)]

    def dash(self, k: int) -> Any:
        return DASHES[k // len(self.theme.hues) % len(DASHES)]

    def name(self, x: str, y: str, title: str = "") -> None:
        """The axes' words and the title's."""
        self._settled = False
        self.ax.set_xlabel(x, color=self.theme.ink, size=self.font)
        self.ax.set_ylabel(y, color=self.theme.ink, size=self.font)
        if title:
            self.ax.set_title(title, color=self.theme.ink, size=1.1 * self.font, loc="left", linespacing=1.25)

    def zero(self, vertical: bool = False) -> None:
        (self.ax.axvline if vertical else self.ax.axhline)(0, color=self.theme.soft, linewidth=0.9, zorder=1)

    def lines(self, x: Any, ys: Any) -> None:
        """Many faint lines, the rows of `ys`, as one thing to draw."""
        from matplotlib.collections import LineCollection

        if len(ys):
            pairs = np.stack([np.broadcast_to(x, ys.shape), ys], axis=-1)
            self.ax.add_collection(LineCollection(list(pairs), colors=self.theme.faint, linewidths=1.0, zorder=1.5))
            self.ax.autoscale_view()

    def top(self, x: Any, counts: Any, words: str) -> None:
        """Counts at some of the increasing x, on a second axis above."""
        self._settled = False
        ax = self.ax.secondary_xaxis("top")
        low, high = sorted(self.ax.get_xlim())
        picked: list[int] = []
        for k in np.flatnonzero((x >= low) & (x <= high)):  # the labels of two neighbours need some room
            if not picked or x[k] - x[picked[-1]] >= (high - low) / 8:
                picked.append(int(k))
        ax.set_xticks(np.asarray(x)[picked], [f"{counts[k]:.3g}" for k in picked])
        ax.tick_params(colors=self.theme.soft, labelsize=0.9 * self.font)
        ax.spines["top"].set_color(self.theme.faint)
        ax.set_xlabel(words, color=self.theme.soft, size=0.9 * self.font)

    def upright(self, x: float) -> list[tuple[float, float]]:
        """Points of a vertical line, for its words to stand at."""
        low, high = self.ax.get_ylim()
        return [(x, float(y)) for y in np.linspace(low, high, 9)]

    @property
    def rows(self) -> int:
        """How many lines of words the axes are high."""
        self._settle()
        return int(self.ax.get_window_extent().height / (LINE * self.font * self.figure.dpi / 72))

    def brief(self, words: str) -> str:
        """Words that stand beside the axes, of a width that leaves them room: too long a line is broken at its spaces, or cut in
        its middle, since names differ at their ends."""
        room = min(BESIDE[0] * self.figure.bbox.width, BESIDE[1] * self.font * self.figure.dpi / 72)
        return "\n".join(self._brief(line, room) for line in words.split("\n"))

    def _brief(self, line: str, room: float) -> str:
        text = self.figure.text(0, 0, line, size=self.font)
        wide = text.get_window_extent().width
        text.remove()
        if wide <= room or "$" in line:  # half a formula is none
            return line
        most = max(int(len(line) * room / wide), 5)
        first, *rest = textwrap.wrap(line, most, break_long_words=False, break_on_hyphens=False) or [""]
        return "\n".join(_cut(part, most) for part in (first, " ".join(rest)) if part)

    def ends(self, x: Any, y: Sequence[float], words: Sequence[str], colours: Sequence[str]) -> None:
        """Name lines where they end, at x (a number, or one for each line) and y; labels are moved apart, the least they can."""
        xs = np.broadcast_to(np.asarray(x, float), (len(y),))
        self._settle()
        words = [self.brief(text) for text in words]
        pixels = self.ax.transData.transform(np.column_stack([xs, np.asarray(y, float)]))[:, 1]
        scale = self.figure.dpi / 72
        spread = apart(pixels, np.array([LINE * self.font * scale * (1 + text.count("\n")) for text in words]))
        for xk, yk, text, colour, move in zip(xs, y, words, colours, (spread - pixels) / scale, strict=True):
            far = abs(move) > 0.35 * self.font
            line = {"arrowstyle": "-", "color": colour, "lw": 0.8, "alpha": 0.6, "shrinkA": 1, "shrinkB": 1}
            self.ax.annotate(
                text, (xk, yk), xytext=((1.6 if far else 0.6) * self.font, move), textcoords="offset points", va="center",
                color=colour, size=self.font, annotation_clip=False, arrowprops=line if far else None,
            )  # fmt: skip
        self._settled = False

    def tag(self, at: Any, words: str, colour: str, weight: str = "normal", spare: bool = False) -> Any:
        """Words beside a point of the axes, or beside one of several (k, 2): where they cover least, with a line from afar.
        `spare`: they are left out where every place is on other words or dots."""
        from matplotlib.transforms import Bbox

        style = {
            "textcoords": "offset points", "color": colour, "size": self.font, "weight": weight, "zorder": 8, "linespacing": 1.2,
            "path_effects": self._halo(),
        }  # fmt: skip
        points = np.reshape(np.asarray(at, float), (-1, 2))
        text = self.ax.annotate(words, points[0], xytext=(0, 0), **style)
        self._settle()
        taken = [box_of(other) for other in self.ax.texts if other is not text]
        ink, dots, frame = self._ink(), self._dots(), self.ax.get_window_extent()
        size, owns = np.array(box_of(text).size), self.ax.transData.transform(points)
        costs = []
        for k, reach, (dx, dy) in product(range(len(points)), (0.9, 2.0, 3.2, 4.6, 6.4, 8.5), AROUND):
            way = np.array([dx, dy])
            low = owns[k] + way * reach * self.font * self.figure.dpi / 72 - size * (1 - np.sign(way)) / 2
            box = Bbox([low, low + size])
            cost = self._cost(box, taken, ink, frame) + self._muddle(box, owns[k], taken, dots, reach > LED) + 4.0 * reach
            costs.append((cost, k, dx, dy, reach * self.font))
        cost, k, *place = min(costs)
        text.remove()
        if spare and cost > CROWDED:
            return None
        if place[2] > LED * self.font:
            style["arrowprops"] = {"arrowstyle": "-", "color": colour, "lw": 0.8, "alpha": 0.6, "shrinkA": 1, "shrinkB": 4}
        text = self.ax.annotate(words, tuple(points[k]), xytext=(0, 0), **style)
        self._stand(text, *place)
        if "arrowprops" in style:
            self._leaders.append(_leader(box_of(text), self.ax.transData.transform(text.xy)))
        return text

    def _halo(self) -> list[Any]:
        """A rim of the paper's colour, so that words are read across lines."""
        from matplotlib.patheffects import withStroke

        return [withStroke(linewidth=3.0, foreground=self.theme.paper, alpha=0.85)]

    def _stand(self, text: Any, dx: float, dy: float, reach: float) -> None:
        text.set_position((dx * reach, dy * reach))
        text.set(
            ha="center" if dx == 0 else "left" if dx > 0 else "right", va="center" if dy == 0 else "bottom" if dy > 0 else "top"
        )

    def _cost(self, box: Any, taken: list[Any], ink: np.ndarray, frame: Any) -> float:
        around = box.padded(0.5 * self.font * self.figure.dpi / 72, 3)  # of two names in a row more than a space
        box = box.padded(3)
        outside = max(frame.x0 - box.x0, 0) + max(box.x1 - frame.x1, 0) + max(frame.y0 - box.y0, 0) + max(box.y1 - frame.y1, 0)
        covered = np.sum((ink[:, 0] > box.x0) & (ink[:, 0] < box.x1) & (ink[:, 1] > box.y0) & (ink[:, 1] < box.y1))
        return 400.0 * sum(around.overlaps(other) for other in taken) + 25.0 * outside + min(float(covered), 60.0)

    def _muddle(self, box: Any, own: np.ndarray, taken: list[Any], dots: np.ndarray, led: bool) -> float:
        """Words on a dot, or nearer to another dot than to their own; a line to their own that runs through words or dots."""
        others = dots[np.hypot(*(dots[:, :2] - own).T) > 1]
        gap = _distance(box, others[:, :2]) - others[:, 2]
        cost = 100.0 * np.sum(gap < 2)
        if not led:
            return cost + 25.0 * bool(np.any(gap < 1.5 * _distance(box, own[None])))
        way = _leader(box, own)
        cost += 100.0 * any(np.any(_distance(other, way) == 0) for other in taken)
        return cost + 50.0 * sum(np.any(np.hypot(*(way - dot[:2]).T) < dot[2] + 2) for dot in others)

    def _dots(self) -> np.ndarray:
        """The markers, each its middle and its radius in pixels, (k, 3)."""
        found = [np.zeros((0, 3))]
        for line in self.ax.lines:
            if line.get_marker() not in (None, "None", "none", "", " "):
                middles = self.ax.transData.transform(line.get_xydata())
                found.append(np.column_stack([middles, np.full(len(middles), line.get_markersize() * self.figure.dpi / 144)]))
        return np.vstack(found)

    def _settle(self) -> None:
        """Let the figure find its layout, in which places are pixels; words inside the axes do not change it."""
        if not self._settled:
            self.figure.figure.draw_without_rendering()  # of a subfigure, the whole
            self._settled = True

    def _ink(self) -> np.ndarray:
        """Points of the figure along everything drawn, in pixels, some three apart."""
        paths = [line.get_path().transformed(line.get_transform()) for line in self.ax.lines if line.get_zorder() > 1]
        paths += [patch.get_path().transformed(patch.get_transform()) for patch in self.ax.patches]
        for group in self.ax.collections:
            paths += [path.transformed(group.get_transform()) for path in group.get_paths()[:400]]
        dots = [np.zeros((0, 2)), *self._leaders]
        for path in paths:
            v = path.vertices[np.all(np.isfinite(path.vertices), axis=1)]
            if len(v) < 2:
                dots.append(v)
                continue
            length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(v, axis=0).T))])
            at = np.linspace(0, length[-1], int(np.clip(length[-1] / 3, 2, 3000)))
            dots.append(np.column_stack([np.interp(at, length, v[:, 0]), np.interp(at, length, v[:, 1])]))
        return np.vstack(dots)


def keep_inside(axes: Any) -> None:
    """Titles and names of axes that would be cut at the figure's edge are set smaller, which can move the axes: twice."""
    if _set_smaller(axes):
        _set_smaller(axes)


def _set_smaller(axes: Any) -> bool:
    figure, any_was = axes[0].figure.figure, False
    figure.draw_without_rendering()
    edge = figure.bbox
    for ax in [one for outer in axes for one in (outer, *outer.child_axes)]:
        frame = ax.get_window_extent()
        x, y = (frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2
        for text, room, side in (
            (ax.xaxis.label, 2 * min(x - edge.x0, edge.x1 - x), "width"),
            (ax.yaxis.label, 2 * min(y - edge.y0, edge.y1 - y), "height"),
            (ax._left_title, edge.x1 - frame.x0, "width"),
        ):
            size = getattr(text.get_window_extent(), side)
            if size > room:
                text.set_size(text.get_size() * max(0.98 * room / size, SMALLER))
                any_was = True
    return any_was


def _cut(words: str, most: int) -> str:
    """At most so many characters, the middle left out."""
    return words if len(words) <= most else f"{words[: most - 1 - most // 3]}…{words[-(most // 3) :]}"


def _distance(box: Any, points: np.ndarray) -> np.ndarray:
    """From a box to points (k, 2): 0 inside."""
    out = np.maximum(np.maximum(box.min - points, points - box.max), 0)
    return np.asarray(np.hypot(out[:, 0], out[:, 1]))


def _leader(box: Any, to: np.ndarray) -> np.ndarray:
    """Points along the line from words to what they name, (k, 2), without its ends."""
    start = (box.min + box.max) / 2
    way = start + np.linspace(0, 1, 60)[:-1, None] * (to - start)
    return way[_distance(box, way) > 0]


def box_of(text: Any) -> Any:
    """Where the words of an annotation are, in pixels, without the line to what they name."""
    from matplotlib.text import Text

    text.get_window_extent()  # moves it to where it belongs
    return Text.get_window_extent(text)


def apart(at: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """The nearest places (least squares) for things of these heights that keep the order of `at` and do not overlap: pooled
    means."""
    order = np.argsort(at, kind="stable")
    tall = heights[order]
    offset = np.cumsum(tall) - tall / 2
    blocks: list[list[float]] = []  # [sum, count] of places less offset, pooled while they decrease
    for value in at[order] - offset:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    level = np.concatenate([np.zeros(0), *(np.full(int(count), total / count) for total, count in blocks)])
    out = np.empty(len(at))
    out[order] = level + offset
    return out
