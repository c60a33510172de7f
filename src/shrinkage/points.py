"""A candidate solution."""

from __future__ import annotations

from dataclasses import dataclass

from shrinkage.designs import Vector


@dataclass(frozen=True, eq=False)
class Point:
    """A candidate: coefficients, intercept, linear predictor (offset included), and a dual value where a solver has one."""

    w: Vector
    b: float
    eta: Vector
    dual: Vector | None = None
