"""Attention loses whole heads."""

from __future__ import annotations

import pytest

from shrinkage.torch import shrink
from tests.torch.battery_shrink import (
    Attention,
    ConcealedAttention,
    SoftmaxAttention,
    Transformer,
    randomise,
    same,
    shapes,
    torch,
    zero,
    zero_head,
)

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("seeded")


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
