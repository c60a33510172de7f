"""The verb `shrink`."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from shrinkage.errors import ParameterError
from shrinkage.torch.shrinking.couple import Couple, apply_couples, untraced
from shrinkage.torch.shrinking.decide import Plan, decide
from shrinkage.torch.shrinking.numbers import candidates, stuck
from shrinkage.torch.shrinking.optimizers import shrink_optimizer
from shrinkage.torch.shrinking.rebuild import CHANNELWISE, Numbers, biased, rebuild, refit_of
from shrinkage.torch.shrinking.record import Shrunk, cost, shapes_of
from shrinkage.torch.shrinking.rules import rule_of
from shrinkage.torch.shrinking.trace import Trace, canonical_tensors, named_tensors, trace, values_in
from shrinkage.torch.shrinking.units import cut_tensor

TOLERANCE = 1e-6  # largest difference of an output, relative to the largest output or 1, computed in float64 where it can be

SIZES = "its forward writes a size that is no attribute of it: make it one, or write -1 for the size that changes"


def shrink(
    model: nn.Module, example_inputs: Any, optimizer: Any = None, couple: Couple = (), *, drop_inputs: bool = False
) -> Shrunk:
    """Take the zeros of a network out of it: rows, channels, heads and inputs that change nothing.

    A unit goes if each of its readers reads it with weights of zero, or reads a constant that its bias can take over; so a dead
    unit goes with its bias, through activations and through batch normalisation. "The same output" is that of eval mode. What
    cannot be proved unneeded stays, and `Shrunk.kept` says why. The model and the optimizer are not modified.

    **Arguments:**

    - `model`: any module that torch.export can follow.
    - `example_inputs`: a tensor, or the tuple of its positional arguments. The graph is that of this call, and the outputs are
      compared on it: take real data, a few rows of them. Axis 0 of an input is the batch.
    - `optimizer`: of the model's parameters; comes back with its state cut, so that training goes on. Its penalties, built in or
      attached, come too, for the new parameters: `Shrunk.penalties`.
    - `couple`: groups of ends that are the same units, index by index, where the graph cannot tell:
      `[("encoder.fc1.out", "encoder.fc2.in")]`. You state that zeros stay zeros between them; the comparison checks it. Ends are
      those of Linear and Conv, and `.out` of BatchNorm, InstanceNorm and GroupNorm.
    - `drop_inputs`: remove inputs that nothing reads too. The new model takes fewer: `Shrunk.select` picks them.

    **Raises** `ParameterError` for a model that cannot be followed, an end that does not exist, an optimizer that cannot be
    cut, and where the outputs differ; nothing is lost then.

    Dependency groups of channels: Fang et al., "DepGraph" (CVPR 2023, arXiv:2301.12900). Groups whose zeros leave the output
    as it is: Chen et al., "OTOv2" (ICLR 2023, arXiv:2303.06862). Here both come of running the graph on the units' numbers.
    """
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    quiet = _copied(model).eval()
    before = cost(quiet, inputs)
    found = _follow(quiet, inputs, couple, drop_inputs)
    plan, numbers, difference = _proven(*_precise(quiet, inputs), found)
    small = rebuild(model, _narrowed(model, plan), numbers)
    cuts = [{} if labels is None else plan.cut(labels) for labels in found.inputs]
    return Shrunk(
        small, optimizer and _shrunk_optimizer(optimizer, model, small, plan), before, cost(small, _cut_inputs(inputs, plan)),
        shapes_of(model), numbers, tuple(cuts), plan.kept, difference,
    )  # fmt: skip


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:
        raise ParameterError(
            f"{type(model).__name__} cannot be copied ({str(error).splitlines()[0]}). Where a weight is computed by a hook "
            "(a pruning mask, weight_norm), make it a plain parameter first, e.g. by torch.nn.utils.prune.remove."
        ) from None


def _follow(model: nn.Module, inputs: tuple[Any, ...], couple: Couple, drop_inputs: bool) -> Trace:
    names, tensors = canonical_tensors(model)
    try:
        found = trace(model, inputs, rule_of, drop_inputs)
    except ParameterError:
        if not couple:
            raise
        found = untraced(model, names, tensors, couple)
    _join_calls(found, model)
    apply_couples(found, model, names, couple)
    _pin_what_cannot_follow(found, model)
    return found


def _join_calls(found: Trace, model: nn.Module) -> None:
    """A normalisation without tensors that is called more than once has as many channels each time, as one with tensors has."""
    for path, calls in found.widths.items():
        if isinstance(model.get_submodule(path), CHANNELWISE):
            for channels in (call for call in calls if call.shape[-1] == calls[0].shape[-1]):
                found.units.join(channels, calls[0].reshape(-1, channels.shape[-1])[0])


def _pin_what_cannot_follow(found: Trace, model: nn.Module) -> None:
    """Layers of torch.nn whose forward is tied to their sizes."""
    for name, labels in ((name, labels) for (name, _), labels in found.slots.items()):
        path = name.rpartition(".")[0]
        module = model.get_submodule(path)
        unusual = isinstance(module, nn.MultiheadAttention) and (
            module.in_proj_weight is None or module.bias_k is not None or module.add_zero_attn
        )
        if unusual or refit_of(module) is None:
            found.units.pin(labels, f"`{path}` ({type(module).__name__}): no rule is known for its sizes")


def _precise(model: nn.Module, inputs: tuple[Any, ...]) -> tuple[nn.Module, tuple[Any, ...]]:
    """Model and inputs in float64; as they are, if the model does not run so."""
    double = copy.deepcopy(model).double()
    wide = tree_map(lambda x: x.double() if isinstance(x, Tensor) and x.is_floating_point() else x, inputs)
    try:
        with torch.no_grad():
            double(*wide)
    except (RuntimeError, TypeError):
        return model, inputs
    return double, wide


def _proven(model: nn.Module, inputs: tuple[Any, ...], found: Trace) -> tuple[Plan, Numbers, float]:
    """The most that goes such that the outputs are the same; what only sizes written in a forward keep is pinned on the way."""
    with torch.no_grad():
        expected = model(*inputs)
    plan = decide(found)
    while True:
        differences = []
        for numbers in candidates(model, plan):
            small = rebuild(model, _narrowed(model, plan), numbers)
            differences.append(_difference(small, _cut_inputs(inputs, plan), expected))
            if differences[-1] <= _tolerance(model):
                return plan, numbers, differences[-1]
        _pin_stuck(model, plan)
        before, plan = plan, decide(found)
        if before.removed.sum() == plan.removed.sum():
            raise ParameterError(
                f"{type(model).__name__} without its zeros gives other outputs, by {min(differences):.1e} of the largest, so "
                "it is left as it was. Its forward does something that the graph does not show (random numbers, state), or "
                "`couple` joins units between which zeros do not stay zeros."
            )


def _narrowed(model: nn.Module, plan: Plan) -> dict[str, Tensor]:
    """The tensors that change, by name: constants folded in, then cut."""
    tensors = dict(named_tensors(model))
    changed = {name: biased(tensors[name], addition) for name, addition in plan.folds().items() if (addition != 0).any()}
    return {**changed, **{name: cut_tensor(changed.get(name, tensors[name]), cut) for name, cut in plan.cuts().items()}}


def _cut_inputs(inputs: tuple[Any, ...], plan: Plan) -> tuple[Any, ...]:
    leaves, structure = tree_flatten(inputs)
    labels = plan.trace.inputs or [None] * len(leaves)
    cut = [x if units is None else cut_tensor(x, plan.cut(units)) for x, units in zip(leaves, labels, strict=True)]
    return tree_unflatten(cut, structure)


def _difference(model: nn.Module, inputs: tuple[Any, ...], expected: Any) -> float:
    """inf where the model does not run, or gives other shapes."""
    try:
        with torch.no_grad():
            pairs = list(zip(tree_leaves(model(*inputs)), tree_leaves(expected), strict=True))
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError):
        return math.inf
    return max((_relative(a, b) for a, b in pairs if isinstance(b, Tensor)), default=0.0)


def _relative(a: Tensor, b: Tensor) -> float:
    if a.shape != b.shape:
        return math.inf
    a, b = a.double(), b.double()
    same = (a == b) | (a.isnan() & b.isnan())
    scale = max(1.0, float(b[b.isfinite()].abs().max())) if b.isfinite().any() else 1.0
    worst = torch.where(same, 0.0, (a - b).abs()).nan_to_num(math.inf, math.inf)
    return float(worst.max()) / scale if worst.numel() else 0.0


def _tolerance(model: nn.Module) -> float:
    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()}
    return max([TOLERANCE, *(4 * torch.finfo(kind).eps for kind in kinds)])


def _pin_stuck(model: nn.Module, plan: Plan) -> None:
    """Keep what moves by sizes that no attribute holds."""
    for move in stuck(model, plan):
        for value in values_in((move.args, move.kwargs)):
            gone = value.labels[plan.removed[value.labels]]
            plan.trace.units.pin(gone, f"`{move.owner or 'the model'}`: {SIZES}")


def _shrunk_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, small: nn.Module, plan: Plan) -> Any:
    new = dict(small.named_parameters(remove_duplicate=False))
    parameters = {old: new[name] for name, old in model.named_parameters()}
    cuts = {old: plan.cuts().get(name, {}) for name, old in model.named_parameters()}
    return shrink_optimizer(optimizer, parameters, cuts)
