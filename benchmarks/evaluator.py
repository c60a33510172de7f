"""An evaluator of its own: objectives, duality gaps and violations in plain NumPy, from the formulas, without this library.

Residuals and sums are in extended precision where the machine has it. A gap is a sum of Fenchel-Young terms, none of them
negative, so that nothing cancels: with r the residual, g = X'r / n and k <= 1 the largest number at which k g is feasible,

    squared error:  (1 - k)^2 |r|^2 / 2n                          + sum over units of alpha |w_u| - k g_u . w_u
    logistic:       mean of KL(Bernoulli(k q) || Bernoulli(q))    + the same,         q = |y - probability|.

A unit is a coefficient, or for the group lasso a group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.data import Problem
from benchmarks.jobs import CONCAVITY
from scipy import sparse

LONG = np.longdouble


def predictor(problem: Problem, coef: np.ndarray, intercept: Any = 0.0) -> np.ndarray:
    """X coef + intercept in extended precision, (n,)."""
    used = np.flatnonzero(coef)
    columns, values = problem.X[:, used], coef[used].astype(LONG)
    if not sparse.issparse(columns):
        out = np.zeros(problem.n, LONG)
        for j in range(len(used)):  # column by column: the whole in extended precision would be a second X
            out += columns[:, j] * values[j]
        return out + LONG(intercept)
    entries = columns.tocsc()
    terms = entries.data * np.repeat(values, np.diff(entries.indptr))
    out = np.zeros(problem.n, LONG)
    np.add.at(out, entries.indices, terms)
    return out + LONG(intercept)


def losses(kind: str, y: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Per row: half the squared error, or the negative log-likelihood of 0 or 1."""
    if kind != "logistic":
        return (y - eta) ** 2 / 2
    return np.log1p(np.exp(-np.abs(eta))) + np.where(eta > 0, (1 - y) * eta, -y * eta)


def penalties(problem: Problem, coef: np.ndarray, alpha: float) -> Any:
    size = np.abs(coef.astype(LONG))
    if problem.kind == "group":
        return alpha * np.sqrt((size.reshape(-1, problem.group_size) ** 2).sum(axis=1)).sum()
    if problem.kind == "mcp":
        flat = CONCAVITY * alpha
        return np.where(size <= flat, alpha * size - size**2 / (2 * CONCAVITY), alpha * flat / 2).sum()
    return alpha * size.sum()


def objectives(problem: Problem, coefs: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """(m,) in double precision, which tells 1e-6 from 0 well; a model that is not finite has the objective inf."""
    finite = np.isfinite(coefs).all(axis=0) & np.isfinite(intercepts)
    with np.errstate(over="ignore", invalid="ignore"):
        eta = np.asarray(problem.X @ np.where(finite, coefs, 0.0)) + intercepts
        out = losses(problem.kind, problem.y[:, None], eta).mean(axis=0)
        out += [float(penalties(problem, coef, alpha)) for coef, alpha in zip(coefs.T, problem.alphas, strict=True)]
    return np.where(finite, out, np.inf)


def null(problem: Problem) -> float:
    """The objective of the model without coefficients."""
    share = problem.y.mean()
    if problem.kind == "logistic":
        return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)))
    return float(((problem.y - share) ** 2).mean() / 2)


def centre(problem: Problem, eta: np.ndarray) -> np.ndarray:
    """eta moved by the intercept that makes the residuals sum to zero."""
    if not problem.intercept:
        return eta
    if problem.kind != "logistic":
        return eta + (problem.y - eta).mean()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-eta))
        step = (problem.y - chance).sum() / np.maximum((chance * (1 - chance)).sum(), 1e-300)
        eta = eta + np.clip(step, -1, 1)
        if abs(step) < 1e-17:
            break
    return eta


def residual(problem: Problem, eta: np.ndarray) -> np.ndarray:
    return problem.y - (1 / (1 + np.exp(-eta)) if problem.kind == "logistic" else eta)


