"""A table: named columns of five kinds, whatever file or data frame they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from shrinkage.errors import DataError

NUMBER, BOOL, TEXT, DATE, EMPTY, OTHER = "number", "bool", "text", "date", "empty", "other"
# What means "missing" in a text file, beside an empty field.
NULL_WORDS = frozenset({"#N/A", "#NA", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null", "-nan", "-NaN"})


@dataclass(frozen=True, eq=False)
class Column:
    """One column. Numbers and booleans: float64, NaN where missing. Text: codes into sorted `levels`, -1 where missing."""

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()

    @cached_property
    def missing(self) -> np.ndarray:
        """Boolean mask over rows."""
        return self.values < 0 if self.kind == TEXT else np.isnan(self.values)

    def rows(self, kept: np.ndarray) -> Column:
        """The rows where `kept` is true; levels that no row has left go."""
        if self.kind != TEXT:
            return replace(self, values=self.values[kept])
        return _compact(self.name, self.values[kept], self.levels)

    def as_text(self) -> Column:
        """Numbers and booleans as levels: 1.0 becomes '1', true becomes 'true'; numbers keep their numeric order."""
        if self.kind == TEXT:
            return self
        distinct = np.unique(self.values[~self.missing])
        words = tuple(_word(value, self.kind) for value in distinct)
        codes = np.searchsorted(distinct, self.values)
        codes[self.missing] = -1
        return Column(self.name, TEXT, codes, words)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, converted when asked for. `source` is what messages call the table."""

    data: pa.Table
    source: str = "the table"
    form: str = "data frame"
    sha256: str | None = None
    null_words: frozenset[str] = frozenset()

    def __post_init__(self):
        repeated = sorted({name for name in self.names if self.names.count(name) > 1}) if self._repeats() else []
        if repeated:
            raise DataError(
                f"{self.source} has more than one column named {repeated[0]!r}. Rename them so that each name occurs once."
            )

    def _repeats(self) -> bool:
        return len(set(self.names)) < len(self.names)

    @classmethod
    def of(cls, data: Any, source: str = "the table") -> Table:
        """A table from any data frame that narwhals knows, an Arrow table, or a dict of columns.

        **Raises** `DataError` where `data` is not a table.
        """
        if isinstance(data, Table):
            return data
        if isinstance(data, pa.Table):
            return cls(data, source)
        if isinstance(data, dict):
            return cls(pa.table(data), source)
        import narwhals.stable.v2 as nw  # late: files do not need it

        try:
            frame = nw.from_native(data, eager_only=True).to_arrow()
        except TypeError:
            raise DataError(
                f"{source} is a {type(data).__name__}, which is not a table. Pass a data frame, an Arrow table or a "
                "dict of columns, or a file's path to `read_table`."
            ) from None
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"{source} has a column of mixed types ({str(error).splitlines()[0]}). Convert it first.") from None
        return cls(frame.select([name for name in frame.column_names if not name.startswith("__index_level_")]), source)

    @cached_property
    def names(self) -> list[str]:
        return list(self.data.column_names)

    def __len__(self) -> int:
        return self.data.num_rows

    def column(self, name: str) -> Column:
        """**Raises** `DataError` for a name the table has not, suggesting the nearest."""
        self.require([name])
        return _column(name, self.data.column(name), self.null_words)

    def require(self, names: Iterable[str], what: str = "column") -> None:
        """**Raises** `DataError` naming every one of `names` that is not a column."""
        known = set(self.names)
        absent = [name for name in names if name not in known]
        if len(absent) == 1:
            raise DataError(f"{self.source} has no {what} {absent[0]!r}.{closest(absent[0], self.names)}")
        if absent:
            shown = ", ".join(map(repr, absent[:5])) + (" ..." if len(absent) > 5 else "")
            raise DataError(f"{self.source} has not the {len(absent)} {what}s {shown}.{closest(absent[0], self.names)}")

    def rows(self, kept: np.ndarray) -> Table:
        return self if kept.all() else replace(self, data=self.data.filter(pa.array(kept)))

    def kind(self, name: str) -> str:
        return _kind(self.data.schema.field(name).type)

    def type_name(self, name: str) -> str:
        return str(self.data.schema.field(name).type)


