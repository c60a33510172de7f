"""Penalties: which parameter bears which, at what strength, and that every one is the mathematics it says."""

import re

import numpy as np
import pytest

import shrinkage as sh
from tests.torch.battery import ONE_STEP, PENALTIES, problem, prune, st, torch

nn = torch.nn
ALL = {**PENALTIES, **ONE_STEP}


def on_a_weight(penalty, dtype=torch.float64):
    model = nn.Linear(6, 4, dtype=dtype)
    torch.manual_seed(0)
    nn.init.normal_(model.weight)
    return st.Penalties(model, {"weight": penalty}).entries[0].penalty, model.weight


def steps_for(name):
    torch.manual_seed(1)
    return torch.tensor(0.7, dtype=torch.float64) if name in ONE_STEP else 10 ** (torch.rand(4, 6, dtype=torch.float64) * 4 - 3)


@pytest.mark.parametrize("name", ALL)
def test_prox_satisfies_its_optimality_conditions(name):
    """w = prox(z) minimises P(w) + sum((w - z)^2 / 2s): (z - w) / s is a subgradient of P at w."""
    penalty, weight = on_a_weight(ALL[name])
    step = steps_for(name)
    for scale in (0.01, 0.3, 1.0, 3.0):
        z = scale * weight.detach()
        w = penalty.prox(z, step)
        assert (step * penalty.violation(w, (w - z) / step)).max() < 1e-10


@pytest.mark.parametrize("name", ALL)
def test_prox_beats_its_neighbours(name):
    penalty, weight = on_a_weight(ALL[name])
    step, z = steps_for(name), weight.detach()
    w = penalty.prox(z, step)

    def cost(v):
        return penalty.value(v) + ((v - z) ** 2 / (2 * step)).sum()

    torch.manual_seed(2)
    for size in (1e-1, 1e-3):
        for _ in range(20):
            other = w + size * step.sqrt() * torch.randn_like(w) * (torch.rand_like(w) < 0.5)
            assert cost(w) <= cost(other) + 1e-12


@pytest.mark.parametrize("name", ALL)
def test_a_step_of_zero_changes_nothing(name):
    from shrinkage.torch.updates import update_of

    model = nn.Linear(6, 4)
    entry = st.Penalties(model, {"weight": ALL[name]}).entries[0]
    with torch.no_grad():
        model.weight[0] = 0.0
        before = model.weight.clone()
        for step in (0.0, torch.tensor(0.0), *([] if name in ONE_STEP else [torch.zeros(4, 6)])):
            update_of(entry)(model.weight, step, 1.0)
            assert torch.equal(model.weight, before)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("NonNegative", "Box")])
def test_value_is_differentiable_at_zero_too(name):
    penalty, weight = on_a_weight(ALL[name])
    [gradient] = torch.autograd.grad(penalty.value(weight), weight)
    assert penalty.violation(weight.detach(), -gradient).abs().max() < 1e-10
    zero = torch.zeros(4, 6, dtype=torch.float64, requires_grad=True)
    [gradient] = torch.autograd.grad(penalty.value(zero), zero)
    assert torch.isfinite(gradient).all()
    assert penalty.violation(zero.detach(), -gradient).abs().max() == 0


@pytest.mark.parametrize("spread", [0, 2, 4, 8])
def test_five_newton_rounds_find_the_groups_norm(spread):
    """Against bisection, on 2000 groups of 64 whose steps differ by up to 1e8."""
    torch.manual_seed(0)
    z, step = torch.randn(2000, 64, dtype=torch.float64), 10 ** (spread * torch.rand(2000, 64, dtype=torch.float64))
    strength = 0.5 * (z / step).norm(dim=1).median().item()
    w = st.Groups(sh.L1(strength), "rows").prox(z, step)
    low, high = torch.zeros(2000, 1, dtype=torch.float64), z.norm(dim=1, keepdim=True)
    for _ in range(200):
        middle = (low + high) / 2
        above = (z / (middle + step * strength)).norm(dim=1, keepdim=True) > 1
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    alive = (z / step).norm(dim=1) > strength
    assert torch.equal(alive, (w != 0).any(1)) and 1000 < alive.sum() <= 2000
    error = (w.norm(dim=1, keepdim=True) - low).abs() / low
    assert error[alive].max() < 1e-12


