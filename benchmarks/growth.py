"""How our time grows with rows, columns and folds: doublings, and the exponent of the power law through them."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from benchmarks.measure import measure

SERIES = (
    ("lasso-ar04", "n", (250, 500, 1000)),
    ("lasso-ar04", "p", (5000, 10_000, 20_000)),
    ("lasso-tall", "n", (50_000, 100_000, 200_000)),
    ("lasso-tall", "p", (100, 200, 400)),
    ("lasso-wide-cv", "folds", (5, 10, 20)),
)
VARIANT = {"lasso-ar04": "path", "lasso-tall": "path", "lasso-wide-cv": "select"}
TOL = 1e-6
LIMIT = 120.0  # seconds a call


def grow(threads: int, left: Any) -> list[dict[str, Any]]:
    """`left()`: the seconds that remain."""
    out = []
    for job, what, values in SERIES:
        times = []
        for value in values:
            if left() < 60:
                break
            spec = {"job": job, "solver": "ours", "variant": VARIANT[job], "threads": threads, "runs": 3, "fixed": TOL}
            record = measure({**spec, "resized": {what: value}}, LIMIT, 3 * LIMIT)
            if len(record["runs"]) == spec["runs"]:
                times.append((value, statistics.median(run["seconds"] for run in record["runs"])))
        if len(times) > 1:
            slope = np.polyfit(*np.log(np.array(times, float)).T, 1)[0]
            out.append({"job": job, "what": what, "times": times, "exponent": float(slope)})
    return out
