"""Two processes are one: DDP trains to the same bits' neighbourhood, and the prox runs on sharded tensors as on whole ones."""

import os

import pytest

import shrinkage as sh
from tests.torch.battery import ONE_STEP, PENALTIES, batches, network, st, states, torch

distributed = pytest.importorskip("torch.distributed")
if not distributed.is_available():
    pytest.skip("this PyTorch is built without torch.distributed", allow_module_level=True)

PATTERNS = {"0.weight": st.Groups(sh.L1(2e-3), "columns"), "2.weight": sh.L1(0.02)}


def step(model, optimizer, inputs, targets):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(inputs), targets).backward()
    optimizer.step()


def by_one(steps=4):
    model = network(dtype=torch.float64)
    optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, PATTERNS), lr=0.01)
    for batch in batches(steps, dtype=torch.float64):
        step(model, optimizer, *batch)
    return states(model)


def updated(penalty, z, step):
    """The parameter z after the proximal step."""
    from shrinkage.torch.updates import update_of

    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(z.clone())
    [entry] = st.Penalties(model, {"weight": penalty}).entries
    with torch.no_grad():
        update_of(entry)(model.weight, step, 1.0)
    return model.weight.detach()


ELEMENTWISE = [PENALTIES[name] for name in ("L1", "elastic net", "L1 per column", "MCP", "SCAD", "NonNegative", "Box")]
BY_GROUPS = ("rows", "columns", "whole", "blocks", "group elastic net", "sparse group", "sparse group + L2")
REDUCED = [PENALTIES[name] for name in BY_GROUPS]


