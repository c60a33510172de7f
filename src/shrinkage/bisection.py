"""The largest share of a step that stays inside a convex set."""

from __future__ import annotations

from collections.abc import Callable


def largest_share(inside: Callable[[float], bool]) -> float:
    """The largest k in [0, 1] with inside(k), to 60 bits; inside(0) holds, and what lies below a k inside is inside."""
    if inside(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) else (low, middle)
    return low
