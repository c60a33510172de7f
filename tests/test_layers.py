"""Imports point downwards only, heavy libraries are loaded late, and the lazy names are the typed ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import shrinkage

SOURCE = Path(shrinkage.__file__).parent
# From the top down; a module may import from its own row and from rows below it. __init__ and __main__ stand outside.
LAYERS = [
    {"cli"},
    {"page"},
    {"model_file"},
    {"torch"},
    {"plots"},
    {"estimators"},
    {"tables", "scales"},
    {"planning"},
    {"selection"},
    {"walk", "profiles"},
    {"geometry"},
    {"paths", "grids"},
    {"fit", "degrees"},
    {"units"},
    {"solvers", "engine"},
    {"problem"},
    {"free_terms", "points", "inputs"},
    {"designs", "losses", "penalties"},
    {"arrays", "bisection", "domains"},
    {"memory", "watching", "blas"},
    {"errors", "plurals", "threads", "files", "_core"},
]
ROW = {name: row for row, names in enumerate(LAYERS) for name in names}


def modules():
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        if parts[0] not in ("__init__", "__main__"):
            yield file, parts[0]


def imports(file):
    """The first name under `shrinkage` of everything a file imports, at any depth of nesting."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "shrinkage":
            rest = node.module.split(".")[1:]
            yield from [rest[0]] if rest else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("shrinkage."))


@pytest.mark.parametrize(("file", "name"), list(modules()), ids=lambda x: x.stem if isinstance(x, Path) else x)
def test_imports_point_downwards(file, name):
    assert name in ROW, f"{name} has no place in the layers: give it one here and in docs/design.md"
    upwards = {other for other in imports(file) if other in ROW and ROW[other] < ROW[name]}
    assert not upwards, f"{file.name} ({name}) imports from above it: {sorted(upwards)}"


def test_torch_imports_few_others_of_ours():
    used = {other for file, name in modules() if name == "torch" for other in imports(file)}
    assert used <= {"torch", "penalties", "arrays", "errors", "plurals", "files", "threads", "plots", "_core", "__version__"}


def test_without_torch_the_import_names_the_extra():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import shrinkage\n"
        "try: import shrinkage.torch\n"
        "except ModuleNotFoundError as error: assert 'pip install \"shrinkage[torch]\"' in str(error), error\n"
        "else: raise SystemExit('imported')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_core_is_called_from_few_places():
    assert {name for file, name in modules() if "_core" in imports(file)} == {"blas", "solvers", "engine", "designs", "torch"}


@pytest.mark.parametrize("statement", ["import shrinkage", "import shrinkage; dir(shrinkage)"])
def test_import_is_light(statement):
    heavy = "{'numpy', 'scipy', 'sklearn', 'pandas', 'pyarrow', 'matplotlib', 'torch'}"
    code = f"{statement}; import sys; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_solving_does_not_load_scikit_learn():
    code = (
        "import sys, numpy as np, shrinkage as sh; sh.path(np.eye(4), np.arange(4.0), sh.SquaredError(), sh.L1(1.0));"
        "assert not {'sklearn', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_lazy_name_is_there_and_typed():
    typed = {
        alias.asname
        for node in ast.walk(ast.parse((SOURCE / "__init__.pyi").read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed | {"__version__"} == set(shrinkage.__all__)
    for name in shrinkage.__all__:
        assert getattr(shrinkage, name) is not None
    assert callable(shrinkage.path) and callable(shrinkage.select)  # also once the modules behind them are loaded
    with pytest.raises(AttributeError, match="nothing"):
        shrinkage.nothing  # noqa: B018