def pull(problem: Problem, r: np.ndarray) -> np.ndarray:
    """X'r / n, (p,)."""
    return np.asarray(problem.X.T @ r.astype(np.float64)) / problem.n


def gap(problem: Problem, coef: np.ndarray, alpha: float) -> tuple[float, float, Any]:
    """(relative duality gap, intercept, objective): how far the objective can be above its optimum, over the null model's,
    with the best intercept for these coefficients."""
    bare = predictor(problem, coef)
    eta = centre(problem, bare)
    r = residual(problem, eta)
    g = pull(problem, r)
    size = problem.group_size
    norms = np.sqrt((g.reshape(-1, size) ** 2).sum(axis=1))
    k = LONG(min(1.0, alpha / norms.max())) if norms.max() > 0 else LONG(1)
    units = np.sqrt((coef.astype(LONG).reshape(-1, size) ** 2).sum(axis=1))
    aligned = (coef.astype(LONG) * g).reshape(-1, size).sum(axis=1)
    of_penalty = np.maximum(alpha * units - k * aligned, 0).sum()
    if problem.kind == "logistic":
        q = np.abs(r)
        of_loss = (k * q * np.log(k) + (1 - k * q) * np.log1p((1 - k) * q / np.maximum(1 - q, LONG(1e-4000)))).mean()
        of_loss = max(of_loss, LONG(0))
    else:
        of_loss = (1 - k) ** 2 * (r * r).mean() / 2
    objective = losses(problem.kind, problem.y, eta).mean() + penalties(problem, coef, alpha)
    return float((of_loss + of_penalty) / null(problem)), float((eta - bare)[0]), objective


def violation(problem: Problem, coef: np.ndarray, alpha: float) -> float:
    """MCP: the largest distance of a gradient from the subdifferential, over the largest gradient of the null model."""
    r = residual(problem, predictor(problem, coef))
    g = pull(problem, r)
    slope = np.maximum(alpha - np.abs(coef) / CONCAVITY, 0.0)
    distance = np.where(coef == 0, np.maximum(np.abs(g) - alpha, 0), np.abs(g - np.sign(coef) * slope))
    return float(distance.max() / problem.alphas[0])


def held_out(problem: Problem, coefs: np.ndarray, intercepts: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The mean loss of held-out rows at every alpha, (m,): squared errors, or minus twice the log-likelihood."""
    X = problem.X.tocsr()[test] if problem.is_sparse else problem.X[test]
    eta = np.asarray(X @ coefs) + intercepts
    return 2 * losses(problem.kind, problem.y[test, None], eta).mean(axis=0)


def leave_one_out(problem: Problem) -> np.ndarray:
    """The mean squared error of ridge regression with an intercept, each row predicted from all others, (m,)."""
    X, y, n = problem.X - problem.X.mean(axis=0), problem.y - problem.y.mean(), problem.n
    values, U = np.linalg.eigh(X @ X.T)
    target, squares, values = U.T @ y, U * U, np.maximum(values, 0)
    out = np.empty(len(problem.alphas))
    for i, alpha in enumerate(problem.alphas):
        gain = values / (values + alpha)
        left = (y - U @ (gain * target)) / (1 - 1 / n - squares @ gain)
        out[i] = (left**2).mean()
    return out


def leave_one_out_by_hand(problem: Problem, alpha: float) -> float:
    """The same at one alpha by n fits: what the formula above is checked against."""
    total = 0.0
    for i in range(problem.n):
        keep = np.arange(problem.n) != i
        X, y = problem.X[keep], problem.y[keep]
        mean, K = X.mean(axis=0), (X - X.mean(axis=0)) @ (X - X.mean(axis=0)).T
        dual = np.linalg.solve(K + alpha * np.eye(problem.n - 1), y - y.mean())
        total += (problem.y[i] - y.mean() - (problem.X[i] - mean) @ ((X - mean).T @ dual)) ** 2
    return total / problem.n
