"""One call of a model as a graph of operations, and what each says about units and constants.

A *unit* is an index of an axis of a parameter: an output of a layer, a channel, one dimension of a head. Every tensor in the
graph carries, element by element, the unit it belongs to; an operation that only moves elements is run on those numbers as it
is, so flattening, concatenating, splitting and transposing need no rule of their own. It carries too what is *known* of its
values whatever the input is: a row of zeros gives its bias, and a function of a constant is a constant.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.node import Node, map_aggregate

from shrinkage.errors import ParameterError
from shrinkage.torch.shrinking.units import Units

UNIFORM = 1e-12  # relative spread, in float64, within which a known value counts as the same everywhere


@dataclass(frozen=True, eq=False)
class Value:
    """What is known of a tensor: the unit of each element, and its value (float64) or NaN. `source`: the parameter it is."""

    labels: Tensor
    known: Tensor
    source: str | None = None


@dataclass(eq=False)
class Reader:
    """A weight that multiplies units: `rows` (m,) are made of `columns` (k,).

    - `matrix` (m, k): what a constant of one in each column adds to each row (a kernel's sum); `reads` (m, k): not zero.
    - `constant` (k,): the value of each column where it may be folded into the bias, or zero; NaN elsewhere.
    """

    weight: str
    bias: str | None
    rows: Tensor
    columns: Tensor
    matrix: Tensor
    reads: Tensor
    constant: Tensor


@dataclass(frozen=True, eq=False)
class Move:
    """An operation that moved elements by sizes written in the graph, with its operands and results."""

    node: Node
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: list[Value]

    @property
    def owner(self) -> str:
        return owner(self.node)


@dataclass(eq=False)
class Trace:
    """Everything that a graph says. `tensors`: parameters and buffers by their first name, in float64; `widths`: the channels,
    (..., channels), at each call of a normalisation without tensors, by the path of its module."""

    tensors: dict[str, Tensor]
    units: Units = field(default_factory=Units)
    slots: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    anchored: set[tuple[str, int]] = field(default_factory=set)
    inputs: list[Tensor | None] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    widths: dict[str, list[Tensor]] = field(default_factory=dict)

    def slot(self, name: str, axis: int, *, anchor: bool = True) -> Tensor:
        """The units of one axis of a parameter. An anchor is an axis of a weight: without one, a unit is not removed."""
        key = name, axis
        if key not in self.slots:
            self.slots[key] = self.units.new(self.tensors[name].shape[axis])
        if anchor:
            self.anchored.add(key)
        return self.slots[key]

    def plain(self, value: Value) -> Value:
        """A parameter as an operand like any other: its units run along its only axis longer than one, or the last."""
        if value.source is None:
            return value
        tensor = self.tensors[value.source]
        if tensor.dim() == 0:
            return Value(self.units.new(), tensor)
        long = [a for a in range(tensor.dim()) if tensor.shape[a] > 1]
        axis = long[0] if len(long) == 1 else tensor.dim() - 1
        view = [-1 if a == axis else 1 for a in range(tensor.dim())]
        return Value(self.slot(value.source, axis, anchor=False).view(view).expand(tensor.shape), tensor)

    def read(self, weight: str, bias: str | None, x: Value, columns_axis: int, *, folds: bool) -> None:
        """The weight (rows, columns, *kernel) multiplies `x` along the axis. `folds`: a constant adds the same everywhere."""
        rows, columns = self.slot(weight, 0), self.slot(weight, 1)
        self.units.join(x.labels.movedim(columns_axis, -1), columns)
        kernels = self.tensors[weight].flatten(2) if self.tensors[weight].dim() > 2 else self.tensors[weight][..., None]
        constant = uniform(x.known.movedim(columns_axis, -1))
        if not (folds and bias):
            constant = torch.where(constant == 0, constant, torch.nan)
        self.readers.append(Reader(weight, bias, rows, columns, kernels.sum(-1), (kernels != 0).any(-1), constant))

    def opaque(self, node: Node, operands: list[Value], reason: str) -> Any:
        """Nothing is known of the operation: the units that enter it and leave it stay."""
        for value in map(self.plain, operands):
            self.units.pin(value.labels, reason, alive=value.labels[value.known.isnan()].unique())
        return map_aggregate(node.meta.get("val"), lambda result: self._fresh(result, reason))

    def _fresh(self, result: Any, reason: str) -> Any:
        if not isinstance(result, Tensor):
            return result
        labels = self.units.new(*result.shape)
        self.units.pin(labels, reason)
        return Value(labels, torch.full(result.shape, torch.nan, dtype=torch.float64))


def uniform(known: Tensor) -> Tensor:
    """(k,): the value that the last axis has everywhere, NaN where it is unknown or varies."""
    flat = known.reshape(-1, known.shape[-1])
    low, high = flat.amin(0), flat.amax(0)
    return torch.where(high - low <= UNIFORM * high.abs().clamp(min=1), low, torch.nan)


def owner(node: Node) -> str:
    """The path of the module whose forward contains the operation; '' is the model itself."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return stack[-1][0].split("@")[0] if stack else ""


def values_in(nested: Any) -> list[Value]:
    """The values among arguments or results, in order."""
    found: list[Value] = []
    map_values(nested, found.append)
    return found


def map_values(nested: Any, change: Callable[[Value], Any]) -> Any:
    """Arguments or results with each value changed."""
    return map_aggregate(nested, lambda x: change(x) if isinstance(x, Value) else x)  # type: ignore[arg-type, return-value]


def canonical_tensors(model: nn.Module) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Each name of a parameter or buffer to the first name of the same tensor, and the tensors by first name."""
    first: dict[int, str] = {}
    names: dict[str, str] = {}
    tensors: dict[str, Tensor] = {}
    for name, tensor in named_tensors(model):
        names[name] = first.setdefault(id(tensor), name)
        tensors.setdefault(names[name], tensor)
    return names, tensors


def named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer under every one of its names."""
    yield from model.named_parameters(remove_duplicate=False)
    yield from model.named_buffers(remove_duplicate=False)


def trace(model: nn.Module, inputs: tuple[Any, ...], rule_of: Callable[[Node], Callable[..., Any]], drop_inputs: bool) -> Trace:
    """Follow `model(*inputs)`, the model in eval mode. **Raises** `ParameterError` where torch.export cannot."""
    program = _export(model, inputs)
    names, tensors = canonical_tensors(model)
    found = Trace({name: tensor.detach().to("cpu", torch.float64) for name, tensor in tensors.items()})
    signature = program.graph_signature
    sources = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    constants = signature.inputs_to_lifted_tensor_constants
    environment: dict[Node, Any] = {}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            source = sources.get(node.name)
            if source is not None:
                result = Value(torch.empty(0), torch.empty(0), names[source])
            elif node.name in constants:
                result = _constant(found, program.constants[constants[node.name]])
            else:
                result = _input(found, node, drop_inputs)
        elif node.op == "output":
            for value in values_in(map_aggregate(node.args, lambda n: environment[n] if isinstance(n, Node) else n)):
                found.units.pin(found.plain(value).labels)
            break
        else:
            args, kwargs = map_aggregate((node.args, dict(node.kwargs)), lambda n: environment[n] if isinstance(n, Node) else n)
            result = rule_of(node)(found, node, *args, **kwargs)
        environment[node] = result
        found.values += [value for value in values_in(result) if value.source is None]
    _forbid_ambiguous_folds(found)
    _pin_what_is_not_saved(found, model)
    return found


def _export(model: nn.Module, inputs: tuple[Any, ...]) -> Any:
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.export's own code
            return torch.export.export(model, inputs, strict=False).run_decompositions({})
    except Exception as error:  # torch.export raises errors of many classes, internal ones among them
        first = next(iter(str(error).strip().splitlines()), "")
        raise ParameterError(
            f"{type(model).__name__} cannot be followed by torch.export ({type(error).__name__}: {first}): its forward "
            "may depend on the values of a tensor. Shrink the submodule that does not, or name the layers that belong together, "
            "e.g. couple=[('encoder.fc1.out', 'encoder.fc2.in')]."
        ) from error


def _constant(found: Trace, tensor: Tensor) -> Value:
    labels = found.units.new(*tensor.shape)
    found.units.pin(labels)
    return Value(labels, tensor.detach().to("cpu", torch.float64))


def _input(found: Trace, node: Node, drop_inputs: bool) -> Any:
    """An input's units are its elements, the same for all of axis 0, the batch."""
    tensor = node.meta["val"]
    if not isinstance(tensor, Tensor):
        found.inputs.append(None)
        return tensor
    labels = found.units.new(*tensor.shape[1:]).expand(tensor.shape)
    if not (drop_inputs and tensor.is_floating_point()):
        found.units.pin(labels)
    found.inputs.append(labels)
    return Value(labels, torch.full(tensor.shape, torch.nan, dtype=torch.float64))


def _forbid_ambiguous_folds(found: Trace) -> None:
    """A constant that is not zero goes to a bias only where that bias serves one reading."""
    for reader in found.readers:
        serves = sum(reader.weight == other.weight or reader.bias == other.bias for other in found.readers)
        if serves > 1:
            reader.constant = torch.where(reader.constant == 0, reader.constant, torch.nan)


def _pin_what_is_not_saved(found: Trace, model: nn.Module) -> None:
    saved = model.state_dict().keys()
    for (name, _), labels in found.slots.items():
        if name not in saved:
            found.units.pin(labels, f"the buffer {name} is not in the state dict")
