"""Are the predictions right on average, and what is left of the target?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import DataError, ParameterError
from shrinkage.inputs import read_vector, read_weights
from shrinkage.plots import reading
from shrinkage.plots.reading import Array
from shrinkage.plots.style import Display, canvas, canvases


@dataclass(frozen=True, eq=False)
class CalibrationDisplay(Display):
    """Rows with like predictions, in groups of like weight: their mean target against their mean prediction.

    For classes the target is 0 or 1, so that these are the observed and the predicted share of `classes_[1]`.

    **Attributes**, each (bins,): `predicted`, `observed`: weighted means; `se`: the standard error of `observed`, from the spread
    within the group; `weight`. `target` in words.
    """

    predicted: Array
    observed: Array
    se: Array
    weight: Array
    target: str = "target"

    @classmethod
    def from_predictions(
        cls, y: Any, predicted: Any, *, weights: Any = None, bins: int = 10, target: str = "target"
    ) -> CalibrationDisplay:  # fmt: skip
        """Of targets (n,) (classes as 0 and 1) and predicted means (n,)."""
        y, predicted, weights = _read(y, predicted, weights)
        if not isinstance(bins, int | np.integer) or isinstance(bins, bool) or bins < 1:
            raise ParameterError(f"bins must be an integer >= 1; got {bins!r}.")
        order = np.argsort(predicted, kind="stable")
        order = order[weights[order] > 0]
        share = np.cumsum(weights[order]) - weights[order] / 2
        bin_of = np.minimum((share / weights.sum() * bins).astype(int), bins - 1)
        edges = predicted[order]
        bin_of = bin_of[np.searchsorted(edges, edges, side="left")]  # equal predictions belong together
        groups = [order[bin_of == k] for k in np.unique(bin_of)]
        means = [np.average(np.column_stack([predicted, y])[rows], axis=0, weights=weights[rows]) for rows in groups]
        spread = [np.average((y[rows] - mean[1]) ** 2, weights=weights[rows]) for rows, mean in zip(groups, means, strict=True)]
        count = np.array([len(rows) for rows in groups])
        table = np.array(means)
        se = np.sqrt(np.array(spread) / np.maximum(count - 1, 1))
        return cls(table[:, 0], table[:, 1], se, np.array([weights[rows].sum() for rows in groups]), target)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, bins: int = 10
    ) -> CalibrationDisplay:  # fmt: skip
        """Of a fitted estimator with one target, on any rows; on the rows it was fitted to it looks better than it is."""
        reading.record_of(estimator)
        classes = getattr(estimator, "classes_", None)
        target = "target" if classes is None else f"share of {classes.tolist()[1]!r}"
        mean = estimator._mean(X, offset)
        return cls.from_predictions(estimator._observed(y), mean, weights=sample_weight, bins=bins, target=target)

    @classmethod
    def from_fit(cls, fit: Any, X: Any, y: Any, *, weights: Any = None, offset: Any = None, bins: int = 10) -> CalibrationDisplay:
        """Of a `Solution`, on any rows."""
        return cls.from_predictions(y, fit.predict(X, offset), weights=weights, bins=bins)

    def plot(self, ax: Any = None, *, theme: str | None = None) -> CalibrationDisplay:
        """Draw, on the axes given or on new ones."""
        c = canvas(ax, theme, (7.0, 6.0))
        every = np.concatenate([self.predicted, self.observed - self.se, self.observed + self.se])
        low, high = float(every.min()), float(every.max())
        margin = 0.06 * ((high - low) or 1.0)
        ends = (low - margin, high + margin)
        c.ax.plot(ends, ends, color=c.theme.soft, linewidth=1.4, linestyle=(0, (5, 3)), zorder=1.5)
        c.ax.errorbar(self.predicted, self.observed, 2 * self.se, fmt="o", markersize=8, color=c.hue(0), linewidth=2, zorder=3)
        c.ax.set(xlim=ends, ylim=ends, aspect="equal")
        c.name(f"predicted {self.target}", f"observed {self.target}", "Mean of like rows, ± 2 standard errors")
        c.tag((low + 0.85 * (high - low), low + 0.85 * (high - low)), "as predicted", c.theme.soft)
        return self._keep(c.ax, c.figure)


@dataclass(frozen=True, eq=False)
class ResidualDisplay(Display):
    """Residuals against the prediction, and how often which size occurs. Two panels; `ax_` is an array of two axes.

    **Attributes**, each (n,), rows of weight zero left out: `predicted`, `residual` (target less prediction), `weights`; `mean`
    and `sd` of the residuals, weighted.
    """

    predicted: Array
    residual: Array
    weights: Array

    @classmethod
    def from_predictions(cls, y: Any, predicted: Any, *, weights: Any = None) -> ResidualDisplay:
        """Of targets (n,) and predicted means (n,)."""
        y, predicted, weights = _read(y, predicted, weights)
        used = weights > 0
        return cls(predicted[used], (y - predicted)[used], weights[used])

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None) -> ResidualDisplay:
        """Of a fitted estimator with one target, on any rows."""
        reading.record_of(estimator)
        return cls.from_predictions(estimator._observed(y), estimator._mean(X, offset), weights=sample_weight)

    @classmethod
    def from_fit(cls, fit: Any, X: Any, y: Any, *, weights: Any = None, offset: Any = None) -> ResidualDisplay:
        """Of a `Solution`, on any rows."""
        return cls.from_predictions(y, fit.predict(X, offset), weights=weights)

    @property
    def mean(self) -> float:
        return float(np.average(self.residual, weights=self.weights))

    @property
    def _shown_mean(self) -> float:
        """The mean, without what is nothing but rounding."""
        return self.mean if abs(self.mean) > 1e-6 * np.abs(self.residual).max() else 0.0

    @property
    def sd(self) -> float:
        return float(np.sqrt(np.average((self.residual - self.mean) ** 2, weights=self.weights)))

    def plot(self, ax: Any = None, *, theme: str | None = None) -> ResidualDisplay:
        """Draw two panels, on two axes given or on new ones."""
        left, right = canvases(ax, theme, 2, (12.0, 5.0))
        left.ax.plot(self.predicted, self.residual, "o", markersize=5, alpha=0.55, markeredgewidth=0, color=left.hue(0), zorder=2)
        left.zero()
        groups = CalibrationDisplay.from_predictions(self.residual + self.predicted, self.predicted, weights=self.weights)
        left.ax.plot(groups.predicted, groups.observed - groups.predicted, color=left.hue(1), linewidth=2.6, zorder=4)
        left.name("predicted", "residual: target less prediction")
        margin = 0.03 * float(np.ptp(self.predicted)) or 0.5
        left.ax.set_xlim(self.predicted.min() - margin, self.predicted.max() + margin)
        left.ends(left.ax.get_xlim()[1], [float((groups.observed - groups.predicted)[-1])], ["mean of\nlike rows"], [left.hue(1)])
        bins = min(40, max(8, int(np.sqrt(len(self.residual)))))
        right.ax.hist(self.residual, bins, weights=self.weights, density=True, color=right.hue(0), alpha=0.45, zorder=1.5)
        right.name("residual", "density", f"mean {self._shown_mean:.3g}, sd {self.sd:.3g}")
        if self.sd > 0:
            z = np.linspace(-3.5, 3.5, 201)
            curve = np.exp(-(z**2) / 2) / (self.sd * np.sqrt(2 * np.pi))
            right.ax.plot(self.mean + self.sd * z, curve, color=right.hue(1), linewidth=2.4, zorder=3)
            right.tag(
                (self.mean + 1.2 * self.sd, float(curve[int(np.searchsorted(z, 1.2))])), "normal of the\nsame sd", right.hue(1)
            )
        return self._keep(np.array([left.ax, right.ax]), left.figure)


def _read(y: Any, predicted: Any, weights: Any) -> tuple[Array, Array, Array]:
    if np.ndim(predicted) != 1:
        raise DataError(f"Predictions of one target are needed, (n,); got shape {np.shape(predicted)}.")
    predicted = read_vector(predicted, "predicted")
    return read_vector(y, "y", len(predicted)), predicted, read_weights(weights, len(predicted))
