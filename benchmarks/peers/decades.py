"""Tolerances by decades."""

from __future__ import annotations


def decades(loose: int, tight: int) -> list[float]:
    """10**-loose, ..., 10**-tight."""
    return [10.0**-k for k in range(loose, tight + 1)]
