"""Convex problems whose answer is known: through our own optimizers, scikit-learn's numbers."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import StandardScaler

import shrinkage as sh
from tests.torch.battery import st, torch, train

nn = torch.nn
ALPHAS = (1.0, 5.0, 10.0)


class Heads(nn.Module):
    """One linear model for each alpha, side by side."""

    def __init__(self, p):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(p, 1, bias=False, dtype=torch.float64) for _ in ALPHAS)

    def forward(self, x):
        return torch.cat([head(x) for head in self.heads], 1)


@pytest.mark.parametrize(
    ("make", "settings"),
    [(st.ProxAdam, {"lr": 1.0}), (st.ProxAdamW, {"lr": 1.0}), (st.ProxSGD, {"lr": 0.1, "momentum": 0.9})],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_lasso_on_diabetes_is_scikit_learns(make, settings):
    """alpha on the mean of half the squares is Laplace(1 / (n alpha)) under noise of 1: beside nn.MSELoss over three outputs
    n=, noise= and outputs= say so."""
    X, y = load_diabetes(return_X_y=True)
    X, y, n = StandardScaler().fit_transform(X), y - y.mean(), len(y)
    torch.manual_seed(0)
    model = Heads(X.shape[1])
    patterns = {f"heads.{i}.weight": sh.Laplace(1 / (n * alpha)) for i, alpha in enumerate(ALPHAS)}
    penalties = st.Penalties(model, patterns, n=n, noise=1.0, outputs=len(ALPHAS))
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None].expand(-1, len(ALPHAS)).contiguous()
    train(model, make(model.parameters(), penalties, **settings), nn.MSELoss(), data, 2000)
    for alpha, head in zip(ALPHAS, model.heads, strict=True):
        theirs = Lasso(alpha=alpha, tol=1e-14, max_iter=10**6, fit_intercept=False).fit(X, y).coef_
        ours = head.weight[0].detach().numpy()
        assert np.array_equal(ours != 0, theirs != 0)
        assert np.abs(ours - theirs).max() < 1e-10
    assert [int((head.weight != 0).sum()) for head in model.heads] == [7, 5, 4]
    assert st.certificate(model, penalties, nn.MSELoss(), data).violation < 1e-10


def test_l1_logistic_on_breast_cancer_is_scikit_learns():
    """Laplace(b) with n = N is C = b."""
    X, y = load_breast_cancer(return_X_y=True)
    X, n, b = StandardScaler().fit_transform(X), len(y), 0.1
    theirs = LogisticRegression(l1_ratio=1.0, C=b, solver="saga", tol=1e-9, max_iter=10**5) if _l1_ratio_alone() else (
        LogisticRegression(penalty="l1", C=b, solver="saga", tol=1e-9, max_iter=10**5)
    )  # fmt: skip
    theirs.fit(X, y)
    model, loss = nn.Linear(30, 1, dtype=torch.float64), nn.BCEWithLogitsLoss()
    nn.init.zeros_(model.weight)
    penalties = st.Penalties(model, {"weight": sh.Laplace(b)}, n=n)
    data = torch.from_numpy(X), torch.from_numpy(y).double()[:, None]
    train(model, st.ProxAdam(model.parameters(), penalties, lr=0.2), loss, data, 2000)
    w, w0 = model.weight[0].detach().numpy(), model.bias.item()

    def objective(w, w0):
        eta = X @ w + w0
        return (np.logaddexp(0, eta) - y * eta).mean() + np.abs(w).sum() / (n * b)

    coef = theirs.coef_[0]
    assert (w != 0).sum() == 8 and np.array_equal(w != 0, coef != 0)
    assert np.abs(w - coef).max() < 1e-5
    assert objective(w, w0) <= objective(coef, theirs.intercept_[0]) + 1e-12
    found = st.certificate(model, penalties, loss, data)
    assert found.violation < 1e-9 and found.objective == pytest.approx(objective(w, w0), rel=1e-12)
    exact = sh.solve(X, y, sh.Bernoulli(), sh.Laplace(b), tol=1e-10)
    assert found.log_posterior == pytest.approx(exact.log_posterior, abs=1e-6)


def _l1_ratio_alone():
    """scikit-learn 1.8 deprecates `penalty`."""
    import sklearn

    return tuple(int(x) for x in sklearn.__version__.split(".")[:2]) >= (1, 8)


def test_ridge_by_proximal_steps_is_the_closed_form():
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), y - y.mean()
    model = nn.Linear(10, 1, bias=False, dtype=torch.float64)
    penalties = st.Penalties(model, {"weight": sh.Normal(2.0)}, n=len(y), noise=50.0)
    data = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    train(model, st.ProxAdam(model.parameters(), penalties, lr=1.0), nn.MSELoss(), data, 2000)
    exact = np.linalg.solve(X.T @ X / 50.0**2 + np.eye(10) / 2.0**2, X.T @ y / 50.0**2)
    np.testing.assert_allclose(model.weight[0].detach().numpy(), exact, rtol=1e-8)
    found = st.certificate(model, penalties, nn.MSELoss(), data)
    solved = sh.solve(X, y, sh.Gaussian(50.0), sh.Normal(2.0), intercept=False, tol=1e-12)
    assert found.log_posterior == pytest.approx(solved.log_posterior, rel=1e-10)
