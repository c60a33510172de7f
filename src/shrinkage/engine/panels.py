"""The columns some lane works with, kept where products with them are cheap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from shrinkage.designs import Design, Matrix, Sparse, Vector


class Panel(ABC):
    """Columns of a design in the order they came; `at` are positions in it. `centre` (U,): what the design takes from each
    entry of a column and the panel does not."""

    centre: Vector

    @abstractmethod
    def grow(self, new: np.ndarray) -> None:
        """Takes in these columns."""

    @abstractmethod
    def gram(self, at: np.ndarray, others: np.ndarray, weights: Vector) -> Matrix:
        """Columns `at`, transposed, times weights (n,), times columns `others`."""

    @abstractmethod
    def sums(self, at: np.ndarray, R: Matrix) -> Matrix:
        """Columns `at`, transposed, times R (n, m)."""

    @abstractmethod
    def times(self, at: np.ndarray, B: Matrix) -> Matrix:
        """Columns `at` times B (len(at), m): (n, m)."""

    @abstractmethod
    def column(self, at: int) -> Vector:
        """One column, (n,)."""


def panel_of(design: Design) -> Panel:
    return SparsePanel(design) if isinstance(design, Sparse) else DensePanel(design)


class DensePanel(Panel):
    def __init__(self, design: Design):
        self.design, self.size = design, 0
        self.held = np.empty((0, design.shape[0]))  # a row of it is a column of the design
        self.centre = np.zeros(0)

    def grow(self, new):
        size = self.size + len(new)
        if size > len(self.held):
            wider = np.empty((max(size, min(2 * len(self.held), size + 512)), self.held.shape[1]))
            wider[: self.size] = self.held[: self.size]
            self.held = wider
        self.held[self.size : size] = self.design.gather(new).T
        self.size, self.centre = size, np.zeros(size)

    def gram(self, at, others, weights):
        if len(at) == len(others):  # all of them: half the work, by symmetry
            rooted = self.held[at]
            rooted *= np.sqrt(weights)
            return rooted @ rooted.T
        new = self.held[at]
        new *= weights
        return new @ self._some(others).T

    def sums(self, at, R):
        if 2 * len(at) > self.size:
            return (self.held[: self.size] @ R)[at]
        return self.held[at] @ R

    def times(self, at, B):
        if 2 * len(at) > self.size:
            every = np.zeros((self.size, B.shape[1]))
            every[at] = B
            return self.held[: self.size].T @ every
        return self.held[at].T @ B

    def _some(self, at: np.ndarray) -> Matrix:
        """Without a copy where these are all of them, in order."""
        return self.held[: self.size] if len(at) == self.size and np.all(np.diff(at) == 1) else self.held[at]

    def column(self, at):
        return self.held[at]


class SparsePanel(Panel):
    def __init__(self, design: Sparse):
        self.design = design
        self.held: Any = None  # compressed columns, scaled
        self.centre = np.zeros(0)

    def grow(self, new):
        from scipy import sparse

        columns, centre = self.design.scaled(new)
        self.held = columns if self.held is None else sparse.hstack([self.held, columns], format="csc")
        self.centre = np.concatenate([self.centre, centre])

    def gram(self, at, others, weights):
        new = self.held[:, at]
        new.data = new.data * weights[new.indices]
        return (new.T @ self.held[:, others]).toarray()

    def sums(self, at, R):
        return self.held[:, at].T @ R

    def times(self, at, B):
        return self.held[:, at] @ B

    def column(self, at):
        return self.held[:, [at]].toarray()[:, 0]
