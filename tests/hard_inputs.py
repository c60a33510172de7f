"""Hard inputs for a lasso and its cross-validated form, and what a right answer to each is.

One list, read by `tests/test_hard_inputs.py` (ours must answer every one) and by `benchmarks/hard_inputs.py` (which prints
scikit-learn's reaction beside ours). A case changes the clean data; `expect` is either `same(factor)`, the clean model with
its coefficients times a factor, or `refused`, one clear error, or a function of the fitted model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

N, P = 60, 8
ALPHA = 0.1


@dataclass
class Data:
    """What is handed to the estimator. `alpha` is the Lasso's; a LassoCV finds its own."""

    X: Any
    y: Any
    weights: Any = None
    alpha: float = ALPHA


@dataclass
class Case:
    name: str
    change: Callable[[Data], Data]
    expect: Any
    for_cv: bool = True  # whether it says anything of the cross-validated form

    def __str__(self) -> str:
        return self.name


@dataclass
class same:
    """The clean fit: coefficients times `factor`, predictions of the clean rows likewise, to `rtol`."""

    factor: float = 1.0
    rtol: float = 1e-6
    predictions: float = 1.0
    clean: Callable[[Data], Data] = field(default=lambda data: data)  # the data whose fit is the right answer


refused = "refused"


def clean() -> Data:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P))
    w = np.array([3.0, -2.0, 1.5, 0, 0, 0, 0.5, 0])
    return Data(X, 1.0 + X @ w + 0.5 * rng.standard_normal(N))


def at(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    out = np.array(array, dtype=float)
    out[index] = value
    return out


def put(**changes: Callable[[Data], Any]) -> Callable[[Data], Data]:
    def change(data: Data) -> Data:
        return Data(**{**vars(data), **{name: make(data) for name, make in changes.items()}})

    return change


def scaled_X(s: float) -> Callable[[Data], Data]:
    return put(X=lambda d: d.X * s, alpha=lambda d: d.alpha * s)


def scaled_y(s: float) -> Callable[[Data], Data]:
    return put(y=lambda d: d.y * s, alpha=lambda d: d.alpha * s)


def both(s: float) -> Callable[[Data], Data]:
    return put(X=lambda d: d.X * s, y=lambda d: d.y * s, alpha=lambda d: d.alpha * s * s)


def duplicates(X: np.ndarray) -> Any:
    i, j = np.nonzero(X)
    halves = (np.concatenate([X[i, j] / 2] * 2), (np.concatenate([i, i]), np.concatenate([j, j])))
    coo = sparse.coo_matrix(halves, shape=X.shape)
    order = np.lexsort((coo.row, coo.col))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(coo.col, minlength=X.shape[1]))])
    return sparse.csc_matrix((coo.data[order], coo.row[order], indptr), shape=X.shape)


def int64(X: np.ndarray) -> Any:
    out = sparse.csc_matrix(X)
    out.indices, out.indptr = out.indices.astype(np.int64), out.indptr.astype(np.int64)
    return out


def read_only(X: np.ndarray) -> np.ndarray:
    out = X.copy()
    out.flags.writeable = False
    return out


def strided(X: np.ndarray) -> np.ndarray:
    wide = np.full((2 * len(X), 2 * X.shape[1]), np.nan)
    wide[::2, ::2] = X
    return wide[::2, ::2]


def offset_column(data: Data, shift: float, dtype: Any = np.float64) -> np.ndarray:
    X = data.X.copy()
    X[:, 2] += shift
    return X.astype(dtype)


def rounded(shift: float) -> Callable[[Data], Data]:
    """The same rounded values in float64, with the shift taken out exactly: what float32 must agree with."""

    def change(data: Data) -> Data:
        X = offset_column(data, shift, np.float32).astype(np.float64)
        X[:, 2] -= shift
        return Data(X, data.y, data.weights, data.alpha)

    return change


def with_column(column: Any) -> Callable[[Data], Any]:
    return lambda d: np.column_stack([d.X, np.full(N, column) if np.isscalar(column) else column(d)])


def coefficients_then_zero(model: Any, reference: Any) -> bool:
    """The clean coefficients, and exactly zero for the column that says nothing."""
    return np.allclose(model.coef_[:P], reference.coef_, rtol=1e-6, atol=1e-9) and model.coef_[P] == 0


