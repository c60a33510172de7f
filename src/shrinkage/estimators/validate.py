"""From what users hand an estimator to arrays: scikit-learn's own validation, after refusing what it would misread.

scikit-learn reads "1.5" as a number and the entries under a mask as data; both are refused here by name. Whether X is
finite is checked on the pass that computes the moments, which can name the column and count the rows.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import _check_sample_weight, validate_data

from shrinkage.designs import Dense
from shrinkage.errors import DataError
from shrinkage.inputs import read_design

FLOATS = [np.float64, np.float32]


def read_Xy(estimator: Any, X: Any, y: Any, *, multi_output: bool = False, numeric: bool = True) -> tuple[Any, Any]:
    """(X, y) for a fit: X an array (float32 or float64, in its own order, not copied) or a sparse matrix.

    Sets `n_features_in_` and `feature_names_in_`. With `numeric`, y comes back as float64.
    """
    if y is None:
        raise DataError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    if numeric:
        _refuse_text(y, "y")
    _refuse_masked(y, "y")
    values, y = check_X_y(
        _plain(X), y, accept_sparse=["csc", "csr"], dtype=FLOATS, ensure_all_finite=False, multi_output=multi_output,
        y_numeric=numeric, estimator=estimator,
    )  # fmt: skip
    validate_data(estimator, _named(X, values), reset=True, skip_check_array=True)
    return values, np.asarray(y, np.float64) if numeric else y


def read_X(estimator: Any, X: Any) -> Any:
    """X for a prediction: the features must be those of the fit."""
    values = check_array(
        _plain(X),
        accept_sparse=["csc", "csr"],
        dtype=FLOATS,
        ensure_min_features=0,
        estimator=estimator,
        input_name="X",
    )
    validate_data(estimator, _named(X, values), reset=False, skip_check_array=True)
    return values


def read_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """(n,) float64, or None where every row counts once. Signs and zeros are judged with the data."""
    if sample_weight is None:
        return None
    _refuse_masked(sample_weight, "sample_weight")
    _refuse_text(sample_weight, "sample_weight")
    return _check_sample_weight(sample_weight, X, dtype=np.float64)


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
            f"{what} is a masked array with {count} masked entries, which would be read as numbers. "
            "Fill them (`.filled(value)`) or drop their rows."
        )


def _refuse_text(values: Any, what: str) -> None:
    if sparse.issparse(values) or _frame(values) is not None or values is None:
        return
    array = values if isinstance(values, np.ndarray) else _as_array(values)
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
