"""A fitted model as a file of JSON: read without executing anything, checked to the last bit, written whole or not at all.

    {"format": "shrinkage model", "schema": 1, "library": "...", "sha256": "...", "model": {...}}

`sha256` is of everything else in canonical form. Numbers are decimal and exact: JSON's shortest form of a float64 reads
back bit for bit, -0.0 included. NaN and infinities do not occur; what cannot be represented is null.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from shrinkage import __version__
from shrinkage.errors import DataError, FormatError
from shrinkage.files import write_atomically
from shrinkage.losses import LOSSES_BY_NAME, Loss, loss_from_word
from shrinkage.plurals import counted
from shrinkage.tables import Coded, Encoding, Table
from shrinkage.tables.encoding import FACTOR, MISSING_POLICIES, UNSEEN_POLICIES
from shrinkage.tables.table import BOOL, NUMBER

FORMAT, SCHEMA = "shrinkage model", 1
Numbers = dict[str, float]


@dataclass(frozen=True, eq=False)
class Model:
    """What a fit leaves behind: enough to predict from a table, and to say what was done.

    - `loss`, `penalty`: words, with their numbers. `alpha` acts on the mean loss; `rule` and `folds` say how it was chosen.
    - `coef` (p,): one number per name of `encoding.names`, in the units of the data.
    - `classes`: of a yes/no target; the second is the one whose probability the model gives.
    - `weights`, `offset`: names of columns, or None. `null_words`: further words that mean "missing" in text files.
    - `certificate`: kind, value, relative, tol, holds, sentence. `data`: rows, columns, source, sha256 of the file.
    - `path`: alphas, nonzeros, deviance_explained, certificates, and where run the mean and se of the held-out error.
    - `summary`: the text that `fit` printed.
    """

    target: str
    loss: str
    penalty: str
    encoding: Encoding
    coef: np.ndarray
    intercept: float
    classes: tuple[str, str] | None = None
    loss_numbers: Numbers = field(default_factory=dict)
    penalty_numbers: dict[str, Any] = field(default_factory=dict)
    alpha: float | None = None
    rule: str | None = None
    folds: int | None = None
    seed: int | None = None
    weights: str | None = None
    offset: str | None = None
    null_words: tuple[str, ...] = ()
    certificate: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    path: dict[str, Any] = field(default_factory=dict)
    summary: str = ""

    def loss_object(self) -> Loss:
        """The likelihood, built from its word: only the library's own losses are known."""
        return loss_from_word(self.loss, **self.loss_numbers)

    def predict(self, table: Any, *, unseen: str | None = None) -> Predictions:
        """Predict the rows of a table, or of any data frame.

        **Raises** `DataError` for absent columns, missing entries that the fit refused, unknown levels (by policy).
        """
        table = Table.of(table)
        matrix = self.encoding.matrix(table, unseen=unseen)
        eta = self.intercept + _linear(matrix.X, self.coef)
        kept = matrix.kept
        if self.offset is not None:
            offset = table.column(self.offset).values[kept]
            gaps = int((~np.isfinite(offset)).sum())
            if gaps:
                entries = counted(gaps, "entry that is no number", "entries that are not numbers")
                raise DataError(f"The offset {self.offset!r} of {table.source} has {entries}.")
            eta = eta + offset
        mean = np.full(len(table), np.nan)
        mean[kept] = self.loss_object().mean(eta)
        return Predictions(mean, kept, self.classes, matrix.notes)


@dataclass(frozen=True, eq=False)
class Predictions:
    """`mean` (n,): the expected target, or the probability of `classes[1]`; NaN for rows that were left out (`kept` false)."""

    mean: np.ndarray
    kept: np.ndarray
    classes: tuple[str, str] | None
    notes: tuple[str, ...]

    @property
    def labels(self) -> list[str | None]:
        """The more likely class of each row; None for a row left out."""
        if self.classes is None:
            raise ValueError("This model predicts numbers, not classes: read `mean`.")
        first, second = self.classes
        return [(second if p > 0.5 else first) if kept else None for p, kept in zip(self.mean, self.kept, strict=True)]


