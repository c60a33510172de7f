"""Torch is optional: importing the package does not load it, and using it without torch says what to install."""

import subprocess
import sys


def test_importing_loads_no_torch():
    subprocess.run([sys.executable, "-c", "import sys, shrinkage.torch; assert 'torch' not in sys.modules"], check=True)


def test_without_torch_or_safetensors_the_extra_is_named():
    for missing, name in (("torch", "shrink"), ("torch", "save_shrunk"), ("safetensors", "load_shrunk")):
        code = (
            f"import sys; sys.modules[{missing!r}] = None; import shrinkage.torch\n"
            f"try: shrinkage.torch.{name}\n"
            "except ModuleNotFoundError as error: print(error)"
        )
        if missing == "safetensors" and "torch" not in _installed():
            continue
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert f"needs {missing}" in said and 'pip install "shrinkage[torch]"' in said


def _installed():
    from importlib.util import find_spec

    return {"torch"} if find_spec("torch") else set()
