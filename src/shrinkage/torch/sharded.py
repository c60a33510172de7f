"""Parameters that are spread over processes (DTensor), as tensor parallelism and FSDP2 leave them."""

from __future__ import annotations

import sys

from torch import Tensor, nn


def whole(x: Tensor) -> Tensor:
    """x in one piece in every process; differentiable. What is no DTensor stays as it is.

    A number that is reduced from shards needs it: `float` of it would give what this process has.
    """
    return x.full_tensor() if is_sharded(x) else x  # type: ignore[attr-defined]


def is_sharded(x: Tensor) -> bool:
    """Whether it is a DTensor."""
    return hasattr(x, "full_tensor")


def is_fully_sharded(model: nn.Module) -> bool:
    """Whether `fully_shard` has had a part of it: then gradients are found in `.grad` alone."""
    fsdp = sys.modules.get("torch.distributed.fsdp")  # imported by whoever has sharded it
    return fsdp is not None and any(isinstance(module, fsdp.FSDPModule) for module in model.modules())
