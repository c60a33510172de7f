"""What the page's views are tested on, of real fits: `python -m tests.pages.records` writes it.

`web/tests` reads the file; `tests/test_page_record.py` checks that the file is still what the library says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import shrinkage as sh
from shrinkage.page.record import record
from shrinkage.page.report import study

FILE = Path(__file__).parents[2] / "web" / "tests" / "records.json"
NAMES = ["dose", "age", "weight", "noise"]
SETTINGS: dict[str, Any] = {"rule": "1se", "standardize": True, "n_alphas": 24, "tol": 1e-9}


def data() -> tuple[pd.DataFrame, np.ndarray]:
    """Eighty rows; two of four columns are alike, one says nothing."""
    rng = np.random.default_rng(4)
    Z = rng.standard_normal((80, 4))
    Z[:, 2] = 0.8 * Z[:, 1] + 0.6 * Z[:, 2]
    return pd.DataFrame(Z * [1.0, 10.0, 0.1, 1.0], columns=NAMES), Z @ [2.0, 0.6, 0.5, 0.0]


def records() -> dict[str, Any]:
    """By the name of the penalty; `logistic` of a yes or no, `refit` as the explorer answers, before rows are drawn."""
    X, eta = data()
    noise = np.random.default_rng(5)
    y, ill = eta + 1.5 * noise.standard_normal(80), np.where(eta + noise.logistic(size=80) > 0, "ill", "well")
    fits = {
        name: sh.PenalizedRegressorCV(penalty=name, **SETTINGS).fit(X, y) for name in ("l1", "l2", "elastic_net", "mcp")
    }  # fmt: skip
    fits["group"] = sh.PenalizedRegressorCV(penalty="group_lasso", groups=[0, 1, 1, 2], **SETTINGS).fit(X, y)
    told = {name: record(study(fit, target="recovery"), draws=10 if name == "l1" else 0) for name, fit in fits.items()}
    told["logistic"] = record(study(sh.PenalizedClassifierCV(**SETTINGS).fit(X, ill), target="state"), draws=10)
    told["refit"] = record(study(fits["l1"], target="recovery"), draws=0, live=True)
    return told


if __name__ == "__main__":
    FILE.write_text(json.dumps(records(), separators=(",", ":")) + "\n")
