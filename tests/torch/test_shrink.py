"""Networks get smaller and give the same output: by architecture, by what is refused, in training, in files."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "shrinkage[torch]"')
pytest.importorskip("safetensors", reason='safetensors is not installed: pip install "shrinkage[torch]"')

import torch.nn.functional as F  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

import shrinkage as sh  # noqa: E402
from shrinkage.errors import DataError, FormatError, ParameterError  # noqa: E402
from shrinkage.torch import (  # noqa: E402
    Groups,
    Penalties,
    ProxAdam,
    ProxSGD,
    describe_shrunk,
    load_shrunk,
    save_shrunk,
    shrink,
)
from shrinkage.torch.shrinking.rules import RULES, pointwise  # noqa: E402

ACTIVATIONS = [
    nn.ReLU,
    nn.GELU,
    nn.Sigmoid,
    nn.Tanh,
    nn.SiLU,
    nn.ELU,
    nn.Softplus,
    nn.LeakyReLU,
    nn.Hardswish,
    nn.Softsign,
    nn.Mish,
]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def randomise(model):
    """Every parameter and statistic away from the values it is initialised with, in eval mode."""
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 2) if name.endswith("running_var") else tensor.copy_(torch.randn_like(tensor) / 2)
    return model.eval()


def zero(tensor, *index):
    with torch.no_grad():
        tensor[index] = 0


def same(shrunk, model, *inputs, tol=1e-6):
    """The same output in eval mode, within `tol` of the largest; nothing of the model was touched."""
    small = copy.deepcopy(shrunk.model).eval()
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(*inputs)
        got = small(*shrunk.select(*inputs)) if any(shrunk.inputs) else small(*inputs)
    assert got.shape == expected.shape
    assert float((got - expected).abs().max()) <= tol * max(1.0, float(expected.abs().max()))


def shapes(model):
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


# ---- architectures


class Block(nn.Module):
    """A residual block: its second convolution adds to the channels it reads."""

    def __init__(self, channels, inner):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.norm2 = nn.Conv2d(inner, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class ResNet(nn.Module):
    def __init__(self, channels=16, inner=24):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential(Block(channels, inner), Block(channels, inner))
        self.head = nn.Linear(channels * 4, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.norm(self.stem(x))))
        return self.head(F.max_pool2d(x, 4).flatten(1))


class Attention(nn.Module):
    """Written by hand, with the sizes that change as attributes."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size, self.unrelated = heads, width // heads, heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, self.size).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, -1))