def test_groups_are_what_they_say():
    w = torch.arange(1.0, 25.0).reshape(4, 6)
    values = {
        "rows": w.norm(dim=1).sum(),
        "columns": w.norm(dim=0).sum(),
        "whole": w.norm(),
        ("heads", 2): w[:2].norm() + w[2:].norm(),
        ("head columns", 3): w[:, :2].norm() + w[:, 2:4].norm() + w[:, 4:].norm(),
        ("blocks", (2, 3)): sum(w[i : i + 2, j : j + 3].norm() for i in (0, 2) for j in (0, 3)),
        tuple(np.arange(24) // 12): w[:2].norm() + w[2:].norm(),
    }
    for by, value in values.items():
        assert st.Groups(sh.L1(1.0), by).value(w).item() == pytest.approx(value.item(), rel=1e-6), by
    packed = torch.arange(1.0, 25.0).reshape(12, 2)  # query, key and value of two heads of two
    heads = [torch.cat([packed[i + 2 * h : i + 2 * h + 2] for i in (0, 4, 8)]).norm() for h in (0, 1)]
    assert st.Groups(sh.L1(1.0), ("qkv heads", 2)).value(packed).item() == pytest.approx(sum(heads).item(), rel=1e-6)
    kernel = torch.randn(8, 3, 5, 5)
    filters = kernel.flatten(1).norm(dim=1).sum()
    assert st.Groups(sh.L1(1.0), "filters").value(kernel).item() == pytest.approx(filters.item(), rel=1e-6)
    channels = kernel.movedim(1, 0).flatten(1).norm(dim=1).sum()
    assert st.Groups(sh.L1(1.0), "channels").value(kernel).item() == pytest.approx(channels.item(), rel=1e-6)
    rooted = st.Groups(sh.L1(1.0), "rows", root_size=True).value(w)
    assert rooted.item() == pytest.approx(6**0.5 * w.norm(dim=1).sum().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("row", "names no groups"), (("heads", 3), "does not split into 3 heads"), (("blocks", (3, 3)), "blocks of 3 x 3"),
        (("qkv heads", 2), "query, key and value"), (("towers", 2), "names no groups"), ([0, 1], "2 labels given"),
        (("head columns", 4), "4 heads along"),
    ],
)  # fmt: skip
def test_groups_that_do_not_fit(by, message):
    with pytest.raises(sh.ParameterError, match=message):
        st.Penalties(nn.Linear(6, 4), {"weight": st.Groups(sh.L1(1.0), by)})
    with pytest.raises(sh.ParameterError, match="Groups takes L1"):
        st.Groups(sh.NonNegative())


def test_nuclear_norm_lowers_the_rank():
    torch.manual_seed(0)
    w = (torch.randn(8, 2) @ torch.randn(2, 6) + 0.01 * torch.randn(8, 6)).double()
    out = st.Nuclear(1.0).prox(w, 0.1)
    assert torch.linalg.matrix_rank(w) == 6 and torch.linalg.matrix_rank(out) == 2
    torch.testing.assert_close(torch.linalg.svdvals(out)[:2], torch.linalg.svdvals(w)[:2] - 0.1)


# ---- who gets what


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4, padding_idx=2)
        self.body = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.Conv1d(4, 4, 1))
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight


def got(penalties):
    return {entry.name: entry.penalty for entry in penalties.entries if entry.penalty}


