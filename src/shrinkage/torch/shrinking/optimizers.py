"""A copy of an optimizer for narrower parameters: the same class, options and steps, its state cut as its parameters are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from shrinkage.errors import ParameterError
from shrinkage.torch.groups import follows_shape
from shrinkage.torch.optimizers import Prox
from shrinkage.torch.shrinking.rebuild import transplant
from shrinkage.torch.shrinking.units import Cut, cut_tensor


def shrink_optimizer(optimizer: Any, parameters: Mapping[Any, Tensor], cuts: Mapping[Any, Cut]) -> Any:
    """`parameters`: old to new; `cuts`: of the old ones. Hooks are not copied, as in any copy of a PyTorch optimizer.

    Of `ProxAdam` and its like the penalties are copied too, for the new parameters.

    **Raises** `ParameterError` for a parameter that is not the model's, and for a state or a penalty that does not follow its
    parameter.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ParameterError(
            "LBFGS keeps one vector over all parameters, which cannot be cut: make a new optimizer after shrinking."
        )
    for entry in optimizer.penalties.penalised if isinstance(optimizer, Prox) else ():
        if cuts.get(entry.parameter) and not follows_shape(entry.penalty):  # type: ignore[arg-type]
            raise ParameterError(
                f"The penalty of {entry.name}, {entry.penalty!r}, is for its shape before: shrink without `optimizer=`, then "
                "make new Penalties and a new optimizer."
            )
    replaced: dict[Tensor, Tensor] = dict(parameters)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter not in parameters:
                raise ParameterError("The optimizer has a parameter that the model has not: give the optimizer of this model.")
            for name, state in optimizer.state.get(parameter, {}).items():
                if isinstance(state, Tensor):
                    replaced[state] = _cut_state(name, state, parameter, cuts.get(parameter, {}))
    return transplant(optimizer, replaced)


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
