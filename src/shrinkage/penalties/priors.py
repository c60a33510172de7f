"""The statisticians' names: each builds a penalty, since a penalty is a prior. A prior's number is its scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtri

from shrinkage.errors import ParameterError
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.grouped import Grouped
from shrinkage.penalties.separable import L1, L2, Box, NonNegative
from shrinkage.penalties.terms import number


class Prior:
    """A name that builds a penalty when called; `from_interval(low, high, probability)` finds the scale first."""

    def __init__(self, build: Callable[..., Penalty], elicit: Callable[[float, float, float], Penalty] | None = None) -> None:
        self._build, self._elicit = build, elicit
        self.__doc__, self.__name__ = build.__doc__, build.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Penalty:
        return self._build(*args, **kwargs)

    def from_interval(self, low: float, high: float, probability: float) -> Penalty:
        """The prior of this family that puts `probability` on [low, high] (units of the coefficient).

        Laplace and Normal are centred at zero, so low = -high; Exponential and HalfNormal start at zero, so low = 0.
        """
        if self._elicit is None:
            raise ParameterError(f"{self.__name__} has more than one scale: an interval does not fix them. Give the scales.")
        low, high = number(low, "low", low=-np.inf), number(high, "high", low=-np.inf)
        probability = number(probability, "probability", open_low=True)
        if not (low < high and probability <= 1):
            raise ParameterError(
                f"An interval needs low < high and 0 < probability <= 1; got [{low:g}, {high:g}], {probability:g}."
            )
        return self._elicit(low, high, probability)

    def __repr__(self) -> str:
        return self.__name__


def _scale(scale: Any, what: str) -> Any:
    return number(scale, what, open_low=True)


def _laplace(scale: Any = 1.0) -> Penalty:
    """Laplace(scale): density exp(-|w| / scale) / (2 scale), standard deviation sqrt(2) scale. It is L1(1 / scale)."""
    return L1(1 / _scale(scale, "Laplace(scale=...)"))


def _normal(scale: Any = 1.0) -> Penalty:
    """Normal(scale): mean 0, standard deviation `scale`. It is L2(1 / scale**2)."""
    return L2(1 / _scale(scale, "Normal(scale=...)") ** 2)


def _laplace_normal(laplace_scale: Any = 1.0, normal_scale: Any = 1.0) -> Penalty:
    """LaplaceNormal: the product of the two densities, renormalised (not their convolution). It is the elastic net."""
    return _laplace(laplace_scale) + _normal(normal_scale)


def _multivariate_laplace(scale: Any = 1.0, groups: Any = None) -> Penalty:
    """MultivariateLaplace(scale, groups): density proportional to exp(-||w_g|| / scale) for each group. It is the group lasso."""
    if groups is None:
        raise ParameterError("MultivariateLaplace needs groups: the group of each coefficient.")
    return Grouped(_laplace(scale), groups)


def _uniform(low: Any = 0.0, high: Any = 1.0) -> Penalty:
    """Uniform(low, high). It is Box(low, high)."""
    return Box(low, high)


def _exponential(scale: Any = 1.0) -> Penalty:
    """Exponential(scale) on w >= 0, mean `scale`. It is L1(1 / scale) + NonNegative()."""
    return L1(1 / _scale(scale, "Exponential(scale=...)")) + NonNegative()


def _half_normal(scale: Any = 1.0) -> Penalty:
    """HalfNormal(scale): the size of a normal of standard deviation `scale`. It is L2(1 / scale**2) + NonNegative()."""
    return L2(1 / _scale(scale, "HalfNormal(scale=...)") ** 2) + NonNegative()


def _two_sided(name: str, low: float, high: float) -> float:
    if low != -high:
        raise ParameterError(f"{name} is centred at zero: the interval must be symmetric; got [{low:g}, {high:g}].")
    return high


def _one_sided(name: str, low: float, high: float) -> float:
    if low != 0:
        raise ParameterError(f"{name} starts at zero: the interval must too; got [{low:g}, {high:g}].")
    return high


def _below_one(probability: float) -> float:
    if probability >= 1:
        raise ParameterError("A prior with tails puts less than all of its probability on an interval; got probability 1.")
    return probability


def _named(name: str, build: Callable[..., Penalty], elicit: Callable[[float, float, float], Penalty] | None = None) -> Prior:
    build.__name__ = name
    return Prior(build, elicit)


Laplace = _named("Laplace", _laplace, lambda low, high, p: _laplace(-_two_sided("Laplace", low, high) / np.log1p(-_below_one(p))))
Normal = _named("Normal", _normal, lambda low, high, p: _normal(_two_sided("Normal", low, high) / ndtri((1 + _below_one(p)) / 2)))
LaplaceNormal = _named("LaplaceNormal", _laplace_normal)
MultivariateLaplace = _named("MultivariateLaplace", _multivariate_laplace)
Uniform = _named(
    "Uniform", _uniform,
    lambda low, high, p: _uniform((low + high) / 2 - (high - low) / 2 / p, (low + high) / 2 + (high - low) / 2 / p),
)  # fmt: skip
Exponential = _named(
    "Exponential",
    _exponential,
    lambda low, high, p: _exponential(-_one_sided("Exponential", low, high) / np.log1p(-_below_one(p))),
)
HalfNormal = _named(
    "HalfNormal",
    _half_normal,
    lambda low, high, p: _half_normal(_one_sided("HalfNormal", low, high) / ndtri((1 + _below_one(p)) / 2)),
)
