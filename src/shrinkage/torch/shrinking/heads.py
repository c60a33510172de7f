"""nn.MultiheadAttention with fewer heads than its embedding has room for."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from shrinkage.errors import ParameterError


class NarrowAttention(nn.MultiheadAttention):
    """What is left of an nn.MultiheadAttention: `num_heads` heads of its old `head_dim`, under the same parameter names.

    PyTorch's own forward insists on num_heads * head_dim = embed_dim. Here `in_proj_weight` is (3 num_heads head_dim, embed_dim)
    and `out_proj.weight` (embed_dim, num_heads head_dim). Weights of the attention are not returned: None stands in their place.
    """

    def narrow(self) -> None:
        """Follow the tensors. Called once they have been replaced; it may be called again."""
        self.num_heads = self.out_proj.weight.shape[1] // self.head_dim
        self._qkv_same_embed_dim = False  # keeps nn.TransformerEncoderLayer off its fast path, which has the same assumption

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None, need_weights: bool = True,
        attn_mask: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """As nn.MultiheadAttention: (positions, batch, embed_dim), or batch first, or without a batch."""
        batch_axis = 0 if self.batch_first else 1
        inputs = [x.unsqueeze(batch_axis) if query.dim() == 2 else x for x in (query, key, value)]
        inputs = [x if self.batch_first else x.transpose(0, 1) for x in inputs]
        weights, biases = self.in_proj_weight.chunk(3), (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        q, k, v = (self._heads(F.linear(x, w, b)) for x, w, b in zip(inputs, weights, biases, strict=True))
        mask = _mask(attn_mask, key_padding_mask, q)
        heads = F.scaled_dot_product_attention(q, k, v, mask, self.dropout if self.training else 0.0)
        out = self.out_proj(heads.transpose(1, 2).flatten(2))
        out = out if self.batch_first else out.transpose(0, 1)
        return (out.squeeze(batch_axis) if query.dim() == 2 else out), None

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)


def _mask(attention: Tensor | None, padding: Tensor | None, like: Tensor) -> Tensor | None:
    """One additive mask, (..., positions, positions); True in a boolean one means: not this position."""
    if attention is not None and attention.dim() > 2:
        raise ParameterError(
            "A mask with an entry for each head does not fit heads that were removed: give one (positions, positions)."
        )
    if padding is not None:
        padding = _additive(padding.reshape(-1, 1, 1, padding.shape[-1]), like)
    attention = None if attention is None else _additive(attention, like)
    return padding if attention is None else attention if padding is None else attention + padding


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    return like.new_zeros(mask.shape).masked_fill(mask, float("-inf")) if mask.dtype is not like.dtype else mask
