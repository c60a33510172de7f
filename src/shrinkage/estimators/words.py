"""From the words of an estimator ("l1", "mcp", groups, factors, bounds) to one penalty object.

Every penalty here is the *unit* penalty: the one at alpha = 1. What is minimised is the sum of the loss plus
`W * (alpha * unit)`. `alpha * unit` multiplies a convex penalty; for MCP and SCAD it multiplies the strength and so
moves their knots, as ncvreg means its lambda, while `W *` scales the result. `ByStrength` holds that difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.losses import Loss, loss_from_word
from shrinkage.penalties import L1, L2, MCP, SCAD, Box, Grouped, Penalty

SYNONYMS = {
    "lasso": "l1", "laplace": "l1", "ridge": "l2", "normal": "l2", "enet": "elastic_net", "elasticnet": "elastic_net",
    "l1_l2": "elastic_net", "grouplasso": "group_lasso", "group": "group_lasso", "grlasso": "group_lasso",
    "no": "none", "unpenalized": "none", "unpenalised": "none",
}  # fmt: skip
WORDS = ("l1", "l2", "elastic_net", "mcp", "scad", "group_lasso", "none")
CONCAVITY = {"mcp": 3.0, "scad": 3.7}  # as ncvreg has them


def read_loss(loss: Any) -> Loss:
    """A loss by word, or the object itself."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        return loss_from_word(loss)
    raise ParameterError(f"loss must be a word or an object such as SquaredError(); got {loss!r}.")


def elastic_net(l1_ratio: Any, factor: Any = 1.0) -> Penalty:
    """l1_ratio |w| + (1 - l1_ratio) w**2 / 2, without a part that is zero."""
    if not isinstance(l1_ratio, Real) or not 0 <= float(l1_ratio) <= 1:
        raise ParameterError(f"l1_ratio must be a number in [0, 1]; got {l1_ratio!r}.")
    if l1_ratio == 1:
        return L1(factor)
    if l1_ratio == 0:
        return L2(factor)
    return L1(l1_ratio * factor) + L2((1 - l1_ratio) * factor)


@dataclass(frozen=True)
class Words:
    """The settings that shape a penalty given by word, as an estimator holds them."""

    penalty: Any = "l1"
    l1_ratio: Any = 0.5
    penalty_factor: Any = None
    bounds: Any = None
    groups: Any = None
    concavity: Any = None

    def unit(self, p: int, names: Sequence[str] | None, sd: np.ndarray | None) -> Penalty:
        """The penalty at alpha = 1 on p coefficients; `sd` (p,) where it acts on standardised columns, else None."""
        factor, out = _factor(self.penalty_factor, p)
        box = _box(self.bounds, out, p, sd)
        unit = self._object() if isinstance(self.penalty, Penalty) else self._by_word(p, names, factor)
        if box is None:
            return unit
        return unit + box if not isinstance(unit, ByStrength) else replace(unit, box=box)

    def _object(self) -> Penalty:
        given = {"penalty_factor": self.penalty_factor, "groups": self.groups, "concavity": self.concavity}
        for name, value in given.items():
            if value is not None:
                raise ParameterError(f"{name} shapes a penalty given by word; put it into the object {self.penalty!r} itself.")
        return self.penalty

    def _by_word(self, p: int, names: Sequence[str] | None, factor: np.ndarray) -> Penalty:
        word = _word(self.penalty)
        if word not in CONCAVITY and self.concavity is not None:
            raise ParameterError(f"concavity belongs to the penalties 'mcp' and 'scad'; the penalty is {self.penalty!r}.")
        if word == "none":
            return L1(np.zeros(p))
        if word == "l2":
            if self.groups is not None:
                raise ParameterError("groups have no meaning for 'l2', which treats every direction alike; try 'l1'.")
            return L2(factor)
        if word == "group_lasso" and self.groups is None:
            raise ParameterError("penalty='group_lasso' needs groups: a label per feature, or lists of features.")
        groups = None
        if self.groups is not None:
            groups = read_groups(self.groups, p, names)
            factor = _group_factor(factor, groups)
        if word in CONCAVITY:
            concavity = CONCAVITY[word] if self.concavity is None else self.concavity
            return ByStrength(word, factor, concavity, groups)
        inner = elastic_net(self.l1_ratio if word == "elastic_net" else 1.0, factor)
        return inner if groups is None else Grouped(inner, groups)


@dataclass(frozen=True, eq=False)
class ByStrength(Penalty):
    """MCP or SCAD over its strength: `alpha * family` is the member of strength alpha * factor; its knots move.

    The family itself stands for its member at alpha = 1, which is what a path asks about before it starts.
    """

    word: str
    factor: np.ndarray
    concavity: float
    groups: np.ndarray | None = None
    box: Box | None = None
    units: tuple[Any, int] | None = None  # the exponents and the power of two of `rescale`, for every member

    convex = False

    def at(self, alpha: float) -> Penalty:
        """The member at alpha."""
        member: Penalty = {"mcp": MCP, "scad": SCAD}[self.word](alpha * self.factor, self.concavity)
        if self.groups is not None:
            member = Grouped(member, self.groups)
        if self.box is not None:
            member = member + self.box
        if self.units is None:
            return member
        rescaled = member.rescale(*self.units)
        assert rescaled is not None  # `rescale` below has asked the same of its member at 1
        return rescaled

    def __rmul__(self, alpha: float) -> Penalty:
        return self.at(float(alpha))

    def rescale(self, exponents: Any, e: int) -> Penalty | None:
        scaled = replace(self, units=(exponents, e))
        return None if self.at(1.0).rescale(exponents, e) is None else scaled

    @cached_property
    def _one(self) -> Penalty:
        return self.at(1.0)

    def check(self, p: int) -> None:
        self._one.check(p)

    def value(self, w: Any) -> Any:
        return self._one.value(w)

    def prox(self, w: Any, step: Any) -> Any:
        return self._one.prox(w, step)

    def violation(self, w: Any, gradient: Any) -> Any:
        return self._one.violation(w, gradient)

    def critical(self, gradient: Any) -> float:
        return self._one.critical(gradient)

    def free(self, p: int) -> Any:
        return self._one.free(p)

    def twin(self, p: int) -> Any:
        return self._one.twin(p)


