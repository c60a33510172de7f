"""Lanes with a concave penalty, MCP or SCAD: stationary points from large to small strengths, each found from the one before by
coordinate descent over a Gram (Breheny and Huang, 2011, Ann. Appl. Stat. 5), and certified as stationary."""

from __future__ import annotations

import numpy as np

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.batched import Lane, Solved
from shrinkage.engine.curved import CurvedLane, Models
from shrinkage.engine.panels import Panel
from shrinkage.engine.squares import SquaredLane, solve_symmetric
from shrinkage.penalties.terms import Terms
from shrinkage.problem import VIOLATION

SWEEPS = 1000
TIGHTER, ATTEMPTS = 1e-2, 4  # the moves that end coordinate descent, where the violation they leave is too large
SHARE = 0.3  # of the violation that is allowed
STEPS = 30  # of Newton's method for one model
HALVINGS = 20  # of a step that leads up


class Concave(Lane):
    """What a lane asks of its penalty, where that has a concave part; and models of a quadratic loss under it."""

    kind = VIOLATION

    def terms(self, strength: float) -> Matrix:
        """The penalty's terms on the working set, (7, U)."""
        table = self.unit[:, self.columns].copy()
        table[[0, 1, 4]] *= strength
        if self.pace:
            table[5:] *= strength * self.pace
        return table

    def descended(self, q: Vector, terms: Matrix, w: Vector, accuracy: float) -> Vector:
        """A stationary point of w'G w / 2 - q'w + P(w), from w on."""
        w = w.copy()
        _core.descend(self.G, q, terms, None, None, w, self.G @ w, accuracy * np.sqrt(self.half), SWEEPS, True)
        return w

    def turn(self, terms: Matrix, w: Vector) -> Vector:
        """-dw / d strength, about: what the next working set is predicted from."""
        slope, fall, flat = terms[4:]
        size, out = np.abs(w), np.zeros(len(w))
        at = np.flatnonzero(w)
        bent = (slope > 0) & (size > fall) & (size < flat)
        H = self.G[np.ix_(at, at)] - np.diag(np.where(bent, slope / np.where(bent, flat - fall, 1.0), 0.0)[at])
        held = np.where((slope == 0) | (size < flat), self.entry[self.columns], 0.0)
        if len(at):
            out[at] = solve_symmetric(H, (held * np.sign(w))[at])
        return out

    def judged(self, solved, strengths, excess):
        return np.maximum(solved.gaps, (excess - 1) * strengths * self.entry.max())


class ConcaveLane(Concave, SquaredLane):
    def solve(self, strengths, tol, panel):
        m, w = len(strengths), self.state.w
        W, violations = np.empty((m, len(w))), np.empty(m)
        for i, strength in enumerate(strengths):
            terms = self.terms(float(strength))
            w, violations[i] = self._settled(terms, w, tol)
            W[i] = w
        self.lead(self.fitted(self.turn(terms, w)[None, :], panel)[:, 0])
        vectors = self.root[:, None] * (self.y[:, None] - self.fitted(W, panel))
        return Solved(W, self.working.mean_of_y - W @ self.mean, violations, vectors, np.sum(vectors**2, axis=0) / 2)

    def _settled(self, terms: Matrix, w: Vector, tol: float) -> tuple[Vector, float]:
        """A stationary point from w on; how far it is from one."""
        accuracy, worst = 0.1 * tol, np.inf
        for _ in range(ATTEMPTS):
            w = self.descended(self.q, terms, w, accuracy)
            worst = _core.price(terms, w, self.q - self.G @ w)[1]
            if worst <= SHARE * tol * self.top:
                break
            accuracy *= TIGHTER
        return w, worst


class CurvedConcaveLane(Concave, CurvedLane):
    """The same penalty under a likelihood whose curvature changes: Newton's method for one model after another."""

    few = 0  # each of its many Grams costs the square of the columns

    def solve(self, strengths, tol, panel):
        state, violations = self.state, []
        found: list[Models] = []
        here = self.look(state.w[None, :], np.array([state.level]), state.eta[:, None])
        for strength in strengths:
            here, worst = self._settled(self.terms(float(strength)), here, tol, panel)
            if found and worst > SHARE * tol * self.top:
                break
            found.append(here)
            violations.append(worst)
        self.lead(self.fitted(self.turn(self.terms(float(strengths[len(found) - 1])), found[-1].W[0])[None, :], panel)[:, 0])
        W = np.vstack([one.W for one in found])
        levels, totals = (np.concatenate([getattr(one, name) for one in found]) for name in ("levels", "totals"))
        rho, etas = (np.column_stack([getattr(one, name)[:, 0] for one in found]) for name in ("rho", "etas"))
        return Solved(W, levels, np.array(violations), self._vector(rho), totals, etas)

    def _settled(self, terms: Matrix, here: Models, tol: float, panel: Panel) -> tuple[Models, float]:
        """A stationary point from a model on, and how far it is from one."""
        worst = np.inf
        for _ in range(STEPS):
            w, lean = here.W[0], float(here.rho.sum()) if self.intercept else 0.0
            pull = panel.sums(self.at, here.rho)[:, 0]
            value, worst = _core.price(terms, w, pull - panel.centre[self.at] * lean)
            worst = max(worst, abs(lean))
            if worst <= SHARE * tol * self.top:
                break
            self.working = self.working.apart(self._bent(here.curvatures[:, 0]))
            self.working.fill(panel)
            q, _, lift = self._model(here, pull[None, :])
            high = float(here.totals[0]) + value
            new = self._lower(here, high, self.descended(q[0], terms, w, 0.1 * tol), lift, terms, panel)
            if new is None:  # the model's minimum lies in another valley, uphill; along a tangent the way leads down
                flat = Terms(*terms).tangent(np.abs(w)).table(len(w))
                new = self._lower(here, high, self.descended(q[0], flat, w, 0.1 * tol), lift, terms, panel, HALVINGS)
            if new is None:
                break
            here = new
        return here, worst

    def _lower(
        self, old: Models, high: float, goal: Vector, lift: Vector, terms: Matrix, panel: Panel, halvings: int = 1
    ) -> Models | None:  # fmt: skip
        """The first model on the way to `goal`, by halves, that is no higher than `high`; None if there is none."""
        W = goal[None, :]
        new = self._step(old, W, lift, self.fitted(W - old.W, panel) + lift)
        size = 1.0
        for _ in range(halvings):
            here = new if size == 1 else self._between(old, new, size)
            if float(here.totals[0]) + _core.price(terms, here.W[0], here.W[0])[0] <= high + 1e-14 * abs(high):
                return here
            size /= 2
        return None
