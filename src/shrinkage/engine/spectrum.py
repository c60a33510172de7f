"""Ridge regression for every strength from one eigendecomposition: of the Gram matrix, or of the kernel of the rows.

With D = diag(l2)^(-1/2), (G + s diag(l2))^-1 = D (D G D + s)^-1 D, and D G D = V diag(values) V' is decomposed once for all
s (Golub, Heath and Wahba, 1979, Technometrics 21). For more columns than rows the same holds of the kernel X D^2 X'. What no
penalty touches, the intercept among it, is taken out of both first, by least squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import linalg

from shrinkage import blas, memory, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.problem import NEARLY
from shrinkage.solvers import interruptible

LARGEST_UNIT = 2.0**480  # a penalty of 2**-960 is as good as none, and its inverse still has a square
ROUNDING = 1e-15  # of the largest eigenvalue, for each row of the matrix: what is below it is as good as zero
STRIP = 1024  # columns whose share of the gaps is formed at a time


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A symmetric matrix without negative eigenvalues: `vectors` (k, k) diag(`values`) its transpose."""

    values: Vector
    vectors: Matrix

    @classmethod
    def of(cls, matrix: Matrix) -> Spectrum:
        """Of this matrix, which is overwritten."""
        if len(matrix) == 0:
            return cls(np.zeros(0), matrix)
        memory.require(2 * matrix.size, f"The eigenvectors of a matrix of {len(matrix):,} rows")
        decompose = partial(linalg.eigh, driver="evd", overwrite_a=True, check_finite=False)
        values, vectors = interruptible.call(decompose, matrix.T)
        return cls(np.where(values > ROUNDING * len(values) * values[-1], values, 0.0), vectors)

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.values))

    def inverse(self, strengths: Vector) -> Matrix:
        """Eigenvalues of the inverse of the matrix plus each strength, (k, m); 0 where that has none."""
        moved = self.values[:, None] + strengths
        return np.divide(1.0, moved, out=np.zeros_like(moved), where=moved > 0)

    def gain(self, strengths: Vector) -> Matrix:
        """Eigenvalues of the matrix times that inverse, (k, m)."""
        return self.values[:, None] * self.inverse(strengths)

    def solve(self, v: Vector, strengths: Vector) -> Matrix:
        """That inverse times v (k,), for every strength: (k, m)."""
        return blas.times(self.vectors, (self.vectors.T @ v)[:, None] * self.inverse(strengths))


@dataclass(frozen=True, eq=False)
class Bend:
    """The second derivative of a ridge path's penalty: `strengths` (m,) times `l2` (p,), of which the largest is near one."""

    l2: Vector
    strengths: Vector

    @classmethod
    def of(cls, l2: Vector, strengths: Vector) -> Bend:
        power = int(np.frexp(l2.max(initial=0.0))[1]) // 2 * 2  # even, so that roots move by a power of two as well
        return cls(np.ldexp(l2, -power), np.ldexp(strengths, power))

    @property
    def unit(self) -> Vector:
        """The inverse root of l2, (p,); 0 for a free column."""
        root = np.sqrt(self.l2)
        return np.minimum(np.divide(1.0, root, out=np.zeros_like(root), where=root > 0), LARGEST_UNIT)

    def gaps(self, W: Matrix, pull: Matrix, held: float) -> Vector:
        """Duality gaps of models W (p, m), given X' minus the loss's gradient there, (p, m), and the sum of the loss's
        curvatures: the Fenchel-Young terms of the penalty, as `Problem` counts them; the loss's are zero."""
        out = np.zeros(len(self.strengths))
        for at in threads.tiles(len(W), STRIP):
            bend = self.l2[at, None] * self.strengths
            off = pull[at] - bend * W[at]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                terms = off**2 / (2 * bend)
            free = bend < NEARLY * held  # or nearly: what is left of the product with w is counted
            out += np.sum(np.where(free, np.fmin(terms, np.abs(off * W[at])), terms), axis=0)
        return out


class GramBasis:
    """Minimisers of w'Gw / 2 - q'w + s sum(l2 w^2) / 2 for any q and s, given G (p, p)."""

    def __init__(self, G: Matrix, bend: Bend):
        alive = np.diag(G) > 0
        self.unit = np.where(alive, bend.unit, 0.0)
        self.free = np.flatnonzero(alive & (bend.l2 == 0))
        self.among = Spectrum.of(G[np.ix_(self.free, self.free)])
        cross = G[self.free]
        self.explained = self.among.vectors @ (self.among.inverse(np.zeros(1)) * (self.among.vectors.T @ cross))  # (free, p)
        self.spectrum = Spectrum.of(self.unit[:, None] * (G - cross.T @ self.explained) * self.unit)

    def solve(self, q: Vector, strengths: Vector) -> Matrix:
        """(p, m)."""
        own = self.among.solve(q[self.free], np.zeros(1))
        rest = self.unit * (q - q[self.free] @ self.explained)
        W = self.unit[:, None] * self.spectrum.solve(rest, strengths)
        W[self.free] = own - self.explained @ W
        return W

    def df(self, strengths: Vector) -> Vector:
        return self.spectrum.gain(strengths).sum(axis=0) + self.among.rank


class KernelBasis:
    """The rows of positive weight, each times the root of its weight, apart from what the free columns explain of them."""

    def __init__(self, weights: Vector, free: Matrix):
        """`free` (n, k): the columns no penalty touches, with ones for an intercept."""
        self.rows, self.count = np.flatnonzero(weights), len(weights)
        self.root = np.sqrt(weights[self.rows])
        Q, sizes, axes = np.linalg.svd(self.root[:, None] * free[self.rows], full_matrices=False)
        kept = sizes > ROUNDING * len(Q) * sizes.max(initial=0.0)
        self.Q, self.back = Q[:, kept], axes[kept].T / sizes[kept]

    @property
    def rank(self) -> int:
        """Of the free columns."""
        return self.Q.shape[1]

    def spectrum(self, kernel: Matrix) -> Spectrum:
        """Of the kernel (n, n) of the penalised columns."""
        M = self.root[:, None] * kernel[np.ix_(self.rows, self.rows)] * self.root
        M -= blas.times(self.Q, self.Q.T @ M)
        M -= blas.times(M @ self.Q, self.Q.T)
        return Spectrum.of(M)

    def apart(self, v: Vector) -> Vector:
        """Of v (n,), what the free columns do not explain, on the rows kept and times their roots."""
        rooted = self.root * v[self.rows]
        return rooted - self.Q @ (self.Q.T @ rooted)

    def spread(self, V: Matrix) -> Matrix:
        """Rows kept, times their roots, among all of them: (n, m)."""
        out = np.zeros((self.count, V.shape[1]))
        out[self.rows] = self.root[:, None] * V
        return out

    def free_coefs(self, R: Matrix) -> Matrix:
        """Of the free columns, by least squares, for each of R (n, m)."""
        return self.back @ (self.Q.T @ (self.root[:, None] * R[self.rows]))
