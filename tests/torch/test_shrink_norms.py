"""Normalisation: what goes through it, what it keeps, and why."""

from __future__ import annotations

import pytest

from shrinkage.errors import ParameterError
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


# ---- channel by channel

FORMS = [{"affine": affine, "track_running_stats": track} for affine in (False, True) for track in (False, True)]


def instance_normed(axes, **form):
    conv, norm = ((nn.Conv1d, nn.InstanceNorm1d), (nn.Conv2d, nn.InstanceNorm2d), (nn.Conv3d, nn.InstanceNorm3d))[axes - 1]
    model = randomise(nn.Sequential(conv(3, 8, 3), norm(8, **form), nn.SiLU(), conv(8, 6, 1), norm(6), conv(6, 4, 1))).double()
    return model, torch.randn(5, 3, *[5] * axes).double()


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_instance_norm_loses_channels(form, axes):
    model, x = instance_normed(axes, **form)
    zero(model[0].weight, slice(0, 2))  # constant before the norm: what it makes of them goes to the next bias
    zero(model[3].weight, slice(None), 5)  # nothing reads this one
    zero(model[3].weight, 1)  # the norm without tensors makes zero of the bias that is left
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    after = shapes(shrunk.model)
    assert after["0.weight"][:2] == (5, 3) and after["3.weight"][:2] == (5, 5) and after["5.weight"][:2] == (4, 5)
    assert [shrunk.model[i].num_features for i in (1, 4)] == [5, 5] and not shrunk.kept
    shrunk.model.train()(x).square().mean().backward()  # it trains on


def test_a_scale_of_zero_makes_a_constant_of_a_channel():
    model, x = instance_normed(2, affine=True)
    for tensor in (model[1].weight, model[1].bias):
        zero(tensor, 3)
    zero(model[1].weight, 4)
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["1.weight"] == (6,)


def test_instance_norm_of_one_image_without_a_batch():
    model, x = instance_normed(2, affine=True)
    zero(model[0].weight, slice(0, 2))
    shrunk = shrink(model, x[0])
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["1.weight"] == (6,)


def test_an_instance_norm_without_tensors_that_serves_twice_keeps_one_width():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = nn.Conv1d(3, 6, 1), nn.Conv1d(6, 6, 1), nn.Conv1d(6, 2, 1)
            self.norm = nn.InstanceNorm1d(6)

        def forward(self, x):
            return self.last(torch.relu(self.norm(self.second(torch.relu(self.norm(self.first(x)))))))

    model, x = randomise(Twice()).double(), torch.randn(5, 3, 7).double()
    zero(model.first.weight, slice(0, 3))
    zero(model.second.weight, slice(1, 4))
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["second.weight"] == (4, 4, 1) and shrunk.numbers == {"norm": {"num_features": (6, 4)}}


def test_the_function_for_instance_norm_counts_nothing():
    """Two calls of it in one module are two layers, of which each loses its own channels."""

    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = nn.Conv1d(3, 6, 1), nn.Conv1d(6, 6, 1), nn.Conv1d(6, 2, 1)

        def forward(self, x):
            return self.last(torch.relu(F.instance_norm(self.second(torch.relu(F.instance_norm(self.first(x)))))))

    model, x = randomise(Written()).double(), torch.randn(5, 3, 7).double()
    zero(model.first.weight, slice(0, 3))
    zero(model.second.weight, slice(1, 3))
    shrunk = shrink(model, x)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["second.weight"] == (4, 3, 1) and shrunk.numbers == {}


def test_an_instance_norm_over_several_units_keeps_them():
    class Rows(nn.Module):
        """The norm runs along the outputs of a linear layer, which are no channels of it."""

        def __init__(self):
            super().__init__()
            self.first, self.norm, self.second = nn.Linear(6, 8), nn.InstanceNorm1d(4), nn.Linear(8, 3)

        def forward(self, x):
            return self.second(self.norm(self.first(x)))

    model, x = randomise(Rows()), torch.randn(5, 4, 6)
    zero(model.second.weight, slice(None), slice(0, 3))
    shrunk = shrink(model, x)
    same(shrunk, model, x)
    assert shapes(shrunk.model) == shapes(model) and "`norm` (instance_norm): a normalisation takes" in "".join(shrunk.kept)


# ---- where the graph cannot tell


class Concealed(nn.Module):
    """Convolution, normalisation, convolution, with a forward that depends on values."""

    def __init__(self, norm):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv1d(3, 8, 1), norm, nn.Conv1d(8, 4, 1)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        return self.second(x if x.sum() > 0 else -x)


COUPLE = [("first.out", "norm.out", "second.in")]


def concealed(norm, dead):
    """Channels that are zero before the norm and after it, and in what reads them."""
    model = randomise(Concealed(norm)).double()
    for tensor in (model.first.weight, model.first.bias, model.norm.weight, model.norm.bias):
        if tensor is not None:
            zero(tensor, dead)
    zero(model.second.weight, slice(None), dead)
    return model, torch.randn(5, 3, 9).double()


@pytest.mark.parametrize(("dead", "left"), [(slice(0, 4), 4), (slice(0, 3), 6), (slice(1, 2), 8)])
def test_coupled_group_norm_loses_whole_groups(dead, left):
    model, x = concealed(nn.GroupNorm(4, 8), dead)
    shrunk = shrink(model, x, couple=COUPLE)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["norm.weight"] == (left,) and shapes(shrunk.model)["second.weight"] == (4, left, 1)
    assert (shrunk.model.norm.num_groups, shrunk.model.norm.num_channels) == (left // 2, left)
    assert ("1 unit kept: `norm` (GroupNorm): a normalisation takes" in "".join(shrunk.kept)) == (dead != slice(0, 4))


def test_coupled_group_norm_that_the_graph_shows_says_its_reason_once():
    class Sorted(Concealed):
        def forward(self, x):
            return self.second(torch.cumsum(self.norm(self.first(x)), 0))

    model, x = concealed(nn.GroupNorm(4, 8), slice(0, 3))
    model.__class__ = Sorted
    shrunk = shrink(model, x, couple=COUPLE)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["norm.weight"] == (6,) and "".join(shrunk.kept).count("a normalisation takes") == 1


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.InstanceNorm1d])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_coupled_norms_of_channels_lose_channels(norm, form):
    model, x = concealed(norm(8, **form), slice(0, 3))
    shrunk = shrink(model, x, couple=COUPLE)
    same(shrunk, model, x, tol=1e-12)
    assert shapes(shrunk.model)["first.weight"] == (5, 3, 1) and shrunk.model.norm.num_features == 5


def test_a_coupled_group_norm_without_a_scale_is_refused():
    model, x = concealed(nn.GroupNorm(4, 8, affine=False), slice(0, 4))
    with pytest.raises(ParameterError, match="couple: 'norm.out'.*without a scale"):
        shrink(model, x, couple=COUPLE)
