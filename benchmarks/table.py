"""The table: one line per job and number of threads, in Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import ORDER
from benchmarks.rows import CUT, loose, tight

HEAD = (
    "job", "size", "threads", "ours (s)", "fastest peer", "ratio", "aim", "ratio at 1e-4", "passes over X", "certified",
    "extra memory, ours / theirs (MB)", "times the floor",
)  # fmt: skip


def text(results: dict[str, Any]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(one)) + " |" for one in results["rows"]]
    names = [name for name in ORDER if name != "ours" and name in results["solvers"]]
    lines += ["", "Every peer's time over ours, at the tightest accuracy of the row:", ""]
    lines += ["| job | threads | " + " | ".join(names) + " |", "|" + "---|" * (2 + len(names))]
    for one in results["rows"]:
        peers = tight(one).get("peers", {})
        lines.append("| " + " | ".join([one["title"], str(one["threads"]), *(_word(peers.get(n)) for n in names)]) + " |")
    lines += ["", *notes(results)]
    return "\n".join(lines) + "\n"


def _cells(one: dict[str, Any]) -> list[str]:
    at, easy = tight(one), loose(one)
    start = [one["title"], one["size"], str(one["threads"])]
    if at["ours"] is None:
        return [*start, "not reached", str(at["why"]), "", f"{one['needed']:g}", "", "", "", "", ""]
    best = at["peers"].get(at["fastest"]) if at["fastest"] else None
    memory = "/".join(_megabytes(side["peak"] if side else None) for side in (at, best))
    return [
        *start,
        f"{at['ours']:.3g}",
        f"{at['fastest']} ({best['variant']}), {best['seconds']:.3g} s" if best else "none",
        ratio_word(at),
        f"{one['needed']:g}",
        ratio_word(easy),
        "" if at["passes"] is None else f"{at['passes']:g}",
        "" if at["certified"] is None else f"{at['certified']:.0%}",
        memory,
        "" if at["times_the_floor"] is None else f"{at['times_the_floor']:.3g}",
    ]


def ratio_word(at: dict[str, Any]) -> str:
    if at.get("ours") is None:
        return ""
    if at["ratio"] is not None:
        return f"{at['ratio']:.3g}"
    cut = any(one["word"].startswith(">") for one in at["peers"].values())
    return f">{CUT:.0f}" if cut else "no peer"


def _word(one: dict[str, Any] | None) -> str:
    return "-" if one is None else one["word"]


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.0f}"


def notes(results: dict[str, Any]) -> list[str]:
    machine = results["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}; shrinkage at "
        f"{results['commit']}; {results['minutes']:.0f} minutes.",
        "",
    ]
    for threads, rate in results["rates"].items():
        lines.append(
            f"- {threads} thread{'s' if threads != '1' else ''}: {rate['bandwidth'] / 1e9:.1f} GB/s out of memory, "
            f"{rate['dgemm'] / 1e9:.1f} Gflop/s in dgemm."
        )
    versions = [f"{name} {', '.join(f'{k} {v}' for k, v in had.items())}" for name, had in results["solvers"].items()]
    lines.append(f"- Solvers: {'; '.join(versions)}.")
    lines += [f"- Absent: {name}. {why}" for name, why in results["absent"].items()]
    lines += [f"- Left out: {key}. {why}" for key, why in results["skipped"].items()]
    for one in results["growth"]:
        times = ", ".join(f"{value:,}: {seconds:.3g} s" for value, seconds in one["times"])
        lines.append(f"- Growth of {one['job']} with {one['what']}: {times}; exponent {one['exponent']:.2f}.")
    return lines
