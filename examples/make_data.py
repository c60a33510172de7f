"""Write the example tables from the data that scikit-learn bundles, under meaningful names.

python examples/make_data.py        # rewrites the CSV files beside this script
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes

HERE = Path(__file__).parent
DIABETES = {
    "age": "age", "sex": "sex", "bmi": "bmi", "bp": "blood_pressure", "s1": "total_cholesterol", "s2": "ldl", "s3": "hdl",
    "s4": "cholesterol_hdl_ratio", "s5": "log_triglycerides", "s6": "glucose",
}  # fmt: skip
NEW_ROWS = 5


def write(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A CSV file; whole numbers without a decimal point, others in the shortest form that reads back exactly."""
    with (HERE / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([short(value) for value in row] for row in rows)


def short(value: object) -> object:
    if not isinstance(value, float):
        return value
    return int(value) if value == int(value) else repr(value)


def diabetes() -> None:
    data = load_diabetes(scaled=False)
    header = [DIABETES[name] for name in data.feature_names]
    rows = [[float(value) for value in row] for row in data.data]
    target = [float(value) for value in data.target]
    write("diabetes.csv", [*header, "disease_progression"], [[*r, t] for r, t in zip(rows, target, strict=True)])
    write("new_patients.csv", header, rows[-NEW_ROWS:])


def breast_cancer() -> None:
    data = load_breast_cancer()
    header = [str(name).replace(" ", "_") for name in data.feature_names]
    rows = [[float(value) for value in row] for row in data.data]
    words = [str(data.target_names[code]) for code in data.target]
    write("breast_cancer.csv", [*header, "diagnosis"], [[*r, w] for r, w in zip(rows, words, strict=True)])
    write("new_biopsies.csv", header, rows[-NEW_ROWS:])


if __name__ == "__main__":
    diabetes()
    breast_cancer()
