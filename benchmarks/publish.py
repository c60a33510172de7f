"""The short table in README.md, from results.json: one thread, one line a job.

python -m benchmarks.publish        writes it between its two marks
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.data import HERE
from benchmarks.rows import loose, tight
from benchmarks.table import ratio_word

README = HERE.parent / "README.md"
BEGIN, END = "<!-- speed: written by benchmarks/publish.py -->", "<!-- end of speed -->"
HEAD = ("job", "size", "ours", "fastest peer", "its time over ours", "at 1e-4", "aim")


def block(results: dict[str, Any]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(one)) + " |" for one in results["rows"] if one["threads"] == 1]
    machine = results["machine"]
    peers = ", ".join(f"{name} {had.get(PACKAGE.get(name, name), '')}".strip() for name, had in results["solvers"].items())
    return "\n".join([*lines, "", f"{machine['cpu']}, one thread; commit {results['commit']}; {peers}."])


# Whose package has another name than the peer.
PACKAGE = {"ours": "shrinkage", "sklearn": "scikit-learn", "skein": "skein-glm"}


def _cells(one: dict[str, Any]) -> list[str]:
    at, easy = tight(one), loose(one)
    start, aim = [one["title"], one["size"]], f"{one['needed']:g}"
    if at["ours"] is None:
        return [*start, "not reached", "", "", "", aim]
    best = at["fastest"] or ("none in 30 times ours" if ratio_word(at).startswith(">") else "none in time")
    return [*start, f"{at['ours']:.3g} s", best, ratio_word(at), ratio_word(easy) if easy is not at else "", aim]


def published(text: str, results: dict[str, Any]) -> str:
    """README's text with the table of these results."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{block(results)}\n\n{END}{rest.split(END)[1]}"


def main() -> None:
    results = json.loads((HERE / "results.json").read_text())
    README.write_text(published(README.read_text(), results))


if __name__ == "__main__":
    main()
