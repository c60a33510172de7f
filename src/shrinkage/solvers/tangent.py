"""A concave part replaced by its tangent at |w|: a weighted L1 that lies above it and touches it there.

Minimising with the tangent in its place never raises the objective, and stops only where the optimality conditions hold:
Zou and Li (2008), "One-step sparse estimates in nonconcave penalized likelihood models", Ann. Stat. 36.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shrinkage.designs import Vector
from shrinkage.penalties import Twin
from shrinkage.penalties.terms import NAMES, Terms


def tangent(twin: Twin, w: Vector) -> Twin:
    """The twin with every concave part as an L1 of its slope at w (or at the norm of w's group)."""
    out = replace(twin, terms=_linear(twin.terms, np.abs(w)))
    if twin.groups is None or twin.group_terms is None:
        return out
    inside = twin.groups >= 0
    norms = np.sqrt(np.bincount(twin.groups[inside], w[inside] ** 2, minlength=twin.group_terms.shape[1]))
    return replace(out, group_terms=_linear(twin.group_terms, norms))


def _linear(table: np.ndarray, size: Vector) -> np.ndarray:
    terms = Terms(**dict(zip(NAMES, table, strict=True)))
    return terms.tangent(size).table(table.shape[1]) if terms.concave else table
