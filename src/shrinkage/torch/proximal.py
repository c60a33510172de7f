"""attach(optimizer, penalties): after each step of any optimizer of torch, the proximal step of the penalties."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage.errors import ParameterError
from shrinkage.torch import compiled
from shrinkage.torch.groups import needs_one_step
from shrinkage.torch.metrics import DECOUPLED, METRICS, Group, Metric, State, metric_of
from shrinkage.torch.penalties import Entry, Penalties
from shrinkage.torch.updates import in_full, tiles, update_of

SEMANTICS = ("map", "decoupled")


def attach(optimizer: Optimizer, penalties: Penalties, semantics: str = "map") -> Optimizer:
    """Let every `optimizer.step()` end in the proximal step of the penalties, which makes exact zeros. The same object back.

    **Arguments**

    - `semantics`: "map": the step is in the optimizer's own metric and takes the gain of its momentum into account, so that
      on a full batch with a rate going to zero any optimizer ends at the optimum of loss + penalty. "decoupled": a threshold
      of rate * strength, as AdamW decays: under an adaptive optimizer, a zero stays where the gradient over its own root
      mean square is below the strength; that is a ratio of signal to noise, without units, and no prior.

    Parameters whose gradient is None are left alone, as torch leaves them. A copy or a pickle would lose the penalties and is
    refused: use `ProxSGD`, `ProxAdam`, `ProxAdamW`, or save `state_dict()`, which is complete. `shrink` carries them over.

    **Raises** `ParameterError` for an optimizer without a known metric, penalties under it that need one step for all
    coefficients, and penalised parameters that the optimizer does not train.
    """
    adopt(optimizer, Proximal(penalties, semantics))
    return optimizer


def adopt(optimizer: Optimizer, proximal: Proximal) -> None:
    """Attach it, keep it where `attached` finds it, and refuse copies from now on."""
    proximal.attach(optimizer)
    optimizer._attached = [*attached(optimizer), proximal]  # type: ignore[attr-defined]
    optimizer.__getstate__ = _refuse_copies  # type: ignore[method-assign]


def attached(optimizer: Optimizer) -> list[Proximal]:
    """What `attach` has added, in its order; the part that is built into ProxAdam and its like is not among it."""
    return getattr(optimizer, "_attached", [])


def detached(optimizer: Optimizer) -> Optimizer:
    """The same optimizer without what `attach` has added, to be copied: it shares all else, and is not to take a step."""
    bare = object.__new__(type(optimizer))
    vars(bare).update({name: x for name, x in vars(optimizer).items() if name not in ("_attached", "__getstate__")})
    return bare


def _refuse_copies() -> Any:
    raise ParameterError(
        "An optimizer with attached penalties cannot be copied or pickled: the copy would train without them. "
        "Use ProxSGD, ProxAdam or ProxAdamW, or save state_dict() and attach again."
    )


class Proximal:
    """The proximal step after each step of one optimizer."""

    def __init__(self, penalties: Penalties, semantics: str = "map") -> None:
        if not isinstance(penalties, Penalties):
            raise ParameterError(f"Expected Penalties(model, {{pattern: penalty}}); got {penalties!r}.")
        if semantics not in SEMANTICS:
            raise ParameterError(f"semantics must be one of {SEMANTICS}; got {semantics!r}.")
        self.penalties, self.semantics = penalties, semantics
        self._entries = {entry.parameter: entry for entry in penalties.penalised}
        self._kept: dict[Tensor, Any] = {}

    def attach(self, optimizer: Optimizer) -> None:
        check(optimizer, self.penalties, self.semantics)
        self._recipes = {entry: compiled.recipe(entry) for entry in self.penalties.penalised}  # `shrink` copies to other shapes
        metric = self._metric(optimizer)
        if metric.before is not None:
            optimizer.register_step_pre_hook(self.before)
        optimizer.register_step_post_hook(self.after)

    @torch.compiler.disable
    @torch.no_grad()
    def before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Of every parameter: a gradient may come only by the closure that is handed to the step."""
        keep = self._metric(optimizer).before
        pairs = [(group, p) for group in optimizer.param_groups for p in group["params"] if p in self._entries]
        self._kept = {p: keep(group, optimizer.state.get(p, {}), p) for group, p in pairs}

    @torch.compiler.disable  # torch.compile takes the optimizer's own step; hooks stand outside of it in any case
    @torch.no_grad()
    def after(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        factor, metric = self.penalties.factor * _stepped(optimizer), self._metric(optimizer)
        for group, entry in self._moved(optimizer):
            recipe, state = self._recipes[entry], self._state(optimizer, entry)
            if recipe is None or not compiled.shrink(recipe, metric, group, state, entry.parameter, factor):
                _under(metric, group, state, entry, factor)
        self._kept.clear()

    def _metric(self, optimizer: Optimizer) -> Any:
        return metric_of(optimizer) if self.semantics == "map" else DECOUPLED

    def _moved(self, optimizer: Optimizer) -> Iterator[tuple[Group, Entry]]:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter in self._entries:
                    yield group, self._entries[parameter]

    def _state(self, optimizer: Optimizer, entry: Entry) -> State:
        """What a rule reads: the optimizer's state, the gradient, and what `before` kept."""
        p = entry.parameter
        return {**optimizer.state[p], "grad": p.grad, "dtype": p.dtype, "before": self._kept.get(p)}


def _under(metric: Metric, group: Group, state: State, entry: Entry, factor: float | Tensor) -> None:
    """The proximal step in the metric of the step that was just taken."""
    update, parameter = update_of(entry), entry.parameter
    state = in_full(state) if metric.whole else state
    largest = None if metric.moment is None else _largest(metric.moment(group, state, parameter))
    in_tiles = update.in_tiles and not metric.whole
    for w, part in tiles(parameter, state) if in_tiles else [(parameter, in_full(state))]:
        moment = None if metric.moment is None else _settled(metric.moment(group, part, w), largest)
        update(w, metric.step(group, part, moment), factor)


def _largest(moment: Tensor) -> Tensor:
    """The most cautious moment of a tensor; infinity, which is no step, as long as the tensor has had no gradient."""
    largest = in_full({"": moment.amax()})[""]
    return torch.where(largest > 0, largest, inf)


def _settled(moment: Tensor, largest: Any) -> Tensor:
    """A coefficient without a gradient so far takes the largest moment of its tensor: its own, 0, would make its first
    threshold rate * strength / eps. (Two passes, where a comparison and `where` take ten times as long on a CPU.)"""
    settled = torch.threshold(moment, 0.0, inf)
    return torch.minimum(settled, largest, out=settled)


def _stepped(optimizer: Optimizer) -> float | Tensor:
    """1, or 0 where a fused optimizer under a GradScaler has met an overflow and changed nothing."""
    found = getattr(optimizer, "found_inf", None)
    return 1.0 if found is None else (found.reshape(()) == 0).float()


def check(optimizer: Optimizer, penalties: Penalties, semantics: str) -> None:
    """Refuse what would give strengths another meaning without a word."""
    name, metric = type(optimizer).__name__, metric_of(optimizer)
    if semantics == "map" and metric is None:
        raise ParameterError(
            f"semantics='map' has no rule for {name}: how far its step goes for a gradient of 1 is not known here, or (signs, "
            f"orthogonalised steps) not defined, so a strength would mean nothing. Use one of "
            f"{', '.join(cls.__name__ for cls in METRICS)} unwrapped, or semantics='decoupled', which is no prior."
        )
    if semantics == "decoupled" and penalties.n is not None:
        raise ParameterError("semantics='decoupled' is no prior, so n= says nothing about it: give Penalties without n.")
    if any(group.get("differentiable") for group in optimizer.param_groups):
        raise ParameterError("The proximal step is not differentiated through: use differentiable=False.")
    whole = [e.name for e in penalties.penalised if needs_one_step(e.penalty)]  # type: ignore[arg-type]
    if semantics == "map" and whole and metric is not None and metric.moment is not None:
        raise ParameterError(
            f"The penalty of {whole[0]} has a prox for one step for all its coefficients, and {name} takes one for each. "
            "Use SGD, or semantics='decoupled'."
        )
    trained = {parameter for group in optimizer.param_groups for parameter in group["params"]}
    missing = [e.name for e in penalties.penalised if e.parameter.requires_grad and e.parameter not in trained]
    if missing:
        raise ParameterError(
            f"{name} does not train {', '.join(missing[:5])}, which would keep a penalty that no step applies. "
            "Give each optimizer Penalties of its own parameters."
        )
    if semantics == "map":
        _warn_of_decay(optimizer)


def _warn_of_decay(optimizer: Optimizer) -> None:
    always = isinstance(optimizer, torch.optim.AdamW | torch.optim.Adafactor)
    for group in optimizer.param_groups:
        if group.get("weight_decay") and (always or group.get("decoupled_weight_decay")):
            warnings.warn(
                f"{type(optimizer).__name__} decays weights beside its metric (weight_decay={group['weight_decay']}), which is "
                "the gradient of no penalty: the result is not the optimum of loss + penalties. Set weight_decay=0 and add L2.",
                stacklevel=4,
            )
            return
