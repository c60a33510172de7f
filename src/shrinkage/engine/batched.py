"""Few readings of X for a whole path: the batched predictor-corrector path.

A batch of strengths is solved on a working set: how, is stated by a kind of lane (`squares.py`,
`thin.py`, `curved.py`, `grouped.py`, `concave.py`), this is what they share. The set is predicted from the gradient and its
derivative along the path (Larsson and Wallin, 2022, "The Hessian screening rule", NeurIPS 35), for the whole batch at once,
so one reading of X at its end, for the residual there and the path's tangent, serves all of its strengths: between two ends
a residual r lies close to the span of what was read, so that x_j'r is known up to ||x_j|| times the part of r outside
(the chord certificate). Columns it does not clear are computed; a column that should have been in the set joins it, and the
batch is done again from there. Lanes go in step: each on a working set of its own, one reading for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from shrinkage import _core, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.lanes import LEAST_SPREAD, Course, Line, Rows, relative_spread, unit_terms
from shrinkage.engine.panels import Panel, Whole, panel_of
from shrinkage.engine.together import Asking, together
from shrinkage.engine.working import NOTHING, WorkingSet
from shrinkage.problem import GAP, Problem

BATCH, WIDE_BATCH, LARGEST_BATCH = 6, 9, 12  # the last where columns cost little: of light lanes, or `few`
# Of the distance in strength: the margin of the prediction. On 500 x 10,000 a batch of 8 with a margin of 0.3 takes 12
# readings and 1,700 columns, one of 6 with 0.2 takes 15 and 1,000: less time, since a Gram costs the square of its columns.
AHEAD = 0.2
ROUNDING = 1e-15
# Of `few` columns all are taken once this share of them is wanted: none is missed then, and none is read any more. A logistic
# path of 20,000 x 200 takes 12 batches in place of 18, its ten folds 12 in place of 28; half or an eighth take a tenth longer.
MANY_OF_FEW = 0.25
# Rows times columns of a working set from which on lanes are solved side by side. Below, Python takes longer than arithmetic, and
# threads would wait for it in turn: six logistic lanes of 1,000 x 100 took 0.36 s side by side (0.22 on one thread, all of it the
# Gram that folds share from here on), 0.13 one after another.
HEAVY = 150_000


@dataclass(eq=False)
class State:
    """Where a lane stands at the last strength that is done: what the next batch is predicted from.

    A *dual vector* here is the root of the weights times a residual (minus the loss's gradient, for one unit of weight).
    """

    strength: float
    w: Vector  # (U,), on the lane's working set
    residual: Vector  # the dual vector, (n,)
    tangent: Vector  # its derivative as the strength falls, with the sign changed, (n,)
    pull: Vector  # X' of the first, times the root of the weights, (p,)
    slope: Vector  # of the second
    here: float = np.inf  # the strength that w, and what follows, belong to
    level: float = 0.0  # the intercept about the panel's columns
    eta: Vector = field(default_factory=lambda: NOTHING)  # (n,)
    along: Vector = field(default_factory=lambda: NOTHING)  # -d eta / d strength, (n,)


class Solved(NamedTuple):
    """A lane's models of one batch, on its working set: `W` (b, U), intercepts about the panel's columns, gaps there, dual
    vectors (n, b), summed losses (b,), and predictors (n, b) where the loss needs them again."""

    W: Matrix
    levels: Vector
    gaps: Vector
    vectors: Matrix
    totals: Vector
    etas: Matrix | None = None

    def first(self, m: int) -> Solved:
        etas = None if self.etas is None else self.etas[:, :m]
        return Solved(self.W[:m], self.levels[:m], self.gaps[:m], self.vectors[:, :m], self.totals[:m], etas)


class Lane(ABC):
    """A penalty over a weighting of the rows; `working`: the columns it works with, which lanes of one weighting share."""

    half: float  # half the null deviance
    floor: float  # the least the summed loss can be
    state: State
    sets = WorkingSet  # the kind of it
    few = 0  # columns of which all are taken together: see MANY_OF_FEW

    def __init__(self, problem: Problem, weights: Vector, size: Vector):
        self.working, self.memory = self.sets(problem, weights), _core.Memory()
        self.problem, self.intercept = problem, problem.intercept
        self.norm = size  # (p,), an upper bound on each column's
        self.unit = np.empty((7, 0))  # the penalty's terms, (7, p)
        # What holds each column at zero, at strength one (p,); one over it, 0 for none; whether no coefficient is bounded.
        self.entry, self.inverse, self.open = NOTHING, NOTHING, True
        self.pace, self.top = 0.0, 0.0  # see `Course`; the largest entry of X' gradient at the null model
        self.number = self.weighting = 0  # of the lane, and of its weighting

    def beside(self, number: int, course: Course) -> Lane:
        """A lane of the same weighting for a course of its own: what is formed of columns they share."""
        other = copy(self)
        other.state, other.memory = replace(self.state), _core.Memory()
        other.number, other.weighting, other.pace = number, course.weighting, course.pace
        return other

    columns = property(lambda self: self.working.columns)
    at = property(lambda self: self.working.at)
    place = property(lambda self: self.working.place)
    weights = property(lambda self: self.working.weights)
    root = property(lambda self: self.working.root)
    metric = property(lambda self: self.working.metric)
    held = property(lambda self: self.working.held)
    mean = property(lambda self: self.working.mean)
    G = property(lambda self: self.working.G)
    full = property(lambda self: len(self.columns) == len(self.place))  # no column is outside of the working set

    def widen(self) -> None:
        """Room in the state for columns that have come to the working set."""
        w = self.state.w
        self.state.w = np.concatenate([w, np.zeros(len(self.columns) - len(w))])

    # ---- stated by each kind; `state` stands at the null model when a lane is made

    @abstractmethod
    def solve(self, strengths: Vector, tol: float, panel: Panel) -> Solved | Asking[Solved]:
        """The models at one strength or more from the first on, and the state's tangent at the last."""

    def stale(self) -> bool:
        """Whether the next batch needs another metric."""
        return False

    def ahead(self, strengths: Vector) -> Vector:
        """The metric that suits a batch, (n,)."""
        return self.metric

    @abstractmethod
    def hessian(self, line: Line, i: int, columns: np.ndarray, panel: Panel) -> Matrix:
        """The loss's second derivative at model i of a line, on some columns of it."""

    @abstractmethod
    def training(self, totals: Vector) -> Vector:
        """The mean unit deviance of the lane's own rows, from summed losses (m,)."""

    @abstractmethod
    def deviances(self, eta: Matrix, weights: Vector, rows: np.ndarray) -> Vector:
        """The weighted sum of unit deviances of some rows, in units of the task's target, for each column of `eta` (rows, m)."""

    # ---- what follows

    kind = GAP  # of the certificate
    strays = False  # whether the metric of the last batch was not its own model's, and no use to it
    margin = AHEAD  # of what is predicted

    def judged(self, solved: Solved, strengths: Vector, excess: Vector) -> Vector:
        """The gaps (b,) over all columns, where some outside of the working set are pulled `excess` >= 1 times what holds
        them.

        With v = s u, s <= 1, in place of a dual point u of gap d at an objective P: the gap is convex in u and at most P at
        zero, so it is at most s d + (1 - s) P.
        """
        objective = solved.totals - self.floor + strengths * self.penalty(solved.W)
        return solved.gaps / excess + (1 - 1 / excess) * objective

    def lead(self, along: Vector) -> None:
        """The path's tangent, given -d eta / d strength."""
        self.state.tangent = self.working.lever * along

    def stand(self, solved: Solved, i: int, strength: float) -> None:
        """The state's coefficients are those of model i."""
        self.state.w, self.state.here, self.state.level = solved.W[i].copy(), strength, float(solved.levels[i])

    def fitted(self, W: Matrix, panel: Panel) -> Matrix:
        """X W' about its mean, (n, b), for W (b, U)."""
        used = np.flatnonzero(W.any(axis=0))
        B = W[:, used].T
        return panel.times(self.at[used], B) - self.mean[used] @ B

    def penalise(self, twin: Any, relative: Vector | None) -> None:
        """The penalty at strength one. `relative` (p,): see `unit_terms`."""
        self.unit = unit_terms(twin.terms, relative)
        self.entry = self.unit[0] + self.unit[4]
        self.inverse = np.divide(1.0, self.entry, out=np.zeros(len(self.entry)), where=self.entry > 0)
        self.open = not np.isfinite(self.unit[2:4]).any()

    def penalty(self, W: Matrix) -> Vector:
        """At strength one, of models W (b, U): (b,)."""
        l1, l2 = self.unit[:2, self.columns]
        return np.abs(W) @ l1 + W**2 @ l2 / 2

    def towards(self, pull: Vector, columns: Any = slice(None)) -> Vector:
        """How far each column is pulled to where it may go, >= 0; `pull` (p,) or (p, b), or of some columns."""
        if self.open:
            return np.abs(pull)
        low, high = (bound[columns].reshape(-1, *[1] * (pull.ndim - 1)) for bound in self.unit[2:4])
        return np.maximum(np.where(high > 0, pull, 0.0), np.where(low < 0, -pull, 0.0))

    def bounds(self, read: list[Vector], inside: Matrix, apart: Vector, allowed: Vector) -> tuple[Vector, np.ndarray]:
        """For the dual vectors of a batch, `apart` (b,) from combinations `inside` (4, b) of vectors whose products with X are
        `read` (4 of (p,)): which columns outside of the working set may be pulled more than `allowed` (b,) times their L1, and
        the most that others are pulled (b,)."""
        share = np.where(self.place < 0, self.inverse, 0.0)
        up, down = (share, share) if self.open else (share * (self.unit[3] > 0), share * (self.unit[2] < 0))
        largest, unsure = _core.chord(read, inside, apart, up, down, share * self.norm, self.state.pull, allowed)
        return largest, np.flatnonzero(unsure)

    def complete(self, chosen: Vector) -> Vector:
        """The columns (p,), flagged, that enter together with those chosen."""
        return chosen

    def score(self, pull: Vector) -> Vector:
        """What `towards` gives, in units of the column's L1; 0 where it has none."""
        return self.towards(pull) * self.inverse


class BatchedRows(Rows):
    """See the module. `kind`: of lane, which knows how a batch is solved for the problem's loss."""

    def __init__(self, kind: type[Lane], problem: Problem, weights: Vector, size: Vector, multiples: Matrix, lanes: int):
        """`weights` (n,): the rows'. `size` (p,): the root mean square of each column. The first `lanes` columns of
        `multiples` are weightings of the lanes, the others sets to be scored."""
        self.problem, self.weights, self.size, self.multiples, self.passes = problem, weights, size, multiples, 0
        self.panel, self.held = panel_of(problem.design), 0
        self.place = np.full(problem.p, -1)  # of each column in the panel
        whole = float(weights.sum())
        self.lanes = [  # one for each weighting, until they are told of their penalties
            kind(problem, share * weights, size * np.sqrt(whole * max(float(share.max()), 1.0)))
            for share in multiples.T[:lanes]
        ]  # fmt: skip
        for lane, pull in zip(self.lanes, self._read([lane.state.residual for lane in self.lanes], self.lanes).T, strict=True):
            lane.state.pull, lane.top = pull, float(np.abs(pull).max(initial=0.0))
        self.pull, self.halves = -self.lanes[0].state.pull, [lane.half for lane in self.lanes]
        self.whole: Whole | None = None
        most = np.count_nonzero(multiples[:, :lanes], axis=0)
        self.folded = lanes > 1 and bool(np.all(multiples[:, :lanes] <= 1)) and bool(np.all(2 * most >= most[0]))

    def _read(self, vectors: list[Vector], lanes: list[Lane]) -> Matrix:
        """X' of each vector times the root of its lane's weights, (p, m): one reading of X."""
        R = np.empty((len(self.weights), len(vectors)), order="F")
        for i, (vector, lane) in enumerate(zip(vectors, lanes, strict=True)):
            np.multiply(vector, lane.root, out=R[:, i])
        self.passes += 1
        return self.problem.design.rmatmat(R)

    def regular(self, weighting):
        return self.halves[weighting] > LEAST_SPREAD * self.halves[0]

    def hessian(self, line, i, columns):
        return self.lanes[line.lane].hessian(line, i, columns, self.panel)

    def _sharing(self) -> list[list[Lane]]:
        """The lanes, those together that share a working set."""
        found: dict[int, list[Lane]] = {}
        for lane in self.lanes:
            found.setdefault(id(lane.working), []).append(lane)
        return list(found.values())

    def _grow(self, wanted: list[np.ndarray]) -> None:
        """Takes columns into the lanes' working sets, and those new to all of them into the panel."""
        new = np.unique(np.concatenate(wanted))
        new = new[self.place[new] < 0]
        if len(new):
            self.panel.grow(new)
            self.place[new] = np.arange(self.held, self.held + len(new))
            self.held += len(new)
        for lanes in self._sharing():
            lanes[0].working.grow(np.unique(np.concatenate([wanted[lane.number] for lane in lanes])), self.place)
            for lane in lanes:
                lane.widen()

    # ---- the path

    def follow(self, courses, tol, standardize):
        relative = [self._relative(lane) if standardize and k else None for k, lane in enumerate(self.lanes)]
        self.lanes = [self.lanes[course.weighting].beside(k, course) for k, course in enumerate(courses)]
        for lane, course in zip(self.lanes, courses, strict=True):
            lane.penalise(course.twin, relative[course.weighting])
        strengths = np.array([course.strengths for course in courses])
        self._begin(strengths)
        done, batch, clean, m = 0, BATCH, 0, strengths.shape[1]
        while done < m:
            end = self._predict(strengths, done, min(done + batch, m))
            lines, clear = self._batch(strengths, done, end, tol)
            done, clean = done + len(lines[0].W), clean + 1 if clear else 0
            if not clear:
                batch = max(2, batch // 2)
            elif clean >= 2:
                batch = min(batch + 1, WIDE_BATCH if self.heavy and self.problem.p > self.lanes[0].few else LARGEST_BATCH)
            yield lines

    def _relative(self, lane: Lane) -> Vector:
        self.passes += 1
        return relative_spread(self.problem.design, self.size, lane.weights)

    def _begin(self, strengths: Matrix) -> None:
        """Every lane at the strength at which nothing is in use but columns that zero does not suit, or that L1 does not hold
        there; and the first tangent, of the column that is pulled most."""
        always = []
        for k, lane in enumerate(self.lanes):
            low, high = lane.unit[2:4]
            always.append(np.flatnonzero((low > 0) | (high < 0) | ((lane.entry == 0) & ~((low == 0) & (high == 0)))))
            lane.state.strength = max(float(lane.score(lane.state.pull).max(initial=0.0)), float(strengths[k, 0]))
        self._grow(always)
        if any(len(columns) for columns in always):
            solved = self._solve(np.array([[lane.state.strength] for lane in self.lanes]), 1e-9)
            self._end(solved)
            for lane in self.lanes:
                lane.state.strength = max(float(lane.score(lane.state.pull).max(initial=0.0)), lane.state.strength)
        first = []
        for lane in self.lanes:
            lane.state.here = lane.state.strength
            score = lane.score(lane.state.pull)
            score[lane.columns] = -np.inf
            chosen = np.zeros(len(score), bool)
            chosen[np.argmax(score)] = True
            first.append(np.flatnonzero(lane.complete(chosen)))
        self._grow(first)
        for lane, columns in zip(self.lanes, first, strict=True):
            lane.working.average(self.panel)
            at, pull = lane.place[columns], lane.state.pull[columns]
            way = np.zeros((1, len(lane.columns)))
            way[0, at] = pull / (np.linalg.norm(pull) or 1.0)
            along = lane.fitted(way, self.panel)[:, 0]
            square = float(lane.metric @ along**2)
            lane.lead(along * (lane.entry[columns[0]] / square if square > 0 else 0.0))
        slopes = self._read([lane.state.tangent for lane in self.lanes], self.lanes)
        for lane, slope in zip(self.lanes, slopes.T, strict=True):
            lane.state.slope = slope

    def _predict(self, strengths: Matrix, done: int, end: int) -> int:
        """Grows the working sets by what the batch is going to need; the batch may be cut short. Where it ends.

        How far a column's predicted pull exceeds what holds it is convex in the strength, and at most zero where the batch
        starts: what is needed on the way is needed at the end.
        """
        most = [2 * len(lane.columns) + 150 for lane in self.lanes]  # more is a prediction gone wrong
        for last in range(end - 1, done - 1, -1):
            excess = [self._excess(lane, float(strengths[k, last])) for k, lane in enumerate(self.lanes)]
            if all(np.count_nonzero(one >= 0) <= limit for one, limit in zip(excess, most, strict=True)):
                break
        wanted = []
        for lane, one, limit in zip(self.lanes, excess, most, strict=True):
            chosen = one >= 0
            if len(one) <= lane.few and len(lane.columns) + np.count_nonzero(chosen) >= MANY_OF_FEW * len(one):
                chosen = lane.place < 0
            elif np.count_nonzero(chosen) > limit:
                chosen = np.zeros(len(one), dtype=bool)
                chosen[np.argpartition(-one, limit)[:limit]] = True
                chosen = lane.complete(chosen) & (lane.place < 0)
            wanted.append(np.flatnonzero(chosen))
        self._grow(wanted)
        return last + 1

    def _excess(self, lane: Lane, strength: float) -> Vector:
        """By how much each column outside of the working set is predicted to be pulled more than what is left of a margin."""
        by = max(lane.state.strength - strength, 0.0)
        score = lane.score(lane.state.pull - by * lane.state.slope) - (strength - lane.margin * by)
        return np.where(lane.place < 0, score, -np.inf)

    def _solve(self, strengths: Matrix, tol: float) -> list[Solved]:
        """Every lane on its working set, from its state, which moves to the end: as many models as every lane has found."""
        self._measure(strengths)
        side = None if self.heavy else 1
        threads.each(lambda lanes: lanes[0].working.ready(self.panel), self._sharing(), side)
        tasks = [partial(lane.solve, its, tol, self.panel) for lane, its in zip(self.lanes, strengths, strict=True)]
        some = together(self.panel, tasks, side)
        count = min(len(one.W) for one in some)
        some = [one.first(count) for one in some]
        for lane, one, its in zip(self.lanes, some, strengths, strict=True):
            lane.stand(one, count - 1, float(its[count - 1]))
        return some

    @property
    def full(self) -> bool:
        """Whether no column is outside of any working set."""
        return all(lane.full for lane in self.lanes)

    @property
    def heavy(self) -> bool:
        """Whether arithmetic takes longer than Python."""
        return len(self.weights) * max(len(lane.columns) for lane in self.lanes) >= HEAVY

    def _measure(self, strengths: Matrix) -> None:
        """A metric for the batch, where the loss's curvature changes and lanes need another; lanes that are all rows less some
        share one, so that its Gram is formed once."""
        sharing = self._sharing()
        self.folded = self.folded and (self.whole is None or not any(lane.strays for lane in self.lanes))
        if not (self.folded and self.heavy):
            for lanes in sharing:
                if any(lane.stale() for lane in lanes):
                    self._adopt(lanes, lanes[0].ahead(strengths[lanes[0].number]))
            return
        if all(lanes[0].working.gramless(self.panel) for lanes in sharing):
            return
        if self.whole is None or any(lane.stale() for lane in self.lanes):
            metric = self.lanes[0].ahead(strengths[0])
            self.whole = Whole(self.panel, metric)
            for lanes in sharing:
                self._adopt(lanes, self.multiples[:, lanes[0].weighting] * metric, self.whole)
        self.whole.grow(self.held)

    def _adopt(self, lanes: list[Lane], metric: Vector, whole: Whole | None = None) -> None:
        """A metric for lanes that share a working set."""
        lanes[0].working.measure(metric, whole)
        for lane in lanes:
            lane.memory = _core.Memory()

    def _end(self, solved: list[Solved]) -> None:
        """The one reading of a batch: every lane's gradient at its last model, and its slope there. Where no column is outside of
        any working set, there is none."""
        for lane, one in zip(self.lanes, solved, strict=True):
            lane.state.residual = one.vectors[:, -1]
        if self.full:
            return
        vectors = [v for lane, one in zip(self.lanes, solved, strict=True) for v in (one.vectors[:, -1], lane.state.tangent)]
        read = self._read(vectors, [lane for lane in self.lanes for _ in range(2)])
        for k, lane in enumerate(self.lanes):
            lane.state.pull, lane.state.slope = read[:, 2 * k].copy(), read[:, 2 * k + 1].copy()

    def _batch(self, strengths: Matrix, start: int, end: int, tol: float) -> tuple[list[Line], bool]:
        """The lines of all lanes from `start` on, certified, to `end` unless a model is hard to come by; and whether the
        prediction held."""
        kept: list[list[Line]] = []
        begun, clear = start, True
        while True:
            before = [lane.state for lane in self.lanes]
            for lane in self.lanes:
                lane.state = replace(lane.state)
            solved = self._solve(strengths[:, begun:end], tol)
            clear, end = clear and begun + len(solved[0].W) == end, begun + len(solved[0].W)
            self._end(solved)
            checked = [
                self._certify(lane, before[k], solved[k], strengths[k, begun:end], tol) for k, lane in enumerate(self.lanes)
            ]
            reached = min(good for _, good, _ in checked)
            kept.append([self._line(lane, solved[k].first(reached), checked[k][0]) for k, lane in enumerate(self.lanes)])
            for k, lane in enumerate(self.lanes):
                lane.state.strength = float(strengths[k, end - 1])
            if begun + reached == end:
                return [Line.joined([part[k] for part in kept]) for k in range(len(self.lanes))], clear
            for k, lane in enumerate(self.lanes):  # back to the last model that is certified; what was read there still holds
                lane.state = replace(before[k])
                if reached:
                    lane.stand(solved[k], reached - 1, float(strengths[k, begun + reached - 1]))
            begun, clear = begun + reached, False
            self._grow([missing for _, _, missing in checked])

    def _line(self, lane: Lane, solved: Solved, gaps: Vector) -> Line:
        b = solved.levels + solved.W @ self.panel.centre[lane.at] if self.problem.intercept else np.zeros(len(solved.W))
        unit = None if lane.kind == GAP else lane.top
        return Line(
            lane.columns, solved.W, b, gaps[: len(solved.W)], solved.totals, lane.half, lane.floor, lane.kind, unit,
            lane=lane.number,
        )  # fmt: skip

    def _certify(
        self, lane: Lane, before: State, solved: Solved, strengths: Vector, tol: float
    ) -> tuple[Vector, int, np.ndarray]:  # fmt: skip
        """(gaps, how many models need no further column, from the first on; the columns the next one lacks)."""
        now, residuals = lane.state, solved.vectors
        if lane.full:
            return lane.judged(solved, strengths, np.ones(len(strengths))), len(strengths), NOTHING.astype(np.int64)
        inside, apart = _nearest([before.residual, now.residual, before.tangent, now.tangent], residuals)
        read = [before.pull, now.pull, before.slope, now.slope]
        allowed = strengths * (1 + 0.1 * tol)
        largest, unsure = lane.bounds(read, inside, apart, allowed)
        if len(unsure) == 0:
            return lane.judged(solved, strengths, np.maximum(largest / strengths, 1.0)), len(strengths), unsure
        exact = self.problem.design.rmatmat_of(unsure, residuals * lane.root[:, None])
        ratio = lane.towards(exact, unsure) * lane.inverse[unsure, None]
        over = ratio > allowed
        bad = over.any(axis=0)
        good = int(np.argmax(bad)) if bad.any() else len(strengths)
        excess = np.maximum(np.maximum(ratio.max(axis=0), largest) / strengths, 1.0)
        return lane.judged(solved, strengths, excess), good, unsure[over[:, good:].any(axis=1)]

    # ---- scores

    def errors(self, line, columns):
        lane = self.lanes[line.lane]
        return np.array([lane.training(line.totals) if c == lane.weighting else self._error(line, c) for c in columns])

    def _error(self, line: Line, column: int) -> Vector:
        weights = self.multiples[:, column] * self.weights
        rows = np.flatnonzero(weights)
        used = np.flatnonzero(line.W.any(axis=0))
        at, B = self.place[line.columns[used]], line.W[:, used].T
        eta = self.panel.times(at, B, rows) + (line.b - self.panel.centre[at] @ B)
        return self.lanes[0].deviances(eta, weights[rows], rows) / weights.sum()


def _nearest(vectors: list[Vector], targets: Matrix) -> tuple[Matrix, Vector]:
    """Combinations (d, b) of vectors (n,) that come near targets (n, b), and how near they come, rounding included."""
    V = np.array(vectors)
    sizes = np.maximum(V.max(axis=1), -V.min(axis=1))
    void = ~(sizes > 0) | ~np.isfinite(sizes)  # a vector of zeros, or one that has left the numbers
    V[void], sizes[void] = 0.0, 1.0
    V /= sizes[:, None]  # first by the largest entry, whose square may be no number
    norms = np.linalg.norm(V, axis=1)
    norms[norms == 0] = 1.0
    V /= norms[:, None]
    Q, R = np.linalg.qr(V.T)  # first: the decomposition is then of a few numbers
    U, s, inner = np.linalg.svd(R, full_matrices=False)
    good = s > 1e-6 * s.max(initial=0.0)
    if not np.isfinite(targets).all():  # nothing is known of them
        return np.zeros((len(V), targets.shape[1])), np.full(targets.shape[1], np.inf)
    inside = (inner[good].T / s[good]) @ (U[:, good].T @ (Q.T @ targets))
    apart = (inside.T @ V).T  # laid out as the targets are
    np.subtract(targets, apart, out=apart)
    rounding = ROUNDING * np.sqrt(len(targets)) * (_norms(targets) + np.abs(inside).sum(axis=0))
    return inside / norms[:, None] / sizes[:, None], _norms(apart) + 10 * rounding


def _norms(columns: Matrix) -> Vector:
    return np.sqrt(np.einsum("ij,ij->j", columns, columns))
