"""Prior times likelihood, in one coefficient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import geometry
from shrinkage.geometry import Conditional
from shrinkage.plots import reading
from shrinkage.plots.reading import Fit
from shrinkage.plots.style import Display, canvas


@dataclass(frozen=True, eq=False)
class PosteriorDisplay(Display):
    """Prior, likelihood and posterior of one coefficient, the others held at the fit.

    The fit is the posterior's mode. Where it is exactly zero, that is a statement about the mode: the mean is elsewhere, and
    the probability of zero itself is zero.

    **Attributes**: `name` and `unit` of the coefficient; `conditional`: the numbers, a `shrinkage.geometry.Conditional`.
    """

    name: str
    unit: str
    conditional: Conditional

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, coefficient: Any, *, sample_weight: Any = None, offset: Any = None, target: int = 0
    ) -> PosteriorDisplay:
        """Of a fitted estimator, the data it was fitted to, and a coefficient by name or number. Squared error without a stated
        sigma takes the sigma estimated from the residuals."""
        return cls._of(reading.of_estimator(estimator, X, y, sample_weight, offset, target), coefficient)

    @classmethod
    def from_fit(
        cls, fit: Any, X: Any, y: Any, coefficient: Any, *, weights: Any = None, offset: Any = None, intercept: bool = True,
        standardize: bool = False,
    ) -> PosteriorDisplay:  # fmt: skip
        """Of a `Solution` and what `solve` was given.

        **Raises** `DataError` where the solution is no fit of these data; `ParameterError` where the posterior has no integral.
        """
        return cls._of(reading.of_solution(fit, X, y, weights, offset, intercept, standardize), coefficient)

    @classmethod
    def _of(cls, fit: Fit, coefficient: Any) -> PosteriorDisplay:
        j = reading.find(fit.names, coefficient)
        return cls(fit.names[j], fit.unit, geometry.conditional(fit.slice([j]), fit.dispersion))

    @property
    def sentence(self) -> str:
        """What is seen, in words."""
        found = self.conditional
        if found.mode == 0:
            return f"{self.name}: zero is the mode, not the mean.\nIts probability of being exactly zero is 0"
        return f"{self.name}: the fit is the mode\nof prior times likelihood"

    def plot(self, ax: Any = None, *, theme: str | None = None) -> PosteriorDisplay:
        """Draw, on the axes given or on new ones."""
        c, found = canvas(ax, theme), self.conditional
        v = found.grid
        curves = {
            "prior": (found.log_prior, 3, found.prior_is_proper),
            "likelihood": (found.log_likelihood, 1, found.likelihood_is_proper),
            "posterior": (found.log_posterior, 0, True),
        }
        with np.errstate(under="ignore"):
            densities = {name: np.exp(log) for name, (log, _, _) in curves.items()}
        top = 1.15 * max(densities["posterior"].max(), densities["likelihood"].max())
        for name, (_, hue, proper) in curves.items():
            d = densities[name] if proper else densities[name] * 0.5 * top
            c.ax.plot(
                v, d, color=c.hue(hue), linewidth=2.4, linestyle=c.dash({"prior": 12, "likelihood": 6}.get(name, 0)), zorder=3
            )
            densities[name] = d
        c.ax.fill_between(v, densities["posterior"], color=c.hue(0), alpha=0.16, linewidth=0, zorder=1)
        c.ax.set_ylim(0, top)
        c.ax.set_xlim(v[0], v[-1])
        c.name(f"coefficient of {self.name}, {self.unit}, the others held at the fit", "density", self.sentence)
        for at, dash in ((found.mode, "solid"), (found.mean, (0, (3, 2)))):
            height = float(np.exp(np.interp(at, v, found.log_posterior)))
            c.ax.plot([at, at], [0, height], color=c.theme.ink, linewidth=1.8, linestyle=dash, zorder=4)
            c.ax.plot(at, height, marker="o", markersize=7, color=c.theme.ink, zorder=5)
        same = abs(found.mode - found.mean) < 0.03 * found.sd
        for words, at in (("mode and mean", found.mode),) if same else (("mode", found.mode), ("mean", found.mean)):
            height = float(np.exp(np.interp(at, v, found.log_posterior)))
            c.tag((at, height), f"{words} {at:.3g}", c.theme.ink, weight="bold")
        for name, (_, hue, _) in curves.items():
            k = _where(v, densities, name, top)
            words = name if curves[name][2] else f"{name} (improper)"
            c.tag(np.column_stack([v[k], densities[name][k]]), words, c.hue(hue))
        return self._keep(c.ax, c.figure)


def _where(v, densities, name: str, top: float) -> list[int]:
    """The point of a curve inside the frame that is high, and far from the others; of one that another covers, both flanks."""
    here = np.minimum(densities[name], top)
    others = [np.minimum(d, top) for other, d in densities.items() if other != name]
    apart = np.min([np.abs(here - other) for other in others], axis=0)
    inside = (densities[name] < 0.95 * top) & (v > v[0] + 0.08 * np.ptp(v)) & (v < v[-1] - 0.08 * np.ptp(v))
    score = np.where(inside, np.minimum(apart, here), -1.0)
    if score.max() > 0.05 * top:
        return [int(np.argmax(score))]
    peak = int(np.argmax(here))
    half = np.abs(here - here[peak] / 2)
    return [int(np.argmin(half[: peak + 1])), peak + int(np.argmin(half[peak:]))]
