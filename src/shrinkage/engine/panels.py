"""The columns of the working set, kept where products with them are cheap, their rows in order of pattern."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from shrinkage.designs import Design, Matrix, Sparse, Vector


class Panel(ABC):
    """Columns of a design in the order they came. `centre` (U,): what the design takes from each entry and the panel does not."""

    centre: Vector

    @abstractmethod
    def grow(self, new: np.ndarray) -> None:
        """Takes in these columns."""

    @abstractmethod
    def products(self, first: int, ends: np.ndarray, weights: Vector) -> Matrix:
        """Of columns from `first` on with all columns, over the rows ends[l] .. ends[l + 1] of each pattern l:
        (patterns, U - first, U)."""

    @abstractmethod
    def sums(self, first: int, R: Matrix) -> Matrix:
        """Columns from `first` on, transposed, times R (n, m)."""

    @abstractmethod
    def times(self, at: np.ndarray, B: Matrix) -> Matrix:
        """Columns `at` times B (len(at), m): (n, m)."""

    @abstractmethod
    def column(self, at: int) -> Vector:
        """One column, (n,)."""


def panel_of(design: Design, order: np.ndarray | None) -> Panel:
    """`order` (n,): the rows in order of pattern, or None where they are so already."""
    return SparsePanel(design, order) if isinstance(design, Sparse) else DensePanel(design, order)


class DensePanel(Panel):
    def __init__(self, design: Design, order: np.ndarray | None):
        self.design, self.order, self.size = design, order, 0
        self.held = np.empty((0, design.shape[0]))  # a row of it is a column of the design
        self.centre = np.zeros(0)

    def grow(self, new):
        size = self.size + len(new)
        if size > len(self.held):
            wider = np.empty((max(size, min(2 * len(self.held), size + 512)), self.held.shape[1]))
            wider[: self.size] = self.held[: self.size]
            self.held = wider
        columns = self.design.gather(new)
        self.held[self.size : size] = columns.T if self.order is None else columns.T[:, self.order]
        self.size, self.centre = size, np.zeros(size)

    def products(self, first, ends, weights):
        out = np.empty((len(ends) - 1, self.size - first, self.size))
        for label in range(len(ends) - 1):
            rows = slice(ends[label], ends[label + 1])
            every = self.held[: self.size, rows]
            np.matmul(every[first:] * weights[rows], every.T, out=out[label])
        return out

    def sums(self, first, R):
        return self.held[first : self.size] @ R

    def times(self, at, B):
        return self.held[at].T @ B

    def column(self, at):
        return self.held[at]


class SparsePanel(Panel):
    def __init__(self, design: Sparse, order: np.ndarray | None):
        self.design, self.order = design, order
        self.held: Any = None
        self.centre = np.zeros(0)

    def grow(self, new):
        from scipy import sparse

        columns, centre = self.design.scaled(new)
        columns = columns.tocsr()
        columns = columns if self.order is None else columns[self.order]
        self.held = columns if self.held is None else sparse.hstack([self.held, columns], format="csr")
        self.centre = np.concatenate([self.centre, centre])

    def products(self, first, ends, weights):
        size = self.held.shape[1]
        out = np.empty((len(ends) - 1, size - first, size))
        new = self.held[:, first:]
        new = new.multiply(weights[:, None]).tocsr()
        for label in range(len(ends) - 1):
            rows = slice(ends[label], ends[label + 1])
            out[label] = (new[rows].T @ self.held[rows]).toarray()
        return out

    def sums(self, first, R):
        return (self.held.T @ R)[first:]

    def times(self, at, B):
        full = np.zeros((self.held.shape[1], B.shape[1]))
        full[at] = B
        return self.held @ full

    def column(self, at):
        return self.held[:, [at]].toarray()[:, 0]