def null_model(model: Any, reference: Any) -> bool:
    return not np.any(model.coef_) and np.isfinite(model.intercept_)


def shared_by_twins(model: Any, reference: Any) -> bool:
    """Column 0 stands twice: its two coefficients add up to the clean one."""
    total = model.coef_[0] + model.coef_[P]
    return np.allclose(np.r_[total, model.coef_[1:P]], reference.coef_, rtol=1e-5, atol=1e-6)


def pandas_frame(data: Data) -> Any:
    import pandas as pd

    return pd.DataFrame(data.X, columns=[f"x{j}" for j in range(P)])


def pandas_category(data: Data) -> Any:
    frame = pandas_frame(data)
    frame["x1"] = ["u" if v > 0 else "v" for v in data.X[:, 1]]
    frame["x1"] = frame["x1"].astype("category")
    return frame


def polars_frame(data: Data) -> Any:
    import polars as pl

    return pl.DataFrame(data.X, schema=[f"x{j}" for j in range(P)])


def arrow_table(data: Data) -> Any:
    import pyarrow as pa

    return pa.table({f"x{j}": data.X[:, j] for j in range(P)})


def whole(data: Data) -> np.ndarray:
    return np.round(data.X * 4)


CASES = [
    Case("NaN in X", put(X=lambda d: at(d.X, (3, 2), np.nan)), refused),
    Case("inf in X", put(X=lambda d: at(d.X, (3, 2), np.inf)), refused),
    Case("NaN in y", put(y=lambda d: at(d.y, 3, np.nan)), refused),
    Case("inf in y", put(y=lambda d: at(d.y, 3, -np.inf)), refused),
    Case("NaN in weights", put(weights=lambda d: at(np.ones(N), 3, np.nan)), refused),
    Case("NaN in X, sparse", put(X=lambda d: sparse.csc_matrix(at(d.X, (3, 2), np.nan))), refused),
    Case(
        "NaN in X in a row of weight 0",
        put(X=lambda d: at(d.X, (3, 2), np.nan), weights=lambda d: at(np.ones(N), 3, 0)),
        refused,
    ),
    Case("column + 1e8", put(X=lambda d: offset_column(d, 1e8)), same(rtol=1e-6)),
    Case("column + 1e8, float32", put(X=lambda d: offset_column(d, 1e8, np.float32)), same(rtol=1e-5, clean=rounded(1e8))),
    Case("column + 1e4, float32", put(X=lambda d: offset_column(d, 1e4, np.float32)), same(rtol=1e-5, clean=rounded(1e4))),
    Case("constant column 1e8", put(X=with_column(1e8)), coefficients_then_zero),
    Case("constant column 0.1", put(X=with_column(0.1)), coefficients_then_zero),
    Case("column of zeros", put(X=with_column(0.0)), coefficients_then_zero),
    Case("column twice", put(X=with_column(lambda d: d.X[:, 0])), shared_by_twins),
    Case("column twice up to 1e-12", put(X=with_column(lambda d: d.X[:, 0] * (1 + 1e-12))), shared_by_twins),
    Case("X * 1e150", scaled_X(1e150), same(1e-150)),
    Case("X * 1e-150", scaled_X(1e-150), same(1e150)),
    Case("X * 1e200", scaled_X(1e200), same(1e-200)),
    Case("y * 1e150", scaled_y(1e150), same(1e150, predictions=1e150)),
    Case("y * 1e-150", scaled_y(1e-150), same(1e-150, predictions=1e-150)),
    Case("y * 1e200", scaled_y(1e200), same(1e200, predictions=1e200)),
    Case("X and y * 1e-8 (nano-units)", both(1e-8), same(1.0, predictions=1e-8)),
    Case("constant y", put(y=lambda d: np.full(N, 3.7)), null_model),
    Case("negative weight", put(weights=lambda d: at(np.ones(N), 3, -1)), refused),
    Case("all weights 0", put(weights=lambda d: np.zeros(N)), refused),
    Case("weights of 1e300", put(weights=lambda d: np.full(N, 1e300)), same()),
    Case("weights of 1e-300", put(weights=lambda d: np.full(N, 1e-300)), same()),
    Case("weights of the wrong length", put(weights=lambda d: np.ones(N - 1)), refused),
    Case("y of the wrong length", put(y=lambda d: d.y[:-1]), refused),
    Case("alpha < 0", put(alpha=lambda d: -0.1), refused, for_cv=False),
    Case("alpha = NaN", put(alpha=lambda d: np.nan), refused, for_cv=False),
    Case("alpha = inf", put(alpha=lambda d: np.inf), refused, for_cv=False),
    Case("sparse, duplicate entries", put(X=lambda d: duplicates(d.X)), same()),
    Case("sparse, int64 indices", put(X=lambda d: int64(d.X)), same()),
    Case("CSR", put(X=lambda d: sparse.csr_matrix(d.X)), same()),
    Case("integers", put(X=lambda d: whole(d).astype(int)), same(clean=put(X=whole))),
    Case("float16", put(X=lambda d: whole(d).astype(np.float16)), same(clean=put(X=whole))),
    Case("object numbers", put(X=lambda d: d.X.astype(object)), same()),
    Case("big-endian", put(X=lambda d: d.X.astype(">f8")), same()),
    Case("strided", put(X=lambda d: strided(d.X)), same()),
    Case("negative strides", put(X=lambda d: np.ascontiguousarray(d.X[::-1, ::-1])[::-1, ::-1]), same()),
    Case("read-only", put(X=lambda d: read_only(d.X)), same()),
    Case("Fortran order", put(X=lambda d: np.asfortranarray(d.X)), same()),
    Case("masked array", put(X=lambda d: np.ma.masked_array(d.X, np.arange(d.X.size).reshape(N, P) == 17)), refused),
    Case("masked y", put(y=lambda d: np.ma.masked_array(d.y, np.arange(N) == 5)), refused),
    Case("strings '1.5'", put(X=lambda d: d.X.astype(str)), refused),
    Case("strings as objects", put(X=lambda d: d.X.astype(str).astype(object)), refused),
    Case("complex", put(X=lambda d: d.X + 0j), refused),
    Case("no row", put(X=lambda d: d.X[:0], y=lambda d: d.y[:0]), refused),
    Case("no column", put(X=lambda d: d.X[:, :0]), refused),
    Case("one row", put(X=lambda d: d.X[:1], y=lambda d: d.y[:1]), null_model, for_cv=False),
    Case("one column", put(X=lambda d: d.X[:, :1]), lambda m, r: m.coef_.shape == (1,) and m.coef_[0] > 1),
    Case("pandas", put(X=pandas_frame), same()),
    Case("pandas category", put(X=pandas_category), refused),
    Case("polars", put(X=polars_frame), same()),
    Case("arrow table", put(X=arrow_table), same()),
]


