"""Draws explorer.png, the explorer of the diabetes study: `python docs/pictures/explorer.py`, with Playwright and a Chromium."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from shrinkage.page.example import diabetes
from shrinkage.page.explore import Explorer

HERE = Path(__file__).parent

path = shutil.which("chromium") or shutil.which("google-chrome")
with Explorer(diabetes()).start() as explorer, sync_playwright() as driver:
    browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1120, "height": 1760})
    page.goto(explorer.address)
    page.wait_for_selector("#shrinkage svg")
    page.check("input[value=hard]")
    page.select_option("#geometry select[data-side=y]", label="hdl")
    page.select_option("#prior select", label="hdl")
    page.locator(".cursor input[type=range]").evaluate(
        "s => { s.value = 10; s.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    page.wait_for_timeout(500)
    page.screenshot(path=HERE / "explorer.png")
    browser.close()
