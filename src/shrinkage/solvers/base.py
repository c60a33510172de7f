"""What a solver is: settings, a state, a start and a step. It has no stopping test of its own; the problem judges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from shrinkage.points import Point
from shrinkage.problem import Evaluation, Problem

State = TypeVar("State")


class Solver(ABC, Generic[State]):
    """Each state has a field `point`, the candidate the problem judges next."""

    patience: ClassVar[int] = 10  # steps without any progress after which rounding is taken to be the limit

    @abstractmethod
    def start(self, problem: Problem, point: Point, previous: Any = None) -> State:
        """The state before the first step; `previous` may hold a state on the same design, whose caches are reused."""

    @abstractmethod
    def step(self, problem: Problem, state: State, evaluation: Evaluation) -> State:
        """The next state. `evaluation` is the judge's word on `state.point`, whose free terms it has solved."""
