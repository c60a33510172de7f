"""A path over strengths of a penalty on a network's inputs, each step started where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from shrinkage.penalties import L1, L2, Penalty
from shrinkage.torch.groups import Groups
from shrinkage.torch.hierarchy import Hierarchy, SkipNet
from shrinkage.torch.optimizers import ProxAdam, ProxSGD
from shrinkage.torch.penalties import Penalties
from shrinkage.torch.selecting.training import Data, Loss, Training

LONGEST = 200  # steps of a path


@dataclass(frozen=True)
class PathStep:
    """One strength: the features in use, and how the network does on the validation rows.

    `score`: R^2 or accuracy. `loss`: the mean loss over the rows, which chooses, and `se`, its standard error.
    """

    strength: float
    features: tuple[str, ...]
    score: float
    loss: float
    se: float


@dataclass(frozen=True)
class Inputs:
    """What makes a network drop inputs.

    - `first`: the name of the weight whose columns are the inputs.
    - `penalty(strength)`: on that weight.
    - `pull(gradient)`: for each input, the least strength at which it stays out where the weight is zero.
    - `optimizer(params, penalties, lr=)`: one that has a prox of the penalty.
    """

    first: str
    penalty: Callable[[float], Penalty]
    pull: Callable[[Tensor], Tensor]
    optimizer: Callable[..., Any]


# The norm of each input's weights.
COLUMNS = Inputs("0.weight", lambda strength: Groups(L1(strength), "columns"), lambda g: g.norm(dim=0), ProxAdam)


def hierarchy(ratio: float, skip: int) -> Inputs:
    """LassoNet's. Its prox is for one step for all coefficients, so that it is SGD's."""

    def pull(g: Tensor) -> Tensor:
        return g[:skip].norm(dim=0) + ratio * g[skip:].abs().sum(0)

    return Inputs("first.weight", lambda s: Hierarchy(s, ratio, skip), pull, partial(ProxSGD, momentum=0.9))


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths, in double precision, with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inputs, outputs, dtype=torch.float64), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def with_skip(sizes: Sequence[int]) -> SkipNet:
    """The same beside a straight line."""
    inputs, hidden, *_, outputs = sizes
    return SkipNet(inputs, outputs, hidden, nn.Sequential(nn.ReLU(), perceptron(sizes[1:]))).double()


def follow(
    model: nn.Module, loss: Loss, data: Data, strengths: Iterable[float], training: Training, decay: float,
    inputs: Inputs = COLUMNS,
) -> Iterator[tuple[float, nn.Module]]:  # fmt: skip
    """(strength, a copy of the network) for rising strengths, until no input is left.

    Only inputs are made sparse; the other weights have L2(decay), without which they would grow as the first layer shrinks
    and take its strength away: a ReLU network is the same function under W1 / c and c W2.
    """
    training = replace(training, optimizer=inputs.optimizer)
    for strength in strengths:
        rules = {inputs.first: inputs.penalty(strength), "*.weight": L2(decay)}
        training(model, Penalties(model, rules), loss, data)
        yield strength, deepcopy(model)
        if not used(model, inputs).any():
            return


def dense(model: nn.Module, loss: Loss, data: Data, training: Training, decay: float) -> None:
    """The network with all inputs, from which a path starts."""
    training(model, Penalties(model, {"*.weight": L2(decay)}), loss, data)


def growing(start: float, growth: float) -> Iterator[float]:
    """start, start * growth, start * growth**2, ...; at most `LONGEST` of them."""
    return islice((start * growth**k for k in count()), LONGEST)


def critical(model: nn.Module, loss: Loss, data: Data, inputs: Inputs = COLUMNS) -> float:
    """The least strength at which no input enters, the other weights as they are: the largest pull of the gradient in the first
    weight where it is zero."""
    weights = dict(model.named_parameters())
    zero = torch.zeros_like(weights[inputs.first], requires_grad=True)
    value = loss(functional_call(model, {**weights, inputs.first: zero}, (data[0],)), data[1])
    [gradient] = torch.autograd.grad(value, zero)
    return float(inputs.pull(gradient).amax())


def used(model: nn.Module, inputs: Inputs = COLUMNS) -> Tensor:
    """Which inputs the first layer reads, (inputs,)."""
    return (model.get_parameter(inputs.first) != 0).any(0)


def choose(steps: Sequence[PathStep], rule: str, most: int | None) -> int:
    """The index of the step with the least validation loss ("min"), or of the sparsest within one standard error of it
    ("1se"), among those with at most so many features."""
    kept = [i for i, step in enumerate(steps) if most is None or len(step.features) <= most]
    best = min(kept, key=lambda i: steps[i].loss)
    if rule == "min":
        return best
    good = [i for i in kept if steps[i].loss <= steps[best].loss + steps[best].se]
    return min(good, key=lambda i: (len(steps[i].features), steps[i].loss))
