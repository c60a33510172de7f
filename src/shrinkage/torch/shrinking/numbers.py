"""Plain numbers in the attributes of a user's own modules, such as `heads`, that a forward reads and that have to follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

from torch import Tensor, nn
from torch.fx.node import map_aggregate

from shrinkage.torch.shrinking.decide import Plan
from shrinkage.torch.shrinking.rebuild import CHANNELWISE, REFIT, Numbers
from shrinkage.torch.shrinking.rules import run
from shrinkage.torch.shrinking.trace import Move, map_values, values_in
from shrinkage.torch.shrinking.units import cut_tensor

Attribute = tuple[type, str]
MOST = 6  # kinds of attributes that are tried in every combination


def candidates(model: nn.Module, plan: Plan) -> Iterator[Numbers]:
    """Ways to set the attributes whose number is a size that changed, the fewest of them first, to begin with none but widths.

    Which one is right is not guessed: the caller keeps the first with which the model gives what it gave before.
    """
    found: dict[Attribute, Numbers] = {}
    for move in stuck(model, plan):
        module = model.get_submodule(move.owner)
        for before, after in _changed(plan, move):
            for name, number in vars(module).items():
                if type(number) is int and number == before:
                    found.setdefault((type(module), name), {}).setdefault(move.owner, {})[name] = before, after
    kinds, widths = list(found)[:MOST], _widths(model, plan)
    for size in range(len(kinds) + 1):
        for chosen in combinations(kinds, size):
            yield _merged([widths, *(found[kind] for kind in chosen)])


def _widths(model: nn.Module, plan: Plan) -> Numbers:
    """Of normalisations without tensors; one of instances warns where `num_features` is not the number of channels."""
    counted = {path: calls[0] for path, calls in plan.trace.widths.items() if isinstance(model.get_submodule(path), CHANNELWISE)}
    sizes = {path: (units.shape[-1], _small(plan, units).shape[-1]) for path, units in counted.items()}
    return {path: {"num_features": pair} for path, pair in sizes.items() if pair[0] > pair[1]}


def stuck(model: nn.Module, plan: Plan) -> list[Move]:
    """The operations that would move elements elsewhere if their sizes, as they stand in the graph, were all there is."""
    own = [m for m in plan.trace.moves if not isinstance(model.get_submodule(m.owner), tuple(REFIT))]
    return [move for move in own if not _still_right(plan, move)]


def _still_right(plan: Plan, move: Move) -> bool:
    if not any(plan.removed[v.labels].any() for v in values_in((move.args, move.kwargs))):
        return True
    args, kwargs = map_values((move.args, move.kwargs), lambda v: replace(v, labels=_small(plan, v.labels)))
    try:
        results = run(move.node, args, kwargs, "labels")
    except (RuntimeError, IndexError):
        return False
    expected = [_small(plan, v.labels) for v in move.results]
    results = list(results) if isinstance(results, list | tuple) else [results]
    return len(results) == len(expected) and all(_same(a, b) for a, b in zip(results, expected, strict=True))


def _small(plan: Plan, labels: Tensor) -> Tensor:
    return cut_tensor(labels, plan.cut(labels))


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _changed(plan: Plan, move: Move) -> set[tuple[int, int]]:
    """The sizes, before and after, that stand as numbers in the operation's arguments and changed."""
    written: list[Any] = []
    map_aggregate((move.args, move.kwargs), lambda x: written.append(x) if type(x) is int else None)
    tensors = [v.labels for v in (*values_in((move.args, move.kwargs)), *move.results)]
    sizes = {pair for x in tensors for pair in zip(x.shape, _small(plan, x).shape, strict=True)}
    return {(before, after) for before, after in sizes if before != after and before in written}


def _merged(parts: Iterable[Numbers]) -> Numbers:
    merged: Numbers = {}
    for part in parts:
        for path, changes in part.items():
            merged.setdefault(path, {}).update(changes)
    return merged
