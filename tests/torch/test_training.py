"""Where people train: rates of zero, schedules, accumulation, mixed precision, missing gradients, checkpoints, copies."""

import copy
import io
import pickle

import pytest

import shrinkage as sh
from tests.torch.battery import OPTIMIZERS, batches, network, same_bits, st, states, torch

nn, optim = torch.nn, torch.optim
PATTERNS = {"0.weight": st.Groups(sh.L1(2e-3), "columns"), "2.weight": sh.L1(0.02) + sh.L2(1e-3)}


def backward(model, batch, over=1):
    (nn.functional.cross_entropy(model(batch[0]), batch[1]) / over).backward()


def run(model, optimizer, made, *schedules):
    for batch in made:
        optimizer.zero_grad()
        backward(model, batch)
        optimizer.step()
        for schedule in schedules:
            schedule.step()


@pytest.mark.parametrize("case", OPTIMIZERS, ids=str)
def test_a_rate_of_zero_changes_nothing_and_makes_no_nan(case):
    """Warm-ups start at 0, and checkpoints initialise states by a step at a rate of 0; a row of zeros makes 0 / 0 likely."""
    model = network()
    with torch.no_grad():
        model[0].weight[:, 3] = 0.0
        model[2].weight[1] = 0.0
    optimizer = st.attach(case.make(model.parameters()), st.Penalties(model, PATTERNS))
    before = states(model)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    run(model, optimizer, batches(2))
    assert same_bits(before, states(model))
    for group in optimizer.param_groups:
        group["lr"] = case.settings["lr"] / 100
    run(model, optimizer, batches(2))
    assert not same_bits(before, states(model)) and all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("lr", [0.01, torch.tensor(0.01)], ids=["number", "tensor"])
def test_a_rate_may_be_a_tensor(lr):
    model, other = network(), network()
    run(model, st.ProxAdam(model.parameters(), st.Penalties(model, PATTERNS), lr=lr), batches(3))
    run(other, st.ProxAdam(other.parameters(), st.Penalties(other, PATTERNS), lr=0.01), batches(3))
    for a, b in zip(states(model), states(other), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_ramps_and_schedules_of_the_strength():
    penalties = st.Penalties(network(), PATTERNS)
    penalties.strength = 4.0
    schedule = st.StrengthSchedule(penalties, st.Ramp(4, start=0.5, wait=1))
    seen = [penalties.strength]
    for _ in range(6):
        schedule.step()
        seen.append(penalties.strength)
    assert seen == [2.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.0]
    other = st.StrengthSchedule(st.Penalties(network(), PATTERNS), st.Ramp(4, start=0.5, wait=1))
    other.load_state_dict(schedule.state_dict())
    assert other.penalties.strength == 4.0 and other.count == 6
    with pytest.raises(sh.ParameterError, match="steps >= 1"):
        st.Ramp(0)


def test_accumulated_gradients_take_one_proximal_step():
    whole, parts = network(dtype=torch.float64), network(dtype=torch.float64)
    a, b = (st.ProxAdam(m.parameters(), st.Penalties(m, PATTERNS), lr=0.01) for m in (whole, parts))
    for inputs, targets in batches(4, dtype=torch.float64):
        a.zero_grad(), b.zero_grad()
        backward(whole, (inputs, targets))
        for half in (slice(0, 8), slice(8, 16)):
            backward(parts, (inputs[half], targets[half]), over=2)
        a.step(), b.step()
    for x, y in zip(states(whole), states(parts), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-11)
    assert (whole[2].weight == 0).any()


def test_clipping_does_not_see_the_penalty():
    plain, prox = network(), network()
    optimizer = st.ProxSGD(prox.parameters(), st.Penalties(prox, {"*.weight": sh.L1(0.01)}), lr=0.1)
    [batch] = batches(1)
    norms = []
    for model in (plain, prox):
        backward(model, batch)
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5))
    assert torch.equal(*norms) and norms[0] > 0.5
    optimizer.step()
    stepped = plain[0].weight - 0.1 * plain[0].weight.grad
    torch.testing.assert_close(prox[0].weight, nn.functional.softshrink(stepped, 0.001))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("make", [st.ProxSGD, st.ProxAdam])
