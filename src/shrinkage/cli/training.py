"""From the words of `fit` and `path` to arrays: read the table, the target and the encoding, and tell what was read."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.cli import console
from shrinkage.errors import DataError
from shrinkage.plurals import counted
from shrinkage.tables import Encoding, Table, Target, read_table
from shrinkage.tables.read import CsvOptions


@dataclass(frozen=True)
class Request:
    """What the command line asked for. `loss` None: read from the target."""

    data: str
    target: str
    loss: str | None
    loss_numbers: dict[str, float]
    penalty: str
    l1_ratio: float
    drop: tuple[str, ...]
    categorical: tuple[str, ...]
    weights: str | None
    offset: str | None
    group_by_factor: bool
    standardize: bool
    missing: str
    unseen: str
    csv: CsvOptions


@dataclass(frozen=True, eq=False)
class Training:
    """A design X (n, p) with names, the target's numbers, and per row weights and offset or None."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    offset: np.ndarray | None
    target: Target
    encoding: Encoding
    groups: np.ndarray | None
    data: dict[str, Any]
    notes: tuple[str, ...] = ()  # what was left out or filled, in sentences

    @property
    def labels(self) -> np.ndarray:
        """The target as an estimator takes it: numbers, or the two words."""
        if self.target.classes is None:
            return self.y
        return np.array(self.target.classes, dtype=object)[self.y.astype(np.int64)]


def read_training(request: Request) -> Training:
    """**Raises** `DataError` as `tables` does, and for gaps in the target, the weights or the offset."""
    table = read(request.data, request.categorical, request.csv)
    size = f"{counted(len(table), 'row')}, {counted(len(table.names), 'column')}"
    console.say(f"Read {table.source}: {size} ({table.form}).")
    table.require([request.target], "target column")
    aside = {name: what for name, what in _aside(request).items() if name}
    for name, what in aside.items():
        table.require([name], f"{what} column")
    table.require(request.drop)
    target = Target.of(table, request.target, request.loss)
    table, notes = _complete(table, target, aside, request.missing)
    target = Target.of(table, request.target, request.loss)
    _tell_target(target)
    left = {request.target, *aside, *request.drop}
    columns = [name for name in table.names if name not in left]
    encoding = Encoding.fit(table, columns, categorical=request.categorical, missing=request.missing, unseen=request.unseen)
    matrix = encoding.matrix(table)
    _tell_columns(encoding, matrix)
    kept = matrix.kept
    notes += _changes(encoding, matrix, len(table))
    for note in notes:
        console.say(note)
    grouped = request.group_by_factor or request.penalty == "group_lasso"
    return Training(
        matrix.X,
        target.values(table)[kept],
        _numbers(table, request.weights, "weights", kept),
        _numbers(table, request.offset, "offset", kept),
        target,
        encoding,
        encoding.groups() if grouped else None,
        {"source": table.source, "rows": int(kept.sum()), "columns": len(table.names), "sha256": table.sha256},
        tuple(notes),
    )


def read(data: str, text: tuple[str, ...], csv: CsvOptions) -> Table:
    """A file by name, or standard input for `-`."""
    return read_table(sys.stdin.buffer if data == "-" else data, text=text, options=csv)


def _aside(request: Request) -> dict[str | None, str]:
    return {request.weights: "weights", request.offset: "offset"}


def _complete(table: Table, target: Target, aside: dict[str, str], missing: str) -> tuple[Table, list[str]]:
    """Rows without a target, weight or offset: never filled in, left out where --missing drop says so."""
    kept, notes = np.ones(len(table), dtype=bool), []
    for name, what in {target.name: "target", **aside}.items():
        gaps = table.column(name).missing
        if not gaps.any():
            continue
        rows = counted(int(gaps.sum()), "row")
        if missing != "drop":
            raise DataError(
                f"The {what} {name!r} is missing in {rows}, the first is data row {np.flatnonzero(gaps)[0] + 1}. "
                f"A {what} is never filled in: mend those rows, or leave them out with --missing drop."
            )
        notes.append(f"{name}: {rows} without a {what} left out.")
        kept &= ~gaps
    if not kept.any():
        raise DataError(f"No row of {table.source} has a target, so there is nothing to fit.")
    return table.rows(kept), notes


def _numbers(table: Table, name: str | None, what: str, kept: np.ndarray) -> np.ndarray | None:
    if name is None:
        return None
    column = table.column(name)
    if column.kind not in ("number", "bool"):
        raise DataError(f"The {what} column {name!r} holds {table.type_name(name)}; it must hold numbers.")
    if np.isinf(column.values).any():
        raise DataError(f"The {what} column {name!r} has infinite entries. Mend those rows.")
    return column.values[kept]


def _tell_target(target: Target) -> None:
    reason = f" ({target.reason})" if target.reason else ""
    if target.classes is None:
        console.say(f"Target {target.name}{reason}: loss {target.loss}.")
    else:
        console.say(f"Target {target.name}{reason}: logistic, the probability that it is {target.positive!r}.")


def _tell_columns(encoding: Encoding, matrix: Any) -> None:
    kinds = [column.kind for column in encoding.columns]
    counts = [f"{kinds.count(kind)} {word}" for kind, word in (("number", "numeric"), ("bool", "true/false")) if kind in kinds]
    factors = [column for column in encoding.columns if column.kind == "factor"]
    for factor in factors[:10]:
        shown = ", ".join(factor.levels[:6]) + (", ..." if len(factor.levels) > 6 else "")
        counts.append(f"{factor.name}: {counted(len(factor.levels), 'level')} ({shown})")
    if len(factors) > 10:
        counts.append(counted(len(factors) - 10, "more factor"))
    console.say(f"Columns: {'; '.join(counts)}. Design: {matrix.X.shape[0]} x {matrix.X.shape[1]}.")


def _changes(encoding: Encoding, matrix: Any, rows: int) -> list[str]:
    """What was left out or filled, in sentences."""
    notes = [f"{name}: left out, {reason}." for name, reason in encoding.left_out] + list(matrix.notes)
    if not matrix.kept.all():
        notes.append(f"{counted(rows - int(matrix.kept.sum()), 'row')} with missing entries left out.")
    return notes


def with_loss(request: Request, target: Target) -> Request:
    """The request with the loss that the target led to."""
    return replace(request, loss=target.loss)
