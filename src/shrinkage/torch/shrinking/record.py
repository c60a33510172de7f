"""What came of shrinking a network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.torch.optimizers import penalties_of
from shrinkage.torch.penalties import Penalties
from shrinkage.torch.shrinking.rebuild import Numbers
from shrinkage.torch.shrinking.trace import canonical_tensors
from shrinkage.torch.shrinking.units import Cut, cut_tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Cost:
    """What a model takes: `parameters`, each once; `bytes` of parameters and buffers; the median `seconds` of a call."""

    parameters: int
    bytes: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A smaller network with the same output, and what was removed.

    - `model`: a new model of the same class, in the same mode. `optimizer`: a new one of the same class, or None.
    - `before`, `after`: what a call on the example inputs takes, in eval mode.
    - `shapes`: the shape of every parameter and buffer before; `changed`: name to (before, after) of those that are smaller.
    - `numbers`: attributes that had to follow where no tensor says them, module to attribute to (before, after).
    - `inputs`: for each input, axis to the indices that the model still takes; empty dictionaries without `drop_inputs`.
    - `kept`: sentences on units that nothing needs and that are still there, with the module and the reason.
    - `difference`: the largest difference of an output on the example inputs, relative to the largest output (or 1).
    """

    model: nn.Module
    optimizer: Any
    before: Cost
    after: Cost
    shapes: Shapes
    numbers: Numbers
    inputs: tuple[Cut, ...]
    kept: tuple[str, ...]
    difference: float

    @property
    def changed(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        after = shapes_of(self.model)
        return {name: (shape, after[name]) for name, shape in self.shapes.items() if shape != after[name]}

    @property
    def penalties(self) -> tuple[Penalties, ...]:
        """Those of `optimizer`, on the new parameters: what is built in, then what was attached, in that order."""
        return () if self.optimizer is None else penalties_of(self.optimizer)

    def select(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The part of these inputs that the model still takes."""
        return tuple(cut_tensor(x, cut) for x, cut in zip(inputs, self.inputs, strict=True))

    def __str__(self) -> str:
        head = f"{'':<12}{'before':>14}{'after':>14}{'ratio':>8}"
        rows = [
            _row("parameters", self.before.parameters, self.after.parameters, "{:,.0f}"),
            _row("bytes", self.before.bytes, self.after.bytes, "{:,.0f}"),
            _row("time, ms", 1e3 * self.before.seconds, 1e3 * self.after.seconds, "{:.3f}"),
        ]
        shapes = [f"  {name}: {' x '.join(map(str, a))} -> {' x '.join(map(str, b))}" for name, (a, b) in self.changed.items()]
        return "\n".join([head, *rows, "", *shapes, *self.kept]).rstrip()


def _row(name: str, before: float, after: float, form: str) -> str:
    return f"{name:<12}{form.format(before):>14}{form.format(after):>14}{after / before if before else 1:>8.2f}"


def shapes_of(model: nn.Module) -> Shapes:
    """The shape of every parameter and buffer, by its first name."""
    return {name: tuple(tensor.shape) for name, tensor in canonical_tensors(model)[1].items()}


def cost(model: nn.Module, inputs: tuple[Any, ...], *, runs: int = 11) -> Cost:
    """Measured in eval mode and without gradients, after two calls that do not count."""
    tensors = canonical_tensors(model)[1].values()
    with evaluating(model), torch.no_grad():
        times = [_seconds(model, inputs) for _ in range(runs + 2)][2:]
    return Cost(
        sum(p.numel() for p in model.parameters()), sum(t.numel() * t.element_size() for t in tensors), statistics.median(times)
    )  # fmt: skip


def _seconds(model: nn.Module, inputs: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    model(*inputs)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while; each module goes back to the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
