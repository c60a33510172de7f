"""What a step costs: proximal optimizers beside their bases, on one thread of a CPU. Writes torch_step.json and torch_step.md.

python -m benchmarks.torch_step [--sizes 1 10 100] [--threads 1]        sizes in million parameters

Contenders of one table take turns, step by step, and each is judged by its fastest step, in processor time where there is one
thread: what else the machine does falls on all of them alike. Layers are 1000 x 1000; gradients are given, so that the step
is all there is. "Extra memory" is the peak of a step above what was there before it, in bytes for each parameter.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from benchmarks.data import HERE
from benchmarks.machine import commit, description
from torch import nn, optim

import shrinkage as sh
import shrinkage.torch as st

STRENGTH, WIDTH = 1e-4, 1000
Step = Callable[[], Any]
FORMS = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
BASES: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    "SGD": (optim.SGD, {}), "SGD, momentum": (optim.SGD, {"momentum": 0.9}), "Adam": (optim.Adam, {}),
    "AdamW": (optim.AdamW, {"weight_decay": 0.0}), "NAdam": (optim.NAdam, {}), "RAdam": (optim.RAdam, {}),
    "Adamax": (optim.Adamax, {}), "Adagrad": (optim.Adagrad, {}), "RMSprop": (optim.RMSprop, {}),
    "RMSprop, centred": (optim.RMSprop, {"centered": True}), "Adadelta": (optim.Adadelta, {}),
    "Adafactor": (optim.Adafactor, {}),
}  # fmt: skip
FUSED = ("SGD", "SGD, momentum", "Adam", "AdamW", "Adagrad")


def layers(parameters: int, width: int = WIDTH) -> nn.Sequential:
    """Linear layers without biases, with a gradient each."""
    made = torch.Generator().manual_seed(0)
    model = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(parameters // width**2)))
    for p in model.parameters():
        p.data = torch.randn(p.shape, generator=made) * width**-0.5
        p.grad = torch.randn(p.shape, generator=made) * 1e-3
    return model


def under(model: nn.Module, penalty: Any) -> st.Penalties:
    return st.Penalties(model, {"*": penalty})


def proximal(penalty: Any, **form: Any) -> Callable[[nn.Module], Step]:
    return lambda model: st.ProxAdamW(model.parameters(), under(model, penalty), **form).step


def plain(**form: Any) -> Callable[[nn.Module], Step]:
    return lambda model: optim.AdamW(model.parameters(), weight_decay=0.0, **form).step


def in_the_loss(model: nn.Module) -> Step:
    """The norm added to the loss: its own backward pass, then the step."""
    optimizer, penalties = optim.AdamW(model.parameters(), weight_decay=0.0, fused=True), under(model, sh.L1(STRENGTH))

    def step() -> None:
        penalties.value().backward()
        optimizer.step()

    return step


def factors(model: nn.Module) -> Step:
    """w = u v: the product, its backward pass, decay on both factors. (The forward product is made again in each step.)"""
    gradients = [p.grad for p in model.parameters()]
    decay = st.factorize(model, under(model, sh.L1(STRENGTH)))
    optimizer = optim.Adam(model.parameters(), weight_decay=STRENGTH, fused=True)
    assert decay.penalised

    def step() -> None:
        optimizer.zero_grad()
        for layer, gradient in zip(model, gradients, strict=True):
            layer.weight.backward(gradient)
        optimizer.step()

    return step


def pat(model: nn.Module) -> Step:
    """torchao's, which averages duals: its strengths mean something else."""
    from torchao.prototype.pat.optim import PruneOptimizer

    groups = [{"params": list(model.parameters()), "group_type": "ElemGrouper", "prox_type": "ProxLasso", "reg_lambda": STRENGTH}]
    return PruneOptimizer(optim.AdamW(groups, weight_decay=0.0, fused=True), warmup_steps=0).step


CONTENDERS: dict[str, Callable[[nn.Module], Step]] = {
    "AdamW, fused": plain(fused=True),
    "AdamW, foreach": plain(foreach=True),
    "ProxAdamW, L1": proximal(sh.L1(STRENGTH)),
    "ProxAdamW, L1, foreach": proximal(sh.L1(STRENGTH), foreach=True),
    "ProxAdamW, L1 + L2": proximal(sh.L1(STRENGTH) + sh.L2(STRENGTH)),
    "ProxAdamW, MCP": proximal(sh.MCP(STRENGTH, 3.0)),
    "ProxAdamW, rows": proximal(st.Groups(sh.L1(STRENGTH), "rows", root_size=True)),
    "ProxAdamW, columns": proximal(st.Groups(sh.L1(STRENGTH), "columns", root_size=True)),
    "L1 in the loss, AdamW fused": in_the_loss,
    "spred, Adam fused": factors,
    "torchao PAT, AdamW fused": pat,
}


def fastest(steps: dict[str, Step], seconds: float, threads: int) -> dict[str, float]:
    """Seconds of each one's fastest step, in turns until the time is up; three turns at least."""
    clock = time.thread_time if threads == 1 else time.perf_counter
    best = dict.fromkeys(steps, float("inf"))
    end, turns = time.monotonic() + seconds, 0
    while turns < 3 or time.monotonic() < end:
        for name, step in steps.items():
            start = clock()
            step()
            best[name] = min(best[name], clock() - start)
        turns += 1
    return best


