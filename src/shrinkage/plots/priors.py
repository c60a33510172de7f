"""What a penalty believes: its density, and its pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage import geometry
from shrinkage.errors import ParameterError
from shrinkage.plots import reading
from shrinkage.plots.reading import Array
from shrinkage.plots.style import Display, canvases

SHORT = 26  # characters of a penalty as it prints, to be its name


@dataclass(frozen=True, eq=False)
class PriorDisplay(Display):
    """Priors of one coefficient, densities on the left and their logs on the right: of Laplace a spike and two straight
    lines, of Normal a bell and a parabola. Two panels; `ax_` is an array of two axes.

    **Attributes**: `w` (m,); `log_densities` (k, m), normalised where `proper` (k,) says so, else 0 at their top; `names` (k,);
    `unit` of w in words.
    """

    w: Array
    log_densities: Array
    proper: Array
    names: list[str]
    unit: str = "coefficient"

    @classmethod
    def from_penalties(
        cls, *penalties: Any, names: Sequence[str] | None = None, coefficient: int = 0, p: int = 1, reach: float | None = None
    ) -> PriorDisplay:
        """Of penalties, as priors (exp(-P), P as it acts on the sum of the loss).

        `coefficient` of `p`: which one, where strengths differ or groups are named; the others of its group are at zero.
        `reach`: how far from zero to draw; by default as far as any density is within 7 nats of its top.
        """
        return cls._of(penalties, names, coefficient, p, reach, 1.0, "coefficient")

    @classmethod
    def from_estimator(cls, estimator: Any, coefficient: Any = 0, *, target: int = 0) -> PriorDisplay:
        """Of the prior that a fitted estimator's alpha amounts to, in the units the penalty acts in; without a stated sigma of
        squared error, under the sigma estimated from the residuals."""
        from shrinkage.estimators.prior import sigma_of

        record, names = reading.record_of(estimator, target), estimator._names()
        sigma = sigma_of(record).value
        j = reading.find(names, coefficient)
        unit = f"{names[j]}, {'per sd' if record.standardized else 'per unit'}"
        return cls._of([record.penalty], None, j, len(record.coef), None, 1.0 if sigma is None else sigma**2, unit)

    @classmethod
    def from_fit(cls, fit: Any, coefficient: Any = 0) -> PriorDisplay:
        """Of the prior of a `Solution`."""
        p = len(fit.coef)
        names = reading.names_of(fit, p)
        j = reading.find(names, coefficient)
        return cls._of([fit.penalty], None, j, p, None, 1.0, names[j])

    @classmethod
    def _of(
        cls, penalties: Sequence[Any], names: Any, j: int, p: int, reach: float | None, dispersion: float, unit: str
    ) -> PriorDisplay:  # fmt: skip
        if not penalties:
            raise ParameterError("Give at least one penalty.")
        if names is not None and len(names) != len(penalties):
            raise ParameterError(f"names must hold one name for each of {len(penalties)} penalties; got {len(names)}.")
        for penalty in penalties:
            penalty.check(p)
        logs = [_log_prior(penalty, j, p, dispersion) for penalty in penalties]
        spans = [geometry.support(f, start, 7.0) for f, start in logs]
        far = max((abs(end) for span in spans if span for end in span), default=0.0) if reach is None else float(reach)
        w = np.unique(np.concatenate([np.linspace(-1, 1, 801) * (far or 5.0), [0.0]]))
        rows, proper = [], []
        for f, start in logs:
            mass, known = geometry.log_mass(f, start)
            rows.append(f(w) - mass)
            proper.append(known)
        chosen = [prior_name(penalty, j, p, dispersion) for penalty in penalties] if names is None else [str(n) for n in names]
        return cls(w, np.array(rows), np.array(proper), chosen, unit)

    def plot(self, ax: Any = None, *, theme: str | None = None) -> PriorDisplay:
        """Draw two panels, on two axes given or on new ones."""
        left, right = canvases(ax, theme, 2, (12.0, 4.8))
        with np.errstate(under="ignore"):
            densities = np.exp(self.log_densities)
        for k in range(len(self.names)):
            style = {"color": left.hue(k), "linestyle": left.dash(k), "linewidth": 2.4, "zorder": 3}
            left.ax.plot(self.w, densities[k], **style)
            right.ax.plot(self.w, np.where(np.isfinite(self.log_densities[k]), self.log_densities[k], np.nan), **style)
        left.name(self.unit, "density")
        right.name(self.unit, "log density")
        left.ax.set_ylim(0, 1.08 * densities.max())
        finite = self.log_densities[np.isfinite(self.log_densities)]
        right.ax.set_ylim(max(finite.min(), finite.max() - 12) - 0.3, finite.max() + 0.6)
        for c in (left, right):
            c.ax.set_xlim(self.w[0], self.w[-1])
        words = [name if ok else f"{name}\n(improper)" for name, ok in zip(self.names, self.proper, strict=True)]
        last = [row[np.isfinite(row)][-1] for row in np.clip(self.log_densities, right.ax.get_ylim()[0], None)]
        right.ends(self.w[-1], [float(x) for x in last], words, [right.hue(k) for k in range(len(words))])
        return self._keep(np.array([left.ax, right.ax]), left.figure)


@dataclass(frozen=True, eq=False)
class GradientDisplay(Display):
    """How hard penalties pull at a coefficient, and where their pull alone takes it. Two panels; `ax_` is an array of two axes.

    L1 pulls by the same at every size, sign(w), and so reaches zero and stays; L2 pulls by w itself, ever less, and never does.

    **Attributes**

    - `w` (m,); `slopes` (k, m): the derivative of each penalty; `jumps` (k, 2): the ends of the subdifferential at zero.
    - `steps` (k, s + 1): a coefficient that starts at `start` after 0, 1, ..., s proximal steps of size `rate`; `names` (k,).
    """

    w: Array
    slopes: Array
    jumps: Array
    steps: Array
    rate: float
    names: list[str]

    @classmethod
    def from_penalties(
        cls, *penalties: Any, names: Sequence[str] | None = None, start: float = 1.0, rate: float = 0.1, steps: int = 20
    ) -> GradientDisplay:
        """Of separable penalties of one coefficient."""
        if not penalties or not all(hasattr(penalty, "subgradient") for penalty in penalties):
            raise ParameterError(f"Give one or more separable penalties, such as L1(1.0), L2(1.0), MCP(1.0); got {penalties!r}.")
        if names is not None and len(names) != len(penalties):
            raise ParameterError(f"names must hold one name for each of {len(penalties)} penalties; got {len(names)}.")
        half = np.linspace(0, 1.5 * abs(start), 301)[1:]
        w = np.concatenate([-half[::-1], half])
        slopes, jumps, walks = [], [], []
        for penalty in penalties:
            penalty.check(1)
            slopes.append([float(penalty.subgradient(np.array([x]))[0][0]) for x in w])
            jumps.append([float(end[0]) for end in penalty.subgradient(np.zeros(1))])
            walk = [np.array([float(start)])]
            for _ in range(steps):
                walk.append(np.asarray(penalty.prox(walk[-1], rate)))
            walks.append(np.concatenate(walk))
        known = [prior_name(penalty, 0, 1) for penalty in penalties] if names is None else [str(n) for n in names]
        return cls(w, np.array(slopes), np.array(jumps), np.array(walks), float(rate), known)

    def plot(self, ax: Any = None, *, theme: str | None = None) -> GradientDisplay:
        """Draw two panels, on two axes given or on new ones."""
        left, right = canvases(ax, theme, 2, (12.0, 4.8))
        half = len(self.w) // 2
        for k in range(len(self.names)):
            style = {"color": left.hue(k), "linestyle": left.dash(k), "linewidth": 2.4, "zorder": 3}
            slopes = np.where(np.isfinite(self.slopes[k]), self.slopes[k], np.nan)
            jump = np.where(np.isfinite(self.jumps[k]), self.jumps[k], np.nan)
            at = np.concatenate([self.w[:half], [0, 0], self.w[half:]])
            left.ax.plot(at, np.concatenate([slopes[:half], jump, slopes[half:]]), **style)
            right.ax.plot(self.steps[k], marker="o", markersize=4, **{**style, "linewidth": 1.4})
        for c in (left, right):
            c.zero()
        left.name("w", "pull: derivative of the penalty", "How hard it pulls")
        right.name(f"proximal step (of size {self.rate:g})", "w", "Where the pull alone takes w")
        left.ax.set_xlim(self.w[0], self.w[-1])
        right.ax.set_xlim(0, self.steps.shape[1] - 1)
        right.ax.xaxis.get_major_locator().set_params(integer=True)
        colours = [left.hue(k) for k in range(len(self.names))]
        ends = [row[np.isfinite(row)][-1] for row in self.slopes]
        left.ends(self.w[-1], [float(x) for x in ends], self.names, colours)
        words = [f"{name}: {'zero' if row[-1] == 0 else 'not zero'}" for name, row in zip(self.names, self.steps, strict=True)]
        right.ends(self.steps.shape[1] - 1, [float(x) for x in self.steps[:, -1]], words, colours)
        return self._keep(np.array([left.ax, right.ax]), left.figure)


def _log_prior(penalty: Any, j: int, p: int, dispersion: float) -> tuple[Any, float]:
    """(-P / dispersion as a function of one coefficient, where it is largest)."""
    zeros = np.zeros(p)

    def f(v: Array) -> Array:
        return -geometry.restricted(penalty, zeros, [j], v[:, None]) / dispersion

    return f, 0.0 if np.isfinite(f(np.zeros(1))[0]) else float(np.asarray(penalty.prox(zeros, 1e-12))[j])


def prior_name(penalty: Any, j: int = 0, p: int = 1, dispersion: float = 1.0) -> str:
    """The prior's name with its scale, where it has one; else how the penalty prints, where that is short and exact; else what
    kind it is."""
    twin, printed = penalty.twin(p), repr(penalty)
    if twin is None:
        return printed if len(printed) <= SHORT else type(getattr(penalty, "penalty", penalty)).__name__
    terms, group = twin.terms[:, j], None
    if twin.groups is not None and twin.groups[j] >= 0:
        group = _group_name(twin.group_terms[:, twin.groups[j]], dispersion)
    l1, l2, low, high, slope, _, _ = terms
    bounded = bool(np.isfinite(low) or np.isfinite(high))
    if group is None and (l1 or l2) and not (bounded or slope):
        return _density_name(l1, l2, dispersion)
    if dispersion == 1 and len(printed) <= SHORT:
        return printed
    parts = [_density_name(l1, l2, dispersion)] if l1 or l2 else []
    parts += [_concave_name(terms)] if slope else []
    parts += [group] if group else []
    return (" +\n".join(parts) or "flat") + (f"\non [{low:.3g}, {high:.3g}]" if bounded else "")


def _density_name(l1: float, l2: float, dispersion: float) -> str:
    laplace, normal = f"{dispersion / l1:.3g}" if l1 else "", f"{np.sqrt(dispersion / l2):.3g}" if l2 else ""
    if l1 and l2:
        return f"LaplaceNormal({laplace}, {normal})"
    return f"Laplace({laplace})" if l1 else f"Normal({normal})"


def _concave_name(terms: Array) -> str:
    fall, flat = terms[-2:]
    return f"{'SCAD' if fall else 'MCP'},\nflat beyond {flat:.3g}"


def _group_name(terms: Array, dispersion: float) -> str:
    l1, l2, _, _, slope, _, _ = terms
    if slope:
        return f"group {_concave_name(terms)}"
    kind = "elastic net" if l1 and l2 else "ridge" if l2 else "lasso"
    return f"group {kind}" + (f",\nscale {dispersion / l1:.3g}" if l1 and not l2 else "")
