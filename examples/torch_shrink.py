"""Train a small network on digits with penalties that make zeros, take the zeros out, and see what it costs now.

    pip install "shrinkage[torch]"
    python examples/torch_shrink.py

Two kinds of groups are penalised by their norm, after each step of the optimizer: the weights that leave a pixel, and the row
of a hidden unit with its bias. What goes is then left out for real: the network gives the same logits from fewer numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from shrinkage.torch import load_shrunk, save_shrunk, shrink

RATE, STRENGTH, EPOCHS = 0.1, 0.008, 60


def build() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


@torch.no_grad()
def proximal_step(layers: list[nn.Linear], threshold: float) -> None:
    """Shrink the norm of each group by the threshold, to zero where it is smaller."""
    for layer in layers:
        rows = torch.cat([layer.weight, layer.bias[:, None]], 1).norm(dim=1, keepdim=True)
        factor = torch.where(rows > threshold, 1 - threshold / rows, 0.0)
        layer.weight *= factor
        layer.bias *= factor[:, 0]
    pixels = layers[0].weight.norm(dim=0)
    layers[0].weight *= torch.where(pixels > threshold, 1 - threshold / pixels, 0.0)


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, X: torch.Tensor, y: torch.Tensor, epochs: int, threshold: float
) -> None:
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
            if threshold:
                proximal_step([model[0], model[2]], threshold)


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
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    train(model, optimizer, X, y, EPOCHS, RATE * STRENGTH)

    shrunk = shrink(model, X_test, optimizer, drop_inputs=True)
    print(shrunk)
    (small_test,) = shrunk.select(X_test)
    difference = float((shrunk.model(small_test) - model(X_test)).detach().abs().max())
    large, small = accuracy(model, X_test, y_test), accuracy(shrunk.model, small_test, y_test)
    print(f"\nlargest difference of a logit: {difference:.1e}")
    print(f"accuracy of the large network {large:.3f}, of the small one {small:.3f}")

    train(shrunk.model, shrunk.optimizer, *shrunk.select(X), y, 20, 0.0)
    print(f"after twenty epochs more, without a penalty: {accuracy(shrunk.model, small_test, y_test):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        save_shrunk(shrunk, path)
        same = torch.equal(load_shrunk(path, build)(small_test), shrunk.model(small_test))
        print(f"saved as {path.stat().st_size:,} bytes; read again, {'the same' if same else 'other'} logits")


if __name__ == "__main__":
    main()
