"""The objective in a few coefficients, the others held at a fit: the numbers behind the pictures of two coefficients and of one.

With the others *held* the fit stays what it is in the whole problem: where minus the gradient of the loss lies in the
subdifferential of the penalty. So the loss's contour through it touches the penalty's level set there, and a posterior of one
coefficient has its mode there. The loss with the others minimised over, without their penalty, has neither property.

Coefficients here are in the units the penalty acts in: `coef * sd` of each column where the fit was standardised, else `coef`.
The intercept, which no penalty touches, is not held: it follows so as to stay the best one, to second order (for squared error
exactly), by columns that are centred under the loss's curvature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage.errors import DataError, ParameterError
from shrinkage.fit import Task
from shrinkage.grids import per_alpha
from shrinkage.paths import Path
from shrinkage.penalties.terms import NAMES, Terms
from shrinkage.plurals import counted

Array = np.ndarray
NOT_THE_FIT = 0.05  # of the largest gradient at the null model: the optimality conditions of a fit hold far better
DROP = 40.0  # nats below its top, where a density is negligible: e**-40 is 4e-18
FAR = 1e9  # times as far a density must have fallen a million times as much, or it is taken to have no integral
ROUNDS = 64  # of bisection: more than a double has bits


@dataclass(frozen=True, eq=False)
class Slice:
    """The summed loss and the penalty as functions of k chosen coefficients v, the other p - k held at a fit.

    **Attributes**

    - `chosen` (k,): which; `coef` (p,): the fit; `scale` (k,): v * scale is in the units of the data (1, or 1 / sd).
    - `columns` (n, k): their columns, centred; `eta` (n,): the linear predictor of the fit, offset included.
    - `y`, `weights`, `loss`, `penalty`: as in the problem, strengths on the sum of the loss.

    `points` below are (..., k) arrays of values of v.
    """

    chosen: Array
    coef: Array
    scale: Array
    columns: Array
    eta: Array
    y: Array
    weights: Array
    loss: Any
    penalty: Any

    @classmethod
    def of(cls, task: Task, coef: Any, intercept: float, chosen: Any) -> Slice:
        """The slice of a job (`Task.read` makes one; its penalty acts on the sum of the loss) at its fit, in data units.

        **Raises** `ParameterError` for columns that are not there; `DataError` where `coef` is not a fit of this job at all.
        """
        p = task.design.shape[1]
        chosen = np.asarray(chosen, np.int64)
        if chosen.ndim != 1 or len(set(chosen.tolist())) != len(chosen) or np.any(chosen < 0) or np.any(chosen >= p):
            raise ParameterError(f"The chosen coefficients must be different numbers from 0 to {p - 1}; got {chosen.tolist()}.")
        if np.shape(coef) != (p,):
            raise DataError(f"The fit has {counted(np.size(coef), 'coefficient')}, but X has {counted(p, 'column')}.")
        coef = np.asarray(coef, np.float64)
        scale = task.prepared()[1].scale
        eta = task.design.matvec(coef) + intercept + task.offset
        _check_fit(task, coef / scale, scale, eta)
        columns = task.design.matmat(chosen, np.diag(scale[chosen]))
        if task.intercept:
            h = _curvature(task.loss, task.y, eta, task.weights)
            columns = columns - (h / h.sum()) @ columns
        return cls(chosen, coef / scale, scale[chosen], columns, eta, task.y, task.weights, task.loss, task.penalty)

    @property
    def at(self) -> Array:
        """The fit, (k,)."""
        return self.coef[self.chosen]

    @property
    def gradient(self) -> Array:
        """Of the summed loss at the fit, (k,): minus it lies in the subdifferential of the penalty."""
        return self.gradient_at(self.at)

    @cached_property
    def hessian(self) -> Array:
        """Of the summed loss at the fit, (k, k): for squared error everywhere."""
        h = self.weights * np.asarray(self.loss.curvature(self.y, self.eta))
        return self.columns.T @ (h[:, None] * self.columns)

    def gradient_at(self, point: Any) -> Array:
        """Of the summed loss at one point, (k,)."""
        return self.columns.T @ np.asarray(self.loss.total_gradient(self.y, self._eta(point), self.weights))

    def loss_above(self, points: Any) -> Array:
        """The summed loss less that of the fit, (...)."""
        points = np.asarray(points, np.float64)
        if self.loss.quadratic:
            d = points - self.at
            return d @ self.gradient + np.sum((d @ self.hessian) * d, axis=-1) / 2
        base = float(self.loss.total(self.y, self.eta, self.weights))
        flat = [
            float(self.loss.total(self.y, self._eta(point), self.weights)) - base for point in points.reshape(-1, len(self.at))
        ]
        return np.reshape(flat, points.shape[:-1])

    def penalty_at(self, points: Any) -> Array:
        """The terms of the penalty that the chosen coefficients are in, (...): whole groups, with the others of them held."""
        return restricted(self.penalty, self.coef, self.chosen, points)

    def objective_above(self, points: Any) -> Array:
        """loss + penalty less that of the fit, (...): >= 0 where the problem is convex. Minus it is the log posterior but for a
        constant."""
        return self.loss_above(points) + self.penalty_at(points) - self.penalty_at(self.at)

    def free_minimum(self) -> Array | None:
        """Where the loss alone is least in these coefficients, (k,); None where Newton's method finds no such point.

        The others are held, so for two of many coefficients this is not least squares of all of them.
        """
        if not (self.loss.smooth and self.loss.separable):
            return None
        point = np.array(self.at)
        for _ in range(100):
            eta = self._eta(point)
            h = self.weights * np.asarray(self.loss.curvature(self.y, eta))
            step = np.linalg.lstsq(self.columns.T @ (h[:, None] * self.columns), self.gradient_at(point), rcond=1e-12)[0]
            here, length = float(self.loss_above(point)), 1.0
            while length > 1e-6 and not float(self.loss_above(point - length * step)) <= here + 1e-12 * (1 + abs(here)):
                length /= 2
            point = point - length * step
            if not np.all(np.isfinite(point)) or np.abs(point).max() > 1e150:
                return None
            if np.all(np.abs(step) <= 1e-12 * (np.abs(point) + np.abs(self.at) + 1e-300)):
                return point
        return None

    def _eta(self, point: Any) -> Array:
        return self.eta + self.columns @ (np.asarray(point, np.float64) - self.at)


def _curvature(loss: Any, y: Array, eta: Array, weights: Array) -> Array:
    """Of each row's loss, weighted; the weights alone where the loss has none."""
    if not (loss.smooth and loss.separable):
        return weights
    h = weights * np.asarray(loss.curvature(y, eta))
    return h if np.all(np.isfinite(h)) and h.sum() > 0 else weights


