"""Penalties(model, {pattern: penalty}): which parameter bears which penalty, at what strength, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.errors import ParameterError
from shrinkage.penalties import Penalty
from shrinkage.plurals import counted
from shrinkage.torch import parameters
from shrinkage.torch.groups import for_tensors, has_labels
from shrinkage.torch.parameters import Pattern, Place
from shrinkage.torch.sharded import is_sharded, whole

Rules = Mapping[Pattern, Penalty | None]
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, eq=False)
class Entry:
    """One parameter: its names (several where it is tied), its penalty or None, the pattern that decided, and why."""

    names: tuple[str, ...]
    parameter: nn.Parameter
    penalty: Penalty | None = None
    pattern: Pattern = None
    reason: str = "no pattern matches"
    padding: int | None = None  # a row that the penalty does not touch

    @property
    def name(self) -> str:
        return self.names[0]

    def felt(self, w: Tensor) -> Tensor:
        """w as the penalty sees it: half precision as float32, the padding row as zeros."""
        w = w.float() if w.dtype in HALF else w
        return w if self.padding is None else w.index_fill(0, torch.tensor([self.padding], device=w.device), 0.0)


class Penalties:
    """Penalties, which are priors, on the parameters of a module. `print` them: what every parameter got, and why.

    **Arguments**

    - `model`: the module. Its parameters are held, not copied.
    - `patterns`: {pattern: penalty}; the first pattern that matches a parameter wins. A pattern is a name with wildcards,
      a compiled regular expression (searched for in the name), a module class, or (class, "weight"). Biases, the parameters
      of normalisation layers and the padding row of embeddings are left out unless named exactly: by full name, or by
      (class, attribute). The penalty None leaves out what matches.
    - `n`: None: strengths act on the loss that is backpropagated. A number of observations: each penalty is a prior on the
      sum over them, divided by n to stand beside the mean negative log likelihood (nn.CrossEntropyLoss and its like). L1 from
      `Laplace(b)` then has the strength 1 / (n b), and L2 from `Normal(s)` 1 / (n s**2), which is what `weight_decay` must be.
    - `noise`, `outputs`: for nn.MSELoss with n, the standard deviation of the noise (units of the target) and the number of
      outputs that the loss averages over: it is 2 noise**2 / outputs times the mean negative log likelihood of an
      observation, and so are strengths: 2 noise**2 / (n outputs b).

    **Raises** `ParameterError` for a pattern that decides nothing, for a parametrised weight, for a penalty that does not
    fit its parameter.
    """

    def __init__(
        self, model: nn.Module, patterns: Rules, n: float | None = None, noise: float | None = None, outputs: int = 1
    ) -> None:
        self.n, self.noise, self.outputs = n, noise, outputs
        self._scale = _scale(n, noise, outputs)
        self._strength: float | Tensor = 1.0
        rules = {parameters.check(pattern): _penalty(pattern, penalty) for pattern, penalty in patterns.items()}
        self.entries = tuple(_entry(parameter, places, rules) for parameter, places in parameters.places(model))
        _check_all_decide(rules, self.entries)
        for entry in self.penalised:
            _check_fit(entry)

    @property
    def penalised(self) -> list[Entry]:
        """The entries that bear a penalty."""
        return [entry for entry in self.entries if entry.penalty is not None]

    @property
    def strength(self) -> float | Tensor:
        """What multiplies every penalty, 1 at first: a number >= 0, or a tensor of one for `torch.compile`."""
        return self._strength

    @strength.setter
    def strength(self, value: float | Tensor) -> None:
        if not isinstance(value, Tensor) and not 0 <= float(value) < inf:
            raise ParameterError(f"strength multiplies every penalty, so it must be finite and >= 0; got {value!r}.")
        self._strength = value if isinstance(value, Tensor) else float(value)

    @property
    def factor(self) -> float | Tensor:
        """What the penalties are multiplied by beside the loss that is backpropagated: strength, over n where there is one."""
        return self._strength * self._scale

    @property
    def observations(self) -> float:
        """What the mean loss is multiplied by to be minus the log of the likelihood of all n; needs `n`."""
        return 1 / self._scale

    def value(self) -> Tensor:
        """The sum of the penalties, differentiable: `loss + penalties.value()` is the objective."""
        values = [whole(entry.penalty.value(entry.felt(entry.parameter))) for entry in self.penalised]  # type: ignore[union-attr]
        return self.factor * sum((value.to(values[0].device) for value in values), torch.zeros(()))

    @torch.no_grad()
    def violation(self, gradients: Sequence[Tensor | None] | None = None) -> dict[str, Tensor]:
        """How far the optimality conditions of loss + penalty are from holding: the largest, over the coefficients of each
        parameter that is trained, distance of minus the gradient of the loss from the subdifferential of the penalty.

        `gradients`: of the loss alone, one per entry (None: zero); by default what `backward` has left in `.grad`. In units of
        the gradient. **Raises** `ParameterError` where there is no gradient at all.
        """
        if gradients is None:
            gradients = [entry.parameter.grad for entry in self.entries]
        if all(gradient is None for gradient in gradients):
            raise ParameterError("violation() needs the gradient of the loss: call backward() on the loss alone first.")
        pairs = zip(self.entries, gradients, strict=True)
        return {e.name: _violation(e, g, float(self.factor)) for e, g in pairs if e.parameter.requires_grad}

    def __repr__(self) -> str:
        return (
            f"Penalties({len(self.penalised)} of {counted(len(self.entries), 'parameter')}, n={self.n}, strength={self.strength})"
        )

    def __str__(self) -> str:
        return self.report()

    def report(self) -> str:
        """A table: every parameter, its shape, its penalty or "-", and why."""
        rows = [(" = ".join(e.names), _shape(e), repr(e.penalty) if e.penalty else "-", e.reason) for e in self.entries]
        rows = [("parameter", "shape", "penalty", "why"), *rows]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}" for row in rows]
        return "\n".join([*lines, self._meaning()])

    def _meaning(self) -> str:
        if self.n is None:
            return "Strengths act on the loss that is backpropagated."
        if self.noise is None:
            return f"Priors on the sum over n = {self.n:g}: divided by it, beside the mean negative log likelihood."
        return (
            f"Priors on the sum over n = {self.n:g}: times {self._scale:.4g} = 2 noise^2 / (n outputs), beside nn.MSELoss of "
            f"{counted(self.outputs, 'output')} with noise {self.noise:g}."
        )


def _entry(parameter: nn.Parameter, places: list[Place], rules: Rules) -> Entry:
    """The first pattern that matches decides; one that matches by chance does not reach what is left out by default."""
    left_out = _left_out(places)
    entry = Entry(tuple(place.name for place in places), parameter)
    for pattern, penalty in rules.items():
        matched = [place for place in places if parameters.matches(pattern, place)]
        exact = any(parameters.exactly(pattern, place) for place in matched)
        if not matched:
            continue
        if left_out and not exact:
            entry = Entry(entry.names, parameter, reason=f"{left_out}: left out unless named exactly")
            continue
        if penalty is not None and not exact:
            _check_plain(matched[0])
        padding = None if exact else next((place.padding for place in places if place.padding is not None), None)
        reason = f"{'left out by ' if penalty is None else ''}{parameters.text(pattern)}"
        reason += "" if padding is None else f"; row {padding} is padding: left out"
        return Entry(entry.names, parameter, penalty, pattern, reason, padding)
    return entry


def _left_out(places: list[Place]) -> str:
    if all(place.is_bias for place in places):
        return "a bias"
    return "of a normalisation layer" if all(place.is_norm for place in places) else ""


def _check_plain(place: Place) -> None:
    if place.stands_for is not None:
        raise ParameterError(
            f"{place.stands_for} is parametrised: it is computed from {place.name}, so no step on a parameter makes it zero. "
            f"Name {place.name!r} exactly to penalise that instead, leave it out with None, or add your own term to the loss."
        )


def _check_all_decide(rules: Rules, entries: Sequence[Entry]) -> None:
    deciding = {entry.pattern for entry in entries}
    for pattern in (pattern for pattern in rules if pattern not in deciding):
        names = [entry.name for entry in entries]
        raise ParameterError(
            f"The pattern {parameters.text(pattern)} decides nothing: it matches no parameter, or only ones that an earlier "
            "pattern has taken or that are left out unless named exactly (biases, norms). The parameters are "
            f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}."
        )


def _check_fit(entry: Entry) -> None:
    if isinstance(entry.parameter, nn.parameter.UninitializedParameter):
        raise ParameterError(f"{entry.name} has no shape yet: send one batch through the lazy module first.")
    what = f"{entry.penalty!r} does not fit {entry.name} of shape {_shape(entry)}"
    if not entry.parameter.is_floating_point():
        raise ParameterError(f"{what}: penalties are for real floating-point parameters; it is {entry.parameter.dtype}.")
    try:
        zeros = torch.zeros(entry.parameter.shape)
        fits = entry.penalty.prox(zeros, 1.0).shape == zeros.shape  # type: ignore[union-attr]
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise ParameterError(f"{what}: {error}") from error
    if not fits:
        raise ParameterError(f"{what}: its strengths or bounds have more axes or entries.")
    if is_sharded(entry.parameter) and has_labels(entry.penalty, tuple(entry.parameter.shape)):  # type: ignore[arg-type]
        raise ParameterError(f"{what}: it is in pieces on several processes (DTensor), where groups follow axes, such as 'rows'.")


def _penalty(pattern: Pattern, penalty: Any) -> Penalty | None:
    if penalty is None or isinstance(penalty, Penalty):
        return None if penalty is None else for_tensors(penalty)
    raise ParameterError(f"{parameters.text(pattern)} needs a penalty, such as sh.L1(1e-4), or None; got {penalty!r}.")


def _scale(n: float | None, noise: float | None, outputs: int) -> float:
    if n is None:
        if noise is not None or outputs != 1:
            raise ParameterError("noise= and outputs= turn priors into strengths beside nn.MSELoss: they need n= too.")
        return 1.0
    for name, value in (("n", n), ("noise", 1.0 if noise is None else noise), ("outputs", outputs)):
        if not 0 < value < inf:
            raise ParameterError(f"{name}= must be finite and > 0; got {value!r}.")
    if noise is None and outputs != 1:
        raise ParameterError("outputs= is for nn.MSELoss, which averages over them, and needs noise= too.")
    return 1 / n if noise is None else 2 * noise**2 / (n * outputs)


def _violation(entry: Entry, gradient: Tensor | None, factor: float) -> Tensor:
    w = entry.felt(entry.parameter)
    g = torch.zeros_like(w) if gradient is None else entry.felt(gradient.to_dense() if gradient.is_sparse else gradient)
    if entry.penalty is None or factor == 0:
        return whole(g.abs().amax())
    return factor * whole(entry.penalty.violation(w, g / factor).amax())


def _shape(entry: Entry) -> str:
    return "x".join(map(str, entry.parameter.shape)) or "1"
