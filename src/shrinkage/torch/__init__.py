"""Penalised networks in PyTorch. Torch is optional: `pip install "shrinkage[torch]"`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "shrinkage.torch.shrinking.verb": "shrink",
    "shrinkage.torch.shrinking.record": "Shrunk",
    "shrinkage.torch.shrinking.files": "save_shrunk load_shrunk describe_shrunk",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_EXTRA = {"torch", "safetensors"}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'shrinkage.torch' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOME_OF[name]), name)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise ModuleNotFoundError(
            f'shrinkage.torch.{name} needs {error.name}, which is not installed: pip install "shrinkage[torch]".', name=error.name
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
