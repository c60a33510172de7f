"""Columns -> a design matrix, by rules that are fixed when the model is fitted and stored with it.

Numbers stay; booleans become 0 and 1; a factor becomes one column a level, *no level dropped*: with a penalty
collinearity is no problem, and no level is the one the others are measured against.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.errors import DataError, ParameterError
from shrinkage.plurals import counted
from shrinkage.tables.suspects import is_number, refuse_suspects
from shrinkage.tables.table import BOOL, DATE, EMPTY, NUMBER, OTHER, TEXT, Column, Table

FACTOR = "factor"
MISSING_POLICIES = ("error", "drop", "mean", "level")
UNSEEN_POLICIES = ("error", "zero")


@dataclass(frozen=True)
class Coded:
    """How one input column becomes design columns.

    `fill` stands in for a missing entry under the policies "mean" and "level": the mean of a number or boolean, the share
    of each level of a factor. `indicator`: one more design column says "missing".
    """

    name: str
    kind: str  # "number", "bool" or "factor"
    levels: tuple[str, ...] = ()
    fill: tuple[float, ...] = ()
    indicator: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of the design columns."""
        own = tuple(f"{self.name}={level}" for level in self.levels) if self.kind == FACTOR else (self.name,)
        return (*own, f"{self.name} is missing") if self.indicator else own


@dataclass(frozen=True, eq=False)
class Matrix:
    """A design: X float64 (rows kept, p), column-major; `kept` is the mask of the table's rows; `notes` are sentences."""

    X: np.ndarray
    names: tuple[str, ...]
    kept: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Encoding:
    """The columns in the order of the fit, the two policies, and what was left out with the reason."""

    columns: tuple[Coded, ...]
    missing: str = "error"
    unseen: str = "error"
    left_out: tuple[tuple[str, str], ...] = ()

    @classmethod
    def fit(
        cls,
        table: Table,
        columns: Iterable[str] | None = None,
        *,
        categorical: Sequence[str] = (),
        missing: str = "error",
        unseen: str = "error",
    ) -> Encoding:
        """Read the rules from a table.

        `columns`: those to use, all by default. `categorical`: taken as factors whatever they look like.
        `missing`: "error", "drop" the row, "mean", or "level" (a factor gets a level for it; a number its mean and an
        indicator column). `unseen`: what a level that only new data have does: "error", or "zero" in every column.

        **Raises** `DataError` for dates, nested types, infinities, identifiers, missing entries under "error", and
        where no usable column or row is left.
        """
        _known(missing, MISSING_POLICIES, "missing")
        _known(unseen, UNSEEN_POLICIES, "unseen")
        names = list(table.names if columns is None else columns)
        table.require([*names, *categorical])
        found, left_out = _read(table, names, frozenset(categorical))
        if missing == "error":
            _refuse_missing(found, table.source)
        if missing == "drop":
            kept = _complete(found, len(table))
            if not kept.any():
                raise DataError(
                    f"Every row of {table.source} has a missing entry, so --missing drop leaves none. Use --missing mean, "
                    "or --drop the columns with most missing entries."
                )
            found = [column.rows(kept) for column in found]
        coded = []
        for column in found:
            reason = _useless(column, missing)
            if reason:
                left_out.append((column.name, reason))
            else:
                coded.append(_code(column, missing))
        if not coded:
            listed = "; ".join(f"{name} ({reason})" for name, reason in left_out)
            raise DataError(f"No column of {table.source} is left to fit with. Left out: {listed or 'none'}.")
        encoding = cls(tuple(coded), missing, unseen, tuple(left_out))
        _refuse_clashes(encoding.names)
        return encoding

    @property
    def names(self) -> tuple[str, ...]:
        """Of the design columns."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.kind == FACTOR)

    def groups(self) -> np.ndarray:
        """A number per design column (p,): a factor's levels share one, every other column has its own."""
        groups, number = [], 0
        for column in self.columns:
            if column.kind == FACTOR:
                groups += [number] * len(column.names)
                number += 1
            else:
                groups += range(number, number + len(column.names))
                number += len(column.names)
        return np.array(groups, dtype=np.int64)

    def matrix(self, table: Table, *, unseen: str | None = None) -> Matrix:
        """The design of a table. Its columns may be in any order, and others may be there.

        **Raises** `DataError` naming absent columns, and what the policies refuse.
        """
        policy = _known(unseen or self.unseen, UNSEEN_POLICIES, "unseen")
        table.require(self.inputs)
        found = [_expected(table, coded) for coded in self.columns]
        if self.missing == "error":
            _refuse_missing(found, table.source)
        kept = np.ones(len(table), dtype=bool)
        if self.missing == "drop":
            kept = _complete(found, len(table))
            found = [column.rows(kept) for column in found]
        X = np.empty((int(kept.sum()), len(self.names)), order="F")
        notes: list[str] = []
        at = 0
        for coded, column in zip(self.columns, found, strict=True):
            width = len(coded.names)
            notes += _unseen_notes(coded, column, policy, table.source)
            notes += _fill(X[:, at : at + width], coded, column)
            at += width
        return Matrix(X, self.names, kept, tuple(notes))


