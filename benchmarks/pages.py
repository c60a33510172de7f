"""How quick the explorer is: what a control waits for its server, and what a move of the cursor costs the browser.

    .venv/bin/python -m benchmarks.pages     after `make test-pages`, which installs what it needs

An answer should take less than 300 ms, for the diabetes study and for the classes of breast cancer (569 x 30, which can nearly be
parted); a frame of 60 a second has 16.7 ms.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
from sklearn.datasets import load_breast_cancer

import shrinkage as sh
from shrinkage.page.example import diabetes
from shrinkage.page.explore import PENALTIES, answering
from shrinkage.page.report import study
from shrinkage.page.study import Study

RUNS, MOVES = 5, 33
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def studies() -> Iterator[tuple[str, Study]]:
    yield "diabetes", diabetes()
    data = load_breast_cancer(as_frame=True)
    yield "breast cancer", study(sh.PenalizedClassifierCV(standardize=True).fit(data.data, data.target))


def answers() -> Iterator[tuple[str, float]]:
    """Seconds of each penalty's answer, by the clock: medians."""
    for name, one in studies():
        answer = answering(one)
        for penalty, standardize in product(PENALTIES, (True, False)):
            spent = []
            for _ in range(RUNS):
                began = time.perf_counter()
                answer({"penalty": penalty, "standardize": standardize})
                spent.append(time.perf_counter() - began)
            yield f"{name}, {penalty}{', standardised' if standardize else ''}", statistics.median(spent)


def moves(n: int = 300, p: int = 100) -> dict[str, float]:
    """Seconds of a move of the cursor in the page's own thread: scripts, and all of it with layout and style."""
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) + rng.standard_normal((n, 1))
    y = X[:, :20] @ rng.standard_normal(20) + 3 * rng.standard_normal(n)
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as driver, sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(X, y)) as explorer:
        browser = driver.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(explorer.address)
        page.wait_for_selector("#shrinkage svg")
        counters = page.context.new_cdp_session(page)
        counters.send("Performance.enable", {"timeDomain": "threadTicks"})

        def counted() -> dict[str, float]:
            metrics = {m["name"]: m["value"] for m in counters.send("Performance.getMetrics")["metrics"]}
            return {name: metrics[name] for name in ("ScriptDuration", "TaskDuration")}

        before = counted()
        for index in range(MOVES):
            page.locator(".cursor input[type=range]").evaluate(
                "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input', {bubbles: true}));"
                " return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))) }", 3 * index
            )  # fmt: skip
        after = counted()
        browser.close()
    return {name: (after[name] - before[name]) / MOVES for name in after}


def main() -> None:
    for penalty, seconds in answers():
        print(f"answer, {penalty:40} {1000 * seconds:6.0f} ms", flush=True)
    for name, seconds in moves().items():
        print(f"a move at p = 100, {name:14} {1000 * seconds:6.1f} ms")


if __name__ == "__main__":
    main()
