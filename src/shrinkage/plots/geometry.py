"""Where the contours of the loss meet the ball of the penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import geometry
from shrinkage.geometry import Slice
from shrinkage.plots import reading
from shrinkage.plots.reading import Array, Fit
from shrinkage.plots.style import Canvas, Display, canvas
from shrinkage.profiles import Profile

RINGS = (0.35, 0.7, 1.0, 1.35, 1.75, 2.2)  # distances from the least loss, those of the fit being 1
FINE, COARSE = 101, 61  # points of the grid a side: where the loss is quadratic, and where it is summed at each
ROOMY = 11  # lines of words: in lower axes the path is not named
DRAWN = 201  # of the grid that contours are drawn from, and half as many more about the least loss
FAR = 6.0  # times as far out as the fit, the least loss is left out of the frame, in which the ball would be a dot
REFITTED = 25  # where the others are fitted again at each
OTHERS = ("held", "profiled")


@dataclass(frozen=True, eq=False)
class GeometryDisplay(Display):
    """The loss in two coefficients, and the penalty's ball through the fit.

    The contour through the fit touches the ball there: at a corner where a coefficient is exactly zero. For MCP and SCAD, which
    are not convex, it is a level set. `others`: "held" at the fit, or "profiled", fitted again at each point together with their
    own penalty, which takes some 625 fits and a convex penalty. (Minimised over without their penalty nothing would touch.)
    `q` draws the level set of |u|**q + |v|**q through the fit beside the ball, for comparison: see `geometry.lq_ball`.

    **Attributes**, in the units the penalty acts in (`unit`: "per sd" of the columns for standardised fits, else "per unit")

    - `names` of the two; `at` (2,): the fit; `zero` (2,) bool: which are exactly zero.
    - `ball` (m, 2): the edge of {penalty <= its value at the fit}, closed; `formula`: it in words; `convex`.
    - `u`, `v` (g,): a grid; `loss` (g, g), its rows along v: the summed loss less that of the fit, with the penalty of the others
      where they are profiled; `levels`: of the contours, 0 among them.
    - `least` (2,): where that is least, or None; `gradient` (2,) of the loss at the fit, which is normal to both.
    - `trajectory` (m, 2): the two along the path of the whole problem, or None.
    - `q`, and `lq` (m, 2), the edge of {|u|**q + |v|**q <= its value at the fit}, closed; None where no q was asked for.
    """

    names: tuple[str, str]
    at: Array
    zero: Array
    ball: Array
    formula: str
    convex: bool
    u: Array
    v: Array
    loss: Array
    levels: Array
    least: Array | None
    gradient: Array
    trajectory: Array | None
    unit: str
    others: str
    q: float | None
    lq: Array | None

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, pair: Any = None, *, sample_weight: Any = None, offset: Any = None, target: int = 0,
        others: str = "held", q: float | None = None,
    ) -> GeometryDisplay:  # fmt: skip
        """Of a fitted estimator and the data it was fitted to. `pair`: two names or numbers; by default the two largest."""
        fit = reading.of_estimator(estimator, X, y, sample_weight, offset, target)
        return cls._of(fit, pair, getattr(estimator, "path_", None), others, q)

    @classmethod
    def from_fit(
        cls, fit: Any, X: Any, y: Any, pair: Any = None, *, path: Any = None, weights: Any = None, offset: Any = None,
        intercept: bool = True, standardize: bool = False, others: str = "held", q: float | None = None,
    ) -> GeometryDisplay:  # fmt: skip
        """Of a `Solution` and what `solve` was given; `path` adds the trajectory.

        **Raises** `DataError` where the solution is no fit of these data; `ParameterError` where its others cannot be profiled.
        """
        return cls._of(reading.of_solution(fit, X, y, weights, offset, intercept, standardize), pair, path, others, q)

    @classmethod
    def _of(cls, fit: Fit, pair: Any, path: Any, others: str, q: float | None) -> GeometryDisplay:
        chosen = _pair(fit, pair)
        surface = _surface(fit, chosen, others)
        plane = surface.plane if isinstance(surface, Profile) else surface
        least = surface.free_minimum()
        trail = None if path is None else geometry.trajectory(reading.path_of(path)[0], chosen, plane.scale)
        points = _landmarks(plane.at, least, trail)
        size = max(float(np.abs(points).max()), 1e-12)
        ball = geometry.ball(plane, 3 * size)
        low, high = _frame(np.vstack([points, ball[np.abs(ball).max(axis=1) < 2.5 * size]]))
        seen = _seen(least, low, high)
        count = REFITTED if surface is not plane else FINE if plane.loss.quadratic else COARSE
        u, v = np.linspace(low[0], high[0], count), np.linspace(low[1], high[1], count)
        loss = surface.loss_above(np.stack(np.meshgrid(u, v), axis=-1))
        return cls(
            (fit.names[chosen[0]], fit.names[chosen[1]]), plane.at, geometry.corner(plane), ball, _formula(plane),
            bool(plane.penalty.convex), u, v, loss, _levels(surface, seen, loss), least, plane.gradient, trail, fit.unit, others,
            q, None if q is None else geometry.lq_ball(plane.at, q),
        )  # fmt: skip

    @property
    def sentence(self) -> str:
        """What is seen, in words."""
        zeros = [name for name, zero in zip(self.names, self.zero, strict=True) if zero]
        if len(zeros) == 2:
            return "Both are exactly 0:\nthe ball has shrunk to a point"
        what = "ball" if self.convex else "level set"
        if zeros:
            return f"The contour meets a corner of the {what}:\n{zeros[0]} is exactly 0"
        return f"The contour touches a side of the {what}:\nneither is exactly 0"

    def plot(self, ax: Any = None, *, theme: str | None = None) -> GeometryDisplay:
        """Draw, on the axes given or on new ones."""
        c = canvas(ax, theme, (7.0, 6.4))
        loss, ball = c.hue(1), c.hue(0)
        c.ax.fill(*self.ball.T, facecolor=ball, alpha=0.16, linewidth=0, zorder=1.5)
        c.ax.plot(*self.ball.T, color=ball, linewidth=2.6, zorder=3, solid_joinstyle="miter")
        rings, surface = self.levels[self.levels != 0], self._smooth()
        c.ax.contour(*surface, levels=rings, colors=loss, linewidths=1.1, linestyles="solid", alpha=0.55, zorder=2)
        c.ax.contour(*surface, levels=[0.0], colors=loss, linewidths=2.6, linestyles="solid", zorder=3.5)
        if self.lq is not None:
            c.ax.plot(*self.lq.T, color=c.hue(3), linewidth=2.0, linestyle=(0, (2, 1.5)), zorder=3.2)
        c.zero()
        c.zero(vertical=True)
        if self.trajectory is not None:
            c.ax.plot(*self.trajectory.T, color=c.hue(2), linewidth=1.8, linestyle=(0, (4, 1.5)), zorder=4)
        if self.least is not None:
            c.ax.plot(*self.least, marker="+", markersize=13, markeredgewidth=2.4, color=loss, zorder=5)
        c.ax.plot(*self.at, marker="D" if self.zero.any() else "o", markersize=9, color=c.theme.ink, zorder=6)
        c.ax.set(xlim=self.u[[0, -1]], ylim=self.v[[0, -1]])
        if 0.2 < np.ptp(self.u) / np.ptp(self.v) < 5:
            c.ax.set_aspect("equal")
        c.name(f"u: {self.names[0]}, {self.unit}", f"v: {self.names[1]}, {self.unit}", self.sentence)
        self._words(c, loss, ball)
        return self._keep(c.ax, c.figure)

    def _smooth(self) -> tuple[Array, Array, Array]:
        """u, v and the loss on a grid that is fine enough to be drawn, by cubic splines; finer about the least loss, where the
        contours of a weak penalty are small. A loss with kinks, which has no `least`, is drawn as it is."""
        if (self.least is None and len(self.u) >= COARSE) or not np.all(np.isfinite(self.loss)):
            return self.u, self.v, self.loss
        from scipy.interpolate import RectBivariateSpline  # late: it is slow to import

        middle = self.at if self.least is None else self.least
        reach = RINGS[-1] * float(np.abs(self.at - middle).max())
        u, v = (
            np.unique([*np.linspace(x[0], x[-1], DRAWN), *np.clip(np.linspace(m - reach, m + reach, DRAWN // 2), x[0], x[-1])])
            for x, m in zip((self.u, self.v), middle, strict=True)
        )
        return u, v, RectBivariateSpline(self.v, self.u, self.loss)(v, u)

    def _words(self, c: Canvas, loss: str, ball: str) -> None:
        c.tag(tuple(self.at), "fit", c.theme.ink, weight="bold")
        low, high = np.array([self.u[0], self.v[0]]), np.array([self.u[-1], self.v[-1]])
        least = _seen(self.least, low, high)
        if least is not None:
            c.tag(tuple(least), f"least loss,\nothers {self.others}", loss)
        inside = self.ball[(np.abs(self.ball) < 0.98 * np.array([np.abs(self.u).max(), np.abs(self.v).max()])).all(axis=1)]
        if np.ptp(self.ball) > 0 and len(inside):
            sides = [np.argmin(inside @ np.array(way)) for way in ((0, 1), (1, 0), (0, -1), (1, 1))]
            c.tag(inside[sides], self.formula, ball)
        if self.lq is not None:
            sides = [np.argmin(self.lq @ np.array(way)) for way in ((0, 1), (1, 0), (0, -1))]
            c.tag(self.lq[sides], f"|u|^{self.q:g} + |v|^{self.q:g} ≤\nthat of the fit", c.hue(3))
        if self.trajectory is not None and c.rows >= ROOMY:
            trail = self.trajectory[((low <= self.trajectory) & (self.trajectory <= high)).all(axis=1)]
            lengths = np.hypot(*trail.T)
            spots = [int(np.argmin(np.abs(lengths - share * lengths.max()))) for share in (0.5, 0.3, 0.7, 1.0) if len(trail)]
            if spots:
                c.tag(trail[spots], "path over alpha", c.hue(2))


def _surface(fit: Fit, chosen: list[int], others: str) -> Slice | Profile:
    """The loss that is drawn."""
    if others not in OTHERS:
        raise reading.ParameterError(f"others must be one of {', '.join(map(repr, OTHERS))}; got {others!r}.")
    return fit.slice(chosen) if others == "held" else Profile.of(fit.task, fit.coef, fit.intercept, chosen)


def _pair(fit: Fit, pair: Any) -> list[int]:
    if pair is None:
        size = fit.coef if not fit.task.standardize else fit.coef / fit.task.prepared()[1].scale
        return [int(j) for j in reading.largest(size, 2)]
    if isinstance(pair, str) or len(pair) != 2:
        raise reading.ParameterError(f"pair must be two names or numbers of coefficients; got {pair!r}.")
    return [reading.find(fit.names, one) for one in pair]


def _landmarks(at: Array, least: Array | None, trail: Array | None) -> list[Array]:
    """What the frame must hold beside the ball: the fit, the axes, and the least loss with some room unless it is far out. The
    path is cut off at the frame, which it sizes only where nothing else does."""
    points = [at, np.zeros(2)]
    size = float(np.abs(at).max())
    if least is not None and (size == 0 or np.abs(least).max() <= FAR * size):
        points += [least, least + RINGS[0] * (least - at)]
    return points if trail is None or np.any(points) else [*points, *trail]


def _seen(point: Array | None, low: Array, high: Array) -> Array | None:
    """A point that lies within the frame, or None."""
    return None if point is None or np.any(point < low) or np.any(point > high) else point


def _frame(points: Array) -> tuple[Array, Array]:
    """(low, high), each (2,): around the points with a margin, and neither side less than six tenths of the other."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = 1.22 * np.maximum(half, 0.6 * half.max() or 1.0)
    return middle - half, middle + half