class SoftmaxAttention(Attention):
    """The same with products and a softmax."""

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (y.view(batch, length, self.heads, self.size).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        weights = torch.softmax(q @ k.transpose(-2, -1) / self.size**0.5, -1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class ConcealedAttention(Attention):
    """The same with a size that no attribute holds: the heads cannot go."""

    def forward(self, x):
        batch, length, width = x.shape
        shape = batch, length, self.heads, width // self.heads
        q, k, v = (y.view(shape).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    def __init__(self, width, heads, attention):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), attention(width, heads)
        self.norm2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, attention=Attention, width=32, heads=4, words=20):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Parameter(torch.randn(1, 12, width))
        self.layers = nn.ModuleList(Layer(width, heads, attention) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, words):
        x = self.words(words) + self.places[:, : words.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def mlp(activation=nn.ReLU):
    return randomise(nn.Sequential(nn.Linear(12, 40), activation(), nn.Linear(40, 30), activation(), nn.Linear(30, 5)))


def zeroed_mlp():
    model = mlp()
    for tensor in (model[0].weight, model[0].bias):
        zero(tensor, slice(5, 25))  # rows
    zero(model[4].weight, slice(None), slice(0, 7))  # nothing reads these outputs
    return model


def zero_head(attention, head):
    size = attention.size
    for part in range(3):
        rows = slice((part * attention.heads + head) * size, (part * attention.heads + head + 1) * size)
        zero(attention.qkv.weight, rows)


# ---- the same output, with fewer parameters


def test_an_mlp_loses_rows_and_columns():
    model, x = zeroed_mlp(), torch.randn(9, 12)
    before = copy.deepcopy(model.state_dict())
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["0.weight"] == (20, 12) and shapes(shrunk.model)["2.weight"] == (23, 20)
    assert shapes(shrunk.model)["4.weight"] == (5, 23) and shrunk.model[2].in_features == 20
    assert shrunk.after.parameters == sum(p.numel() for p in shrunk.model.parameters()) < shrunk.before.parameters
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()) and not shrunk.kept


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_dead_unit_with_a_bias_goes_to_the_next_bias(activation):
    model, x = mlp(activation), torch.randn(9, 12)
    zero(model[0].weight, slice(0, 10))  # their biases stay: constants of the activation, some not zero
    shrunk = shrink(model.double(), x.double())
    same(shrunk, model, x.double(), tol=1e-12)
    assert shapes(shrunk.model)["0.weight"] == (30, 12)
    assert not torch.equal(shrunk.model[2].bias, model[2].bias)


def test_a_constant_passes_through_layers_and_batch_norm():
    model = randomise(
        nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    ).double()
    zero(model[0].weight, slice(0, 3))
    zero(model[1].weight, 3)  # a scale of zero makes a constant of a live unit
    zero(model[3].weight, 0, slice(4, 8))  # reads only constants
    shrunk, x = shrink(model, torch.randn(5, 6).double()), torch.randn(5, 6).double()
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["0.weight"] == (4, 6) and shapes(shrunk.model)["1.running_mean"] == (4,)
    assert shapes(shrunk.model)["3.weight"] == (7, 4)


def test_a_reader_without_a_bias_keeps_a_constant_but_not_a_zero():
    model = randomise(nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 3, bias=False)))
    zero(model[0].weight, slice(0, 3))
    assert shapes(shrink(model, torch.randn(5, 6)).model)["0.weight"] == (8, 6)
    model[1] = nn.Tanh()
    zero(model[0].bias, slice(0, 3))
    assert shapes(shrink(model, torch.randn(5, 6)).model)["0.weight"] == (5, 6)


def test_padding_keeps_a_constant_that_is_not_zero():
    def model(padding, mode="zeros"):
        net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.Sigmoid(), nn.Conv2d(6, 4, 3, padding=padding, padding_mode=mode))
        net = randomise(net)
        zero(net[0].weight, slice(0, 2))
        return net

    x = torch.randn(3, 2, 9, 9)
    for net, left in ((model(1), 6), (model(0), 4), (model(1, "reflect"), 4)):
        shrunk = shrink(net, x)
        same(shrunk, net, x)
        assert shapes(shrunk.model)["0.weight"][0] == left


def test_a_residual_cnn_loses_channels_that_are_zero_in_all_that_feed_the_sum():
    model, x = randomise(ResNet()).train(), torch.randn(4, 3, 8, 8)
    for block in model.blocks:
        for tensor in (block.norm1.weight, block.norm1.bias):
            zero(tensor, slice(0, 10))
        for tensor in (block.norm2.weight, block.norm2.bias):
            zero(tensor, slice(0, 6))
    for tensor in (model.norm.weight, model.norm.bias):
        zero(tensor, slice(2, 6))  # 0 and 1 are alive in the stem alone
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    after = shapes(shrunk.model)
    assert after["stem.weight"] == (12, 3, 3, 3) and after["blocks.1.conv1.weight"] == (14, 12, 3, 3)
    assert after["head.weight"] == (10, 12 * 4)  # flattened: a block of four for each channel
    assert shrunk.model.training and shrunk.model.blocks[0].norm1.training
    loss = shrunk.model(x).square().mean()  # in train mode too it runs, and gives what the large one gives
    assert torch.allclose(loss, model(x).square().mean(), rtol=1e-5)


def test_depthwise_convolutions_follow_and_grouped_ones_stay():
    def model(groups):
        layers = [nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Conv1d(8, 8, 3, groups=groups), nn.AdaptiveAvgPool1d(2), nn.Conv1d(8, 4, 1)]
        net = randomise(nn.Sequential(*layers))
        for i in (0, 2):
            zero(net[i].weight, slice(0, 4))
            zero(net[i].bias, slice(0, 4))
        return net

    x, nets = torch.randn(3, 3, 12), {groups: model(groups) for groups in (8, 2)}
    depthwise, grouped = shrink(nets[8], x), shrink(nets[2], x)
    same(depthwise, nets[8], x)
    same(grouped, nets[2], x)
    assert shapes(depthwise.model)["2.weight"] == (4, 1, 3) and depthwise.model[2].groups == 4
    assert shapes(grouped.model)["2.weight"] == (8, 4, 3) and any("`2`" in line and "grouped" in line for line in grouped.kept)


