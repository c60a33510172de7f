"""The error on rows a model has seen, beside that on rows it has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.plots.reading import Array, choice_of, minus_log
from shrinkage.plots.style import Display, canvas


@dataclass(frozen=True, eq=False)
class OverfittingDisplay(Display):
    """Training and held-out error over alpha: where they part, the model learns its rows by heart.

    **Attributes**

    - `alphas` (m,), decreasing; `train`, `held_out` (m,): means over the folds of the mean unit deviance (squared error: the
      mean square, in units of y squared); `se` (m,): the standard error of `held_out`, sd over folds / sqrt(folds).
    - `df` (m,): effective degrees of freedom; `index_min`, `index_1se`: the smallest held-out error, and the largest alpha
      within one standard error of it; `error`: what is measured, in words.
    """

    alphas: Array
    train: Array
    held_out: Array
    se: Array
    df: Array
    index_min: int
    index_1se: int
    error: str

    @classmethod
    def from_choice(cls, choice: Any) -> OverfittingDisplay:
        """Of what `sh.select` gave back, with folds.

        **Raises** `ParameterError` where no folds were run.
        """
        found = choice_of(choice)
        squared = found.path.loss.name == "squared_error"
        return cls(
            found.alphas, found.train_errors.mean(axis=1), found.mean, found.se, found.path.df, found.index_min, found.index_1se,
            "mean squared error" if squared else "mean deviance",
        )  # fmt: skip

    @classmethod
    def from_estimator(cls, estimator: Any) -> OverfittingDisplay:
        """Of a fitted estimator that keeps its cross-validation (`choice_`)."""
        return cls.from_choice(estimator)

    def plot(self, ax: Any = None, *, theme: str | None = None) -> OverfittingDisplay:
        """Draw, on the axes given or on new ones."""
        c = canvas(ax, theme)
        at, train, held = minus_log(self.alphas), c.hue(1), c.hue(0)
        c.ax.fill_between(at, self.held_out - self.se, self.held_out + self.se, color=held, alpha=0.18, linewidth=0, zorder=1)
        c.ax.plot(at, self.held_out, color=held, linewidth=2.4, zorder=3)
        c.ax.plot(at, self.train, color=train, linewidth=2.4, linestyle=(0, (6, 2)), zorder=3)
        c.name("-log(alpha): the penalty weakens to the right", self.error, self.sentence)
        c.ax.set_xlim(at[0], at[-1] if len(at) > 1 else at[0] + 1)
        low, high = c.ax.get_ylim()
        c.ax.set_ylim(low - 0.1 * (high - low), high)
        c.top(at, self.df, "effective degrees of freedom")
        c.ends(at[-1], [self.held_out[-1], self.train[-1]], ["held out\n± 1 se", "training"], [held, train])
        marks = {self.index_1se: "1 se", self.index_min: "min"}
        if self.index_min == self.index_1se:
            marks = {self.index_min: "min = 1 se"}
        for k, words in marks.items():
            c.ax.axvline(at[k], color=c.theme.soft, linestyle=(0, (5, 3)), linewidth=1.3, zorder=1.2)
            c.ax.plot(at[k], self.held_out[k], marker="o", markersize=7, color=held, zorder=4)
            c.tag(c.upright(at[k]), words, c.theme.ink)
        return self._keep(c.ax, c.figure)

    @property
    def sentence(self) -> str:
        """The alphas that are marked."""
        low, one = (f"{self.alphas[k]:.3g}" for k in (self.index_min, self.index_1se))
        return f"Least held-out error at alpha = {low};\nwithin one standard error of it: {one}"

    @property
    def gap(self) -> Array:
        """Held-out less training error, (m,)."""
        return np.asarray(self.held_out - self.train)
