"""Every layout X may come in, made from one small array: tests cross it with what they test."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def _strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan, X.dtype)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def _reversed(X):
    return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]


def _read_only(X):
    out = X.copy()
    out.flags.writeable = False
    return out


def _duplicates(X):
    """A CSR matrix that lists every entry twice, as two halves, in unsorted order."""
    i, j = np.nonzero(X)
    rows, columns = np.concatenate([i, i]), np.concatenate([j, j])
    data = np.concatenate([X[i, j] / 2, X[i, j] / 2])
    order = np.lexsort((-columns, rows))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(X)))])
    return sparse.csr_matrix((data[order], columns[order], indptr), shape=X.shape)


def _int64(X):
    out = sparse.csc_matrix(X)
    out.indices, out.indptr = out.indices.astype(np.int64), out.indptr.astype(np.int64)
    return out


def _pandas(X):
    import pandas as pd

    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])


def _polars(X):
    import polars as pl

    return pl.DataFrame(X, schema=[f"x{j}" for j in range(X.shape[1])])


def _arrow(X):
    import pyarrow as pa

    return pa.table({f"x{j}": X[:, j] for j in range(X.shape[1])})


LAYOUTS = {
    "c": np.ascontiguousarray,
    "f": np.asfortranarray,
    "strided": _strided,
    "reversed": _reversed,
    "read only": _read_only,
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "list": lambda X: X.tolist(),
    "object": lambda X: X.astype(object),
    "csc": sparse.csc_matrix,
    "csr": sparse.csr_array,
    "csr duplicates": _duplicates,
    "csc int64": _int64,
    "coo": sparse.coo_array,
    "pandas": _pandas,
    "polars": _polars,
    "arrow": _arrow,
}


def memory_map(X, folder):
    """X as a read-only memory map in `folder`."""
    file = folder / "X.npy"
    np.save(file, X)
    return np.load(file, mmap_mode="r")