@pytest.mark.parametrize("attention", [Attention, SoftmaxAttention])
def test_a_transformer_loses_whole_heads_and_hidden_units(attention):
    model, words = randomise(Transformer(attention)), torch.randint(20, (3, 8))
    zero_head(model.layers[0].attention, 1)  # its value is a constant, its bias
    zero(model.layers[1].attention.out.weight, slice(None), slice(8, 24))  # nothing reads heads 1 and 2
    zero(model.layers[0].up.weight, slice(0, 100))
    zero(model.layers[1].attention.qkv.weight, slice(64, 68))  # half of the value of head 0: stays
    shrunk = shrink(model.double(), words)
    same(shrunk, model, words, tol=1e-12)
    after = shapes(shrunk.model)
    assert after["layers.0.attention.qkv.weight"] == (72, 32) and after["layers.0.attention.out.weight"] == (32, 24)
    assert after["layers.1.attention.qkv.weight"] == (48, 32) and after["layers.0.up.weight"] == (28, 32)
    assert [layer.attention.heads for layer in shrunk.model.layers] == [3, 2] and type(shrunk.model) is Transformer
    assert [layer.attention.unrelated for layer in shrunk.model.layers] == [4, 4]
    assert shrunk.model.head.weight is shrunk.model.words.weight and after["words.weight"] == (20, 32)
    same(shrunk, model, torch.randint(20, (2, 12)), tol=1e-12)  # another batch and length than the graph was taken of


def test_heads_stay_where_no_attribute_holds_their_number():
    model, words = randomise(Transformer(ConcealedAttention)), torch.randint(20, (3, 8))
    zero_head(model.layers[0].attention, 1)
    zero(model.layers[0].up.weight, slice(0, 100))
    shrunk = shrink(model, words)
    same(shrunk, model, words)
    assert shapes(shrunk.model)["layers.0.attention.qkv.weight"] == (96, 32)
    assert shapes(shrunk.model)["layers.0.up.weight"] == (28, 32)
    assert any("`layers.0.attention`" in line and "attribute" in line for line in shrunk.kept)


@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_of_torch_loses_heads(batch_first):
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=batch_first, norm_first=True)
    model = randomise(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)).double()
    x, padding = torch.randn(5, 7, 32).double(), torch.zeros((5, 7) if batch_first else (7, 5), dtype=torch.bool)
    for i, encoder in enumerate(model.layers):
        zero(encoder.self_attn.out_proj.weight, slice(None), slice(8 * i, 8 * i + 16))
        zero(encoder.linear1.weight, slice(0, 20))
    padding[1, 4:] = True
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    after = shapes(shrunk.model)
    assert after["layers.1.self_attn.in_proj_weight"] == (48, 32) and after["layers.0.linear1.weight"] == (44, 32)
    length = x.shape[1 if batch_first else 0]
    mask = torch.ones(length, length).triu(1).bool()
    for keywords in ({"src_key_padding_mask": padding}, {"mask": mask}, {"mask": mask, "src_key_padding_mask": padding}):
        assert torch.allclose(shrunk.model(x, **keywords), model(x, **keywords), atol=1e-12)
    again = shrink(shrunk.model, x)
    same(again, model, x, tol=1e-12)
    assert shapes(again.model) == after


