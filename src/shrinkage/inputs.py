"""From what users hold (arrays, frames, sparse matrices) to what the solvers take, or one clear error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse

from shrinkage.designs import Dense, Design, Sparse
from shrinkage.errors import DataError, ParameterError
from shrinkage.plurals import are, counted


@dataclass(frozen=True, eq=False)
class Columns:
    """A design and the names of its columns, None where the data have none."""

    design: Design
    names: list[str] | None


def read_design(X: Any) -> Columns:
    """A design from an array, a memory map, a sparse matrix or any data frame of numbers.

    **Raises** `DataError` for anything that is not an (n, p) table of numbers: text, masked values, wrong dimension.
    Finiteness is checked by `check_finite`, on the pass that computes the moments.
    """
    if isinstance(X, Design):
        return Columns(X, None)
    if sparse.issparse(X):
        if X.ndim != 2:
            raise DataError(f"X must be two-dimensional; it has shape {X.shape}.")
        _numeric(X.dtype)
        kept = X if X.dtype.kind == "f" else X.astype(np.float64)
        return Columns(_nonempty(Sparse.of(kept)), None)
    frame = _frame(X)
    if frame is not None:
        return Columns(_nonempty(Dense.of(_frame_values(frame))), list(frame.columns))
    return Columns(_nonempty(Dense.of(_matrix(X))), None)


def _nonempty(design: Design) -> Design:
    if design.shape[0] == 0:
        raise DataError("X has no rows: there is nothing to fit. Check the filter that produced it.")
    return design


def _matrix(X: Any) -> np.ndarray:
    _unmasked(X, "X")
    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    if array.ndim != 2:
        hint = " Reshape one feature with X.reshape(-1, 1)." if array.ndim == 1 else ""
        raise DataError(f"X must be two-dimensional (observations, features); it has shape {array.shape}.{hint}")
    return as_floats(array, "X")


def as_floats(array: np.ndarray, what: str) -> np.ndarray:
    """float32 and float64 as they are; other numbers as float64; text and mixtures refused."""
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        return array
    if array.dtype == object:
        text = next((v for v in array.flat if isinstance(v, str)), None)
        if text is not None:
            raise DataError(
                f"{what} contains text ({text!r}). Encode categories first (sklearn.preprocessing.OneHotEncoder), or "
                "let the command line do it: `shrinkage fit data.csv --target ...`."
            )
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{what} contains entries that are not numbers ({error}). Convert or drop them.") from None
    _numeric(array.dtype, what)
    return array.astype(np.float64)


def _numeric(dtype: np.dtype, what: str = "X") -> None:
    if dtype.kind == "c":
        raise DataError(f"Complex data not supported: {what} has dtype {dtype}. Pass real and imaginary parts apart.")
    if dtype.kind not in "fiub":
        raise DataError(f"{what} has dtype {dtype}, which is not a number. Convert it, or encode categories as columns.")


def _unmasked(array: Any, what: str) -> None:
    if np.ma.isMaskedArray(array) and np.ma.getmaskarray(array).any():
        count = int(np.ma.getmaskarray(array).sum())
        raise DataError(
            f"{what} is a masked array: {counted(count, 'masked entry', 'masked entries')} would be read as numbers. "
            "Fill them (`.filled(value)`) or drop their rows."
        )


def _frame(X: Any) -> Any:
    """X as a narwhals frame, or None."""
    if isinstance(X, np.ndarray | list | tuple) or not (hasattr(X, "columns") or hasattr(X, "column_names")):
        return None
    import narwhals.stable.v2 as nw  # imported late: plain arrays do not need it

    frame = nw.from_native(X, pass_through=True, eager_only=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _frame_values(frame: Any) -> np.ndarray:
    schema = frame.schema
    bad = [name for name, kind in schema.items() if not (kind.is_numeric() or str(kind) in ("Boolean", "Object"))]
    if bad:
        named = ", ".join(f"{name!r} ({schema[name]})" for name in bad[:5]) + (" ..." if len(bad) > 5 else "")
        raise DataError(
            f"{counted(len(bad), 'column is not numeric', 'columns are not numeric')}: {named}. "
            "Encode them (sklearn.preprocessing.OneHotEncoder), drop them, or let the command line do it: "
            "`shrinkage fit data.csv --target ...`."
        )
    return as_floats(np.asarray(frame.to_numpy()), "X")


def check_finite(moments: Any, design: Design, names: Sequence[str] | None) -> None:
    """Refuse NaN and infinities, naming the first column and how many rows it concerns."""
    bad = np.flatnonzero(~(np.isfinite(moments.low) & np.isfinite(moments.high)))
    if len(bad) == 0:
        return
    j = bad[0]
    if isinstance(design, Sparse):
        column = design.data[:, [j]].data
    else:
        column = np.asarray(design.data[:, j])  # type: ignore[attr-defined]
    missing, infinite = int(np.isnan(column).sum()), int(np.isinf(column).sum())
    called = repr(names[j]) if names is not None else str(j)
    what = "NaN" if missing else "infinity"
    counts = (missing, f"{missing} NaN"), (infinite, counted(infinite, "infinite entry", "infinite entries"))
    held = [words for count, words in counts if count]
    others = len(bad) - 1
    more = f", and {counted(others, 'more column')} {are(others)} concerned" if others else ""
    raise DataError(
        f"Input X contains {what}: column {called} has {' and '.join(held)}{more}. "
        "Drop or fill them (sklearn.impute.SimpleImputer; `--missing` on the command line)."
    )


def read_vector(values: Any, what: str, n: int | None = None) -> np.ndarray:
    """A finite float64 vector of length n."""
    _unmasked(values, what)
    if hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        values = values.to_numpy()
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{what} must be one-dimensional; it has shape {array.shape}.")
    array = as_floats(array, what).astype(np.float64)
    if n is not None and len(array) != n:
        raise DataError(
            f"Found input variables with inconsistent numbers of samples: {what} has length {len(array)}, "
            f"X has {counted(n, 'row')}."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        kind = "NaN" if np.isnan(array[bad[0]]) else "infinity"
        raise DataError(
            f"{what} contains {kind}: {counted(len(bad), 'entry is', 'entries are')} not finite, the first in row {bad[0]}. "
            "Drop those rows or fill them."
        )
    return array


def read_weights(weights: Any, n: int) -> np.ndarray:
    """Weights (n,), non-negative and not all zero; ones where None; a number is a weight for every row."""
    if weights is None:
        return np.broadcast_to(1.0, (n,))  # a view of one number: no memory for what says nothing
    if isinstance(weights, Real):
        weights = np.full(n, float(weights))
    array = read_vector(weights, "sample_weight", n)
    bad = np.flatnonzero(array < 0)
    if len(bad):
        raise DataError(f"Weights must not be negative: row {bad[0]} has {array[bad[0]]:g} ({counted(len(bad), 'such row')}).")
    if not array.any():
        raise DataError("All weights are zero: no row is left to fit. Give some row a positive weight.")
    return array


def read_alpha(alpha: Any, what: str = "alpha") -> float:
    """A finite number >= 0."""
    if not isinstance(alpha, Real) or isinstance(alpha, bool) or not 0 <= float(alpha) < np.inf:
        raise ParameterError(f"{what} must be a finite number >= 0; got {alpha!r}.")
    return float(alpha)


def read_tol(tol: Any) -> float:
    """A tolerance of the relative certificate: a number in [0, 1)."""
    if not isinstance(tol, Real) or isinstance(tol, bool) or not 0 <= float(tol) < 1:
        raise ParameterError(f"tol must be a number in [0, 1): a bound on the relative certificate; got {tol!r}.")
    return float(tol)
