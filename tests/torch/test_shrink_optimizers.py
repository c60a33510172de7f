"""An optimizer is cut with its network, and training goes on."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import shrinkage as sh
from shrinkage.errors import ParameterError
from shrinkage.torch import Groups, Hierarchy, Penalties, ProxAdam, ProxAdamW, ProxSGD, SkipNet, attach, shrink
from tests.torch.battery_shrink import mlp, shapes, torch, zero, zeroed_mlp

nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.usefixtures("seeded")

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "AdamW": lambda p: torch.optim.AdamW([{"params": p[:2], "lr": 1e-2}, {"params": p[2:]}], lr=1e-3, amsgrad=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5, centered=True),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=1e-2, d=1e9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_after_shrinking_is_the_step_of_the_large_model_where_they_overlap(name):
    model, x, y = zeroed_mlp().double().train(), torch.randn(9, 12).double(), torch.randint(5, (9,))
    optimizer = OPTIMIZERS[name](list(model.parameters()))
    masks = [(p != 0).double() for p in model.parameters()]

    def step(net, opt, masks):
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        for p, mask in zip(net.parameters(), masks, strict=True):
            p.grad.mul_(mask)
        opt.step()
        with torch.no_grad():
            for p, mask in zip(net.parameters(), masks, strict=True):
                p.mul_(mask)

    for _ in range(3):
        step(model, optimizer, masks)
    state = copy.deepcopy(optimizer.state_dict())
    shrunk = shrink(model, x, optimizer)
    assert type(shrunk.optimizer) is type(optimizer) and len(shrunk.optimizer.param_groups) == len(optimizer.param_groups)
    if name == "Adafactor":  # its statistics are means over rows and columns, zeros included: only the state's shapes can agree
        step(shrunk.model, shrunk.optimizer, [torch.ones_like(p) for p in shrunk.model.parameters()])
        return
    for _ in range(3):
        step(model, optimizer, masks)
        step(shrunk.model, shrunk.optimizer, [torch.ones_like(p) for p in shrunk.model.parameters()])
    for (key, small), large in zip(shrunk.model.named_parameters(), model.parameters(), strict=True):
        kept = large[large.reshape(len(large), -1).any(1)] if len(small) < len(large) else large
        kept = kept[:, kept.any(0)] if kept.dim() > 1 and small.shape[1] < kept.shape[1] else kept
        if key in ("2.weight", "2.bias"):
            kept = large[7:] if key == "2.bias" else large[7:][:, [*range(5), *range(25, 40)]]
        assert torch.allclose(small, kept, rtol=0, atol=1e-12), key
    assert state["param_groups"] == optimizer.state_dict()["param_groups"]  # the old one only took its own steps


def train(net, optimizer, x, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()


def dead_mlp():
    model = mlp().double()
    for tensor in (model[0].weight, model[0].bias):
        zero(tensor, slice(5, 25))
    return model, torch.randn(9, 12).double()


def attached(kind, semantics="map", **settings):
    return lambda parameters, penalties, lr: attach(kind(parameters, lr=lr, **settings), penalties, semantics)


MAKERS = {
    "ProxSGD": ProxSGD,
    "ProxAdam": ProxAdam,
    "ProxAdamW": ProxAdamW,
    "SGD": attached(torch.optim.SGD, momentum=0.5),
    "Adam": attached(torch.optim.Adam),
    "AdamW": attached(torch.optim.AdamW, weight_decay=0.0, amsgrad=True),
    "RMSprop": attached(torch.optim.RMSprop),
    "Adadelta": attached(torch.optim.Adadelta, rho=0.5),  # read before a step too
    "Adam, decoupled": attached(torch.optim.Adam, "decoupled"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_penalties_go_on_with_their_optimizer(name):
    """Dead units have no gradient, so with them and without them the network takes the same steps, to the same zeros."""
    model, x = dead_mlp()
    penalties = Penalties(model, {"0.weight": sh.L1(0.3), "2.weight": Groups(sh.L1(5.0), "columns")})
    optimizer = MAKERS[name](model.parameters(), penalties, lr=0.02)
    train(model, optimizer, x, 2)
    shrunk = shrink(model, x, optimizer)
    [carried] = shrunk.penalties
    assert shapes(shrunk.model)["2.weight"] == (30, 20) and carried is not penalties
    assert all(e.parameter is p for e, p in zip(carried.entries, shrunk.model.parameters(), strict=True))

    def objective():
        return (shrunk.model(x).square().mean() + carried.value()).item()

    before = objective()
    train(model, optimizer, x, 40), train(shrunk.model, shrunk.optimizer, x, 40)
    assert objective() < 0.99 * before
    alive = [*range(5), *range(25, 40)]
    for small, large in ((shrunk.model[0].weight, model[0].weight[alive]), (shrunk.model[2].weight, model[2].weight[:, alive])):
        assert torch.allclose(small, large, rtol=0, atol=1e-9) and torch.equal(small == 0, large == 0)
        assert (small == 0).any() or name == "Adadelta"  # whose steps are small at first


def test_every_penalty_that_was_attached_is_carried_over_in_its_order():
    model, x = dead_mlp()
    first, second, third = (Penalties(model, {name: sh.L1(0.1)}) for name in ("0.weight", "2.weight", "4.weight"))
    optimizer = attach(attach(ProxAdam(model.parameters(), first, lr=0.02), second), third, "decoupled")
    train(model, optimizer, x, 2)
    third.strength = 0.5
    once = shrink(model, x, optimizer)
    twice = shrink(once.model, x, once.optimizer)
    for shrunk in (once, twice):
        assert [entry.name for p in shrunk.penalties for entry in p.penalised] == ["0.weight", "2.weight", "4.weight"]
        assert [p.strength for p in shrunk.penalties] == [1.0, 1.0, 0.5]
    train(model, optimizer, x, 20), train(once.model, once.optimizer, x, 20), train(twice.model, twice.optimizer, x, 20)
    for large, a, b in zip(model[4:].parameters(), once.model[4:].parameters(), twice.model[4:].parameters(), strict=True):
        assert torch.allclose(a, large, rtol=0, atol=1e-9) and torch.allclose(b, a, rtol=0, atol=1e-12)
    assert optimizer.penalties is first and shrink(model, x).penalties == ()
    with pytest.raises(ParameterError, match="cannot be copied"):  # of the new one too, and by hand
        copy.deepcopy(once.optimizer)


@pytest.mark.parametrize("make", [ProxSGD, attached(torch.optim.SGD)])
@pytest.mark.parametrize(
    "penalty", [Groups(sh.L1(0.1), "rows", root_size=True), sh.L1(0.01) + Groups(sh.L1(0.1), "whole", root_size=True)]
)
def test_the_root_of_a_size_stays_what_it_was(make, penalty):
    """20 of 40 columns go, and with them half of each row: the strength of the row is not to fall with it."""
    model, x = dead_mlp()
    zero(model[2].weight, slice(None), slice(5, 25))
    penalties = Penalties(model, {"2.weight": penalty})
    optimizer = make(model.parameters(), penalties, lr=0.02)
    shrunk = shrink(model, x, optimizer)
    assert shrunk.penalties[0].value().item() == pytest.approx(penalties.value().item(), rel=1e-12)
    train(model, optimizer, x, 20), train(shrunk.model, shrunk.optimizer, x, 20)
    alive = [*range(5), *range(25, 40)]
    assert torch.allclose(shrunk.model[2].weight, model[2].weight[:, alive], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "penalty",
    [
        Groups(sh.L1(1.0), ("heads", 2)),
        sh.L1(np.full(40, 0.1)),
        sh.L1(np.full(40, 0.1)) + sh.L2(1.0),
        2.0 * (sh.L1(0.1) + Groups(sh.L1(1.0), ("heads", 2))),
    ],
)
@pytest.mark.parametrize("make", [ProxAdam, attached(torch.optim.Adam)])
def test_a_penalty_for_one_shape_is_not_carried_over(make, penalty):
    model, x = zeroed_mlp(), torch.randn(9, 12)
    optimizer = make(model.parameters(), Penalties(model, {"2.weight": penalty}), lr=1e-3)
    with pytest.raises(ParameterError, match="2.weight.*is for its shape before.*make new Penalties"):
        shrink(model, x, optimizer)
    assert shrink(model, x).after.parameters < 2000


def test_a_hierarchy_is_carried_over_unless_rows_of_its_straight_line_go():
    rest = nn.Sequential(nn.ReLU(), nn.Linear(8, 3))
    model, x = nn.Sequential(SkipNet(6, 3, 8, rest), nn.ReLU(), nn.Linear(3, 2)), torch.randn(5, 6)
    penalties = Penalties(model, {"0.first.weight": sh.L2(0.1) + Hierarchy(0.01, skip=3)})
    optimizer = attach(torch.optim.SGD(model.parameters(), lr=0.01), penalties)
    for tensor in (model[0].first.weight, model[0].first.bias):
        zero(tensor, slice(5, 7))
    assert shapes(shrink(model, x, optimizer).model)["0.first.weight"] == (9, 6)
    zero(model[2].weight, slice(None), 0)  # nothing reads the first output
    with pytest.raises(ParameterError, match="0.first.weight.*is for its shape before"):
        shrink(model, x, optimizer)


def test_what_an_optimizer_cannot_carry_over_is_refused():
    model, x = zeroed_mlp(), torch.randn(9, 12)
    with pytest.raises(ParameterError, match="LBFGS"):
        shrink(model, x, torch.optim.LBFGS(model.parameters()))
    with pytest.raises(ParameterError, match="that the model has not"):
        shrink(model, x, torch.optim.SGD(mlp().parameters(), lr=0.1))
    odd = torch.optim.SGD(model.parameters(), lr=0.1)
    odd.state[model[0].weight]["norms"] = torch.ones(3)
    with pytest.raises(ParameterError, match="'norms' of shape"):
        shrink(model, x, odd)