@pytest.mark.parametrize("native", [True, False])
def test_a_key_that_serves_several_heads_goes_with_all_of_them(native):
    class Grouped(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads, self.shared, self.size = 4, 2, 8
            self.q, self.k, self.v, self.out = nn.Linear(32, 32), nn.Linear(32, 16), nn.Linear(32, 16), nn.Linear(32, 32)

        def forward(self, x):
            q = self.q(x).unflatten(-1, (self.heads, self.size)).transpose(1, 2)
            k, v = (layer(x).unflatten(-1, (self.shared, self.size)).transpose(1, 2) for layer in (self.k, self.v))
            if not native:
                k, v = (y.repeat_interleave(self.heads // self.shared, 1) for y in (k, v))
            y = F.scaled_dot_product_attention(q, k, v, enable_gqa=native)
            return self.out(y.transpose(1, 2).flatten(2))

    model, x = randomise(Grouped()).double(), torch.randn(3, 6, 32).double()
    zero(model.v.weight, slice(0, 8))
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    assert (shrunk.model.heads, shrunk.model.shared, shrunk.model.size) == (2, 1, 8)
    assert shapes(shrunk.model)["q.weight"] == (16, 32) and shapes(shrunk.model)["out.weight"] == (32, 16)


def test_a_channel_gate_and_two_embeddings_follow():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(9, 8), nn.Embedding(12, 8)
            self.down, self.up, self.head = nn.Linear(8, 4), nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, words):
            x = self.words(words) + self.places(torch.arange(words.shape[1]))
            gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean(1, keepdim=True)))))
            return self.head((x * gate).amax(1))

    model, words = randomise(Gate()), torch.randint(9, (3, 5))
    zero(model.words.weight, slice(None), slice(0, 3))
    zero(model.places.weight, slice(None), slice(1, 4))  # 1 and 2 are zero in both
    shrunk = shrink(model, words)
    same(shrunk, model, torch.randint(9, (2, 12)))
    after = shapes(shrunk.model)
    assert after["words.weight"] == (9, 6) and after["places.weight"] == (12, 6) and after["up.weight"] == (6, 4)


def test_concatenated_outputs_are_followed():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Linear(6, 10), nn.Linear(6, 12), nn.Linear(22, 3)

        def forward(self, x):
            return self.head(torch.cat([torch.tanh(self.a(x)), torch.sigmoid(self.b(x))], 1))

    model, x = randomise(Net()), torch.randn(5, 6)
    zero(model.a.weight, slice(0, 4))
    zero(model.head.weight, slice(None), slice(10, 15))
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["a.weight"] == (6, 6) and shapes(shrunk.model)["b.weight"] == (7, 6)
    assert shapes(shrunk.model)["head.weight"] == (3, 13)


def test_tied_weights_stay_tied_and_are_cut_once():
    class Tied(nn.Module):
        """Two layers share a square weight, whose rows and columns are then the same units."""

        def __init__(self):
            super().__init__()
            self.first, self.inner, self.again, self.head = (
                nn.Linear(6, 10),
                nn.Linear(10, 10),
                nn.Linear(10, 10),
                nn.Linear(10, 3),
            )
            self.again.weight = self.inner.weight

        def forward(self, x):
            x = torch.relu(self.first(x))
            return self.head(torch.relu(self.again(torch.relu(self.inner(x)))))

    model, x = randomise(Tied()), torch.randn(5, 6)
    for layer in (model.first, model.inner, model.again):
        zero(layer.weight, slice(0, 3))
        zero(layer.bias, slice(0, 3))
    zero(model.first.weight, 5)
    zero(model.first.bias, 5)  # dead in one of the places only
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shrunk.model.again.weight is shrunk.model.inner.weight and shapes(shrunk.model)["inner.weight"] == (7, 7)


def test_gates_multiply_and_one_zero_is_enough():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.up, self.down = (nn.Linear(6, 20, bias=False), nn.Linear(6, 20, bias=False), nn.Linear(20, 6))

        def forward(self, x):
            return self.down(F.silu(self.gate(x)) * self.up(x))

    model, x = randomise(Gated()), torch.randn(5, 6)
    zero(model.gate.weight, slice(0, 8))
    zero(model.up.weight, slice(8, 12))
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert all(shapes(shrunk.model)[name] == (8, 6) for name in ("gate.weight", "up.weight"))


@pytest.mark.parametrize("bias", [False, True])
def test_gated_linear_units_go_in_pairs(bias):
    """Where the gated half is zero the product is; where the gate is, half of the other is left."""
    model, x = randomise(nn.Sequential(nn.Linear(6, 40, bias=bias), nn.GLU(), nn.Linear(20, 3))), torch.randn(5, 6)
    zero(model[0].weight, slice(0, 8))
    zero(model[0].weight, slice(30, 34))
    if bias:
        zero(model[0].bias, slice(0, 8))
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["0.weight"] == (24, 6) and shapes(shrunk.model)["2.weight"] == (3, 12)


