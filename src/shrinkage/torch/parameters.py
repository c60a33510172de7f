"""The parameters of a module as penalties see them: their names, what they are, and which patterns mean them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from shrinkage.errors import ParameterError

Pattern = Any  # a name with wildcards, a compiled regular expression, a module class, or (class, attribute)


@dataclass(frozen=True)
class Place:
    """Where a parameter stands in a module. Tied parameters stand in several places."""

    name: str
    owner: nn.Module
    attribute: str
    stands_for: str | None  # the weight that is computed from this parameter, by its full name; None for a plain one

    @property
    def is_bias(self) -> bool:
        return self.attribute.startswith("bias") or self.attribute.endswith("bias")

    @property
    def is_norm(self) -> bool:
        """By the name of its class, so that norms outside torch.nn are known too."""
        return "norm" in type(self.owner).__name__.lower()

    @property
    def padding(self) -> int | None:
        """The row of an embedding that stands for padding."""
        return self.owner.padding_idx if isinstance(self.owner, nn.Embedding | nn.EmbeddingBag) else None


def places(model: nn.Module) -> Iterator[tuple[nn.Parameter, list[Place]]]:
    """Every parameter once, with all the places where it stands, in the order of `named_parameters`."""
    found: dict[nn.Parameter, list[Place]] = {}
    modules = dict(model.named_modules(remove_duplicate=False))
    for name, parameter in model.named_parameters(remove_duplicate=False):
        path, _, attribute = name.rpartition(".")
        owner, stands_for = modules[path], None
        if isinstance(owner, parametrize.ParametrizationList):
            path, _, stands_for = path.rpartition(".parametrizations.")
            owner, stands_for = modules[path], f"{path}.{stands_for}".lstrip(".")
        elif (plain := _computed(owner, attribute)) is not None:
            stands_for = f"{path}.{plain}".lstrip(".")
        found.setdefault(parameter, []).append(Place(name, owner, attribute, stands_for))
    yield from found.items()


def _computed(owner: nn.Module, attribute: str) -> str | None:
    """`weight`, where `weight_orig` (pruning) or `weight_g`, `weight_v` (the old weight norm) are what is trained."""
    plain, _, ending = attribute.rpartition("_")
    computed = ending in ("orig", "g", "v") and plain not in owner._parameters and hasattr(owner, plain)
    return plain if computed else None


def check(pattern: Pattern) -> Pattern:
    """The pattern; `ParameterError` unless it is one."""
    match pattern:
        case str() | re.Pattern() | (type(), str()):
            return pattern
        case type() if issubclass(pattern, nn.Module):
            return pattern
    raise ParameterError(
        f"{pattern!r} is no pattern: use a name with wildcards ('encoder.*.weight'), a compiled regular expression, "
        "a module class (nn.Linear), or (nn.Linear, 'weight')."
    )


def matches(pattern: Pattern, place: Place) -> bool:
    """Whether a pattern means a parameter, or the weight that is computed from it."""
    name = place.stands_for or place.name
    match pattern:
        case str():
            return fnmatchcase(name, pattern) or pattern == place.name
        case re.Pattern():
            return pattern.search(name) is not None
        case (owner, attribute):
            return isinstance(place.owner, owner) and attribute in (place.attribute, name.rpartition(".")[2])
    return isinstance(place.owner, pattern)


def exactly(pattern: Pattern, place: Place) -> bool:
    """Whether it names the parameter and no other by chance: its full name, or (class, attribute)."""
    return pattern == place.name or (isinstance(pattern, tuple) and pattern[1] == place.attribute)


def text(pattern: Pattern) -> str:
    """The pattern as it was written."""
    match pattern:
        case (owner, attribute):
            return f"({owner.__name__}, {attribute!r})"
        case type():
            return pattern.__name__
        case re.Pattern():
            return f"re.compile({pattern.pattern!r})"
    return repr(pattern)
