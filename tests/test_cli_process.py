"""The command line as a process: at a terminal, in a pipe, under Ctrl-C, and in the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


class TestTerminals:
    def test_no_colour_and_no_animation_without_a_terminal(self, towns):
        words = ["-m", "shrinkage", "path", str(towns), "--target", "price", "--drop", "sold", "--n-alphas", "5"]
        done = subprocess.run([sys.executable, *words], capture_output=True)
        assert done.returncode == 0 and b"\x1b" not in done.stdout + done.stderr and b"\r" not in done.stderr

    @pytest.mark.parametrize(("setting", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
    def test_a_terminal_is_asked_before_it_is_coloured(self, towns, setting, coloured):
        pty = pytest.importorskip("pty")
        main_end, other_end = pty.openpty()
        words = ["-m", "shrinkage", "path", str(towns), "--target", "price", "--drop", "sold", "--n-alphas", "5"]
        clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        environment = {**clean, "TERM": "xterm", "COLUMNS": "100", **setting}
        child = subprocess.Popen([sys.executable, *words], stdout=other_end, stderr=subprocess.PIPE, env=environment)
        os.close(other_end)
        seen = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        assert child.wait() == 0, child.stderr.read()
        child.stderr.close()
        os.close(main_end)
        assert b"alpha" in seen
        colours = b"\x1b[3" in seen
        assert not colours if not coloured else b"\x1b[" in seen

    def test_a_reader_that_stops_early_is_no_crash(self, towns):
        words = f"{sys.executable} -m shrinkage path {towns} --target price --drop sold | head -n 1"
        done = subprocess.run(["sh", "-c", words], capture_output=True, text=True)
        assert done.stdout.startswith("alpha,") and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


class TestInterrupt:
    def test_ctrl_c_ends_with_130_and_leaves_no_file(self, towns, tmp_path):
        if os.name == "nt":
            pytest.skip("no SIGINT for a child on Windows")
        rng = np.random.default_rng(0)
        with (tmp_path / "wide.csv").open("w") as file:
            file.write(",".join(f"x{j}" for j in range(600)) + ",y\n")
            for row in rng.normal(size=(1500, 601)).cumsum(axis=1):
                file.write(",".join(f"{value:.4f}" for value in row) + "\n")
        model = tmp_path / "m.json"
        words = [
            sys.executable,
            "-m",
            "shrinkage",
            "fit",
            "wide.csv",
            "--target",
            "y",
            "--model",
            "m.json",
            "--cv",
            "50",
        ]
        child = subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        for line in child.stderr:
            if line.startswith("Columns"):
                break
        time.sleep(2.0)
        assert child.poll() is None, "the fit was too quick to be interrupted: make it larger"
        os.kill(child.pid, signal.SIGINT)
        start = time.perf_counter()
        out, err = child.communicate(timeout=60)
        print(f"ended {time.perf_counter() - start:.2f} s after Ctrl-C")
        assert child.returncode == 130, err
        assert out == "" and "Interrupted" in err and "Traceback" not in err
        assert [entry.name for entry in tmp_path.iterdir()] == ["wide.csv"] and not model.exists()


class TestExamples:
    def test_the_data_are_what_the_script_writes(self, tmp_path, monkeypatch):
        sys.path.insert(0, str(EXAMPLES))
        try:
            import make_data
        finally:
            sys.path.remove(str(EXAMPLES))
        monkeypatch.setattr(make_data, "HERE", tmp_path)
        make_data.diabetes()
        make_data.breast_cancer()
        written = sorted(path.name for path in tmp_path.iterdir())
        assert written == ["breast_cancer.csv", "diabetes.csv", "new_biopsies.csv", "new_patients.csv"]
        for name in written:
            assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), name

    @pytest.mark.timeout(300)  # a dozen commands, each a process of its own
    def test_the_demo_runs(self, tmp_path):
        command = tmp_path / "shrinkage"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shrinkage "$@"\n')
        command.chmod(0o755)
        environment = {**os.environ, "SHRINKAGE": str(command)}
        done = subprocess.run(["sh", EXAMPLES / "demo.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "$ shrinkage fit" in done.stdout and "bmi" in done.stdout and "malignant" in done.stdout
        assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
            "breast_cancer.json", "diabetes.json", "new_biopsies_predicted.csv"
        ]  # fmt: skip
