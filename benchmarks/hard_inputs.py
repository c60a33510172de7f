"""What hard input does to a lasso: ours beside scikit-learn's, on the same data, in one table.

    python -m benchmarks.hard_inputs

Each input comes from `tests/hard_inputs.py` with what a right answer is; a word says what came of it: right, refused (one
clear error, where the input has no answer), wrong, wrong, silently, crashed.
"""

from __future__ import annotations

import sys

from sklearn.linear_model import Lasso as TheirLasso
from sklearn.linear_model import LassoCV as TheirLassoCV
from tests.hard_inputs import CASES, judge, refused

from shrinkage import Lasso, LassoCV

COLUMNS = {
    "shrinkage Lasso": lambda data: Lasso(alpha=data.alpha, tol=1e-10),
    "scikit-learn Lasso": lambda data: TheirLasso(alpha=data.alpha, tol=1e-10, max_iter=100_000),
    "shrinkage LassoCV": lambda data: LassoCV(cv=5, tol=1e-10, alphas=30),
    "scikit-learn LassoCV": lambda data: TheirLassoCV(cv=5, tol=1e-10, max_iter=100_000, alphas=30),
}
GOOD = ("right", "refused")


def main() -> int:
    width = max(len(case.name) for case in CASES)
    print("  ".join([" " * width, "right is", *(f"{name:24}" for name in COLUMNS)]))
    bad = dict.fromkeys(COLUMNS, 0)
    for case in CASES:
        cells = []
        for name, make in COLUMNS.items():
            verdict = judge(case, None, make)[0] if case.for_cv or "CV" not in name else "-"
            bad[name] += verdict not in (*GOOD, "-")
            cells.append(f"{verdict:24}")
        print("  ".join([f"{case.name:{width}}", "an error" if case.expect == refused else "a model ", *cells]), flush=True)
    print("\n" + "\n".join(f"{name}: {count} not right" for name, count in bad.items()))
    return int(bad["shrinkage Lasso"] + bad["shrinkage LassoCV"] > 0)


if __name__ == "__main__":
    sys.exit(main())
