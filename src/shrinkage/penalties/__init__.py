"""Penalties, which are priors. A new one whose formula fits `terms.py` is a class in `separable.py`, its name here, and one
line in `tests/batteries.py`."""

from shrinkage.penalties.base import Penalty, Separable, Twin
from shrinkage.penalties.grouped import Grouped
from shrinkage.penalties.priors import (
    Exponential,
    HalfNormal,
    Laplace,
    LaplaceNormal,
    MultivariateLaplace,
    Normal,
    Uniform,
)
from shrinkage.penalties.separable import L1, L2, MCP, SCAD, Box, NonNegative

__all__ = [
    "L1", "L2", "MCP", "SCAD", "Box", "Exponential", "Grouped", "HalfNormal", "Laplace", "LaplaceNormal",
    "MultivariateLaplace", "NonNegative", "Normal", "Penalty", "Separable", "Twin", "Uniform",
]  # fmt: skip
