"""Group lasso models in the space of the rows, a whole batch of strengths at once: for where coefficients in use outnumber rows.

The dual of min ||y - X w||^2 / 2 + c sum omega_g ||w_g|| is a projection: the r nearest to y with ||X_g'r|| <= c omega_g. Where
h_g / (c omega_g) is the multiplier of half the square of a constraint, w_g = h_g X_g'r / (c omega_g) and ||w_g|| = h_g. With
s = r / c what is to hold is

    c s + sum_g (h_g / omega_g) X_g X_g's = y,    (||X_g's||^2 - omega_g^2) / (2 omega_g) = 0 where h_g > 0, else <= 0,

a quadratic in (s, h), where the penalty of w has a kink and a curvature without bound beside it: groups come and go without
harm to Newton's method, h is nearly linear in c, and no size is larger than the number of rows. The multipliers are what
Rakotomamonjy et al. (2008, "SimpleMKL", JMLR 9) call weights of kernels.

Newton's matrix changes so slowly along a path that one, factored in single precision, serves all models of a batch and mostly
the next batch too (a chord method). What is right is told by the duality gap alone, in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from shrinkage import blas, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.losses.base import quiet

SLOW = 0.3  # a step that leaves more of the largest gap than this asks for another matrix
REFINED = 2  # steps to a tangent
STEPS, MATRICES = 40, 8  # at most, for a batch
STRIP = 256  # columns at a time
PIVOTS = 6  # of the quadratic model's active set, at most
RIDGES = (1e-6, 1e-4, 1e-2)  # tried in turn where groups depend on each other


class Groups(NamedTuple):
    """Group i has the members starts[i] .. starts[i + 1] of `members`, and the strength omega[i] where that of the path is one.
    `names`, in order, stay theirs when there are more groups."""

    starts: np.ndarray
    members: np.ndarray
    omega: Vector
    names: np.ndarray

    @property
    def label(self) -> np.ndarray:
        """The group of each column, (U,)."""
        out = np.empty(len(self.members), np.int64)
        out[self.members] = np.repeat(np.arange(len(self.omega)), np.diff(self.starts))
        return out

    def sizes(self, V: Matrix) -> Matrix:
        """The norm of each group's rows of V (U, b): (groups, b)."""
        return np.sqrt(np.add.reduceat(V[self.members] ** 2, self.starts[:-1], axis=0))


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns about their means and times the root of the weights, one in each row of `X` (U, n), with the target `y` (n,);
    `level` (n,): the unit vector to which all are orthogonal, if there is an intercept."""

    X: Matrix
    y: Vector
    level: Vector | None
    groups: Groups

    def free(self, R: Matrix) -> Matrix:
        """Less what an unpenalised intercept leaves of no residual."""
        return R if self.level is None else R - np.outer(self.level, self.level @ R)


class Batch(NamedTuple):
    """Points (h, r) of some strengths, with what follows from them; the columns of each matrix are strengths."""

    c: Vector
    h: Matrix  # (groups, b)
    r: Matrix  # (n, b)
    W: Matrix  # (U, b)
    residuals: Matrix  # y - X w
    sizes: Matrix  # ||X_g'r||
    gaps: Vector

    @classmethod
    def of(cls, rows: Rows, c: Vector, h: Matrix, r: Matrix) -> Batch:
        groups, V = rows.groups, blas.times(r.T, rows.X.T).T  # this way round BLAS takes two thirds of the time
        sizes, limits = groups.sizes(V), np.outer(groups.omega, c)
        W = V * (h / limits)[groups.label]
        residuals = rows.y[:, None] - blas.times(W.T, rows.X).T
        share = np.minimum(1.0, 1 / np.max(sizes / limits, axis=0, initial=1.0))
        held = h * sizes / limits  # ||w_g||, and w_g'X_g'r = ||w_g|| ||X_g'r||
        slack = np.sum(np.maximum(held * (limits - share * sizes), 0.0), axis=0)
        return cls(c, h, r, W, residuals, sizes, np.sum((residuals - share * r) ** 2, axis=0) / 2 + slack)

    def counts(self, groups: Groups) -> np.ndarray:
        """The groups in use or pulled too much somewhere, flagged."""
        return np.any((self.h > 0) | (self.sizes > np.outer(groups.omega, self.c)), axis=1)

    def some(self, which: np.ndarray) -> Batch:
        return Batch(*(M[..., which] for M in self))


class Chord:
    """Newton's matrix [[K, Z], [Z', 0]] at one point, over the groups that count there (`names`), in units in which K is at least
    the identity and no column of Z is longer than one."""

    def __init__(self, rows: Rows, at: Batch):
        c, h = float(at.c[0]), at.h[:, 0]
        self.unit, self.s = c, at.r[:, 0] / c
        used = np.flatnonzero(h[rows.groups.label])
        share = np.sqrt((h / rows.groups.omega)[rows.groups.label[used]] / c)
        A = np.empty((len(used), rows.X.shape[1]), np.float32)

        def scale(at: slice) -> None:
            A[at] = rows.X[used[at]] * share[at, None]

        threads.each(scale, threads.tiles(len(used), STRIP))
        K = blas.square(A.T)
        K[np.diag_indices(len(K))] += 1
        self.L, failed = linalg.lapack.spotrf(K.T, lower=1, clean=0, overwrite_a=1)
        self.broken, self.length = failed != 0, 1.0
        self.names, self.Y, self.inverse = np.zeros(0, np.int64), np.empty((len(K), 0), np.float32), np.empty((0, 0))

    def take(self, rows: Rows, wanted: np.ndarray) -> None:
        """Groups (flags) that count from now on."""
        groups = rows.groups
        new = np.flatnonzero(wanted & ~np.isin(groups.names, self.names))
        if len(new) == 0 or self.broken:
            return
        counts = np.diff(groups.starts)[new]
        starts = np.append(0, np.cumsum(counts))
        columns = groups.members[np.repeat(groups.starts[new] - starts[:-1], counts) + np.arange(starts[-1])]
        X = rows.X[columns]
        Z = (
            sparse.csr_array((blas.apply(X, self.s), np.arange(len(X)), starts), shape=(len(new), len(X)))
            @ X
            / groups.omega[new, None]
        )
        if len(self.names) == 0:
            self.length = float(np.sqrt(np.max(np.sum(Z**2, axis=1)))) or 1.0
        Y = linalg.blas.strsm(1.0, self.L, (Z / self.length).astype(np.float32).T, lower=1)
        beside, own = blas.times(self.Y.T, Y).astype(float), blas.square(Y.T)
        self.names, self.Y = np.concatenate([self.names, groups.names[new]]), np.asfortranarray(np.hstack([self.Y, Y]))
        self._border(beside, own)

    def _border(self, beside: Matrix, own: Matrix) -> None:
        """The inverse of S = Y'Y where Y has got columns: what they are with those before, and among themselves."""
        across = self.inverse @ beside
        inner = _inverse(own - (beside.T @ across).astype(np.float32))
        if inner is None:
            self.broken = True
            return
        corner = across @ inner
        self.inverse = np.block([[self.inverse + corner @ across.T, -corner], [-corner.T, inner]])

    def step(self, groups: Groups, at: Batch) -> tuple[Matrix, Matrix]:
        """The next (h, r)."""
        here = np.searchsorted(groups.names, self.names)
        omega, h = groups.omega[here, None], at.h[here]
        second = ((at.sizes[here] / at.c) ** 2 - omega**2) / (2 * omega)
        low = -h * self.scale
        s, D = self._solve(at.residuals - at.r, second, lambda g: self._within(g, low))
        H = at.h.copy()
        H[here] = np.where(D > low, h + D / self.scale, 0.0)
        return H, at.r + s * at.c

    @property
    def scale(self) -> float:
        """What a change of h counts, in the chord's units."""
        return self.length**2 / self.unit

    def _solve(self, first: Matrix, second: Matrix, choose: Callable[[Matrix], Matrix]) -> tuple[Matrix, Matrix]:
        """Changes of s, and of h in the chord's units, for what is left of the rows' equations and of the groups'."""
        T = linalg.blas.strsm(1.0, self.L, (first * (self.length / self.unit)).astype(np.float32), lower=1)
        g = second + self.Y.T @ T
        D = choose(g)
        moved = linalg.blas.strsm(1.0, self.L, T - self.Y @ D.astype(np.float32), lower=1, trans_a=1)
        return moved.astype(float) / self.length, D

    def _held(self, free: Vector, held: np.ndarray, to: Vector) -> tuple[Vector, Vector]:
        """From argmin d'S d / 2 - g'd to the minimiser with d = `to` where held (flags), and what holds it there."""
        at = np.flatnonzero(held)
        if len(at) == 0:
            return free, free[:0]
        rows = self.inverse[at]
        push = linalg.solve(rows[:, at], to[at] - free[at], assume_a="pos", check_finite=False)
        d = free + push @ rows
        d[at] = to[at]
        return d, push

    def _within(self, g: Matrix, low: Matrix) -> Matrix:
        """argmin d'S d / 2 - g'd over d >= low, column by column and nearly, by exchanging what is held at `low`; neighbours
        hold nearly the same."""
        free = self.inverse @ g
        D, held = free.copy(), free[:, 0] < low[:, 0]
        for i in range(g.shape[1]):
            for _ in range(PIVOTS):
                D[:, i], push = self._held(free[:, i], held, low[:, i])
                wrong = D[:, i] < low[:, i]
                if not wrong.any() and np.all(push >= 0):
                    break
                held[np.flatnonzero(held)[push < 0]] = False
                held |= wrong
        return np.maximum(D, low)

    def tangent(self, rows: Rows, at: Batch) -> tuple[Vector, Vector]:
        """-dw / dc (U,) and dr / dc (n,) at the one model of a batch."""
        groups, c, h = rows.groups, float(at.c[0]), at.h[:, 0]
        here = np.searchsorted(groups.names, self.names)
        still, zero = h[here] == 0, np.zeros(len(here))
        V, share = blas.apply(rows.X, at.r[:, 0] / c), (h / groups.omega)[groups.label]
        s, rate, way = np.zeros(len(at.r)), np.zeros(len(h)), np.zeros(len(V))
        first, second = -at.r[:, 0] / c, np.zeros(len(h))
        for left in range(REFINED, 0, -1):
            by, D = self._solve(
                first[:, None], second[here, None], lambda g: self._held(self.inverse @ g[:, 0], still, zero)[0][:, None]
            )
            s += by[:, 0]
            rate[here] += D[:, 0] / self.scale
            along = blas.apply(rows.X, s)
            way = share * along + (rate / groups.omega)[groups.label] * V  # dw / dc
            if left > 1:
                first = -at.r[:, 0] / c - c * s - blas.apply(rows.X.T, way)
                second = np.add.reduceat((V * along)[groups.members], groups.starts[:-1]) / groups.omega
        return -way, rows.free((at.r[:, 0] / c + c * s)[:, None])[:, 0]