def judge(case: Case, estimator: Any, make: Callable[[Data], Any]) -> tuple[str, str]:
    """(verdict, detail): "right", "refused", "wrong", "wrong, silently"; `make(data)` builds the estimator to fit.

    `estimator` names nothing but the class in the detail of an unexpected exception.
    """
    import warnings

    data = case.change(clean())
    keywords = {} if data.weights is None else {"sample_weight": data.weights}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = make(data).fit(data.X, data.y, **keywords)
        except Exception as error:
            kind = "refused" if isinstance(error, ValueError) else "crashed"
            return (kind if case.expect == refused or kind == "crashed" else "refused, wrongly"), str(error).split("\n")[0]
        told = "; ".join(sorted({str(w.message).split("\n")[0] for w in caught}))
    if case.expect == refused:
        return ("accepted" if told else "accepted, silently"), told
    base = case.expect.clean(clean()) if isinstance(case.expect, same) else clean()
    reference = make(base).fit(base.X, base.y)
    right = _agrees(model, reference, case.expect) if isinstance(case.expect, same) else bool(case.expect(model, reference))
    if right:
        return ("right" if not told else "right, with a warning"), told
    return ("wrong" if told else "wrong, silently"), told


def _agrees(model: Any, reference: Any, expect: same) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        coef = np.asarray(model.coef_, float) / expect.factor
    size = np.abs(reference.coef_).max()
    return bool(np.all(np.abs(coef - reference.coef_) <= expect.rtol * size))