def test_an_overflow_changes_nothing(make, fused):
    """GradScaler skips the step of most optimizers, and tells a fused one to skip its own, whose hooks still run."""
    model = network()
    optimizer = make(model.parameters(), st.Penalties(model, PATTERNS), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for overflow in (True, False, True):
        before = states(model)
        for inputs, targets in batches(1):
            optimizer.zero_grad()
            scaler.scale(nn.functional.cross_entropy(model(inputs), targets)).backward()
            if overflow:
                model[0].weight.grad[0, 0] = torch.inf
            scaler.step(optimizer)
            scaler.update()
        assert same_bits(before, states(model)) == overflow
    assert (model[2].weight == 0).any() and all(torch.isfinite(p).all() for p in model.parameters())


def test_scaled_gradients_give_the_same_steps():
    runs = []
    for scaled in (False, True):
        model = network()
        optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, PATTERNS), lr=0.01, fused=True)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        for inputs, targets in batches(4):
            optimizer.zero_grad()
            scaler.scale(nn.functional.cross_entropy(model(inputs), targets)).backward()
            scaler.step(optimizer)
            scaler.update()
        runs.append(states(model))
    for a, b in zip(*runs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert all(torch.equal(a == 0, b == 0) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize("make", [st.ProxSGD, st.ProxAdam])
def test_half_precision(make):
    """Weights in bfloat16: steps are computed in float32, zeros are exact, nothing overflows."""
    model = network(dtype=torch.bfloat16)
    lr, strength = (0.05, 0.6) if make is st.ProxSGD else (0.003, 0.03)
    penalties = st.Penalties(model, {"0.weight": st.Groups(sh.L1(strength), "columns"), "2.weight": sh.L1(0.01)})
    optimizer = make(model.parameters(), penalties, lr=lr)
    run(model, optimizer, batches(30, dtype=torch.bfloat16))
    assert model[0].weight.dtype == torch.bfloat16
    found = st.sparsity(model, penalties)
    assert found.layers[0].columns[0] > 0 and 0 < found.layers[1].zeros < found.layers[1].size
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert penalties.value().dtype == torch.float32


def test_without_a_gradient_a_parameter_is_left_alone():
    model = network()
    optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, {"*.weight": sh.L1(1.0)}), lr=0.01)
    before = states(model)
    backward(model, batches(1)[0])
    model[0].weight.grad = None
    optimizer.step()
    assert torch.equal(model[0].weight, before[0]) and not torch.equal(model[2].weight, before[2])


@pytest.mark.parametrize("case", OPTIMIZERS, ids=str)
def test_a_closure_is_the_same_step(case):
    """Lightning and skorch hand the backward pass to `step`: hooks before it see the gradients of the last step, or none."""
    runs = []
    for inside in (False, True):
        model = network(dtype=torch.float64)
        optimizer = st.attach(case.make(model.parameters()), st.Penalties(model, PATTERNS))
        for batch in batches(3, dtype=torch.float64):

            def closure(model=model, optimizer=optimizer, batch=batch):
                with torch.enable_grad():
                    optimizer.zero_grad()
                    backward(model, batch)

            if inside:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
        runs.append(states(model))
    assert same_bits(*runs)


ADAPTIVE = [case for case in OPTIMIZERS if case.kind is not optim.SGD]


@pytest.mark.parametrize("case", ADAPTIVE, ids=str)
def test_rows_of_an_embedding_that_were_never_seen_are_not_killed(case):
    """Their second moment is 0: rate * strength / eps would be a threshold of thousands. They shrink like the most cautious."""
    torch.manual_seed(0)
    model = nn.Embedding(50, 4)
    optimizer = st.attach(case.make(model.parameters(), lr=1e-3), st.Penalties(model, {"weight": sh.L1(1e-3)}))
    before = model.weight.detach().clone()
    for _ in range(5):
        optimizer.zero_grad()
        (model(torch.tensor([1, 2, 3])) ** 2).sum().backward()
        optimizer.step()
    unseen = [i for i in range(50) if i not in (1, 2, 3)]
    moved = (model.weight - before)[unseen].abs()
    assert moved.max() < 0.02
    assert (model.weight.abs() <= before.abs())[unseen].all() and moved.max() > 0


