"""w <- prox(w, step) in place; in tiles that stay in the cache, where each coefficient is on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shrinkage.arrays import on
from shrinkage.penalties.elementary import Elementary
from shrinkage.penalties.terms import Terms
from shrinkage.torch.metrics import State
from shrinkage.torch.penalties import Entry

TILE = 1 << 15  # coefficients: a handful of tensors of this length fit a second-level cache


def shrink_(entry: Entry, w: Tensor, step: Any) -> None:
    """w <- prox(w, step), w the parameter of the entry or a tile of it. Where the step is 0, not a bit changes."""
    terms = plain_terms(entry)
    if terms is not None:
        _by_terms(terms, w, step)
        return
    felt = entry.felt(w)
    out = torch.where(torch.as_tensor(step) > 0, entry.penalty.prox(felt, step), felt)  # type: ignore[union-attr]
    if entry.padding is not None:
        out[entry.padding] = w[entry.padding]
    w.copy_(out)


def plain_terms(entry: Entry) -> Terms | None:
    """The convex terms of a separable penalty on a parameter in full precision without padding; None for any other."""
    terms = entry.penalty.terms if isinstance(entry.penalty, Elementary) else None
    plain = terms is not None and not terms.concave and entry.felt(entry.parameter) is entry.parameter
    return terms if plain else None


def _by_terms(terms: Terms, w: Tensor, step: Any) -> None:
    """`Terms.prox` with fewer temporaries: w - clip(w, -t, t) is the soft threshold."""
    if np.any(terms.l1):
        threshold = step * on(terms.l1, w)
        w.sub_(torch.clamp(w, -threshold, threshold))
    if np.any(terms.l2):
        w.div_(1 + step * on(terms.l2, w))
    if terms.bounded:
        w.copy_(torch.where(torch.as_tensor(step) > 0, terms._clipped(w), w))


def tiles(entry: Entry, state: State, whole: bool) -> Iterator[tuple[Tensor, State]]:
    """The parameter and its state in pieces, as views; in one piece where a rule or a penalty looks at all of it."""
    w = entry.parameter
    alike = {name: x for name, x in state.items() if isinstance(x, Tensor) and x.shape == w.shape and x.ndim}
    terms = plain_terms(entry)
    numbers = terms is not None and all(np.ndim(getattr(terms, f.name)) == 0 for f in fields(terms))
    if whole or not numbers or not w.is_cpu or not all(x.is_contiguous() for x in (w, *alike.values())):
        yield w, state
        return
    names, tensors = list(alike), [x.view(-1).split(TILE) for x in alike.values()]
    for piece, *parts in zip(w.view(-1).split(TILE), *tensors, strict=True):
        yield piece, {**state, **dict(zip(names, parts, strict=True))}
