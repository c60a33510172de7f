"""How near its optimum every model of a path is, as proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.plots.reading import Array, minus_log, path_of
from shrinkage.plots.style import Display, canvas
from shrinkage.plurals import are, counted

ROUNDING = 1e-17  # what a gap of 0 is drawn at


@dataclass(frozen=True, eq=False)
class CertificateDisplay(Display):
    """The relative certificate of every model on a path, and the tolerance it must not exceed.

    **Attributes**: `alphas` (m,), `gaps` (m,), `holds` (m,) bool, `tol`, `kind` ("duality gap" or "violation"), `unit` in words.
    """

    alphas: Array
    gaps: Array
    holds: Array
    tol: float
    kind: str

    @classmethod
    def from_path(cls, path: Any) -> CertificateDisplay:
        """Of a `Path` or a `Choice`."""
        found = path_of(path)[0]
        return cls(found.alphas, found.gaps, np.array([bool(o) for o in found.outcomes]), found.tol, found.kinds[0])

    @classmethod
    def from_estimator(cls, estimator: Any) -> CertificateDisplay:
        """Of a fitted estimator that keeps its path (`path_`)."""
        return cls.from_path(estimator)

    @property
    def unit(self) -> str:
        return "of half the null deviance" if self.kind == "duality gap" else "of the null gradient"

    def plot(self, ax: Any = None, *, theme: str | None = None) -> CertificateDisplay:
        """Draw, on the axes given or on new ones."""
        c = canvas(ax, theme)
        at, gaps = minus_log(self.alphas), np.maximum(self.gaps, ROUNDING)
        colour, bad = c.hue(0), c.hue(1)
        c.ax.vlines(at, ROUNDING, gaps, color=c.theme.faint, linewidth=1.2, zorder=1)
        for which, hue, marker in ((self.holds, colour, "o"), (~self.holds, bad, "X")):
            c.ax.plot(
                at[which], gaps[which], linestyle="none", marker=marker, markersize=5 if marker == "o" else 8, color=hue, zorder=3
            )
        c.ax.axhline(self.tol, color=c.theme.ink, linewidth=1.4, linestyle=(0, (5, 3)), zorder=2)
        c.ax.set_yscale("log")
        c.ax.set_ylim(ROUNDING, 30 * max(self.tol, float(gaps.max(initial=0.0))))
        margin = 0.02 * max(float(np.ptp(at)), 1.0)
        c.ax.set_xlim(at[0] - margin, at[-1] + margin)
        held = int(self.holds.sum())
        c.name("-log(alpha): the penalty weakens to the right", f"relative {self.kind},\n{self.unit}",
               f"{held} of {counted(len(self.holds), 'model')} {are(held)} certified")  # fmt: skip
        c.ends(c.ax.get_xlim()[1], [self.tol], ["tolerance"], [c.theme.ink])
        worst = int(np.argmax(gaps))
        c.tag((float(at[worst]), float(gaps[worst])), f"worst: {self.gaps[worst]:.1e}", bad if not self.holds[worst] else colour)
        return self._keep(c.ax, c.figure)
