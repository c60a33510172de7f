"""Without PyTorch nothing here is collected, and `make test` says so."""

import os
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]

if find_spec("torch"):
    import torch

    # Processes that test side by side share the cores: two OpenMP teams on two cores wait busily for each other, and a fit of 5 s
    # took 120.
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))


@pytest.fixture
def seeded():
    """The same random numbers in each test, whichever run before it."""
    torch.manual_seed(0)
