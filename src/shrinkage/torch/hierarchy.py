"""LassoNet: an input enters the hidden units only as far as it enters a straight line (Lemhadri, Ruan, Abraham and Tibshirani,
2021, JMLR 22(127))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.errors import ParameterError
from shrinkage.penalties import Penalty
from shrinkage.penalties.terms import number


class SkipNet(nn.Module):
    """x -> theta x + rest(W x), where `first` is one linear layer whose rows are theta (skip, inputs) and W (hidden, inputs).

    `rest` takes (n, hidden), activation first, to (n, skip). `Hierarchy(..., skip=)` is for the weight "first.weight".
    """

    def __init__(self, inputs: int, skip: int, hidden: int, rest: nn.Module) -> None:
        super().__init__()
        self.skip, self.first, self.rest = skip, nn.Linear(inputs, skip + hidden), rest

    def forward(self, x: Tensor) -> Tensor:
        out = self.first(x)
        return out[..., : self.skip] + self.rest(out[..., self.skip :])


@dataclass(frozen=True, eq=False)
class Hierarchy(Penalty):
    """strength * sum_j ||theta_j|| under |W_kj| <= ratio * ||theta_j||; theta is the first `skip` rows of a weight, W the rest.

    theta_j is what column j has in the first rows: a number where there is one output, else a vector, of which only
    the size is shrunk. A column vanishes as a whole. `ratio` = 0 leaves the straight line, a large one
    leaves the network to itself. `value` does not count the constraint, which the first proximal step establishes.

    The prox, in closed form for one step for all coefficients: with SGD, or semantics="decoupled", not under Adam's metric.
    **Raises** `ParameterError` for a weight without rows for W; for L1 added to it, whose prox is not known.
    """

    strength: Any = 1.0
    ratio: Any = 10.0
    skip: int = 1

    convex = False
    one_step = True

    def __post_init__(self) -> None:
        for name in ("strength", "ratio"):
            object.__setattr__(self, name, float(number(getattr(self, name), f"Hierarchy({name}=...)")))
        if not isinstance(self.skip, int) or self.skip < 1:
            raise ParameterError(f"skip= is the number of rows of the straight line: a whole number >= 1; got {self.skip!r}.")

    def value(self, w: Tensor) -> Tensor:
        theta, _ = self._split(w)
        return self.strength * torch.linalg.vector_norm(theta, dim=0).sum()

    def prox(self, w: Tensor, step: Any) -> Tensor:
        """Algorithm 2 without its search. With W_(1) >= W_(2) >= ... the sizes of a column, b = ||theta_j|| is where

            b - ||theta|| + step * strength = ratio * sum_k (W_(k) - ratio b)+,

        whose right side is the largest of its sums over the first m sizes, m = 0, 1, ...; so b is the largest of their roots.
        """
        theta, hidden = self._split(w)
        size = torch.linalg.vector_norm(theta, dim=0)
        sums = hidden.abs().sort(dim=0, descending=True).values.cumsum(0)
        sums = torch.cat([torch.zeros_like(sums[:1]), sums])
        counts = torch.arange(len(sums), device=w.device, dtype=w.dtype)[:, None]
        roots = (size + self.ratio * sums - step * self.strength) / (1 + counts * self.ratio**2)
        b = roots.amax(0).clamp(min=0)
        return torch.cat([_along(theta, size) * b, hidden.clamp(-self.ratio * b, self.ratio * b)])

    def violation(self, w: Tensor, gradient: Tensor) -> Tensor:
        """What the multipliers of the constraint, mu_k >= 0 where |W_kj| is at its bound, leave of the conditions of
        Karush, Kuhn and Tucker; in a column that is zero, what is left of the gradient outside of
        ||g_theta|| + ratio * ||g_W||_1 <= strength, within which no direction leads down."""
        (theta, hidden), (g_theta, g_hidden) = self._split(w), self._split(gradient)
        size = torch.linalg.vector_norm(theta, dim=0)
        at_bound = hidden.abs() >= self.ratio * size * (1 - 32 * torch.finfo(w.dtype).eps)
        pull = g_hidden * hidden.sign()
        mu = torch.where(at_bound, (-pull).clamp(min=0), 0)
        alive = torch.cat([
            (g_theta + (self.strength - self.ratio * mu.sum(0)) * _along(theta, size)).abs(),
            torch.where(at_bound, pull.clamp(min=0), g_hidden.abs()),
        ])  # fmt: skip
        steep = torch.linalg.vector_norm(g_theta, dim=0) + self.ratio * g_hidden.abs().sum(0)
        outside = (1 - self.strength / torch.where(steep > 0, steep, 1)).clamp(min=0)
        return torch.where(size > 0, alive, gradient.abs() * outside)

    def _split(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """theta (skip, inputs) and W (hidden, inputs)."""
        if w.ndim != 2 or len(w) <= self.skip:
            raise ParameterError(f"a weight of {self.skip} rows for theta and more for W, (skip + hidden, inputs), is needed.")
        return w[: self.skip], w[self.skip :]


def _along(theta: Tensor, size: Tensor) -> Tensor:
    """theta_j / ||theta_j||; the first axis where theta_j is zero, which is as good as any."""
    first = torch.zeros_like(theta)
    first[0] = 1
    return torch.where(size > 0, theta / torch.where(size > 0, size, 1), first)
