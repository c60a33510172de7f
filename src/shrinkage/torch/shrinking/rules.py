"""What each operation says about units and constants: one table, from the name of an ATen operation to its rule.

A rule is called as the operation is, with values for tensors: rule(trace, node, *args, **kwargs), and gives the result's value.
What the table does not name is a pointwise operation if PyTorch tags it so, and opaque otherwise: its units stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import Node

from shrinkage.torch.shrinking.trace import UNIFORM, Move, Trace, Value, map_values, owner, uniform, values_in
from shrinkage.torch.shrinking.units import first_along, varies

Rule = Callable[..., Any]
GROUPED = "channels of a grouped convolution are removed only where each is a group of its own"
UNSCALED = "a group normalisation without a scale has nothing that says how many channels are left"
COMPUTED = "its weight is computed in forward (a parametrisation, a pruning mask): make it a plain parameter first"


def rule_of(node: Node) -> Rule:
    """The rule of a node of an exported graph."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return RULES.get(getattr(node.target, "__name__", ""), opaque)
    name = node.target._schema.name.removeprefix("aten::")
    if name in RULES:
        return RULES[name]
    return pointwise if torch.Tag.pointwise in node.target.tags else opaque


def reason(node: Node, why: str) -> str:
    """A reason to keep units, with the module and the operation it is about."""
    return f"`{owner(node) or 'the model'}` ({node.name}): {why}"


def opaque(trace: Trace, node: Node, *args: Any, **kwargs: Any) -> Any:
    """An operation that no rule is known for."""
    return trace.opaque(node, values_in((args, kwargs)), reason(node, f"no rule is known for {node.target}"))


# ---- moving elements, and functions of one element


def move(trace: Trace, node: Node, *args: Any, **kwargs: Any) -> Any:
    """The operation itself, on the units and on what is known."""
    if len(values_in(args)) != 1 and not isinstance(args[0], list | tuple):
        return opaque(trace, node, *args, **kwargs)
    args, kwargs = map_values((args, kwargs), trace.plain)
    labels, known = (run(node, args, kwargs, part) for part in ("labels", "known"))
    many = isinstance(labels, list | tuple)
    results = [Value(a, b) for a, b in zip(labels, known, strict=True)] if many else [Value(labels, known)]
    trace.moves.append(Move(node, args, kwargs, results))
    return results if many else results[0]


def run(node: Node, args: Any, kwargs: Any, part: str) -> Any:
    """The node's operation with each value replaced by one of its parts."""
    args, kwargs = map_values((args, kwargs), lambda value: getattr(value, part))
    operation: Any = node.target
    if operation is torch.ops.aten.view.default:  # numbers of units repeat where the values they stand for do not
        operation = torch.ops.aten.reshape.default
    return operation(*args, **kwargs)


def pointwise(trace: Trace, node: Node, *args: Any, **kwargs: Any) -> Value:
    """Each element of the result from the elements at its place: their units are one."""
    args, kwargs = map_values((args, kwargs), trace.plain)
    operands, shape = values_in((args, kwargs)), node.meta["val"].shape
    lead = next((x for x in operands if x.labels.shape == shape), None)
    if lead is None:
        return trace.opaque(node, operands, reason(node, "both operands are broadcast"))
    for x in operands:
        _join_operand(trace, lead.labels, x.labels)
    return Value(lead.labels, _known_pointwise(node, args, kwargs, operands))


def _join_operand(trace: Trace, lead: Tensor, other: Tensor) -> None:
    """The same units, unless one element of `other` meets many units of `lead`: then it stays."""
    wide = other.expand(lead.shape)
    missing = lead.dim() - other.dim()
    repeated = [a for a in range(lead.dim()) if lead.shape[a] > 1 and (a < missing or other.shape[a - missing] == 1)]
    if any(varies(lead, axis) for axis in repeated):
        trace.units.pin(other)
    else:
        trace.units.join(lead, wide)


