"""A plain loop, whose steps Lightning, Hugging Face's Trainer and skorch must take too; and how to import those."""

import warnings
from types import ModuleType

import pytest

import shrinkage as sh
from tests.torch.battery import network, st, states, torch

nn = torch.nn
PATTERNS = {"0.weight": st.Groups(sh.L1(2e-3), "columns"), "2.weight": sh.L1(0.02)}
ROWS, SIZE, EPOCHS = 64, 16, 3


def installed(name: str) -> ModuleType:
    """The module, or the tests of this file are skipped. What it warns of when it is imported is not about us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed: `make test-torch` installs it")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    return torch.randn(ROWS, 250, generator=made), torch.randint(0, 3, (ROWS,), generator=made)


def by_hand(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The rows in their order, a batch at a time."""
    X, y = data()
    for _ in range(EPOCHS):
        for rows in torch.arange(ROWS).split(SIZE):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return states(model)


def expected() -> list[torch.Tensor]:
    model = network()
    return by_hand(model, st.ProxAdam(model.parameters(), st.Penalties(model, PATTERNS), lr=0.01))
