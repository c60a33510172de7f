"""Random networks with random zeros give the same output."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage.torch import shrink
from tests.torch.battery_shrink import randomise, same, torch

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("seeded")


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
        forms = [{"affine": affine, "track_running_stats": track} for affine in (False, True) for track in (False, True)]
        instance = [nn.InstanceNorm2d(a, **form) for form in forms]
        self.norm = draw(st.sampled_from([nn.BatchNorm2d(a), nn.GroupNorm(groups, a), *instance]))
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
    precisions = [(torch.float64, 1e-12)]
    if not isinstance(model.norm, nn.InstanceNorm2d):  # of a constant it makes noise of 300 times the rounding error
        precisions.append((torch.float32, 1e-6))
    dtype, tol = data.draw(st.sampled_from(precisions))
    shrunk = shrink(model.to(dtype), torch.randn(3, 2, 6, 6, dtype=dtype))
    same(shrunk, model, torch.randn(4, 2, 6, 6, dtype=dtype), tol=tol)
