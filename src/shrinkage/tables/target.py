"""The target: numbers as they are, two words as a yes or no."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.errors import DataError
from shrinkage.tables.table import BOOL, EMPTY, NUMBER, TEXT, Column, Table

LOGISTIC, SQUARED = "logistic", "squared_error"


@dataclass(frozen=True)
class Target:
    """The target's name and the loss it is fitted by. `classes`: the two words; the second is the one coded 1."""

    name: str
    loss: str
    classes: tuple[str, str] | None = None
    reason: str = ""

    @classmethod
    def of(cls, table: Table, name: str, loss: str | None = None) -> Target:
        """Read what the target is. `loss` None: logistic for text, booleans and 0/1; squared error for other numbers.

        **Raises** `DataError` for dates, more than two words, a constant text, text with a loss for numbers.
        """
        column = table.column(name)
        if column.kind in (TEXT, BOOL):
            return cls._of_words(column.as_text(), loss, f"{column.kind} with two values")
        if column.kind == EMPTY:
            raise DataError(f"The target {name!r} has no value in any row. Is it the right column?")
        if column.kind != NUMBER:
            raise DataError(
                f"The target {name!r} holds {table.type_name(name)}, not numbers. Turn it into numbers first (for a date: "
                "days since a start)."
            )
        distinct = np.unique(column.values[~column.missing])
        zero_one = np.array_equal(distinct, [0.0, 1.0])
        if loss == LOGISTIC or (loss is None and zero_one):
            return cls._of_words(column.as_text(), loss, "numbers 0 and 1" if zero_one else "numbers with two values")
        reason = "numbers"
        if len(distinct) == 2 and loss is None:
            reason = "numbers with two values; --loss logistic makes them two classes"
        return cls(name, loss or SQUARED, None, reason)

    @classmethod
    def _of_words(cls, column: Column, loss: str | None, reason: str) -> Target:
        words = ", ".join(map(repr, column.levels[:5])) + (" ..." if len(column.levels) > 5 else "")
        if loss not in (None, LOGISTIC):
            raise DataError(
                f"The target {column.name!r} holds text or booleans ({words}), and --loss {loss} needs numbers. "
                "Leave --loss out, or convert the column."
            )
        if len(column.levels) == 1:
            raise DataError(f"The target {column.name!r} is {words} in every row: there is nothing to tell apart.")
        if len(column.levels) > 2:
            hint = " If they are numbers with a decimal comma, add --decimal ','." if _comma(column.levels) else ""
            raise DataError(
                f"The target {column.name!r} has {len(column.levels)} different values ({words}); a yes/no target has two."
                f"{hint or ' Keep two of them, or make a column that says yes or no.'}"
            )
        return cls(column.name, LOGISTIC, (column.levels[0], column.levels[1]), reason)

    def values(self, table: Table) -> np.ndarray:
        """The target's numbers: float64, NaN where missing; of two classes the second is 1, the first 0."""
        column = table.column(self.name)
        return column.values if self.classes is None else _codes(column)

    @property
    def positive(self) -> str | None:
        return None if self.classes is None else self.classes[1]


def _codes(column: Column) -> np.ndarray:
    codes = column.as_text().values.astype(np.float64)
    codes[codes < 0] = np.nan
    return codes


def _comma(levels: tuple[str, ...]) -> bool:
    return all(level.replace(",", "", 1).lstrip("+-").isdigit() for level in levels)
