"""Which units can go: nothing reads them, or what reads them reads a constant that its bias can take over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage.plurals import counted
from shrinkage.torch.shrinking.trace import Trace
from shrinkage.torch.shrinking.units import Cut, Statement, compact


@dataclass(frozen=True, eq=False)
class Plan:
    """`removed` (units,): what goes. `kept`: sentences on what could go, but for a reason."""

    trace: Trace
    removed: Tensor
    kept: tuple[str, ...]

    def cuts(self) -> dict[str, Cut]:
        """Parameter to axis to the indices that stay, for every axis that gets shorter."""
        found: dict[str, Cut] = {}
        for (name, axis), labels in self.trace.slots.items():
            for stay in self.cut(labels).values():
                found.setdefault(name, {})[axis] = stay
        return found

    def cut(self, labels: Tensor) -> Cut:
        """How a tensor is cut whose elements belong to these units."""
        stays = _stays(~self.removed[labels])
        return {axis: stay.nonzero()[:, 0] for axis, stay in enumerate(stays) if not stay.all()}

    def folds(self) -> dict[str, Tensor]:
        """Bias to what the constants that are removed add to it, in float64, before the bias is cut."""
        found: dict[str, Tensor] = {}
        for reader in self.trace.readers:
            if reader.bias:
                constant = torch.where(self.removed[reader.columns], reader.constant, 0.0).nan_to_num()
                found[reader.bias] = found.get(reader.bias, 0.0) + reader.matrix @ constant
        return found


def decide(trace: Trace) -> Plan:
    """The most that can go. A tensor stays a box: what would leave a ragged rest goes only together."""
    while True:
        part = trace.units.components()
        removed = ~_needed(trace, part, trace.units.pinned(part))[part]
        if not _settle(trace, removed):
            return Plan(trace, removed, _kept(trace, removed))


def _needed(trace: Trace, part: Tensor, pinned: Tensor) -> Tensor:
    """One bool for each component: it must stay, or something that stays reads it; the smallest such set."""
    needed = torch.ones_like(pinned)
    for key in trace.anchored:
        needed[part[trace.slots[key]]] = False
    needed |= pinned
    grows = True
    while grows:
        before = needed.clone()
        for reader in reversed(trace.readers):
            read = reader.reads[needed[part[reader.rows]]].any(0) & reader.constant.isnan()
            needed[part[reader.columns[read]]] = True
        grows = bool((needed != before).any())
    return needed


def _settle(trace: Trace, removed: Tensor) -> bool:
    """Say of tensors that would be empty or ragged what must hold; False if there are none."""
    settled = True
    for labels in _tensors(trace):
        labels = compact(labels)
        stay = ~removed[labels]
        if stay.all():
            continue
        if not stay.any():
            trace.units.pin(labels.flatten()[:1], "a layer keeps one unit, even if all of them could go")
        elif not (_box(_stays(stay)) == stay).all():
            axis = next(a for a in range(stay.dim()) if (stay != stay.narrow(a, 0, 1)).any())
            others = tuple(a for a in range(stay.dim()) if a != axis)
            trace.units.join_along(labels, others, "part of a block cannot be cut out of it")
        else:
            continue
        settled = False
    return not settled


def _tensors(trace: Trace) -> Iterator[Tensor]:
    yield from trace.slots.values()
    yield from (value.labels for value in trace.values)


def _stays(stay: Tensor) -> list[Tensor]:
    """For each axis, the indices of which anything stays."""
    return [stay.movedim(axis, 0).reshape(stay.shape[axis], -1).any(1) for axis in range(stay.dim())]


def _box(stays: list[Tensor]) -> Tensor:
    box = torch.ones((), dtype=torch.bool)
    for stay in stays:
        box = box[..., None] & stay
    return box


def _kept(trace: Trace, removed: Tensor) -> tuple[str, ...]:
    """What could go if it were not for statements that have a reason."""
    part = trace.units.components(facts_only=True)
    could = ~_needed(trace, part, trace.units.pinned(part, facts_only=True))[part] & ~removed
    counts: dict[str, int] = {}
    for statement in trace.units.statements:
        if statement.reason:
            units = _units_of(statement)
            held = len(part[units[could[units]]].unique())
            if held:
                counts[statement.reason] = max(held, counts.get(statement.reason, 0))
    return tuple(f"{counted(count, 'unit')} kept: {reason}" for reason, count in counts.items())


def _units_of(statement: Statement) -> Tensor:
    return statement.first if statement.second is None else torch.cat([statement.first, statement.second])
