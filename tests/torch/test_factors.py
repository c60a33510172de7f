"""factorize and collapse: L1 as weight decay on factors, under optimizers that have no proximal step."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

import shrinkage as sh
from tests.torch.battery import st, torch, train

nn = torch.nn
DOUBLE = torch.float64


class Lion(torch.optim.Optimizer):
    """Chen et al. (2023): signs only."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                p.sub_(group["lr"] * (0.9 * mean + 0.1 * p.grad).sign())
                mean.lerp_(p.grad, 0.01)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    return torch.from_numpy(StandardScaler().fit_transform(X)), torch.from_numpy(y)[:, None]


def half_squares(output, target):
    return 0.5 * ((output - target) ** 2).mean()


def linear(penalty, seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(10, 1, bias=False, dtype=DOUBLE)
    return model, st.Penalties(model, {"weight": penalty})


def by_lbfgs(model, decay, loss, data):
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=2000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        objective = loss(model(data[0]), data[1]) + decay.value()
        objective.backward()
        return objective

    optimizer.step(closure)


class Objective:
    """loss + penalties, as `train` calls a loss."""

    def __init__(self, loss, decay):
        self.loss, self.decay = loss, decay

    def __call__(self, output, target):
        return self.loss(output, target) + self.decay.value()


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_lbfgs_on_factors_then_collapse_is_scikit_learns_lasso(alpha):
    X, y = data = diabetes()
    model, penalties = linear(sh.L1(alpha))
    by_lbfgs(model, st.factorize(model, penalties), half_squares, data)
    st.collapse(model, below=1e-6)
    theirs = Lasso(alpha, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(X.numpy(), y[:, 0].numpy()).coef_
    ours = model.weight[0].detach().numpy()
    assert 0 < (theirs != 0).sum() < 10 and np.array_equal(ours != 0, theirs != 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert st.certificate(model, penalties, half_squares, data).violation < 1e-7


def test_a_few_proximal_steps_find_the_zeros_without_a_level():
    X, y = data = diabetes()
    model, penalties = linear(sh.L1(0.05))
    by_lbfgs(model, st.factorize(model, penalties), half_squares, data)
    st.collapse(model)
    assert (model.weight != 0).all()
    train(model, st.ProxSGD(model.parameters(), penalties, lr=0.2), half_squares, data, 20)
    theirs = Lasso(0.05, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(X.numpy(), y[:, 0].numpy()).coef_
    assert np.array_equal(model.weight[0].detach().numpy() != 0, theirs != 0)
    np.testing.assert_allclose(model.weight[0].detach().numpy(), theirs, atol=1e-7)


MUON = getattr(torch.optim, "Muon", None)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Lion(p, lr=0.01),
        pytest.param(
            lambda p: MUON(p, lr=0.05, weight_decay=0.0), marks=pytest.mark.skipif(MUON is None, reason="this torch has no Muon")
        ),
    ],
    ids=["Lion", "Muon"],
)
def test_optimizers_that_attach_refuses(make):
    X, y = data = diabetes()
    model, penalties = linear(sh.L1(0.05))
    with pytest.raises(sh.ParameterError, match="no rule for"):
        st.attach(make(model.parameters()), penalties)
    decay = st.factorize(model, penalties)
    train(model, make(model.parameters()), Objective(half_squares, decay), data, 2000)
    st.collapse(model, below=1e-3)
    theirs = Lasso(0.05, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(X.numpy(), y[:, 0].numpy()).coef_
    ours = model.weight[0].detach().numpy()
    assert np.array_equal(ours != 0, theirs != 0)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


GROUPED = [
    st.Groups(sh.L1(0.3), "rows"), st.Groups(sh.L1(0.3), "columns", root_size=True), st.Groups(sh.L1(0.3), "whole"),
    st.Groups(sh.L1(0.3), ("heads", 2)), st.Groups(sh.L1(0.3), ("blocks", (2, 3))), sh.Grouped(sh.L1(0.3), np.arange(24) % 5),
]  # fmt: skip
ALL = [sh.L1(0.3), sh.L1(np.array([0.1, 0.0, 0.5, 0.2, 0.3, 0.4])), *GROUPED]


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_the_objective_is_the_same_and_its_least_over_the_factors(penalty):
    torch.manual_seed(0)
    model = nn.Linear(6, 4, dtype=DOUBLE)
    penalties = st.Penalties(model, {"weight": penalty}, n=50)
    penalties.strength = 0.7
    before, x = model.weight.detach().clone(), torch.randn(3, 6, dtype=DOUBLE)
    value, output = penalties.value().item(), model(x)
    decay = st.factorize(model, penalties)
    torch.testing.assert_close(model(x), output)
    assert decay.value() > value
    with torch.no_grad():
        u, v = (entry.parameter for entry in decay.penalised)
        balance_by(model, u, v)
        torch.testing.assert_close(model.weight, before)
        assert decay.value().item() == pytest.approx(value, rel=1e-12)
        for unbalance in (0.5, 0.9, 1.1, 2.0):
            u *= unbalance
            v /= unbalance
            torch.testing.assert_close(model.weight, before)
            assert decay.value() > value
            u /= unbalance
            v *= unbalance


def balance_by(model, u, v):
    """Bring |u| and the size of v together, group by group, the product as it is."""
    product = model.parametrizations.weight[0]
    share = (product.sizes(v) / u.abs()).sqrt()
    u *= share
    v.copy_(product(1 / share, v))


@pytest.mark.parametrize("penalty", GROUPED, ids=repr)
def test_group_norms_reach_the_optimum_of_the_group_lasso(penalty):
    torch.manual_seed(0)
    model, x = nn.Linear(6, 4, bias=False, dtype=DOUBLE), torch.randn(40, 6, dtype=DOUBLE)
    truth = torch.zeros(4, 6, dtype=DOUBLE)
    truth[:2, :3] = 1.5
    data = x, x @ truth.T + 0.3 * torch.randn(40, 4, dtype=DOUBLE)
    penalties = st.Penalties(model, {"weight": penalty})
    by_lbfgs(model, st.factorize(model, penalties), half_squares, data)
    st.collapse(model, below=1e-6)
    assert st.certificate(model, penalties, half_squares, data).violation < 1e-6


def test_weight_decay_of_sgd_on_the_factors_is_the_same_step():
    X, y = diabetes()
    models = []
    for decayed in (True, False):
        model, penalties = linear(sh.L1(0.05))
        decay = st.factorize(model, penalties)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.05 if decayed else 0.0)
        for _ in range(20):
            optimizer.zero_grad()
            (half_squares(model(X), y) + (0 if decayed else decay.value())).backward()
            optimizer.step()
        models.append(model.weight)
    torch.testing.assert_close(*models, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("start", ["zero", "opposite"])
def test_weights_that_start_at_zero_or_with_the_wrong_sign_are_not_stuck(start):
    X, y = data = diabetes()
    model, penalties = linear(sh.L1(0.05))
    lasso = Lasso(0.05, fit_intercept=False).fit(X.numpy(), y[:, 0].numpy()).coef_
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(-lasso if start == "opposite" else 0 * lasso))
    by_lbfgs(model, st.factorize(model, penalties), half_squares, data)
    st.collapse(model, below=1e-6)
    assert st.certificate(model, penalties, half_squares, data).violation < 1e-7


def test_collapse_brings_the_same_parameters_back():
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    names, held = list(model.state_dict()), list(model.parameters())
    model[2].weight.requires_grad_(False)
    penalties = st.Penalties(model, {"0.weight": sh.L1(0.1), "2.weight": sh.L1(0.1), "0.bias": sh.L2(0.1)})
    before = [p.detach().clone() for p in held]
    decay = st.factorize(model, penalties)
    assert [e.name for e in decay.penalised] == [
        "0.parametrizations.weight.original0", "0.parametrizations.weight.original1", "0.bias",
        "2.parametrizations.weight.original0", "2.parametrizations.weight.original1",
    ]  # fmt: skip
    assert "a factor of 0.weight, under L1(0.1)" in decay.report()
    assert {e.name: e.parameter for e in decay.penalised}.items() <= dict(model.named_parameters()).items()
    assert not decay.penalised[-1].parameter.requires_grad
    assert st.collapse(model) is model and list(model.state_dict()) == names
    assert {id(p) for p in model.parameters()} == {id(p) for p in held}
    for now, then in zip(held, before, strict=True):
        torch.testing.assert_close(now.detach(), then)
    assert not parametrize.is_parametrized(model[0])


def test_below_takes_whole_groups():
    model = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 0.3, 0.1], [4.0, 0.4, 2.0]]))
    st.factorize(model, st.Penalties(model, {"weight": st.Groups(sh.L1(1.0), "columns")}))
    st.collapse(model, below=0.6)
    torch.testing.assert_close(model.weight.detach(), torch.tensor([[3.0, 0.0, 0.1], [4.0, 0.0, 2.0]]))


