"""A copy of an optimizer for narrower parameters: the same class, options and steps, its state cut as its parameters are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from shrinkage.errors import ParameterError
from shrinkage.penalties import Penalty
from shrinkage.torch.groups import follows_shape, parts_of, resized
from shrinkage.torch.hierarchy import Hierarchy
from shrinkage.torch.optimizers import penalties_of
from shrinkage.torch.penalties import Entry
from shrinkage.torch.proximal import adopt, attached, detached
from shrinkage.torch.shrinking.rebuild import transplant
from shrinkage.torch.shrinking.units import Cut, cut_tensor


def shrink_optimizer(optimizer: Any, parameters: Mapping[Any, Tensor], cuts: Mapping[Any, Cut]) -> Any:
    """`parameters`: old to new; `cuts`: of the old ones. Hooks are not copied, as in any copy of a PyTorch optimizer.

    But penalties are, for the new parameters: those of `ProxAdam` and its like, and those that `attach` has added.

    **Raises** `ParameterError` for a parameter that is not the model's, and for a state or a penalty that does not follow its
    parameter.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ParameterError(
            "LBFGS keeps one vector over all parameters, which cannot be cut: make a new optimizer after shrinking."
        )
    replaced: dict[Any, Any] = {**parameters, **dict(_narrower(optimizer, parameters, cuts))}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter not in parameters:
                raise ParameterError("The optimizer has a parameter that the model has not: give the optimizer of this model.")
            for name, state in optimizer.state.get(parameter, {}).items():
                if isinstance(state, Tensor):
                    replaced[state] = _cut_state(name, state, parameter, cuts.get(parameter, {}))
    steps = attached(optimizer)
    new, steps = transplant((detached(optimizer) if steps else optimizer, steps), replaced)
    for step in steps:
        adopt(new, step)
    return new


def _narrower(optimizer: Any, parameters: Mapping[Any, Tensor], cuts: Mapping[Any, Cut]) -> Iterator[tuple[Entry, Entry]]:
    """The entries of the penalties whose parameters shrink, and what stands in their place."""
    for entry in (entry for penalties in penalties_of(optimizer) for entry in penalties.penalised):
        old, penalty = entry.parameter, entry.penalty
        if penalty is None or not cuts.get(old):
            continue
        if not follows_shape(penalty) or not _keeps_straight_rows(penalty, cuts[old]):
            raise ParameterError(
                f"The penalty of {entry.name}, {penalty!r}, is for its shape before: shrink without `optimizer=`, then "
                "make new Penalties and a new optimizer."
            )
        new: Any = parameters[old]
        yield entry, replace(entry, parameter=new, penalty=resized(penalty, tuple(old.shape), tuple(new.shape)))


def _keeps_straight_rows(penalty: Penalty, cut: Cut) -> bool:
    """`Hierarchy` counts the first rows, which are the straight line: none of them goes."""
    counts = [part.skip for part in parts_of(penalty) if isinstance(part, Hierarchy)]
    return 0 not in cut or all(int((cut[0] < count).sum()) == count for count in counts)


def _cut_state(name: str, state: Tensor, parameter: Tensor, cut: Cut) -> Tensor:
    """Along each axis a state has the parameter's size, or 1 where it is shared along it."""
    if state.dim() == 0 or not cut:
        return state.detach().clone()
    if state.dim() != parameter.dim() or any(a not in (1, b) for a, b in zip(state.shape, parameter.shape, strict=True)):
        raise ParameterError(
            f"The optimizer's state {name!r} of shape {tuple(state.shape)} does not follow its parameter of shape "
            f"{tuple(parameter.shape)}, so it cannot be cut: shrink without `optimizer=` and make a new one."
        )
    follows = {axis: stay for axis, stay in cut.items() if state.shape[axis] == parameter.shape[axis]}
    return cut_tensor(state.detach(), follows).clone()
