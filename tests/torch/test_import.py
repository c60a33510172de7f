"""Files of shrunk networks need safetensors, and nothing else does."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")


def test_without_safetensors_the_extra_is_named():
    code = (
        "import sys; sys.modules['safetensors'] = None; import shrinkage.torch\n"
        "shrinkage.torch.shrink\n"
        "try: shrinkage.torch.load_shrunk\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "needs safetensors" in said and 'pip install "shrinkage[torch]"' in said