class TestRefused:
    def refuse(self, model, patterns, match):
        names = list(model.state_dict())
        with pytest.raises(sh.ParameterError, match=match):
            st.factorize(model, st.Penalties(model, patterns))
        assert list(model.state_dict()) == names

    def test_tied_weights(self):
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        model[1].weight = model[0].weight
        self.refuse(model, {"*.weight": sh.L1(0.1)}, "0.weight = 1.weight is one tied weight")

    def test_parametrised_weights(self):
        model = nn.Sequential(weight_norm(nn.Linear(4, 3)))
        self.refuse(model, {"0.parametrizations.weight.original1": sh.L1(0.1)}, "0.weight is parametrised already")

    def test_twice(self):
        model, penalties = linear(sh.L1(0.1))
        st.factorize(model, penalties)
        with pytest.raises(sh.ParameterError, match="no parameter of this model, or no longer"):
            st.factorize(model, penalties)

    @pytest.mark.parametrize(
        "penalty",
        [sh.L1(0.1) + sh.L2(0.1), sh.MCP(0.1, 3.0), sh.L1(0.1) + sh.NonNegative(), st.Nuclear(0.1),
         st.Groups(sh.L1(0.1) + sh.L2(0.1), "rows"), sh.L1(0.1) + st.Groups(sh.L1(0.1), "rows")],
        ids=repr,
    )  # fmt: skip
    def test_other_penalties(self, penalty):
        self.refuse(nn.Linear(4, 3), {"weight": penalty}, "is no decay of two factors")

    def test_nothing_to_replace(self):
        self.refuse(nn.Linear(4, 3), {"weight": sh.L2(0.1)}, "nothing to replace")

    def test_groups_beside_a_padding_row_and_labels_of_different_strengths(self):
        embedding = nn.Embedding(5, 3, padding_idx=0)
        self.refuse(embedding, {nn.Embedding: st.Groups(sh.L1(0.1), "rows")}, "padding row")
        labels = st.Groups(sh.L1(0.1), np.array([0, 0, 1] * 4), root_size=True)
        self.refuse(nn.Linear(4, 3), {"weight": labels}, "root_size=False")

    def test_collapse(self):
        with pytest.raises(sh.ParameterError, match="found no products"):
            st.collapse(nn.Linear(4, 3))
        model, penalties = linear(sh.L1(0.1))
        st.factorize(model, penalties)
        with pytest.raises(sh.ParameterError, match="below= is a size"):
            st.collapse(model, below=-1.0)
        parametrize.register_parametrization(model, "weight", nn.Identity())
        with pytest.raises(sh.ParameterError, match="Another parametrisation"):
            st.collapse(model)


def test_a_padding_row_stays_without_a_penalty():
    torch.manual_seed(0)
    model = nn.Embedding(5, 3, padding_idx=2)
    with torch.no_grad():
        model.weight[2] = 9.0
    penalties = st.Penalties(model, {nn.Embedding: sh.L1(0.1)})
    st.factorize(model, penalties).value().backward()
    for factor in model.parametrizations.weight.parameters():
        assert torch.equal((factor.grad == 0).all(1), torch.arange(5) == 2)
