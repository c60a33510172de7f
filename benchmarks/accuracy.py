"""How far an answer is from the reference: one number, the same for every solver."""

from __future__ import annotations

import numpy as np
from benchmarks import evaluator
from benchmarks.data import Problem
from benchmarks.found import Found
from benchmarks.reference import Reference

NO_HIGHER = 1e-4  # how much higher, over the null model, the mean objective of an MCP path may be


def error(problem: Problem, reference: Reference, found: Found) -> tuple[float, float | None]:
    """(error, mean objective of an MCP path over the null model's, else None).

    A path's error is max (P - P*) / P_null, a curve's its largest relative distance from the reference's. MCP has many
    stationary points: its error is the largest violation, and inf where the objective is higher than the reference's.
    """
    m = len(problem.alphas)
    if problem.job.is_curve:
        if found.curve is None or found.curve.shape != (m,):
            return np.inf, None
        return float(np.max(np.abs(found.curve - reference.curve) / np.abs(reference.curve))), None
    if found.coefs is None or found.coefs.shape != (problem.p, m):
        return np.inf, None
    intercepts = np.zeros(m) if found.intercepts is None else found.intercepts
    excess = (evaluator.objectives(problem, found.coefs, intercepts) - reference.objectives) / evaluator.null(problem)
    if problem.kind != "mcp":
        return float(np.max(excess)), None
    worst = max(evaluator.violation(problem, c, a) for c, a in zip(found.coefs.T, problem.alphas, strict=True))
    height = float(np.mean(excess))
    return (worst if height <= NO_HIGHER else np.inf), height
