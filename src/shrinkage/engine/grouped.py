"""A lane of squared error whose columns enter by groups: c sum omega_g ||w_g||.

Blocks are minimised exactly, one after another, over the Gram; where that crawls, Newton's method on the groups in use ends it.
Where the columns at work are more than the rows, their Gram would hold more numbers than they do: it is not formed then, and
blocks are minimised over the columns themselves.
A column stands for its group in all that the batched path asks of columns: a group's score, bound and size are each of its
columns'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.batched import Solved
from shrinkage.engine.panels import DensePanel, Panel, roomier
from shrinkage.engine.squares import SquaredLane, SquaredSet, solve_symmetric

ROUNDS = 8  # of sweeps before Newton is asked
ATTEMPTS = 30
MOST_ROUNDS = 500  # over the columns themselves, where Newton's method would factor a matrix larger than they are
NEAREST = 1e-8  # of a group's size: what a Newton step must leave of it


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
        for j in range(old, size):
            np.multiply(self.centred(j, panel), self.root, out=self.held_rows[j])
        self.formed = size


class GroupedLane(SquaredLane):
    sets = GroupedSet
    working: GroupedSet

    def penalise(self, twin, relative):
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
        if pull.ndim == 1:
            return np.sqrt(np.bincount(labels, pull**2))[labels]
        return np.column_stack([np.sqrt(np.bincount(labels, one))[labels] for one in (pull**2).T])

    def bounds(self, read, inside, apart, allowed):
        ratio = self.towards(read.T @ inside) + self.norm[:, None] * apart
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
        starts, members, omega = self._layout()
        if len(omega) == 0:
            return np.zeros((len(W), 0)), omega
        return np.sqrt(np.add.reduceat(W[:, members] ** 2, starts[:-1], axis=1)), omega

    def _layout(self) -> tuple[Vector, Vector, Vector]:
        """The working set by groups: where each starts, its members, its strength."""
        labels = self.labels[self.columns]
        members = np.argsort(labels, kind="stable")
        firsts = np.flatnonzero(np.diff(labels[members], prepend=-1))
        return np.append(firsts, len(labels)).astype(np.int64), members, self.unit[0, self.columns[members[firsts]]]

    def solve(self, strengths, tol, panel):
        starts, members, omega = self._layout()
        target, m = 0.1 * tol * self.half, len(strengths)
        if self.working.thin:
            return self._by_columns(strengths, target, panel)
        W, gaps, done, w = np.zeros((m, len(self.columns))), np.full(m, np.inf), 0, self.state.w
        for _ in range(m + ATTEMPTS):
            found, reached, _ = _core.follow_groups(
                self.G, self.q, self.yy, starts, members, omega, np.ascontiguousarray(strengths[done:]), w, target, ROUNDS
            )
            bad = np.flatnonzero(reached > target)
            good = int(bad[0]) if len(bad) else m - done
            W[done : done + good], gaps[done : done + good] = found[:good], reached[:good]
            done += good
            if done == m:
                break
            W[done], gaps[done] = found[good], reached[good]
            w = self._newton(found[good], float(strengths[done]), starts, members, omega)
        count = max(done, 1)
        W, gaps = W[:count], gaps[:count]
        tangent = self._tangent(W[-1], float(strengths[count - 1]), starts, members, omega)
        return self.solved(W, gaps, tangent, panel)

    def _by_columns(self, strengths: Vector, target: float, panel: Panel) -> Solved:
        """The path's tangent is its last secant: what is predicted from it is checked."""
        W, gaps, _ = _core.follow_columns(
            self.working.rows,
            self.root * self.y,
            *self._layout(),
            np.ascontiguousarray(strengths),
            self.state.w,
            target,
            MOST_ROUNDS,
        )
        before, there = (W[-2], strengths[-2]) if len(W) > 1 else (self.state.w, self.state.here)
        way = there - strengths[-1]
        tangent = (W[-1] - before) / way if way > 0 else np.zeros(len(before))
        return self.solved(W, gaps, tangent, panel)

    def _bent(self, w: Vector, c: float, starts: Vector, members: Vector, omega: Vector) -> tuple[Vector, Matrix, Vector]:
        """The columns in use, the second derivative of loss and penalty there, and the penalty's gradient at strength one."""
        blocks = [members[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
        used = [(at, o) for at, o in zip(blocks, omega, strict=True) if w[at].any()]
        active = np.concatenate([at for at, _ in used]) if used else np.zeros(0, np.int64)
        H, slope, start = self.G[np.ix_(active, active)].copy(), np.zeros(len(active)), 0
        for at, o in used:
            size = float(np.linalg.norm(w[at]))
            unit, here = w[at] / size, slice(start, start + len(at))
            H[here, here] += c * o / size * (np.eye(len(at)) - np.outer(unit, unit))
            slope[here] = o * unit
            start += len(at)
        return active, H, slope

    def _newton(self, w: Vector, c: float, starts: Vector, members: Vector, omega: Vector) -> Vector:
        """A step on the groups in use that lowers the objective, or w."""
        active, H, slope = self._bent(w, c, starts, members, omega)
        pull = self.q[active] - self.G[active] @ w
        step, size, best = solve_symmetric(H, pull - c * slope), 1.0, self._objective(w, c)
        for _ in range(10):
            trial = w.copy()
            trial[active] += size * step
            if self._objective(trial, c) < best:
                return trial
            size /= 4
        return w

    def _objective(self, w: Vector, c: float) -> float:
        return float(w @ (self.G @ w / 2 - self.q) + c * self.penalty(w[None, :])[0])

    def _tangent(self, w: Vector, c: float, starts: Vector, members: Vector, omega: Vector) -> Vector:
        """-dw / dc, zero outside of the groups in use."""
        active, H, slope = self._bent(w, c, starts, members, omega)
        out = np.zeros(len(w))
        if len(active):
            out[active] = solve_symmetric(H, slope)
        return out
