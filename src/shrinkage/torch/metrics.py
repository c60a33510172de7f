"""How far a unit gradient moves each coefficient in one step: the metric of each optimizer, one short rule each.

A proximal step under the optimizer's own metric, w+ = argmin_w P(w) + sum((w - z)**2 / (2 s)), z the optimizer's step, has
-gradient in the subdifferential of P at its fixed point, whatever s: the optimum of loss + P (Yun, Lozano and Yang, 2021,
NeurIPS, "Adaptive proximal gradient methods"; Melchior, Joseph and Moolekamp, 2019, arXiv 1910.10094). That needs s_j to be
what a constant gradient of 1 ends up moving coefficient j by: the rate over the root of the second moment, times the gain of
the momentum, which is 1 / (1 - momentum) where buffers are sums and 1 where they are means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import unwrap
from math import expm1, log
from typing import Any

import torch
from torch import Tensor, optim

from shrinkage import threads

TILE = 1 << 16  # coefficients: a handful of tensors of this length stay in a second-level cache
Group = Mapping[str, Any]  # a parameter group: the settings
State = Mapping[str, Any]  # what the optimizer holds of one parameter, its "grad" and "dtype", and what `Metric.before` kept


@dataclass(frozen=True)
class Metric:
    """The rule of one optimizer.

    - `step(group, state, moment)`: the s of every coefficient, after a step. It may write into `moment`, which is a copy.
    - `moment(group, state, parameter)`: the tensor that is zero where no gradient has come yet; None where the step is one
      number. A coefficient without a gradient has no metric of its own; `step` is given the largest of its tensor for it.
    - `before(group, state, parameter)`: what the step overwrites and the rule needs.
    - `whole`: the rule needs all of a tensor at once.
    - `rule(group, state, count)`: the same for compiled loops, as a `Rule`; None where they do not have it. `count`: how many
      steps were taken, a number.
    """

    step: Callable[[Group, State, Any], Any]
    moment: Callable[[Group, State, Tensor], Tensor] | None = None
    before: Callable[[Group, State, Tensor], Any] | None = None
    whole: bool = False
    rule: Callable[[Group, State, float], Rule | None] | None = None


Part = tuple[slice, slice]  # of a matrix


@dataclass(frozen=True)
class Factored:
    """A moment of rank one, max(rows columns, least), of which pieces are made as they are needed: `rows` (r, 1), `columns`
    (1, c), `least` > 0. It is 0 where a factor is: there has been no gradient."""

    rows: Tensor
    columns: Tensor
    least: float

    @property
    def parts(self) -> list[Part]:
        """Pieces of neighbours that stay near: whole rows, or one row's columns."""
        c = self.columns.numel()
        across = threads.tiles(c, TILE)
        return [(down, part) for down in threads.tiles(len(self.rows), max(1, TILE // max(c, 1))) for part in across]

    def piece(self, part: Part) -> Tensor:
        """That part of it."""
        out = self.at_least(part)
        return out.masked_fill_((self.rows[part[0]] == 0) | (self.columns[:, part[1]] == 0), 0.0) if self._smallest == 0 else out

    def at_least(self, part: Part) -> Tensor:
        """That part of it, `least` where there has been no gradient."""
        out = self.rows[part[0]] * self.columns[:, part[1]]
        return out if self._smallest >= self.least else out.clamp_(min=self.least)

    def amax(self) -> float:
        largest = float(self.rows.amax() * self.columns.amax())
        return max(largest, self.least) if largest > 0 else 0.0

    @cached_property
    def _smallest(self) -> float:
        return float(self.rows.amin() * self.columns.amin())


@dataclass(frozen=True)
class Rule:
    """s of a moment m and what stands beside it, x, by `name`, and the smallest s of the tensor where m <= least:

    "constant" rate; "root" rate / (sqrt(m) + floor); "ratio" rate / m; "centred" rate / (sqrt(m - x**2) + floor);
    "moves" rate * sqrt((x + floor) / (m + floor)).
    """

    name: str
    rate: Any
    floor: float = 0.0
    moment: Tensor | Factored | None = None
    beside: Tensor | None = None
    least: float = 0.0

    def smallest(self) -> float:
        """Of the largest moment, with nothing beside it; 0 where there has been no gradient at all."""
        largest = float(self.moment.amax())  # type: ignore[union-attr]
        if largest <= self.least:
            return 0.0
        rate, floor = float(self.rate), float(self.floor)
        if self.name == "moves":
            return rate * (floor / (largest + floor)) ** 0.5
        return rate / largest if self.name == "ratio" else rate / (largest**0.5 + floor)


def _rooted(root: Callable[[Group, State, Any], tuple[Any, Any]], moment: Callable[[Group, State, Any], Tensor]) -> Metric:
    """s = rate / (sqrt(moment) + floor), where `root` gives (rate, floor)."""

    def step(group: Group, state: State, v: Tensor) -> Tensor:
        rate, floor = root(group, state, state["step"].to(v.dtype))
        return v.sqrt_().add_(floor).reciprocal_().mul_(rate)

    def rule(group: Group, state: State, count: float) -> Rule:
        return Rule("root", *root(group, state, count), moment(group, state, None))

    return Metric(step, moment, rule=rule)


def _filled(beta: float, count: Any) -> Any:
    """1 - beta**count: how much of a running mean is filled, without the cancellation at small counts."""
    power = count * log(beta)
    return -torch.expm1(power) if isinstance(power, Tensor) else -expm1(power)


def _sgd(group: Group, state: State, moment: Any) -> Any:
    momentum = group["momentum"]
    return group["lr"] * (1 - group["dampening"]) / (1 - momentum) if momentum else group["lr"]


def _adam_moment(group: Group, state: State, parameter: Tensor) -> Tensor:
    return state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]


def _adam(group: Group, state: State, count: Any) -> tuple[Any, Any]:
    root = _filled(group["betas"][1], count) ** 0.5
    return group["lr"] * root, group["eps"] * root


def _second_moment(group: Group, state: State, parameter: Tensor) -> Tensor:
    return state["exp_avg_sq"]


def _nadam(group: Group, state: State, count: Any) -> tuple[Any, Any]:
    """Dozat (2016): the mean of the gradient, looked ahead; under a constant gradient its weights sum to nearly 1."""
    beta1, beta2 = group["betas"]
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (count, count + 1))
    product = state["mu_product"].to(count.dtype) if isinstance(count, Tensor) else float(state["mu_product"])
    gain = (1 - mu) / (1 - product) + ahead * _filled(beta1, count) / (1 - product * ahead)
    root = _filled(beta2, count) ** 0.5
    return group["lr"] * gain * root, group["eps"] * root


def _radam(group: Group, state: State, v: Tensor) -> Tensor:
    """Liu et al. (2020), rectified; as long as the variance is not tractable the step is not adaptive."""
    length, square = _rectified(group, state["step"].to(v.dtype))
    return group["lr"] * torch.where(length > 5, square.clamp(min=0).sqrt() / (v.sqrt() + group["eps"]), 1.0)


def _radam_rule(group: Group, state: State, count: float) -> Rule:
    length, square = _rectified(group, count)
    if length <= 5:
        return Rule("constant", group["lr"])
    return Rule("root", group["lr"] * square**0.5, group["eps"], state["exp_avg_sq"])


def _rectified(group: Group, count: Any) -> tuple[Any, Any]:
    """(the length of the approximated average, the square of what multiplies rate / (sqrt(v) + eps))."""
    beta2 = group["betas"][1]
    filled, limit = _filled(beta2, count), 2 / (1 - beta2) - 1
    length = limit - 2 * count * beta2**count / filled
    return length, (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length) * filled


def _adamax_moment(group: Group, state: State, parameter: Tensor) -> Tensor:
    return state["exp_inf"] - group["eps"]


def _adamax(group: Group, state: State, u: Tensor) -> Tensor:
    return group["lr"] / (u + group["eps"])


def _adamax_rule(group: Group, state: State, count: float) -> Rule:
    return Rule("ratio", group["lr"], moment=state["exp_inf"], least=group["eps"])


def _adagrad_moment(group: Group, state: State, parameter: Tensor) -> Tensor:
    return state["sum"]


def _adagrad(group: Group, state: State, count: Any) -> tuple[Any, Any]:
    return group["lr"] / (1 + (count - 1) * group["lr_decay"]), group["eps"]


def _square_average(group: Group, state: State, parameter: Tensor) -> Tensor:
    return state["square_avg"]


def _rmsprop(group: Group, state: State, v: Tensor) -> Tensor:
    if group["centered"]:
        v = torch.addcmul(v, state["grad_avg"], state["grad_avg"], value=-1)
    return group["lr"] / (1 - group["momentum"]) / (v.sqrt() + group["eps"])


def _rmsprop_rule(group: Group, state: State, count: float) -> Rule:
    name, beside = ("centred", state["grad_avg"]) if group["centered"] else ("root", None)
    return Rule(name, group["lr"] / (1 - group["momentum"]), group["eps"], state["square_avg"], beside)


def _adadelta_before(group: Group, state: State, parameter: Tensor) -> Tensor:
    return (state["acc_delta"] if state else torch.zeros_like(parameter)).clone()


def _adadelta(group: Group, state: State, v: Tensor) -> Tensor:
    """The step is measured in the root of its own past moves, which it then overwrites."""
    return group["lr"] * ((state["before"] + group["eps"]) / (v + group["eps"])).sqrt()


def _adadelta_rule(group: Group, state: State, count: float) -> Rule:
    return Rule("moves", group["lr"], group["eps"], state["square_avg"], state["before"])


def _adafactor_before(group: Group, state: State, parameter: Tensor) -> Tensor:
    """The root mean square of the parameter, to which the rate is relative."""
    return parameter.norm() / parameter.numel() ** 0.5


def _adafactor_moment(group: Group, state: State, parameter: Tensor) -> Tensor:
    if parameter.ndim < 2:
        return state["variance"]
    rows, columns = _adafactor_factors(group, state)
    return rows @ columns


def _adafactor_factors(group: Group, state: State) -> tuple[Tensor, Tensor]:
    """Shazeer and Stern (2018): a second moment of rank one, for a matrix."""
    rows = state["row_var"]
    return rows / rows.mean(-2, keepdim=True).clamp(min=_adafactor_eps(group, state)), state["col_var"]


def _adafactor(group: Group, state: State, v: Tensor) -> Tensor:
    root = v.clamp(min=_adafactor_eps(group, state) ** 2).sqrt()
    rate = torch.clamp(state["step"].to(v.dtype).rsqrt(), max=group["lr"]) * state["before"].clamp(min=group["eps"][1])
    clipped = (state["grad"] / root).norm() / (v.numel() ** 0.5 * group["d"])
    return rate / clipped.clamp(min=1) / root


def _adafactor_rule(group: Group, state: State, count: float) -> Rule | None:
    grad = state["grad"]
    if grad.ndim != 2:
        return None
    rows, columns = _adafactor_factors(group, state)
    moment = Factored(rows, columns, max(_adafactor_eps(group, state) ** 2, torch.finfo(rows.dtype).tiny))
    squares = sum(_over(grad[part], moment.at_least(part)) for part in moment.parts)
    rate = min(float(group["lr"]), count**-0.5) * max(float(state["before"]), group["eps"][1])
    return Rule("root", rate / max((squares / grad.numel()) ** 0.5 / group["d"], 1.0), moment=moment)


def _over(grad: Tensor, moment: Tensor) -> float:
    """sum(grad**2 / moment); the quotients stand in the moment's place."""
    return float(torch.dot(grad.reshape(-1), torch.div(grad, moment, out=moment).reshape(-1)))


def _adafactor_eps(group: Group, state: State) -> float:
    return torch.finfo(state["dtype"]).eps if group["eps"][0] is None else group["eps"][0]


def _rate(group: Group, state: State, moment: Any) -> Any:
    return group["lr"]


def _constant(step: Callable[[Group, State, Any], Any]) -> Metric:
    return Metric(step, rule=lambda group, state, count: Rule("constant", step(group, state, None)))


DECOUPLED = _constant(_rate)  # no metric: a threshold of rate * strength

METRICS: dict[type[optim.Optimizer], Metric] = {
    optim.SGD: _constant(_sgd),
    optim.Adam: _rooted(_adam, _adam_moment),
    optim.AdamW: _rooted(_adam, _adam_moment),
    optim.NAdam: _rooted(_nadam, _second_moment),
    optim.RAdam: Metric(_radam, _second_moment, rule=_radam_rule),
    optim.Adamax: Metric(_adamax, _adamax_moment, rule=_adamax_rule),
    optim.Adagrad: _rooted(_adagrad, _adagrad_moment),
    optim.RMSprop: Metric(_rmsprop, _square_average, rule=_rmsprop_rule),
    optim.Adadelta: Metric(_adadelta, _square_average, before=_adadelta_before, rule=_adadelta_rule),
    optim.Adafactor: Metric(_adafactor, _adafactor_moment, before=_adafactor_before, whole=True, rule=_adafactor_rule),
}


def metric_of(optimizer: optim.Optimizer) -> Metric | None:
    """The rule of an optimizer; None if it has none here. A subclass has its base's unless it has a step of its own."""
    kind = type(optimizer)
    known = next((cls for cls in kind.__mro__ if cls in METRICS), None)
    same = known is not None and unwrap(kind.step) is unwrap(known.step)
    return METRICS[known] if known is not None and same else None
