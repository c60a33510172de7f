"""What the machine can do, measured in the run, and what is installed: the yardsticks beside every time.

python -m benchmarks.machine        bytes a second out of memory, and multiplications and additions a second in dgemm
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.data import HERE, Problem

MEGABYTES = 400  # more than any cache


def rates() -> dict[str, float]:
    x = np.ones(MEGABYTES * 125_000)
    A = np.random.default_rng(0).standard_normal((1500, 1500))
    return {"bandwidth": x.nbytes / _best(lambda: x @ x), "dgemm": 2 * 1500**3 / _best(lambda: A @ A)}


def _best(call: Any, times: int = 7) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def floor(problem: Problem, rates: dict[str, float]) -> float:
    """Seconds below which no solver that reads X once, and where n > p (or for ridge) makes a Gram matrix, can come."""
    n, p = problem.n, problem.p
    size = problem.X.nnz * 12 if problem.is_sparse else 8 * n * p
    flops = min(n, p) ** 2 * max(n, p) if n > p or problem.kind == "ridge" else 0
    return max(size / rates["bandwidth"], flops / rates["dgemm"])


def description() -> dict[str, Any]:
    cpu, memory = platform.processor() or platform.machine(), None
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    if hasattr(os, "sysconf"):
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gb": memory, "system": platform.system()}


@cache
def commit() -> str:
    """The last commit to what is compiled or imported, and a mark of what differs from it. Asked once, since it may move on."""
    root = HERE.parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    sources = ("--", "src", "core", "CMakeLists.txt")
    name = git("log", "-1", "--format=%h", *sources) or "no commit"
    if not git("status", "--porcelain", *sources):
        return name
    held = hashlib.sha256()
    for path in sorted([*(root / "src").rglob("*.py"), *(root / "core").rglob("*.[ch]pp")]):
        held.update(path.read_bytes())
    return f"{name} and changes {held.hexdigest()[:7]}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(rates()))
