"""Units: what can be removed, one number each; which are one and the same, and which must stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

Cut = dict[int, Tensor]  # axis to the indices that stay


@dataclass(frozen=True)
class Statement:
    """`first` and `second` (k,) are the same units, pair by pair; or, with no `second`, `first` must stay.

    A reason marks what could be otherwise if the model were written differently; statements without one are facts. `alive`: those
    of `first` that would have to stay nevertheless.
    """

    first: Tensor
    second: Tensor | None = None
    reason: str | None = None
    alive: Tensor | None = None


class Units:
    """A growing set of numbered units, and what has been said about them."""

    def __init__(self) -> None:
        self.count = 0
        self.statements: list[Statement] = []
        self._released: list[Tensor] = []

    def new(self, *shape: int) -> Tensor:
        """Fresh units, int64 of this shape."""
        size = int(np.prod(shape))
        self.count += size
        return torch.arange(self.count - size, self.count).reshape(shape)

    def join(self, a: Tensor, b: Tensor, reason: str | None = None) -> None:
        """The units at the same place, after broadcasting, are one: they go together or not at all."""
        a, b = (x.flatten() for x in _without_repeats(*torch.broadcast_tensors(a, b)))
        differ = a != b
        if differ.any():
            self.statements.append(Statement(a[differ], b[differ], reason))

    def join_along(self, labels: Tensor, axes: tuple[int, ...], reason: str | None = None) -> None:
        """Units that differ only along these axes are one."""
        self.join(labels, first_along(labels, axes), reason)

    def pin(self, labels: Tensor, reason: str | None = None, alive: Tensor | None = None) -> None:
        """These units stay."""
        self.statements.append(Statement(compact(labels).unique(), None, reason, alive))

    def release(self, labels: Tensor) -> None:
        """No reason keeps these units any longer, only facts do: the user says so."""
        self._released.append(labels.unique())

    def components(self, *, facts_only: bool = False) -> Tensor:
        """(count,): the number of the component that each unit belongs to."""
        told = [s for s in self.statements if s.second is not None and not (facts_only and s.reason)]
        pairs = torch.cat([torch.stack([s.first, s.second]) for s in told if s.second is not None], 1) if told else None
        i, j = pairs.numpy() if pairs is not None else np.zeros((2, 0), np.int64)
        graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(self.count, self.count))
        return torch.from_numpy(connected_components(graph, directed=False)[1].astype(np.int64))

    def pinned(self, component: Tensor, *, facts_only: bool = False) -> Tensor:
        """One bool for each component: it must stay."""
        size = int(component.max()) + 1 if self.count else 0
        pins = [s for s in self.statements if s.second is None]
        facts = [s.first for s in pins if not s.reason]
        others = [s.alive if facts_only else s.first for s in pins if s.reason]
        return _marked(component, facts, size) | (_marked(component, others, size) & ~_marked(component, self._released, size))


def _marked(component: Tensor, many: Iterable[Tensor | None], size: int) -> Tensor:
    marked = torch.zeros(size, dtype=torch.bool)
    for labels in many:
        if labels is not None:
            marked[component[labels]] = True
    return marked


def first_along(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The first slice along these axes, which keep size 1."""
    for axis in axes:
        x = x.narrow(axis, 0, 1)
    return x


def cut_tensor(tensor: Tensor, cut: Cut) -> Tensor:
    """What stays of a tensor."""
    for axis, stay in cut.items():
        tensor = tensor.index_select(axis, stay.to(tensor.device))
    return tensor


def varies(x: Tensor, axis: int) -> bool:
    """Whether `x` is anything but constant along the axis."""
    return x.stride(axis) != 0 and bool((x != x.narrow(axis, 0, 1)).any())


def compact(x: Tensor) -> Tensor:
    """The same with axes that only repeat cut to size 1."""
    return _without_repeats(x)[0]


def _without_repeats(*tensors: Tensor) -> list[Tensor]:
    axes = tuple(a for a in range(tensors[0].dim()) if all(x.stride(a) == 0 for x in tensors) and tensors[0].size(a) > 0)
    return [first_along(x, axes) for x in tensors]