def test_a_column_without_a_gradient_goes_to_zero_in_time():
    """As the optimum of loss + penalty wants it."""
    torch.manual_seed(0)
    model = nn.Linear(5, 1)
    X, y = torch.randn(50, 5), torch.randn(50, 1)
    X[:, 2] = 0.0
    optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, {"weight": sh.L1(0.05)}), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(X), y).backward()
        optimizer.step()
    assert model.weight[0, 2] == 0


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adagrad])
def test_sparse_gradients_are_as_dense_ones(kind):
    runs = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = nn.Embedding(20, 4, sparse=sparse)
        optimizer = st.attach(kind(model.parameters(), lr=0.1), st.Penalties(model, {"weight": sh.L1(0.1)}))
        for rows in ([1, 2, 2], [3, 1]):
            optimizer.zero_grad()
            (model(torch.tensor(rows)) ** 2).sum().backward()
            optimizer.step()
        runs.append(states(model))
    torch.testing.assert_close(*runs)


def test_low_rank_adapters_survive_their_first_step():
    """B starts at zero, so the gradient of A is exactly zero at first: A must not be thresholded by rate * strength / eps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 4, bias=False), nn.Linear(4, 6, bias=False))
    nn.init.zeros_(model[1].weight)
    optimizer = st.ProxAdamW(model.parameters(), st.Penalties(model, {"*.weight": sh.L1(1e-3)}), lr=1e-2)
    X, y = torch.randn(40, 8), torch.randn(40, 6)
    first = model[0].weight.detach().clone()
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if len(losses) == 1:
            assert torch.equal(model[0].weight, first)
    assert losses[-1] < 0.95 * losses[0] and (model[1].weight != 0).any()


def test_an_average_of_the_weights_with_the_zeros_of_the_last():
    """The mean of weights that were zero most of the time is not zero; with the zeros of the last it is nearer to the optimum."""
    torch.manual_seed(0)
    X = torch.randn(400, 20, dtype=torch.float64)
    y = X[:, :4] @ torch.tensor([2.0, -1.0, 1.0, 0.5]).double() + torch.randn(400, dtype=torch.float64)
    model, loss = nn.Linear(20, 1, bias=False, dtype=torch.float64), nn.MSELoss()
    patterns = {"*weight": sh.L1(0.3)}
    optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, patterns), lr=0.01)
    average = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.99))
    for _ in range(1000):
        rows = torch.randint(0, 400, (32,))
        optimizer.zero_grad()
        loss(model(X[rows])[:, 0], y[rows]).backward()
        optimizer.step()
        average.update_parameters(model)
    assert (model.weight == 0).sum() >= 10 > (average.module.weight == 0).sum()
    with torch.no_grad():
        for mean, last in zip(average.module.parameters(), model.parameters(), strict=True):
            mean[last == 0] = 0.0
    found = [st.certificate(m, st.Penalties(m, patterns), loss, (X, y[:, None])) for m in (average, model)]
    assert torch.equal(average.module.weight == 0, model.weight == 0)
    assert found[0].objective < found[1].objective and found[0].violation < found[1].violation


def parts(seed=0):
    model = network(seed)
    penalties = st.Penalties(model, PATTERNS)
    optimizer = st.attach(optim.Adam(model.parameters(), lr=0.01), penalties)
    return model, optimizer, optim.lr_scheduler.CosineAnnealingLR(optimizer, 10), st.StrengthSchedule(penalties, st.Ramp(8))


def test_a_resumed_run_is_bit_equal_in_the_middle_of_its_schedules():
    made = batches(10)
    whole = parts()
    run(whole[0], whole[1], made, *whole[2:])
    first = parts()
    run(first[0], first[1], made[:5], *first[2:])
    file = io.BytesIO()
    torch.save([part.state_dict() for part in first], file)
    file.seek(0)
    resumed = parts(seed=7)
    for part, state in zip(resumed, torch.load(file), strict=True):
        part.load_state_dict(state)
    run(resumed[0], resumed[1], made[5:], *resumed[2:])
    assert same_bits(states(whole[0]), states(resumed[0])) and (whole[0][2].weight == 0).any()


def test_a_copy_of_an_attached_optimizer_is_refused():
    model = network()
    optimizer = st.attach(optim.Adam(model.parameters()), st.Penalties(model, PATTERNS))
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(sh.ParameterError, match="the copy would train without them"):
            copying(optimizer)


@pytest.mark.parametrize("copying", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("make", [st.ProxSGD, st.ProxAdam, st.ProxAdamW])
def test_a_copy_of_ours_goes_on_bit_equal(make, copying):
    made = batches(6)
    model = network()
    optimizer = make(model.parameters(), st.Penalties(model, PATTERNS), lr=0.01)
    run(model, optimizer, made[:3])
    other_model, other = copying((model, optimizer))
    other.load_state_dict(other.state_dict())  # goes through __setstate__ too: one proximal step a step all the same
    run(model, optimizer, made[3:])
    run(other_model, other, made[3:])
    assert same_bits(states(model), states(other_model)) and (model[2].weight == 0).any()


def test_tiles_change_no_bit(monkeypatch):
    """The first weight has 75,000 coefficients: two tiles, or a thousand."""
    from shrinkage.torch import updates

    runs = []
    for tile in (updates.TILE, 61, 10**9):
        monkeypatch.setattr(updates, "TILE", tile)
        model = network()
        penalties = st.Penalties(model, {"*.weight": sh.L1(2e-3) + sh.L2(0.1) + sh.Box(-0.05, 0.05)})
        run(model, st.ProxAdam(model.parameters(), penalties, lr=0.01), batches(3))
        runs.append(states(model))
    assert same_bits(runs[0], runs[1]) and same_bits(runs[0], runs[2])
    assert (runs[0][0] == 0).any() and runs[0][0].abs().max() == torch.tensor(0.05)


def test_any_memory_format():
    runs = []
    for form in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        model = nn.Conv2d(32, 64, 5).to(memory_format=form)
        optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, {"weight": sh.L1(1e-2)}), lr=0.01)
        made = torch.Generator().manual_seed(1)
        for _ in range(2):
            optimizer.zero_grad()
            (model(torch.randn(2, 32, 9, 9, generator=made)) ** 2).mean().backward()
            optimizer.step()
        runs.append(states(model))
    for a, b in zip(*runs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert (runs[0][0] == 0).any()


def test_a_compiled_step_is_the_same_step():
    """Traced by dynamo and run without the code generator, which needs minutes. torch itself then counts steps in float32."""
    runs = []
    for compiled in (False, True):
        model = network(dtype=torch.float64)
        optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, PATTERNS), lr=torch.tensor(0.01, dtype=torch.float64))
        step = torch.compile(optimizer.step, backend="eager") if compiled else optimizer.step
        for batch in batches(4, dtype=torch.float64):
            optimizer.zero_grad()
            backward(model, batch)
            step()
        runs.append(states(model))
    for a, b in zip(*runs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    zeros = [(run[2] == 0).sum().item() for run in runs]
    assert zeros[0] > 10 and abs(zeros[0] - zeros[1]) <= 2


def attached(kind, **settings):
    """(its plain form, the same with penalties attached), each a function from a model to an optimizer."""

    def with_penalties(model):
        return st.attach(kind(model.parameters(), **settings), st.Penalties(model, PATTERNS))

    return lambda model: kind(model.parameters(), **settings), with_penalties


RATE = torch.tensor(0.01)
COMPILED = {
    "attach to SGD": attached(optim.SGD, lr=0.01, momentum=0.9, foreach=False),
    "attach to AdamW": attached(optim.AdamW, lr=RATE, weight_decay=0.0, foreach=False),
    "attach to Adadelta, which is read before a step too": attached(optim.Adadelta, lr=0.01, foreach=False),
    "ProxAdamW": (
        lambda model: optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True),
        lambda model: st.ProxAdamW(model.parameters(), st.Penalties(model, PATTERNS), lr=RATE),
    ),
    "ProxAdamW, not fused": (
        lambda model: optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, foreach=False),
        lambda model: st.ProxAdamW(model.parameters(), st.Penalties(model, PATTERNS), lr=RATE, foreach=False),
    ),
}


def graphs_and_breaks(make, inside):
    """Of two steps: operations in each graph that is compiled, and how often the graph breaks; `inside` a compiled function."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    found, model = [], network()
    optimizer = make(model)
    backward(model, batches(1)[0])
    optimizer.step()

    def backend(graph, inputs):
        found.append(sum(node.op == "call_function" for node in graph.graph.nodes))
        return graph.forward

    step = torch.compile((lambda: optimizer.step()) if inside else optimizer.step, backend=backend)
    step()
    step()
    return found, sum(torch._dynamo.utils.counters["graph_break"].values())


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", COMPILED)
def test_penalties_add_no_graph_break(name, inside):
    """torch breaks the graph itself at both ends of every optimizer's step; the proximal step stands outside of it."""
    (graphs, breaks), (our_graphs, our_breaks) = (graphs_and_breaks(make, inside) for make in COMPILED[name])
    assert our_graphs == graphs and our_breaks <= breaks and breaks > 0
