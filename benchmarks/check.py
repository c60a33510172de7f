"""Does every solver's adapter ask for the problem that the evaluator judges? All of them, on small data, down to 1e-6.

    python -m benchmarks.check [solver ...] [-j job ...]

A line each: the smallest error of the sweep, and the tolerance at which the tightest target was reached.
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks.data import Missing, load
from benchmarks.jobs import BY_KEY, JOBS
from benchmarks.measure import measure
from benchmarks.peers import ORDER
from benchmarks.reference import reference


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("solvers", nargs="*", default=ORDER)
    parser.add_argument("-j", "--jobs", nargs="*", default=[job.key for job in JOBS])
    parser.add_argument("-t", "--threads", type=int, default=1)
    given = parser.parse_args()
    bad = 0
    for key in given.jobs:
        job = BY_KEY[key].shrunk()
        try:
            problem = load(job)
        except Missing as missing:
            print(f"{key}: {missing}")
            continue
        reference(job)
        for solver in given.solvers:
            for variant in importlib.import_module(f"benchmarks.peers.{solver}").variants(problem):
                spec = {"job": key, "small": True, "solver": solver, "variant": variant, "threads": given.threads, "runs": 1}
                record = measure({**spec, "targets": job.targets}, limit=60, total=120)
                tightest = record["at"].get(f"{min(job.targets):g}")
                best = min((run["error"] for run in record["runs"] if run["error"] is not None), default=float("inf"))
                found = f"tol {tightest['tolerance']:.0e}, {tightest['median']:.4f} s" if tightest else "NOT REACHED"
                bad += tightest is None
                why = record["why"] or ("" if record["ending"] == "done" else record["ending"])
                print(f"{key:18} {solver:8} {variant:14} error {best:.1e}  {found}  {why}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
