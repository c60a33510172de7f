"""Groups(inner, by): a penalty on the Euclidean norms of parts of a tensor: rows, columns, heads, blocks, all of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shrinkage.arrays import on
from shrinkage.errors import ParameterError
from shrinkage.penalties import Grouped, Penalty
from shrinkage.penalties.calculus import Scaled, Sum
from shrinkage.penalties.elementary import Elementary
from shrinkage.penalties.terms import NAMES
from shrinkage.torch.layouts import Axes, Labels, Shape, Split, split_by

ROUNDS = 5  # of Newton: 1e-12 in double precision for steps that differ by up to 1e8 within a group


@dataclass(frozen=True, eq=False)
class Groups(Penalty):
    """inner(norms of the groups): with L1 inside the group lasso (Yuan and Lin, 2006, JRSS B 68) on parts of a weight.

    **Arguments**

    - `inner`: L1, L2, MCP, SCAD or a sum of them; its number acts on the norm of a group, as in `sh.Grouped`.
    - `by`: "rows" (or "filters": what makes one output), "columns" (or "channels": what reads one input), "whole",
      ("heads", h): h equal parts of the first axis, ("head columns", h): of the second, ("qkv heads", h): of the packed
      projection of `nn.MultiheadAttention`, ("blocks", (r, c)): tiles of r x c; or one label for each coefficient, flattened.
    - `root_size`: multiply the penalty by the square root of a group's size, so that one strength suits layers of
      different widths. Without it, L1(1 / b) inside is the multivariate Laplace prior of scale b.

    **Raises** `ParameterError` for an unknown `by` and bounds inside; when used, for a tensor that does not split so.
    """

    inner: Any
    by: Any = "rows"
    root_size: bool = False
    _split: Split = field(init=False, repr=False)

    even = True

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Elementary) or self.inner.terms.bounded:
            raise ParameterError(f"Groups takes L1, L2, MCP, SCAD or a sum of them inside; got {self.inner!r}.")
        object.__setattr__(self, "_split", split_by(self.by))

    def __repr__(self) -> str:
        by = repr(self.by) if isinstance(self.by, str | tuple) and len(self.by) < 20 else f"{len(self.by)} labels"
        return f"Groups({self.inner!r}, {by}{', root_size=True' if self.root_size else ''})"

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return bool(self.inner.convex)

    @property
    def is_proper(self) -> bool:  # type: ignore[override]
        return bool(self.inner.is_proper)

    @property
    def one_step(self) -> bool:
        """Whether the prox is known for one step for all coefficients only: so it is for MCP and SCAD."""
        return not self.convex

    def __rmul__(self, c: Any) -> Groups:
        return replace(self, inner=c * self.inner)

    __mul__ = __rmul__

    def log_normalizers(self, shape: tuple[int, ...]) -> np.ndarray:
        groups = self._split(shape)
        if isinstance(groups, Labels):
            return np.array([np.nan]) if self.root_size else Grouped(self.inner, groups.codes).log_normalizers(shape)
        one = Grouped(float(self._factor(groups)) * self.inner, np.zeros(groups.size, int))
        return np.repeat(one.log_normalizers((groups.size,)), prod(shape) // groups.size)

    def value(self, w: Tensor) -> Tensor:
        groups = self._split(tuple(w.shape))
        return (self._factor(groups) * self.inner.terms.value(groups.norms(groups.split(w)))).sum()

    def prox(self, w: Tensor, step: Any) -> Tensor:
        groups = self._split(tuple(w.shape))
        if isinstance(step, Tensor) and step.ndim:
            out = self._under_metric(groups, groups.split(w), groups.split(step))
        else:
            out = self._along(groups, groups.split(w), step)
        return out.reshape(w.shape)

    def violation(self, w: Tensor, gradient: Tensor) -> Tensor:
        """Where a group is not zero, the gradient of the objective; where it is, what the ball of the subgradient leaves."""
        groups = self._split(tuple(w.shape))
        z = groups.split(w)
        norms = groups.norms(z)
        dead = norms == 0
        steep = self._factor(groups) * self.inner.terms.subgradient(norms)[1]
        rest = groups.split(gradient) + z * groups.spread(torch.where(dead, 0, steep) / _or_one(norms))
        left = torch.where(dead, (1 - steep / _or_one(groups.norms(rest))).clamp(min=0), 1)
        return (rest.abs() * groups.spread(left)).reshape(w.shape)

    def _factor(self, groups: Axes | Labels) -> Any:
        """What multiplies the penalty: a number, or one per group."""
        return groups.size**0.5 if self.root_size else 1.0

    def _along(self, groups: Axes | Labels, z: Tensor, step: Any) -> Tensor:
        """One step for all: the norms shrink, the directions stay."""
        norms = groups.norms(z)
        kept = self.inner.prox(norms, step * self._factor(groups))
        return z * groups.spread(kept / _or_one(norms))

    def _under_metric(self, groups: Axes | Labels, z: Tensor, step: Tensor) -> Tensor:
        """One step s_j per coefficient. L2 shrinks z and s; then w_j = theta z_j / (theta + s_j l1) with theta = ||w||.

        The group is zero where ||z / (s l1)|| <= 1; else theta solves ||z / (theta + s l1)|| = 1. The inverse of that norm
        is concave in theta and nearly straight, and Jensen's inequality gives a start below the root, from which Newton
        climbs: the same five rounds for all groups at once, no branch on the data.
        """
        terms, sums = self.inner.terms, groups.sum(z)
        factor = self._factor(groups) + torch.zeros_like(sums)
        shrink = 1 + step * groups.spread(factor * on(terms.l2, z))
        z = z / shrink
        threshold = step / shrink * groups.spread(factor * on(terms.l1, z))
        norms = groups.norms(z)
        theta = (norms - groups.sum(z * z * threshold) / _or_one(norms * norms)).clamp(min=0)
        for _ in range(ROUNDS):
            theta = _newton(groups, theta, z, threshold)
        kept = groups.spread(theta)
        alive = groups.spread(groups.norms(z / threshold) > 1)
        out = torch.where(alive, z * (kept / (kept + threshold)), 0)
        return torch.where(threshold > 0, out, z)


def _newton(groups: Axes | Labels, theta: Tensor, z: Tensor, threshold: Tensor) -> Tensor:
    """One round on 1 / ||q|| - 1 = 0, q = z / (theta + threshold)."""
    below = groups.spread(theta) + threshold
    q = z / below
    norms = groups.norms(q)
    return (theta + (1 - 1 / norms) * norms**3 / groups.sum(q * q / below)).clamp(min=0)


def _or_one(x: Tensor) -> Tensor:
    """x, with 1 in place of 0: for a division whose numerator is then 0 as well."""
    return torch.where(x == 0, 1, x)


def for_tensors(penalty: Penalty) -> Penalty:
    """The penalty as it acts on tensors of any shape: the labels of `sh.Grouped`, which are for a vector, become `Groups`."""
    if isinstance(penalty, Grouped):
        return Groups(penalty.inner, penalty.codes)
    if isinstance(penalty, Sum):
        return penalty.plain + for_tensors(penalty.other)
    return penalty


def needs_one_step(penalty: Penalty) -> bool:
    """Whether a part of it has a prox for one step for all coefficients only: no diagonal metric."""
    return any(getattr(part, "one_step", False) for part in parts_of(penalty))


def has_labels(penalty: Penalty, shape: tuple[int, ...]) -> bool:
    """Whether a part of it has groups by labels, which are no axes of the tensor."""
    return any(isinstance(part, Groups) and isinstance(part._split(shape), Labels) for part in parts_of(penalty))


def follows_shape(penalty: Penalty) -> bool:
    """Whether it means the same for a tensor with fewer rows and columns: it counts no heads and labels no coefficients."""
    parts = [getattr(part, "inner", part) for part in (*parts_of(penalty), getattr(penalty, "plain", None))]
    numbers = all(np.ndim(getattr(part.terms, name)) == 0 for part in parts if isinstance(part, Elementary) for name in NAMES)
    return numbers and all(isinstance(part.by, str) for part in parts_of(penalty) if isinstance(part, Groups))


def resized(penalty: Penalty, before: Shape, after: Shape) -> Penalty:
    """The same penalty for a tensor that has lost zeros: where it counts the root of a group's size, the size before."""
    match penalty:
        case Sum(plain, other):
            inner = resized(other, before, after)
            return penalty if inner is other else plain + inner
        case Scaled(factor, inner):
            return factor * resized(inner, before, after)
        case Groups(root_size=True) if penalty._split(before).size != penalty._split(after).size:
            return Groups(penalty._factor(penalty._split(before)) * penalty.inner, penalty.by)
    return penalty


def parts_of(penalty: Penalty) -> list[Any]:
    """It, and what stands in a sum or under a factor."""
    inner = [getattr(penalty, name) for name in ("other", "penalty") if hasattr(penalty, name)]
    return [penalty, *(part for one in inner for part in parts_of(one))]
