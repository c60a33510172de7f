"""Lanes whose columns enter by groups, c sum omega_g ||w_g||, for squared error and for likelihoods whose curvature changes.

Blocks are minimised exactly, one after another, over the Gram; where that crawls, Newton's method on the groups in use ends it.
Where the columns at work are more than the rows, their Gram would hold more numbers than they do: it is not formed then, and
models are found in the space of the rows (`dual.py`), or where that fails by blocks over the columns themselves.
A column stands for its group in all that the batched path asks of columns: a group's score, bound and size are each of its
columns'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.engine import dual
from shrinkage.engine.batched import Lane, Solved, State
from shrinkage.engine.curved import CurvedLane
from shrinkage.engine.panels import DensePanel, Panel, roomier
from shrinkage.engine.squares import SquaredLane, SquaredSet, solve_symmetric
from shrinkage.engine.working import NOTHING

SMALL = 256  # columns whose Gram costs nothing to keep twice, and whose models come faster than a copy of it
ROUNDS = 1  # of sweeps between two steps of Newton's method
MOST_ROUNDS = 500  # over the columns themselves, where Newton's method would factor a matrix larger than they are
SHARE = 0.1  # of the gap that is allowed


def suits(twin: Any) -> bool:
    """Norms of groups, each with a strength, and L1 on columns outside of groups: nothing else."""
    outer, inner = twin.group_terms, twin.terms
    alone = twin.groups < 0
    plain = not (outer[1].any() or outer[4].any() or np.isfinite(outer[3]).any())
    plain = plain and not (inner[1].any() or inner[4].any() or np.isfinite(inner[2:4]).any() or inner[0, ~alone].any())
    return bool(plain and np.all(outer[0, np.unique(twin.groups[~alone])] > 0) and np.all(inner[0, alone] > 0))


class GroupedSet(SquaredSet):
    """With the columns about their means and times the root of the weights, `rows` (U, n), where there is no Gram."""

    thin = False  # whether the batch at hand is solved without one

    def measure(self, metric, whole=None):
        super().measure(metric, whole)
        self.held_rows = np.empty((0, len(metric)))
        self.formed = 0

    @property
    def rows(self) -> Matrix:
        return self.held_rows[: self.formed]

    def gramless(self, panel):
        return isinstance(panel, DensePanel) and len(self.columns) > len(self.y)

    def ready(self, panel):
        self.thin = self.gramless(panel)
        if not self.thin:
            return self.fill(panel)
        self.average(panel)
        old, size = self.formed, len(self.columns)
        if size > len(self.held_rows):
            self.held_rows = roomier(self.held_rows, old, size)
        np.multiply(self._about_means(panel.rows(self.at[old:]), old), self.root, out=self.held_rows[old:size])
        self.formed = size

    def _about_means(self, X: Matrix, first: int) -> Matrix:
        """What `centred` gives of columns from the first on, each in a row of X, in place."""
        if self.intercept:
            used = X if np.all(self.weights > 0) else X[:, self.weights > 0]
            constant = used.min(axis=1) == used.max(axis=1)
            X -= self.mean[first:, None]
            X[constant] = 0.0
        return X


@dataclass(eq=False)
class GroupedState(State):
    """With -dw / d strength (of as many coefficients as there were), and the dual vector that belongs to w (n,)."""

    way: Vector = field(default_factory=lambda: NOTHING)
    beside: Vector = field(default_factory=lambda: NOTHING)


class ByGroups(Lane):
    """What a lane asks of its penalty, where that is norms of groups; and models of a quadratic loss under it.

    Where the penalty acts on coefficients times the lane's own `spread` of their columns (p,), a group's norm is that of
    spread * w: models are found for columns divided by it.
    """

    spread: Vector | None = None

    def penalise(self, twin, relative):
        self.spread, self.kept = relative, (NOTHING, NOTHING, NOTHING)
        self.laid = np.zeros(1, np.int64), np.zeros(0, np.int64), NOTHING  # see `layout`
        alone = twin.groups < 0
        labels = twin.groups.copy()
        labels[alone] = twin.group_terms.shape[1] + np.arange(np.count_nonzero(alone))
        self.labels = np.unique(labels, return_inverse=True)[1]
        strength = np.where(alone, twin.terms[0], twin.group_terms[0][np.where(alone, 0, twin.groups)])
        self.unit = np.zeros((7, len(labels)))
        self.unit[0], self.unit[2], self.unit[3:] = strength, -np.inf, np.inf
        self.entry, self.inverse, self.open = strength, 1 / strength, True
        self.norm = self.towards(self.norm)

    def towards(self, pull, columns=slice(None)):
        labels = self.labels[columns]
        if self.spread is not None:
            pull = (pull.T / self.spread[columns]).T
        if pull.ndim == 1:
            return np.sqrt(np.bincount(labels, pull**2))[labels]
        return np.column_stack([np.sqrt(np.bincount(labels, one))[labels] for one in (pull**2).T])

    def bounds(self, read, inside, apart, allowed):
        ratio = self.towards(np.array(read).T @ inside) + self.norm[:, None] * apart
        ratio[:, -1] = self.towards(self.state.pull)
        ratio *= np.where(self.place < 0, self.inverse, 0.0)[:, None]
        sure = (ratio <= allowed).all(axis=1)
        return ratio[sure].max(axis=0, initial=0.0), np.flatnonzero(~sure)

    def complete(self, chosen):
        return (np.bincount(self.labels, chosen) > 0)[self.labels]

    def penalty(self, W):
        sizes, omega = self._sizes(W)
        return sizes @ omega

    def _sizes(self, W: Matrix) -> tuple[Matrix, Vector]:
        """The norms of the working set's groups, (b, groups), and their strengths."""
        starts, members, omega = self.layout()
        if len(omega) == 0:
            return np.zeros((len(W), 0)), omega
        W = W if self.spread is None else W * self.spread[self.columns]
        return np.sqrt(np.add.reduceat(W[:, members] ** 2, starts[:-1], axis=1)), omega

    def layout(self) -> tuple[Vector, Vector, Vector]:
        """The working set by groups: where each starts, its members, its strength."""
        if len(self.laid[1]) != len(self.columns):
            labels = self.labels[self.columns]
            members = np.argsort(labels, kind="stable")
            firsts = np.flatnonzero(np.diff(labels[members], prepend=-1))
            starts = np.append(firsts, len(labels)).astype(np.int64)
            self.laid = starts, members, self.unit[0, self.columns[members[firsts]]]
        return self.laid

    def followed(
        self, q: Vector, yy: float, strengths: Vector, w: Vector, target: float, worth: float = 0.0
    ) -> tuple[Matrix, Vector]:  # fmt: skip
        """Models of w'G w / 2 - q'w + yy / 2 from w on, one strength after another, as far as they come to gaps of `target`, and
        one at least; their gaps, to which the share that a dual point must give up adds so much of `worth`."""
        G, by = self._scaled()
        V, gaps, _ = _core.follow_groups(
            G, q / by, yy, *self.layout(), np.ascontiguousarray(strengths), w * by, target, ROUNDS, worth
        )
        W, far = V / by, gaps > target
        count = max(int(np.argmax(far)), 1) if far.any() else len(gaps)
        return W[:count], gaps[:count]

    def _scaled(self) -> tuple[Matrix, Any]:
        """The Gram of the columns divided by their spread, and that (U,): kept while it serves, where it is small."""
        if self.spread is None:
            return self.G, 1.0
        metric, G, by = self.kept
        if metric is not self.metric or len(G) != len(self.columns):
            by = self.spread[self.columns]
            G = self.G / by / by[:, None]
            if len(by) <= SMALL:
                self.kept = self.metric, G, by
        return G, by

    def _curved(self, w: Vector, c: float) -> tuple[Vector, Matrix, Vector]:
        """The columns in use, the second derivative of loss and penalty there, and the penalty's gradient at strength one."""
        starts, members, omega = self.layout()
        by = np.ones(len(w)) if self.spread is None else self.spread[self.columns]
        counts = np.diff(starts)
        sizes = np.sqrt(np.add.reduceat((by * w)[members] ** 2, starts[:-1])) if len(omega) else omega
        used = np.repeat(sizes > 0, counts)
        active, group = members[used], np.repeat(np.arange(len(omega)), counts)[used]
        by, omega, size = by[active], omega[group], sizes[group]
        unit = by**2 * w[active] / size
        H = self.G[np.ix_(active, active)] - np.where(group[:, None] == group, np.outer(c * omega / size * unit, unit), 0.0)
        H[np.diag_indices(len(H))] += c * omega / size * by**2
        slope = omega * unit
        return active, H, slope

    def turn(self, w: Vector, c: float) -> Vector:
        """-dw / dc, zero outside of the groups in use."""
        active, H, slope = self._curved(w, c)
        out = np.zeros(len(w))
        if len(active):
            out[active] = solve_symmetric(H, slope)
        return out


