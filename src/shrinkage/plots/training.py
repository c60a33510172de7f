"""A network's training: objective, zeros and violation after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.plots.reading import Array
from shrinkage.plots.style import Canvas, Display, canvases

PANELS = ("objective", "zeros", "violation")


@dataclass(frozen=True, eq=False)
class TrainingDisplay(Display):
    """What `shrinkage.torch.Monitor` recorded. Three panels; `ax_` is an array of three axes.

    **Attributes**, each (epochs recorded,): `epochs`; `objective`, of which `loss` and `penalty` are the parts; `zeros`, the
    share of the penalised coefficients that is exactly zero; `violation` of the optimality conditions.
    """

    epochs: Array
    objective: Array
    loss: Array
    penalty: Array
    zeros: Array
    violation: Array

    @classmethod
    def from_monitor(cls, monitor: Any) -> TrainingDisplay:
        """Of a monitor, or of its rows."""
        rows = getattr(monitor, "rows", monitor)
        columns = [
            [getattr(row, name) for row in rows] for name in ("epoch", "objective", "loss", "penalty", "zeros", "violation")
        ]
        return cls(*(np.array(column) for column in columns))

    def plot(self, ax: Any = None, *, theme: str | None = None) -> TrainingDisplay:
        """Draw three panels, on three axes given or on new ones."""
        panels = canvases(ax, theme, 3, (13.0, 4.2))
        for c, name in zip(panels, PANELS, strict=True):
            c.ax.plot(self.epochs, getattr(self, name), color=c.hue(0), linewidth=2.2, zorder=3)
            c.ax.xaxis.get_major_locator().set_params(integer=True)
        self._parts(panels[0])
        panels[0].name("epoch", "objective = loss + penalty")
        panels[1].name("epoch", "share of coefficients that are zero")
        panels[1].ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        panels[2].name("epoch", "violation of the optimality conditions")
        if np.any(self.violation > 0):
            panels[2].ax.set_yscale("log")
        return self._keep(np.array([c.ax for c in panels]), panels[0].figure)

    def _parts(self, c: Canvas) -> None:
        """Loss and penalty below their sum."""
        for k, name in ((1, "loss"), (2, "penalty")):
            c.ax.plot(self.epochs, getattr(self, name), color=c.hue(k), linewidth=1.6, linestyle=c.dash(6 * k), zorder=2.5)
        if len(self.epochs):
            last = [float(values[-1]) for values in (self.objective, self.loss, self.penalty)]
            c.ends(float(self.epochs[-1]), last, ["objective", "loss", "penalty"], [c.hue(k) for k in range(3)])
