"""A lane of squared error with a concave penalty, MCP or SCAD: stationary points from large to small strengths, each found from
the one before by coordinate descent over the Gram (Breheny and Huang, 2011, Ann. Appl. Stat. 5), and certified as stationary."""

from __future__ import annotations

import numpy as np

from shrinkage import _core
from shrinkage.designs import Matrix, Vector
from shrinkage.engine.batched import Solved
from shrinkage.engine.squares import SquaredLane, solve_symmetric
from shrinkage.penalties.terms import Terms
from shrinkage.problem import VIOLATION

SWEEPS = 1000
TIGHTER, ATTEMPTS = 1e-2, 4  # the moves that end coordinate descent, where the violation they leave is too large


class ConcaveLane(SquaredLane):
    kind = VIOLATION

    def solve(self, strengths, tol, panel):
        G, m, w = np.ascontiguousarray(self.G), len(strengths), self.state.w.copy()
        W, violations = np.empty((m, len(w))), np.empty(m)
        for i, strength in enumerate(strengths):
            violations[i] = self._descend(G, self._terms(float(strength)), w, tol)
            W[i] = w
        self.lead(self.fitted(self._tangent(G, w, float(strengths[-1]))[None, :], panel)[:, 0])
        vectors = self.root[:, None] * (self.y[:, None] - self.fitted(W, panel))
        return Solved(W, self.working.mean_of_y - W @ self.mean, violations, vectors, np.sum(vectors**2, axis=0) / 2)

    def _terms(self, strength: float) -> Matrix:
        """The penalty's terms on the working set, (7, U)."""
        terms = self.unit[:, self.columns].copy()
        terms[[0, 1, 4]] *= strength
        if self.pace:
            terms[5:] *= strength * self.pace
        return terms

    def _descend(self, G: Matrix, terms: Matrix, w: Vector, tol: float) -> float:
        """Moves w to a stationary point; how far it is from one."""
        penalty, accuracy, worst = Terms(*terms), 0.1 * tol, np.inf
        for _ in range(ATTEMPTS):
            along = G @ w
            _core.descend(G, self.q, terms, None, None, w, along, accuracy * np.sqrt(self.half), SWEEPS, True)
            low, high = penalty.subgradient(w)
            pull = self.q - G @ w
            worst = float(np.max(np.maximum(low - pull, pull - high), initial=0.0))
            if worst <= 0.3 * tol * self.top:
                break
            accuracy *= TIGHTER
        return worst

    def _tangent(self, G: Matrix, w: Vector, strength: float) -> Vector:
        """-dw / dstrength, about: what the next working set is predicted from."""
        slope, fall, flat = self._terms(strength)[4:]
        size, out = np.abs(w), np.zeros(len(w))
        at = np.flatnonzero(w)
        bent = (slope > 0) & (size > fall) & (size < flat)
        H = G[np.ix_(at, at)] - np.diag(np.where(bent, slope / np.where(bent, flat - fall, 1.0), 0.0)[at])
        held = np.where((slope == 0) | (size < flat), self.entry[self.columns], 0.0)
        if len(at):
            out[at] = solve_symmetric(H, (held * np.sign(w))[at])
        return out

    def judged(self, solved, strengths, excess):
        return np.maximum(solved.gaps, (excess - 1) * strengths * self.entry.max())