class GroupedLane(ByGroups, SquaredLane):
    sets = GroupedSet
    working: GroupedSet
    state: GroupedState
    chord: dual.Chord | None = None

    def __init__(self, problem, weights, size):
        super().__init__(problem, weights, size)
        self.state = GroupedState(**vars(self.state), beside=self.state.residual)

    def solve(self, strengths, tol, panel):
        if self.working.thin:
            return self._by_rows(strengths, tol * self.half, panel)
        W, gaps = self.followed(self.q, self.yy, strengths, self.state.w, 0.1 * tol * self.half)
        self.state.way = self.turn(W[-1], float(strengths[len(W) - 1]))
        return self.solved(W, gaps, self.state.way, panel)

    def _by_rows(self, strengths: Vector, most: float, panel: Panel) -> Solved:
        """As many models as come to gaps of `most`, less what certificates over all columns need of it."""
        rows, target = self._rows(), SHARE * most
        found, self.chord = dual.solve(rows, self._first_guess(rows, strengths, 1.0), target, self.chord)
        if found.gaps[0] > target:
            found, self.chord = dual.solve(rows, self._first_guess(rows, strengths[:1], 0.0), target, None)
        if found.gaps[0] > target:
            return self._by_columns(rows, strengths[:1], found.W[:, 0].copy(), target, panel)
        bad = np.flatnonzero(found.gaps > target)
        found = found.some(np.arange(bad[0] if len(bad) else len(found.c)))
        self._lead_by(rows, found.some(np.array([len(found.c) - 1])), panel)
        return self._found(found.W.T.copy(), found.gaps, found.r, found.residuals)

    def _lead_by(self, rows: dual.Rows, last: dual.Batch, panel: Panel) -> None:
        """The path's tangent at its last model."""
        chord = self.chord or dual.Chord(rows, last)
        chord.take(rows, last.h[:, 0] > 0)
        self.chord = None if chord.broken else chord
        if self.chord:
            self.state.way, self.state.tangent = self.chord.tangent(rows, last)
        else:
            self._lead_from(last.W[:, 0], float(last.c[0]), panel)

    def _lead_from(self, w: Vector, strength: float, panel: Panel) -> None:
        """The path's tangent is the secant from the state to here: what is predicted from it is checked."""
        by = self.state.here - strength
        self.state.way = (w - self.state.w) / by if by > 0 else np.zeros(len(w))
        self.lead(self.fitted(self.state.way[None, :], panel)[:, 0])

    def _by_columns(self, rows: dual.Rows, strength: Vector, start: Vector, target: float, panel: Panel) -> Solved:
        """One model, block by block."""
        W, gaps, _ = _core.follow_columns(rows.X, rows.y, *rows.groups[:3], strength.copy(), start, target, MOST_ROUNDS)
        self._lead_from(W[0], float(strength[0]), panel)
        residuals = rows.y[:, None] - rows.X.T @ W.T
        return self._found(W, gaps, residuals, residuals)

    def _rows(self) -> dual.Rows:
        groups = dual.Groups(*self.layout(), np.unique(self.labels[self.columns]))
        level = self.root / np.linalg.norm(self.root) if self.intercept else None
        return dual.Rows(self.working.rows, self.root * self.y, level, groups)

    def _first_guess(self, rows: dual.Rows, strengths: Vector, share: float) -> dual.Batch:
        """From the state, a share of the way along the tangent."""
        w, by = self.state.w, share * (self.state.here - strengths)
        way = np.concatenate([self.state.way, np.zeros(len(w) - len(self.state.way))])
        sizes = rows.groups.sizes(w[:, None])[:, 0]
        along = np.add.reduceat((w * way)[rows.groups.members], rows.groups.starts[:-1])
        rates = np.divide(along, sizes, out=np.zeros(len(sizes)), where=sizes > 0)
        h = np.maximum(sizes[:, None] + np.outer(rates, by), 0.0)
        return dual.Batch.of(rows, strengths, h, self.state.beside[:, None] - np.outer(self.state.tangent, by))

    def stand(self, solved, i, strength):
        super().stand(solved, i, strength)
        self.state.beside = solved.vectors[:, i].copy()

    def _found(self, W: Matrix, gaps: Vector, vectors: Matrix, residuals: Matrix) -> Solved:
        """What follows from models W (b, U) that belong to dual vectors (n, b)."""
        return Solved(W, self.working.mean_of_y - W @ self.mean, gaps, vectors, np.sum(residuals**2, axis=0) / 2)


class CurvedGroupedLane(ByGroups, CurvedLane):
    """The same penalty under a likelihood whose curvature changes."""

    def share(self, tol):
        """Its gap is that of a dual point that pulls no group too much, and what that costs is in it (`worth`)."""
        return 0.01 * tol

    def modelled(self, q, squares, strengths, start, half, ahead=False):
        W, gaps = self.followed(q, squares, strengths, start, self.fine * half, half)
        if lacking := len(strengths) - len(W):
            W, gaps = np.vstack([W, np.tile(W[-1], (lacking, 1))]), np.concatenate([gaps, np.full(lacking, np.inf)])
        return W, q - W @ self.G, gaps, self.turn(W[-1], float(strengths[-1])) if ahead else NOTHING

    def beyond(self, strengths, slopes):
        unit = self.inverse[self.columns]
        return (self.towards(slopes.T, self.columns).T * unit).max(axis=1, initial=0.0) / strengths
