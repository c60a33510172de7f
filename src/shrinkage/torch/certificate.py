"""certificate(model, penalties, loss, data): how far the optimality conditions are from holding, on all of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, log, pi
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.errors import ConvergenceError, DataError, ParameterError
from shrinkage.torch.penalties import Entry, Penalties
from shrinkage.torch.sharded import is_fully_sharded

Loss = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class Certificate:
    """What was found. `loss` is the mean over the data, `penalty` what is added to it, `objective` their sum.

    `violations`: for each parameter the largest distance, over its coefficients, of minus the gradient from the
    subdifferential of its penalty (without one: of the gradient from 0), in units of the gradient; `violation` is the
    largest. It is 0 at an optimum, and says on mini-batches what remains. `log_posterior` is the log of likelihood times
    prior, where `n` says that there is one: up to the constants that the loss leaves out (nn.MSELoss: none), and with the
    normalisers of priors that have one in closed form.
    """

    loss: float
    penalty: float
    violations: Mapping[str, float]
    log_posterior: float | None = None

    @property
    def objective(self) -> float:
        return self.loss + self.penalty

    @property
    def violation(self) -> float:
        return max(self.violations.values())

    def __str__(self) -> str:
        worst = max(self.violations, key=self.violations.__getitem__)
        return (
            f"Objective {self.objective:.6g} = loss {self.loss:.6g} + penalty {self.penalty:.6g}. "
            f"The optimality conditions hold within {self.violation:.1e} (largest at {worst})."
        )


def certificate(model: nn.Module, penalties: Penalties, loss: Loss, data: Any) -> Certificate:
    """Judge a module on all of its data, dropout off and normalisation by running statistics. Nothing is changed, no `.grad`.

    **Arguments**

    - `loss(output, target)`: the mean (or, with reduction="sum", the sum) over a batch, as it is trained.
    - `data`: (inputs, targets), or an iterable of such batches, read once. Inputs may be one tensor, a tuple or a dict of
      arguments. Of a module under `fully_shard` every process asks, with the same data.

    **Raises** `ParameterError` where `n=` and the loss contradict each other, `DataError` for no data, `ConvergenceError`
    where the objective or a violation is not finite.
    """
    total, gradients, seen = 0.0, [None for _ in penalties.entries], 0
    with _evaluating(model):
        for inputs, targets in _batches(data):
            output = _call(model, inputs)
            _check_scale(penalties, loss, output)
            size = len(targets)
            weight = size if _reduction(loss) == "mean" else 1
            value = loss(output, targets)
            _add(gradients, _gradients(value, penalties.entries, is_fully_sharded(model)), weight)
            total, seen = total + weight * value.item(), seen + size
    if not seen:
        raise DataError("certificate() got no data: an iterator can be read only once; pass a DataLoader or a list of batches.")
    over = seen if _reduction(loss) == "mean" else 1
    violations = penalties.violation([None if g is None else g / over for g in gradients])
    with torch.no_grad():
        penalty = float(penalties.value())
    found = {name: float(value) for name, value in violations.items()}
    _check_finite({"the loss": total, "the penalty": penalty, **found})
    return Certificate(total / over, penalty, found, _log_posterior(penalties, loss, total / over, penalty))


def _check_finite(numbers: dict[str, float]) -> None:
    bad = [name for name, value in numbers.items() if not isfinite(value)]
    if bad:
        raise ConvergenceError(
            f"There is nothing to certify: {', '.join(bad)} not finite. Look for NaN in the data, or go back to a checkpoint and "
            "lower the learning rate."
        )


def _batches(data: Any) -> Iterable[tuple[Any, Any]]:
    single = isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], Tensor)
    return [data] if single else data


def _call(model: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _gradients(value: Tensor, entries: tuple[Entry, ...], sharded: bool) -> list[Tensor | None]:
    trained = [e.parameter for e in entries if e.parameter.requires_grad]
    found = _by_backward(value, trained) if sharded else torch.autograd.grad(value, trained, allow_unused=True)
    by_parameter = dict(zip(trained, found, strict=True))
    return [by_parameter.get(e.parameter) for e in entries]


def _by_backward(value: Tensor, trained: list[nn.Parameter]) -> list[Tensor | None]:
    """What `backward` leaves in `.grad`, which is then put back."""
    kept = [p.grad for p in trained]
    try:
        for p in trained:
            p.grad = None
        value.backward()
        return [p.grad for p in trained]
    finally:
        for p, gradient in zip(trained, kept, strict=True):
            p.grad = gradient


def _add(totals: list[Any], gradients: list[Tensor | None], weight: float) -> None:
    for i, gradient in enumerate(gradients):
        if gradient is not None:
            totals[i] = weight * gradient + (0 if totals[i] is None else totals[i])


def _reduction(loss: Loss) -> str:
    return getattr(loss, "reduction", "mean")


def _check_scale(penalties: Penalties, loss: Loss, output: Any) -> None:
    """`n=` stands beside a mean negative log likelihood, or nn.MSELoss with its noise."""
    if _reduction(loss) not in ("mean", "sum"):
        raise ParameterError(f"The loss must be one number: reduction='mean' or 'sum'; got {_reduction(loss)!r}.")
    if penalties.n is None:
        return
    if _reduction(loss) == "sum":
        raise ParameterError("n= divides penalties to stand beside a mean loss; this loss is a sum over the batch. Use n=None.")
    if not isinstance(loss, nn.MSELoss):
        return
    if penalties.noise is None:
        raise ParameterError(
            "nn.MSELoss is 2 noise^2 times a mean negative log likelihood: Penalties with n= needs noise=, the standard "
            "deviation of the noise, too."
        )
    outputs = output[0].numel()
    if outputs != penalties.outputs:
        raise ParameterError(f"nn.MSELoss averages over {outputs} outputs here: Penalties needs outputs={outputs}.")


def _log_posterior(penalties: Penalties, loss: Loss, value: float, penalty: float) -> float | None:
    if penalties.n is None:
        return None
    constant = penalties.n * penalties.outputs / 2 * log(2 * pi * penalties.noise**2) if penalties.noise else 0.0
    normalizers = sum(_log_normalizer(penalties, entry) for entry in penalties.penalised)
    return -penalties.observations * (value + penalty) - constant - normalizers


def _log_normalizer(penalties: Penalties, entry: Entry) -> float:
    """Of the prior on the coefficients that feel it; 0 where it is improper, or in no closed form."""
    rows, *rest = entry.parameter.shape or (1,)
    prior: Any = float(penalties.strength) * entry.penalty  # type: ignore[operator]
    return prior.log_normalizer_known((rows - (entry.padding is not None), *rest))[0]
