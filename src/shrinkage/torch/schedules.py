"""Strengths that change as training goes on, in the manner of torch's learning-rate schedulers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shrinkage.errors import ParameterError
from shrinkage.torch.penalties import Penalties


@dataclass(frozen=True)
class Ramp:
    """From `start` to 1 along a straight line over so many steps, and 1 from then on; the first `wait` steps stay at `start`."""

    steps: int
    start: float = 0.0
    wait: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.wait < 0 or self.start < 0:
            raise ParameterError(f"A ramp needs steps >= 1, wait >= 0 and start >= 0; got {self!r}.")

    def __call__(self, step: int) -> float:
        done = min(max(step - self.wait, 0) / self.steps, 1.0)
        return self.start + (1 - self.start) * done


class StrengthSchedule:
    """penalties.strength = its first value * factor(k), k the number of calls of `step()`: as `LambdaLR` does for rates.

    **Arguments**

    - `factor`: a `Ramp`, or any function of the number of steps, >= 0. It is not part of `state_dict`.
    """

    def __init__(self, penalties: Penalties, factor: Callable[[int], float]) -> None:
        self.penalties, self.factor = penalties, factor
        self.base, self.count = penalties.strength, 0
        self._set()

    def step(self) -> None:
        """Once for every step of the optimizer, or every epoch, after it."""
        self.count += 1
        self._set()

    def state_dict(self) -> dict[str, Any]:
        return {"base": self.base, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.base, self.count = state["base"], state["count"]
        self._set()

    def _set(self) -> None:
        self.penalties.strength = self.base * self.factor(self.count)
