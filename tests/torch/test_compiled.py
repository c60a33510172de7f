"""The compiled proximal step is the one that updates.py and groups.py state, in place, for any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

import shrinkage as sh
from shrinkage.torch import compiled, metrics, updates
from shrinkage.torch.metrics import METRICS, Rule
from tests.torch.battery import OPTIMIZERS, PENALTIES, batches, network, same_bits, st, states, torch

nn = torch.nn
DONE = {
    **{name: PENALTIES[name] for name in ("L1", "L2", "elastic net", "NonNegative", "Box", "rows", "columns", "whole", "heads",
                                          "head columns", "blocks", "group elastic net", "sparse group", "sparse group + L2",
                                          "2 * rows")},
    "MCP": sh.MCP(0.4, 3.0), "SCAD + L2": sh.SCAD(0.5, 3.7) + sh.L2(0.2), "MCP, not convex": sh.MCP(2.0, 1.001),
    "L1 of 0": sh.L1(0.0), "rows under L2": st.Groups(sh.L2(0.5), "rows"),
}  # fmt: skip
LEFT = {name: PENALTIES[name] for name in ("L1 per column", "labels")} | {"MCP in a box": sh.MCP(0.3) + sh.Box(-1, 1)}


def entry_of(penalty, z):
    model = nn.Module()
    model.weight = nn.Parameter(z.clone())
    return st.Penalties(model, {"weight": penalty}).entries[0]


def setting(dtype, unseen):
    """A weight and second moments; some moments are 0 where `unseen`."""
    made = torch.Generator().manual_seed(0)
    z, v = (torch.randn(4, 6, generator=made, dtype=torch.float64).to(dtype) for _ in range(2))
    z[:2] *= 0.01
    z[:, :3] *= 0.01
    v = (v * torch.logspace(-1, 0, 6, dtype=dtype)) ** 2
    if unseen:
        v[1, 2] = v[3] = 0.0
    return z, v


@pytest.mark.parametrize("unseen", [False, True], ids=["seen", "some unseen"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", DONE)
def test_loops_give_what_the_formula_gives(name, dtype, unseen):
    z, v = setting(dtype, unseen)
    entry = entry_of(DONE[name], z)
    group = {"lr": 0.05, "eps": 1e-3, "lr_decay": 0.0}
    state = {"step": torch.tensor(3.0), "sum": v}
    metric = METRICS[torch.optim.Adagrad]
    with torch.no_grad():
        assert compiled.shrink(compiled.recipe(entry), metric, group, state, entry.parameter, 0.7)
        s = 0.05 / (v.sqrt() + 1e-3)
        s = torch.where(v == 0, s[v > 0].min(), s)
        expected = z.clone()
        updates.update_of(entry)(expected, s, 0.7)
    exact = {"rtol": 0, "atol": 0} if name in ("L1", "Box", "L1 of 0") and not unseen else {"rtol": 1e-5, "atol": 1e-6}
    close = {"rtol": 1e-11, "atol": 1e-12} if dtype == torch.float64 else exact
    torch.testing.assert_close(entry.parameter.detach(), expected, **close)
    assert torch.equal(entry.parameter == 0, expected == 0)
    assert (expected == 0).any() == (name not in ("L2", "L1 of 0", "rows under L2", "Box", "whole"))


@pytest.mark.parametrize("name", DONE)
def test_one_step_for_all(name):
    z, _ = setting(torch.float64, False)
    entry = entry_of(DONE[name], z)
    with torch.no_grad():
        assert compiled.shrink(
            compiled.recipe(entry), METRICS[torch.optim.SGD], {"lr": 0.4, "momentum": 0}, {}, entry.parameter, 1.0
        )
    torch.testing.assert_close(entry.parameter.detach(), entry.penalty.prox(z, 0.4), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", LEFT)
def test_what_the_loops_do_not_do(name):
    assert compiled.recipe(entry_of(LEFT[name], setting(torch.float64, False)[0])) is None


def test_long_groups_whose_steps_differ_by_1e8():
    """Longer than a stretch of the loop, and not a multiple of a register."""
    torch.manual_seed(0)
    z = torch.randn(5, 5003, dtype=torch.float64)
    v = torch.logspace(-16, 0, 5003, dtype=torch.float64)[torch.randperm(5003)].expand(5, -1).contiguous() ** 2
    entry = entry_of(st.Groups(sh.L1(1.0), "rows"), z)
    steps = 1e-3 / v.sqrt()
    w = entry.parameter.detach()
    loop = compiled.recipe(entry)
    compiled._all(loop, w, Rule("root", 1e-3, 0.0, v), loop.numbers(1e-6))
    norms = w.norm(dim=1, keepdim=True)
    assert (norms > 0).all()
    conditions = (w - z) + steps * 1e-6 * w / norms  # s times the derivative of the prox's objective
    assert (conditions / (z.abs() + steps * 1e-6)).abs().max() < 1e-9


@pytest.mark.parametrize(
    "penalty", [sh.L1(2e-3) + sh.L2(0.1), st.Groups(sh.L1(0.02), "columns"), st.Groups(sh.L1(0.03), "rows")], ids=repr
)
def test_pieces_and_threads_change_no_bit(monkeypatch, penalty):
    runs, threads = [], torch.get_num_threads()
    try:
        for tile, count in ((compiled.TILE, 1), (61, 1), (1000, 3)):
            monkeypatch.setattr(compiled, "TILE", tile)
            torch.set_num_threads(count)
            torch.manual_seed(0)
            z = torch.randn(300, 251) * 0.1
            z[:, 3], z[5] = 1e-5, 1e-5
            weight = entry_of(penalty, z)
            v = torch.rand(300, 251) ** 4
            v[:, 7] = 0
            loop = compiled.recipe(weight)
            compiled._all(loop, weight.parameter.detach(), Rule("root", 1e-2, 1e-8, v), loop.numbers(1.0))
            runs.append([weight.parameter.detach()])
    finally:
        torch.set_num_threads(threads)
    assert same_bits(runs[0], runs[1]) and same_bits(runs[0], runs[2]) and (runs[0][0] == 0).any()


@pytest.mark.parametrize("case", OPTIMIZERS, ids=str)
def test_training_is_the_same_without_the_loops(case, monkeypatch):
    runs = []
    for loops in (True, False):
        if not loops:
            monkeypatch.setattr(compiled, "recipe", lambda entry: None)
        model = network(dtype=torch.float64)
        penalties = st.Penalties(model, {"0.weight": st.Groups(sh.L1(2e-3), "columns"), "2.weight": sh.L1(0.02) + sh.L2(1e-3)})
        optimizer = st.attach(case.make(model.parameters(), lr=case.settings["lr"] / 10), penalties)
        for inputs, targets in batches(3, dtype=torch.float64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        runs.append(states(model))
    for a, b in zip(*runs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("least", [None, 0.1, 10.0], ids=["plain", "near its least", "below its least"])
@pytest.mark.parametrize("tile", [1, 6, 50, 10**6])
def test_a_moment_of_rank_one(monkeypatch, tile, least):
    """Adafactor's, made piece by piece, with rows and columns that have had no gradient, and entries below its least."""
    monkeypatch.setattr(metrics, "TILE", tile)
    runs, penalty, scale = [], sh.L1(max(0.2, least or 0)) + sh.L2(0.1), torch.logspace(-2, 0, 7, dtype=torch.float64)
    for loops in (True, False):
        weight = nn.Parameter(torch.linspace(-1, 1, 63, dtype=torch.float64).reshape(9, 7))
        model = nn.Module()
        model.weight = weight
        if not loops:
            monkeypatch.setattr(compiled, "recipe", lambda entry: None)
        base = torch.optim.Adafactor([weight], lr=0.05, eps=(least, 1e-3))
        optimizer = st.attach(base, st.Penalties(model, {"weight": penalty}))
        for k in range(3):
            made = torch.Generator().manual_seed(k)
            weight.grad = scale * torch.randn(9, 7, dtype=torch.float64, generator=made)
            weight.grad[4], weight.grad[:, 2] = 0.0, 0.0
            optimizer.step()
        runs.append(weight.detach())
    torch.testing.assert_close(*runs, rtol=1e-10, atol=1e-12)
    assert torch.equal(runs[0] == 0, runs[1] == 0) and (runs[0] == 0).any() and (runs[0] != 0).any()


