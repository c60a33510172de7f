"""What `shrink` leaves of networks that were trained under group penalties. Writes torch_shrink.json and torch_shrink.md.

python -m benchmarks.torch_shrink [--epochs 60] [--threads 1]

scikit-learn's digits, a quarter of them held out. Times are medians of a forward pass of 256 images in eval mode, the large one
and the small one in turns. "Plain" is the same network from the same start, trained without penalties.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from benchmarks.data import HERE
from benchmarks.machine import commit, description
from benchmarks.torch_digits import Images, images
from benchmarks.torch_step import keep, table, versions
from torch import Tensor, nn, optim

import shrinkage as sh
import shrinkage.torch as st

BATCH, TIMED, CALLS = 64, 256, 51


class Block(nn.Module):
    """x + what two convolutions make of it (He et al., 2016, "Identity mappings")."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, inner, 3, padding=1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(inner), nn.Conv2d(inner, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.norm2(self.conv1(self.norm1(x).relu())).relu())


class Tokens(nn.Module):
    """A transformer that reads an image as eight tokens, its rows."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x.unflatten(1, (8, 8))) + self.places).mean(1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def cnn() -> nn.Module:
    stem = (nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1))
    head = (nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 16, 10))
    return nn.Sequential(*stem, Block(16, 64), nn.MaxPool2d(2), Block(16, 64), *head)


def transformer() -> nn.Module:
    return Tokens(64, 8, 2)


def adam(model: nn.Module, penalties: st.Penalties) -> optim.Optimizer:
    return st.ProxAdam(model.parameters(), penalties, lr=3e-3)


def attached(model: nn.Module, penalties: st.Penalties) -> optim.Optimizer:
    return st.attach(optim.Adam(model.parameters(), lr=3e-3), penalties)


def groups(strength: float, by: Any) -> st.Groups:
    return st.Groups(sh.L1(strength), by, root_size=True)


@dataclass(frozen=True)
class Network:
    """What is built, what its weights bear, and what trains it."""

    build: Callable[[], nn.Module]
    rules: dict[Any, Any]
    optimizer: Callable[[nn.Module, st.Penalties], optim.Optimizer]


NETWORKS = {
    "MLP, 64-512-512-10": Network(mlp, {"0.weight": groups(5e-4, "rows"), "2.weight": groups(2e-4, "rows")}, adam),
    "CNN, two residual blocks with batch norm": Network(
        cnn, {"*.conv2.weight": groups(5e-3, "channels"), (nn.BatchNorm2d, "weight"): sh.L1(5e-3)}, attached
    ),
    "transformer, two layers of eight heads": Network(
        transformer, {"*.out_proj.weight": groups(3e-3, ("head columns", 8)), "*.linear2.weight": groups(1e-3, "columns")}, adam
    ),
}


def trained(network: Network, data: Images, epochs: int, strength: float) -> tuple[nn.Module, st.Penalties]:
    """From the same start in the same order for every strength; the rate falls to zero."""
    torch.manual_seed(0)
    model = network.build()
    penalties = st.Penalties(model, network.rules)
    penalties.strength = strength
    optimizer = network.optimizer(model, penalties)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(data.labels)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data.train[rows]), data.labels[rows]).backward()
            optimizer.step()
        schedule.step()
    return model.eval(), penalties


@torch.no_grad()
def medians(models: list[nn.Module], x: Tensor) -> list[float]:
    """Seconds of a call of each, in turns; the first two do not count."""
    times: list[list[float]] = [[] for _ in models]
    for _ in range(CALLS + 2):
        for model, taken in zip(models, times, strict=True):
            start = time.perf_counter()
            model(x)
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[2:]) for taken in times]


@torch.no_grad()
def accuracy(model: nn.Module, data: Images) -> float:
    return float((model(data.test).argmax(1) == data.test_labels).double().mean())


@torch.no_grad()
def difference(model: nn.Module, small: nn.Module, x: Tensor) -> float:
    """The largest of a logit, over the largest logit."""
    logits = model(x)
    return float((small(x) - logits).abs().max() / logits.abs().max())


def row(name: str, network: Network, data: Images, epochs: int) -> dict[str, Any]:
    plain, _ = trained(network, data, epochs, 0.0)
    model, penalties = trained(network, data, epochs, 1.0)
    shrunk = st.shrink(model, data.test[:TIMED])
    return {
        "name": name,
        "penalties": {entry.name: repr(entry.penalty) for entry in penalties.penalised},
        "zeros": st.sparsity(model, penalties).share,
        "parameters": [shrunk.before.parameters, shrunk.after.parameters],
        "bytes": [shrunk.before.bytes, shrunk.after.bytes],
        "seconds": medians([model, shrunk.model], data.test[:TIMED]),
        "difference": difference(model, shrunk.model, data.test),
        "plain": accuracy(plain, data),
        "accuracy": [accuracy(model, data), accuracy(shrunk.model, data)],
        "changed": {name: [list(before), list(after)] for name, (before, after) in shrunk.changed.items()},
        "kept": list(shrunk.kept),
    }


def page(record: dict[str, Any]) -> str:
    machine, names = record["machine"], ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    head = ("", "parameters", "bytes", "ms, 256 images", "times faster", "largest difference", "accuracy", "plain")
    parts = [
        "# What shrinking leaves",
        f"{machine['cpu']}, {record['threads']} thread(s), {machine['memory_gb']} GB; {names}; commit {record['commit']}. "
        f"Written by `python -m benchmarks.torch_shrink`: digits, {record['epochs']} epochs. Arrows: before and after `shrink`. "
        "The difference is of a logit, over the largest one. Plain: the accuracy of the network trained without penalties.",
        table(head, [_cells(row) for row in record["rows"]]),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    before, after = row["seconds"]
    return (
        row["name"], _arrow(row["parameters"], "{:,}"), _arrow(row["bytes"], "{:,}"),
        _arrow([1e3 * before, 1e3 * after], "{:.2f}"), f"{before / after:.1f}", f"{row['difference']:.1e}",
        _arrow(row["accuracy"], "{:.3f}"), f"{row['plain']:.3f}",
    )  # fmt: skip


def _arrow(pair: list[float], form: str) -> str:
    return " → ".join(form.format(number) for number in pair)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "torch_shrink")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    data = images()
    record: dict[str, Any] = {
        "machine": description(), "threads": asked.threads, "versions": versions("torch", "shrinkage"), "commit": commit(),
        "epochs": asked.epochs,
        "rows": [row(name, network, data, asked.epochs) for name, network in NETWORKS.items()],
    }  # fmt: skip
    keep(record, page(record), asked.out)


if __name__ == "__main__":
    main()
