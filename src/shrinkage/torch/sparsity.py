"""sparsity(model): how many coefficients of each layer are exactly zero, and which rows and columns are zero as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shrinkage.torch.penalties import Penalties
from shrinkage.torch.sharded import whole


@dataclass(frozen=True)
class Layer:
    """One parameter: `rows` and `columns` are (zero as a whole, all); (0, 0) for a vector."""

    name: str
    size: int
    zeros: int
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Sparsity:
    """By layer, and in all. `share` is the part of all coefficients that is exactly zero."""

    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers)

    @property
    def zeros(self) -> int:
        return sum(layer.zeros for layer in self.layers)

    @property
    def share(self) -> float:
        return self.zeros / max(self.size, 1)

    def __str__(self) -> str:
        width = max((len(layer.name) for layer in self.layers), default=0)
        lines = [_line(layer, width) for layer in self.layers]
        return "\n".join([*lines, f"{'in all':{width}}  {self.zeros} of {self.size} are zero ({self.share:.1%})"])


def sparsity(model: nn.Module, penalties: Penalties | None = None) -> Sparsity:
    """Count exact zeros in every parameter of a module; with `penalties`, in those that bear one. Tied weights count once."""
    chosen = None if penalties is None else {entry.parameter for entry in penalties.penalised}
    kept = [(name, p) for name, p in model.named_parameters() if chosen is None or p in chosen]
    return Sparsity(tuple(_layer(name, parameter.detach()) for name, parameter in kept))


def _layer(name: str, w: Tensor) -> Layer:
    zero = w == 0
    rows = columns = (0, 0)
    if w.ndim > 1:
        rows = (int(whole(zero.flatten(1).all(1).sum())), w.shape[0])
        columns = (int(whole(torch.movedim(zero, 1, 0).flatten(1).all(1).sum())), w.shape[1])
    return Layer(name, w.numel(), int(whole(zero.sum())), rows, columns)


def _line(layer: Layer, width: int) -> str:
    line = f"{layer.name:{width}}  {layer.zeros} of {layer.size} are zero ({layer.zeros / max(layer.size, 1):.1%})"
    if layer.rows[1]:
        line += f"; rows {layer.rows[0]} of {layer.rows[1]}, columns {layer.columns[0]} of {layer.columns[1]}"
    return line