def _check_fit(task: Task, coef: Array, scale: Array, eta: Array) -> None:
    """Refuse coefficients that are no fit of these data: in the picture nothing would touch."""
    if not task.loss.smooth:
        return
    null = float(task.loss.null(task.y, task.weights, task.offset)) if task.intercept else 0.0
    pull, start = (
        scale * task.design.rmatvec(np.asarray(task.loss.total_gradient(task.y, e, task.weights)))
        for e in (eta, task.offset + null)
    )
    violation = float(np.max(task.penalty.violation(coef, pull), initial=0.0))
    largest = float(np.max(np.abs(start), initial=0.0))
    if violation > NOT_THE_FIT * largest:
        raise DataError(
            f"The coefficients are no fit of these data: the optimality conditions are violated by {violation:.2g}, the largest "
            f"gradient being {largest:.2g}. Pass the X, y, weights, offset and standardize of the fit."
        )


def restricted(penalty: Any, coef: Array, chosen: Any, points: Any) -> Array:
    """The terms of a penalty that some of its coefficients are in, at values of these (..., k), the others as in `coef` (p,).

    For what is separable that is the penalty of these alone; a group counts whole. A stranger's penalty is counted whole.
    """
    chosen, points = np.asarray(chosen, np.int64), np.asarray(points, np.float64)
    twin = penalty.twin(len(coef))
    if twin is None:
        return _of_a_stranger(penalty, coef, chosen, points)
    out = terms_of(twin.terms[:, chosen]).value(points).sum(axis=-1)
    if twin.groups is not None:
        labels = twin.groups[chosen]
        for g in np.unique(labels[labels >= 0]):
            held = np.setdiff1d(np.flatnonzero(twin.groups == g), chosen)
            squares = np.sum(points[..., labels == g] ** 2, axis=-1) + np.sum(coef[held] ** 2)
            out = out + terms_of(twin.group_terms[:, g]).value(np.sqrt(squares))
    return out


