"""Penalties on the parameters of a PyTorch module: exact zeros under any optimizer, with strengths that mean what they say."""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        'shrinkage.torch needs PyTorch, which is not installed: pip install "shrinkage[torch]"', name="torch"
    ) from None

from shrinkage.torch.certificate import Certificate, certificate
from shrinkage.torch.groups import Groups
from shrinkage.torch.monitor import Monitor
from shrinkage.torch.nuclear import Nuclear
from shrinkage.torch.optimizers import ProxAdam, ProxAdamW, ProxSGD
from shrinkage.torch.penalties import Penalties
from shrinkage.torch.proximal import attach
from shrinkage.torch.schedules import Ramp, StrengthSchedule
from shrinkage.torch.sparsity import sparsity

__all__ = [
    "Certificate", "Groups", "Monitor", "Nuclear", "Penalties", "ProxAdam", "ProxAdamW", "ProxSGD", "Ramp",
    "StrengthSchedule", "attach", "certificate", "sparsity",
]  # fmt: skip
