"""The penalties every test of penalties runs over, each on any number of coefficients p. A new penalty is one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import shrinkage as sh


@dataclass(frozen=True)
class Case:
    """`make(p)` builds the penalty on p coefficients; `penalty` is the one on 6."""

    name: str
    make: Callable[[int], Any]

    @property
    def penalty(self) -> Any:
        return self.make(6)

    def __str__(self) -> str:
        return self.name


def ramp(p: int) -> np.ndarray:
    return np.linspace(0.5, 2.0, p)


def pairs(p: int) -> np.ndarray:
    return np.arange(p) // 2


PENALTIES = [
    Case("L1", lambda p: sh.L1(0.8)),
    Case("L1 per coefficient", lambda p: sh.L1(ramp(p))),
    Case("L1 with a free coefficient", lambda p: sh.L1(np.where(np.arange(p) == 1, 0.0, 1.0))),
    Case("L2", lambda p: sh.L2(0.7)),
    Case("L2 per coefficient", lambda p: sh.L2(ramp(p))),
    Case("elastic net", lambda p: sh.L1(0.6) + sh.L2(0.5)),
    Case("MCP", lambda p: sh.MCP(0.8, 3.0)),
    Case("SCAD", lambda p: sh.SCAD(0.8, 3.7)),
    Case("MCP + L2", lambda p: sh.MCP(0.8, 3.0) + sh.L2(0.3)),
    Case("SCAD + L1", lambda p: sh.SCAD(0.5, 3.7) + sh.L1(0.3)),
    Case("2 * MCP", lambda p: 2.0 * sh.MCP(0.8, 3.0)),
    Case("L1 + NonNegative", lambda p: sh.L1(0.5) + sh.NonNegative()),
    Case("L2 + NonNegative", lambda p: sh.L2(0.5) + sh.NonNegative()),
    Case("L1 + Box", lambda p: sh.L1(0.5) + sh.Box(-0.4, 0.6)),
    Case("L1 + L2 + Box above zero", lambda p: sh.L1(0.3) + sh.L2(0.4) + sh.Box(0.1, 0.7)),
    Case("MCP + Box", lambda p: sh.MCP(0.8, 3.0) + sh.Box(-1.0, 0.9)),
    Case("Box", lambda p: sh.Box(-0.5, 0.5)),
    Case("group lasso", lambda p: sh.Grouped(sh.L1(0.9), pairs(p))),
    Case("one group", lambda p: sh.Grouped(sh.L1(1.2), np.zeros(p, int))),
    Case("group elastic net", lambda p: sh.Grouped(sh.L1(0.6) + sh.L2(0.4), pairs(p))),
    Case("group MCP", lambda p: sh.Grouped(sh.MCP(0.9, 3.0), pairs(p))),
    Case("group SCAD", lambda p: sh.Grouped(sh.SCAD(0.9, 3.7), pairs(p))),
    Case("sparse group", lambda p: sh.L1(0.3) + sh.Grouped(sh.L1(0.6), pairs(p))),
    Case("sparse group + L2", lambda p: sh.L1(0.3) + sh.L2(0.2) + sh.Grouped(sh.L1(0.6), pairs(p))),
    Case("group + NonNegative", lambda p: sh.Grouped(sh.L1(0.6), pairs(p)) + sh.NonNegative()),
]
