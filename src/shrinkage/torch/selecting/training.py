"""Training at one strength: minibatches, a proximal step, the rate to zero by a cosine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.errors import ParameterError
from shrinkage.torch.optimizers import ProxAdam
from shrinkage.torch.penalties import Penalties

Loss = Callable[[Tensor, Tensor], Tensor]
Data = tuple[Tensor, Tensor]  # inputs (n, p), targets (n, ...)


@dataclass(frozen=True)
class Training:
    epochs: int
    batch_size: int
    rate: float
    optimizer: Callable[..., Any] = ProxAdam

    def __call__(self, model: nn.Module, penalties: Penalties, loss: Loss, data: Data) -> None:
        optimizer = self.optimizer(model.parameters(), penalties, lr=self.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        for _ in range(self.epochs):
            for rows in torch.randperm(len(data[0])).split(self.batch_size):
                optimizer.zero_grad()
                loss(model(data[0][rows]), data[1][rows]).backward()
                optimizer.step()
            schedule.step()
        if not all(p.isfinite().all() for p in model.parameters()):
            raise ParameterError(f"Training diverged at learning_rate={self.rate}: use a smaller one.")
