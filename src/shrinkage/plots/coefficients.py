"""The coefficients by name, and what the penalty made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.plots import reading
from shrinkage.plots.reading import Array, Fit
from shrinkage.plots.style import Display, canvas
from shrinkage.plurals import counted


@dataclass(frozen=True, eq=False)
class CoefficientDisplay(Display):
    """Coefficients by name, the largest on top; hollow where exactly zero.

    **Attributes**: `names` (p,), `coefs` (p,) of the units `unit`, in the order of the model.
    """

    names: list[str]
    coefs: Array
    unit: str

    @classmethod
    def from_estimator(cls, estimator: Any, *, target: int = 0) -> CoefficientDisplay:
        """Of a fitted estimator, per standard deviation of each column."""
        record = reading.record_of(estimator, target)
        return cls(estimator._names(), record.standardized_coef, "per sd")

    @classmethod
    def from_fit(cls, fit: Any, sd: Any = None) -> CoefficientDisplay:
        """Of a `Solution`. `sd` (p,): the standard deviations of the columns; coefficients then count per sd."""
        coefs = np.asarray(fit.coef, np.float64)
        if sd is not None and np.shape(sd) != coefs.shape:
            raise ParameterError(
                f"sd must hold one number for each of {counted(len(coefs), 'column')}; got shape {np.shape(sd)}."
            )
        unit = "per unit" if sd is None else "per sd"
        return cls(reading.names_of(fit, len(coefs)), coefs if sd is None else coefs * np.asarray(sd, np.float64), unit)

    def plot(self, ax: Any = None, *, most: int = 25, theme: str | None = None) -> CoefficientDisplay:
        """Draw the `most` largest, on the axes given (fewer, where these are low) or on new ones; the title counts the others."""
        c = canvas(ax, theme, (8.0, 1.6 + 0.36 * max(min(most, len(self.coefs)), 4)))
        shown = reading.largest(self.coefs, most if ax is None else min(most, c.rows))
        values, rows = self.coefs[shown], np.arange(len(shown))
        kept = values != 0
        c.ax.hlines(rows[kept], 0, values[kept], color=c.hue(0), linewidth=2.4, zorder=2)
        c.ax.plot(values[kept], rows[kept], "o", markersize=9, color=c.hue(0), zorder=3)
        c.ax.plot(values[~kept], rows[~kept], "o", markersize=8, color=c.theme.soft, markerfacecolor=c.theme.paper, zorder=3)
        c.zero(vertical=True)
        c.ax.set_yticks(rows, [c.brief(self.names[j]) for j in shown])
        c.ax.tick_params(axis="y", length=0, labelcolor=c.theme.ink, labelsize=c.font)
        c.ax.set_ylim(len(shown) - 0.4, -0.6)
        c.ax.margins(x=0.12)
        c.name(f"coefficient, {self.unit}", "", self._title(len(shown)))
        return self._keep(c.ax, c.figure)

    def _title(self, shown: int) -> str:
        kept, p = int(np.count_nonzero(self.coefs)), len(self.coefs)
        rest = f"; the {shown} largest" if shown < p else ""
        return f"{kept} of {p} are not zero{rest}"


@dataclass(frozen=True, eq=False)
class ShrinkageMapDisplay(Display):
    """Each coefficient without a penalty, against the same with it: what lies on the diagonal was left alone, what lies on the
    axis was set to zero.

    **Attributes**: `names` (p,); `free`, `penalised` (p,), of the units `unit`.
    """

    names: list[str]
    free: Array
    penalised: Array
    unit: str

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, target: int = 0
    ) -> ShrinkageMapDisplay:
        """Of a fitted estimator and the data it was fitted to, per standard deviation of each column.

        **Raises** `ParameterError` where the loss alone has no single minimum (p >= n, separable classes, a loss with kinks).
        """
        fit = reading.of_estimator(estimator, X, y, sample_weight, offset, target)
        return cls._of(fit, reading.record_of(estimator, target).sd)

    @classmethod
    def from_fit(
        cls, fit: Any, X: Any, y: Any, *, weights: Any = None, offset: Any = None, intercept: bool = True,
        standardize: bool = False,
    ) -> ShrinkageMapDisplay:  # fmt: skip
        """Of a `Solution` and what `solve` was given, per standard deviation of each column."""
        found = reading.of_solution(fit, X, y, weights, offset, intercept, standardize)
        return cls._of(found, found.task.prepared()[1].sd)

    @classmethod
    def _of(cls, fit: Fit, sd: Array) -> ShrinkageMapDisplay:
        n, p = int(np.count_nonzero(fit.task.weights)), len(fit.coef)
        whole = fit.slice(range(p))
        least = whole.free_minimum() if n > p else None
        if least is None:
            raise ParameterError(
                f"The loss of {counted(n, 'row')} in {counted(p, 'coefficient')} has no single minimum without the penalty "
                "(or has kinks, where it is not looked for), so there is nothing to compare with."
            )
        return cls(fit.names, least * whole.scale * sd, fit.coef * sd, "per sd")

    def plot(self, ax: Any = None, *, labels: int = 10, theme: str | None = None) -> ShrinkageMapDisplay:
        """Draw; the `labels` that moved or matter most are named, where there is room for their names."""
        c = canvas(ax, theme, (7.4, 6.4))
        size = 1.15 * max(float(np.abs(self.free).max(initial=0.0)), float(np.abs(self.penalised).max(initial=0.0)), 1e-12)
        c.ax.plot([-size, size], [-size, size], color=c.theme.soft, linewidth=1.4, linestyle=(0, (5, 3)), zorder=1.5)
        c.ax.vlines(self.free, self.penalised, self.free, color=c.theme.faint, linewidth=2.0, zorder=1.4)
        c.zero()
        c.zero(vertical=True)
        kept = self.penalised != 0
        c.ax.plot(self.free[kept], self.penalised[kept], "o", markersize=8, color=c.hue(0), zorder=3)
        c.ax.plot(self.free[~kept], self.penalised[~kept], "D", markersize=7, color=c.hue(1), zorder=3)
        c.ax.set(xlim=(-size, size), ylim=(-size, size), aspect="equal")
        c.name(
            f"without a penalty, {self.unit}",
            f"with the penalty, {self.unit}",
            f"{int((~kept).sum())} of {len(kept)} are set to zero",
        )
        c.tag((-0.75 * size, -0.75 * size), "no shrinkage", c.theme.soft)
        for j in reading.largest(np.abs(self.free) + np.abs(self.penalised - self.free), min(labels, c.rows // 2)):
            c.tag(
                (float(self.free[j]), float(self.penalised[j])),
                c.brief(self.names[j]),
                c.hue(0) if kept[j] else c.hue(1),
                spare=True,
            )
        return self._keep(c.ax, c.figure)
