"""`sh.explore(fit)` in a notebook: a real JupyterLab, in which a cell is run and its frame is used."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest

CELL = """
import shrinkage as sh
from sklearn.datasets import load_diabetes
data = load_diabetes(as_frame=True, scaled=False)
sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(data.data, data.target))
"""
NOTEBOOK = {
    "cells": [{"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": CELL.strip()}],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PATIENCE = 60  # seconds


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(address):
    try:
        urllib.request.urlopen(address).close()
    except OSError:
        return False
    return True


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that knows nothing of its user's, and of the notebook there."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed: make test-pages installs it")
    (tmp_path / "fit.ipynb").write_text(json.dumps(NOTEBOOK))
    port, token = free_port(), secrets.token_hex(8)
    apart = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    apart["IPYTHONDIR"] = str(tmp_path / "ipython")
    words = [f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *words],
        cwd=tmp_path, env={**os.environ, **apart}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        while not answers(f"http://localhost:{port}/api"):
            assert server.poll() is None, "JupyterLab ended at once"
            assert time.monotonic() < until, "JupyterLab does not answer"
            time.sleep(0.2)
        yield f"http://localhost:{port}/lab/tree/fit.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def run(page):
    """The cell, again where a press came before the page listened."""
    for _ in range(6):
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").click()
        page.keyboard.press("Control+Enter")
        with suppress(Exception):
            page.wait_for_selector("iframe[title='shrinkage explorer']", timeout=20_000)
            return


@pytest.mark.timeout(420)
def test_explore_in_jupyterlab(chromium, lab):
    from playwright.sync_api import expect

    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    run(page)
    frame = page.frame_locator("iframe[title='shrinkage explorer']")
    assert frame.locator("h1").inner_text() == "PenalizedRegressorCV: target"
    strength = frame.locator("input[name=alpha]")
    before = strength.input_value()
    frame.locator(".cursor input[type=range]").press("ArrowLeft")
    expect(strength).not_to_have_value(before)  # from the next frame on
    assert float(strength.input_value()) > float(before)
    frame.locator("select[name=penalty]").select_option("mcp")  # asks the server, which the notebook's page is not
    frame.get_by_text("squared error with MCP").first.wait_for()
    context.close()
