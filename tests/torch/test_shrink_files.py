"""A file gives the shrunk network back, or says why not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shrinkage.errors import DataError, FormatError
from shrinkage.torch import describe_shrunk, load_shrunk, save_shrunk, shrink
from tests.torch.battery_shrink import GroupNormed, Transformer, mlp, randomise, torch, zero, zero_head, zeroed_mlp

nn = torch.nn
pytestmark = pytest.mark.usefixtures("seeded")


def test_a_file_gives_the_network_back(tmp_path):
    model, words = randomise(Transformer()), torch.randint(20, (3, 8))
    zero_head(model.layers[0].attention, 1)
    shrunk = shrink(model, words)
    save_shrunk(shrunk, tmp_path / "small.safetensors")
    for build in (Transformer, Transformer()):
        loaded = load_shrunk(tmp_path / "small.safetensors", build).eval()
        assert torch.equal(loaded(words), shrunk.model(words)) and loaded.head.weight is loaded.words.weight
    description = describe_shrunk(tmp_path / "small.safetensors")
    assert description["numbers"] == {"layers.0.attention": {"heads": [4, 3]}} and json.dumps(description)


def test_a_file_remembers_the_inputs(tmp_path):
    model, x = mlp(), torch.randn(9, 12)
    zero(model[0].weight, slice(None), [1, 4, 5])
    shrunk = shrink(model, x, drop_inputs=True)
    save_shrunk(shrunk, tmp_path / "small.safetensors")
    kept = describe_shrunk(tmp_path / "small.safetensors")["inputs"][0]["1"]
    assert torch.equal(load_shrunk(tmp_path / "small.safetensors", mlp)(x[:, kept]), shrunk.model(x[:, kept]))


def test_an_altered_or_foreign_file_is_refused(tmp_path):
    model, x = zeroed_mlp(), torch.randn(9, 12)
    path, bad = tmp_path / "small.safetensors", tmp_path / "bad.safetensors"
    save_shrunk(shrink(model, x), path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in (9, len(content) - 1, *rng.integers(0, len(content), 30)):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(FormatError):
            load_shrunk(bad, mlp)
    for end in (0, 5, 100, len(content) - 4):
        bad.write_bytes(content[:end])
        with pytest.raises(FormatError, match="cut short or altered"):
            load_shrunk(bad, mlp)
    with pytest.raises(FormatError, match="of another model"):
        load_shrunk(path, nn.Sequential(nn.Linear(12, 41), nn.ReLU(), nn.Linear(41, 30), nn.ReLU(), nn.Linear(30, 5)))
    with pytest.raises(DataError, match="no file"):
        load_shrunk(tmp_path / "absent", mlp)


def test_a_file_of_group_norms(tmp_path):
    model, x = randomise(GroupNormed()), torch.randn(5, 3, 9, 9)
    zero(model.conv2.weight, slice(None), slice(4, 12))
    shrunk = shrink(model, x)
    save_shrunk(shrunk, tmp_path / "net.safetensors")
    loaded = load_shrunk(tmp_path / "net.safetensors", GroupNormed).eval()
    assert loaded.norm1.num_groups == 4 and torch.equal(loaded(x), shrunk.model(x))


def test_a_file_of_an_instance_norm_without_tensors(tmp_path):
    def build():
        return nn.Sequential(nn.Conv1d(3, 8, 1), nn.InstanceNorm1d(8), nn.ReLU(), nn.Conv1d(8, 2, 1))

    model, x = randomise(build()), torch.randn(5, 3, 9)
    zero(model[0].weight, slice(0, 3))
    shrunk = shrink(model, x)
    save_shrunk(shrunk, tmp_path / "net.safetensors")
    loaded = load_shrunk(tmp_path / "net.safetensors", build).eval()
    assert loaded[1].num_features == 5 and torch.equal(loaded(x), shrunk.model(x))