def test_a_least_that_single_precision_does_not_hold():
    """The paper's 1e-30, squared, is 0: rows without a gradient must not take the others' step away."""
    weight = nn.Parameter(torch.ones(3, 4))
    model = nn.Module()
    model.weight = weight
    optimizer = st.attach(
        torch.optim.Adafactor([weight], lr=0.01, eps=(1e-30, 1e-3)), st.Penalties(model, {"weight": sh.L1(1e3)})
    )
    weight.grad = torch.ones(3, 4)
    weight.grad[1] = 0
    optimizer.step()
    assert (weight[0] == 0).all() and (weight[2] == 0).all()


@pytest.mark.parametrize("size", [1e-3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_adafactors_step_is_how_far_it_moves(dtype, size):
    """Where eps is not given it is that of the weights' own precision."""
    weight = nn.Parameter(torch.ones(4, 8, dtype=dtype))
    base = torch.optim.Adafactor([weight], lr=1.0)
    metric = METRICS[torch.optim.Adafactor]
    [group] = base.param_groups
    before, rms = weight.detach().float().clone(), metric.before(group, {}, weight.detach())
    weight.grad = torch.full((4, 8), size, dtype=dtype)
    base.step()
    state = updates.in_full({**base.state[weight], "grad": weight.grad, "dtype": dtype, "before": rms})
    step = metric.step(group, state, metric.moment(group, state, weight.detach()))
    moved = (before - weight.detach().float()) / weight.grad.float()
    torch.testing.assert_close(step, moved, rtol=0.02, atol=0)


def test_every_set_of_instructions_gives_the_same_numbers():
    """Roots and quotients are rounded correctly everywhere, and sums of groups run over the same lanes."""
    code = """if True:
        import numpy as np
        from shrinkage import _core
        made = np.random.default_rng(0)
        w, v = made.standard_normal((40, 300)).astype("f4"), made.random((40, 300)).astype("f4") ** 4
        ends, steps = (-0.5, np.inf), (1e-2, 1e-8, 0, 0)
        _core.shrink_groups(w, "root", v, None, (*steps, 1e-3, 0.1, *ends, 0, 0, 1, 0.3), True)
        for rule in ("constant", "root", "ratio", "centred", "moves"):
            _core.shrink(w, rule, v, v * v, (*steps, 1e-2, 0.1, *ends, 1e-2, 0, 0.1, 0))
        print(w.astype("f8").sum(), (w == 0).sum(), w.tobytes().hex())
        """
    told = []
    for name in ("avx512", "avx2", "baseline"):
        asked = {**os.environ, "SHRINKAGE_KERNELS": name}
        told.append(subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True).stdout)
    assert len(set(told)) == 1


def test_what_does_not_fit_is_refused():
    from shrinkage import _core

    w, numbers = np.ones((2, 3), np.float32), (1, 0, 0, 0, 1, 0, -np.inf, np.inf, 0, 0, 1, 0)
    with pytest.raises(ValueError, match="float32 or float64"):
        _core.shrink(np.ones(3, int), "constant", None, None, numbers)
    with pytest.raises(ValueError, match="moments must be as w is"):
        _core.shrink(w, "root", np.ones((2, 3)), None, numbers)
    with pytest.raises(ValueError, match="needs moments"):
        _core.shrink(w, "root", None, None, numbers)
    with pytest.raises(ValueError, match="beside"):
        _core.shrink(w, "centred", w.copy(), None, numbers)
    with pytest.raises(ValueError, match="the rule must be"):
        _core.shrink(w, "none", None, None, numbers)
    with pytest.raises(ValueError, match=r"\(groups, size\)"):
        _core.shrink_groups(w[0], "constant", None, None, numbers, True)