A, B = sh.L1(1.0), sh.L2(1.0)


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ({"*": A}, {"embed.weight": A, "body.0.weight": A, "body.3.weight": A}),
        ({"body.*": A, "*": B}, {"embed.weight": B, "body.0.weight": A, "body.3.weight": A}),
        ({nn.Linear: A}, {"embed.weight": A, "body.0.weight": A}),
        ({nn.Conv1d: A, (nn.Linear, "weight"): B}, {"embed.weight": B, "body.0.weight": B, "body.3.weight": A}),
        ({re.compile(r"\.[03]\.w"): A}, {"body.0.weight": A, "body.3.weight": A}),
        ({"head.weight": A}, {"embed.weight": A}),
        ({"*": A, "body.0.bias": B}, {"embed.weight": A, "body.0.weight": A, "body.3.weight": A, "body.0.bias": B}),
        ({(nn.LayerNorm, "weight"): A}, {"body.1.weight": A}),
        ({"embed.*": None, "*": A}, {"body.0.weight": A, "body.3.weight": A}),
    ],
    ids=str,
)
def test_the_first_pattern_wins(patterns, wanted):
    assert got(st.Penalties(Net(), patterns)) == wanted


def test_the_report_says_why():
    text = str(st.Penalties(Net(), {"body.*": A, "embed.weight": None}, n=100))
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["embed.weight"].endswith("left out by 'embed.weight'") and "embed.weight = head.weight" in lines["embed.weight"]
    assert lines["body.0.weight"].endswith("'body.*'") and "4x4  L1(1)" in lines["body.0.weight"]
    assert lines["body.0.bias"].endswith("a bias: left out unless named exactly")
    assert lines["body.1.weight"].endswith("of a normalisation layer: left out unless named exactly")
    assert text.splitlines()[-1] == "Priors on the sum over n = 100: divided by it, beside the mean negative log likelihood."


def test_tied_weights_count_once_and_padding_not_at_all():
    net = Net()
    rows = [i for i in range(10) if i != 2]
    nn.init.ones_(net.embed.weight)
    penalties = st.Penalties(net, {"embed.*": sh.L1(2.0)})
    assert penalties.value().item() == 2.0 * len(rows) * 4
    assert st.Penalties(net, {"embed.weight": sh.L1(2.0)}).value().item() == 2.0 * 10 * 4  # named exactly
    optimizer = st.ProxSGD([net.embed.weight], penalties, lr=0.1)
    net.embed.weight.grad = torch.zeros(10, 4)
    optimizer.step()
    assert torch.equal(net.embed.weight[2], torch.ones(4))
    torch.testing.assert_close(net.embed.weight[rows], torch.full((9, 4), 0.8))


def test_parametrised_weights_are_refused_with_a_sentence():
    model = nn.Sequential(nn.Linear(3, 3), nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))
    message = "1.weight is parametrised: it is computed from 1.parametrizations.weight.original"
    for pattern in ("*", "*.weight", "1.*", nn.Linear, (nn.Linear, "weight"), re.compile("weight")):
        with pytest.raises(sh.ParameterError, match=message):
            st.Penalties(model, {pattern: sh.L1(1.0)})
    st.Penalties(model, {"1.*": None, "*": sh.L1(1.0)})
    exact = st.Penalties(model, {"1.parametrizations.weight.original1": sh.L1(1.0)})
    assert list(got(exact)) == ["1.parametrizations.weight.original1"]
    pruned = nn.Sequential(nn.Linear(3, 3))
    prune.l1_unstructured(pruned[0], "weight", 2)
    with pytest.raises(sh.ParameterError, match="0.weight is parametrised: it is computed from 0.weight_orig"):
        st.Penalties(pruned, {"*.weight": sh.L1(1.0)})


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"*.wieght": A}, r"'\*.wieght' decides nothing.*embed.weight, body.0.weight"),
        ({"*": A, nn.Linear: B}, "Linear decides nothing"),
        ({"*.bias": A}, "left out unless named exactly"),
        ({3: A}, "3 is no pattern"),
        ({"*": 0.1}, r"'\*' needs a penalty, such as sh.L1"),
        ({"head.weight": sh.L1(np.ones(3))}, "does not fit embed.weight of shape 10x4"),
        ({"head.weight": sh.L1(np.ones((7, 10, 4)))}, "does not fit embed.weight of shape 10x4"),
    ],
    ids=str,
)
def test_patterns_that_make_no_sense(patterns, message):
    with pytest.raises(sh.ParameterError, match=message):
        st.Penalties(Net(), patterns)


