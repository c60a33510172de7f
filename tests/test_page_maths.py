"""The page's own solver is tested in TypeScript against a file of the library's answers: here, that the file is not old."""

import json

import numpy as np
import pytest

from tests.pages import maths


def leaves(value, where=""):
    """Every number in nested lists and dicts, with its place."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, f"{where}/{key}")
    else:
        yield where, value


@pytest.mark.parametrize("part", ["scalars", "fits", "slices"])
def test_the_file_that_the_pages_solver_is_held_to_is_what_the_library_says(part):
    stored = dict(leaves(json.loads(maths.FILE.read_text())[part]))
    fresh = dict(leaves(getattr(maths, part)()))
    assert stored.keys() == fresh.keys()
    for where, value in fresh.items():
        same = stored[where] == value if not isinstance(value, float) else np.isclose(stored[where], value, rtol=0, atol=1e-7)
        assert same, f"{where}: {stored[where]} is stored, {value} found. python -m tests.pages.maths writes the file."
