"""The study that the explorer opens on when it is given none: scikit-learn's diabetes data, under meaningful names."""

from __future__ import annotations

from dataclasses import replace

from shrinkage.estimators.summary import Words
from shrinkage.fit import Task
from shrinkage.losses import SquaredError
from shrinkage.page.study import Origin, Study, of_task
from shrinkage.penalties import L1

NAMES = [
    "age", "sex", "bmi", "blood_pressure", "total_cholesterol", "ldl", "hdl", "cholesterol_hdl_ratio", "log_triglycerides",
    "glucose",
]  # fmt: skip
TARGET = "disease_progression"
CALL = "sh.PenalizedRegressorCV(standardize=True).fit(*sklearn.datasets.load_diabetes(scaled=False, return_X_y=True))"


def diabetes() -> Study:
    """442 patients, ten measurements, and how far the disease had gone a year later (Efron et al., 2004, Ann. Stat. 32)."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(scaled=False, return_X_y=True)
    task = Task.read(X, y, SquaredError(), L1(1.0), None, None, True, True)
    words = Words("PenalizedRegressorCV", "alpha", "mean loss")
    origin = Origin("scikit-learn's diabetes data", CALL, X.shape[1] + 1)
    return of_task(replace(task, names=NAMES), words=words, origin=origin, target=TARGET, folds=5, n_alphas=100)