def _linear(X: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """X coef, summed column by column: a row's value has the same bits whatever rows are beside it, unlike BLAS's."""
    eta = np.zeros(len(X))
    for j in np.flatnonzero(coef):
        eta += X[:, j] * coef[j]
    return eta


# ---- writing


def save(model: Model, path: str | Path) -> None:
    """Write the model: the file is there whole, or is left as it was.

    **Raises** `OSError` where the file cannot be written, and `FormatError` for a model with a number that is not finite.
    """
    write_atomically(path, dumps(model).encode("ascii"))


def dumps(model: Model) -> str:
    """The file's text."""
    body = asdict(model)
    names = model.encoding.names
    body["coef"] = dict(zip(names, np.asarray(model.coef, np.float64).tolist(), strict=True))
    body["intercept"] = float(model.intercept)
    content = {"format": FORMAT, "schema": SCHEMA, "library": __version__, "model": finite(body)}
    for name in ("coef", "intercept", "alpha"):
        if content["model"][name] != body[name]:
            raise FormatError(f"The model's {name} is not finite, so it is not written: {body[name]!r}.")
    content = {**{key: content[key] for key in ("format", "schema", "library")}, "sha256": _digest(content), **content}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """The same for JSON: arrays as lists, tuples as lists, None for a number that is not finite."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return finite(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _digest(content: dict[str, Any]) -> str:
    bare = {key: value for key, value in content.items() if key != "sha256"}
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


# ---- reading


def load(path: str | Path) -> Model:
    """Read a model file.

    **Raises** `FormatError` for a file that is truncated, altered, of another kind, or of a later version; `DataError`
    where there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no model file {str(path)!r}. `shrinkage fit DATA --target y --model {path}` writes one.")
    with path.open("rb") as file:
        start = file.read(64)
        if not start.lstrip().startswith(b"{"):
            raise FormatError(f"{path} is not a shrinkage model: it does not start as JSON. Was the data file meant?")
        content = start + file.read()
    return loads(content, str(path))


def loads(content: bytes, name: str = "the file") -> Model:
    """The model of a file's bytes. **Raises** `FormatError`, as `load`."""
    try:
        parsed = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:  # json's and unicode's errors are ValueErrors
        reason = str(error).splitlines()[0]
        raise FormatError(f"{name} is not a whole shrinkage model ({reason}). It was cut short or altered.") from None
    if not isinstance(parsed, dict) or parsed.get("format") != FORMAT:
        raise FormatError(f"{name} is JSON, but not a shrinkage model.")
    schema = parsed.get("schema")
    if type(schema) is not int or schema < 1:
        raise FormatError(f"{name} does not say which schema it follows: it was altered.")
    if schema > SCHEMA:
        raise FormatError(
            f"{name} follows schema {schema}, written by shrinkage {parsed.get('library')}; this is shrinkage "
            f"{__version__}, which reads up to schema {SCHEMA}. Update it (pip install -U shrinkage)."
        )
    try:
        matches = parsed.get("sha256") == _digest(parsed)
    except (ValueError, RecursionError):
        matches = False
    if not matches:
        raise FormatError(f"{name} was altered: its contents do not match its checksum. Restore it, or fit again.")
    try:
        return _model(parsed["model"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{name} has a valid checksum, but not the fields of a model ({error!r}).") from None


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _model(body: dict[str, Any]) -> Model:
    """Field by field, by type; words must be known ones. No name of the file is ever looked up as code."""
    encoding = _encoding(body["encoding"])
    coef = body["coef"]
    if set(coef) != set(encoding.names) or body["loss"] not in LOSSES_BY_NAME:
        raise ValueError("coefficients, columns and loss do not belong together")
    classes = body["classes"]
    model = Model(
        target=_text(body["target"]), loss=body["loss"], penalty=_text(body["penalty"]), encoding=encoding,
        coef=np.array([_number(coef[name]) for name in encoding.names], dtype=np.float64),
        intercept=_number(body["intercept"]), classes=None if classes is None else _pair(classes),
        loss_numbers={_text(key): _number(value) for key, value in body["loss_numbers"].items()},
        penalty_numbers=dict(body["penalty_numbers"]), alpha=_optional(_number, body["alpha"]),
        rule=_optional(_text, body["rule"]), folds=_optional(_whole, body["folds"]), seed=_optional(_whole, body["seed"]),
        weights=_optional(_text, body["weights"]), offset=_optional(_text, body["offset"]),
        null_words=tuple(map(_text, body["null_words"])), certificate=dict(body["certificate"]), data=dict(body["data"]),
        path=dict(body["path"]), summary=_text(body["summary"]),
    )  # fmt: skip
    model.loss_object()
    return model


def _encoding(body: dict[str, Any]) -> Encoding:
    columns = tuple(
        Coded(
            _text(column["name"]),
            _one_of(column["kind"], (NUMBER, BOOL, FACTOR)),
            tuple(map(_text, column["levels"])),
            tuple(map(_number, column["fill"])),
            column["indicator"] is True,
        )
        for column in body["columns"]
    )
    return Encoding(
        columns,
        _one_of(body["missing"], MISSING_POLICIES),
        _one_of(body["unseen"], UNSEEN_POLICIES),
        tuple(_pair(entry) for entry in body["left_out"]),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"text was expected, not {value!r}")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"a finite number was expected, not {value!r}")
    return float(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"a whole number was expected, not {value!r}")
    return value


def _pair(value: Any) -> tuple[str, str]:
    first, second = value
    return _text(first), _text(second)


def _one_of(value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError(f"{value!r} is none of {', '.join(words)}")
    return value


def _optional(read: Any, value: Any) -> Any:
    return None if value is None else read(value)
