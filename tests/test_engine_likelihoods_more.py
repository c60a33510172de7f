"""Groups, L2 alone and concave penalties under likelihoods, on the engine: against formulas written out here."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

import shrinkage as sh
from shrinkage.engine.working import WorkingSet
from tests.test_engine_likelihoods import LOSSES, Judge, check, data, loss

P = 60
LABELS = np.r_[np.repeat(np.arange(18), 3), 18 + np.arange(6)]  # the last six stand alone
OMEGA = np.linspace(0.7, 1.5, 24)


class GroupJudge(Judge):
    """The penalty is c sum_g omega_g ||w_g||."""

    def __init__(self, loss, X, y, labels, omega, weights=None):
        super().__init__(loss, X, y, sh.L1(1.0), weights)
        self.groups = [(np.flatnonzero(labels == g), o) for g, o in enumerate(omega)]

    def primal(self, w, b, alpha):
        w = np.asarray(w, np.longdouble)
        price = sum(o * np.sqrt(np.sum(w[at] ** 2)) for at, o in self.groups)
        return self.value(self.X @ w + b + self.offset) + alpha * self.weights.sum() * price

    def dual(self, w, b, alpha):
        c = alpha * self.weights.sum()
        r = self.y - self.mean(self.X @ w + b + self.offset)
        pull = (self.X - self.weights @ self.X / self.weights.sum()).T @ (self.weights * r)
        k = min(np.longdouble(1), min(c * o / np.sqrt(np.sum(pull[at] ** 2)) for at, o in self.groups))
        m = self.y - k * r
        entropy = np.where(m > 0, m * np.log(np.where(m > 0, m, 1)), 0)
        entropy += np.where(m < 1, (1 - m) * np.log(np.where(m < 1, 1 - m, 1)), 0) if self.logistic else -m
        return -self.weights @ entropy

    def polished(self, w, b, alpha):
        """Newton's method on the groups in use."""
        w, b, c = np.asarray(w, np.longdouble), np.longdouble(b), alpha * self.weights.sum()
        used = [(at, o) for at, o in self.groups if w[at].any()]
        at = np.concatenate([np.zeros(0, int), *(one for one, _ in used)])
        Z = np.column_stack([np.ones(len(self.y), np.longdouble), self.X[:, at]])
        for _ in range(8):
            mu = self.mean(self.X @ w + b + self.offset)
            slope, bend, start = Z.T @ (self.weights * (self.y - mu)), np.zeros((len(at) + 1,) * 2), 1
            for one, o in used:
                size, here = np.sqrt(np.sum(w[one] ** 2)), slice(start, start + len(one))
                slope[here] -= c * o * w[one] / size
                bend[here, here] = c * o / size * (np.eye(len(one)) - np.outer(w[one], w[one]) / size**2)
                start += len(one)
            h = self.weights * (mu * (1 - mu) if self.logistic else mu)
            step = np.linalg.solve(((Z.T * h) @ Z + bend).astype(float), slope.astype(float))
            b, w[at] = b + step[0], w[at] + step[1:]
        return w, b


@loss
@pytest.mark.parametrize("n", [40, 200])
def test_groups(loss, n):
    X, y, rng = data(loss, n, P)
    weights = rng.random(n) + 0.1
    penalty = sh.Grouped(sh.L1(OMEGA), LABELS)
    found = sh.path(X, y, loss, penalty, weights=weights, n_alphas=20, ratio=0.05)
    nearer = sh.path(X, y, loss, penalty, weights=weights, alphas=found.alphas, tol=1e-11)
    check(found, GroupJudge(loss, X, y, LABELS, OMEGA, weights), nearer)


@loss
@pytest.mark.parametrize("intercept", [True, False])
def test_l2_alone(loss, intercept):
    X, y, _ = data(loss, 120, P)
    found = sh.path(X, y, loss, sh.L2(1.0), n_alphas=20, intercept=intercept)
    nearer = sh.path(X, y, loss, sh.L2(1.0), alphas=found.alphas, intercept=intercept, tol=1e-11)
    assert found.passes is not None and (found.n_iter == 1).all()
    if intercept:
        check(found, Judge(loss, X, y, sh.L2(1.0)), nearer)
    np.testing.assert_allclose(found.coefs, nearer.coefs, atol=2e-3 * np.abs(nearer.coefs).max())


SHAPES = {"MCP": (sh.MCP, 0.0, 3.0), "SCAD": (sh.SCAD, 1.0, 3.7)}
shape = pytest.mark.parametrize(("kind", "fall", "flat"), SHAPES.values(), ids=SHAPES)


def worst(loss, X, y, w, b, alpha, fall, flat):
    """How far minus the gradient is from the penalty's derivative as Zhang (2010) and Fan and Li (2001) give it: n alpha up to
    |w| = `fall`, then linear to zero at `flat`."""
    judge, size = Judge(loss, X, y, sh.L1(1.0)), np.abs(w)
    pull = judge.X.T @ (judge.y - judge.mean(judge.X @ w + b))
    steep = len(y) * alpha * np.clip((flat - np.maximum(size, fall)) / (flat - fall), 0, 1)
    return np.where(w == 0, np.maximum(np.abs(pull) - len(y) * alpha, 0), np.abs(pull - np.sign(w) * steep)).max()


