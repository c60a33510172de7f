"""User's units <-> prepared units, in which every column has spread near one, the target too, and nothing overflows.

Three exact changes of variable, undone in `Units.back`:
columns are centred (the intercept takes the difference) and divided by a power of two near their spread, or by the spread
itself where the user asks to standardise; a target that may be shifted and scaled (squared error, Huber, ...) is centred and
divided by a power of two; the objective is divided by a power of two. Powers of two change no bit of a mantissa, so data in
metres and in units 2**k times as large give the same digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.designs import Design, Moments, Vector, exponents
from shrinkage.points import Point
from shrinkage.problem import Problem

TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Units:
    """`coef = ldexp(w, power) * scale`, `intercept = ldexp(b, target_power) + target_shift - shift @ coef`."""

    shift: Vector  # of the columns
    scale: Vector  # 1/sd where standardised, else 1
    sd: Vector  # of the columns, the user's units
    size: Vector  # root mean square of the columns as the solver sees them
    power: np.ndarray  # int, of the coefficients
    target_shift: float
    target_power: int
    objective_power: int
    intercept: bool
    dtype: np.dtype  # coefficients are handed back in

    def coef(self, w: Vector, columns: Any = slice(None)) -> Vector:
        with np.errstate(over="ignore", under="ignore"):
            unit = np.ldexp(self.scale[columns], self.power[columns])
            plain = np.isfinite(unit) & (np.abs(unit) >= TINY)  # a power of two then changes no digit
            coef = w * unit if plain.all() else np.ldexp(w, self.power[columns]) * self.scale[columns]
            return coef.astype(self.dtype, copy=False).astype(np.float64, copy=False)  # so that the intercept fits them

    def back(self, point: Point) -> tuple[Vector, float]:
        """(coef, intercept) in the user's units."""
        coefs, intercepts = self.back_many(point.w[None, :], np.array([point.b]))
        return coefs[0], float(intercepts[0])

    def back_many(self, W: Vector, b: Vector, columns: Any = slice(None)) -> tuple[Vector, Vector]:
        """(coefs (m, p), intercepts (m,)) in the user's units, of W (m, p) and b (m,); or of some columns, the others zero."""
        coefs = self.coef(W, columns)
        if not self.intercept:
            return coefs, np.zeros(len(b))
        with np.errstate(over="ignore", invalid="ignore"):
            return coefs, np.ldexp(b, self.target_power) + self.target_shift - coefs @ self.shift[columns]

    def forward(self, coef: Vector, intercept: float) -> tuple[Vector, float]:
        """The prepared (w, b) of a start in the user's units."""
        w = np.ldexp(np.asarray(coef, float) / self.scale, -self.power)
        level = intercept + float(self.shift @ np.asarray(coef, float)) - self.target_shift if self.intercept else 0.0
        return w, float(np.ldexp(level, -self.target_power))

    def penalty(self, penalty: Any) -> Any:
        """The same penalty on the prepared coefficients."""
        if not self.power.any() and self.objective_power == 0:
            return penalty
        return penalty.rescale(self.power, self.objective_power)