def _known_pointwise(node: Node, args: Any, kwargs: Any, operands: list[Value]) -> Tensor:
    shape = node.meta["val"].shape
    unknown = torch.full(shape, torch.nan, dtype=torch.float64)
    if not all(n.meta["val"].is_floating_point() for n in (node, *node.all_input_nodes)):
        return unknown
    known = run(node, args, kwargs, "known").to("cpu", torch.float64)
    known = torch.where(sum(x.known.isnan() for x in operands) > 0, unknown, known)  # type: ignore[arg-type]
    if node.target is torch.ops.aten.mul.Tensor:
        known = torch.where(sum(x.known == 0 for x in operands) > 0, torch.zeros_like(known), known)  # type: ignore[arg-type]
    return known


def identity(trace: Trace, node: Node, x: Value, *args: Any, **kwargs: Any) -> Value:
    """Dropout, in eval mode."""
    return x


def nothing(trace: Trace, node: Node, *args: Any, **kwargs: Any) -> None:
    """What has no result and changes nothing."""


def item(trace: Trace, node: Node, results: Any, index: int) -> Any:
    """One of several results."""
    return results[index]


# ---- weights


def linear(trace: Trace, node: Node, x: Value, weight: Value, bias: Value | None = None) -> Any:
    """x (..., columns) times weight (rows, columns), plus bias (rows,)."""
    return _affine(trace, node, x, weight, bias, axis=-1, folds=True)


def convolution(trace: Trace, node: Node, x: Value, weight: Value, bias: Value | None = None, *rest: Any) -> Any:
    """x (..., channels, *space) with weight (rows, channels, *kernel); one filter per channel where groups = channels.

    `rest`: stride, padding, dilation, groups, as far as they are given.
    """
    if weight.source is None:
        return trace.opaque(node, [x, weight], reason(node, COMPUTED))
    shape = trace.tensors[weight.source].shape
    padding, groups = dict(enumerate(rest)).get(1, 0), dict(enumerate(rest)).get(3, 1)
    axis = 1 - len(shape)
    if groups == 1:
        return _affine(trace, node, x, weight, bias, axis=axis, folds=_pads_nothing(padding, shape[2:]), rest=rest)
    if groups == shape[0] and shape[1] == 1 and (bias is None or bias.source):
        x = trace.plain(x)
        trace.units.join(x.labels.movedim(axis, -1), trace.slot(weight.source, 0))
        return _result(trace, node, weight.source, _name(bias), x, axis, rest)
    return trace.opaque(node, [x, weight], reason(node, GROUPED))


def _affine(
    trace: Trace, node: Node, x: Value, weight: Value, bias: Value | None, *, axis: int, folds: bool, rest: tuple[Any, ...] = ()
) -> Any:  # fmt: skip
    if weight.source is None or (bias is not None and bias.source is None):
        return trace.opaque(node, values_in((x, weight, bias)), reason(node, COMPUTED))
    x = trace.plain(x)
    trace.read(weight.source, _name(bias), x, axis, folds=folds)
    return _result(trace, node, weight.source, _name(bias), x, axis, rest)


def _name(value: Value | None) -> str | None:
    return None if value is None else value.source


def _result(trace: Trace, node: Node, weight: str, bias: str | None, x: Value, axis: int, rest: tuple[Any, ...]) -> Value:
    """A row is known where it reads nothing unknown."""
    rows, shape = trace.slot(weight, 0), node.meta["val"].shape
    if bias:
        trace.units.join(trace.slot(bias, 0), rows)
    w, b = trace.tensors[weight], trace.tensors[bias] if bias else None
    value = node.target(x.known.nan_to_num(), w, b, *rest)  # type: ignore[operator]
    unknowns = node.target(x.known.isnan().double(), (w != 0).double(), None, *rest)  # type: ignore[operator]
    labels = rows.view(-1, *[1] * (-axis - 1)).expand(shape)
    return Value(labels, torch.where(unknowns > 0.5, torch.nan, value))


def _pads_nothing(padding: Any, kernel: Any) -> bool:
    if isinstance(padding, str):
        return padding == "valid" or all(size == 1 for size in kernel)
    return not any(padding if isinstance(padding, list | tuple) else [padding])


