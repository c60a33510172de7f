"""One solver on one job: start its process, cut what takes too long, and read the time at each accuracy off the sweep."""

from __future__ import annotations

import json
import os
import queue
import statistics
import subprocess
import threading
import time
from typing import Any

from benchmarks.data import HERE
from benchmarks.peers import OWN_PYTHON

ROOT = HERE.parent
WARM_UP = 180.0  # seconds for imports, compilation and setting up
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip


def python_of(solver: str) -> str:
    return str(ROOT / OWN_PYTHON.get(solver, ".bench") / "bin" / "python")


def environment(threads: int) -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(THREADS, str(threads)), "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}


def cores(threads: int) -> Any:
    """What pins a process to as many cores as it may use threads, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, allowed)


def ask(solver: str, code: list[str], threads: int = 1, timeout: float = WARM_UP) -> str:
    """What a short Python program prints in a solver's environment."""
    done = subprocess.run(
        [python_of(solver), *code], env=environment(threads), cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}")
    return done.stdout


def measure(spec: dict[str, Any], limit: float, total: float) -> dict[str, Any]:
    """A record of one worker: `runs`, `at` (target -> tolerance, seconds, median), and how it ended.

    `limit`: seconds for one call; `total`: for all of them, after which what was seen so far counts.
    """
    command = [python_of(spec["solver"]), "-m", "benchmarks.worker", json.dumps(spec)]
    process = subprocess.Popen(
        command, env=environment(spec["threads"]), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=cores(spec["threads"]), start_new_session=True,
    )  # fmt: skip
    lines: queue.Queue[str | None] = queue.Queue()
    errors: list[str] = []
    threading.Thread(target=_forward, args=(process.stdout, lines.put), daemon=True).start()
    watcher = threading.Thread(target=_forward, args=(process.stderr, errors.append), daemon=True)
    watcher.start()
    runs: list[dict[str, Any]] = []
    since, allowed, timing, ending = time.monotonic(), WARM_UP, False, "done"
    begun = since + WARM_UP
    while True:
        call, whole = since + allowed, begun + total
        try:
            line = lines.get(timeout=max(min(call, whole) - time.monotonic(), 0.01))
        except queue.Empty:
            ending = "cut" if timing and call <= whole else "late"
            break
        if line is None:
            break
        said = json.loads(line) if line.startswith("{") else {}
        event = said.pop("event", None)
        if event == "ready":
            begun = time.monotonic()
        if event == "run":
            runs.append(said)
        # The judging after a run is not the solver's time.
        since, timing = time.monotonic(), event == "begin"
        allowed = limit if timing else WARM_UP
    _end(process)
    watcher.join(timeout=5)
    if ending == "done" and process.returncode:
        ending = "failed"
    words = [e for e in errors if e and e.strip()] if ending == "failed" else [run["why"] for run in runs if "why" in run]
    return {
        **{name: spec[name] for name in ("job", "solver", "variant", "threads")},
        "ending": ending,
        "limit": limit,
        "why": words[-1].strip()[:300] if words else None,
        "runs": runs,
        "at": _at(runs, spec.get("targets", ())),
    }


def _forward(stream: Any, put: Any) -> None:
    for line in stream:
        put(line)
    put(None)


def _end(process: subprocess.Popen) -> None:
    """Only this process group, which is ours: a solver may have started R or workers of its own."""
    try:
        process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def _at(runs: list[dict[str, Any]], targets: Any) -> dict[str, dict[str, Any]]:
    """For each target: the first tolerance of the sweep whose error is within it, and the median of its times."""
    out = {}
    for target in targets:
        good = next((run for run in runs if run["judged"] and run["error"] is not None and run["error"] <= target), None)
        if good is None:
            continue
        same = [run for run in runs if run["tolerance"] == good["tolerance"]]
        seconds = [run["seconds"] for run in same]
        peaks = [run["peak"] for run in same if run["peak"] is not None]
        out[f"{target:g}"] = {
            **{name: good[name] for name in ("tolerance", "error", "passes", "certified", "height") if name in good},
            "seconds": seconds,
            "median": statistics.median(seconds),
            "peak": max(peaks) if peaks else None,
        }
    return out
