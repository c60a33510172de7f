"""NumPy or torch: the namespace of an array, and numbers brought to where an array lives."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace as namespace
from array_api_compat import device

Array = Any

__all__ = ["Array", "namespace", "on", "soft_threshold", "or_one"]


def on(value: Any, w: Array) -> Any:
    """A parameter as w can use it: a plain number as it is, an array in w's library, dtype and device."""
    if np.ndim(value) == 0 and isinstance(value, float | int | np.floating | np.ndarray):
        return float(value)
    if isinstance(w, np.ndarray):
        return np.asarray(value)
    xp = namespace(w)
    return xp.asarray(value, dtype=w.dtype, device=device(w))


def soft_threshold(w: Array, threshold: Any) -> Array:
    """sign(w) max(|w| - threshold, 0)."""
    xp = namespace(w)
    return xp.sign(w) * xp.clip(xp.abs(w) - threshold, min=0.0)


def or_one(x: Array) -> Array:
    """x, with 1 in place of 0: for a division whose numerator is then 0 as well."""
    xp = namespace(x)
    return xp.where(x == 0, xp.ones_like(x), x)
