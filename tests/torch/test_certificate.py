"""certificate, sparsity and Monitor: what they say is so, and nothing is touched."""

import io

import pytest

import shrinkage as sh
from shrinkage.errors import ConvergenceError
from tests.torch.battery import Two, half_squares, problem, same_bits, st, states, torch

nn = torch.nn


def test_in_batches_is_as_a_whole_and_changes_nothing():
    model, (X, y) = Two(9), problem()
    model.add_module("drop", nn.Dropout(0.5))
    model.train()
    model.drop.eval()
    model.a.weight.grad = torch.ones(1, 9, dtype=torch.float64)
    before, rates = states(model), [module.training for module in model.modules()]
    penalties = st.Penalties(model, {"a.weight": sh.L1(0.2)})
    whole = st.certificate(model, penalties, half_squares, (X, y))
    parts = st.certificate(model, penalties, half_squares, [(X[:7], y[:7]), (X[7:], y[7:])])
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=16)
    loaded = st.certificate(model, penalties, half_squares, loader)
    for other in (parts, loaded):
        assert other.objective == pytest.approx(whole.objective, rel=1e-12)
        assert other.violations == pytest.approx(whole.violations, rel=1e-9)
    assert same_bits(before, states(model)) and torch.equal(model.a.weight.grad, torch.ones(1, 9).double())
    assert [module.training for module in model.modules()] == rates
    assert whole.objective == whole.loss + whole.penalty and whole.log_posterior is None
    assert set(whole.violations) == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_it_judges_in_evaluation_mode():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(9, 1, dtype=torch.float64))
    X, y = problem()
    penalties = st.Penalties(model, {"1.weight": sh.L1(0.2)})
    losses = {st.certificate(model, penalties, nn.MSELoss(), (X, y[:, None])).loss for _ in range(3)}
    assert len(losses) == 1 and model.training and model[0].training


def test_a_sum_is_judged_as_a_sum():
    model, (X, y) = nn.Linear(9, 1, dtype=torch.float64), problem()
    penalties = st.Penalties(model, {"weight": sh.L1(2.0)})
    batches = [(X[:7], y[:7, None]), (X[7:], y[7:, None])]
    found = st.certificate(model, penalties, nn.MSELoss(reduction="sum"), batches)
    assert found.loss == pytest.approx(((model(X)[:, 0] - y) ** 2).sum().item(), rel=1e-12)


