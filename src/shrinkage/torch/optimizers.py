"""ProxSGD, ProxAdam, ProxAdamW: torch's optimizers with the proximal step built in. They can be copied and pickled."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn, optim

from shrinkage.torch.penalties import Penalties
from shrinkage.torch.proximal import Proximal, attached


class Prox(optim.Optimizer):
    """`attach` at birth. The penalties travel with copies and pickles (their parameters are copied together with the
    optimizer's: copy the model in the same call, `copy.deepcopy((model, optimizer))`)."""

    def __init__(self, params: Any, penalties: Penalties, semantics: str, settings: dict[str, Any]) -> None:
        super().__init__(params, **settings)  # type: ignore[arg-type]
        self._proximal = Proximal(penalties, semantics)
        self._proximal.attach(self)

    @property
    def penalties(self) -> Penalties:
        """Those of the proximal step; a copy has its own."""
        return self._proximal.penalties

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_proximal": self._proximal}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_proximal" in state:  # a copy; loading a state_dict comes here too, and keeps the hooks it has
            self._proximal.attach(self)


def penalties_of(optimizer: optim.Optimizer) -> tuple[Penalties, ...]:
    """What acts at the end of its steps: built in, then attached."""
    built_in = [optimizer.penalties] if isinstance(optimizer, Prox) else []
    return (*built_in, *(step.penalties for step in attached(optimizer)))


class ProxSGD(Prox, optim.SGD):
    """`torch.optim.SGD`, momentum, dampening and Nesterov included, followed by the proximal step of the penalties.

    `params` and `settings` are those of `torch.optim.SGD`; `semantics` as in `attach`.
    """

    def __init__(self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, semantics: str = "map", **settings: Any) -> None:
        super().__init__(params, penalties, semantics, {"lr": lr, **settings})


class ProxAdam(Prox, optim.Adam):
    """`torch.optim.Adam` followed by the proximal step of the penalties, in Adam's own metric.

    `params` and `settings` are those of `torch.optim.Adam`, but on a CPU `fused` is True unless `fused` or `foreach` is given:
    torch's other forms take several times as long there. `semantics` as in `attach`.
    """

    def __init__(self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, semantics: str = "map", **settings: Any) -> None:
        params, form = _form(params, settings)
        super().__init__(params, penalties, semantics, {"lr": lr, **form, **settings})


class ProxAdamW(Prox, optim.AdamW):
    """`torch.optim.AdamW` followed by the proximal step of the penalties, in Adam's own metric.

    `params` and `settings` are those of `torch.optim.AdamW`, but `weight_decay` is 0 unless given: a decay beside the
    metric is the gradient of no penalty. `fused` as in `ProxAdam`; `semantics` as in `attach`.
    """

    def __init__(
        self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, weight_decay: float = 0.0, semantics: str = "map",
        **settings: Any,
    ) -> None:  # fmt: skip
        params, form = _form(params, settings)
        super().__init__(params, penalties, semantics, {"lr": lr, "weight_decay": weight_decay, **form, **settings})


def _form(params: Any, settings: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The parameters, iterators read into lists, and which form of the step they take where none is asked for."""
    params = [{**p, "params": _listed(p["params"])} if isinstance(p, dict) else p for p in params]
    parts = [part for p in params for part in (p["params"] if isinstance(p, dict) else [p])]
    tensors = [part[1] if isinstance(part, tuple) else part for part in parts]  # (name, parameter)
    asked = any(settings.get(name) for name in ("differentiable", "capturable")) or settings.get("fused") is not None
    plain = all(type(p) in (nn.Parameter, Tensor) and p.is_cpu and p.is_floating_point() for p in tensors)
    return params, {"fused": True} if plain and not asked and settings.get("foreach") is None else {}


def _listed(params: Any) -> list[Any]:
    return [params] if isinstance(params, Tensor) else list(params)
