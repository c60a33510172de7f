"""A lane of a likelihood whose curvature changes: the quadratic model of the loss follows the path, and Newton's method
corrects all of a batch at once.

The model is taken at the state, under the curvature predicted for the middle of the batch; its path over a Gram gives every
model of the batch. From each of them a step of the same kind, under the same metric (the chord method), leads on, until the
gap is small. Minus the loss's gradient that a model *predicts* at its own minimiser is a dual point which the penalty admits;
its gap is the squared distance from the true gradient there, over the curvature: what the step has left of the error, not the
step. So no reading of the columns is needed to certify a step, and the last one is certified too.
Lee, Sun and Saunders (2014), "Proximal Newton-type methods for minimizing composite functions", SIAM J. Optim. 24.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from shrinkage import _core, threads
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.batched import Lane, Solved, State
from shrinkage.engine.panels import Ask, Panel
from shrinkage.engine.together import Asking
from shrinkage.engine.working import NOTHING
from shrinkage.losses import Logistic, Poisson

FAMILIES = {Logistic: "bernoulli", Poisson: "poisson"}
CORRECTIONS = 8  # of one model under one metric
STRETCH = 100.0  # of a metric for one model
EASY = 1  # after so few corrections the next batch keeps the metric
METRICS = 20  # for one model that is hard to come by
HALVINGS = 10
FEW = 1 << 16  # predictors whose likelihood one thread finds before another has begun
LEAST_CURVATURE = 1e-10  # of the largest one: rows whose likelihood is saturated must not make the model flat
LEAST_INNER = 1e-14  # of half the null deviance: the gap of a minimisation in the space of the Gram
TINY = float(np.finfo(float).tiny)


@dataclass(eq=False)
class Models:
    """Some models of a batch (b of them), and the loss there: `rho` (n, b) is minus its gradient, weights included."""

    W: Matrix
    levels: Vector
    etas: Matrix
    rho: Matrix
    curvatures: Matrix
    totals: Vector

    def take(self, at: np.ndarray) -> Models:
        return Models(self.W[at], self.levels[at], self.etas[:, at], self.rho[:, at], self.curvatures[:, at], self.totals[at])

    def times(self, b: int) -> Models:
        """The one model there is, b times: nothing is copied."""
        n, U = len(self.etas), self.W.shape[1]
        etas, rho, curvatures = (np.broadcast_to(one, (n, b)) for one in (self.etas, self.rho, self.curvatures))
        W, levels, totals = np.broadcast_to(self.W, (b, U)), np.broadcast_to(self.levels, b), np.broadcast_to(self.totals, b)
        return Models(W, levels, etas, rho, curvatures, totals)

    def put(self, at: np.ndarray, other: Models) -> None:
        self.W[at], self.levels[at], self.etas[:, at] = other.W, other.levels, other.etas
        self.rho[:, at], self.curvatures[:, at], self.totals[at] = other.rho, other.curvatures, other.totals


class Step(NamedTuple):
    """From models of one metric to the minimisers of theirs, `W` (b, U): how these pull the columns (b, U), the gaps the
    minimisation left, what lifts the intercepts (b,), how far predictors are `moved` (n, b), and by which `scale` (b,) of the
    metric."""

    W: Matrix
    slopes: Matrix
    inner: Vector
    lift: Vector
    moved: Matrix
    scale: Vector


class CurvedLane(Lane):
    few = 400

    def __init__(self, problem, weights, size):
        super().__init__(problem, weights, size)
        self.loss, self.y = problem.loss, problem.y
        level = float(self.loss.null(self.y, weights, problem.offset)) if self.intercept else 0.0
        self.floor = float(self.loss.total_saturated(self.y, weights))
        eta = level + problem.offset
        null = self.look(np.zeros((1, 0)), np.array([level]), eta[:, None])
        self.half = float(null.totals[0]) - self.floor
        self.corrections = CORRECTIONS  # that the last batch took
        self.working.measure(self._bent(null.curvatures[:, 0]))
        nothing = np.zeros(len(eta))
        self.state = State(np.inf, NOTHING, self._vector(null.rho)[:, 0], nothing, NOTHING, NOTHING, np.inf, level, eta, nothing)

    def look(self, W: Matrix, levels: Vector, etas: Matrix) -> Models:
        """The loss at some models."""
        return Models(W, levels, etas, *self._looked(self.y, self.weights, etas))

    def _looked(self, y: Vector, weights: Vector, etas: Matrix) -> tuple[Matrix, Matrix, Vector]:
        family = FAMILIES.get(type(self.loss))
        if family is None:
            return self._patiently(y, weights, etas)
        if etas.size < FEW or threads.count() == 1:  # each predictor is looked at alone: tiles change no bit, and are joined
            return _core.likelihood(family, y, weights, etas)
        parts = threads.each(lambda at: _core.likelihood(family, y, weights, etas[:, at]), threads.tiles(etas.shape[1], 8))
        rho, curvatures = (np.concatenate([part[i].T for part in parts]).T for i in range(2))
        return rho, curvatures, np.concatenate([part[2] for part in parts])

    def _patiently(self, y: Vector, weights: Vector, etas: Matrix) -> tuple[Matrix, Matrix, Vector]:
        """The kernel's slow twin, for every loss."""
        y, w = y[:, None], weights[:, None]
        with np.errstate(all="ignore"):
            rho = -w * self.loss.gradient(y, etas)
            curvatures = w * np.asarray(self.loss.curvature(y, etas))
            return rho, curvatures, np.sum(np.where(w > 0, w * self.loss.value(y, etas), 0.0), axis=0)

    def _bent(self, h: Vector) -> Vector:
        """The metric of weighted curvatures (n,): nowhere far below the largest."""
        return np.where(self.weights > 0, np.maximum(h, LEAST_CURVATURE * h.max(initial=0.0) + TINY), 0.0)

    def _vector(self, rho: Matrix) -> Matrix:
        """The dual vectors of residuals."""
        return rho * self.working.raised[:, None]

    def lead(self, along):
        super().lead(along)
        self.state.along = along

    def stand(self, solved, i, strength):
        super().stand(solved, i, strength)
        self.state.eta = solved.etas[:, i]

    # ---- a batch

    def stale(self):
        return self.corrections > EASY

    def ahead(self, strengths):
        """The curvature predicted for the middle of the batch."""
        state, middle = self.state, 0.5 * (float(strengths[0]) + float(strengths[-1]))
        by = max(state.here - middle, 0.0) if np.isfinite(state.here) else 0.0
        with np.errstate(all="ignore"):
            return self._bent(self.weights * np.asarray(self.loss.curvature(self.y, state.eta + by * state.along)))

    def solve(self, strengths, tol, panel):
        """In steps between which it waits for products: see `together`."""
        state, target = self.state, 0.3 * tol * self.half
        self.fine = max(LEAST_INNER, self.share(tol))
        start = self.look(state.w[None, :], np.array([state.level]), state.eta[:, None])
        pull = None
        if state.here == state.strength:  # what was read is of this model: its dual point will do for its gradient
            start.rho = (state.residual * self.root)[:, None]
            pull = None if self.full else state.pull[self.columns] + panel.centre[self.at] * start.rho.sum()
        vectors, gaps, models, along = yield from self._attempt(start, strengths, target, panel, pull)
        self.strays = bool(gaps[0] > target)
        for _ in range(METRICS):
            if gaps[0] <= target:
                break
            self.working, self.memory = self.working.apart(self._bent(models.curvatures[:, 0])), _core.Memory()
            self.working.fill(panel)
            vectors, gaps, models, along = yield from self._attempt(models.take(np.arange(1)), strengths[:1], target, panel)
        count = max(int(np.argmax(gaps > target)) if np.any(gaps > target) else len(gaps), 1)
        self.lead(along)
        return Solved(models.W, models.levels, gaps, self._vector(vectors), models.totals, models.etas).first(count)

    def share(self, tol: float) -> float:
        """Of half the null deviance: the gap that a minimisation in the space of the Gram is to reach. What a dual point pulls
        too much then, as `beyond` counts it, is of the order of its root."""
        return (0.1 * tol) ** 2

    def _attempt(
        self, start: Models, strengths: Vector, target: float, panel: Panel, pull: Vector | None = None
    ) -> Asking[tuple[Matrix, Vector, Models, Vector]]:  # fmt: skip
        """Under the metric as it is: (dual residuals (n, b), gaps, models, -d eta / d strength at the end of the model's path).
        `pull` (U,): the columns' products with the start's residual, where they are known."""
        b = len(strengths)
        old = start.times(b)
        values = old.totals + strengths * self.penalty(old.W)
        pulls = (yield self._pulls(start)).T if pull is None else pull[None, :]
        q, squares, lift = self._model(start, pulls)
        W, slopes, inner, tangent = self.modelled(q[0], squares[0], strengths, start.W[0], self.half, True)
        both = yield from self._fitted(np.vstack([W - old.W, tangent]), np.append(np.repeat(lift, b), 0.0))
        step, along = Step(W, slopes, inner, lift, both[:, :-1], np.ones(b)), both[:, -1].copy()
        models, vectors, gaps, values = self._judge(old, start.rho, values, step, strengths, panel)
        del both, step  # other lanes are at work before this one goes on
        for correction in range(1, CORRECTIONS):
            self.corrections = correction
            at = np.flatnonzero(gaps > target)
            if len(at) == 0:
                break
            old = models.take(at)
            step = yield from self._corrected(old, strengths[at])
            new, vectors[:, at], gaps[at], values[at] = self._judge(old, old.rho, values[at], step, strengths[at], panel)
            models.put(at, new)
        return vectors, gaps, models, along

    def _corrected(self, old: Models, strengths: Vector) -> Asking[Step]:
        """From each model one step under the metric times its `scale`: the model is that under the metric, divided by it."""
        scale = self._scale(old.curvatures)
        pulls = (yield self._pulls(old)).T / scale[:, None]
        q, squares, lift = self._model(replace(old, rho=old.rho / scale), pulls)
        W, slopes, inner = np.empty_like(old.W), np.empty_like(old.W), np.empty(len(strengths))
        for i in range(len(strengths)):
            found = self.modelled(q[i], squares[i], strengths[i : i + 1] / scale[i], old.W[i], self.half / scale[i])
            W[i], slopes[i], inner[i] = found[0][0], scale[i] * found[1][0], scale[i] * found[2][0]
        return Step(W, slopes, inner, lift, (yield from self._fitted(W - old.W, lift)), scale)

    def _scale(self, curvatures: Matrix) -> Vector:
        """By what curvatures (n, b) exceed the metric, all in all. Near separation they fall with the strength, much alike: five
        corrections of a batch are then three."""
        scale = curvatures.sum(axis=0) / self.held
        return np.where(np.isfinite(scale), np.clip(scale, 1 / STRETCH, STRETCH), 1.0)

    def _judge(
        self, old: Models, rho: Matrix, before: Vector, step: Step, strengths: Vector, panel: Panel
    ) -> tuple[Models, Matrix, Vector, Vector]:  # fmt: skip
        """Where steps lead from models of objectives `before` (b,): models, dual residuals (n, b), gaps, objectives. `rho`: the
        models', or (n, 1) that of all."""
        W, slopes, inner, lift, moved, scale = step
        new = self._step(old, W, lift, moved)
        after = new.totals + strengths * self.penalty(W)
        predicted, gaps, admitted = _core.judge(
            rho, self.metric, moved * scale if np.any(scale != 1) else moved, new.rho, new.curvatures
        )
        inner = inner + self._mend(predicted, gaps, admitted, slopes, new, strengths, inner, panel)
        gaps += inner + (1 - 1 / np.maximum(self.beyond(strengths, slopes), 1.0)) * (after - self.floor)
        gaps = np.where(admitted & (after < np.inf), gaps, np.inf)
        high = np.flatnonzero(~(after <= before + 1e-14 * np.abs(before)))
        if len(high):
            self._shorten(new, after, old, before, high, strengths, gaps)
        return new, predicted, gaps, after

    def _pulls(self, models: Models) -> Ask:
        return Ask(self.at, models.rho, sums=True)

    def _fitted(self, W: Matrix, lift: Vector) -> Asking[Matrix]:
        """What `fitted` gives, and `lift` (b,)."""
        used = np.flatnonzero(W.any(axis=0))
        B = W[:, used].T
        out = yield Ask(self.at[used], B)
        out += lift - self.mean[used] @ B
        return out

    def _model(self, models: Models, pull: Matrix) -> tuple[Matrix, Vector, Vector]:
        """Of the quadratic models there, the intercept eliminated: right-hand sides (b, U), squares of their targets (b,), and
        how far each would lift its intercept, (b,). `pull` (b, U): of the columns."""
        bend = np.divide(1.0, self.metric, out=np.zeros(len(self.metric)), where=self.metric > 0)
        squares = (models.rho.T**2) @ bend
        lift = np.zeros(len(squares))
        if self.intercept:
            sums = models.rho.sum(axis=0)
            lift = sums / self.held
            pull = pull - np.outer(sums, self.mean)
            squares = squares - sums * lift
        along = models.W @ self.G
        return along + pull, squares + np.sum(models.W * (along + 2 * pull), axis=1), lift

    def _step(self, old: Models, W: Matrix, lift: Vector, moved: Matrix) -> Models:
        return self.look(W, old.levels + lift - (W - old.W) @ self.mean, old.etas + moved)

    def _mend(
        self, predicted: Matrix, gaps: Vector, admitted: Vector, slopes: Matrix, new: Models, strengths: Vector, inner: Vector,
        panel: Panel,
    ) -> Vector:  # fmt: skip
        """Dual points that leave the likelihood's domain at rows where it is saturated, by no more than the metric there is
        larger than the curvature: those rows take the true gradient, and the others make up for the sum that the intercept
        holds at zero. The first four in place; what that adds to the gaps (b,) of the quadratic models, `inner`."""
        more = np.zeros(len(gaps))
        some = np.flatnonzero(~admitted & np.isfinite(new.totals))
        if len(some) == 0:
            return more
        shift, gaps[some], admitted[some] = _core.mend(predicted, new.rho, new.curvatures, some, self.intercept)
        by = panel.sums(self.at, shift).T
        slopes[some] += by
        more[some] = self._dearer(new.W[some], by, strengths[some], inner[some])
        return more

    def _dearer(self, W: Matrix, by: Matrix, strengths: Vector, inner: Vector) -> Vector:
        """What P(w) + P*(s) - w's grows by, at most, as s moves `by` (b, U) within what the penalty admits, (b,). The derivative
        of P* is 0 where the penalty is L1, w where there is L2, but for what `inner` leaves, and anything within bounds."""
        l2, low, high = self.unit[1:4, self.columns]
        if self.open and not l2.any():
            return -(W * by).sum(axis=1)
        bounded, bent = np.isfinite(low) | np.isfinite(high), l2 > 0
        ends = [np.abs(np.where(np.isfinite(end), end, 0.0) - W) for end in (low, high)]
        apart = np.maximum(np.maximum(*ends), np.abs(W)) * np.abs(by)
        out = np.where(bounded, apart, np.where(bent, 0.0, -W * by)).sum(axis=1)
        squares = (by[:, bent] ** 2 / l2[bent]).sum(axis=1) / strengths
        return out + squares / 2 + np.sqrt(2 * inner * squares)

    def modelled(
        self, q: Vector, squares: float, strengths: Vector, start: Vector, half: float, ahead: bool = False
    ) -> tuple[Matrix, Matrix, Vector, Vector]:  # fmt: skip
        """The models (b, U) of a quadratic loss, from `start` on; how it pulls the columns there (b, U); gaps; and, if `ahead`,
        -dw / d strength at the last. `half`: half the null deviance, in the units of that loss."""
        unit = np.ascontiguousarray(self.unit[:, self.columns])
        return _core.follow(
            self.G, q, squares, unit, np.ascontiguousarray(strengths), start, self.fine * half, ahead, self.memory
        )[:4]  # fmt: skip

    def beyond(self, strengths: Vector, slopes: Matrix) -> Vector:
        """How many times what the penalty admits each dual point pulls some column, as the inner minimisation left it."""
        unit = self.unit[:, self.columns]
        open_side = np.isinf(np.where(slopes > 0, unit[3], unit[2]))
        bound = strengths[:, None] * unit[0]
        ratio = np.divide(np.abs(slopes), bound, out=np.zeros_like(slopes), where=(bound > 0) & (unit[1] == 0) & open_side)
        return ratio.max(axis=1, initial=0.0)

    def _shorten(
        self,
        new: Models,
        after: Vector,
        old: Models,
        before: Vector,
        high: np.ndarray,
        strengths: Vector,
        gaps: Vector,
    ) -> None:
        """Steps that led up are halved until they do not; what they predicted no longer counts."""
        gaps[high] = np.inf
        size = 1.0
        whole = new.take(high)
        for _ in range(HALVINGS):
            size /= 2
            trial = self._between(old.take(high), whole, size)
            value = trial.totals + strengths[high] * self.penalty(trial.W)
            good = value <= before[high] + 1e-14 * np.abs(before[high])
            at = high[good]
            new.put(at, trial.take(np.flatnonzero(good)))
            after[at] = value[good]
            whole, high = whole.take(np.flatnonzero(~good)), high[~good]
            if len(high) == 0:
                return
        new.put(high, old.take(high))
        after[high] = before[high]

    def _between(self, a: Models, z: Models, size: float) -> Models:
        """A share `size` of the way from some models to others."""
        return self.look(a.W + size * (z.W - a.W), a.levels + size * (z.levels - a.levels), a.etas + size * (z.etas - a.etas))

    # ---- what is asked of a line

    def hessian(self, line, i, columns, panel):
        used = np.flatnonzero(line.W[i])
        at = self.place[line.columns[used]]
        eta = self.problem.offset + line.b[i] + panel.times(self.at[at], line.W[i, used, None])[:, 0]
        eta -= panel.centre[self.at[at]] @ line.W[i, used]
        h = self.weights * np.asarray(self.loss.curvature(self.y, eta))
        at = self.at[self.place[line.columns[columns]]]
        shift = panel.centre[at]
        block, sums = panel.gram(at, at, h)
        return block - np.outer(sums, shift) - np.outer(shift, sums) + h.sum() * np.outer(shift, shift)

    def training(self, totals):
        return self.loss.deviance_unit * np.maximum(totals - self.floor, 0.0) / self.working.total

    def deviances(self, eta, weights, rows):
        y = self.y[rows]
        totals = self._looked(y, weights, np.asfortranarray(eta + self.problem.offset[rows, None]))[2]
        return self.loss.deviance_unit * np.maximum(totals - float(self.loss.total_saturated(y, weights)), 0.0)