def test_inputs_may_be_many():
    class Plus(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(9, 1, dtype=torch.float64)

        def forward(self, x, shift):
            return self.linear(x) + shift

    model, (X, y) = Plus(), problem()
    penalties, zeros = st.Penalties(model, {"*.weight": sh.L1(0.1)}), torch.zeros(len(y), 1).double()
    a = st.certificate(model, penalties, nn.MSELoss(), ((X, zeros), y[:, None]))
    b = st.certificate(model, penalties, nn.MSELoss(), [({"x": X, "shift": zeros}, y[:, None])])
    assert a == b


@pytest.mark.parametrize(
    ("settings", "loss", "message"),
    [
        ({"n": 60}, nn.MSELoss(), "needs noise="),
        ({"n": 60, "noise": 1.0}, nn.MSELoss(), "averages over 2 outputs here: Penalties needs outputs=2"),
        ({"n": 60}, nn.BCEWithLogitsLoss(reduction="sum"), "this loss is a sum over the batch"),
        ({}, nn.MSELoss(reduction="none"), "must be one number"),
    ],
    ids=str,
)
def test_scales_that_contradict_the_loss(settings, loss, message):
    model, (X, y) = Two(9), problem()
    penalties = st.Penalties(model, {"a.weight": sh.L1(0.2)}, **settings)
    with pytest.raises(sh.ParameterError, match=message):
        st.certificate(model, penalties, loss, (X, torch.stack([y, y], 1)))


def test_no_data_is_an_error():
    model = Two(9)
    with pytest.raises(sh.DataError, match="got no data"):
        st.certificate(model, st.Penalties(model, {"a.weight": sh.L1(0.2)}), half_squares, iter([]))


def test_log_posterior_of_groups_has_their_normaliser():
    """A group of m under L1(1 / b) is the multivariate Laplace: here as sh.Grouped says it."""
    model = nn.Linear(6, 4, bias=False, dtype=torch.float64)
    X, y = torch.randn(20, 6, dtype=torch.float64), torch.randint(0, 4, (20,))
    groups = [row for row in range(4) for _ in range(6)]
    pairs = [(st.Groups(sh.L1(2.0), "rows"), sh.Grouped(sh.L1(2.0), groups)),
             (st.Groups(sh.L1(2.0), "rows", root_size=True), sh.Grouped(sh.L1(2.0 * 6**0.5), groups))]  # fmt: skip
    for ours, theirs in pairs:
        found = st.certificate(model, st.Penalties(model, {"weight": ours}, n=20), nn.CrossEntropyLoss(), (X, y))
        w = model.weight.detach().numpy().ravel()
        likelihood = -20 * nn.functional.cross_entropy(model(X), y).item()
        assert found.log_posterior == pytest.approx(likelihood + theirs.log_density(w), rel=1e-9)


def test_sparsity_counts():
    model = nn.Sequential(nn.Linear(4, 3), nn.Conv2d(2, 5, 3, bias=False))
    with torch.no_grad():
        model[0].weight[1], model[0].weight[:, 2] = 0.0, 0.0
        model[1].weight[:, 0], model[1].weight[3] = 0.0, 0.0
    found = st.sparsity(model)
    linear, bias, conv = found.layers
    assert (linear.zeros, linear.rows, linear.columns) == (6, (1, 3), (1, 4))
    assert (bias.zeros, bias.rows) == (0, (0, 0))
    assert (conv.zeros, conv.rows, conv.columns) == (45 + 9, (1, 5), (1, 2))
    assert found.share == 60 / (12 + 3 + 90) and "60 of 105 are zero (57.1%)" in str(found)
    chosen = st.sparsity(model, st.Penalties(model, {"0.weight": sh.L1(1.0)}))
    assert [layer.name for layer in chosen.layers] == ["0.weight"] and chosen.share == 0.5


def test_monitor_records_shows_and_plots(capsys):
    model, data = Two(9), problem()
    penalties = st.Penalties(model, {"a.weight": sh.L1(0.2)})
    optimizer = st.ProxSGD(model.parameters(), penalties, lr=0.1)
    with st.Monitor(model, penalties, half_squares, data) as monitor:
        for _ in range(3):
            optimizer.zero_grad()
            half_squares(model(data[0]), data[1]).backward()
            optimizer.step()
            monitor.record()
    found = st.certificate(model, penalties, half_squares, data)
    last = monitor.rows[-1]
    assert (last.epoch, last.objective, last.violation) == (3, found.objective, found.violation)
    assert monitor.record(epoch=10).epoch == 10 and monitor.record().epoch == 11
    assert last.zeros == st.sparsity(model, penalties).share
    shown = capsys.readouterr().out
    assert all(f"{row.objective:.6g}" in shown for row in monitor.rows)


def test_monitor_shows_the_last_rows_on_a_small_screen_and_leaves_all(monkeypatch):
    rich = pytest.importorskip("rich")
    screen = io.StringIO()
    monkeypatch.setattr(rich, "_console", rich.console.Console(file=screen, force_terminal=True, width=80, height=10))
    model, data = Two(9), problem()
    with st.Monitor(model, st.Penalties(model, {"a.weight": sh.L1(0.2)}), half_squares, data) as monitor:
        for epoch in range(101, 141):
            before = len(screen.getvalue())
            monitor.record(epoch)
            drawn = screen.getvalue()[before:]
            assert str(epoch) in drawn and drawn.count("\n") < 10
        before = len(screen.getvalue())
    assert all(str(epoch) in screen.getvalue()[before:] for epoch in range(101, 141))


def test_monitor_plots():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    model, data = Two(9), problem()
    monitor = st.Monitor(model, st.Penalties(model, {"a.weight": sh.L1(0.2)}), half_squares, data)
    monitor.record()
    axes = monitor.plot()
    assert axes[0].lines[0].get_ydata()[0] == monitor.rows[0].objective
    assert monitor.plot(axes) is axes and len(axes[2].lines) == 2


@pytest.mark.parametrize("where", ["data", "weights"])
def test_what_is_not_finite_is_refused(where):
    network, X, y = torch.nn.Linear(3, 1), torch.ones(5, 3), torch.ones(5, 1)
    penalties = st.Penalties(network, {"weight": sh.L1(0.1)})
    if where == "data":
        y[2] = float("nan")
    else:
        network.weight.data[0, 1] = float("inf")
    with pytest.raises(ConvergenceError, match="not finite"):
        st.certificate(network, penalties, torch.nn.MSELoss(), (X, y))