def terms_of(table: Array) -> Terms:
    return Terms(**dict(zip(NAMES, table, strict=True)))


def _of_a_stranger(penalty: Any, coef: Array, chosen: Array, points: Array) -> Array:
    whole, flat = np.array(coef), []
    for point in points.reshape(-1, len(chosen)):
        whole[chosen] = point
        flat.append(float(penalty.value(whole)))
    return np.reshape(flat, points.shape[:-1])


def at_alpha(task: Task, alpha: float) -> Task:
    """A job whose penalty is that of alpha = 1 on the mean loss -> the same with the penalty at `alpha`, on the sum."""
    return replace(task, penalty=per_alpha(task) * (alpha * task.penalty))


# ---- two coefficients: the ball and the contours


def ball(plane: Slice, reach: float, level: float | None = None, per_quadrant: int = 121) -> Array:
    """The edge of {v : penalty <= level}, (m, 2), a closed polygon; `level` is by default the penalty at the fit, so that the
    fit is on the edge.

    A diamond for L1, a circle for L2, a rounded diamond for their sum, what it is for the others. Corners are exact: the four
    axes and the direction of the fit are among the directions. Where the level is never reached (a free coefficient, the
    flat part of MCP and SCAD) the edge is at `reach`.
    """
    centre = _centre(plane)
    dirs = _directions(plane.at - centre, per_quadrant)
    if level is None:
        level = float(plane.penalty_at(plane.at))
    level += 1e-13 * abs(level)
    low, high = np.zeros(len(dirs)), np.full(len(dirs), float(reach))
    with np.errstate(all="ignore"):
        inside = plane.penalty_at(centre + high[:, None] * dirs) <= level
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            within = plane.penalty_at(centre + middle[:, None] * dirs) <= level
            low, high = np.where(within, middle, low), np.where(within, high, middle)
    radius = np.where(inside, float(reach), low)
    edge = centre + radius[:, None] * dirs
    return np.vstack([edge, edge[:1]])


def lq_ball(at: Any, q: float, per_quadrant: int = 121) -> Array:
    """The edge of {v : |v_1|**q + |v_2|**q <= its value at `at`}, (m, 2), a closed polygon; `at` (2,) is on it.

    For q < 1 a star that lies in the diamond through its corners, for comparison with the balls of the library's penalties. The
    library does not fit under |w|**q with q < 1 (bridge): its slope at zero has no bound, so that w = 0 is stationary
    whatever the data and the strength, and a certificate would hold there without saying anything.

    **Raises** `ParameterError` unless q is a finite number > 0.
    """
    if isinstance(q, bool) or not isinstance(q, int | float | np.number) or not 0 < q < np.inf:
        raise ParameterError(f"q must be a finite number > 0; got {q!r}.")
    at = np.asarray(at, np.float64)
    dirs = _directions(at, per_quadrant)
    size = float(np.abs(at).max()) or 1.0
    level = np.sum(np.abs(at / size) ** q)
    edge = size * dirs * ((level / np.sum(np.abs(dirs) ** q, axis=1)) ** (1 / q))[:, None]
    return np.vstack([edge, edge[:1]])


def _centre(plane: Slice) -> Array:
    """Where the penalty is least: zero, or what the bounds allow that is nearest."""
    whole = np.array(plane.coef)
    whole[plane.chosen] = 0.0
    if np.isfinite(float(plane.penalty_at(np.zeros(len(plane.chosen))))):
        return whole[plane.chosen]
    return np.asarray(plane.penalty.prox(whole, 1e-12))[plane.chosen]


