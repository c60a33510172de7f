"""The posterior at the mode: exact for a linear model, laplace-torch's for a network, on the weights that are not zero."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

import shrinkage as sh
from tests.torch.battery import cosine, st, torch

nn = torch.nn
DOUBLE = torch.float64
NOISE, SPREAD = 0.7, 0.4


def ridge():
    """A linear model at its exact mode, and the data."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    model = nn.Linear(10, 1, bias=False, dtype=DOUBLE)
    fitted = Ridge(NOISE**2 / SPREAD**2, fit_intercept=False).fit(X, y)
    model.weight.data = torch.from_numpy(fitted.coef_)[None].clone()
    penalties = st.Penalties(model, {"weight": sh.Normal(SPREAD)}, n=len(y), noise=NOISE)
    return model, penalties, (torch.from_numpy(X), torch.from_numpy(y)[:, None])


def test_a_linear_model_has_its_exact_posterior():
    model, penalties, data = ridge()
    assert st.certificate(model, penalties, nn.MSELoss(), data).violation < 1e-10
    X = data[0].numpy()
    precision = X.T @ X / NOISE**2 + np.eye(10) / SPREAD**2
    batches = list(zip(data[0].split(100), data[1].split(100), strict=True))
    for given in (data, batches):
        found = st.laplace(model, penalties, nn.MSELoss(), given)
        np.testing.assert_allclose(found.precision.numpy(), precision, rtol=1e-10)
        np.testing.assert_allclose(found.covariance.numpy(), np.linalg.inv(precision), rtol=1e-8)
    mean, covariance = found.predict(data[0][:5])
    assert torch.equal(mean, model(data[0][:5]).detach())
    exact = np.einsum("na,ab,nb->n", X[:5], np.linalg.inv(precision), X[:5])
    np.testing.assert_allclose(covariance[:, 0, 0].numpy(), exact, rtol=1e-6)
    diagonal = st.laplace(model, penalties, nn.MSELoss(), data, structure="diagonal")
    np.testing.assert_allclose(diagonal.precision.numpy(), np.diag(precision), rtol=1e-10)


def test_half_of_the_strength_is_half_of_the_prior():
    model, penalties, data = ridge()
    penalties.strength = 0.5
    found = st.laplace(model, penalties, nn.MSELoss(), data)
    np.testing.assert_allclose(found.prior_precision().numpy(), 0.5 / SPREAD**2)


def test_draws_have_the_posteriors_moments():
    model, penalties, data = ridge()
    for structure in ("full", "diagonal"):
        found = st.laplace(model, penalties, nn.MSELoss(), data, structure=structure)
        draws = found.sample(20_000, torch.Generator().manual_seed(0))
        spread = found.covariance if structure == "diagonal" else found.covariance.diagonal()
        torch.testing.assert_close(draws.mean(0), found.mode, atol=4e-3, rtol=0)
        torch.testing.assert_close(draws.std(0), spread.sqrt(), rtol=0.03, atol=0)


def classifier(penalty, hidden=4):
    X, y = load_breast_cancer(return_X_y=True)
    data = torch.from_numpy(StandardScaler().fit_transform(X)), torch.from_numpy(y)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, hidden), nn.Tanh(), nn.Linear(hidden, 2)).double()
    penalties = st.Penalties(model, {"*.weight": penalty, "0.bias": sh.L2(1.0), "2.bias": sh.L2(1.0)}, n=len(y))
    optimizer = st.ProxAdam(model.parameters(), penalties, lr=0.03)
    schedule = cosine(optimizer, 600)
    for _ in range(600):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data[0]), data[1]).backward()
        optimizer.step()
        schedule.step()
    return model, penalties, data


@pytest.fixture(scope="module")
def sparse():
    return classifier(sh.L1(2.0) + sh.L2(0.5))


def test_only_what_is_not_zero_is_uncertain(sparse):
    model, penalties, data = sparse
    found = st.laplace(model, penalties, nn.CrossEntropyLoss(), data, weights="all")
    zeros = {name: (p == 0).sum().item() for name, p in model.named_parameters()}
    assert zeros["0.weight"] > 20
    assert {name: len(where) for name, where in found.active.items()} == {
        name: p.numel() - zeros[name] for name, p in model.named_parameters()
    }
    assert (model[0].weight.reshape(-1)[found.active["0.weight"]] != 0).all()
    assert str(len(found.mode)) in repr(found) and "of 0.weight" in repr(found)
    assert set(found.prior_precision().tolist()) == {0.5, 1.0}