def _inverse(S: Matrix) -> Matrix | None:
    """Of a matrix in single precision that should be positive definite, with as small a ridge as makes it."""
    diagonal = np.diag_indices(len(S))
    for ridge in RIDGES:
        T = S.copy()
        T[diagonal] += np.float32(ridge)
        T, failed = linalg.lapack.spotrf(T.T, lower=1, clean=0, overwrite_a=1)
        if not failed:
            T, failed = linalg.lapack.spotri(T, lower=1, overwrite_c=1)
        if not failed:
            T = np.tril(T).astype(float)
            return T + np.tril(T, -1).T
    return None


@quiet  # what overflows has no gap
def solve(rows: Rows, start: Batch, target: float, chord: Chord | None) -> tuple[Batch, Chord | None]:
    """From a first guess, the points whose gaps are at most `target` or the best there are, and the matrix last used."""
    best, left, fresh, counts = start, np.arange(len(start.c)), 0, start.counts(rows.groups)
    for _ in range(STEPS):
        left = left[best.gaps[left] > target]
        if len(left) == 0:
            break
        if chord is None:
            if fresh == MATRICES:
                return best, None
            if fresh:  # one does not serve so many
                left = left[: (len(left) + 1) // 2]
            chord, fresh = Chord(rows, best.some(left[[len(left) // 2]])), fresh + 1
        chord.take(rows, counts)
        if chord.broken:
            return best, None
        now = best.some(left)
        h, r = chord.step(rows.groups, now)
        then = Batch.of(rows, now.c, h, rows.free(r))
        best, known, counts = _better(best, left, then), counts, counts | then.counts(rows.groups)
        if len(left) == 1 and fresh and not then.gaps[0] < now.gaps[0] and np.array_equal(counts, known):
            return best, None
        if not then.gaps.max() <= max(SLOW * now.gaps.max(), target):
            chord = None
    return best, chord


def _better(best: Batch, at: np.ndarray, now: Batch) -> Batch:
    good = now.gaps < best.gaps[at]
    out = Batch(best.c, *(M.copy() for M in best[1:]))
    for old, new in zip(out[1:], now[1:], strict=True):
        old[..., at[good]] = new[..., good]
    return out
