"""ProxSGD, ProxAdam, ProxAdamW: torch's optimizers with the proximal step built in. They can be copied and pickled."""

from __future__ import annotations

from typing import Any

from torch import optim

from shrinkage.torch.penalties import Penalties
from shrinkage.torch.proximal import Proximal


class _Prox(optim.Optimizer):
    """`attach` at birth. The penalties travel with copies and pickles (their parameters are copied together with the
    optimizer's: copy the model in the same call, `copy.deepcopy((model, optimizer))`)."""

    def __init__(self, params: Any, penalties: Penalties, semantics: str, settings: dict[str, Any]) -> None:
        super().__init__(params, **settings)  # type: ignore[arg-type]
        self._proximal = Proximal(penalties, semantics)
        self._proximal.attach(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_proximal": self._proximal}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_proximal" in state:  # a copy; loading a state_dict comes here too, and keeps the hooks it has
            self._proximal.attach(self)


class ProxSGD(_Prox, optim.SGD):
    """`torch.optim.SGD`, momentum, dampening and Nesterov included, followed by the proximal step of the penalties.

    `params` and `settings` are those of `torch.optim.SGD`; `semantics` as in `attach`.
    """

    def __init__(self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, semantics: str = "map", **settings: Any) -> None:
        super().__init__(params, penalties, semantics, {"lr": lr, **settings})


class ProxAdam(_Prox, optim.Adam):
    """`torch.optim.Adam` followed by the proximal step of the penalties, in Adam's own metric.

    `params` and `settings` are those of `torch.optim.Adam`; `semantics` as in `attach`.
    """

    def __init__(self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, semantics: str = "map", **settings: Any) -> None:
        super().__init__(params, penalties, semantics, {"lr": lr, **settings})


class ProxAdamW(_Prox, optim.AdamW):
    """`torch.optim.AdamW` followed by the proximal step of the penalties, in Adam's own metric.

    `params` and `settings` are those of `torch.optim.AdamW`, but `weight_decay` is 0 unless given: a decay beside the
    metric is the gradient of no penalty. `semantics` as in `attach`.
    """

    def __init__(
        self, params: Any, penalties: Penalties, lr: Any = 1e-3, *, weight_decay: float = 0.0, semantics: str = "map",
        **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__(params, penalties, semantics, {"lr": lr, "weight_decay": weight_decay, **settings})