def _directions(through: Array, per_quadrant: int) -> Array:
    """Unit vectors of angles from -pi up to pi, (m, 2): exact on the axes, close together near them, where corners are, and that
    of `through` (2,) among them."""
    quarter = (1 - np.cos(np.pi * np.arange(per_quadrant) / per_quadrant)) / 2 * np.pi / 2
    first = -np.column_stack([np.cos(quarter), np.sin(quarter)])
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])  # by a quarter, of row vectors
    angles = np.concatenate([quarter + (k - 2) * np.pi / 2 for k in range(4)])
    dirs = np.vstack([first @ np.linalg.matrix_power(turn, k) for k in range(4)])
    if not np.any(through):
        return dirs
    here = int(np.searchsorted(angles, np.arctan2(through[1], through[0])))
    return np.insert(dirs, here, through / np.hypot(*through), axis=0)


def corner(plane: Slice) -> Array:
    """Which of the chosen coefficients are exactly zero, (k,) bool: where the ball is touched at a corner."""
    return plane.at == 0.0


def sizes(path: Path, scale: Any = 1.0) -> Array:
    """t(alpha), (m,): the penalty's value (its strength as given, at alpha = 1) at each model of a path.

    For a convex penalty the model at alpha also minimises the loss subject to penalty <= t: the hard constraint and the soft
    penalty are one problem. `scale` (p,): 1 / sd where the path is standardised.

    **Raises** `ParameterError` where the penalty is not convex: then no such t need exist.
    """
    if not path.penalty.convex:
        raise ParameterError(f"{path.penalty!r} is not convex: its solutions need not be those of a constraint penalty <= t.")
    return np.array([float(path.penalty.value(np.asarray(coef, np.float64) / scale)) for coef in path.coefs.T])


def trajectory(path: Path, chosen: Any, scale: Any = 1.0) -> Array:
    """The chosen coefficients along a path, (m, k), each as the whole problem has them; `scale` (k,) as `Slice.scale`."""
    return path.coefs[np.asarray(chosen, np.int64)].T.astype(np.float64) / scale


# ---- one coefficient: prior times likelihood


@dataclass(frozen=True, eq=False)
class Conditional:
    """The posterior of one coefficient given the others at the fit, and what it is the product of.

    **Attributes**

    - `grid` (m,): values of the coefficient; `log_prior`, `log_likelihood`, `log_posterior` (m,): log densities on it, each
      integrating to one where it can (`prior_is_proper`, `likelihood_is_proper`), else counted from its largest value.
    - `mode`: the fit; `mean`, `sd` of the posterior by quadrature; `above_zero`: its probability of a positive coefficient.
      For a penalty with a corner zero can be the mode; it is never the mean, except by symmetry, and has probability zero.
    """

    grid: Array
    log_prior: Array
    log_likelihood: Array
    log_posterior: Array
    prior_is_proper: bool
    likelihood_is_proper: bool
    mode: float
    mean: float
    sd: float
    above_zero: float


def conditional(line: Slice, dispersion: float = 1.0, points: int = 801, drop: float = 9.0) -> Conditional:
    """Prior, likelihood and posterior of one coefficient, from a slice of k = 1.

    `dispersion`: what the summed loss and the penalty are divided by to be nats: 1 where the loss is a likelihood as it stands,
    sigma**2 where it is half the residual sum of squares and sigma is known apart. The grid covers the posterior up to `drop`
    nats below its top, zero if it is near, and of the prior and the likelihood what lies within half that width more.

    **Raises** `ParameterError` where the posterior has no finite integral.
    """
    mode = float(line.at[0])

    def likelihood(v: Array) -> Array:
        return -line.loss_above(v[:, None]) / dispersion

    def prior(v: Array) -> Array:
        return -line.penalty_at(v[:, None]) / dispersion

    def posterior(v: Array) -> Array:
        return likelihood(v) + prior(v)

    span = support(posterior, mode, DROP)
    if span is None:
        raise ParameterError(
            f"The posterior of coefficient {int(line.chosen[0])} has no finite integral: "
            f"neither the data nor {line.penalty!r} bound it."
        )
    nodes, weights = _quadrature(*span, breaks=(0.0, mode))
    log_f = posterior(nodes)
    top = float(log_f.max())
    mass = weights * np.exp(log_f - top)
    total = float(mass.sum())
    mean = float(mass @ nodes) / total
    sd = float(np.sqrt(mass @ (nodes - mean) ** 2 / total))
    free = line.free_minimum()
    best = mode if free is None else float(free[0])
    flat_at = float(_centre(line)[0])
    prior_mass, likelihood_mass = log_mass(prior, flat_at, mode), log_mass(likelihood, best, mode)
    grid = _display(posterior, ((prior, flat_at), (likelihood, best)), mode, points, drop)
    return Conditional(
        grid=grid,
        log_prior=prior(grid) - prior_mass[0],
        log_likelihood=likelihood(grid) - likelihood_mass[0],
        log_posterior=posterior(grid) - top - np.log(total),
        prior_is_proper=prior_mass[1],
        likelihood_is_proper=likelihood_mass[1],
        mode=mode,
        mean=mean,
        sd=sd,
        above_zero=float(mass[nodes > 0].sum()) / total,
    )