def _word(penalty: Any) -> str:
    if penalty is None:
        return "none"
    if not isinstance(penalty, str):
        raise ParameterError(f"penalty must be one of {', '.join(WORDS)}, or a penalty object such as L1(); got {penalty!r}.")
    key = penalty.strip().lower().replace("-", "_").replace(" ", "_")
    word = SYNONYMS.get(key, key)
    if word not in WORDS:
        close = get_close_matches(key, [*WORDS, *SYNONYMS], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(f"Unknown penalty {penalty!r}.{hint} Known are: {', '.join(WORDS)}.")
    return word


def _factor(given: Any, p: int) -> tuple[np.ndarray, np.ndarray]:
    """(factor with 0 where infinite, mask of the coefficients that are out)."""
    if given is None:
        return np.ones(p), np.zeros(p, bool)
    try:
        factor = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        factor = np.zeros(0)
    if factor.shape != (p,) or np.isnan(factor).any() or np.any(factor < 0):
        raise ParameterError(f"penalty_factor must hold one number >= 0 per feature ({p}): 0 is free, inf is out; got {given!r}.")
    out = np.isinf(factor)
    return np.where(out, 0.0, factor), out


def _box(bounds: Any, out: np.ndarray, p: int, sd: np.ndarray | None) -> Box | None:
    """The bounds, on the raw scale of the coefficients, as a box on what the penalty sees."""
    if bounds is None and not out.any():
        return None
    if bounds is None:
        low, high = np.full(p, -np.inf), np.full(p, np.inf)
    else:
        try:
            low, high = (np.broadcast_to(np.asarray(b, np.float64), (p,)) for b in bounds)
        except (TypeError, ValueError):
            raise ParameterError(
                f"bounds must be a pair (low, high) of numbers or of arrays of length {p}; got {bounds!r}."
            ) from None
        if np.any(~(low <= 0)) or np.any(~(high >= 0)):
            raise ParameterError(
                f"bounds must hold zero between them, low <= 0 <= high, since a path starts there; got {bounds!r}."
            )
        if sd is not None:
            low, high = _times(low, sd), _times(high, sd)
    return Box(np.where(out, 0.0, low), np.where(out, 0.0, high))


def _times(bound: np.ndarray, sd: np.ndarray) -> np.ndarray:
    finite = np.isfinite(bound)
    return np.where(finite, np.where(finite, bound, 0.0) * sd, bound)


def read_groups(groups: Any, p: int, names: Sequence[str] | None = None) -> np.ndarray:
    """(p,) int64 numbers of groups, from one label per feature or from lists of features (by position or by name).

    A feature in none of the lists is a group of its own.
    """
    listed = isinstance(groups, list | tuple) and any(isinstance(g, list | tuple | set | np.ndarray) for g in groups)
    if not listed:
        labels = np.asarray(groups)
        if labels.shape != (p,):
            raise ParameterError(
                f"groups must hold one label per feature ({p}), or be lists of features; got shape {labels.shape}."
            )
        if any(label is None or label != label for label in labels.tolist()):
            raise ParameterError(f"groups must name the group of each feature, without gaps; got {groups!r}.")
        return _numbered(labels)
    place = {name: j for j, name in enumerate([] if names is None else names)}
    numbers = np.full(p, -1, np.int64)
    for g, members in enumerate(groups):
        for member in members:
            j = place.get(member, member) if isinstance(member, str) else member
            if isinstance(j, str) or not 0 <= j < p:
                close = get_close_matches(str(member), [str(n) for n in place], n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ParameterError(f"groups name the feature {member!r}, which X does not have.{hint}")
            if numbers[j] >= 0:
                raise ParameterError(f"Feature {member!r} is in two groups; groups must not overlap.")
            numbers[j] = g
    alone = np.flatnonzero(numbers < 0)
    numbers[alone] = len(groups) + np.arange(len(alone))
    return _numbered(numbers)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """0, 1, ... in order of first appearance, as `Grouped` numbers its groups: strengths are given one per group."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _group_factor(factor: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """One number per group: its features' common factor times the square root of its size (Yuan and Lin, 2006)."""
    sizes = np.bincount(groups)
    mean = np.bincount(groups, factor) / sizes
    if np.any(np.abs(factor - mean[groups]) > 1e-12 * mean[groups]):
        bad = int(groups[np.argmax(np.abs(factor - mean[groups]))])
        raise ParameterError(f"penalty_factor must be the same for all features of a group; in group {bad} it is not.")
    return mean * np.sqrt(sizes)