def embedding(trace: Trace, node: Node, weight: Value, indices: Value, *args: Any) -> Any:
    """Rows of weight (words, dimensions), looked up by number: words stay, dimensions are units."""
    if weight.source is None:
        return trace.opaque(node, [weight], reason(node, COMPUTED))
    trace.units.pin(trace.slot(weight.source, 0))
    shape = node.meta["val"].shape
    return Value(trace.slot(weight.source, 1).expand(shape), uniform(trace.tensors[weight.source]).expand(shape))


def batch_norm(
    trace: Trace, node: Node, x: Value, weight: Value | None, bias: Value | None, mean: Value, var: Value,
    training: bool, momentum: float, eps: float, *args: Any,
) -> Any:  # fmt: skip
    """A line for each channel of x (n, channels, ...), with the running statistics."""
    if training or mean is None:
        return trace.opaque(node, [x], reason(node, "it normalises by the statistics of the batch"))
    x = trace.plain(x)
    names = [v.source for v in (weight, bias, mean, var) if v]
    if not all(names):
        return trace.opaque(node, [x], reason(node, COMPUTED))
    for name in names:
        trace.units.join(x.labels.movedim(1, -1), trace.slot(str(name), 0))
    scale = (trace.tensors[str(var.source)] + eps).rsqrt() * (trace.tensors[str(weight.source)] if weight else 1)
    shift = (trace.tensors[str(bias.source)] if bias else 0) - trace.tensors[str(mean.source)] * scale
    scale, shift = (t.view(-1, *[1] * (x.known.dim() - 2)) for t in (scale, shift))
    return Value(x.labels, torch.where(scale == 0, shift, x.known * scale + shift))


def native_batch_norm(trace: Trace, node: Node, x: Value, *rest: Any) -> Any:
    """The same under the name that functional graphs give it, with two results that nobody reads."""
    result = batch_norm(trace, node, x, *rest[:4], False, *rest[4:])
    return (result, None, None) if isinstance(result, Value) else result


def group_norm(
    trace: Trace, node: Node, x: Value, groups: int, weight: Value | None = None, bias: Value | None = None, eps: float = 1e-5,
    *args: Any,
) -> Any:  # fmt: skip
    """A line for each channel of x (n, channels, ...), in units of its group: whole groups go, and their number falls."""
    if weight is None or not all(v.source for v in (weight, bias) if v):
        return trace.opaque(node, [x], reason(node, UNSCALED if weight is None else COMPUTED))
    x = trace.plain(x)
    trace.units.join_along(x.labels.unflatten(1, (groups, -1)), tuple(range(2, x.labels.dim() + 1)), reason(node, NORM))
    result = _scaled(trace, Value(x.labels, torch.group_norm(x.known, groups, None, None, eps)), weight, bias)
    trace.moves.append(Move(node, (x, groups), {}, [result]))  # outside of nn.GroupNorm the number of groups is as written
    return result


def instance_norm(
    trace: Trace, node: Node, x: Value, weight: Value | None, bias: Value | None, mean: Value | None, var: Value | None,
    own: bool, momentum: float, eps: float, *args: Any,
) -> Any:  # fmt: skip
    """A line for each channel of x (n, channels, ...), by the channel's own mean and scale, or as `batch_norm`."""
    if not own and mean and var:
        return batch_norm(trace, node, x, weight, bias, mean, var, False, momentum, eps)
    if not all(v.source for v in (weight, bias) if v):
        return trace.opaque(node, [x], reason(node, COMPUTED))
    x = trace.plain(x)
    space = tuple(range(2, x.labels.dim()))
    trace.units.join_along(x.labels, space, reason(node, NORM))
    if weight is None and bias is None:
        trace.widths.setdefault(owner(node), []).append(first_along(x.labels, space).movedim(1, -1))
    known = torch.instance_norm(x.known, None, None, None, None, True, 0.0, eps, False)
    low, high = x.known.amin(space, keepdim=True), x.known.amax(space, keepdim=True)
    constant = high - low <= UNIFORM * high.abs().clamp(min=1)  # as `uniform` has it; of NaN it is not
    return _scaled(trace, Value(x.labels, torch.where(constant, 0.0, known)), weight, bias)


