"""The proximal step of a parameter on a CPU by compiled loops: one pass over weights and moments, and no temporaries.

For convex terms of one strength each and their group norms, under steps that are one number or rate / (sqrt(moment) + floor).
updates.py and groups.py are the slow twins, which serve everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage import _core, threads
from shrinkage.penalties import Penalty
from shrinkage.penalties.calculus import Sum
from shrinkage.penalties.elementary import Elementary
from shrinkage.penalties.terms import Terms
from shrinkage.torch.groups import Groups
from shrinkage.torch.layouts import Axes
from shrinkage.torch.metrics import Group, Metric, State
from shrinkage.torch.penalties import Entry

TILE = 1 << 16  # coefficients of a piece that is copied together, or given to a thread
TOGETHER = 16  # columns that are copied together, which is what one line of a cache holds


@dataclass(frozen=True)
class Recipe:
    """l1 |w| + l2 w^2 / 2 on [low, high], and `group` times the norms of the groups, which have their own axes."""

    l1: float = 0.0
    l2: float = 0.0
    low: float = -inf
    high: float = inf
    group: float = 0.0
    axes: Axes | None = None


def recipe(entry: Entry) -> Recipe | None:
    """What the loops need to know of a penalty; None where they do not do it."""
    return None if entry.padding is not None else _recipe(entry.penalty, tuple(entry.parameter.shape))


def _recipe(penalty: Penalty | None, shape: tuple[int, ...]) -> Recipe | None:
    match penalty:
        case Elementary() if _plain(penalty.terms):
            t = penalty.terms
            return Recipe(float(t.l1), float(t.l2), float(t.low), float(t.high))
        case Groups() if _plain(penalty.inner.terms) and isinstance(axes := penalty._split(shape), Axes):
            factor, t = penalty._factor(axes), penalty.inner.terms
            return Recipe(l2=factor * float(t.l2), group=factor * float(t.l1), axes=axes if np.any(t.l1) else None)
        case Sum(plain, other) if _plain(plain.terms) and not plain.terms.bounded and (inner := _recipe(other, shape)):
            return Recipe(float(plain.terms.l1), float(plain.terms.l2) + inner.l2, group=inner.group, axes=inner.axes)
    return None


def _plain(t: Terms) -> bool:
    return not t.concave and all(np.ndim(x) == 0 for x in (t.l1, t.l2, t.low, t.high))


def shrink(recipe: Recipe, metric: Metric, group: Group, state: State, parameter: nn.Parameter, factor: Any) -> bool:
    """Take the step, and say so; False where the parameter or the metric is not of the kind."""
    if metric.moment is not None and metric.root is None or not _dense(parameter):
        return False
    moment = None if metric.moment is None else metric.moment(group, state, parameter)
    if moment is not None and not (_dense(moment) and moment.dtype == parameter.dtype):
        return False
    if metric.root is None:
        rate, floor = metric.step(group, state, None), 0.0
    elif (rooted := metric.root(group, state, float(state.get("step", 1.0)))) is not None:
        rate, floor = rooted
    else:
        return False
    rate, factor = float(rate), float(factor)
    if rate > 0 and factor > 0:
        scaled = replace(recipe, l1=factor * recipe.l1, l2=factor * recipe.l2, group=factor * recipe.group)
        _all(scaled, parameter.detach(), _Steps(moment, rate, float(floor)))
    return True


def _dense(x: Tensor) -> bool:
    return type(x) in (nn.Parameter, Tensor) and x.is_cpu and x.dtype in (torch.float32, torch.float64) and x.is_contiguous()


@dataclass(frozen=True)
class _Steps:
    """rate / (sqrt(moment) + floor); `still` where the moment is 0; without moments `rate`."""

    moment: Tensor | None
    rate: float
    floor: float
    still: float = 0.0


def _all(recipe: Recipe, w: Tensor, steps: _Steps) -> None:
    """All coefficients: those that have had a gradient, then, if there are any, the others in the tensor's smallest step."""
    loop = _coefficients if recipe.axes is None else _groups
    if not loop(recipe, w, steps, True):
        return
    largest = float(steps.moment.amax())  # type: ignore[union-attr]
    if largest > 0:
        loop(recipe, w, replace(steps, still=steps.rate / (largest**0.5 + steps.floor)), False)


def _coefficients(recipe: Recipe, w: Tensor, steps: _Steps, seen: bool) -> bool:
    """Whether there are coefficients without a gradient so far, which `seen` leaves alone."""
    flat = w.view(-1).numpy()
    moments = None if steps.moment is None else steps.moment.view(-1).numpy()
    rate = steps.rate if seen else 0.0

    def piece(part: slice) -> bool:
        moment = None if moments is None else moments[part]
        return _core.shrink(flat[part], moment, rate, steps.floor, steps.still, recipe.l1, recipe.l2, recipe.low, recipe.high)

    count = torch.get_num_threads()
    return any(threads.each(piece, threads.tiles(len(flat), max(TILE, -(-len(flat) // count))), count))


def _groups(recipe: Recipe, w: Tensor, steps: _Steps, seen: bool) -> bool:
    """The same for groups, whole groups at a time: in place where their coefficients are neighbours, else through copies."""
    axes: Axes = recipe.axes  # type: ignore[assignment]
    view = axes.apart(w)
    moments = None if steps.moment is None else axes.apart(steps.moment)

    def piece(part: slice) -> bool:
        here = view[part]
        rows = here.reshape(-1, axes.size).contiguous()
        moment = None if moments is None else moments[part].reshape(-1, axes.size).contiguous().numpy()
        others = _core.shrink_groups(
            rows.numpy(), moment, steps.rate, steps.floor, steps.still, recipe.l1, recipe.l2, recipe.group, seen
        )
        if rows.data_ptr() != here.data_ptr():
            here.copy_(rows.view(here.shape))
        return others

    width = max(TOGETHER, TILE * len(view) // max(w.numel(), 1))
    return any(threads.each(piece, threads.tiles(len(view), width), torch.get_num_threads()))
