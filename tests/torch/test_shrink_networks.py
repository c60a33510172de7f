"""Networks get smaller and give the same output: units, channels, inputs, by architecture."""

from __future__ import annotations

import copy

import pytest

from shrinkage.torch import shrink
from shrinkage.torch.shrinking.rules import RULES, pointwise
from tests.torch.battery_shrink import mlp, randomise, same, shapes, torch, zero, zeroed_mlp

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("seeded")

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


def test_the_report_is_a_table():
    text = str(shrink(zeroed_mlp(), torch.randn(9, 12)))
    assert all(word in text for word in ("before", "after", "parameters", "bytes", "time, ms", "0.weight: 40 x 12 -> 20 x 12"))
