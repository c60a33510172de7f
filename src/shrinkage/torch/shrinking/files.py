"""A shrunk network as one file of safetensors: tensors, and in its header a description in JSON. No pickle, nothing executed.

The description, under the header's key "shrinkage":

    {"format": "shrinkage network", "schema": 1, "library": "...", "sha256": "...",
     "shapes": {name: before}, "tied": {name: name}, "numbers": {module: {attribute: [before, after]}},
     "inputs": [{axis: [indices]}], "kept": [sentences]}

`sha256` is of the description without it, in canonical form, and of the tensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from shrinkage import __version__
from shrinkage.errors import DataError, FormatError
from shrinkage.files import write_atomically
from shrinkage.torch.shrinking.rebuild import Numbers, rebuild
from shrinkage.torch.shrinking.record import Shrunk, shapes_of
from shrinkage.torch.shrinking.trace import canonical_tensors

FORMAT, SCHEMA, KEY = "shrinkage network", 1, "shrinkage"
Description = dict[str, Any]


def save_shrunk(shrunk: Shrunk, path: str | Path) -> None:
    """Write the network as it is now, trained further or not: the file is there whole, or left as it was.

    **Raises** `OSError` where the file cannot be written.
    """
    names, tensors = _saved(shrunk.model)
    description: Description = {
        "format": FORMAT,
        "schema": SCHEMA,
        "library": __version__,
        "shapes": {name: list(shrunk.shapes[name]) for name in tensors},
        "tied": names,
        "numbers": {path: {key: list(pair) for key, pair in changes.items()} for path, changes in shrunk.numbers.items()},
        "inputs": [{str(axis): stay.tolist() for axis, stay in cut.items()} for cut in shrunk.inputs],
        "kept": list(shrunk.kept),
    }
    description["sha256"] = _digest(description, tensors)
    write_atomically(path, save(tensors, {KEY: json.dumps(description)}))


def load_shrunk(path: str | Path, build: nn.Module | Callable[[], nn.Module]) -> nn.Module:
    """The network of a file. `build` gives a model as it was before it was shrunk, or is one, which is not modified.

    **Raises** `FormatError` for a file that is cut short, altered, or of another model, and `DataError` where there is none.
    """
    description, tensors = _read(path)
    model = build if isinstance(build, nn.Module) else build()
    _check(path, model, description, tensors)
    numbers: Numbers = {
        module: {key: (before, after) for key, (before, after) in changes.items()}
        for module, changes in description["numbers"].items()
    }
    return rebuild(model, tensors, numbers)


def describe_shrunk(path: str | Path) -> Description:
    """The description of a file, checked: shapes before, numbers that followed, inputs that are still taken, what was kept.

    **Raises** as `load_shrunk`.
    """
    return _read(path)[0]


def _saved(model: nn.Module) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Of the state dict: other names of the same tensor, and each tensor once, contiguous and on the CPU."""
    first, tensors = canonical_tensors(model)
    kept = [name for name in model.state_dict() if name in first]
    tied = {name: first[name] for name in kept if first[name] != name}
    return tied, {name: tensors[name].detach().cpu().contiguous() for name in kept if name not in tied}


def _digest(description: Description, tensors: dict[str, Tensor]) -> str:
    bare = {key: value for key, value in description.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes() if tensors[name].numel() else b"")
    return digest.hexdigest()


def _read(path: str | Path) -> tuple[Description, dict[str, Tensor]]:
    if not Path(path).is_file():
        raise DataError(f"There is no file {str(path)!r}. `save_shrunk(shrunk, path)` writes one.")
    content = Path(path).read_bytes()
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        description = json.loads(header["__metadata__"][KEY])
        known = description["format"] == FORMAT and type(description["schema"]) is int
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(
            f"{path} is not a whole shrunk network ({reason}): it was cut short or altered, or is another file."
        ) from None
    if not known:
        raise FormatError(f"{path} is not a shrunk network, or does not say which schema it follows.")
    if description["schema"] > SCHEMA:
        raise FormatError(
            f"{path} follows schema {description['schema']}: update shrinkage {__version__} (pip install -U shrinkage)."
        )
    if description.get("sha256") != _digest(description, tensors):
        raise FormatError(f"{path} was altered: its contents do not match its checksum. Restore it, or save again.")
    return description, tensors


def _check(path: str | Path, model: nn.Module, description: Description, tensors: dict[str, Tensor]) -> None:
    """The model is the one that was shrunk: the same tensors of the same shapes, tied alike, and the same numbers."""
    tied, own = _saved(model)
    shapes = {name: list(shape) for name, shape in shapes_of(model).items() if name in own}
    wrong = next(
        (name for name in {**shapes, **description["shapes"]} if shapes.get(name) != description["shapes"].get(name)), None
    )
    if wrong:
        raise FormatError(
            f"{path} is of another model: {wrong} was {description['shapes'].get(wrong, 'absent')} before shrinking and is "
            f"{shapes.get(wrong, 'absent')} here. Build the model as it was before it was shrunk."
        )
    if tied != description["tied"] or tensors.keys() != own.keys():
        raise FormatError(
            f"{path} is of another model: it ties {description['tied'] or 'nothing'}, this one {tied or 'nothing'}."
        )
    for module, changes in description["numbers"].items():
        for key, (before, _) in changes.items():
            if vars(model.get_submodule(module)).get(key) != before:
                raise FormatError(
                    f"{path} is of another model: {key} of `{module}` was {before} before shrinking and is not here."
                )