def extra(step: Step) -> int | None:
    """Bytes by which the peak of a step is above what was there before it; None where the system does not say."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    step()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return 1024 * int(line.split()[1])


def contenders(parameters: int, seconds: float, threads: int) -> list[dict[str, Any]]:
    """Rows of the first table. Where all of them together would not fit the memory, each is alone beside the first."""
    names = list(CONTENDERS)
    apart = parameters >= 50_000_000
    rounds = [names[:1] + [name] for name in names[1:]] if apart else [names]
    rows: dict[str, dict[str, Any]] = {}
    for together in rounds:
        steps, memory = {}, {}
        for name in together:
            try:
                steps[name] = CONTENDERS[name](layers(parameters))
            except ImportError:
                continue
            for _ in range(2):
                steps[name]()  # states are made
            memory[name] = extra(steps[name])
        for name, taken in fastest(steps, seconds / len(rounds), threads).items():
            old = rows.get(name, {"seconds": float("inf")})
            rows[name] = {"name": name, "seconds": min(old["seconds"], taken), "extra": memory[name]}
        del steps
        gc.collect()
    return [{"parameters": parameters, **row} for row in rows.values()]


def attached(parameters: int, seconds: float, threads: int) -> list[dict[str, Any]]:
    """Rows of the second table: each base, in each form, with and without L1."""
    rows = []
    for name, (kind, settings) in BASES.items():
        for form, flags in FORMS.items():
            if (form == "fused" and name not in FUSED) or (name == "Adafactor" and form == "foreach"):
                continue
            one, other = layers(parameters), layers(parameters)
            base = kind(one.parameters(), **settings, **flags)
            with_l1 = st.attach(kind(other.parameters(), **settings, **flags), under(other, sh.L1(STRENGTH)))
            best = fastest({"base": base.step, "attached": with_l1.step}, seconds, threads)
            rows.append({"parameters": parameters, "name": name, "form": form, **best})
    return rows


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def first_table(rows: list[dict[str, Any]], parameters: int) -> str:
    rows = [row for row in rows if row["parameters"] == parameters]
    bases = {form: next(row["seconds"] for row in rows if row["name"] == f"AdamW, {form}") for form in ("foreach", "fused")}
    head = ("", "ms a step", "over AdamW foreach", "over AdamW fused", "GB/s", "extra memory, bytes a parameter")
    cells = []
    for row in rows:
        memory = "" if row["extra"] is None else f"{row['extra'] / parameters:.2f}"
        ratios = (f"{row['seconds'] / base:.2f}" for base in bases.values())
        cells.append(
            (row["name"], f"{1e3 * row['seconds']:.2f}", *ratios, f"{28 * parameters / row['seconds'] / 1e9:.1f}", memory)
        )
    return f"## {parameters / 1e6:g} million parameters\n\n" + table(head, cells)


def second_table(rows: list[dict[str, Any]]) -> str:
    sizes = sorted({row["parameters"] for row in rows})
    head = ("base", "form", *(f"{size / 1e6:g} M" for size in sizes))
    keys = list(dict.fromkeys((row["name"], row["form"]) for row in rows))
    found = {(row["name"], row["form"], row["parameters"]): row["attached"] / row["base"] for row in rows}
    return table(head, [(*key, *(f"{found[*key, size]:.2f}" for size in sizes)) for key in keys])


def page(record: dict[str, Any]) -> str:
    machine, versions = record["machine"], record["versions"]
    parts = [
        "# What a step costs",
        f"{machine['cpu']}, {record['threads']} thread(s), {machine['memory_gb']} GB; "
        f"{', '.join(f'{name} {number}' for name, number in versions.items())}; commit {record['commit']}. "
        "Written by `python -m benchmarks.torch_step`; GB/s counts the 28 bytes a parameter that AdamW itself moves.",
        *(first_table(record["contenders"], size) for size in record["sizes"]),
        "## attach(base, L1) over its base",
        second_table(record["attached"]),
    ]
    return "\n\n".join(parts) + "\n"


def versions(*names: str) -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def keep(record: dict[str, Any], words: str, out: Path) -> None:
    out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    out.with_suffix(".md").write_text(words)
    print(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 10, 100], help="million parameters")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each table; a tenth of it for each base")
    parser.add_argument("--out", type=Path, default=HERE / "torch_step")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    sizes = [round(1e6 * size) for size in asked.sizes]
    record: dict[str, Any] = {
        "machine": description(), "threads": asked.threads, "versions": versions("torch", "torchao", "shrinkage"),
        "commit": commit(), "sizes": sizes,
        "contenders": [row for size in sizes for row in contenders(size, asked.seconds, asked.threads)],
        "attached": [row for size in sizes if size <= 10_000_000 for row in attached(size, asked.seconds / 10, asked.threads)],
    }  # fmt: skip
    keep(record, page(record), asked.out)


if __name__ == "__main__":
    main()
