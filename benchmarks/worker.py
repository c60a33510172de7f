"""A process of its own for one solver on one job: it warms up, sweeps the tolerance, and says what it sees line by line.

    python -m benchmarks.worker '{"job": "lasso-ar04", "small": false, "solver": "celer", "variant": "path", "threads": 1, ...}'

Lines of JSON: `ready`; before each timed call `begin`; after it `run` with its tolerance, seconds, error and peak of extra
memory. Whoever started it may end it in the middle of a call that takes too long.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import warnings
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

from benchmarks.accuracy import error
from benchmarks.data import load
from benchmarks.jobs import BY_KEY, Job
from benchmarks.reference import reference

SLOW = 10.0  # seconds: two runs are enough
LATER = 2  # of the best so far are what repeats are kept to, at least


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def job_of(spec: dict[str, Any]) -> Job:
    job = BY_KEY[spec["job"]]
    job = job.shrunk() if spec.get("small") else job
    return job.resized(**spec["resized"]) if spec.get("resized") else job


class Peak:
    """The largest resident memory since it was made, above what was resident then. The kernel keeps it."""

    def __init__(self) -> None:
        gc.collect()
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self.start: int | None = _status("VmRSS")
        except OSError:
            self.start = None

    def extra(self) -> int | None:
        return None if self.start is None else max(0, _status("VmHWM") - self.start)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(name)


def timed(fit: Any, tolerance: float) -> tuple[Any, float, int | None]:
    peak = Peak()
    gc.disable()
    start = time.perf_counter()
    answer = fit(tolerance)
    seconds = time.perf_counter() - start
    gc.enable()
    return answer, seconds, peak.extra()


def main(spec: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    solver = importlib.import_module(f"benchmarks.peers.{spec['solver']}")
    job = job_of(spec)
    problem = load(job)
    tiny = problem.tiny()
    threads, variant, runs = spec["threads"], spec["variant"], spec["runs"]
    warm = solver.setup(tiny, variant, threads)
    for tolerance in (solver.tolerances(tiny)[0], solver.tolerances(tiny)[-1]):
        with suppress(Exception):  # toy data that it cannot fit say nothing of the job
            solver.read(tiny, warm(tolerance))
    truth = None if spec.get("fixed") else reference(job)
    fit = solver.setup(problem, variant, threads)
    say(event="ready")

    def run(tolerance: float, judged: bool) -> tuple[float, float]:
        say(event="begin", tolerance=tolerance)
        try:
            answer, seconds, peak = timed(fit, tolerance)
            found = solver.read(problem, answer)
        except Exception as why:  # at one tolerance: another may do
            gc.enable()
            say(event="run", tolerance=tolerance, seconds=0.0, error=None, peak=None, judged=judged, why=f"{why}"[:300])
            return 0.0, inf
        seconds, peak = found.seconds or seconds, found.peak or peak
        off, height = error(problem, truth, found) if judged else (None, None)
        more = {"passes": found.passes, "certified": found.certified, "height": height}
        more = {name: value for name, value in more.items() if value is not None}
        off = inf if off is None or off != off else off
        say(event="run", tolerance=tolerance, seconds=seconds, error=off if off < inf else None, peak=peak, judged=judged, **more)
        return seconds, off

    if spec.get("fixed"):  # no accuracy asked for: how time grows
        for _ in range(runs):
            run(spec["fixed"], False)
        return
    reached: dict[float, tuple[float, float]] = {}  # target -> (tolerance, seconds of its first run)
    for tolerance in solver.tolerances(problem):
        seconds, off = run(tolerance, True)
        for target in spec["targets"]:
            if target not in reached and off <= target:
                reached[target] = (tolerance, seconds)
        if len(reached) == len(spec["targets"]):
            break
    for tolerance, first in dict.fromkeys(reached.values()):
        for _ in range(min(runs, LATER if first > SLOW else runs) - 1):
            run(tolerance, False)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
