"""Which solvers are here, in which version, and why the others are not."""

from __future__ import annotations

import importlib
import json
import subprocess

from benchmarks.measure import ask
from benchmarks.peers import ORDER

VERSIONS = """
import json, sys, importlib, importlib.metadata as m
module = importlib.import_module("benchmarks.peers." + sys.argv[1])
print(json.dumps({name: m.version(name) for name in (*module.PACKAGES, "numpy", "scipy")}))
"""


def roster(names: tuple[str, ...] = ORDER) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """(solver -> its packages' versions, absent solver -> why)."""
    here, absent = {}, {}
    for name in names:
        module = importlib.import_module(f"benchmarks.peers.{name}")
        why = module.why_not() if hasattr(module, "why_not") else None
        if why:
            absent[name] = why
            continue
        try:
            here[name] = json.loads(ask(name, ["-c", VERSIONS, name]))
            if name == "glmnet":
                here[name]["glmnet"] = module.version()
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            absent[name] = f"{error}"
    return here, absent
