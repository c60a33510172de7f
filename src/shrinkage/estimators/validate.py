"""From what users hand an estimator to arrays: scikit-learn's own validation, after refusing what it would misread.

scikit-learn reads "1.5" and dates as numbers and the entries under a mask as data; they are refused here by name. Whether
X is finite is checked on the pass that computes the moments, which can name the column and count the rows. What else
scikit-learn refuses keeps its words and becomes a `DataError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from shrinkage import inputs
from shrinkage.designs import Dense
from shrinkage.errors import DataError, ParameterError
from shrinkage.inputs import check_finite, read_design
from shrinkage.plurals import counted

FLOATS = [np.float64, np.float32]


@contextmanager
def as_data_error() -> Iterator[None]:
    """scikit-learn's words on data it refuses, as the one class of error for data."""
    try:
        yield
    except DataError:
        raise
    except ValueError as error:
        raise DataError(str(error)) from None


def read_Xy(estimator: Any, X: Any, y: Any, *, multi_output: bool = False, numeric: bool = True) -> tuple[Any, Any]:
    """(X, y) for a fit: X an array (float32 or float64, in its own order, not copied) or a sparse matrix.

    Sets `n_features_in_` and `feature_names_in_`. With `numeric`, y comes back as float64.
    """
    if y is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    if numeric:
        _refuse_text(y, "y")
    _refuse_masked(y, "y")
    _refuse_missing(y, "y")
    estimator._targets_called = _called(y)
    with as_data_error():
        values, y = check_X_y(
            _plain(X), y, accept_sparse=["csc", "csr"], dtype=FLOATS, ensure_all_finite=False, multi_output=multi_output,
            y_numeric=numeric, estimator=estimator,
        )  # fmt: skip
        validate_data(estimator, _named(X, values), reset=True, skip_check_array=True)
    return values, np.asarray(y, np.float64) if numeric else y


def _called(y: Any) -> list[Any]:
    """The names of the targets in a series or a frame; none for arrays."""
    return list(y.columns) if hasattr(y, "columns") else [getattr(y, "name", None)]


def read_X(estimator: Any, X: Any) -> Any:
    """X for a prediction: the features must be those of the fit."""
    with as_data_error():
        values = check_array(
            _plain(X),
            accept_sparse=["csc", "csr"],
            dtype=FLOATS,
            ensure_all_finite=False,
            ensure_min_features=0,
            estimator=estimator,
            input_name="X",
        )
        validate_data(estimator, _named(X, values), reset=False, skip_check_array=True)
    _check_finite(values, getattr(estimator, "feature_names_in_", None))
    return values


def _check_finite(values: Any, names: Any) -> None:
    """Refuse NaN and infinities by the name of their column."""
    entries = values.data if sparse.issparse(values) else values
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(entries)) or np.isfinite(entries).all():  # the sum holds nothing beside X
            return
    design = read_design(values).design
    check_finite(design.moments(np.full(design.shape[0], 1 / design.shape[0])), design, names)


def read_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """(n,) float64, not negative and not all 0, or None where every row counts once."""
    if sample_weight is None:
        return None
    _refuse_masked(sample_weight, "sample_weight")
    _refuse_text(sample_weight, "sample_weight")
    return inputs.read_weights(sample_weight, X.shape[0])


def read_numbers(values: Any, what: str) -> np.ndarray:
    """One or more numbers of a parameter, as a vector; their domain is judged by who knows it."""
    try:
        numbers = np.atleast_1d(np.asarray(values, np.float64))
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise ParameterError(f"{what} must be a number or a list of one or more numbers; got {values!r}.")
    return numbers


def native_backend(X: Any) -> str | None:
    """The data-frame library X came from, by name; None for arrays."""
    frame = _frame(X)
    return None if frame is None else frame.implementation.value


def _frame(X: Any) -> Any:
    if isinstance(X, np.ndarray | list | tuple) or sparse.issparse(X):
        return None
    frame = nw.from_native(X, pass_through=True, eager_only=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _plain(X: Any) -> Any:
    """What scikit-learn can check without misreading it."""
    _refuse_masked(X, "X")
    if _frame(X) is not None and not hasattr(X, "sparse"):
        design = read_design(X).design  # refuses columns that are not numbers, by name
        return design.data if isinstance(design, Dense) else X
    _refuse_text(X, "X")
    return X


def _named(X: Any, values: Any) -> Any:
    """X where it may carry names of columns, else the checked values, which always have a shape."""
    return X if _frame(X) is not None else values


def _refuse_masked(values: Any, what: str) -> None:
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        count = int(np.ma.getmaskarray(values).sum())
        raise DataError(
            f"{what} is a masked array: {counted(count, 'masked entry', 'masked entries')} would be read as numbers. "
            "Fill them (`.filled(value)`) or drop their rows."
        )


def _refuse_missing(values: Any, what: str) -> None:
    """NaN and infinities in a target of numbers: how many, and where the first is."""
    array = values if isinstance(values, np.ndarray) else _as_array(values)
    if array is not None and array.dtype == object:
        array = _as_floats(array)
    if array is None or array.ndim == 0 or array.dtype.kind != "f":
        return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        kind = "NaN" if np.isnan(array[tuple(bad[0])]) else "infinity"
        entries = counted(len(bad), "entry is", "entries are")
        raise DataError(
            f"Input {what} contains {kind}: {entries} not finite, the first in row {bad[0][0]}. Drop those rows or fill them."
        )


def _as_floats(array: np.ndarray) -> np.ndarray | None:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _refuse_text(values: Any, what: str) -> None:
    if sparse.issparse(values) or _frame(values) is not None or values is None:
        return
    array = values if isinstance(values, np.ndarray) else _as_array(values)
    if array is not None and array.dtype.kind in "mM":
        raise DataError(
            f"{what} holds dates or durations ({array.dtype}), which are not read as numbers. Convert them first: to days "
            "since a start, say."
        )
    if array is None or array.dtype.kind not in "OUS":
        return
    text = next((entry for entry in array.flat if isinstance(entry, str | bytes)), None)
    if text is not None:
        raise DataError(
            f"{what} contains text ({text!r}), which is not parsed. Convert it to numbers; encode categories first "
            "(sklearn.preprocessing.OneHotEncoder), or let the command line do it: "
            "`shrinkage fit data.csv --target ...`."
        )


def _as_array(values: Any) -> np.ndarray | None:
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        return None  # scikit-learn's own message is better
