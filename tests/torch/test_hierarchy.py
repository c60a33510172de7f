"""LassoNet's hierarchy: its prox, its optimality conditions, and networks under it."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

import shrinkage as sh
from tests.torch.battery import st, torch, train

nn = torch.nn
DOUBLE = torch.float64


def weight(rows, columns=200, seed=0):
    torch.manual_seed(seed)
    return torch.randn(rows, columns, dtype=DOUBLE) * torch.logspace(-2, 1, columns, dtype=DOUBLE)


def by_the_algorithm(v, u, threshold, ratio):
    """Algorithm 2 as it is printed: a search over m for |u_(m+1)| <= w_m <= |u_(m)|. One output."""
    sizes = np.sort(np.abs(u))[::-1]
    for m in range(len(u) + 1):
        w = ratio / (1 + m * ratio**2) * max(abs(v) + ratio * sizes[:m].sum() - threshold, 0)
        above = np.inf if m == 0 else sizes[m - 1]
        below = 0 if m == len(u) else sizes[m]
        if below <= w <= above:
            return np.sign(v) * w / ratio, np.sign(u) * np.minimum(w, np.abs(u))
    raise AssertionError("no m")


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_prox_is_the_papers_algorithm(ratio):
    z = weight(6)
    w = st.Hierarchy(0.8, ratio).prox(z, 0.5).numpy()
    expected = [by_the_algorithm(column[0], column[1:], 0.4, ratio) for column in z.numpy().T]
    np.testing.assert_allclose(w[0], [theta for theta, _ in expected], atol=1e-12)
    np.testing.assert_allclose(w[1:].T, [hidden for _, hidden in expected], atol=1e-12)
    dead = (w == 0).all(0)
    assert 0 < dead.sum() < 200 and np.array_equal(w[0] == 0, dead)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_prox_of_several_outputs_is_what_a_general_solver_finds(ratio):
    penalty, z = st.Hierarchy(0.8, ratio, skip=2), weight(5, 12)
    w = penalty.prox(z, 0.5)
    for j in range(12):
        target = z[:, j].numpy()

        def cost(x, target=target):
            return 0.4 * np.linalg.norm(x[:2]) + 0.5 * ((x - target) ** 2).sum()

        bounds = [
            {"type": "ineq", "fun": lambda x, k=k, s=s: ratio * np.sqrt((x[:2] ** 2).sum() + 1e-30) - s * x[k]}
            for k in (2, 3, 4) for s in (1, -1)
        ]  # fmt: skip
        found = minimize(cost, w[:, j].numpy() + 0.1 * target, constraints=bounds, method="SLSQP", options={"ftol": 1e-14})
        assert cost(w[:, j].numpy()) <= found.fun + 1e-6


@pytest.mark.parametrize("skip", [1, 3])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 10.0])
def test_the_conditions_hold_at_the_prox_and_not_beside_it(skip, ratio):
    penalty, z, step = st.Hierarchy(0.8, ratio, skip), weight(7), 0.5
    w = penalty.prox(z, step)
    gradient = (w - z) / step
    assert (w[skip:].abs() <= ratio * w[:skip].norm(dim=0) + 1e-12).all()
    assert penalty.violation(w, gradient).max() < 1e-10
    assert (penalty.violation(w, gradient + 0.1 * torch.sign(gradient)).amax(0)[(w != 0).any(0)] > 1e-3).all()


@pytest.mark.parametrize("skip", [1, 3])
def test_zero_is_an_optimum_of_a_column_where_its_prox_stays_there(skip):
    penalty, g = st.Hierarchy(0.8, 0.3, skip), weight(7)
    stays = (penalty.prox(-0.5 * g, 0.5) == 0).all(0)
    assert 0 < stays.sum() < 200
    assert torch.equal((penalty.violation(torch.zeros_like(g), g) == 0).all(0), stays)


def test_a_ratio_of_zero_is_the_lasso():
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    torch.manual_seed(0)
    model = st.SkipNet(10, 1, 4, nn.Sequential(nn.ReLU(), nn.Linear(4, 1))).double()
    penalties = st.Penalties(model, {"first.weight": 2.0 * st.Hierarchy(0.05, 0.0)})
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    train(model, st.ProxSGD(model.parameters(), penalties, lr=0.05, momentum=0.9), nn.MSELoss(), data, 2000)
    theirs = Lasso(0.05, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(X, y).coef_
    np.testing.assert_allclose(model.first.weight[0].detach().numpy(), theirs, atol=1e-8)
    assert np.array_equal(model.first.weight[0].detach().numpy() != 0, theirs != 0) and (model.first.weight[1:] == 0).all()


def test_a_network_drops_whole_inputs_and_its_certificate_holds():
    torch.manual_seed(0)
    X = torch.randn(400, 8, dtype=DOUBLE)
    y = (X[:, 2].abs() * 2 + X[:, 2] + torch.tanh(2 * X[:, 5]))[:, None]
    model = st.SkipNet(8, 1, 16, nn.Sequential(nn.Tanh(), nn.Linear(16, 1))).double()
    penalties = st.Penalties(model, {"first.weight": st.Hierarchy(1.2, 1.0), "*.weight": sh.L2(0.01)})
    train(model, st.ProxSGD(model.parameters(), penalties, lr=0.1, momentum=0.9), nn.MSELoss(), (X, y), 1500)
    alive = (model.first.weight != 0).any(0)
    assert alive.tolist() == [j in (2, 5) for j in range(8)]
    assert (model.first.weight[1:].abs() <= model.first.weight[0].abs() * (1 + 1e-12)).all()
    assert nn.functional.mse_loss(model(X), y) < 0.1 * y.var()
    assert st.certificate(model, penalties, nn.MSELoss(), (X, y)).violation < 1e-3


class TestRefused:
    def test_optimizers_with_a_step_for_each_coefficient(self):
        model = st.SkipNet(4, 1, 3, nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
        penalties = st.Penalties(model, {"first.weight": st.Hierarchy(0.1)})
        with pytest.raises(sh.ParameterError, match="prox for one step for all"):
            st.ProxAdam(model.parameters(), penalties)

    @pytest.mark.parametrize("settings", [{"strength": -1.0}, {"ratio": -1.0}, {"skip": 0}], ids=repr)
    def test_settings(self, settings):
        with pytest.raises(sh.ParameterError, match=next(iter(settings))):
            st.Hierarchy(**settings)

    def test_weights_without_a_straight_line(self):
        for model in (nn.Linear(3, 1), nn.Conv1d(2, 4, 3)):
            with pytest.raises(sh.ParameterError, match="does not fit weight"):
                st.Penalties(model, {"weight": st.Hierarchy(0.1)})

    def test_added_l1(self):
        with pytest.raises(sh.ParameterError, match="no exact prox"):
            sh.L1(0.1) + st.Hierarchy(0.1)
