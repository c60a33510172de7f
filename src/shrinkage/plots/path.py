"""Every coefficient as the penalty weakens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import geometry
from shrinkage.errors import ParameterError
from shrinkage.plots.reading import Array, largest, minus_log, path_of, record_of
from shrinkage.plots.style import Display, canvas
from shrinkage.plurals import counted

ALONG = {
    "alpha": "-log(alpha): the penalty weakens to the right",
    "norm": "size of the coefficients, as the penalty counts",
    "deviance": "share of the deviance explained",
}


@dataclass(frozen=True, eq=False)
class CoefficientPathDisplay(Display):
    """The coefficients of a path, named where they end, with the number that are not zero on top.

    **Attributes**

    - `alphas` (m,), decreasing; `coefs` (p, m), of the units `unit`; `names` (p,); `nonzero` (m,).
    - `norms` (m,): the penalty's value at alpha = 1, the t of the hard constraint, for convex penalties; else the sum of |coef|.
    - `deviance_explained` (m,); `chosen`: the alpha that cross-validation or a criterion chose, or None.
    """

    alphas: Array
    coefs: Array
    names: list[str]
    nonzero: Array
    norms: Array
    deviance_explained: Array
    unit: str
    chosen: float | None = None

    @classmethod
    def from_path(cls, path: Any, sd: Any = None) -> CoefficientPathDisplay:
        """Of a `Path` or a `Choice`. `sd` (p,): the standard deviations of the columns, where the path is standardised; the
        coefficients then count per sd, as the penalty has them."""
        found, names, known = path_of(path)
        scale = known if sd is None else np.asarray(sd, np.float64)
        coefs = found.coefs.astype(np.float64)
        if scale is not None and np.shape(scale) != (len(coefs),):
            raise ParameterError(
                f"sd must hold one number for each of {counted(len(coefs), 'column')}; got shape {np.shape(scale)}."
            )
        if scale is not None:
            coefs = coefs * scale[:, None]
        standardized = record_of(path).standardized if hasattr(path, "_records") else scale is not None
        units = 1 / scale if standardized and scale is not None else 1.0
        norms = geometry.sizes(found, units) if found.penalty.convex else np.abs(coefs).sum(axis=0)
        chosen = getattr(path, "choice_", path)
        alpha = float(chosen.alpha) if hasattr(chosen, "alpha") else None
        unit = "per unit" if scale is None else "per sd"
        return cls(
            found.alphas, coefs, names, np.count_nonzero(coefs, axis=0), norms, found.deviance_explained, unit, alpha
        )  # fmt: skip

    @classmethod
    def from_estimator(cls, estimator: Any) -> CoefficientPathDisplay:
        """Of a fitted estimator that keeps its path (`path_`); coefficients per standard deviation of their columns."""
        return cls.from_path(estimator)

    def along(self, x: str) -> Array:
        """The positions (m,) on the axis `x`: "alpha" (that is -log alpha), "norm" or "deviance"."""
        if x not in ALONG:
            raise ParameterError(f"x must be one of {', '.join(map(repr, ALONG))}; got {x!r}.")
        return {"alpha": minus_log(self.alphas), "norm": self.norms, "deviance": self.deviance_explained}[x]

    def plot(self, ax: Any = None, *, x: str = "alpha", labels: int = 12, theme: str | None = None) -> CoefficientPathDisplay:
        """Draw. `x`: "alpha", "norm" or "deviance"; `labels`: how many of the largest are coloured and named; fewer in axes
        that are too small for so many."""
        at = self.along(x)
        c = canvas(ax, theme)
        labels = min(labels, c.rows)
        last = self.coefs[:, -1]
        ever = np.abs(self.coefs).max(axis=1)
        shown = [int(j) for j in largest(np.where(last != 0, np.abs(last), 0.0) + 1e-9 * ever, labels) if ever[j] > 0]
        c.lines(at, self.coefs[np.setdiff1d(np.flatnonzero(ever), shown)])
        for k, j in enumerate(shown):
            c.ax.plot(at, self.coefs[j], color=c.hue(k), linestyle=c.dash(k), linewidth=2.0, zorder=3)
        c.zero()
        c.name(ALONG[x], f"coefficient, {self.unit}")
        low, high = float(at.min()), float(at.max())
        c.ax.set_xlim(low, high if high > low else low + 1)
        if self.chosen is not None:
            here = float(np.interp(-self.chosen, -self.alphas, at))
            c.ax.axvline(here, color=c.theme.soft, linestyle=(0, (5, 3)), linewidth=1.4, zorder=1.2)
        c.top(at, self.nonzero, "coefficients that are not zero")
        c.ends(
            c.ax.get_xlim()[1],
            [float(last[j]) for j in shown],
            [self.names[j] for j in shown],
            [c.hue(k) for k in range(len(shown))],
        )
        if self.chosen is not None:
            c.tag(c.upright(here), f"chosen:\nalpha = {self.chosen:.3g}", c.theme.soft)
        return self._keep(c.ax, c.figure)
