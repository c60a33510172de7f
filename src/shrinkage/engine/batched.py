"""Few readings of X for a whole path: the batched predictor-corrector path, for p > n and working sets far smaller than p.

A batch of strengths is solved on a working set, in the space of its Gram. The set is predicted from the gradient and its
derivative along the path (Larsson and Wallin, 2022, "The Hessian screening rule", NeurIPS 35), for the whole batch at once,
so one reading of X at its end, for the residual there and the path's tangent, serves all of its strengths: between two ends
a residual r lies close to the span of what was read, so that x_j'r is known up to ||x_j|| times the part of r outside
(the chord certificate). Columns it does not clear are computed; a column that should have been in the set joins it, and the
batch is done again from there. Lanes go in step: a working set for all, one reading for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from shrinkage import _core, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Line, Patterns, Rows, unit_terms
from shrinkage.engine.panels import panel_of
from shrinkage.problem import Problem

BATCH, LARGEST_BATCH = 8, 12
AHEAD = 0.3  # of the distance in strength: the margin of the prediction
ROUNDING = 1e-15


@dataclass(eq=False)
class State:
    """Where a lane stands at the last strength that is done: what the next batch is predicted from."""

    strength: float
    w: Vector  # (U,), on the working set
    residual: Vector  # sqrt(weights) r, (n,)
    tangent: Vector  # sqrt(weights) dr along the path, (n,)
    pull: Vector  # X'W r, (p,)
    slope: Vector  # its derivative in the strength, (p,)


@dataclass(eq=False)
class Lane:
    """A weighting of the rows, in order of pattern."""

    weights: Vector
    root: Vector
    total: float
    level: float  # the target's mean
    y: Vector  # about it
    yy: float
    norm: Vector  # (p,), an upper bound on each column's
    state: State
    unit: Matrix  # terms (7, p)
    mean: Vector  # of the columns in the working set, (U,)
    q: Vector  # (U,)
    memory: _core.Memory = field(default_factory=_core.Memory)


class BatchedRows(Rows):
    """See the module."""

    def __init__(self, problem: Problem, weights: Vector, size: Vector, patterns: Patterns, lanes: int):
        """`size` (p,): the root mean square of each column; the other arguments as in GramRows."""
        self.problem, self.size, self.patterns, self.passes = problem, size, patterns, 0
        n = len(problem.y)
        alone = patterns.count == 1
        self.order = None if alone else np.argsort(patterns.labels, kind="stable")
        self.ends = np.array([0, n]) if alone else np.searchsorted(patterns.labels[self.order], np.arange(patterns.count + 1))
        self.base = weights if alone else weights[self.order]
        self.y = problem.y if alone else problem.y[self.order]
        self.marks = patterns.marks[patterns.labels if alone else patterns.labels[self.order]]
        self.lanes = [self._lane(k) for k in range(lanes)]
        pulls = self._read([lane.root * lane.y for lane in self.lanes], self.lanes)
        self.pulls = list(pulls.T)
        self.pull = -self.pulls[0]
        self.panel = panel_of(problem.design, self.order)
        self.columns = np.zeros(0, np.int64)
        self.place = np.full(problem.p, -1)
        self.G = np.empty((lanes, 0, 0))

    def _lane(self, k: int) -> Lane:
        weights = self.marks[:, k] * self.base
        total = float(weights.sum())
        level = 0.0
        if self.problem.intercept:
            first = self.y[np.flatnonzero(weights)[0]]
            level = float(first + weights @ (self.y - first) / total)
        y = self.y - level
        whole = float((self.base * self.marks[:, 0]).sum())
        norm = self.size * np.sqrt(whole * max(float(self.marks[:, k].max()), 1.0))
        root, nothing = np.sqrt(weights), np.zeros(0)
        state = State(np.inf, nothing, root * y, np.zeros(len(y)), nothing, nothing)
        return Lane(weights, root, total, level, y, float(weights @ y**2), norm, state, np.empty((7, 0)), nothing, nothing)

    def _read(self, vectors: list[Vector], lanes: list[Lane]) -> Matrix:
        """X' of each vector times the root of its lane's weights, (p, m): one reading of X."""
        R = np.empty((len(self.y), len(vectors)), order="F")
        for i, (vector, lane) in enumerate(zip(vectors, lanes, strict=True)):
            R[slice(None) if self.order is None else self.order, i] = vector * lane.root
        self.passes += 1
        return self.problem.design.rmatmat(R)

    def regular(self, lane):
        return self.lanes[lane].yy > LEAST_SPREAD * self.lanes[0].yy

    def gram(self, columns):
        at = self.place[columns]
        return self.G[0][np.ix_(at, at)]

    # ---- the working set

    def _grow(self, new: np.ndarray) -> None:
        """New columns into the panel, every lane's Gram and right-hand side."""
        if len(new) == 0:
            return
        old, size = len(self.columns), len(self.columns) + len(new)
        self.panel.grow(new)
        self.place[new] = np.arange(old, size)
        self.columns = np.concatenate([self.columns, new])
        if size > self.G.shape[1]:
            room = max(size, min(2 * self.G.shape[1], size + 512))
            wider = np.empty((len(self.lanes), room, room))
            wider[:, :old, :old] = self.G[:, :old, :old]
            self.G = wider
        products = self.panel.products(old, self.ends, self.base)
        sums = self.panel.sums(old, np.column_stack([lane.weights for lane in self.lanes]))
        towards = self.panel.sums(old, np.column_stack([lane.weights * lane.y for lane in self.lanes]))
        for k, lane in enumerate(self.lanes):
            block = np.tensordot(self.patterns.marks[:, k], products, axes=1)
            more = sums[:, k] / lane.total if self.problem.intercept else np.zeros(len(new))
            lane.mean, lane.q = np.concatenate([lane.mean, more]), np.concatenate([lane.q, towards[:, k]])
            raw = np.diag(block[:, old:]).copy()
            block -= lane.total * np.outer(more, lane.mean)
            G = self.G[k]
            G[old:size, :size], G[:old, old:size] = block, block[:, :old].T
            for j in np.flatnonzero(np.diag(block[:, old:]) <= LEAST_SPREAD * raw):
                self._thin(k, lane, old + int(j), size)
            lane.state.w = np.concatenate([lane.state.w, np.zeros(len(new))])

    def _thin(self, k: int, lane: Lane, at: int, size: int) -> None:
        """A column that hardly varies in a lane: its row of G from the centred column itself, zero where it is constant."""
        x = self.panel.column(at)
        used = x[lane.weights > 0]
        constant = used.min() == used.max() and self.problem.intercept
        x = np.zeros_like(x) if constant else x - lane.mean[at]
        row = self.panel.sums(0, (lane.weights * x)[:, None])[:size, 0] - lane.mean * float(lane.weights @ x)
        self.G[k, at, :size] = self.G[k, :size, at] = row
        self.G[k, at, at] = float(lane.weights @ x**2)
        lane.q[at] = float((lane.weights * x) @ lane.y)

    def _always(self) -> np.ndarray:
        """Columns that zero does not suit or L1 does not hold at it: in the working set from the start."""
        out = np.zeros(self.problem.p, dtype=bool)
        for lane in self.lanes:
            l1, l2, low, high = lane.unit[:4]
            out |= (low > 0) | (high < 0) | ((l1 == 0) & ~((low == 0) & (high == 0)))
        return np.flatnonzero(out)

    # ---- the path

    def follow(self, terms, strengths, tol, standardize):
        for k, lane in enumerate(self.lanes):
            lane.unit = unit_terms(terms, self._relative(k) if standardize else None)
        self._grow(self._always())
        self._begin(strengths)
        done, batch, clean = 0, BATCH, 0
        m = strengths.shape[1]
        while done < m:
            end = self._predict(strengths, done, min(done + batch, m))
            lines, clear = self._batch(strengths, done, end, tol)
            done = end
            clean = clean + 1 if clear else 0
            batch = max(2, batch // 2) if not clear else min(batch + 1, LARGEST_BATCH) if clean >= 2 else max(batch, 2)
            yield lines

    def _relative(self, k: int) -> Vector | None:
        """A lane's spread of each column over the whole's; 1 where it has none."""
        if k == 0:
            return None
        share = np.empty(len(self.y))
        share[slice(None) if self.order is None else self.order] = self.lanes[k].weights / self.lanes[k].total
        design = self.problem.design
        one = design.view(np.zeros(self.problem.p), np.ones(self.problem.p)).moments(share)
        self.passes += 1
        sd = np.ldexp(one.sd, one.exponent) * design.scale
        usable = (sd > 0) & (self.size > 0) & ~one.constant
        return np.where(usable, sd / np.where(usable, self.size, 1.0), 1.0)

    def _begin(self, strengths: Matrix) -> None:
        """Every lane at the strength at which nothing but the columns of `_always` is in use, and the first tangent."""
        for k, lane in enumerate(self.lanes):
            top = max(self._ratio(lane, self.pulls[k]), float(strengths[k, 0]))
            lane.state = replace(lane.state, strength=top, pull=self.pulls[k])
        if len(self.columns):
            self._solve(np.array([[lane.state.strength] for lane in self.lanes]), 0, 1, 1e-9)
            self._end([self._residuals(k, lane.state.w[None, :]) for k, lane in enumerate(self.lanes)])
            for lane in self.lanes:
                lane.state.strength = max(self._ratio(lane, lane.state.pull), lane.state.strength)
        first = []
        for lane in self.lanes:
            score = self._score(lane, lane.state.pull)
            score[self.columns] = -np.inf
            first.append(int(np.argmax(score)))
        self._grow(np.unique([j for j in first if self.place[j] < 0]))
        for k, (lane, j) in enumerate(zip(self.lanes, first, strict=True)):
            at = self.place[j]
            square = self.G[k, at, at]
            pull, x = lane.state.pull[j], self.panel.column(at) - lane.mean[at]
            lane.state.tangent = lane.root * x * (np.sign(pull) * lane.unit[0, j] / square if square > 0 else 0.0)
        slopes = self._read([lane.state.tangent for lane in self.lanes], self.lanes)
        for lane, slope in zip(self.lanes, slopes.T, strict=True):
            lane.state.slope = slope

    def _score(self, lane: Lane, pull: Vector) -> Vector:
        """How far each column is pulled towards where it may go, in units of its L1."""
        l1, _, low, high = lane.unit[:4]
        towards = np.where(pull > 0, np.where(high > 0, pull, 0.0), np.where(low < 0, -pull, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(l1 > 0, towards / l1, 0.0)

    def _ratio(self, lane: Lane, pull: Vector) -> float:
        return float(self._score(lane, pull).max(initial=0.0))

    def _predict(self, strengths: Matrix, done: int, end: int) -> int:
        """Grows the working set by what the batch is going to need; the batch may be cut short. Where it ends."""
        p, held = self.problem.p, len(self.columns)
        limit = 3 * held + 150
        wanted = np.zeros(p, dtype=bool)
        last = done
        for i in range(done, end):
            more = wanted.copy()
            scores = np.full(p, -np.inf)
            for k, lane in enumerate(self.lanes):
                s, by = lane.state, max(lane.state.strength - strengths[k, i], 0.0)
                score = self._score(lane, s.pull - by * s.slope) - (strengths[k, i] - AHEAD * by)
                more |= score >= 0
                np.maximum(scores, score / strengths[k, i], out=scores)
            new = more & (self.place < 0)
            if np.count_nonzero(new) + held > limit:
                if i > done:
                    break
                scores[self.place >= 0] = -np.inf
                more = np.zeros(p, dtype=bool)
                more[np.argpartition(-scores, limit - held)[: limit - held]] = True
                more &= new
                wanted, last = more, i + 1
                break
            wanted, last = more, i + 1
        self._grow(np.flatnonzero(wanted & (self.place < 0)))
        return last

    def _solve(self, strengths: Matrix, start: int, end: int, tol: float) -> list[tuple]:
        """Every lane on the working set, from its state; the states' coefficients and tangents move to the end."""
        size = len(self.columns)

        def one(k: int) -> tuple:
            lane = self.lanes[k]
            unit = np.ascontiguousarray(lane.unit[:, self.columns])
            G = self.G[k, :size, :size]
            target = 0.1 * tol * lane.yy / 2
            some = np.ascontiguousarray(strengths[k, start:end])
            return _core.follow(G, lane.q, lane.yy, unit, some, lane.state.w, target, True, lane.memory)

        found = threads.each(one, range(len(self.lanes)))
        for lane, result in zip(self.lanes, found, strict=True):
            lane.state.w = result[0][-1].copy()
            at = np.flatnonzero(result[3])
            moved = self.panel.times(at, result[3][at, None])[:, 0] - float(lane.mean[at] @ result[3][at])
            lane.state.tangent = lane.root * moved
        return found

    def _residuals(self, k: int, W: Matrix) -> Matrix:
        """sqrt(weights) times the residuals of models W (b, U): (n, b)."""
        lane = self.lanes[k]
        at = np.flatnonzero(W.any(axis=0))
        eta = self.panel.times(at, W[:, at].T) - lane.mean[at] @ W[:, at].T
        return lane.root[:, None] * (lane.y[:, None] - eta)

    def _end(self, residuals: list[Matrix]) -> None:
        """The one reading of a batch: every lane's gradient at its last model, and its slope there."""
        vectors = [v for lane, R in zip(self.lanes, residuals, strict=True) for v in (R[:, -1], lane.state.tangent)]
        read = self._read(vectors, [lane for lane in self.lanes for _ in range(2)])
        for k, (lane, R) in enumerate(zip(self.lanes, residuals, strict=True)):
            lane.state.residual = R[:, -1]
            lane.state.pull, lane.state.slope = read[:, 2 * k].copy(), read[:, 2 * k + 1].copy()

    def _batch(self, strengths: Matrix, start: int, end: int, tol: float) -> tuple[list[Line], bool]:
        """The lines of all lanes from `start` to `end`, certified; and whether the prediction held."""
        kept: list[list[Line]] = []
        clear, begun = True, start
        while True:
            before = [lane.state for lane in self.lanes]
            for lane in self.lanes:
                lane.state = replace(lane.state)
            found = self._solve(strengths, begun, end, tol)
            residuals = [self._residuals(k, result[0]) for k, result in enumerate(found)]
            self._end(residuals)
            reached, gaps, joining = end - begun, [], []
            for k in range(len(self.lanes)):
                gap, good, new = self._certify(k, before[k], found[k], residuals[k], strengths[k, begun:end], tol)
                gaps.append(gap)
                reached = min(reached, good)
                joining.append(new)
            kept.append([self._line(k, found[k], gaps[k], residuals[k], reached) for k in range(len(self.lanes))])
            for k, lane in enumerate(self.lanes):
                lane.state.strength = float(strengths[k, end - 1])
            if begun + reached == end:
                break
            clear = False
            for k, lane in enumerate(self.lanes):  # back to the last model that is certified; what was read there still holds
                lane.state = before[k]
                if reached:
                    lane.state = replace(before[k], w=found[k][0][reached - 1].copy())
            begun += reached
            missed = np.unique(np.concatenate(joining))
            self._grow(missed[self.place[missed] < 0])
        return [Line.joined([part[k] for part in kept]) for k in range(len(self.lanes))], clear

    def _line(self, k: int, found: tuple, gaps: Vector, residuals: Matrix, reached: int) -> Line:
        lane, W = self.lanes[k], found[0][:reached]
        centre = lane.mean - self.panel.centre[: len(lane.mean)]
        b = lane.level - W @ centre if self.problem.intercept else np.zeros(reached)
        totals = np.sum(residuals[:, :reached] ** 2, axis=0) / 2
        return Line(self.columns[: W.shape[1]], W, b, gaps[:reached], totals, lane.yy / 2)

    def _certify(
        self, k: int, before: State, found: tuple, residuals: Matrix, strengths: Vector, tol: float
    ) -> tuple[Vector, int, np.ndarray]:
        """(gaps, how many models are certified from the first on, the columns the next one lacks).

        With v = s u, s <= 1, in place of a dual point u of gap d at an objective P: the gap is convex in u and at most P at
        zero, so it is at most s d + (1 - s) P.
        """
        lane, now = self.lanes[k], self.lanes[k].state
        outside = np.flatnonzero((self.place < 0) & (lane.unit[0] > 0))
        vectors = [before.residual, now.residual, before.tangent, now.tangent]
        Q, XQ, amplified = _span(vectors, [before.pull, now.pull, before.slope, now.slope])
        inside = Q.T @ residuals
        apart = np.sqrt(np.maximum(np.sum((residuals - Q @ inside) ** 2, axis=0), 0.0))
        size = np.sqrt(np.sum(residuals**2, axis=0))
        chord = XQ[outside] @ inside
        slack = lane.norm[outside, None] * (apart + ROUNDING * np.sqrt(len(residuals)) * amplified * size)
        allowed = strengths * lane.unit[0, outside, None] * (1 + 0.1 * tol)
        low, high = lane.unit[2, outside, None], lane.unit[3, outside, None]
        bound = np.maximum(np.where(high > 0, chord, 0.0), np.where(low < 0, -chord, 0.0)) + slack
        bound[:, -1] = _towards(now.pull[outside], low[:, 0], high[:, 0])
        unsure = np.flatnonzero((bound > allowed).any(axis=1))
        if len(unsure):
            R = np.empty_like(residuals)
            R[slice(None) if self.order is None else self.order] = residuals * lane.root[:, None]
            exact = self.problem.design.rmatmat_of(outside[unsure], R)
            bound[unsure] = _towards(exact, low[unsure], high[unsure])
        gaps = found[2].copy()
        over = bound > allowed
        bad = over.any(axis=0)
        good = int(np.argmax(bad)) if bad.any() else len(strengths)
        excess = np.max(bound / (strengths * lane.unit[0, outside, None]), axis=0, initial=1.0)
        unit = lane.unit[:, self.columns]
        W = found[0]
        objective = size**2 / 2 + strengths * (np.abs(W) @ unit[0] + W**2 @ unit[1] / 2)
        gaps = gaps / excess + (1 - 1 / excess) * objective
        joining = outside[over[:, good:].any(axis=1)] if good < len(strengths) else outside[:0]
        return gaps, good, joining

    # ---- scores

    def errors(self, line, column):
        weights = self.marks[:, column] * self.base
        at = np.flatnonzero(line.W.any(axis=0))
        B = line.W[:, at].T
        used = np.flatnonzero(weights)
        eta = self.panel.times(at, B) - self.panel.centre[at] @ B + line.b
        return weights[used] @ (self.y[used, None] - eta[used]) ** 2 / weights.sum()


def _towards(pull: Matrix, low: Matrix, high: Matrix) -> Matrix:
    return np.maximum(np.where(high > 0, pull, 0.0), np.where(low < 0, -pull, 0.0))


def _span(vectors: list[Vector], pulls: list[Vector]) -> tuple[Matrix, Matrix, float]:
    """An orthonormal basis Q of what was read, X'Q from X' of it, and how much that has enlarged rounding."""
    V, C = np.column_stack(vectors), np.column_stack(pulls)
    sizes = np.linalg.norm(V, axis=0)
    keep = sizes > 0
    V, C = V[:, keep] / sizes[keep], C[:, keep] / sizes[keep]
    U, s, Vt = np.linalg.svd(V, full_matrices=False)
    good = s > 1e-6 * s.max(initial=0.0)
    return U[:, good], C @ (Vt[good].T / s[good]), float(10 / s[good].min(initial=1.0))
