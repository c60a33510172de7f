"""Text columns that are no factors: numbers spoilt by a word, decimal commas, dates, identifiers. Refused by name."""

from __future__ import annotations

import re

import numpy as np

from shrinkage.errors import DataError
from shrinkage.plurals import counted
from shrinkage.tables.table import Column

MANY_LEVELS = 1000
FEW_ROWS = 20  # below, nearly as many levels as rows proves nothing
COMMA = re.compile(r"[+-]?(\d+(,\d+)?|,\d+)")
DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T]\d{1,2}:\d{2}.*)?")


def refuse_suspects(column: Column) -> None:
    """**Raises** `DataError` where a text column is likelier something else than a factor; says how to insist."""
    for suspicion in (_decimal_comma, _date, _spoilt_numbers, _identifier):
        sentence = suspicion(column)
        if sentence:
            raise DataError(
                f"Column {column.name!r} {sentence}. To take it as a factor all the same: --categorical {column.name}."
            )


def _decimal_comma(column: Column) -> str | None:
    if not all(COMMA.fullmatch(level) for level in column.levels):
        return None
    example = next((level for level in column.levels if "," in level), None)
    if example is None:
        return None
    return f"holds numbers with a comma ({example!r}). If it is a decimal comma, add --decimal ','; if not, remove it"


def _date(column: Column) -> str | None:
    if not all(DAY.fullmatch(level) for level in column.levels):
        return None
    return (
        f"holds dates ({column.levels[0]!r}). Turn them into numbers first (days since a start, month, weekday), "
        f"or leave them out with --drop {column.name}"
    )


def _spoilt_numbers(column: Column) -> str | None:
    numeric = np.array([is_number(level) for level in column.levels])
    rows = column.values[~column.missing]
    spoilt = np.flatnonzero(~numeric)
    if numeric.sum() < 5 or len(spoilt) == 0 or numeric[rows].mean() < 0.8:
        return None
    at = np.flatnonzero(np.isin(column.values, spoilt))
    word = column.levels[column.values[at[0]]]
    return (
        f"would be numbers but for {word!r} in data row {at[0] + 1} ({counted(len(at), 'such entry', 'such entries')}). "
        f"Mend them, or read them as missing with --na {word!r}"
    )


def _identifier(column: Column) -> str | None:
    levels, rows = len(column.levels), int((~column.missing).sum())
    if levels <= MANY_LEVELS and not (rows >= FEW_ROWS and levels >= 0.9 * rows):
        return None
    return (
        f"is text with {levels} different values in {rows} rows, like a name or an identifier. "
        f"Leave it out with --drop {column.name}"
    )


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
