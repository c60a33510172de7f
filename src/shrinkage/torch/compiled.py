"""The proximal step of a parameter on a CPU by compiled loops: one pass over weights and moments, and no temporaries.

For terms of one strength each and convex norms of groups, under the metrics that have a `Rule`.
updates.py and groups.py are the slow twins, which serve everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage import _core, threads
from shrinkage.penalties import Penalty
from shrinkage.penalties.calculus import Sum
from shrinkage.penalties.elementary import Elementary
from shrinkage.penalties.terms import NAMES, Terms
from shrinkage.torch.groups import Groups
from shrinkage.torch.layouts import Axes
from shrinkage.torch.metrics import TILE, Factored, Group, Metric, Part, Rule, State
from shrinkage.torch.penalties import Entry

TOGETHER = 16  # columns that are copied together, which is what one line of a cache holds


@dataclass(frozen=True)
class Recipe:
    """l1 |w| + l2 w^2 / 2 + C(|w|) on [low, high] (C: slope, fall, flat, as in `Terms`); `group` times the norms of groups."""

    l1: float = 0.0
    l2: float = 0.0
    low: float = -inf
    high: float = inf
    slope: float = 0.0
    fall: float = inf
    flat: float = inf
    group: float = 0.0
    axes: Axes | None = None

    def numbers(self, factor: float) -> tuple[float, ...]:
        """Of factor times this penalty, as the loops read them."""
        bounds, knots = (self.low, self.high), (factor * self.slope, self.fall, self.flat)
        return (factor * self.l1, factor * self.l2, *bounds, *knots, factor * self.group)


def recipe(entry: Entry) -> Recipe | None:
    """What the loops need to know of a penalty; None where they do not do it."""
    return None if entry.padding is not None else _recipe(entry.penalty, tuple(entry.parameter.shape))


def _recipe(penalty: Penalty | None, shape: tuple[int, ...]) -> Recipe | None:
    match penalty:
        case Elementary(terms=t) if _numbers(t) and not (t.concave and t.bounded):
            return Recipe(**{name: float(getattr(t, name)) for name in NAMES})  # type: ignore[arg-type]
        case Groups() if _convex(penalty.inner.terms) and isinstance(axes := penalty._split(shape), Axes):
            factor, t = penalty._factor(axes), penalty.inner.terms
            return Recipe(l2=factor * float(t.l2), group=factor * float(t.l1), axes=axes if t.l1 else None)
        case Sum(plain, other) if _convex(plain.terms) and not plain.terms.bounded and (inner := _recipe(other, shape)):
            return replace(inner, l1=float(plain.terms.l1), l2=float(plain.terms.l2) + inner.l2)
    return None


def _numbers(t: Terms) -> bool:
    return all(np.ndim(getattr(t, name)) == 0 for name in NAMES)


def _convex(t: Terms) -> bool:
    return _numbers(t) and not t.concave


def shrink(recipe: Recipe, metric: Metric, group: Group, state: State, parameter: nn.Parameter, factor: Any) -> bool:
    """Take the step, and say so; False where the parameter or the metric is not of the kind."""
    if metric.rule is None or not _dense(parameter) or (metric.whole and recipe.axes is not None):
        return False
    rule = metric.rule(group, state, float(state.get("step", 0.0)))
    if rule is None or not all(_dense(x) and x.dtype == parameter.dtype for x in _held(rule)):
        return False
    if rule.rate > 0 and factor > 0:
        _all(recipe, parameter.detach(), rule, recipe.numbers(float(factor)))
    return True


def _dense(x: Tensor) -> bool:
    return type(x) in (nn.Parameter, Tensor) and x.is_cpu and x.dtype in (torch.float32, torch.float64) and x.is_contiguous()


def _all(recipe: Recipe, w: Tensor, rule: Rule, numbers: tuple[float, ...]) -> None:
    """All coefficients: those that have had a gradient, then, if there are any, the others in the tensor's smallest step."""
    loop = _coefficients if recipe.axes is None else partial(_groups, recipe.axes)
    steps = (float(rule.rate), float(rule.floor), rule.least)
    if loop(w, rule, (*steps, 0.0, *numbers), True) and (still := rule.smallest()) > 0:
        loop(w, rule, (*steps, still, *numbers), False)


def _held(rule: Rule) -> list[Tensor]:
    moment = [rule.moment.rows, rule.moment.columns] if isinstance(rule.moment, Factored) else [rule.moment]
    return [x for x in (*moment, rule.beside) if x is not None]


def _coefficients(w: Tensor, rule: Rule, numbers: tuple[float, ...], seen: bool) -> bool:
    """Whether there are coefficients without a gradient so far, which `seen` leaves alone, and which else are all there is."""
    numbers, count = numbers if seen else (0.0, *numbers[1:]), torch.get_num_threads()
    if isinstance(rule.moment, Factored):
        return any(threads.each(partial(_part, w.numpy(), rule, numbers), rule.moment.parts, count))
    arrays = [None if x is None else x.view(-1).numpy() for x in (w, rule.moment, rule.beside)]

    def piece(part: slice) -> bool:
        here, moment, beside = (None if x is None else x[part] for x in arrays)
        return _core.shrink(here, rule.name, moment, beside, numbers)  # type: ignore[arg-type]

    return any(threads.each(piece, threads.tiles(w.numel(), max(TILE, -(-w.numel() // count))), count))


def _part(w: np.ndarray, rule: Rule, numbers: tuple[float, ...], part: Part) -> bool:
    """The same for a part whose moment is made for it alone."""
    moment: Factored = rule.moment  # type: ignore[assignment]
    return _core.shrink(w[part], rule.name, moment.piece(part).numpy(), None, numbers)


def _groups(axes: Axes, w: Tensor, rule: Rule, numbers: tuple[float, ...], seen: bool) -> bool:
    """The same for groups, whole groups at a time: in place where their coefficients are neighbours, else through copies."""
    views = [None if x is None else axes.apart(x) for x in (w, rule.moment, rule.beside)]  # type: ignore[arg-type]  # none is factored: see `shrink`
    length = len(views[0])  # type: ignore[arg-type]

    def piece(part: slice) -> bool:
        rows = [None if x is None else x[part].reshape(-1, axes.size).contiguous() for x in views]
        weights, moment, beside = (None if x is None else x.numpy() for x in rows)
        others = _core.shrink_groups(weights, rule.name, moment, beside, numbers, seen)  # type: ignore[arg-type]
        here: Tensor = views[0][part]  # type: ignore[index]
        if rows[0].data_ptr() != here.data_ptr():  # type: ignore[union-attr]
            here.copy_(rows[0].view(here.shape))  # type: ignore[union-attr]
        return others

    width = max(TOGETHER, TILE * length // max(w.numel(), 1))
    return any(threads.each(piece, threads.tiles(length, width), torch.get_num_threads()))
