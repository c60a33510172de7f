"""The picture: for every job, each peer's time over ours on a log axis, and the aim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.rows import CUT, tight


def draw(results: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = [one for one in results["rows"] if one["threads"] == 1 and tight(one)["ours"] is not None][::-1]
    if not rows:
        return
    names = [name for name in results["solvers"] if name != "ours"]
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.36 * len(rows)), layout="constrained")
    marks = "osD^vP*X"
    for k, name in enumerate(names):
        seen = [(tight(one)["peers"][name], i) for i, one in enumerate(rows) if name in tight(one)["peers"]]
        near = [(one["ratio"], i) for one, i in seen if one["ratio"] is not None and one["ratio"] <= CUT]
        axes.plot([r for r, _ in near], [i for _, i in near], marks[k % len(marks)], label=name, alpha=0.8)
        far = [i for one, i in seen if one["word"].startswith(">")]
        axes.plot([CUT] * len(far), far, marks[k % len(marks)], color=f"C{k}", mfc="none")
    axes.plot([one["needed"] for one in rows], range(len(rows)), "|", color="black", ms=14, mew=2, label="aim")
    axes.axvline(1, color="grey", lw=1)
    axes.set(xscale="log", yticks=range(len(rows)), xlabel=f"time over shrinkage's at equal accuracy (open: cut at {CUT:.0f}x)")
    axes.set_yticklabels([f"{one['title']}\n{one['size']}" for one in rows], fontsize=7)
    axes.legend(fontsize=7, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.savefig(path)
    plt.close(figure)