def test_a_layer_of_nothing_keeps_one_unit():
    model, x = mlp(), torch.randn(9, 12)
    zero(model[0].weight, slice(None))
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["0.weight"] == (1, 12) and any("one unit" in line for line in shrunk.kept)


def test_inputs_that_nothing_reads_go_if_asked():
    model, x = mlp(), torch.randn(9, 12)
    zero(model[0].weight, slice(None), [1, 4, 5])
    assert shapes(shrink(model, x).model)["0.weight"] == (40, 12)
    shrunk = shrink(model, x, drop_inputs=True)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["0.weight"] == (40, 9) and shrunk.inputs[0][1].tolist() == [0, 2, 3, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    "name", sorted(name for name, rule in RULES.items() if rule is pointwise and name not in ("to", "_to_copy"))
)
def test_what_the_table_calls_pointwise_is(name):
    operation, x = getattr(torch.ops.aten, name), torch.randn(3, 4)
    y = operation(x)
    assert all(torch.allclose(operation(x[i, j]), y[i, j]) for i in range(3) for j in range(4))


# ---- random networks, random zeros


class Random(nn.Module):
    """Convolutions with a residual sum, normalisation, concatenation, pooling, flattening and linear layers."""

    def __init__(self, draw):
        super().__init__()
        sizes = st.integers(2, 6)
        a, b, c, d = (draw(sizes) for _ in range(4))
        bias, pad = draw(st.booleans()), draw(st.sampled_from([0, 1]))
        self.activation = draw(st.sampled_from([torch.relu, torch.tanh, torch.sigmoid, F.gelu, F.silu]))
        self.stem = nn.Conv2d(2, a, 3, padding=1, bias=bias)
        groups = draw(st.sampled_from([g for g in range(1, a + 1) if a % g == 0]))
        self.norm = draw(st.sampled_from([nn.BatchNorm2d(a), nn.GroupNorm(groups, a)]))
        self.side = nn.Conv2d(a, a, 3, padding=1, bias=draw(st.booleans()))
        self.depth = nn.Conv2d(a, a, 3, padding=pad, groups=a)
        self.other = nn.Conv2d(a, b, 3, padding=pad)
        self.first, self.second = nn.Linear((a + b) * 4, c), nn.Linear(c, d, bias=bias)
        self.head = nn.Linear(d, 2)

    def forward(self, x):
        x = self.activation(self.norm(self.stem(x)))
        x = x + self.activation(self.side(x))
        x = torch.cat([self.depth(x), self.activation(self.other(x))], 1)
        x = F.adaptive_avg_pool2d(x, 2).flatten(1)
        return self.head(self.activation(self.second(self.activation(self.first(x)))))


@pytest.mark.timeout(600)
@settings(max_examples=20)
@given(st.data())
def test_random_networks_with_random_zeros(data):
    torch.manual_seed(data.draw(st.integers(0, 2**31)))
    model = randomise(Random(data.draw))
    for name, tensor in model.named_parameters():
        for axis in range(min(2, tensor.dim())):
            rows = data.draw(
                st.lists(st.integers(0, tensor.shape[axis] - 1), max_size=tensor.shape[axis]), label=f"{name} {axis}"
            )
            with torch.no_grad():
                tensor.movedim(axis, 0)[rows] = 0
    dtype, tol = data.draw(st.sampled_from([(torch.float32, 1e-6), (torch.float64, 1e-12)]))
    shrunk = shrink(model.to(dtype), torch.randn(3, 2, 6, 6, dtype=dtype))
    same(shrunk, model, torch.randn(4, 2, 6, 6, dtype=dtype), tol=tol)


