"""How a tensor splits into groups: by the axes of a view, or by one label for each coefficient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shrinkage.errors import ParameterError
from shrinkage.plurals import counted

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Axes:
    """The coefficients along `within` of a view of this `shape` are a group. Sums keep those axes, and so broadcast."""

    shape: Shape
    within: Shape

    @property
    def size(self) -> int:
        """Coefficients in a group."""
        return prod(self.shape[axis] for axis in self.within)

    def split(self, w: Tensor) -> Tensor:
        return w.reshape(self.shape)

    def apart(self, w: Tensor) -> Tensor:
        """A view whose last axes are a group, and whose first are which group: there is one at least."""
        between = [axis for axis in range(len(self.shape)) if axis not in self.within]
        view = w.view(self.shape).permute(*between, *self.within)
        return view if between else view[None]

    def sum(self, z: Tensor) -> Tensor:
        return z.sum(self.within, keepdim=True)

    def norms(self, z: Tensor) -> Tensor:
        return torch.linalg.vector_norm(z, dim=self.within, keepdim=True)

    def spread(self, x: Tensor) -> Tensor:
        """A number per group, brought to where it broadcasts with the coefficients."""
        return x


@dataclass(frozen=True, eq=False)
class Labels:
    """Coefficient j of the flattened tensor is in group codes[j]."""

    codes: Tensor
    size: Tensor

    def split(self, w: Tensor) -> Tensor:
        return w.reshape(-1)

    def sum(self, z: Tensor) -> Tensor:
        return z.new_zeros(len(self.size)).index_add(0, self.codes.to(z.device), z)

    def norms(self, z: Tensor) -> Tensor:
        squares = self.sum(z * z)
        some = squares > 0  # the derivative of the root is infinite at zero
        return torch.where(some, torch.where(some, squares, 1).sqrt(), 0)

    def spread(self, x: Tensor) -> Tensor:
        return x[self.codes.to(x.device)]


Split = Callable[[Shape], "Axes | Labels"]


def split_by(by: Any) -> Split:
    """What `Groups(by=...)` says, as a rule from the shape of a tensor to its groups. **Raises** `ParameterError`."""
    if isinstance(by, str) and by in NAMED:
        return NAMED[by]
    counted = isinstance(by, tuple) and len(by) == 2 and isinstance(by[0], str)
    if counted and by[0] in COUNTED:
        return partial(COUNTED[by[0]], by[1])
    if not isinstance(by, str) and not counted and np.ndim(by) == 1 and len(by):
        return partial(_labelled, _coded(by))
    raise ParameterError(
        f"by={by!r} names no groups. Use one of {', '.join(map(repr, NAMED))}; ('heads', h), ('head columns', h), "
        "('qkv heads', h), ('blocks', (r, c)); or one label for each coefficient."
    )


def _rows(shape: Shape) -> Axes:
    _need(len(shape) > 1, shape, "rows: it has one axis only. Use L1, or by='whole'")
    return Axes(shape, tuple(range(1, len(shape))))


def _columns(shape: Shape) -> Axes:
    _need(len(shape) > 1, shape, "columns: it has one axis only. Use L1, or by='whole'")
    return Axes(shape, (0, *range(2, len(shape))))


def _whole(shape: Shape) -> Axes:
    return Axes(shape, tuple(range(len(shape))))


def _heads(count: int, shape: Shape) -> Axes:
    _need(shape[0] % count == 0, shape, f"{counted(count, 'head')}: its first axis is no multiple of that")
    return Axes((count, shape[0] // count, *shape[1:]), tuple(range(1, len(shape) + 1)))


def _head_columns(count: int, shape: Shape) -> Axes:
    _need(len(shape) == 2 and shape[1] % count == 0, shape, f"{counted(count, 'head')} along its second axis")
    return Axes((shape[0], count, shape[1] // count), (0, 2))


def _qkv_heads(count: int, shape: Shape) -> Axes:
    _need(shape[0] % (3 * count) == 0, shape, f"{count} heads of query, key and value: 3 x {count} equal parts")
    return Axes((3, count, shape[0] // (3 * count), *shape[1:]), (0, *range(2, len(shape) + 2)))


def _blocks(size: tuple[int, int], shape: Shape) -> Axes:
    r, c = size
    _need(len(shape) == 2 and shape[0] % r == 0 and shape[1] % c == 0, shape, f"blocks of {r} x {c}")
    return Axes((shape[0] // r, r, shape[1] // c, c), (1, 3))


def _labelled(codes: Tensor, shape: Shape) -> Labels:
    _need(
        prod(shape) == len(codes),
        shape,
        f"the {counted(len(codes), 'label')} given: it has {counted(prod(shape), 'coefficient')}",
    )
    return Labels(codes, torch.bincount(codes))


def _coded(labels: Any) -> Tensor:
    return torch.from_numpy(np.unique(np.asarray(labels), return_inverse=True)[1])


def _need(fits: bool, shape: Shape, what: str) -> None:
    if not fits:
        raise ParameterError(f"A tensor of shape {shape} does not split into {what}.")


NAMED: dict[str, Split] = {"rows": _rows, "filters": _rows, "columns": _columns, "channels": _columns, "whole": _whole}
COUNTED: dict[str, Callable[[Any, Shape], Axes]] = {
    "heads": _heads, "head columns": _head_columns, "qkv heads": _qkv_heads, "blocks": _blocks,
}  # fmt: skip
