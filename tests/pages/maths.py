"""What the page's own small solver must agree with, computed by the library: `python -m tests.pages.maths` writes it.

`web/tests/maths.test.ts` reads the file; `tests/test_page_maths.py` checks that the file is still what the library says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import quad

import shrinkage as sh
from shrinkage.estimators.words import Words
from shrinkage.penalties.terms import NAMES

FILE = Path(__file__).parents[2] / "web" / "tests" / "maths.json"
PENALTIES = [
    {"word": "l1", "l1Ratio": 1.0, "concavity": 3.0},
    {"word": "l2", "l1Ratio": 1.0, "concavity": 3.0},
    {"word": "elastic_net", "l1Ratio": 0.3, "concavity": 3.0},
    {"word": "mcp", "l1Ratio": 1.0, "concavity": 3.0},
    {"word": "scad", "l1Ratio": 1.0, "concavity": 3.7},
    {"word": "group_lasso", "l1Ratio": 1.0, "concavity": 3.0},
]


def unit(words: dict[str, Any], factor: Any, groups: Any = None) -> Any:
    """The library's penalty at alpha = 1."""
    concave = words["word"] in ("mcp", "scad")
    p = np.size(factor)
    return Words(
        words["word"], words["l1Ratio"], factor, None, groups, words["concavity"] if concave else None
    ).unit(p, None, None)  # fmt: skip


def described(words: dict[str, Any], penalty: Any, p: int) -> dict[str, Any]:
    """The penalty at alpha = 1 as the page is given it."""
    twin = penalty.twin(p)
    return {
        "kind": words["word"], "words": words["word"], "convex": words["word"] not in ("mcp", "scad"), "terms": table(twin.terms),
        "groups": None if twin.groups is None else twin.groups.tolist(),
        "group_terms": None if twin.groups is None else table(twin.group_terms),
        "knots_move": words["word"] in ("mcp", "scad"),
    }  # fmt: skip


def table(rows: np.ndarray) -> dict[str, list[float | None]]:
    return {
        name: [float(x) if np.isfinite(x) else None for x in row] for name, row in zip(NAMES, rows, strict=True)
    }  # fmt: skip


def scalars() -> list[dict[str, Any]]:
    """Value and prox of one coefficient; a group of one is L1."""
    out = []
    for words in PENALTIES:
        for alpha, factor, step in [(0.5, 1.0, 0.7), (1.3, 0.5, 1.0), (0.8, 2.0, 2.5), (0.8, 1.0, 9.0)]:
            w = np.array([-4.0, -1.5, -0.4, 0.0, 0.1, 0.9, 1.7, 2.4, 3.3, 8.0])
            groups = range(len(w)) if words["word"] == "group_lasso" else None
            member = alpha * unit(words, np.full(len(w), factor), groups)
            alone = unit(words, [factor], groups and [0])
            value = [float((alpha * alone).value(np.array([x]))) for x in w]
            out.append(
                {"penalty": described(words, alone, 1), "alpha": alpha, "step": step, "w": w.tolist(), "value": value,
                 "prox": member.prox(w, step).tolist()}
            )  # fmt: skip
    return out


def correlated(rho: float, p: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Centred data: an equicorrelated X (60, p), columns of unlike sizes, and a y that some of them make. No draw goes
    through a decomposition of the covariance, whose eigenvectors hang on the machine."""
    rng = np.random.default_rng(seed)
    X = np.sqrt(1 - rho) * rng.standard_normal((60, p)) + np.sqrt(rho) * rng.standard_normal((60, 1))
    X *= np.linspace(0.8, 1.4, p)
    y = X @ np.resize([1.5, -0.7, 0.0, 0.4], p) + rng.standard_normal(60)
    return X - X.mean(axis=0), y - y.mean()


def fits() -> list[dict[str, Any]]:
    """Fits of two and of six coefficients: w, the Gram matrix and X'y of the mean loss, and the penalty's words."""
    out = []
    for p, rhos in [(2, (0.0, 0.6, 0.97)), (6, (0.5, 0.9))]:
        for rho in rhos:
            X, y = correlated(rho, p, seed=p)
            for words in PENALTIES:
                labels = [0, 0, 0, 1, 1, 2][:p] if words["word"] == "group_lasso" else None
                for share in (0.9, 0.3, 0.02):
                    out.append(fitted(X, y, words, labels, share))
    return out


def fitted(X: np.ndarray, y: np.ndarray, words: dict[str, Any], labels: list[int] | None, share: float) -> dict[str, Any]:
    n, p = X.shape
    alpha = share * float(np.abs(X.T @ y).max()) / n
    factor = np.linspace(1.0, 1.2, p) if labels is None else np.ones(p)
    penalty = unit(words, factor, labels)
    solution = sh.solve(X, y, sh.SquaredError(), n * (alpha * penalty), intercept=False, tol=1e-11)
    gram = X.T @ X / n
    local = {
        "exact": True,
        "gram": [gram[i, : i + 1].tolist() for i in range(p)],
        "pull": (X.T @ y / n).tolist(),
        "constant": 0.0,
    }
    return {
        "penalty": described(words, penalty, p), "alpha": alpha, "w": solution.coef.tolist(), "local": local,
    }  # fmt: skip


def slices() -> list[dict[str, Any]]:
    """Posteriors of one coefficient, integrated by SciPy."""
    out = []
    for words in PENALTIES[:5]:
        for a, b, precision, alpha in [(1.0, 0.3, 60.0, 0.4), (2.0, 1.5, 40.0, 0.5), (0.7, -0.6, 10.0, 0.2)]:
            alone = unit(words, [1.0])
            member = alpha * alone

            def energy(w, a=a, b=b, member=member):
                return a * w * w / 2 - b * w + float(member.value(np.array([w])))

            mode = float(member.prox(np.array([b / a]), 1 / a)[0])
            knots = sorted({-9.0, 9.0, 0.0, mode, b / a, *(s * alpha * k for k in (1, 3, 3.7) for s in (-1, 1))})

            def moment(f, energy=energy, precision=precision, mode=mode, knots=knots):
                def density(w):
                    return f(w) * np.exp(-precision * (energy(w) - energy(mode)))

                ends = zip(knots[:-1], knots[1:], strict=True)
                return sum(quad(density, low, high, epsabs=1e-13, epsrel=1e-12)[0] for low, high in ends)

            mass = moment(lambda w: 1.0)
            mean = moment(lambda w: w) / mass
            sd = float(np.sqrt(moment(lambda w: (w - mean) ** 2) / mass))  # noqa: B023
            out.append(
                {"penalty": described(words, alone, 1), "alpha": alpha, "a": a, "b": b,
                 "precision": precision, "mode": mode, "mean": mean, "sd": sd, "logNormalizer": float(np.log(mass))}
            )  # fmt: skip
    return out


def record() -> dict[str, Any]:
    return {"scalars": scalars(), "fits": fits(), "slices": slices()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n")
