"""The losses every test of losses runs over. A new loss is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import shrinkage as sh


@dataclass(frozen=True)
class LossCase:
    name: str
    loss: Any

    def __str__(self) -> str:
        return self.name


LOSSES = [
    LossCase("squared error", sh.SquaredError(1.3)),
    LossCase("logistic", sh.Logistic()),
    LossCase("poisson", sh.Poisson()),
    LossCase("huber", sh.Huber(1.0, 0.8)),
    LossCase("absolute error", sh.AbsoluteError(0.7)),
    LossCase("quantile", sh.Quantile(0.8, 1.2)),
    LossCase("root squared error", sh.RootSquaredError(1.5)),
]
