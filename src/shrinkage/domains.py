"""Intervals that know what lies in them and write their own error messages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from shrinkage.errors import DataError, ParameterError
from shrinkage.plurals import are, counted


@dataclass(frozen=True)
class Interval:
    """The finite numbers from `low` to `high`; an end belongs to it where `has_low` or `has_high` says so.

    `remedy` is the sentence that tells the owner of data outside what to do.
    """

    low: float = -math.inf
    high: float = math.inf
    has_low: bool = True
    has_high: bool = True
    remedy: str = "Drop those rows or correct them."

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "finite"
        if math.isinf(self.high):
            return f"finite and {'>=' if self.has_low else '>'} {self.low:g}"
        if math.isinf(self.low):
            return f"finite and {'<=' if self.has_high else '<'} {self.high:g}"
        return f"in {'[' if self.has_low else '('}{self.low:g}, {self.high:g}{']' if self.has_high else ')'}"

    def contains(self, values: Any) -> Any:
        """Which entries lie inside: a bool array shaped like `values`. NaN and infinities never do."""
        xp = array_namespace(values)
        above = values >= self.low if self.has_low else values > self.low
        below = values <= self.high if self.has_high else values < self.high
        return above & below & xp.isfinite(values)

    def check(self, values: Any, what: str = "y") -> None:
        """Raise `DataError` if an entry lies outside: how many do, the first one's row and value, and the remedy."""
        values = values if is_array_api_obj(values) else np.asarray(values)
        xp = array_namespace(values)
        outside = xp.reshape(~self.contains(values), (-1,))
        count = int(xp.sum(xp.astype(outside, xp.int64)))
        if count == 0:
            return
        row = int(xp.argmax(xp.astype(outside, xp.int64)))
        value = float(xp.reshape(values, (-1,))[row])
        remedy = self.remedy if math.isfinite(value) else "Drop those rows or fill them."
        raise DataError(
            f"{what} must be {self}: {count} of {counted(outside.shape[0], 'entry', 'entries')} {are(count)} not, "
            f"the first in row {row}, which holds {value:g}. {remedy}"
        )

    def number(self, value: Any, what: str) -> float:
        """`value` as a float, or `ParameterError` if it is not a number inside."""
        if isinstance(value, Real) and not isinstance(value, bool | np.bool_) and self.contains(np.float64(value)):
            return float(value)
        raise ParameterError(f"{what} must be a number, {self}; got {value!r}.")


REAL = Interval()
POSITIVE = Interval(low=0.0, has_low=False)
NON_NEGATIVE = Interval(low=0.0)
UNIT = Interval(low=0.0, high=1.0)
INNER_UNIT = Interval(low=0.0, high=1.0, has_low=False, has_high=False)
