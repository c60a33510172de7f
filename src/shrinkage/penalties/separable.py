"""The separable penalties by name. To add one whose formula fits `terms.py`: its parameters, and its terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.penalties.elementary import Elementary
from shrinkage.penalties.terms import Terms, number


def _set(penalty: Any, name: str, **bounds: Any) -> None:
    object.__setattr__(penalty, name, number(getattr(penalty, name), f"{type(penalty).__name__}({name}=...)", **bounds))


@dataclass(frozen=True, eq=False)
class L1(Elementary):
    """strength * sum(|w|): the lasso's penalty (Tibshirani, 1996, JRSS B 58), and the Laplace prior of scale 1 / strength.

    `strength` >= 0, a number or one per coefficient (0: not penalised), in 1 / (units of w), on the *sum* of the loss.
    """

    strength: Any = 1.0

    def __post_init__(self) -> None:
        _set(self, "strength")

    @property
    def terms(self) -> Terms:
        return Terms(l1=self.strength)

    def __repr__(self) -> str:
        return f"L1({_text(self.strength)})"


@dataclass(frozen=True, eq=False)
class L2(Elementary):
    """strength / 2 * sum(w**2): ridge (Hoerl and Kennard, 1970, Technometrics 12), the normal prior of variance 1 / strength.

    `strength` >= 0, a number or one per coefficient, in 1 / (units of w)**2, on the *sum* of the loss. For a matrix it is
    half the squared Frobenius norm. Its gradient, strength * w, is what PyTorch's `weight_decay` adds.
    """

    strength: Any = 1.0

    def __post_init__(self) -> None:
        _set(self, "strength")

    @property
    def terms(self) -> Terms:
        return Terms(l2=self.strength)

    def __repr__(self) -> str:
        return f"L2({_text(self.strength)})"


@dataclass(frozen=True, eq=False)
class MCP(Elementary):
    """The minimax concave penalty (Zhang, 2010, Ann. Stat. 38): L1 at zero, ever flatter, constant from concavity * strength on.

    For |w| <= concavity * strength: strength |w| - w**2 / (2 concavity). `concavity` > 1 keeps the scalar problem convex on
    columns of mean square one. Improper as a prior: its tails are flat, so it has modes and no density.
    """

    strength: Any = 1.0
    concavity: Any = 3.0

    def __post_init__(self) -> None:
        _set(self, "strength")
        _set(self, "concavity", low=1.0, open_low=True)

    @property
    def terms(self) -> Terms:
        return Terms(slope=self.strength, fall=0.0, flat=np.asarray(self.concavity) * self.strength)

    def __repr__(self) -> str:
        return f"MCP({_text(self.strength)}, concavity={_text(self.concavity)})"


@dataclass(frozen=True, eq=False)
class SCAD(Elementary):
    """The smoothly clipped absolute deviation (Fan and Li, 2001, JASA 96): L1 up to strength, constant from
    concavity * strength on.

    `concavity` > 2, as in the source (which advises 3.7). Improper as a prior, like MCP.
    """

    strength: Any = 1.0
    concavity: Any = 3.7

    def __post_init__(self) -> None:
        _set(self, "strength")
        _set(self, "concavity", low=2.0, open_low=True)

    @property
    def terms(self) -> Terms:
        return Terms(slope=self.strength, fall=self.strength, flat=np.asarray(self.concavity) * self.strength)

    def __repr__(self) -> str:
        return f"SCAD({_text(self.strength)}, concavity={_text(self.concavity)})"


@dataclass(frozen=True, eq=False)
class Box(Elementary):
    """0 where low <= w <= high, infinite elsewhere: bounds on coefficients, and the uniform prior between them.

    `low` <= `high`, numbers or one per coefficient, in units of w; infinite ends are open. Box(0, 0) keeps a coefficient out.
    """

    low: Any = -np.inf
    high: Any = np.inf

    def __post_init__(self) -> None:
        _set(self, "low", low=-np.inf, finite=False)
        _set(self, "high", low=-np.inf, finite=False)
        if np.any(np.asarray(self.low) > self.high) or np.any(np.isposinf(self.low)) or np.any(np.isneginf(self.high)):
            raise ParameterError(f"Box(low, high) needs low <= high everywhere; got {self!r}.")

    @property
    def terms(self) -> Terms:
        return Terms(low=self.low, high=self.high)

    def __repr__(self) -> str:
        return f"Box({_text(self.low)}, {_text(self.high)})"


@dataclass(frozen=True, eq=False)
class NonNegative(Elementary):
    """0 where every w >= 0, infinite elsewhere."""

    @property
    def terms(self) -> Terms:
        return Terms(low=0.0)


def _text(x: Any) -> str:
    return f"{x:g}" if np.ndim(x) == 0 else np.array2string(np.asarray(x), threshold=6, precision=4, separator=", ")