def _scaled(trace: Trace, x: Value, weight: Value | None, bias: Value | None) -> Value:
    """Channels of x (n, channels, ...) times a scale, if there is one, plus a shift, if there is one."""
    for name in (v.source for v in (weight, bias) if v):
        trace.units.join(x.labels.movedim(1, -1), trace.slot(str(name), 0))
    scale = trace.tensors[str(weight.source)] if weight else torch.ones(1)
    shift = trace.tensors[str(bias.source)] if bias else torch.zeros(1)
    scale, shift = (t.view(-1, *[1] * (x.known.dim() - 2)) for t in (scale, shift))
    return Value(x.labels, torch.where(scale == 0, shift, x.known * scale + shift))


# ---- mixing along axes


def mixing(axes_of: Callable[..., Any], what: str) -> Rule:
    """A rule for what mixes elements along axes and keeps the shape: units along them go together or not at all."""

    def rule(trace: Trace, node: Node, x: Value, *args: Any, **kwargs: Any) -> Value:
        labels = trace.plain(x).labels
        for computed in values_in(args):
            if computed.source is None:
                trace.units.pin(computed.labels)
        trace.units.join_along(labels, _tuple(axes_of(*args)), reason(node, what))
        return Value(labels, torch.full(labels.shape, torch.nan, dtype=torch.float64))

    return rule


def reduction(trace: Trace, node: Node, x: Value, axes: Any = None, keepdim: bool = False, **kwargs: Any) -> Value:
    """Sums, means and extremes along axes; of everything where none are named."""
    x = trace.plain(x)
    named = _tuple(axes) if axes not in (None, []) else tuple(range(x.labels.dim()))
    trace.units.join_along(x.labels, named)
    labels = first_along(x.labels, named).reshape(node.meta["val"].shape)
    operands = (x,) if axes is None else (x, axes, keepdim)
    return Value(labels, run(node, operands, {}, "known").to(torch.float64))


def spatial(axes: int) -> Rule:
    """A rule for what works on the last axes, channel by channel: pooling, padding, resizing."""

    def rule(trace: Trace, node: Node, x: Value, *args: Any, **kwargs: Any) -> Value:
        x, last = trace.plain(x), tuple(range(-axes, 0))
        trace.units.join_along(x.labels, last)
        labels = first_along(x.labels, last).expand(node.meta["val"].shape)
        return Value(labels, run(node, (x, *args), kwargs, "known"))

    return rule


def halves(trace: Trace, node: Node, x: Value, axis: int = -1) -> Value:
    """A gated linear unit: the first half times the sigmoid of the second. Units go in pairs; a zero of the first is enough."""
    x = trace.plain(x)
    (first, gate), (a, b) = x.labels.chunk(2, axis), x.known.chunk(2, axis)
    trace.units.join(first, gate)
    return Value(first, torch.where(a == 0, torch.zeros_like(a), a * b.sigmoid()))


