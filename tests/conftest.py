"""What all tests share."""

import csv

import numpy as np
import pytest
from hypothesis import settings

# How long an example takes tells of the machine and of what else it does, not of the law that is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """80 rows: numbers, a factor of three levels, a boolean, a target that depends on them."""
    rng = np.random.default_rng(7)
    n = 80
    town = rng.choice(["Bonn", "Köln", "Ulm"], n)
    size, new = rng.normal(100, 30, n).round(1), rng.random(n) < 0.4
    price = 3 * size + 50 * (town == "Köln") + 20 * new + rng.normal(0, 5, n)
    path = tmp_path_factory.mktemp("towns") / "towns.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["town", "size", "new", "price", "sold"])
        for row in zip(town, size, new, price.round(2), np.where(price > 330, "yes", "no"), strict=True):
            writer.writerow([str(value).lower() if isinstance(value, np.bool_) else value for value in row])
    return path
