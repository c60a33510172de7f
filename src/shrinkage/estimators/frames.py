"""tidy, glance and augment: a fit as frames, in the data-frame library its X came from (narwhals knows them all)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from shrinkage.errors import DataError
from shrinkage.estimators.record import Record
from shrinkage.estimators.validate import native_backend

FALLBACKS = ("pandas", "polars", "pyarrow")


def tidy(records: Sequence[Record], names: Sequence[str], targets: Sequence[Any], backend: str | None) -> Any:
    """One row per coefficient and target."""
    columns: dict[str, Any] = {"target": np.repeat(np.asarray(targets), len(names))} if len(records) > 1 else {}
    columns["term"] = list(names) * len(records)
    columns["estimate"] = np.concatenate([np.asarray(r.coef, np.float64) for r in records])
    columns["estimate_std"] = np.concatenate([r.standardized_coef for r in records])
    columns["selected"] = columns["estimate"] != 0
    return frame(columns, backend)


def glance(records: Sequence[Record], targets: Sequence[Any], dial: str, backend: str | None) -> Any:
    """One row per target."""
    columns: dict[str, Any] = {"target": list(targets)} if len(records) > 1 else {}
    columns["n"] = [r.n for r in records]
    columns["n_features"] = [len(r.coef) for r in records]
    columns["selected"] = [int(np.count_nonzero(r.coef)) for r in records]
    columns["df"] = _floats(r.df for r in records)
    columns[dial] = _floats(r.alpha for r in records)
    columns["intercept"] = [float(r.intercept) for r in records]
    columns["deviance_explained"] = [float(r.deviance_explained) for r in records]
    columns["log_likelihood"] = _floats(log_likelihood(r) for r in records)
    columns["converged"] = [bool(r.outcome) for r in records]
    columns["certificate"] = [r.certificate.kind for r in records]
    columns["relative"] = [float(r.certificate.relative) for r in records]
    columns["n_iter"] = [r.n_iter for r in records]
    return frame(columns, backend)


def log_likelihood(record: Record) -> float | None:
    """At the coefficients; where squared error states no sigma, at its maximum over sigma as well."""
    rss = record.rss
    if record.stated or rss is None:
        return record.log_likelihood
    if rss <= 0:
        return None
    W = record.total_weight
    return -0.5 * W * (math.log(2 * math.pi * rss / W) + 1)


def augment(X: Any, observed: np.ndarray, fitted: np.ndarray, backend: str | None) -> Any:
    """One row per observation; the columns of X first where X is a frame."""
    if observed.ndim == 2 and observed.shape[1] == 1 and fitted.ndim == 1:
        observed = observed[:, 0]
    if observed.shape != fitted.shape:
        raise DataError(f"y has shape {observed.shape}, the predictions have shape {fitted.shape}. Pass the y of these rows.")
    columns: dict[str, Any] = {}
    if fitted.ndim == 1:
        columns.update(observed=observed, fitted=fitted, residual=observed - fitted)
    else:
        for t in range(fitted.shape[1]):
            columns.update({
                f"observed_{t}": observed[:, t],
                f"fitted_{t}": fitted[:, t],
                f"residual_{t}": observed[:, t] - fitted[:, t],
            })  # fmt: skip
    if native_backend(X) is None:
        return frame(columns, backend)
    data = nw.from_native(X, eager_only=True)
    made = [nw.new_series(name, values, backend=data.implementation) for name, values in columns.items()]
    if data.implementation.is_pandas_like():
        index = nw.get_native_namespace(data).Series(range(len(data)), index=nw.to_native(data).index)
        made = [nw.from_native(_indexed(nw.to_native(s), index.index), series_only=True) for s in made]
    return data.with_columns(*made).to_native()


def _indexed(series: Any, index: Any) -> Any:
    return series.set_axis(index)


def frame(columns: dict[str, Any], backend: str | None) -> Any:
    """A native frame of `backend`, else of pandas, polars or Arrow, whichever is installed, else the dict itself."""
    columns = {name: values if isinstance(values, np.ndarray) else np.asarray(values) for name, values in columns.items()}
    backend = backend or next((name for name in FALLBACKS if find_spec(name)), None)
    if backend is None:
        return columns
    plain = {k: v.tolist() if v.dtype.kind in "OU" else v for k, v in columns.items()}
    if backend == "pyarrow":
        plain = {k: v.tolist() if isinstance(v, np.ndarray) and v.dtype.kind == "b" else v for k, v in plain.items()}
    return nw.from_dict(plain, backend=backend).to_native()  # type: ignore[arg-type]


def _floats(values: Any) -> np.ndarray:
    """None becomes NaN, the frames' missing number."""
    return np.array([math.nan if v is None else float(v) for v in values])