def _known(word: str, words: Sequence[str], what: str) -> str:
    if word not in words:
        raise ParameterError(f"{what} must be one of {', '.join(words)}; got {word!r}.")
    return word


def _read(table: Table, names: Sequence[str], categorical: frozenset[str]) -> tuple[list[Column], list[tuple[str, str]]]:
    """The usable columns, and those without a value with the reason they are left out."""
    found, left_out = [], []
    for name in names:
        _refuse_kind(table, name, name in categorical)
        column = table.column(name)
        if column.kind == EMPTY:
            left_out.append((name, "no value in any row"))
            continue
        _refuse_infinite(column, table.source)
        if name in categorical:
            column = column.as_text()
        elif column.kind == TEXT:
            refuse_suspects(column)
        found.append(column)
    return found, left_out


def _refuse_kind(table: Table, name: str, insisted: bool) -> None:
    kind = table.kind(name)
    if kind == DATE:
        insist = "" if insisted else f", or --categorical {name} to take each as a level (CSV only)"
        raise DataError(
            f"Column {name!r} of {table.source} holds dates or times ({table.type_name(name)}). Turn them into numbers first "
            f"(days since a start, month, weekday), or leave them out with --drop {name}{insist}."
        )
    if kind == OTHER:
        raise DataError(
            f"Column {name!r} of {table.source} holds {table.type_name(name)}, which is neither a number nor a word. "
            f"Leave it out with --drop {name}, or convert it."
        )


def _refuse_infinite(column: Column, source: str) -> None:
    if column.kind != NUMBER:
        return
    at = np.flatnonzero(np.isinf(column.values))
    if len(at):
        raise DataError(
            f"Column {column.name!r} of {source} has {counted(len(at), 'infinite entry', 'infinite entries')}, "
            f"the first in data row {at[0] + 1}. "
            "Mend them, or make them empty and choose --missing."
        )


def _refuse_missing(columns: Sequence[Column], source: str) -> None:
    counts = [(column.name, int(column.missing.sum())) for column in columns if column.missing.any()]
    if not counts:
        return
    shown = ", ".join(f"{name!r} ({counted(count, 'row')})" for name, count in counts[:5]) + (" ..." if len(counts) > 5 else "")
    first = next(column for column in columns if column.missing.any())
    row = int(np.flatnonzero(first.missing)[0]) + 1
    raise DataError(
        f"{source} has missing entries in {counted(len(counts), 'column')}: {shown}; "
        f"the first is in data row {row}. Say when fitting what they mean: --missing drop (leave those rows out), mean, or level."
    )


def _refuse_clashes(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"Two design columns would be called {twice!r}: rename the column whose name contains '='.")


def _complete(columns: Sequence[Column], rows: int) -> np.ndarray:
    kept = np.ones(rows, dtype=bool)
    for column in columns:
        kept &= ~column.missing
    return kept


def _useless(column: Column, missing: str) -> str | None:
    """Why a column cannot say anything: it is constant, and its gaps are not looked at either."""
    if missing == "level" and column.missing.any():
        return None
    present = column.values[~column.missing]
    if len(present) == 0:
        return "no value in any row"
    if (present != present[0]).any():
        return None
    value = column.levels[present[0]] if column.kind == TEXT else f"{present[0]:g}"
    return f"{value} in every row"


