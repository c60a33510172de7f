"""Networks to shrink, with zeros in them, and what a shrunk network is held to."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "shrinkage[torch]"')
pytest.importorskip("safetensors", reason='safetensors is not installed: pip install "shrinkage[torch]"')

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402, F401


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


def mlp(activation=nn.ReLU):
    return randomise(nn.Sequential(nn.Linear(12, 40), activation(), nn.Linear(40, 30), activation(), nn.Linear(30, 5)))


def zeroed_mlp():
    model = mlp()
    for tensor in (model[0].weight, model[0].bias):
        zero(tensor, slice(5, 25))  # rows
    zero(model[4].weight, slice(None), slice(0, 7))  # nothing reads these outputs
    return model


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


def zero_head(attention, head):
    size = attention.size
    for part in range(3):
        rows = slice((part * attention.heads + head) * size, (part * attention.heads + head + 1) * size)
        zero(attention.qkv.weight, rows)


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