# ---- training goes on

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "AdamW": lambda p: torch.optim.AdamW([{"params": p[:2], "lr": 1e-2}, {"params": p[2:]}], lr=1e-3, amsgrad=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5, centered=True),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=1e-2, d=1e9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_after_shrinking_is_the_step_of_the_large_model_where_they_overlap(name):
    model, x, y = zeroed_mlp().double().train(), torch.randn(9, 12).double(), torch.randint(5, (9,))
    optimizer = OPTIMIZERS[name](list(model.parameters()))
    masks = [(p != 0).double() for p in model.parameters()]

    def step(net, opt, masks):
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        for p, mask in zip(net.parameters(), masks, strict=True):
            p.grad.mul_(mask)
        opt.step()
        with torch.no_grad():
            for p, mask in zip(net.parameters(), masks, strict=True):
                p.mul_(mask)

    for _ in range(3):
        step(model, optimizer, masks)
    state = copy.deepcopy(optimizer.state_dict())
    shrunk = shrink(model, x, optimizer)
    assert type(shrunk.optimizer) is type(optimizer) and len(shrunk.optimizer.param_groups) == len(optimizer.param_groups)
    if name == "Adafactor":  # its statistics are means over rows and columns, zeros included: only the state's shapes can agree
        step(shrunk.model, shrunk.optimizer, [torch.ones_like(p) for p in shrunk.model.parameters()])
        return
    for _ in range(3):
        step(model, optimizer, masks)
        step(shrunk.model, shrunk.optimizer, [torch.ones_like(p) for p in shrunk.model.parameters()])
    for (key, small), large in zip(shrunk.model.named_parameters(), model.parameters(), strict=True):
        kept = large[large.reshape(len(large), -1).any(1)] if len(small) < len(large) else large
        kept = kept[:, kept.any(0)] if kept.dim() > 1 and small.shape[1] < kept.shape[1] else kept
        if key in ("2.weight", "2.bias"):
            kept = large[7:] if key == "2.bias" else large[7:][:, [*range(5), *range(25, 40)]]
        assert torch.allclose(small, kept, rtol=0, atol=1e-12), key
    assert state["param_groups"] == optimizer.state_dict()["param_groups"]  # the old one only took its own steps