def closest(word: str, known: Sequence[str]) -> str:
    """A sentence, with a space before it: the nearest of the known words, or all of them where none is near."""
    folded = {name.casefold(): name for name in reversed(known)}
    near = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f" Did you mean {folded[near[0]]!r}?"
    if not known:
        return ""
    shown = ", ".join(map(repr, known[:8])) + (" ..." if len(known) > 8 else "")
    return f" There is: {shown}."


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return _kind(type_.value_type)
    tests = (
        (pa.types.is_boolean, BOOL),
        (pa.types.is_integer, NUMBER),
        (pa.types.is_floating, NUMBER),
        (pa.types.is_decimal, NUMBER),
        (pa.types.is_string, TEXT),
        (pa.types.is_large_string, TEXT),
        (pa.types.is_string_view, TEXT),
        (pa.types.is_date, DATE),
        (pa.types.is_timestamp, DATE),
        (pa.types.is_time, DATE),
        (pa.types.is_duration, DATE),
        (pa.types.is_null, EMPTY),
    )
    return next((kind for test, kind in tests if test(type_)), OTHER)


def _column(name: str, data: pa.ChunkedArray, null_words: frozenset[str]) -> Column:
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    kind = _kind(data.type)
    if kind == TEXT:
        return _text(name, data, null_words)
    if kind in (NUMBER, BOOL):
        values = floats(data)
        return Column(name, EMPTY if np.isnan(values).all() else kind, values)
    return Column(name, kind, np.full(len(data), np.nan))


def floats(data: pa.ChunkedArray) -> np.ndarray:
    """Float64, NaN where null."""
    if pa.types.is_boolean(data.type):
        data = data.cast(pa.uint8())
    # safe=False: an integer above 2**53 becomes the nearest double, as everywhere in numerical computing
    chunks = data.cast(pa.float64(), safe=False).chunks
    return np.concatenate([np.zeros(0), *(_plain(chunk, np.float64, np.nan) for chunk in chunks)])


def _plain(data: pa.Array, dtype: Any, missing: float) -> np.ndarray:
    """Numbers as an array of their own. Not by Arrow's `to_numpy` or `fill_null`, which import pandas where it is installed."""
    if len(data) == data.null_count:
        return np.full(len(data), missing, dtype)
    width = np.dtype(dtype).itemsize
    values = np.frombuffer(data.buffers()[1], dtype, len(data), data.offset * width).copy()
    if data.null_count:
        values[np.from_dlpack(data.is_null().cast(pa.uint8())) == 1] = missing
    return values


def _text(name: str, data: pa.ChunkedArray, null_words: frozenset[str]) -> Column:
    coded = data.cast(pa.large_string()).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes = _plain(coded.indices, np.int32, -1).astype(np.int64)
    words = [word.strip() for word in coded.dictionary.to_pylist()]
    levels = sorted({word for word in words if word and word not in null_words})
    rank = {word: i for i, word in enumerate(levels)}
    renamed = np.array([rank.get(word, -1) for word in words] + [-1], dtype=np.int64)  # the last: what code -1 reads
    if not levels:
        return Column(name, EMPTY, np.full(len(codes), np.nan))
    return _compact(name, renamed[codes], tuple(levels))


def _compact(name: str, codes: np.ndarray, levels: tuple[str, ...]) -> Column:
    """Text without the levels that no row has."""
    used = np.zeros(len(levels), dtype=bool)
    used[codes[codes >= 0]] = True
    if used.all():
        return Column(name, TEXT, codes, levels)
    renamed = np.append(np.cumsum(used) - 1, -1)
    return Column(name, TEXT, renamed[codes], tuple(level for level, kept in zip(levels, used, strict=True) if kept))


def _word(value: float, kind: str) -> str:
    if kind == BOOL:
        return "true" if value else "false"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
