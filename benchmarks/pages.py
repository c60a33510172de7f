"""How quick the explorer is: what a control waits for its server, and what a move of the cursor costs the browser.

    .venv/bin/python -m benchmarks.pages     after `make test-pages`, which installs what it needs

An answer should take less than 300 ms, for the diabetes study, for the classes of breast cancer (569 x 30, which can nearly be
parted), and for numbers and classes made of 1,000 x 100 normal ones; a frame of 60 a second has 16.7 ms.
"""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
from sklearn.datasets import load_breast_cancer

import shrinkage as sh
from shrinkage.page.example import diabetes
from shrinkage.page.explore import PENALTIES, Explorer
from shrinkage.page.report import study
from shrinkage.page.study import Study

RUNS, MOVES, FRAMES = 5, 33, 300
CURSOR = ".cursor input[type=range]"
MOVE = "slider.value = at; slider.dispatchEvent(new Event('input', {bubbles: true}))"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def studies() -> Iterator[tuple[str, Study]]:
    yield "diabetes", diabetes()
    data = load_breast_cancer(as_frame=True)
    yield "breast cancer", study(sh.PenalizedClassifierCV(standardize=True).fit(data.data, data.target))
    X, y = made(1000, 100)
    yield "1,000 x 100", study(sh.PenalizedRegressorCV(standardize=True).fit(X, y))
    yield "1,000 x 100, classes", study(sh.PenalizedClassifierCV(standardize=True).fit(X, y > 0))


def made(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Alike columns, of which twenty count."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) + rng.standard_normal((n, 1))
    return X, X[:, :20] @ rng.standard_normal(20) + 3 * rng.standard_normal(n)


def questions(one: Study) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the controls of the page ask for."""
    for penalty, standardize in product(PENALTIES, (True, False)):
        yield f"{penalty}{', standardised' if standardize else ''}", {"penalty": penalty, "standardize": standardize}
    yield "elastic_net, mixing 0.9", {"penalty": "elastic_net", "l1_ratio": 0.9}
    yield f"without {one.names[0]}", {"drop": one.names[:1]}
    yield "an alpha between", {"alpha": one.record.alpha / 1.01}
    if one.classes is None:
        yield "noise", {"noise": 50.0}


def answers() -> Iterator[tuple[str, float]]:
    """Seconds that the page waits for each answer, by the clock: medians."""
    for name, one in studies():
        with Explorer(one).start() as explorer:
            for question, wanted in questions(one):
                body, kind = json.dumps(wanted).encode(), {"Content-Type": "application/json"}
                spent = []
                for _ in range(RUNS):
                    began = time.perf_counter()
                    with urlopen(Request(f"{explorer.address}fit", body, kind)) as answer:
                        json.load(answer)
                    spent.append(time.perf_counter() - began)
                yield f"{name}, {question}", statistics.median(spent)


@contextmanager
def opened(n: int = 300, p: int = 100) -> Iterator[Any]:
    """A page of p features, in the browser."""
    from playwright.sync_api import sync_playwright

    X, y = made(n, p)
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as driver, sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(X, y)) as explorer:
        browser = driver.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(explorer.address)
        page.wait_for_selector("#shrinkage svg")
        yield page
        browser.close()


def moves(page: Any) -> dict[str, float]:
    """Seconds of a move of the cursor in the page's own thread: scripts, and all of it with layout and style."""
    counters = page.context.new_cdp_session(page)
    counters.send("Performance.enable", {"timeDomain": "threadTicks"})

    def counted() -> dict[str, float]:
        metrics = {m["name"]: m["value"] for m in counters.send("Performance.getMetrics")["metrics"]}
        return {name: metrics[name] for name in ("ScriptDuration", "TaskDuration")}

    before = counted()
    for index in range(MOVES):
        page.locator(CURSOR).evaluate(
            f"(slider, at) => {{ {MOVE}; return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))) }}",
            3 * index,
        )
    after = counted()
    return {name: (after[name] - before[name]) / MOVES for name in after}


def frames(page: Any) -> tuple[float, int]:
    """While the cursor moves in every frame: frames a second by the browser's clock, and how many came late."""
    times = page.locator(CURSOR).evaluate(
        f"""(slider, frames) => new Promise(done => {{
            const times = [];
            const step = now => {{
                const at = times.push(now) % 100;
                {MOVE};
                if (times.length <= frames) requestAnimationFrame(step); else done(times);
            }};
            requestAnimationFrame(step);
        }})""",
        FRAMES,
    )
    spent = np.diff(times)
    return 1000 * len(spent) / float(spent.sum()), int(np.sum(spent > 1.05 * 1000 / 60))


def main() -> None:
    for question, seconds in answers():
        print(f"answer, {question:40} {1000 * seconds:6.0f} ms", flush=True)
    with opened() as page:
        for name, seconds in moves(page).items():
            print(f"a move at p = 100, {name:14} {1000 * seconds:6.1f} ms")
        rate, late = frames(page)
        print(f"frames at p = 100 {rate:6.1f} a second, {late} of {FRAMES} late")


if __name__ == "__main__":
    main()