def prox_on_shards(mesh):
    """Under a step for each coefficient, and one for all of them; and what a penalty that is judged says."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    torch.manual_seed(0)
    z, s = torch.randn(4, 6, dtype=torch.float64), torch.rand(4, 6, dtype=torch.float64) + 0.1
    for placement in (Shard(0), Shard(1), Replicate()):
        here, steps = (distribute_tensor(x, mesh, [placement]) for x in (z, s))
        for penalty in ELEMENTWISE:
            assert torch.equal(updated(penalty, here, steps).full_tensor(), updated(penalty, z, s)), penalty
            assert torch.equal(updated(penalty, here, 0.7).full_tensor(), updated(penalty, z, 0.7)), penalty
        for penalty in REDUCED:
            for pair in ((steps, s), (0.7, 0.7)):
                found, wanted = updated(penalty, here, pair[0]).full_tensor(), updated(penalty, z, pair[1])
                torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
                assert torch.equal(found == 0, wanted == 0), penalty
        for penalty in ONE_STEP.values():
            torch.testing.assert_close(updated(penalty, here, 0.7).full_tensor(), updated(penalty, z, 0.7), rtol=1e-9, atol=1e-12)
        for penalty in (*ELEMENTWISE, *REDUCED, *ONE_STEP.values()):
            assert judged(penalty, here, steps) == pytest.approx(judged(penalty, z, s), rel=1e-9, abs=1e-12), penalty


def judged(penalty, z, gradient):
    """(the value, the violation)."""
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(z.clone())
    penalties = st.Penalties(model, {"weight": penalty})
    with torch.no_grad():
        return float(penalties.value()), float(penalties.violation([gradient])["weight"])


def labels_are_refused(mesh):
    from torch.distributed.tensor import Shard, distribute_tensor

    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(distribute_tensor(torch.ones(4, 6), mesh, [Shard(0)]))
    with pytest.raises(sh.ParameterError, match="in pieces on several processes"):
        st.Penalties(model, {"weight": PENALTIES["labels"]})


def sharded_model(mesh):
    """ProxAdam on a model whose weights are DTensors takes the steps of the whole model."""
    from torch.distributed.tensor import Shard, distribute_module, distribute_tensor

    def shard(name, module, mesh):
        for key, parameter in list(module._parameters.items()):
            placed = distribute_tensor(parameter.detach(), mesh, [Shard(0)])
            module.register_parameter(key, torch.nn.Parameter(placed))

    whole, parts = (torch.nn.Linear(6, 4, dtype=torch.float64) for _ in range(2))
    parts.load_state_dict(whole.state_dict())
    distribute_module(parts, mesh, shard)
    patterns = {"weight": st.Groups(sh.L1(1.0), "columns")}
    optimizers = [st.ProxAdam(m.parameters(), st.Penalties(m, patterns), lr=0.05) for m in (whole, parts)]
    made = torch.Generator().manual_seed(3)
    for _ in range(10):
        gradients = [torch.randn(p.shape, generator=made, dtype=torch.float64) for p in whole.parameters()]
        for p, q, gradient in zip(whole.parameters(), parts.parameters(), gradients, strict=True):
            p.grad, q.grad = gradient, distribute_tensor(gradient, mesh, [Shard(0)])
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(parts.weight.full_tensor(), whole.weight, rtol=1e-9, atol=1e-12)
    assert (whole.weight == 0).all(0).any()


def fully_sharded(mesh, rank, expected):
    """FSDP2: each process holds a part of every weight, and all is as in one process: steps, value, zeros, certificate."""
    from torch.distributed.fsdp import fully_shard

    model, whole = network(dtype=torch.float64), network(dtype=torch.float64)
    for module in (model[0], model):
        fully_shard(module, mesh=mesh)
    penalties, known = st.Penalties(model, PATTERNS), st.Penalties(whole, PATTERNS)
    optimizer = st.ProxAdam(model.parameters(), penalties, lr=0.01)
    for inputs, targets in batches(4, dtype=torch.float64):
        step(model, optimizer, inputs[rank::2], targets[rank::2])
    for p, w, known_p in zip(states(model), expected, whole.parameters(), strict=True):
        torch.testing.assert_close(p.full_tensor(), w, rtol=1e-9, atol=1e-11)
        assert torch.equal(p.full_tensor() == 0, w == 0)
        known_p.detach().copy_(w)
    data, loss = batches(2, seed=5, dtype=torch.float64), torch.nn.CrossEntropyLoss()
    optimizer.zero_grad()
    certificates = [st.certificate(m, p, loss, data) for m, p in ((model, penalties), (whole, known))]
    assert certificates[0].objective == pytest.approx(certificates[1].objective, rel=1e-12)
    assert certificates[0].violations == pytest.approx(certificates[1].violations, rel=1e-9)
    assert all(p.grad is None for p in model.parameters())
    assert st.sparsity(model, penalties) == st.sparsity(whole, known) and st.sparsity(whole, known).share > 0
    for m, p in ((model, penalties), (whole, known)):
        (loss(m(data[0][0]), data[0][1]) + p.value()).backward()
    for p, known_p in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(p.grad.full_tensor(), known_p.grad, rtol=1e-9, atol=1e-12)


def process(rank, port, expected):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    try:
        torch.manual_seed(0)
        model = torch.nn.parallel.DistributedDataParallel(network(dtype=torch.float64))
        optimizer = st.ProxAdam(model.parameters(), st.Penalties(model.module, PATTERNS), lr=0.01)
        for inputs, targets in batches(4, dtype=torch.float64):
            step(model, optimizer, inputs[rank::2], targets[rank::2])
        for a, b in zip(states(model), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
            assert torch.equal(a == 0, b == 0)
        mesh = distributed.device_mesh.init_device_mesh("cpu", (2,))
        prox_on_shards(mesh)
        labels_are_refused(mesh)
        sharded_model(mesh)
        fully_sharded(mesh, rank, expected)
    finally:
        distributed.destroy_process_group()


@pytest.mark.timeout(300)
def test_two_processes_are_one():
    expected = by_one()
    assert (expected[2] == 0).any()
    torch.multiprocessing.spawn(process, args=(29500 + os.getpid() % 2000, expected), nprocs=2)
