"""The whole: every job, every solver that is here, one thread and two, resumed where it stopped.

    python -m benchmarks.run              all of it, at most 90 minutes; writes results.json, .md, .svg, and README's table
    python -m benchmarks.run --quick      four rows on one thread against the likeliest peers, in under five minutes

What is done is kept line by line in .cache/runs.jsonl, and used again while the machine and the versions are the same, what
is ours only while its sources are too. On each row ours comes first and last, and last beside it, again, the peer that was
fastest: so the two times of a ratio are always of one spell of one machine.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine, picture, publish, table
from benchmarks.data import CACHE, HERE, Missing, Problem, load
from benchmarks.growth import grow
from benchmarks.jobs import BY_KEY, JOBS, QUICK
from benchmarks.measure import ask, measure
from benchmarks.peers import ORDER
from benchmarks.roster import roster
from benchmarks.rows import CUT, pooled, rows

MINUTES, QUICK_MINUTES = 90.0, 4.5
RUNS, QUICK_RUNS = 5, 3
OURS = 300.0  # seconds that one call of ours may take
GROWTH = 150.0  # seconds that are kept for the doublings
LEAST = 1.0  # seconds below which nothing is cut
GENEROUS = {True: 1.0, False: 3.0}  # times its equal share of what is left is what a row, and a solver in it, may take
NEAR = 3.0  # times the fastest peer on one thread: who is slower is not asked to try with two


class Book:
    """The records so far, on disk."""

    def __init__(self, path: Path, header: dict[str, Any], fresh: bool) -> None:
        self.path, self.records = path, []
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [] if fresh or not path.exists() else [json.loads(line) for line in path.read_text().splitlines()]
        if lines and lines[0] == header:
            self.records = lines[1:]
            print(f"Resuming after {len(self.records)} records, {self.spent() / 60:.0f} minutes.", flush=True)
        else:
            if lines:
                path.replace(path.with_suffix(".old"))  # of another machine or other versions: not thrown away
            path.write_text(json.dumps(header) + "\n")

    def spent(self) -> float:
        return sum(record["wall"] for record in self.current())

    def current(self) -> list[dict[str, Any]]:
        """Without what is ours of other sources, and with a peer's last record in place of those before it."""
        commit, last = machine.commit(), {}
        for r in self.records:
            if r.get("commit", commit) == commit:
                last[r["job"], r["solver"], r["variant"], r["threads"], r["solver"] == "ours" and r["again"]] = r
        return list(last.values())

    def find(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return next((r for r in self.records if all(r.get(name) == value for name, value in key.items())), None)

    def add(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def main() -> int:
    given = read_words()
    quick = given.quick
    here, absent = roster()
    if "ours" in absent:
        sys.exit(f"shrinkage is not installed in .bench: {absent['ours']}")
    header = {"machine": machine.description(), "solvers": here, "small": given.small}
    book = Book(CACHE / ("quick.jsonl" if quick else "runs.jsonl"), header, fresh=quick or given.fresh)
    deadline = time.monotonic() + 60 * (given.minutes or (QUICK_MINUTES if quick else MINUTES)) - book.spent()

    def left() -> float:
        return deadline - time.monotonic()

    rates = {str(t): json.loads(ask("ours", ["-m", "benchmarks.machine"], threads=t)) for t in given.threads}
    kept = 0.0 if quick or given.small else GROWTH
    problems, skipped, late = {}, {}, []
    keys = given.jobs or tuple(QUICK if quick else BY_KEY)
    pending = [(threads, key) for threads in given.threads for key in keys]
    for threads in given.threads:
        for key in keys:
            pending.remove((threads, key))
            problem = problems.get(key) or prepare(key, given.small, skipped, left)
            if problem is None:
                continue
            problems[key] = problem
            share = (left() - kept) * min(1.0, GENEROUS[quick] / (1 + len(pending)))
            ends = time.monotonic() + share
            asked = QUICK[key] if quick and key in QUICK else given.solvers or ORDER
            solvers = [name for name in here if name == "ours" or name in asked]
            if not do(book, problem, key, threads, solvers, given, lambda ends=ends: ends - time.monotonic()):
                late.append(f"{key} ({threads})")
    if late:
        skipped["Some solvers, job (threads)"] = f"The time was up: {', '.join(late)}."
    growth = [] if quick or given.small else grow(1, left)
    measured = [record for record in book.current() if record["threads"] in given.threads]
    results = {
        **header, "commit": machine.commit(), "absent": absent, "skipped": skipped, "rates": rates,
        "minutes": book.spent() / 60, "growth": growth, "rows": rows(measured, rates, problems),
    }  # fmt: skip
    words = table.text(results)
    print("\n" + words)
    if not (quick or given.small or given.jobs or given.solvers):
        (HERE / "results.json").write_text(json.dumps({**results, "records": book.current()}, indent=1) + "\n")
        (HERE / "results.md").write_text(words)
        picture.draw(results, HERE / "results.svg")
        publish.main()
    return 0


def read_words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    parser.add_argument("--small", action="store_true", help="toy sizes, to try the harness")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--jobs", nargs="*", choices=[job.key for job in JOBS])
    parser.add_argument("--solvers", nargs="*", choices=ORDER)
    parser.add_argument("--threads", nargs="*", type=int, default=None)
    given = parser.parse_args()
    given.threads = given.threads or ([1] if given.quick else [1, 2])
    given.runs = given.runs or (QUICK_RUNS if given.quick else RUNS)
    return given


def prepare(key: str, small: bool, skipped: dict[str, str], left: Any) -> Problem | None:
    """The data, and the reference, made in a process of its own."""
    job = BY_KEY[key].shrunk() if small else BY_KEY[key]
    try:
        problem = load(job)
        said = ask("ours", ["-m", "benchmarks.reference", job.key], threads=2, timeout=max(left(), 1))
    except Missing as missing:
        skipped[key] = str(missing)
        return None
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        skipped[key] = f"No reference: {error}"
        return None
    print(f"\n{job.title}, {problem.n:,} x {problem.p:,}; reference {said.strip()}", flush=True)
    return problem


def do(book: Book, problem: Problem, key: str, threads: int, names: list[str], given: Any, left: Any) -> bool:
    """Ours, every peer, then those that were fastest and ours once more. False: not all in time."""
    limit = OURS
    todo = [(solver, variant, False) for solver, variant in plan(book, problem, key, threads, names)]
    for position, (solver, variant, again) in enumerate(todo):
        share = (GENEROUS[given.quick] if solver != "ours" else len(todo) / 2) / (len(todo) - position)
        seconds = left() * min(1.0, share)
        found = once(book, problem, key, threads, (solver, variant, again), given, (limit, seconds))
        if found is None:
            return False
        if solver == "ours" and not again:
            at = pooled([found], min(problem.job.targets))
            limit = max(CUT * at["median"], LEAST) if at else OURS
        if position + 1 == len(todo) and not again and not given.quick:  # the list grows by its own end
            todo += [(*one, True) for one in fastest(book, key, threads, problem.job.targets)]
            todo += [(*one, True) for one in plan(book, problem, key, threads, ["ours"])]
    return True


def once(
    book: Book, problem: Problem, key: str, threads: int, who: tuple[str, str, bool], given: Any, limits: tuple[float, float]
) -> dict[str, Any] | None:  # fmt: skip
    """The record of one solver, from the book or measured; None: no time is left. `limits`: the seconds of a call, and of
    all of them."""
    solver, variant, again = who
    mark = {"commit": machine.commit()} if solver == "ours" or again else {}
    spec = {"job": key, "solver": solver, "variant": variant, "threads": threads}
    found = book.find({**spec, "again": again, **mark})
    if found is not None:
        return found
    limit, seconds = limits
    if seconds < 5:
        return None
    start = time.monotonic()
    whole = {**spec, "small": given.small, "again": again, "targets": problem.job.targets, "runs": given.runs}
    found = measure(whole, limit, min(seconds, 4 * limit + 20))
    found = {**found, "again": again, "wall": time.monotonic() - start, **mark}
    book.add(found)
    say(found)
    return found


def plan(book: Book, problem: Problem, key: str, threads: int, names: list[str]) -> Iterator[tuple[str, str]]:
    for solver in names:
        for variant in importlib.import_module(f"benchmarks.peers.{solver}").variants(problem):
            if solver == "ours" or threads == 1 or near(book, problem, key, solver, variant):
                yield solver, variant


def fastest(book: Book, key: str, threads: int, targets: tuple[float, ...]) -> list[tuple[str, str]]:
    """The peer, and its variant, that was fastest at each accuracy."""
    out = []
    for target in targets:
        at = f"{target:g}"
        seen = [r for r in book.records if (r["job"], r["threads"]) == (key, threads) and r["solver"] != "ours" and at in r["at"]]
        if seen:
            best = min(seen, key=lambda r: r["at"][at]["median"])
            out.append((best["solver"], best["variant"]))
    return list(dict.fromkeys(out))


def near(book: Book, problem: Problem, key: str, solver: str, variant: str) -> bool:
    """Whether a peer was near enough to the fastest on one thread for two to make it the fastest."""
    single = [r for r in book.records if r["job"] == key and r["threads"] == 1 and r["solver"] != "ours"]
    if not single:
        return True
    at = f"{min(problem.job.targets):g}"
    times = {(r["solver"], r["variant"]): r["at"][at]["median"] for r in single if at in r["at"]}
    mine = times.get((solver, variant))
    return mine is not None and mine <= NEAR * min(times.values())


def say(record: dict[str, Any]) -> None:
    times = ", ".join(f"{t}: {at['median']:.4g} s (tol {at['tolerance']:.0e})" for t, at in record["at"].items())
    ending = "" if record["ending"] == "done" else f"[{record['ending']}] "
    head = f"  {record['threads']} thread  {record['solver']:8} {record['variant']:14}"
    print(head, times or "never there", ending, record["why"] or "", flush=True)


if __name__ == "__main__":
    sys.exit(main())