def _levels(surface: Slice | Profile, least: Array | None, loss: Array) -> Array:
    """Of the contours: rings about the least loss, the fit on one of them; where there is no least loss, quantiles."""
    depth = 0.0 if least is None else -float(surface.loss_above(least))
    if depth > 1e-9 * float(np.abs(loss).max()):
        return np.unique([depth * (ring**2 - 1) for ring in RINGS])
    return np.unique([0.0, *np.quantile(loss[np.isfinite(loss)], (0.1, 0.25, 0.5, 0.75))])


def _formula(plane: Slice) -> str:
    """The ball in symbols where it is a diamond or a circle, else in words."""
    twin = plane.penalty.twin(len(plane.coef))
    size = np.abs(plane.at)
    if twin is not None and twin.groups is None:
        l1, l2, low, high, slope, _, _ = twin.terms[:, plane.chosen]
        open_ended = np.all(np.isinf(low)) and np.all(np.isinf(high)) and not slope.any()
        if open_ended and l1[0] == l1[1] > 0 and not l2.any():
            return f"|u| + |v| ≤ {size.sum():.3g}"
        if open_ended and l2[0] == l2[1] > 0 and not l1.any():
            return f"u² + v² ≤ {np.sum(size**2):.3g}"
    return "penalty ≤\nthat of the fit"