def padding(trace: Trace, node: Node, x: Value, sizes: list[int], *args: Any, **kwargs: Any) -> Value:
    """Padding of as many last axes as there are pairs of sizes."""
    return spatial(len(sizes) // 2)(trace, node, x, sizes, *args, **kwargs)


def attention(
    trace: Trace, node: Node, query: Value, key: Value, value: Value, mask: Value | None = None, *args: Any, **kwargs: Any
) -> Any:  # fmt: skip
    """softmax(query key') value, each (..., heads, positions, dimensions): whole heads, which query, key and value share."""
    query, key, value = (trace.plain(v) for v in (query, key, value))
    if kwargs.get("enable_gqa"):
        key, value = (_spread_heads(v, query.labels.shape[-3]) for v in (key, value))
    if mask is not None and any(size > 1 for size in trace.plain(mask).labels.shape[:-2][-1:]):
        return trace.opaque(node, [query, key, value, mask], reason(node, "its mask differs from head to head"))
    if mask is not None:
        trace.units.pin(trace.plain(mask).labels)
    heads = _contract(trace, query, key, value)
    shape = node.meta["val"].shape
    known = value.known if mask is None else torch.where(value.known == 0, 0.0, torch.nan)
    return Value(heads.expand(shape), _same_at_all(known).expand(shape))


def _spread_heads(value: Value, heads: int) -> Value:
    times = heads // value.labels.shape[-3]
    return Value(value.labels.repeat_interleave(times, -3), value.known.repeat_interleave(times, -3))


def product(trace: Trace, node: Node, a: Value, b: Value, *args: Any, **kwargs: Any) -> Any:
    """Products of two activations: what both share in front of the last two axes are units, the rest goes together."""
    a, b = trace.plain(a), trace.plain(b)
    if a.labels.shape[:-2] != b.labels.shape[:-2] or a.labels.dim() < 2:
        return trace.opaque(node, [a, b], reason(node, "it multiplies tensors of different leading shapes"))
    shape = node.meta["val"].shape
    zero = (a.known == 0).all(-1, keepdim=True) | (b.known == 0).all(-2, keepdim=True)
    known = torch.where(zero, 0.0, _same_at_all(b.known) if _is_softmax(node.args[0]) else torch.nan)
    return Value(_contract(trace, a, b).expand(shape), known.double().expand(shape))


def _same_at_all(known: Tensor) -> Tensor:
    """(..., 1, dimensions): what is the same at all positions, NaN elsewhere."""
    first = known[..., :1, :]
    return torch.where((known == first).all(-2, keepdim=True), first, torch.nan)


def _is_softmax(node: Any) -> bool:
    """Whether its rows are weights that sum to one: the mean of a constant is the constant."""
    if not isinstance(node, Node) or not isinstance(node.target, torch._ops.OpOverload):
        return False
    name = node.target._schema.name.removeprefix("aten::")
    return name in ("softmax", "_softmax") and node.args[1] in (-1, node.meta["val"].dim() - 1)


def _contract(trace: Trace, *values: Value) -> Tensor:
    """The units of the leading axes, which the operands share; (..., 1, 1)."""
    heads = [first_along(v.labels, (-2, -1)) for v in values]
    for v, head in zip(values, heads, strict=True):
        trace.units.join(v.labels, head)
        trace.units.join(heads[0], head)
    return heads[0]


def _tuple(axes: Any) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)


SOFTMAX = "a softmax runs over units"
NORM = "a normalisation takes its mean or its scale over units, and removing some would change it"

RULES: dict[str, Rule] = {
    **dict.fromkeys(
        "view reshape _unsafe_view flatten unflatten permute transpose t unsqueeze squeeze expand slice select split "
        "split_with_sizes chunk unbind cat stack contiguous clone detach alias repeat repeat_interleave narrow movedim flip roll "
        "pixel_shuffle pixel_unshuffle channel_shuffle".split(),
        move,
    ),
    **dict.fromkeys("hardswish hardsigmoid relu6 selu celu log_sigmoid _to_copy to".split(), pointwise),
    **dict.fromkeys("dropout feature_dropout alpha_dropout".split(), identity),
    "getitem": item,
    "_assert_tensor_metadata": nothing,
    "linear": linear,
    **dict.fromkeys("conv1d conv2d conv3d".split(), convolution),
    "embedding": embedding,
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": native_batch_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "layer_norm": mixing(lambda shape, *rest: range(-len(shape), 0), NORM),
    "rms_norm": mixing(lambda shape, *rest: range(-len(shape), 0), NORM),
    **dict.fromkeys("softmax _softmax log_softmax _log_softmax".split(), mixing(lambda axis, *rest: axis, SOFTMAX)),
    **dict.fromkeys("mean sum amax amin".split(), reduction),
    **dict.fromkeys("max_pool1d avg_pool1d adaptive_avg_pool1d upsample_nearest1d".split(), spatial(1)),
    **dict.fromkeys("max_pool2d avg_pool2d adaptive_avg_pool2d upsample_nearest2d upsample_bilinear2d".split(), spatial(2)),
    **dict.fromkeys("max_pool3d avg_pool3d adaptive_avg_pool3d".split(), spatial(3)),
    "glu": halves,
    "pad": padding,
    "scaled_dot_product_attention": attention,
    **dict.fromkeys("matmul bmm".split(), product),
}
