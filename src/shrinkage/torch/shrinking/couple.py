"""What the user states: units of these layers are the same, index by index, whatever lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shrinkage.errors import ParameterError
from shrinkage.torch.shrinking.rebuild import CHANNELWISE
from shrinkage.torch.shrinking.rules import NORM, UNSCALED
from shrinkage.torch.shrinking.trace import Reader, Trace

Couple = Sequence[Sequence[str]]  # [("encoder.fc1.out", "encoder.fc2.in"), ...]
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (*CHANNELWISE, nn.GroupNorm)
HOW = (
    "an end is a layer and a side, such as 'encoder.fc1.out' or 'encoder.fc2.in', of Linear, Conv or (out only) BatchNorm, "
    "InstanceNorm, GroupNorm"
)


@dataclass(frozen=True, eq=False)
class End:
    """One side of a layer: its units, and for outputs which are zero; None where its tensors do not say."""

    module: str
    side: str
    labels: Tensor
    zero: Tensor | None


def apply_couples(trace: Trace, model: nn.Module, names: dict[str, str], couple: Couple) -> None:
    """Join the units of each group's ends and release them; what an output gives as zero, an input reads as zero.

    `names`: the canonical name of each tensor. **Raises** `ParameterError` for ends that do not exist or differ in size.
    """
    for group in couple:
        ends = [_end(trace, model, names, text) for text in group]
        sizes = {len(end.labels) for end in ends}
        if len(sizes) != 1 or len(ends) < 2:
            raise ParameterError(f"couple={group!r}: two or more ends of one size are needed, not of sizes {sorted(sizes)}.")
        for end in ends:
            trace.units.join(ends[0].labels, end.labels)
        trace.units.release(ends[0].labels)
        zeros = [end.zero for end in ends if end.zero is not None]
        if zeros:
            _read_as_zero(trace, ends, torch.stack(zeros).all(0))


def untraced(model: nn.Module, names: dict[str, str], tensors: dict[str, Tensor], couple: Couple) -> Trace:
    """Without a graph: the layers that are named are known, each a reader of its inputs; all their other units stay."""
    trace = Trace({name: tensor.detach().to("cpu", torch.float64) for name, tensor in tensors.items()})
    for text in dict.fromkeys(text.rpartition(".")[0] for group in couple for text in group):
        module = _module(model, text)
        if isinstance(module, LAYERS):
            _add_reader(trace, names, text, module)
        if isinstance(module, nn.GroupNorm) and module.affine:
            groups = trace.slot(names[f"{text}.weight"], 0).unflatten(0, (module.num_groups, -1))
            trace.units.join_along(groups, (1,), f"`{text}` (GroupNorm): {NORM}")
    coupled = torch.cat([_end(trace, model, names, text).labels for group in couple for text in group])
    for reader in trace.readers:
        for labels in (reader.rows, reader.columns):
            trace.units.pin(labels[~torch.isin(labels, coupled)])
    return trace


def _add_reader(trace: Trace, names: dict[str, str], path: str, module: nn.Module) -> None:
    weight = names[f"{path}.weight"]
    kernels = trace.tensors[weight].flatten(2) if trace.tensors[weight].dim() > 2 else trace.tensors[weight][..., None]
    rows, columns = trace.slot(weight, 0), trace.slot(weight, 1)
    bias = names.get(f"{path}.bias")
    if bias:
        trace.units.join(trace.slot(bias, 0), rows)
    unknown = torch.full(columns.shape, torch.nan, dtype=torch.float64)
    trace.readers.append(Reader(weight, bias, rows, columns, kernels.sum(-1), (kernels != 0).any(-1), unknown))


def _read_as_zero(trace: Trace, ends: list[End], zero: Tensor) -> None:
    inputs = {end.module for end in ends if end.side == "in"}
    for reader in trace.readers:
        if reader.weight in inputs:
            reader.constant = torch.where(zero, 0.0, reader.constant)


def _end(trace: Trace, model: nn.Module, names: dict[str, str], text: str) -> End:
    path, _, side = text.rpartition(".")
    module = _module(model, path)
    if side == "in" and isinstance(module, LAYERS):
        weight = names[f"{path}.weight"]
        return End(weight, side, trace.slot(weight, 1), None)
    if side == "out" and isinstance(module, nn.GroupNorm) and not module.affine:
        raise ParameterError(f"couple: {text!r} is no end: {UNSCALED}.")
    if side == "out" and isinstance(module, LAYERS + NORMS):
        return _out(trace, names, path, module)
    raise ParameterError(f"couple: {text!r} is no end: {HOW}.")


def _out(trace: Trace, names: dict[str, str], path: str, module: nn.Module) -> End:
    """An output is zero if its weights and its bias are; of a normalisation, scale and shift."""
    own = [names[f"{path}.{name}"] for name in ("weight", "bias", "running_mean", "running_var") if f"{path}.{name}" in names]
    if not own:
        calls = trace.widths.setdefault(path, [])
        if not calls:
            calls.append(trace.units.new(int(module.num_features)))  # type: ignore[arg-type]
        return End(path, "out", calls[0].reshape(-1, calls[0].shape[-1])[0], None)
    labels = trace.slot(own[0], 0)
    for name in own[1:]:
        trace.units.join(labels, trace.slot(name, 0))
    learned = [trace.tensors[name] for name in own if "running" not in name.rpartition(".")[2]]
    zero = torch.stack([(t.reshape(len(t), -1) == 0).all(1) for t in learned]).all(0) if learned else None
    return End(own[0], "out", labels, zero)


def _module(model: nn.Module, path: str) -> nn.Module:
    try:
        return model.get_submodule(path)
    except AttributeError:
        raise ParameterError(f"couple: the model has no module {path!r}; {HOW}.") from None