def test_curvature_is_that_of_the_objective_on_a_last_layer(sparse):
    """The last layer of a classifier is a generalised linear model, whose Gauss-Newton matrix is its Hessian."""
    model, penalties, data = sparse
    found = st.laplace(model, penalties, nn.CrossEntropyLoss(), data)
    assert list(found.active) == ["2.weight", "2.bias"]
    features = model[:2](data[0]).detach()
    w, b = model[2].weight.detach(), model[2].bias.detach()

    def objective(active):
        flat = w.reshape(-1).index_put((found.active["2.weight"],), active[: len(found.active["2.weight"])])
        bias = b.index_put((found.active["2.bias"],), active[len(found.active["2.weight"]) :])
        logits = features @ flat.reshape(w.shape).T + bias
        loss = nn.functional.cross_entropy(logits, data[1], reduction="sum")
        return loss + 0.25 * (flat**2).sum() + 0.5 * (bias**2).sum()

    H = torch.autograd.functional.hessian(objective, found.mode)
    torch.testing.assert_close(found.precision, H, rtol=1e-9, atol=1e-9)


def test_group_norms_have_the_curvature_of_their_ball():
    model, _, data = ridge()
    penalties = st.Penalties(model, {"weight": st.Groups(sh.L1(3.0), "rows")}, n=len(data[0]), noise=NOISE)
    found = st.laplace(model, penalties, nn.MSELoss(), data)
    w, X = model.weight.detach()[0], data[0]
    norm = w.norm()
    prior = 3.0 * (torch.eye(10, dtype=DOUBLE) / norm - w[:, None] * w / norm**3)
    torch.testing.assert_close(found.precision, X.T @ X / NOISE**2 + prior, rtol=1e-9, atol=1e-9)
    with pytest.raises(sh.ParameterError, match="no precision for each weight"):
        found.prior_precision()
    with pytest.raises(sh.ParameterError, match="use structure='full'"):
        st.laplace(model, penalties, nn.MSELoss(), data, structure="diagonal")


def test_probabilities_are_less_sure_where_less_is_known(sparse):
    model, penalties, data = sparse
    found = st.laplace(model, penalties, nn.CrossEntropyLoss(), data, weights="all")
    plain, averaged = model(data[0]).softmax(1).detach(), found.probabilities(data[0])
    torch.testing.assert_close(averaged.sum(1), torch.ones(len(averaged), dtype=DOUBLE))
    assert (averaged.amax(1) < plain.amax(1)).double().mean() > 0.95


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("structure", ["full", "diagonal"])
@pytest.mark.parametrize("case", ["ridge", "sparse network"])
def test_laplace_torch_says_the_same(case, structure, sparse):
    pytest.importorskip("laplace", reason="laplace-torch is not installed")
    if case == "ridge":
        (model, penalties, data), loss, likelihood = ridge(), nn.MSELoss(), "regression"
    else:
        (model, penalties, data), loss, likelihood = sparse, nn.CrossEntropyLoss(), "classification"
    found = st.laplace(model, penalties, loss, data, weights="all", structure=structure)
    theirs = found.to_laplace_torch(likelihood)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), batch_size=128)
    theirs.fit(loader)
    precision = theirs.posterior_precision
    torch.testing.assert_close(precision, found.precision, rtol=1e-6, atol=1e-6)


class TestRefused:
    def test_no_prior(self):
        model, _, data = ridge()
        with pytest.raises(sh.ParameterError, match="needs a prior"):
            st.laplace(model, st.Penalties(model, {"weight": sh.L2(1.0)}), nn.MSELoss(), data)

    def test_settings_and_data(self):
        model, penalties, data = ridge()
        with pytest.raises(sh.ParameterError, match="structure must be"):
            st.laplace(model, penalties, nn.MSELoss(), data, structure="kron")
        with pytest.raises(sh.DataError, match="no data"):
            st.laplace(model, penalties, nn.MSELoss(), [])
        with pytest.raises(sh.ParameterError, match="nothing to be uncertain"):
            st.laplace(model, penalties, nn.MSELoss(), data, weights="nothing.*")
        with pytest.raises(sh.ParameterError, match="no nn.Linear"):
            conv = nn.Conv1d(1, 1, 1)
            st.laplace(conv, st.Penalties(conv, {"weight": sh.L2(1.0)}, n=3), nn.CrossEntropyLoss(), data)

    def test_what_data_and_prior_leave_undetermined(self):
        """Two equal columns under L1: only their sum is known."""
        X = torch.randn(30, 1, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)).repeat(1, 2)
        model = nn.Linear(2, 1, bias=False, dtype=DOUBLE)
        penalties = st.Penalties(model, {"weight": sh.Laplace(1.0)}, n=30, noise=1.0)
        with pytest.raises(sh.ConvergenceError, match="undetermined"):
            st.laplace(model, penalties, nn.MSELoss(), (X, X[:, :1]))
