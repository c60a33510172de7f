"""The losses every test of losses runs over. A new loss is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import shrinkage as sh

REALS = (-1.7, 0.4, 0.0, 2.5, -0.3, 1.1, 6.0)
SHARES = (0.0, 1.0, 1.0, 0.0, 1.0, 0.25, 0.0)
COUNTS = (0.0, 3.0, 1.0, 0.0, 2.0, 7.0, 1.5)


@dataclass(frozen=True)
class LossCase:
    """`ys` are targets the loss takes; `outside` one that it must refuse beside NaN and infinity, if there is one."""

    name: str
    loss: Any
    ys: tuple[float, ...] = REALS
    outside: float | None = None

    @property
    def y(self) -> np.ndarray:
        return np.array(self.ys)

    @property
    def eta(self) -> np.ndarray:
        """Linear predictors that are near no kink."""
        return np.array([0.3, -0.9, 1.6, 0.7, -2.2, 0.05, 1.0])

    def __str__(self) -> str:
        return self.name


LOSSES = [
    LossCase("squared error", sh.SquaredError(1.3)),
    LossCase("logistic", sh.Logistic(), SHARES, outside=2.0),
    LossCase("poisson", sh.Poisson(), COUNTS, outside=-1.0),
    LossCase("huber", sh.Huber(1.0, 0.8)),
    LossCase("absolute error", sh.AbsoluteError(0.7)),
    LossCase("quantile", sh.Quantile(0.8, 1.2)),
    LossCase("root squared error", sh.RootSquaredError(1.5)),
]
