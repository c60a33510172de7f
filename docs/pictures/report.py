"""Draws report.png, the top of a report: `python docs/pictures/report.py`, with Playwright and a Chromium."""

import shutil
import tempfile
from pathlib import Path

import pandas as pd
from playwright.sync_api import sync_playwright

import shrinkage as sh

HERE = Path(__file__).parent

table = pd.read_csv(HERE.parents[1] / "examples" / "diabetes.csv")
y = table.pop("disease_progression")
fit = sh.PenalizedRegressorCV(rule="1se", standardize=True).fit(table, y)
path = shutil.which("chromium") or shutil.which("google-chrome")
with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
    file = Path(folder) / "report.html"
    fit.report(file, target="disease progression")
    browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1120, "height": 1000})
    page.goto(file.as_uri())
    page.wait_for_selector("#source pre")
    page.screenshot(path=HERE / "report.png")
    browser.close()
