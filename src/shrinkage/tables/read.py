"""Files -> Table: CSV with any delimiter, gzip and friends, Parquet, Arrow and Feather, or a stream of any of them.

A file is known by its first bytes, not by its name.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from shrinkage.errors import DataError
from shrinkage.tables.table import NULL_WORDS, Table, closest, floats

HEAD = 1 << 16  # bytes that the delimiter is read from
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# By the standard library, which notices a stream that was cut short; Arrow's readers end it without a word.
PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
UNREAD = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip (or Excel)"}


@dataclass(frozen=True)
class CsvOptions:
    """How to read text: the delimiter (None: from the file), the decimal point, further words for "missing"."""

    delimiter: str | None = None
    decimal: str = "."
    null_words: tuple[str, ...] = ()


def read_table(source: str | Path | BinaryIO, *, text: Iterable[str] = (), options: CsvOptions | None = None) -> Table:
    """Read a file, or a binary stream, into a `Table`.

    `text` names columns that stay text even where they look like numbers (factors such as postal codes).

    **Raises** `DataError` for a file that is absent, empty, damaged, ragged, not UTF-8, or has no header or no rows.
    """
    raw, name = _open(source)
    with raw:
        digest = _digest(raw)
        raw.seek(0)
        try:
            table = _read(_unpacked(raw, name), name, text, options or CsvOptions())
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(f"{name} cannot be read: {_first_line(error)}. Is it damaged, or cut short?") from None
    if len(table) == 0:
        raise DataError(f"{name} has a header and no rows. Check the export or the filter that produced it.")
    return replace(table, sha256=digest)


def _digest(raw: BinaryIO) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: raw.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def _open(source: str | Path | BinaryIO) -> tuple[BinaryIO, str]:
    if not isinstance(source, str | Path):
        content = source.read()
        return _nonempty(io.BytesIO(content), len(content), "standard input"), "standard input"
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name one file in it.")
    if not path.exists():
        folder = path.parent
        beside = sorted(entry.name for entry in folder.iterdir() if entry.is_file()) if folder.is_dir() else []
        near = closest(path.name, beside) if beside else ""
        raise DataError(f"There is no file {str(path)!r}.{near if 'Did you mean' in near else ''}")
    try:
        return _nonempty(path.open("rb"), path.stat().st_size, str(path)), str(path)
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied.") from None


def _nonempty(stream: BinaryIO, size: int, name: str) -> BinaryIO:
    if size == 0:
        stream.close()
        raise DataError(f"{name} is empty. It should hold a header row of column names, and rows of data below it.")
    return stream


def _unpacked(raw: BinaryIO, name: str) -> BinaryIO:
    """The stream itself, or what it unpacks to: in memory, since Parquet and the sniffing of CSV need to go back."""
    start = raw.read(6)
    raw.seek(0)
    for magic, kind in UNREAD.items():
        if start.startswith(magic):
            raise DataError(f"{name} is packed as {kind}, which is not read here. Unpack it, or export it as CSV.")
    opened = next((opened for magic, opened in PACKED.items() if start.startswith(magic)), None)
    if opened is None:
        return raw
    with opened(raw, "rb") as unpacked:
        content = unpacked.read()
    return _nonempty(io.BytesIO(content), len(content), name)


def _read(stream: BinaryIO, name: str, text: Iterable[str], options: CsvOptions) -> Table:
    start = stream.read(8)
    stream.seek(0)
    try:
        if start.startswith(b"PAR1"):
            import pyarrow.parquet as parquet  # late: CSV, the usual case, does not need it

            return Table(parquet.read_table(stream), name, "Parquet")
        if start.startswith(b"ARROW1"):
            return Table(pa.ipc.open_file(stream).read_all(), name, "Arrow")
        if start.startswith(b"\xff\xff\xff\xff"):
            return Table(pa.ipc.open_stream(stream).read_all(), name, "Arrow stream")
        if start.startswith(b"FEA1"):
            import pyarrow.feather as feather

            return Table(feather.read_table(stream), name, "Feather")
    except pa.ArrowException as error:
        raise DataError(f"{name} is damaged, or cut short: {_first_line(error)}.") from None
    if name.lower().endswith((".parquet", ".arrow", ".feather", ".ipc")):
        raise DataError(f"{name} is not a {Path(name).suffix[1:].capitalize()} file, whatever its name says. Export it again.")
    return _read_csv(stream, name, text, options)


def _read_csv(stream: BinaryIO, name: str, text: Iterable[str], options: CsvOptions) -> Table:
    head = _head(stream, name)
    delimiter = options.delimiter or _delimiter(head)
    written, header = _header(head, delimiter, name)
    nulls = sorted({"", *NULL_WORDS, *options.null_words})
    wanted = set(text)
    try:
        data = pa_csv.read_csv(
            stream,
            # rows are read in order by one thread, so that a message can give the row's number
            read_options=pa_csv.ReadOptions(use_threads=False),
            # an empty line is a missing value where there is one column, and nothing where there are more
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(header) > 1),
            convert_options=pa_csv.ConvertOptions(
                column_types={raw: pa.string() for raw, column in zip(written, header, strict=True) if column in wanted},
                null_values=nulls,
                strings_can_be_null=True,
                decimal_point=options.decimal,
                true_values=[blank + word for word in ("true", "True", "TRUE") for blank in ("", " ")],
                false_values=[blank + word for word in ("false", "False", "FALSE") for blank in ("", " ")],
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _csv_error(error, name) from None
    data = data.rename_columns(header)
    for field in data.schema:
        if pa.types.is_binary(field.type):
            raise _not_utf8(name, f", in column {field.name!r}")
    _closed_quotes(data, stream, name)
    form = f"CSV, {DELIMITERS.get(delimiter, repr(delimiter))}"
    return Table(_named(data, name), name, form, null_words=frozenset(nulls))


def _head(stream: BinaryIO, name: str) -> str:
    head = stream.read(HEAD)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name} is UTF-16 text (Excel's 'Unicode text'?). Save it as 'CSV UTF-8'.")
    if b"\0" in head:
        raise DataError(f"{name} is not a table: it holds binary data. Use CSV (UTF-8), Parquet or Arrow.")
    cut = len(head) == HEAD
    skip = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    stream.seek(skip)
    # A head cut in the middle of a line: what follows the last line's end is left out.
    whole = head[skip : head.rfind(b"\n") + 1 or None] if cut else head[skip:]
    try:
        decoded = whole.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(name, f", in line {whole[: error.start].count(10) + 1}") from None
    if not decoded.strip():
        raise DataError(f"{name} is empty but for blank lines. It should hold a header row and rows of data.")
    return decoded


def _records(head: str, delimiter: str, count: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    records = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if len(records) == count:
                break
    except csv.Error:
        pass  # a field beyond csv's limit: what was read so far will do
    return records


def _delimiter(head: str) -> str:
    """The candidate that cuts the first lines into most fields, the same number in each; a comma where none does.

    Not `csv.Sniffer`: it guesses letters, and takes a quoted field's inside for evidence.
    """
    best, most = ",", 1
    for candidate in DELIMITERS:
        widths = [len(record) for record in _records(head, candidate, 50)]
        if widths and widths[0] > most and widths.count(widths[0]) >= 0.9 * len(widths):
            best, most = candidate, widths[0]
    if most == 1:  # ragged by every reading: the header decides, and the reader will name the row
        line = head.splitlines()[0]
        best = max(DELIMITERS, key=lambda candidate: (line.count(candidate), candidate == ","))
        best = best if best in line else ","
    return best


def _header(head: str, delimiter: str, name: str) -> tuple[list[str], list[str]]:
    """The names as they are written, and without the blanks around them."""
    written = _records(head, delimiter, 1)[0]
    header = [field.strip() for field in written]
    if all(re.fullmatch(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", field) for field in header):
        raise DataError(
            f"The first row of {name} is all numbers ({', '.join(header[:4])}{' ...' if len(header) > 4 else ''}): "
            "it needs a header row of column names. Add one."
        )
    return written, header


def _named(data: pa.Table, name: str) -> pa.Table:
    """A first column without a name that counts rows, as pandas writes it, is left out; any other must be named."""
    unnamed = [i for i, column in enumerate(data.column_names) if not column]
    if unnamed == [0] and pa.types.is_integer(data.schema.field(0).type):
        values = floats(data.column(0))
        if len(values) and (values == np.arange(len(values)) + values[0]).all() and values[0] in (0, 1):
            return data.remove_column(0)
    if unnamed:
        raise DataError(f"{name}: column {unnamed[0] + 1} has no name in the header. Give it one, or remove it.")
    return data


def _closed_quotes(data: pa.Table, stream: BinaryIO, name: str) -> None:
    """A quote that is never closed swallows the rest of the file without a word from the reader: refuse it."""
    last = [] if data.num_rows == 0 else data.slice(data.num_rows - 1).to_pylist()[0].values()
    if not any(isinstance(value, str) and "\n" in value for value in last):
        return
    stream.seek(0)
    quotes = sum(block.count(b'"') for block in iter(lambda: stream.read(1 << 20), b""))
    if quotes % 2:
        raise DataError(f'{name}: a quote (") is opened in data row {data.num_rows} and never closed. Close or double it.')


def _csv_error(error: Exception, name: str) -> DataError:
    message = _first_line(error)
    ragged = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+): ?(.*)", message)
    if ragged:
        row, expected, got, line = ragged.groups()
        where = f", line {row}" if row else ""
        return DataError(
            f"{name}{where}: {got} fields where the header has {expected} (`{line[:60]}`). Quote fields that contain the "
            "delimiter, or name the right one with --delimiter."
        )
    if isinstance(error, UnicodeDecodeError) or "UTF8" in message:
        return _not_utf8(name, "")
    return DataError(f"{name} cannot be read as CSV: {message}.")


def _not_utf8(name: str, where: str) -> DataError:
    return DataError(f"{name} is not UTF-8 text{where}. Save it as 'CSV UTF-8', or: iconv -f latin1 -t utf-8 OLD > NEW.")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
