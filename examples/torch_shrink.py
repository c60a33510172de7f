"""Train a small network on digits with penalties that make zeros, take the zeros out, and see what it costs now.

    pip install "shrinkage[torch]"
    python examples/torch_shrink.py

In every layer the weights that read one input, a pixel or a hidden unit, are a group, whose norm is penalised. An input that no
weight reads is then left out for real: the network gives the same logits from fewer numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import shrinkage as sh
from shrinkage.torch import Groups, Penalties, ProxAdam, load_shrunk, save_shrunk, shrink

RATE, STRENGTH, EPOCHS = 3e-3, 3e-3, 60


def build() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, X: torch.Tensor, y: torch.Tensor, epochs: int) -> None:
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    return float((model(X).argmax(1) == y).double().mean())


def main() -> None:
    torch.manual_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        torch.tensor(pixels / 16).float(), torch.tensor(digits), stratify=digits, random_state=0
    )
    model = build()
    penalties = Penalties(model, {"*.weight": Groups(sh.L1(STRENGTH), "columns")})
    optimizer = ProxAdam(model.parameters(), penalties, lr=RATE)
    train(model, optimizer, X, y, EPOCHS)

    shrunk = shrink(model, X_test, optimizer, drop_inputs=True)
    print(shrunk)
    (small_test,) = shrunk.select(X_test)
    difference = float((shrunk.model(small_test) - model(X_test)).detach().abs().max())
    large, small = accuracy(model, X_test, y_test), accuracy(shrunk.model, small_test, y_test)
    print(f"\nlargest difference of a logit: {difference:.1e}")
    print(f"accuracy of the large network {large:.3f}, of the small one {small:.3f}")

    train(shrunk.model, shrunk.optimizer, *shrunk.select(X), y, 20)
    print(f"after twenty epochs more, without a penalty: {accuracy(shrunk.model, small_test, y_test):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        save_shrunk(shrunk, path)
        same = torch.equal(load_shrunk(path, build)(small_test), shrunk.model(small_test))
        print(f"saved as {path.stat().st_size:,} bytes; read again, {'the same' if same else 'other'} logits")


if __name__ == "__main__":
    main()
