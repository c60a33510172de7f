"""A copy of a model with other tensors in it, and what a layer of torch.nn must know about its new sizes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from shrinkage.errors import ParameterError
from shrinkage.torch.shrinking.heads import NarrowAttention
from shrinkage.torch.shrinking.trace import named_tensors

T = TypeVar("T")
CHANNELWISE = (  # normalisations of one channel each
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
)  # fmt: skip
Numbers = dict[str, dict[str, tuple[int, int]]]  # module to attribute to its number before and after


def transplant(thing: T, parts: Mapping[Any, Any]) -> T:
    """A deep copy in which each object of `parts`, such as a tensor, is replaced by the one it maps to, wherever it occurs."""
    return copy.deepcopy(thing, {id(old): new for old, new in parts.items()})


def rebuild(model: nn.Module, tensors: Mapping[str, Tensor], numbers: Numbers) -> nn.Module:
    """A copy of the model with new tensors by name; layers of torch.nn follow in their sizes, `numbers` in any module's."""
    old = dict(named_tensors(model))
    small = transplant(model, {old[name]: _like(old[name], tensor) for name, tensor in tensors.items()})
    for name, tensor in tensors.items():
        if tensor.shape != old[name].shape:
            _refit(small.get_submodule(name.rpartition(".")[0]))
    for path, changes in numbers.items():
        for attribute, (_, after) in changes.items():
            setattr(small.get_submodule(path), attribute, after)
    return small


def _like(old: Tensor, tensor: Tensor) -> Tensor:
    tensor = tensor.detach().to(old.device, old.dtype).clone()
    return nn.Parameter(tensor, old.requires_grad) if isinstance(old, nn.Parameter) else tensor


def _linear(module: Any) -> None:
    module.out_features, module.in_features = module.weight.shape


def _convolution(module: Any) -> None:
    rows, columns = module.weight.shape[:2]
    if module.groups > 1:  # only convolutions with one filter per channel are cut
        module.groups = rows
    module.out_channels, module.in_channels = rows, columns * module.groups


def _channels(module: Any) -> None:
    module.num_features = len(next(t for t in (module.weight, module.running_mean) if t is not None))


def _group_norm(module: Any) -> None:
    """As many channels in a group as before."""
    in_a_group = module.num_channels // module.num_groups
    module.num_channels = len(module.weight)
    module.num_groups = module.num_channels // in_a_group


def _embedding(module: Any) -> None:
    module.embedding_dim = module.weight.shape[1]


def _attention(module: Any) -> None:
    module.__class__ = NarrowAttention
    module.narrow()


def _nothing(module: Any) -> None:
    pass


REFIT: dict[type[nn.Module], Callable[[Any], None]] = {
    nn.Linear: _linear,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys(CHANNELWISE, _channels),
    nn.GroupNorm: _group_norm,
    nn.Embedding: _embedding,
    nn.MultiheadAttention: _attention,
    **dict.fromkeys((nn.ParameterList, nn.ParameterDict), _nothing),
}


def refit_of(module: nn.Module) -> Callable[[Any], None] | None:
    """How a module follows its tensors; None for a layer of torch.nn that cannot. Of your own classes `numbers` takes care."""
    for kind in type(module).__mro__:
        if kind in REFIT:
            return REFIT[kind]
    return None if type(module).__module__.startswith("torch.nn.") else _nothing


def _refit(module: nn.Module) -> None:
    refit = refit_of(module)
    if refit is None:
        raise ParameterError(f"No rule is known for the sizes of {type(module).__name__}.")
    refit(module)


def biased(tensor: Tensor, addition: Tensor) -> Tensor:
    """A bias with constants added, in float64 and rounded once."""
    return (tensor.detach().to("cpu", torch.float64) + addition).to(tensor.device, tensor.dtype)
