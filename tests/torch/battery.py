"""The optimizers and penalties that the tests of shrinkage.torch run over. A new optimizer is one line here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import shrinkage as sh

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make test-torch` installs it")

from torch import nn, optim  # noqa: E402
from torch.nn.utils import prune  # noqa: E402, F401

import shrinkage.torch as st  # noqa: E402


@dataclass(frozen=True)
class Optimizer:
    """`make(params)`; `steps` in which it solves the small problem below; `fused` where torch has a fused form on the CPU."""

    name: str
    kind: type
    settings: dict
    steps: int = 1500
    fused: bool = False

    def make(self, params: Any, **more: Any) -> optim.Optimizer:
        return self.kind(params, **{**self.settings, **more})

    def __str__(self) -> str:
        return self.name


OPTIMIZERS = [
    Optimizer("SGD", optim.SGD, {"lr": 0.2}, fused=True),
    Optimizer("SGD with momentum", optim.SGD, {"lr": 0.03, "momentum": 0.9}, fused=True),
    Optimizer("SGD with dampening", optim.SGD, {"lr": 0.06, "momentum": 0.9, "dampening": 0.5}, fused=True),
    Optimizer("SGD with Nesterov", optim.SGD, {"lr": 0.03, "momentum": 0.9, "nesterov": True}, fused=True),
    Optimizer("Adam", optim.Adam, {"lr": 0.1}, fused=True),
    Optimizer("Adam with AMSGrad", optim.Adam, {"lr": 0.2, "amsgrad": True}, fused=True),
    Optimizer("AdamW", optim.AdamW, {"lr": 0.1, "weight_decay": 0.0}, fused=True),
    Optimizer("NAdam", optim.NAdam, {"lr": 0.1}),
    Optimizer("RAdam", optim.RAdam, {"lr": 0.3}),
    Optimizer("Adamax", optim.Adamax, {"lr": 0.1}),
    Optimizer("Adagrad", optim.Adagrad, {"lr": 3.0}, fused=True),
    Optimizer("Adagrad with decay", optim.Adagrad, {"lr": 3.0, "lr_decay": 1e-4}),
    Optimizer("RMSprop", optim.RMSprop, {"lr": 0.1}),
    Optimizer("RMSprop, centred", optim.RMSprop, {"lr": 0.03, "centered": True, "eps": 1e-3}),
    Optimizer("RMSprop with momentum", optim.RMSprop, {"lr": 0.01, "momentum": 0.9}),
    Optimizer("Adadelta", optim.Adadelta, {"lr": 30.0}, steps=2500),
    Optimizer("Adafactor", optim.Adafactor, {"lr": 0.1}),
]

PENALTIES = {
    "L1": sh.L1(0.3),
    "L2": sh.L2(0.5),
    "elastic net": sh.L1(0.2) + sh.L2(0.4),
    "L1 per column": sh.L1(np.array([0.1, 0.0, 0.5, 0.2, 0.3, 0.4])),
    "MCP": sh.MCP(0.3, 3.0),
    "SCAD": sh.SCAD(0.3, 3.7),
    "NonNegative": sh.L1(0.2) + sh.NonNegative(),
    "Box": sh.Box(-0.4, 0.6),
    "rows": st.Groups(sh.L1(0.6), "rows"),
    "columns": st.Groups(sh.L1(0.4), "columns", root_size=True),
    "whole": st.Groups(sh.L1(0.9), "whole"),
    "heads": st.Groups(sh.L1(0.8), ("heads", 2)),
    "head columns": st.Groups(sh.L1(0.5), ("head columns", 2)),
    "blocks": st.Groups(sh.L1(0.5), ("blocks", (2, 3))),
    "labels": sh.Grouped(sh.L1(0.5), np.arange(24) % 5),
    "group elastic net": st.Groups(sh.L1(0.4) + sh.L2(0.5), "rows"),
    "sparse group": sh.L1(0.2) + st.Groups(sh.L1(0.5), "rows"),
    "sparse group + L2": sh.L1(0.2) + sh.L2(0.3) + st.Groups(sh.L1(0.5), "columns"),
    "2 * rows": 2.0 * st.Groups(sh.L1(0.3), "rows"),
}  # all on a 4 x 6 weight
ONE_STEP = {
    "group MCP": st.Groups(sh.MCP(0.6, 3.0), "rows"),
    "group SCAD": st.Groups(sh.SCAD(0.6, 3.7), "columns"),
    "nuclear": st.Nuclear(0.7),
    "nuclear + L2": sh.L2(0.2) + st.Nuclear(0.7),
}


def cosine(optimizer: optim.Optimizer, steps: int) -> optim.lr_scheduler.LRScheduler:
    """From the rate to zero."""
    return optim.lr_scheduler.LambdaLR(optimizer, lambda k: 0.5 * (1 + math.cos(math.pi * min(1.0, k / steps))))


def train(model: nn.Module, optimizer: optim.Optimizer, loss: Callable, data: tuple, steps: int) -> None:
    """All of the data at every step, the rate going to zero."""
    schedule = cosine(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(data[0]), data[1]).backward()
        optimizer.step()
        schedule.step()


class Two(nn.Module):
    """Two linear models of the same rows: one for a lasso, one for groups."""

    def __init__(self, p: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(p, 1, dtype=dtype), nn.Linear(p, 1, dtype=dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.a(x), self.b(x)], 1)


def half_squares(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return 0.5 * ((output - target[:, None]) ** 2).sum(1).mean()


def problem(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Nine columns whose scales differ by ten, one of them constant zero, four of them at work."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 9)) * np.logspace(-0.5, 0.5, 9)[rng.permutation(9)]
    X[:, 7] = 0.0
    effects = np.array([3.0, -2.0, 1.5, 0, 0, 0, 0.6, 0, 0]) / np.sqrt((X**2).mean(0)).clip(0.1)
    return torch.from_numpy(X), torch.from_numpy(X @ effects + 0.5 * rng.standard_normal(n))


def network(seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """Large enough that its first weight is more than one tile."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(250, 300), nn.ReLU(), nn.Linear(300, 3)).to(dtype)


def batches(count: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> list[tuple[torch.Tensor, torch.Tensor]]:
    made = torch.Generator().manual_seed(seed)
    return [(torch.randn(16, 250, generator=made, dtype=dtype), torch.randint(0, 3, (16,), generator=made)) for _ in range(count)]


def states(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def same_bits(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
