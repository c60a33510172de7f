"""NumPy or torch: the namespace of an array, and numbers brought to where an array lives."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

Array = Any
STANDARD = int(np.__version__.split(".")[0]) >= 2  # NumPy's own functions are those of the array API

__all__ = ["Array", "namespace", "on", "or_one", "positive_part", "signed", "soft_threshold"]


def namespace(*arrays: Array) -> Any:
    """The library of some arrays. Where NumPy's own functions will do, wrappers took a tenth of the time of a fit of thirty
    columns."""
    return np if STANDARD and all(type(array) is np.ndarray for array in arrays) else array_namespace(*arrays)


def on(value: Any, w: Array) -> Any:
    """A parameter as w can use it: a plain number as it is, an array in w's library, dtype and device; beside a tensor in pieces
    on several processes (torch's DTensor), whole in each of them."""
    if np.ndim(value) == 0 and isinstance(value, float | int | np.floating | np.ndarray):
        return float(value)
    if isinstance(w, np.ndarray):
        return np.asarray(value)
    xp = namespace(w)
    whole = xp.asarray(value, dtype=w.dtype, device=device(w))
    return type(w).from_local(whole, w.device_mesh) if hasattr(w, "device_mesh") else whole


def soft_threshold(w: Array, threshold: Any) -> Array:
    """sign(w) max(|w| - threshold, 0)."""
    xp = namespace(w)
    return signed(positive_part(xp.abs(w) - threshold), w)


def signed(size: Array, w: Array) -> Array:
    """sign(w) size, for sizes that are 0 where w is. (array_api_compat's sign writes through a mask.)"""
    return namespace(w).where(w < 0, -size, size)


def positive_part(x: Array) -> Array:
    """max(x, 0). The array's own method comes first: array_api_compat's writes through a mask, which DTensor does not do."""
    return x.clip(min=0.0) if hasattr(x, "clip") else namespace(x).clip(x, min=0.0)


def or_one(x: Array) -> Array:
    """x, with 1 in place of 0: for a division whose numerator is then 0 as well."""
    xp = namespace(x)
    return xp.where(x == 0, xp.ones_like(x), x)
