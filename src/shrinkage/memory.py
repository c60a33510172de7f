"""How much memory an answer may take beside the data, asked before anything large is allocated."""

from __future__ import annotations

import os

from shrinkage.errors import MemoryBudgetError, ParameterError

VARIABLE = "SHRINKAGE_MEMORY_BUDGET"
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SHARE = 0.9  # of what the machine has left
SMALL = 1 << 26  # bytes that are not worth a look at the machine


def budget() -> float:
    """Bytes: SHRINKAGE_MEMORY_BUDGET ("8GB", "500MB", "1e9"), else nine tenths of what the machine has left; infinite where
    that is not known."""
    asked = os.environ.get(VARIABLE, "").strip().upper()
    if not asked:
        return SHARE * _left()
    number = asked.rstrip("KMGTB")
    try:
        return float(number) * UNITS[asked[len(number) :]]
    except (ValueError, KeyError):
        raise ParameterError(f"{VARIABLE} must be a number of bytes, or one such as 500MB or 8GB; got {asked!r}.") from None


def _left() -> float:
    try:
        with open("/proc/meminfo") as file:
            return next(float(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        try:
            return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, ValueError, OSError):
            return float("inf")


def require(numbers: int, what: str) -> None:
    """MemoryBudgetError unless so many float64 numbers fit into the budget."""
    size = 8 * numbers
    if size < SMALL and VARIABLE not in os.environ:
        return
    limit = budget()
    if size > limit:
        raise MemoryBudgetError(
            f"{what} needs {text(size)}; the budget is {text(limit)}, and nothing was allocated. Use fewer rows or columns, "
            f"float32 data or a larger alpha (fewer columns in use), or set {VARIABLE}, as in {VARIABLE}=32GB."
        )


def text(size: float) -> str:
    """Bytes in words."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
