"""The nuclear norm of a weight: whole directions vanish, and what is left has low rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shrinkage.penalties import Penalty
from shrinkage.penalties.terms import number


@dataclass(frozen=True, eq=False)
class Nuclear(Penalty):
    """strength * the sum of the singular values (Fazel, Hindi and Boyd, 2001, ACC), a tensor read as (first axis, the rest).

    Its prox soft-thresholds the singular values (Cai, Candes and Shen, 2010, SIAM J. Optim. 20) and is known for one step
    for all coefficients: with SGD, or with semantics="decoupled", not under Adam's metric. One decomposition a step.
    """

    strength: Any = 1.0

    even = True
    is_proper = True
    one_step = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", float(number(self.strength, "Nuclear(strength=...)")))

    def value(self, w: Tensor) -> Tensor:
        return self.strength * torch.linalg.matrix_norm(_matrix(w), "nuc")

    def prox(self, w: Tensor, step: Any) -> Tensor:
        if not self.strength:
            return w  # to the last bit, which the product of the factors is not
        u, s, v = torch.linalg.svd(_matrix(w), full_matrices=False)
        kept = (s - step * self.strength).clamp(min=0)
        return (u * kept @ v).reshape(w.shape)

    def violation(self, w: Tensor, gradient: Tensor) -> Tensor:
        """The subdifferential is U V' + M, M orthogonal to both, ||M||_2 <= 1 (Watson, 1992, Linear Algebra Appl. 170)."""
        matrix = _matrix(w)
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        kept = (s > s.amax() * max(matrix.shape) * torch.finfo(s.dtype).eps).to(s.dtype)
        u, v = u * kept, v * kept[:, None]
        rest = -_matrix(gradient) - self.strength * u @ v
        normal = rest - u @ (u.mT @ rest)
        normal = normal - normal @ v.mT @ v
        a, b, c = torch.linalg.svd(normal, full_matrices=False)
        return (rest - a * b.clamp(max=self.strength) @ c).abs().reshape(w.shape)


def _matrix(w: Tensor) -> Tensor:
    return w.reshape(len(w), -1)
