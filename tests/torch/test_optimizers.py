"""The proximal step under any optimizer: the same optimum, the same zeros, and at strength 0 the same bits as without it."""

import inspect
import warnings

import numpy as np
import pytest

import shrinkage as sh
from tests.torch.battery import OPTIMIZERS, Two, batches, half_squares, network, problem, same_bits, st, states, torch, train

nn, optim = torch.nn, torch.optim
PATTERNS = {"a.weight": sh.L1(0.2), "b.weight": st.Groups(sh.L1(0.4), ("blocks", (1, 3)))}


@pytest.fixture(scope="module")
def optimum():
    """The objective of the small problem at its optimum, and the zeros of its lasso, by the library's own solver."""
    X, y = (t.numpy() for t in problem())
    lasso = sh.solve(X, y, sh.SquaredError(), sh.L1(0.2 * len(y)), tol=1e-12)
    groups = sh.solve(X, y, sh.SquaredError(), sh.Grouped(sh.L1(0.4 * len(y)), np.arange(9) // 3), tol=1e-12)
    return (lasso.objective + groups.objective) / len(y), lasso.coef == 0, groups.coef[3:6] == 0


@pytest.mark.parametrize("case", OPTIMIZERS, ids=str)
def test_every_optimizer_ends_at_the_optimum(case, optimum):
    torch.manual_seed(0)
    model, data = Two(9), problem()
    penalties = st.Penalties(model, PATTERNS)
    train(model, st.attach(case.make(model.parameters()), penalties), half_squares, data, case.steps)
    found = st.certificate(model, penalties, half_squares, data)
    assert found.violation < 1e-6
    assert found.objective == pytest.approx(optimum[0], abs=1e-9)
    assert np.array_equal(model.a.weight[0].detach().numpy() == 0, optimum[1])
    assert np.array_equal(model.b.weight[0, 3:6].detach().numpy() == 0, optimum[2])


def forms(case):
    yield {"foreach": False}
    yield {"foreach": True}
    if case.fused:
        yield {"fused": True}


@pytest.mark.parametrize("zero", ["strengths of 0", "a multiplier of 0"])
@pytest.mark.parametrize(("case", "form"), [(c, f) for c in OPTIMIZERS for f in forms(c)], ids=str)
def test_strength_0_changes_no_bit(case, form, zero):
    if "foreach" in form and "foreach" not in inspect.signature(case.kind).parameters:
        pytest.skip("torch has one form of it")
    strength = 0.0 if zero == "strengths of 0" else 0.3
    patterns = {"0.weight": sh.L1(strength) + sh.L2(strength), "2.weight": st.Groups(sh.L1(strength), "columns")}
    runs = []
    for penalised in (False, True):
        model = network()
        optimizer = case.make(model.parameters(), **form)
        if penalised:
            penalties = st.Penalties(model, patterns)
            penalties.strength = 0.0 if zero == "a multiplier of 0" else 1.0
            st.attach(optimizer, penalties)
        for inputs, targets in batches(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        runs.append(states(model))
    assert same_bits(*runs)


NOTHING = [
    sh.L1(np.zeros(6)), sh.MCP(0.0, 3.0), sh.SCAD(0.0, 3.7), sh.L1(0.0) + st.Groups(sh.L1(0.0), "rows"), st.Nuclear(0.0),
    st.Groups(sh.MCP(0.0, 3.0), "rows"), sh.Grouped(sh.L1(0.0), np.arange(24) % 5), 0.0 * st.Groups(sh.L1(1.0), "rows"),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("penalty", NOTHING, ids=repr)
def test_any_penalty_of_strength_0_changes_no_bit(penalty, dtype):
    runs = []
    for penalised in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(6, 4, dtype=dtype)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if penalised:
            st.attach(optimizer, st.Penalties(model, {"weight": penalty}))
        for _ in range(4):
            for p in model.parameters():
                p.grad = torch.randn(p.shape, dtype=dtype)
            optimizer.step()
        runs.append(states(model))
    assert same_bits(*runs)


@pytest.mark.parametrize("case", [case for case in OPTIMIZERS if "maximize" in inspect.signature(case.kind).parameters], ids=str)
def test_maximising_minus_the_loss_shrinks_too(case):
    runs = []
    for sign in (1, -1):
        model = network()
        optimizer = st.attach(case.make(model.parameters(), maximize=sign < 0), st.Penalties(model, {"*.weight": sh.L1(1e-2)}))
        for inputs, targets in batches(3):
            optimizer.zero_grad()
            (sign * nn.functional.cross_entropy(model(inputs), targets)).backward()
            optimizer.step()
        runs.append(states(model))
    assert same_bits(*runs)


@pytest.mark.parametrize("make", [st.ProxSGD, st.ProxAdam, st.ProxAdamW])
def test_built_in_and_attached_are_the_same(make):
    base = {st.ProxSGD: optim.SGD, st.ProxAdam: optim.Adam, st.ProxAdamW: optim.AdamW}[make]
    settings = {"weight_decay": 0.0} if base is optim.AdamW else {}
    runs = []
    for built_in in (True, False):
        model = network()
        penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
        if built_in:
            optimizer = make(model.parameters(), penalties, lr=0.01)
        else:
            form = {} if make is st.ProxSGD else {"fused": True}
            optimizer = st.attach(base(model.parameters(), lr=0.01, **settings, **form), penalties)
        for inputs, targets in batches(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        runs.append(states(model))
    assert same_bits(*runs)
    assert (runs[0][0] == 0).any()


def test_the_fused_form_on_a_cpu_unless_another_is_asked_for():
    model = network()
    penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
    for make in (st.ProxAdam, st.ProxAdamW):
        forms_of = [list(model.parameters()), [{"params": model.parameters()}], model.named_parameters(),
                    [{"params": [model[0].weight, model[2].weight]}, {"params": model[0].bias, "lr": 0.1}]]  # fmt: skip
        assert all(make(form, penalties).defaults["fused"] for form in forms_of)
        assert not make(model.parameters(), penalties, fused=False).defaults["fused"]
        assert not make(model.parameters(), penalties, foreach=True).defaults["fused"]
    assert not st.ProxSGD(model.parameters(), penalties).defaults["fused"]


@pytest.mark.parametrize(
    "settings",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}, {"momentum": 0.9, "nesterov": True}],
    ids=["plain", "momentum", "dampening", "nesterov"],
)
def test_the_strength_read_back_is_the_strength_asked(settings):
    """At the optimum of a lasso -gradient * sign(w) is the strength wherever w is not zero."""
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((400, 20)))
    y = X[:, :5] @ torch.tensor([3.0, -2.0, 1.5, 0.3, 0.1]).double() + 0.5 * torch.from_numpy(rng.standard_normal(400))
    model = nn.Linear(20, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    optimizer = st.ProxSGD(model.parameters(), st.Penalties(model, {"weight": sh.L1(0.2)}), lr=0.02, **settings)
    for _ in range(1500):
        optimizer.zero_grad()
        half_squares(model(X), y).backward()
        optimizer.step()
    gradient, w = model.weight.grad, model.weight.detach()
    read = -(gradient * w.sign())[w != 0]
    assert 3 <= len(read) <= 5
    assert [f"{x:.6f}" for x in read] == ["0.200000"] * len(read)


class Lion(optim.Optimizer):
    def __init__(self, params, lr=1e-4):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(group["lr"] * p.grad.sign())


class Mine(optim.Adam):
    def step(self, closure=None):
        return super().step(closure)


def unknown(model):
    weights = [model[0].weight, model[2].weight]
    yield from (kind(weights) for kind in (optim.ASGD, optim.Rprop, optim.LBFGS, optim.SparseAdam, Lion, Mine))
    if hasattr(optim, "Muon"):
        yield optim.Muon(weights)


def test_an_optimizer_without_a_metric_is_refused():
    model = network()
    penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
    for optimizer in unknown(model):
        with pytest.raises(sh.ParameterError, match=f"no rule for {type(optimizer).__name__}"):
            st.attach(optimizer, penalties)
        st.attach(optimizer, penalties, semantics="decoupled")


def test_decoupled_is_a_threshold_of_rate_times_strength():
    plain, prox = network(), network()
    steps = [optim.AdamW(plain.parameters(), lr=0.01), st.attach(optim.AdamW(prox.parameters(), lr=0.01),
             st.Penalties(prox, {"0.weight": sh.L1(0.3)}), "decoupled")]  # fmt: skip
    [(inputs, targets)] = batches(1)
    for model, optimizer in zip((plain, prox), steps, strict=True):
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    assert torch.equal(prox[0].weight, nn.functional.softshrink(plain[0].weight, 0.01 * 0.3))
    assert torch.equal(prox[2].weight, plain[2].weight)


def test_decoupled_zeros_are_where_the_gradient_is_noise():
    """A zero stays under Adam where |mean| / root mean square of the gradient is below the strength, whatever its units."""
    w = nn.Module()
    w.weight = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = st.attach(optim.Adam(w.parameters(), lr=1e-3), st.Penalties(w, {"weight": sh.L1(0.5)}), "decoupled")
    ratios, units = torch.tensor([0.4, 0.6, 0.4, 0.6]).double(), torch.tensor([1.0, 1.0, 1e3, 1e3]).double()
    spread = (1 - ratios**2).sqrt()
    for k in range(400):
        w.weight.grad = units * (ratios + spread * (-1) ** k)
        optimizer.step()
    assert (w.weight == 0).tolist() == [True, False, True, False]


def test_decoupled_decay_under_map_warns():
    model = network()
    penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
    with pytest.warns(UserWarning, match="weight_decay=0.01.*Set weight_decay=0 and add L2"):
        st.attach(optim.AdamW(model.parameters()), penalties)
    with pytest.warns(UserWarning, match="is the gradient of no penalty|the gradient of no penalty"):
        st.ProxAdamW(model.parameters(), penalties, weight_decay=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.ProxAdamW(model.parameters(), penalties)
        st.attach(optim.Adam(model.parameters(), weight_decay=0.1), penalties)  # coupled: a part of the gradient


@pytest.mark.parametrize("strength", [2.0**-7, 0.0123])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_l2_in_the_loss_is_weight_decay(kind, strength):
    """grad + strength * param. A power of two leaves nothing to round in the product; else one rounding may differ."""
    runs = []
    for in_loss in (True, False):
        model = network(dtype=torch.float64)
        penalties = st.Penalties(model, {"*.weight": sh.L2(strength), "0.bias": sh.L2(strength), "2.bias": sh.L2(strength)})
        optimizer = kind(model.parameters(), lr=0.01, weight_decay=0.0 if in_loss else strength)
        for inputs, targets in batches(10, dtype=torch.float64):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            if in_loss:
                penalties.value().backward()
            optimizer.step()
        runs.append(states(model))
    if strength == 2.0**-7:
        assert same_bits(*runs)
    for a, b in zip(*runs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_settings_that_contradict_each_other():
    model = network()
    penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
    adam = optim.Adam(model.parameters())
    with pytest.raises(sh.ParameterError, match="semantics must be one of"):
        st.attach(adam, penalties, "MAP")
    with pytest.raises(sh.ParameterError, match="is no prior, so n="):
        st.attach(adam, st.Penalties(model, {"*.weight": sh.L1(1.0)}, n=100), "decoupled")
    with pytest.raises(sh.ParameterError, match="differentiable=False"):
        st.attach(optim.Adam(model.parameters(), differentiable=True), penalties)
    with pytest.raises(sh.ParameterError, match="Adam does not train 2.weight"):
        st.attach(optim.Adam(model[0].parameters()), penalties)
    with pytest.raises(sh.ParameterError, match="Expected Penalties"):
        st.attach(adam, sh.L1(1.0))
    with pytest.raises(sh.ParameterError, match="0.weight has a prox for one step.*Use SGD"):
        st.attach(adam, st.Penalties(model, {"0.weight": st.Nuclear(1.0)}))
    st.attach(optim.SGD(model.parameters()), st.Penalties(model, {"0.weight": st.Nuclear(1.0)}))