@pytest.mark.parametrize("make", [ProxSGD, ProxAdam])
def test_penalties_go_on_with_an_optimizer_of_ours(make):
    """Dead units have no gradient, so with them and without them the network takes the same steps, to the same zeros."""
    model, x = mlp().double(), torch.randn(9, 12).double()
    for tensor in (model[0].weight, model[0].bias):
        zero(tensor, slice(5, 25))
    penalties = Penalties(model, {"0.weight": sh.L1(0.3), "2.weight": Groups(sh.L1(5.0), "columns")})
    optimizer = make(model.parameters(), penalties, lr=0.02)

    def train(net, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()

    train(model, optimizer, 2)
    shrunk = shrink(model, x, optimizer)
    assert shapes(shrunk.model)["2.weight"] == (30, 20) and shrunk.optimizer.penalties is not penalties
    train(model, optimizer, 40), train(shrunk.model, shrunk.optimizer, 40)
    alive = [*range(5), *range(25, 40)]
    for small, large in ((shrunk.model[0].weight, model[0].weight[alive]), (shrunk.model[2].weight, model[2].weight[:, alive])):
        assert torch.allclose(small, large, rtol=0, atol=1e-9) and torch.equal(small == 0, large == 0)
        assert (small == 0).any()


@pytest.mark.parametrize(
    "penalty", [Groups(sh.L1(1.0), ("heads", 2)), sh.L1(np.full(40, 0.1)), sh.L1(np.full(40, 0.1)) + sh.L2(1.0)]
)
def test_a_penalty_for_one_shape_is_not_carried_over(penalty):
    model, x = zeroed_mlp(), torch.randn(9, 12)
    optimizer = ProxAdam(model.parameters(), Penalties(model, {"2.weight": penalty}))
    with pytest.raises(ParameterError, match="2.weight.*is for its shape before.*make new Penalties"):
        shrink(model, x, optimizer)
    assert shrink(model, x).after.parameters < 2000


def test_what_an_optimizer_cannot_carry_over_is_refused():
    model, x = zeroed_mlp(), torch.randn(9, 12)
    with pytest.raises(ParameterError, match="LBFGS"):
        shrink(model, x, torch.optim.LBFGS(model.parameters()))
    with pytest.raises(ParameterError, match="that the model has not"):
        shrink(model, x, torch.optim.SGD(mlp().parameters(), lr=0.1))
    odd = torch.optim.SGD(model.parameters(), lr=0.1)
    odd.state[model[0].weight]["norms"] = torch.ones(3)
    with pytest.raises(ParameterError, match="'norms' of shape"):
        shrink(model, x, odd)


# ---- what is kept, what is refused, and the way out


class Sorted(nn.Module):
    """Something no rule is known for, which leaves zeros where they are, lies between two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 10), nn.Linear(10, 3)

    def forward(self, x):
        return self.second(torch.cumsum(self.first(x), 0))


class Branching(Sorted):
    """A forward that depends on values."""

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.second(x if x.sum() > 0 else -x)


def dead(model):
    zero(model.first.weight, slice(0, 4))
    zero(model.first.bias, slice(0, 4))
    return model


COUPLE = [("first.out", "second.in")]


def test_units_that_enter_an_unknown_operation_stay_and_the_report_says_so():
    model, x = dead(randomise(Sorted())), torch.randn(5, 6)
    shrunk = shrink(model, x)
    assert shapes(shrunk.model) == shapes(model) and "cumsum" in "".join(shrunk.kept) and "4 units" in str(shrunk)
    coupled = shrink(model, x, couple=COUPLE)
    same(coupled, model, x)
    assert shapes(coupled.model)["first.weight"] == (6, 6) and shapes(coupled.model)["second.weight"] == (3, 6)


def test_a_model_that_cannot_be_followed_is_refused_unless_coupled():
    model, x = dead(randomise(Branching())), torch.randn(5, 6)
    with pytest.raises(ParameterError, match=r"Branching cannot be followed.*couple="):
        shrink(model, x)
    shrunk = shrink(model, x, couple=COUPLE)
    same(shrunk, model, x)
    assert shapes(shrunk.model)["second.weight"] == (3, 6)


def test_a_wrong_couple_is_found_by_the_comparison():
    class Shifted(Sorted):
        def forward(self, x):
            return self.second(torch.cumsum(self.first(x).roll(1, 1), 0))

    model = dead(randomise(Shifted()))
    with pytest.raises(ParameterError, match="gives other outputs"):
        shrink(model, torch.randn(5, 6), couple=COUPLE)


@pytest.mark.parametrize(
    ("couple", "message"),
    [
        ([("first.out", "third.in")], "no module 'third'"),
        ([("first.out", "second.out")], "of one size"),
        ([("first.out",)], "two or more"),
        ([("first.sideways", "second.in")], "is no end"),
    ],
)
def test_a_couple_that_is_none_is_refused(couple, message):
    with pytest.raises(ParameterError, match=message):
        shrink(randomise(Sorted()), torch.randn(5, 6), couple=couple)


def test_layer_norm_keeps_what_it_averages_and_says_so():
    model = randomise(nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3)))
    zero(model[0].weight, slice(0, 3))
    zero(model[2].weight, slice(None), slice(0, 3))
    x = torch.randn(5, 6)
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model) == shapes(model) and "`1` (layer_norm)" in "".join(shrunk.kept)


class GroupNormed(nn.Module):
    """A residual network, normalised in groups of four channels."""

    def __init__(self, norm=nn.GroupNorm):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, padding=1), norm(4, 16)
        self.conv1, self.norm1 = nn.Conv2d(16, 24, 3, padding=1), norm(6, 24)
        self.conv2, self.norm2 = nn.Conv2d(24, 16, 3), norm(4, 16)
        self.head = nn.Linear(16 * 9, 5)

    def forward(self, x):
        x = F.silu(self.norm(self.stem(x)))
        x = x[..., 1:-1, 1:-1] + self.norm2(self.conv2(F.silu(self.norm1(self.conv1(x)))))
        return self.head(F.adaptive_avg_pool2d(x, 3).flatten(1))


class WrittenGroups(nn.Module):
    """A user's own group normalisation: nothing says that `groups` is a number of groups."""

    def __init__(self, groups, channels):
        super().__init__()
        self.groups, self.weight, self.bias = groups, nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.group_norm(x, self.groups, self.weight, self.bias)


def test_group_norm_loses_whole_groups():
    model, x = randomise(GroupNormed()), torch.randn(5, 3, 9, 9)
    zero(model.conv1.weight, slice(0, 8))  # two groups, constant before the norm: they leave its shift
    zero(model.conv1.bias, slice(0, 8))
    for tensor in (model.norm1.weight, model.norm1.bias):
        zero(tensor, slice(12, 18))  # a group and a half of the third layer's inputs: the half stays
    for norm in (model.norm, model.norm2):
        zero(norm.weight, slice(8, 12))
        zero(norm.bias, slice(8, 12))
    shrunk = shrink(model.double(), x.double())
    same(shrunk, model, x.double(), tol=1e-12)
    after = shapes(shrunk.model)
    assert after["conv1.weight"] == (12, 12, 3, 3) and after["norm2.weight"] == (12,) and after["head.weight"] == (5, 12 * 9)
    assert [(n.num_groups, n.num_channels) for n in (shrunk.model.norm, shrunk.model.norm1)] == [(3, 12), (3, 12)]
    assert "2 units kept: `norm1` (group_norm_1): a normalisation takes its mean" in "".join(shrunk.kept)
    shrunk.model(x.double()).square().mean().backward()  # it trains on


@pytest.mark.parametrize(
    ("norm", "why"),
    [
        (WrittenGroups, "no attribute of it"),
        (lambda groups, channels: nn.GroupNorm(groups, channels, affine=False), "without a scale"),
    ],
)
def test_groups_stay_where_nothing_says_their_number(norm, why):
    model, x = randomise(nn.Sequential(nn.Conv2d(3, 8, 3), norm(4, 8), nn.Conv2d(8, 4, 1))), torch.randn(5, 3, 9, 9)
    zero(model[2].weight, slice(None), slice(0, 4))  # nothing reads two of the groups
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model) == shapes(model) and why in "".join(shrunk.kept)