@loss
@shape
@pytest.mark.parametrize("n", [40, 200])
def test_concave_paths_are_stationary(loss, kind, fall, flat, n):
    X, y, _ = data(loss, n, P)
    found = sh.path(X, y, loss, kind(1.0, flat), n_alphas=20, ratio=0.1, tol=1e-7)
    assert found.passes is not None and found.converged and (found.n_iter == 1).all() and found.kinds == ["violation"] * 20
    top = np.max(np.abs((X - X.mean(axis=0)).T @ (y - y.mean())))
    for i, alpha in enumerate(found.alphas):
        assert worst(loss, X, y, found.coefs[:, i], found.intercepts[i], alpha, fall, flat) <= 1.01e-7 * top, i
    assert np.count_nonzero(found.coefs[:, 0]) == 0 and np.count_nonzero(found.coefs[:, -1]) >= 3


@shape
def test_a_family_whose_knots_move_with_alpha(kind, fall, flat):
    X, y, _ = data(LOSSES["logistic"], 200, P)
    model = sh.PenalizedClassifierCV(penalty=kind.__name__.lower(), concavity=flat, rule="bic", n_alphas=15, tol=1e-7).fit(X, y)
    path, top = model.path_, np.max(np.abs((X - X.mean(axis=0)).T @ (y - y.mean())))
    assert path.passes is not None and (path.n_iter == 1).all()
    for i, alpha in enumerate(path.alphas):
        assert (
            worst(sh.Logistic(), X, y, path.coefs[:, i], path.intercepts[i], alpha, alpha * fall, alpha * flat) <= 1.01e-7 * top
        )


@pytest.mark.parametrize(
    "penalty", [sh.Grouped(sh.L1(1.0), np.arange(P) // 3), sh.L2(1.0), sh.MCP(1.0, 3.0)], ids=["groups", "L2", "MCP"]
)
def test_folds_are_paths_of_their_own_rows(penalty):
    X, y, rng = data(LOSSES["logistic"], 150, P)
    splits = list(KFold(3).split(X))
    found = sh.select(X, y, sh.Logistic(), penalty, cv=splits, n_alphas=12, ratio=0.1, tol=1e-9)
    for k, (train, test) in enumerate(splits):
        own = sh.path(X[train], y[train], sh.Logistic(), penalty, alphas=found.path.alphas, tol=1e-9)
        eta = X[test] @ own.coefs + own.intercepts
        deviance = 2 * np.mean(np.logaddexp(0, eta) - y[test, None] * eta, axis=0)
        np.testing.assert_allclose(found.test_errors[:, k], deviance, rtol=1e-3)


@pytest.mark.parametrize("one", [sh.Logistic(), sh.Poisson()], ids=["logistic", "poisson"])
def test_degrees_of_freedom_of_groups_are_those_of_the_trace(one):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((80, 12)) + 0.5
    eta = X[:, :3] @ np.array([0.6, -0.4, 0.3]) + 1
    y = rng.poisson(np.exp(eta)) * 1.0 if isinstance(one, sh.Poisson) else (rng.random(80) < 1 / (1 + np.exp(-eta))) * 1.0
    labels, Z = np.arange(12) // 3, X - X.mean(axis=0)
    found = sh.path(X, y, one, sh.Grouped(sh.L1(1.0), labels), n_alphas=6, ratio=0.05, tol=1e-10)
    for i, alpha in enumerate(found.alphas):
        w, at = found.coefs[:, i], np.flatnonzero(found.coefs[:, i])
        h = one.curvature(y, X @ w + found.intercepts[i])
        H, bend = (Z[:, at].T * h) @ Z[:, at], np.zeros((len(at), len(at)))
        for g in np.unique(labels[at]):
            here = labels[at] == g
            size = np.linalg.norm(w[at][here])
            unit = w[at][here] / size
            bend[np.ix_(here, here)] = len(y) * alpha / size * (np.eye(here.sum()) - np.outer(unit, unit))
        assert found.df[i] == pytest.approx(np.trace(np.linalg.solve(H + bend, H)) if len(at) else 0, rel=1e-5)


def test_weakly_penalised_groups_are_not_left_at_a_gap_that_no_metric_mends(monkeypatch):
    """Near alpha_max on noise, what a dual point gives up costs many times the gap of the quadratic model."""
    metrics = []
    monkeypatch.setattr(WorkingSet, "apart", lambda *a, apart=WorkingSet.apart: metrics.append(a) or apart(*a))
    rng = np.random.default_rng(3)
    X = np.sqrt(0.1) * rng.standard_normal((1000, 300)) + np.sqrt(0.9) * rng.standard_normal((1000, 1))
    y = rng.integers(0, 2, 1000).astype(float)
    path = sh.path(X, y, sh.Logistic(), sh.Grouped(sh.L1(1.0), np.arange(300) // 5), n_alphas=25, ratio=0.3, tol=1e-4)
    assert all(path.outcomes) and not metrics  # there were a hundred