def test_what_has_no_real_numbers_is_refused():
    with pytest.raises(sh.ParameterError, match="lazy module first"):
        st.Penalties(nn.LazyLinear(3), {"*": A})
    with pytest.raises(sh.ParameterError, match="complex"):
        st.Penalties(nn.Linear(2, 2, dtype=torch.complex64), {"*": A})


# ---- what a strength means


@pytest.mark.parametrize(
    ("settings", "l1", "l2"),
    [
        ({}, 20.0, 400.0),
        ({"n": 1000}, 1 / (1000 * 0.05), 1 / (1000 * 0.05**2)),
        ({"n": 1000, "noise": 3.0}, 2 * 9 / (1000 * 0.05), 2 * 9 / (1000 * 0.05**2)),
        ({"n": 1000, "noise": 3.0, "outputs": 4}, 2 * 9 / (4000 * 0.05), 2 * 9 / (4000 * 0.05**2)),
    ],
    ids=str,
)
def test_a_prior_is_divided_by_n(settings, l1, l2):
    model = nn.Linear(3, 2)
    nn.init.ones_(model.weight)
    assert st.Penalties(model, {"weight": sh.Laplace(0.05)}, **settings).value().item() == pytest.approx(6 * l1)
    penalties = st.Penalties(model, {"weight": sh.Normal(0.05)}, **settings)
    penalties.value().backward()
    torch.testing.assert_close(model.weight.grad, torch.full((2, 3), l2))  # what weight_decay adds
    if settings.get("n"):
        name = "torch.weight_decay.mse" if "noise" in settings else "torch.weight_decay"
        more = {"sigma": 3.0, "outputs": settings.get("outputs", 1)} if "noise" in settings else {}
        assert sh.scales.convert(l2, name, "prior.Normal.scale", n=1000, **more) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"n": 0}, "n= must be finite and > 0"), ({"noise": 1.0}, "need n= too"), ({"n": 5, "outputs": 2}, "needs noise= too"),
     ({"n": 5, "noise": -1.0}, "noise= must be")],
    ids=str,
)  # fmt: skip
def test_scales_that_make_no_sense(settings, message):
    with pytest.raises(sh.ParameterError, match=message):
        st.Penalties(nn.Linear(2, 2), {"*": A}, **settings)


def test_strength_multiplies_value_violation_and_step():
    model = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    nn.init.ones_(model.weight)
    penalties = st.Penalties(model, {"weight": sh.L1(1.0)})
    penalties.strength = 0.25
    assert penalties.value().item() == 1.5
    model.weight.grad = torch.zeros(2, 3, dtype=torch.float64)
    assert penalties.violation()["weight"].item() == 0.25
    st.ProxSGD(model.parameters(), penalties, lr=0.5).step()
    torch.testing.assert_close(model.weight.detach(), torch.full((2, 3), 1 - 0.125, dtype=torch.float64))
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(sh.ParameterError, match="finite and >= 0"):
            penalties.strength = bad


def test_violation_needs_gradients():
    model = nn.Linear(9, 1, dtype=torch.float64)
    penalties = st.Penalties(model, {"weight": sh.L1(1.0)})
    with pytest.raises(sh.ParameterError, match="call backward"):
        penalties.violation()
    X, y = problem()
    nn.functional.mse_loss(model(X)[:, 0], y).backward()
    found = penalties.violation()
    low = (model.weight.grad + model.weight.detach().sign()).abs().max()
    assert found["weight"].item() == pytest.approx(low.item()) and found["bias"] == model.bias.grad.abs()
