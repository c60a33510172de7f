"""From records to rows: the fastest peer at each accuracy over ours, and what is printed beside it."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.jobs import JOBS, Job
from benchmarks.machine import floor

CUT = 30.0  # times ours: slower peers are cut


def pooled(records: list[dict[str, Any]], target: float) -> dict[str, Any] | None:
    """One solver variant's times at a target, over all its records."""
    seen = [record["at"][f"{target:g}"] for record in records if f"{target:g}" in record["at"]]
    if not seen:
        return None
    seconds = [s for one in seen for s in one["seconds"] if one["tolerance"] == seen[0]["tolerance"]]
    return {**seen[0], "seconds": seconds, "median": statistics.median(seconds)}


def peers_at(records: list[dict[str, Any]], target: float, ours: float) -> dict[str, dict[str, Any]]:
    """Peer -> its fastest variant at a target: seconds and ratio, or the word why there is none."""
    out: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["solver"] == "ours":
            continue
        at = record["at"].get(f"{target:g}")
        if at:
            ratio = at["median"] / ours
            one = {"seconds": at["median"], "ratio": ratio, "peak": at["peak"], "variant": record["variant"]}
            one["word"] = f"{ratio:.3g}x" if ratio <= CUT else f">{CUT:.0f}x"
        else:
            late = record["ending"] in ("cut", "late")
            word = f">{CUT:.0f}x" if record["ending"] == "cut" else "not in time" if late else "fails"
            one = {"seconds": None, "ratio": None, "word": word, "variant": record["variant"], "why": record["why"]}
        known = out.get(record["solver"])
        if known is None or (one["seconds"] or float("inf")) < (known["seconds"] or float("inf")):
            out[record["solver"]] = one
    return out


def row(job: Job, threads: int, records: list[dict[str, Any]], floor_seconds: float | None) -> dict[str, Any]:
    mine = [record for record in records if record["solver"] == "ours"]
    out: dict[str, Any] = {
        "job": job.key, "title": job.title, "threads": threads, "needed": job.target, "needed_loose": job.loose, "at": {},
    }  # fmt: skip
    for target in job.targets:
        at = pooled(mine, target)
        if at is None:
            why = mine[0]["why"] if mine else None
            out["at"][f"{target:g}"] = {"ours": None, "why": why or (mine[0]["ending"] if mine else "not run")}
            continue
        peers = peers_at(records, target, at["median"])
        reached = {name: one for name, one in peers.items() if one["seconds"]}
        best = min(reached, key=lambda name: reached[name]["seconds"]) if reached else None
        out["at"][f"{target:g}"] = {
            "ours": at["median"],
            "runs": at["seconds"],
            "tolerance": at["tolerance"],
            "peak": at["peak"],
            "passes": at.get("passes"),
            "certified": at.get("certified"),
            "times_the_floor": at["median"] / floor_seconds if floor_seconds else None,
            "peers": peers,
            "fastest": best,
            "ratio": reached[best]["ratio"] if best else None,
        }
    return out


def tight(one: dict[str, Any]) -> dict[str, Any]:
    """What a row says at its tightest accuracy."""
    return one["at"][min(one["at"], key=float)]


def loose(one: dict[str, Any]) -> dict[str, Any]:
    return one["at"][max(one["at"], key=float)]


def rows(records: list[dict[str, Any]], rates: dict[str, dict[str, float]], problems: dict[str, Any]) -> list[dict[str, Any]]:
    out = []
    for job in JOBS:
        for threads in sorted({record["threads"] for record in records if record["job"] == job.key}):
            mine = [record for record in records if record["job"] == job.key and record["threads"] == threads]
            problem = problems.get(job.key)
            least = floor(problem, rates[str(threads)]) if problem is not None else None
            size = f"{problem.n:,} x {problem.p:,}" if problem is not None else ""
            out.append({**row(job, threads, mine, least), "size": size})
    return out
