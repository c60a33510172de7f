"""The scripts of examples/ that use PyTorch run, without a warning, and say what they are for."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: `make test-torch` installs it")

SAID = {
    "torch_l1": ("are zero", "accuracy on the 450 held-out images: 0.9"),
    "torch_select": ("<- chosen", "of 30 features: "),
    "torch_shrink": ("0.weight: 256 x 64 ->", "read again, the same logits"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SAID)
def test_the_example_runs(name):
    if name == "torch_shrink":
        pytest.importorskip("safetensors")
    example = Path(__file__).resolve().parents[2] / "examples" / f"{name}.py"
    said = subprocess.run([sys.executable, "-W", "error", example], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert all(words in said.stdout for words in SAID[name])
