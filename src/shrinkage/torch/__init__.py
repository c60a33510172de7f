"""Penalties on the parameters of a PyTorch module: exact zeros under any optimizer, with strengths that mean what they say; and
networks that get smaller by them."""

from importlib import import_module
from typing import Any

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        'shrinkage.torch needs PyTorch, which is not installed: pip install "shrinkage[torch]"', name="torch"
    ) from None

from shrinkage.torch.certificate import Certificate, certificate
from shrinkage.torch.factors import collapse, factorize
from shrinkage.torch.groups import Groups
from shrinkage.torch.hierarchy import Hierarchy, SkipNet
from shrinkage.torch.laplace import LaplacePosterior, laplace
from shrinkage.torch.monitor import Monitor
from shrinkage.torch.nuclear import Nuclear
from shrinkage.torch.optimizers import ProxAdam, ProxAdamW, ProxSGD
from shrinkage.torch.penalties import Penalties
from shrinkage.torch.proximal import attach
from shrinkage.torch.schedules import Ramp, StrengthSchedule
from shrinkage.torch.sparsity import sparsity

# Where the rest is, which is read once it is asked for: torch.export, for files safetensors, for estimators scikit-learn.
_HOME_OF = {
    "shrink": "shrinking.verb", "Shrunk": "shrinking.record", "save_shrunk": "shrinking.files",
    "load_shrunk": "shrinking.files", "describe_shrunk": "shrinking.files", "PathStep": "selecting.path",
    "SparseNetClassifier": "selecting.estimators", "SparseNetRegressor": "selecting.estimators",
}  # fmt: skip

__all__ = [
    "Certificate", "Groups", "Hierarchy", "LaplacePosterior", "Monitor", "Nuclear", "PathStep", "Penalties", "ProxAdam",
    "ProxAdamW", "ProxSGD", "Ramp", "Shrunk", "SkipNet", "SparseNetClassifier", "SparseNetRegressor", "StrengthSchedule",
    "attach", "certificate", "collapse", "describe_shrunk", "factorize", "laplace", "load_shrunk", "save_shrunk", "shrink",
    "sparsity",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'shrinkage.torch' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"shrinkage.torch.{_HOME_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "safetensors":
            raise
        raise ModuleNotFoundError(
            f'shrinkage.torch.{name} needs safetensors, which is not installed: pip install "shrinkage[torch]"', name=error.name
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