def prepare(
    design: Design, y: Vector, loss: Any, penalty: Any, weights: Vector, offset: Vector, intercept: bool,
    standardize: bool, moments: Moments,
) -> tuple[Problem, Units]:  # fmt: skip
    """The problem in prepared units, and the way back."""
    shift = np.where(moments.constant, moments.low, moments.mean) if intercept else np.zeros(design.shape[1])
    spread, exponent = _spread(moments, intercept)
    sd = _ldexp(moments.sd, moments.exponent)
    scale = np.ones(len(shift))
    if standardize:  # by the standard deviation also without an intercept, as is usual
        usable = ~moments.constant & (moments.sd > 0)
        scale = np.where(usable, _ldexp(1 / np.where(usable, moments.sd, 1.0), -moments.exponent), 1.0)
        exponent = exponents(spread * np.where(usable, _ldexp(scale, exponent), 1.0))
    y, offset, target_shift, target_power = _target(loss, y, weights, offset, intercept)
    weight_power = int(np.frexp(weights.max())[1])
    if not loss.separable:  # the root of a sum: the weights leave it by their root
        weight_power += weight_power % 2
    loss_units, loss_power = loss.rescale(target_power)
    total_power = loss_power + (weight_power if loss.separable else weight_power // 2)
    alive = (moments.low != 0) | (moments.high != 0)
    for powers in (exponent, np.full_like(exponent, exponent[alive].max() if alive.any() else 0)):
        prepared = penalty.rescale(target_power - powers, total_power)
        if prepared is not None:
            y, offset, weights = _divided(y, target_power), _divided(offset, target_power), _divided(weights, weight_power)
            break
    else:  # a penalty that cannot change its units keeps the user's: of all this only the centring is left
        loss_units, prepared, powers = loss, penalty, np.zeros_like(exponent)
        target_power = total_power = 0
    view = design.view(shift, _ldexp(scale, -powers))
    with np.errstate(over="ignore"):
        size = np.hypot(sd, moments.mean - shift) * view.scale
    problem = Problem(view, y, loss_units, prepared, weights, offset, intercept)
    return problem, Units(
        shift, scale, sd, size, target_power - powers, target_shift, target_power, total_power, intercept, design.dtype
    )  # fmt: skip


def _spread(moments: Moments, intercept: bool) -> tuple[Vector, np.ndarray]:
    """What is left of a column's size once centred, as mantissa and exponent; 1 for a column of zeros, and its own size for
    another constant, so that nothing depends on its units."""
    if intercept:
        mantissa, more = np.frexp(moments.sd)
        empty = moments.constant | (moments.sd == 0)
        own = np.where(moments.low == 0, 0, np.frexp(moments.low)[1])
        return np.where(empty, 0.5, mantissa), np.where(empty, own, more + moments.exponent).astype(np.int64)
    size = np.maximum(np.abs(moments.low), np.abs(moments.high))
    mantissa, more = np.frexp(size)
    return np.where(size == 0, 0.5, mantissa), np.where(size == 0, 0, more).astype(np.int64)


def _target(loss: Any, y: Vector, weights: Vector, offset: Vector, intercept: bool) -> tuple[Vector, Vector, float, int]:
    """(y, offset, shift, power): an equivariant loss sees y - offset, centred, and brought to size one by a power of two."""
    if not loss.equivariant:
        return y, offset, 0.0, 0
    if offset.any():
        with np.errstate(over="ignore", invalid="ignore"):
            y = y - offset
    offset = np.broadcast_to(0.0, y.shape)
    used = y[weights > 0]
    shift = 0.0
    if intercept:
        share = weights / weights.max()
        shift = float(used[0]) if np.all(used == used[0]) else float(_mean(y, share / share.sum()))
        y = y - shift
    size = np.abs(np.where(weights > 0, y, 0.0)).max()
    top = int(np.frexp(size)[1]) if size > 0 else 0
    root = np.sqrt(np.mean(np.square(np.ldexp(used - shift, -top)))) if size > 0 else 1.0
    return y, offset, shift, top + int(np.frexp(root)[1]) if size > 0 else 0


def _mean(y: Vector, share: Vector) -> float:
    half = y * 0.5  # halves, so that the difference of two large entries of opposite sign stays finite
    return 2 * (half[0] + share @ (half - half[0]))


def _divided(x: Vector, power: int) -> Vector:
    """x / 2**power; a view of one number stays one."""
    if x.strides == (0,) and len(x):
        return np.broadcast_to(np.ldexp(x[0], -power), x.shape)
    return np.ldexp(x, -power)


def _ldexp(x: Any, e: Any) -> np.ndarray:
    """x 2**e, also where 2**e alone is out of range."""
    half = np.asarray(e) // 2
    return np.ldexp(np.ldexp(x, half), np.asarray(e) - half)
