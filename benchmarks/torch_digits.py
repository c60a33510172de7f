"""A network on scikit-learn's digits under L1: accuracy, exact zeros and objective, by method.

    python -m benchmarks.torch_digits                    every method, 300 epochs, seeds 0 to 4
    python -m benchmarks.torch_digits --epochs 100 step  methods with that word in their names

64-64-10, ReLU, cross-entropy, Adam at 3e-3 unless said, 100 steps of warm-up, a cosine to zero, batches of 64, L1 of 1e-3 on
weights; a quarter of the images held out, stratified. The networks of all seeds train side by side in one module: each has its
own start, its own order of the images, and its own coefficients, on which Adam and the penalties act one by one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import shrinkage as sh
import shrinkage.torch as st

STRENGTH, RATE, SIZE, WARM_UP, HIDDEN = 1e-3, 3e-3, 64, 100, 64


class Networks(nn.Module):
    """One network for each seed: (seeds, rows, pixels) -> (seeds, rows, digits)."""

    def __init__(self, seeds: range) -> None:
        super().__init__()
        made, self.orders = zip(*map(_network, seeds), strict=True)
        for i, layer in ((0, "first"), (2, "second")):
            self.register_parameter(f"{layer}_weight", nn.Parameter(torch.stack([m[i].weight.detach() for m in made])))
            self.register_parameter(f"{layer}_bias", nn.Parameter(torch.stack([m[i].bias.detach() for m in made])[:, None]))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.baddbmm(self.first_bias, x, self.first_weight.mT).relu()
        return torch.baddbmm(self.second_bias, hidden, self.second_weight.mT)


def _network(seed: int) -> tuple[nn.Sequential, torch.Generator]:
    """A start, and what draws the orders of the images from then on."""
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    return made, torch.Generator().set_state(torch.get_rng_state())


@dataclass(frozen=True)
class Images:
    """Training and test images, less the mean training image."""

    train: Tensor
    labels: Tensor
    test: Tensor
    test_labels: Tensor


def images() -> Images:
    X, y = load_digits(return_X_y=True)
    train, test, labels, test_labels = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
    centred = [torch.from_numpy(part - train.mean(0)).float() for part in (train, test)]
    return Images(centred[0], torch.from_numpy(labels), centred[1], torch.from_numpy(test_labels))


def cross_entropy(model: Networks, x: Tensor, y: Tensor) -> Tensor:
    """The mean for each seed."""
    out = model(x)
    return nn.functional.cross_entropy(out.mT, y, reduction="none").mean(1)


def batches(model: Networks, data: Images, epochs: int) -> Iterator[Tensor]:
    """Rows, (seeds, SIZE): each network in its own order."""
    for _ in range(epochs):
        order = torch.stack([torch.randperm(len(data.labels), generator=own) for own in model.orders])
        yield from order[:, : len(data.labels) // SIZE * SIZE].split(SIZE, 1)


def train(model: Networks, optimizer: Any, data: Images, epochs: int, term: Callable | None = None, schedule: Any = None) -> None:
    """`term`: what is added to the loss; `schedule`: of the strength."""
    steps, rate = epochs * (len(data.labels) // SIZE), optimizer.param_groups[0]["lr"]
    for k, rows in enumerate(batches(model, data, epochs)):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (k + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * k / steps))
        optimizer.zero_grad()
        loss = cross_entropy(model, data.train[rows], data.labels[rows]).sum()
        (loss if term is None else loss + term()).backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()


# ---- the methods


def none(model: Networks, data: Images, epochs: int) -> None:
    train(model, torch.optim.Adam(model.parameters(), lr=RATE), data, epochs)


def in_loss(model: Networks, data: Images, epochs: int, rate: float = RATE) -> None:
    train(model, torch.optim.Adam(model.parameters(), lr=rate), data, epochs, l1(model).value)


def prox(model: Networks, data: Images, epochs: int, rate: float = RATE) -> None:
    train(model, st.ProxAdam(model.parameters(), l1(model), lr=rate), data, epochs)


def raised(model: Networks, data: Images, epochs: int, rate: float = RATE, share: float = 0.3) -> None:
    """The strength rises from 0 over the first steps: units find their work before they are judged."""
    penalties = l1(model)
    schedule = st.StrengthSchedule(penalties, st.Ramp(max(1, round(share * epochs * (len(data.labels) // SIZE)))))
    train(model, st.ProxAdam(model.parameters(), penalties, lr=rate), data, epochs, schedule=schedule)


def factors(model: Networks, data: Images, epochs: int, share: float = 0.8, rate: float = 1e-3) -> None:
    """Weights as products whose decay is L1, then the proximal step, which makes the zeros."""
    penalties, first = l1(model), round(share * epochs)
    decay = st.factorize(model, penalties)
    train(model, torch.optim.Adam(model.parameters(), lr=RATE), data, first, decay.value)
    st.collapse(model)
    train(model, st.ProxAdam(model.parameters(), penalties, lr=rate), data, epochs - first)


def pixels(model: Networks, data: Images, epochs: int, strength: float = STRENGTH) -> None:
    """The norm of all weights that read one pixel, times the root of their number."""
    shape = model.first_weight.shape
    labels = np.broadcast_to(np.arange(shape[0])[:, None, None] * 64 + np.arange(64), shape).ravel()
    penalties = st.Penalties(model, {"first_weight": st.Groups(sh.L1(strength), labels, root_size=True)})
    train(model, st.ProxAdam(model.parameters(), penalties, lr=RATE), data, epochs)


def l1(model: Networks) -> st.Penalties:
    return st.Penalties(model, {"*_weight": sh.L1(STRENGTH)})


METHODS: dict[str, Callable] = {
    "no penalty": none,
    "L1 in the loss": in_loss,
    "proximal step": prox,
    "factors, then proximal step": factors,
    "L1 in the loss, rate 1e-2": partial(in_loss, rate=1e-2),
    "proximal step, rate 1e-2": partial(prox, rate=1e-2),
    "proximal step, rate 1e-2, strength raised": partial(raised, rate=1e-2),
    "group L1 on pixels, proximal step": pixels,
    "group L1 on pixels, strength 3.5e-3": partial(pixels, strength=3.5e-3),
}


# ---- what came of it


@torch.no_grad()
def judged(model: Networks, data: Images) -> dict[str, np.ndarray]:
    """One number for each seed."""
    w1, w2 = model.first_weight, model.second_weight
    rows = torch.arange(len(data.labels)).expand(len(w1), -1)
    size = w1.abs().sum((1, 2)) + w2.abs().sum((1, 2))
    right = model(data.test.expand(len(w1), -1, -1)).argmax(2) == data.test_labels
    zeros = (w1 == 0).sum((1, 2)) + (w2 == 0).sum((1, 2))
    found = {
        "accuracy": right.double().mean(1),
        "zeros": zeros / (w1[0].numel() + w2[0].numel()),
        "objective": cross_entropy(model, data.train[rows], data.labels[rows]) + STRENGTH * size,
        "pixels": (w1 != 0).any(1).sum(1),
        "hidden": ((w1 != 0).any(2) & (w2 != 0).any(1)).sum(1),
    }
    return {name: value.double().numpy() for name, value in found.items()}


def run(method: Callable, seeds: range, epochs: int) -> dict[str, np.ndarray]:
    data, model = images(), Networks(seeds)
    method(model, data, epochs)
    return judged(model, data)


def row(name: str, found: dict[str, np.ndarray]) -> str:
    mean = {key: value.mean() for key, value in found.items()}
    accuracy = f"{mean['accuracy']:.4f} ± {found['accuracy'].std(ddof=1) / math.sqrt(len(found['accuracy'])):.4f}"
    objective = "" if name == "no penalty" or "group" in name else f"{mean['objective']:.4f}"
    return f"| {name} | {accuracy} | {mean['zeros']:.1%} | {objective} | {mean['pixels']:.1f} | {mean['hidden']:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("methods", nargs="*", help="words in their names; all if none is given")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| method | accuracy, ± standard error | exact zeros | objective | pixels used, of 64 | hidden units, of 64 |")
    print("|---|---|---|---|---|---|")
    for name, method in METHODS.items():
        if not asked.methods or any(word in name for word in asked.methods):
            print(row(name, run(method, range(asked.seeds), asked.epochs)), flush=True)


if __name__ == "__main__":
    main()