def _code(column: Column, missing: str) -> Coded:
    gaps = column.missing
    indicator = missing == "level" and bool(gaps.any())
    if column.kind == TEXT:
        counts = np.bincount(column.values[~gaps], minlength=len(column.levels))
        return Coded(column.name, FACTOR, column.levels, tuple((counts / counts.sum()).tolist()), indicator)
    return Coded(column.name, column.kind, (), (_mean(column.values[~gaps]),), indicator)


def _mean(values: np.ndarray) -> float:
    """The mean, also of numbers whose sum is too large for a float64; of equal numbers, that number."""
    low, high = float(values.min()), float(values.max())
    exponent = int(np.frexp(max(abs(low), abs(high)))[1])
    mean = float(np.ldexp(np.mean(np.ldexp(values, -exponent)), exponent))
    return min(max(mean, low), high)


def _expected(table: Table, coded: Coded) -> Column:
    """The column as the fit knew it: levels for a factor, numbers otherwise; or an error that says what came instead."""
    name = coded.name
    kind = table.kind(name)
    if kind in (DATE, OTHER):
        raise DataError(f"Column {name!r} of {table.source} holds {table.type_name(name)}; when fitted it held {coded.kind}s.")
    column = table.column(name)
    if column.kind == EMPTY:
        gaps = np.full(len(table), np.nan) if coded.kind != FACTOR else np.full(len(table), -1)
        return Column(name, TEXT if coded.kind == FACTOR else coded.kind, gaps)
    if coded.kind == FACTOR:
        return column.as_text()
    if column.kind == TEXT:
        words = np.array([not is_number(level) for level in column.levels])
        at = int(np.flatnonzero(~column.missing & (words[column.values] | ~words.any()))[0])
        raise DataError(
            f"Column {name!r} of {table.source} holds text ({column.levels[column.values[at]]!r}, data row {at + 1}); when "
            f"fitted it held {'booleans' if coded.kind == BOOL else 'numbers'}. Mend it, or read it as missing with --na."
        )
    _refuse_infinite(column, table.source)
    return column


def _unseen_notes(coded: Coded, column: Column, policy: str, source: str) -> list[str]:
    if coded.kind != FACTOR:
        return []
    new = sorted(set(column.levels) - set(coded.levels))
    if not new:
        return []
    rows = int(np.isin(column.values, [column.levels.index(level) for level in new]).sum())
    where = counted(rows, "row")
    shown = ", ".join(map(repr, new[:5])) + (" ..." if len(new) > 5 else "")
    known = ", ".join(map(repr, coded.levels[:8])) + (" ..." if len(coded.levels) > 8 else "")
    if policy == "error":
        raise DataError(
            f"Column {coded.name!r} of {source} has {counted(len(new), 'level')} that the fit has not seen: "
            f"{shown}, in {where}. Known: {known}. Mend them, or let them count as no level at all with --unseen zero."
        )
    return [f"{coded.name}: {shown} not seen by the fit, in {where}; counted as no level."]


def _fill(block: np.ndarray, coded: Coded, column: Column) -> list[str]:
    """Write the design columns of one input column; say how many gaps were filled."""
    gaps = column.missing
    block[...] = 0.0
    if coded.kind == FACTOR:
        place = {level: i for i, level in enumerate(coded.levels)}
        places = np.array([place.get(level, -1) for level in column.levels] + [-1], dtype=np.int64)[column.values]
        rows = np.flatnonzero(places >= 0)
        block[rows, places[rows]] = 1.0
    else:
        block[:, 0] = column.values
    if not gaps.any():
        return []
    count = int(gaps.sum())
    if coded.indicator:
        block[gaps, -1] = 1.0
    if coded.kind == FACTOR and coded.indicator:
        return [f"{coded.name}: {count} missing, counted as a level of their own."]
    block[gaps, : len(coded.fill)] = coded.fill
    means = "the shares of its levels" if coded.kind == FACTOR else f"its mean, {coded.fill[0]:.6g}"
    return [f"{coded.name}: {count} missing, filled with {means}{', and marked' if coded.indicator else ''}."]