def test_a_file_of_group_norms(tmp_path):
    model, x = randomise(GroupNormed()), torch.randn(5, 3, 9, 9)
    zero(model.conv2.weight, slice(None), slice(4, 12))
    shrunk = shrink(model, x)
    save_shrunk(shrunk, tmp_path / "net.safetensors")
    loaded = load_shrunk(tmp_path / "net.safetensors", GroupNormed).eval()
    assert loaded.norm1.num_groups == 4 and torch.equal(loaded(x), shrunk.model(x))


def test_layer_norm_of_a_head_lets_heads_go():
    """Queries and keys normalised head by head: its own width stays, the heads go."""

    class Normed(Attention):
        def __init__(self, width, heads):
            super().__init__(width, heads)
            self.norm = nn.LayerNorm(width // heads)

        def forward(self, x):
            batch, length, _ = x.shape
            q, k, v = (y.view(batch, length, self.heads, self.size).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
            heads = F.scaled_dot_product_attention(self.norm(q), self.norm(k), v)
            return self.out(heads.transpose(1, 2).reshape(batch, length, -1))

    model, x = randomise(Normed(32, 4)).double(), torch.randn(3, 6, 32).double()
    zero(model.out.weight, slice(None), slice(8, 16))
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["qkv.weight"] == (72, 32) and shapes(shrunk.model)["norm.weight"] == (8,)


def test_a_computed_weight_stays_until_it_is_a_parameter():
    model, x = mlp(), torch.randn(9, 12)
    prune.ln_structured(model[0], "weight", 0.5, n=2, dim=0)
    zero(model[0].bias, slice(None))
    with pytest.raises(ParameterError, match="cannot be copied.*make it a plain parameter"):
        shrink(model, x)
    prune.remove(model[0], "weight")
    plain = shrink(model, x)
    same(plain, model, x)
    assert shapes(plain.model)["0.weight"] == (20, 12)
    zero(model[2].weight, slice(0, 5))
    zero(model[2].bias, slice(0, 5))
    nn.utils.parametrizations.orthogonal(model[4])
    parametrised = shrink(model, x)
    same(parametrised, model, x)
    assert shapes(parametrised.model)["2.weight"] == (30, 20) and "make it a plain parameter" in "".join(parametrised.kept)


def test_a_forward_with_random_numbers_is_refused():
    class Noisy(Sorted):
        def forward(self, x):
            return self.second(torch.relu(self.first(x))) + torch.rand(())

    with pytest.raises(ParameterError, match="gives other outputs"):
        shrink(dead(randomise(Noisy())), torch.randn(5, 6))


# ---- files


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


# ---- the report


def test_the_report_is_a_table():
    text = str(shrink(zeroed_mlp(), torch.randn(9, 12)))
    assert all(word in text for word in ("before", "after", "parameters", "bytes", "time, ms", "0.weight: 40 x 12 -> 20 x 12"))
