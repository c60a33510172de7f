"""Without PyTorch nothing here is collected, and `make test` says so."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
