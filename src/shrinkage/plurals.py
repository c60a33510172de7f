"""Numbers of things in sentences."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 row", "3 rows", "0 rows"; `many` where it is not `one` with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def are(count: int) -> str:
    """The verb that goes with so many."""
    return "is" if count == 1 else "are"
