"""Normalisation: what goes through it, what it keeps, and why."""

from __future__ import annotations

import pytest

from shrinkage.torch import shrink
from tests.torch.battery_shrink import GroupNormed, randomise, same, shapes, torch, zero

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("seeded")


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


def test_layer_norm_keeps_what_it_averages_and_says_so():
    model = randomise(nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3)))
    zero(model[0].weight, slice(0, 3))
    zero(model[2].weight, slice(None), slice(0, 3))
    x = torch.randn(5, 6)
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model) == shapes(model) and "`1` (layer_norm)" in "".join(shrunk.kept)


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