def support(log_f: Callable[[Array], Array], start: float, drop: float) -> tuple[float, float] | None:
    """The interval about `start` at whose ends log_f has fallen by `drop` (or ends); None where it does not, or not for good."""
    base = float(log_f(np.array([start]))[0])
    if not np.isfinite(base):
        return None
    ends = []
    for sign in (-1.0, 1.0):
        far = _fallen(log_f, start, sign, base, base - drop)
        if far is None:
            return None
        ends.append(far)
    return ends[0], ends[1]


def _fallen(log_f: Callable[[Array], Array], start: float, sign: float, base: float, level: float) -> float | None:
    def above(h: float) -> bool:
        with np.errstate(all="ignore"):
            return bool(log_f(np.array([start + sign * h]))[0] > level)

    high = 1e-8 * max(abs(start), 1e-8)
    while above(high):
        high *= 2
        if high > 1e12 * max(abs(start), 1.0):
            return None
    low, end = 0.0, high
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) else (low, middle)
    with np.errstate(all="ignore"):
        if not log_f(np.array([start + sign * FAR * end]))[0] < level - 1e-3 * FAR * (base - level):
            return None  # flat far out: MCP, SCAD
    return start + sign * low


def _quadrature(low: float, high: float, breaks: Sequence[float], panels: int = 24, order: int = 16) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights over [low, high], broken where the integrand has kinks."""
    x, w = np.polynomial.legendre.leggauss(order)
    edges = sorted({low, high, *(b for b in breaks if low < b < high)})
    cuts = np.concatenate([np.linspace(a, b, panels + 1)[:-1] for a, b in zip(edges[:-1], edges[1:], strict=True)] + [[high]])
    half = np.diff(cuts) / 2
    nodes = (cuts[:-1] + half)[:, None] + half[:, None] * x
    return nodes.ravel(), (half[:, None] * w).ravel()


def log_mass(log_f: Callable[[Array], Array], start: float, kink: float = 0.0) -> tuple[float, bool]:
    """(log of the integral of exp(log_f), True), or (log_f at `start`, False) where there is none; `start` is near its top."""
    span = support(log_f, start, DROP)
    if span is None or not span[0] < span[1]:
        at = float(log_f(np.array([start]))[0])
        return (at if np.isfinite(at) else 0.0), False
    nodes, weights = _quadrature(*span, breaks=(0.0, kink, start))
    values = log_f(nodes)
    top = float(values.max())
    return top + float(np.log(weights @ np.exp(values - top))), True


def _display(posterior: Any, factors: Any, mode: float, points: int, drop: float) -> Array:
    """A grid that holds what there is to see, zero and the mode among its points."""
    low, high = support(posterior, mode, drop) or (mode - 1.0, mode + 1.0)
    width = high - low
    first, last = low, high
    for f, start in factors:
        span = support(f, start, drop)
        if span is not None:
            first, last = min(first, max(span[0], low - width / 2)), max(last, min(span[1], high + width / 2))
    if -2 * width < mode < 2 * width:
        first, last = min(first, 0.0), max(last, 0.0)
    zero = [0.0] if first < 0 < last else []
    return np.unique(np.concatenate([np.linspace(first, last, points), [mode], zero]))
