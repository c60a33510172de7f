"""laplace(model, penalties, loss, data): the posterior near its mode, as a normal distribution of the weights that are not zero.

MacKay (1992, Neural Comput. 4), with the generalised Gauss-Newton matrix for the curvature of the likelihood and the linear
predictive distribution that belongs to it (Immer, Korzepa and Bauer, 2021, AISTATS; Daxberger et al., 2021, NeurIPS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacrev, vmap

from shrinkage.errors import ConvergenceError, DataError, ParameterError
from shrinkage.penalties import Penalty
from shrinkage.penalties.elementary import Elementary
from shrinkage.plurals import counted
from shrinkage.torch.certificate import Loss, _batches, _call, _check_scale, _evaluating
from shrinkage.torch.parameters import Pattern, check, matches, places
from shrinkage.torch.penalties import Entry, Penalties

STRUCTURES = ("full", "diagonal")
MOST = 20_000  # weights whose full precision matrix is worth its memory


def laplace(
    model: nn.Module, penalties: Penalties, loss: Loss, data: Any, weights: Pattern = "last layer", structure: str = "full"
) -> LaplacePosterior:
    """The normal distribution around the mode that a trained module stands at, under the priors that it was trained with.

    **Arguments**

    - `penalties` with `n=` (and `noise=` beside nn.MSELoss): priors; `loss` and `data` as for `certificate`. The module takes
      one tensor as input.
    - `weights`: "last layer" (the last nn.Linear), "all", or a pattern as in `Penalties`; all else stays at the mode.
    - `structure`: "full": a precision matrix. "diagonal": its diagonal, for many weights.

    At an exact zero L1 has no curvature, it has a kink: such weights are left out, and so are ones at a bound. Of those that are
    left L1 has none either; they are known from the data alone. L2, a normal prior, has its strength.

    **Raises** `ParameterError` where there is no prior or nothing to be uncertain about, `DataError` for no data,
    `ConvergenceError` where the precision is not positive: the weights are no mode, or the data leave some undetermined.
    """
    if penalties.n is None:
        raise ParameterError("A posterior needs a prior: give Penalties the number of observations, n=.")
    if structure not in STRUCTURES:
        raise ParameterError(f"structure must be one of {STRUCTURES}; got {structure!r}.")
    active = _active(penalties, _entries(model, penalties, weights))
    size = sum(len(where) for _, where in active)
    if not size:
        raise ParameterError("Every weight that was chosen is zero: there is nothing to be uncertain about.")
    if structure == "full" and size > MOST:
        raise ParameterError(f"{size} weights have too large a precision matrix: choose fewer, or structure='diagonal'.")
    net = _Linear(model, active)
    curvature: Any = 0.0
    seen = 0
    with _evaluating(model):
        for inputs, targets in _batches(data):
            _check_scale(penalties, loss, _call(model, inputs))
            curvature = curvature + _gauss_newton(net, loss, inputs, targets, structure)
            seen += len(targets)
    if not seen:
        raise DataError("laplace() got no data: an iterator can be read only once; pass a DataLoader or a list of batches.")
    prior = _prior(penalties, active, structure)
    return LaplacePosterior(net, penalties, penalties.observations / seen * curvature + prior, structure)


@dataclass(frozen=True, eq=False)
class _Linear:
    """The module as a function of its active weights, near the mode."""

    model: nn.Module
    active: list[tuple[Entry, Tensor]]  # and where they are in the flattened parameter

    @property
    def mode(self) -> Tensor:
        return torch.cat([entry.parameter.detach().reshape(-1)[where] for entry, where in self.active])

    def output(self, active: Tensor, x: Tensor) -> Tensor:
        """Of one row, flattened."""
        parts = active.split([len(where) for _, where in self.active])
        state: dict[str, Tensor] = {}
        for part, (entry, where) in zip(parts, self.active, strict=True):
            w = entry.parameter.detach()
            state |= dict.fromkeys(entry.names, w.reshape(-1).index_put((where,), part).reshape(w.shape))
        return functional_call(self.model, state, (x[None],)).reshape(-1)

    def jacobians(self, inputs: Any) -> Tensor:
        """(rows, outputs, weights)."""
        if not isinstance(inputs, Tensor):
            raise ParameterError("laplace() needs a module of one tensor.")
        return vmap(jacrev(self.output), (None, 0))(self.mode, inputs).detach()


class LaplacePosterior:
    """A normal distribution of the active weights. `mode` (A,), `precision` (A, A), or (A,) where it is diagonal.

    `active`: {name of a parameter: positions, in the flattened parameter, of its weights in the order of `mode`}.
    """

    def __init__(self, net: _Linear, penalties: Penalties, precision: Tensor, structure: str) -> None:
        self._net, self._penalties, self.structure = net, penalties, structure
        self.mode, self.precision = net.mode, precision
        self.active = {entry.name: where for entry, where in net.active}
        smallest = precision.amin() if structure == "diagonal" else torch.linalg.eigvalsh(precision)[0]
        if not smallest > precision.abs().amax() * len(self.mode) * torch.finfo(precision.dtype).eps:
            raise ConvergenceError(
                f"The precision of the posterior is not positive (smallest value {float(smallest):.3g}): the weights are at no "
                "mode, or data and prior leave a combination of them undetermined. Train on, or add L2."
            )
        self._root = precision.sqrt() if structure == "diagonal" else torch.linalg.cholesky(precision)

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(where)} of {name}" for name, where in self.active.items())
        return f"LaplacePosterior({self.structure}, {counted(len(self.mode), 'weight')}: {parts})"

    @property
    def covariance(self) -> Tensor:
        """(A, A), or (A,) where it is diagonal."""
        return 1 / self.precision if self.structure == "diagonal" else torch.cholesky_inverse(self._root)

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(what the module says (rows, outputs), its covariance (rows, outputs, outputs)), the module taken as linear in its
        weights. Of the noise-free output: for an observation under nn.MSELoss add noise**2 to the variances."""
        with _evaluating(self._net.model):
            output, J = self._net.model(inputs).detach().flatten(1), self._net.jacobians(inputs)
        if self.structure == "diagonal":
            half = J / self._root
        else:
            half = torch.linalg.solve_triangular(self._root, J.mT, upper=False).mT
        return output, half @ half.mT

    def probabilities(self, inputs: Tensor) -> Tensor:
        """Class probabilities (rows, classes), the logits' uncertainty averaged over by MacKay's probit formula."""
        output, covariance = self.predict(inputs)
        return (output / (1 + torch.pi / 8 * covariance.diagonal(dim1=1, dim2=2)).sqrt()).softmax(1)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draws of the active weights, (count, A)."""
        z = torch.randn(count, len(self.mode), generator=generator, dtype=self.mode.dtype)
        if self.structure == "diagonal":
            return self.mode + z / self._root
        return self.mode + torch.linalg.solve_triangular(self._root.mT, z.mT, upper=True).mT

    def prior_precision(self) -> Tensor:
        """Of each active weight, (A,): the strength of L2; 0 under L1, a flat prior.

        **Raises** `ParameterError` for group norms, whose curvature is not diagonal.
        """
        for entry, _ in self._net.active:
            if isinstance(entry.penalty, Penalty) and not isinstance(entry.penalty, Elementary):
                raise ParameterError(f"The prior of {entry.name}, {entry.penalty!r}, has no precision for each weight.")
        return _prior(self._penalties, self._net.active, "diagonal")

    def to_laplace_torch(self, likelihood: str) -> Any:
        """The same as an object of laplace-torch, not fitted: `fit(train_loader)` it with all of the data.

        `likelihood`: "regression" or "classification". The subnetwork is the active weights, `prior_precision` is that of this
        prior and `sigma_noise` the noise: do not tune them there, or the weights are no longer at the mode.
        """
        import laplace as theirs  # late: not a dependency

        model = self._net.model
        starts, start = {}, 0
        for p in model.parameters():
            if p.requires_grad:
                starts[p], start = start, start + p.numel()
        pairs = [(starts[entry.parameter] + where, entry) for entry, where in self._net.active]
        indices = torch.cat([where for where, _ in pairs])
        order = indices.argsort()
        made = theirs.Laplace(
            model, likelihood, subset_of_weights="subnetwork", subnetwork_indices=indices[order].cpu(),
            hessian_structure="diag" if self.structure == "diagonal" else "full", sigma_noise=self._penalties.noise or 1.0,
        )  # fmt: skip
        made._prior_precision = self.prior_precision()[order]  # its setter takes as many numbers as all weights, or one
        return made


def _entries(model: nn.Module, penalties: Penalties, weights: Pattern) -> list[Entry]:
    trained = [entry for entry in penalties.entries if entry.parameter.requires_grad]
    if weights == "all":
        return trained
    if weights == "last layer":
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if not linear:
            raise ParameterError("There is no nn.Linear: name the weights by a pattern, or use weights='all'.")
        own = set(linear[-1].parameters())
        return [entry for entry in trained if entry.parameter in own]
    found = {p for p, where in places(model) if any(matches(check(weights), place) for place in where)}
    return [entry for entry in trained if entry.parameter in found]


def _active(penalties: Penalties, entries: list[Entry]) -> list[tuple[Entry, Tensor]]:
    kinked = [_kinked(entry) & (float(penalties.strength) > 0) for entry in entries]
    return [(entry, (~off).reshape(-1).nonzero()[:, 0]) for entry, off in zip(entries, kinked, strict=True)]


def _kinked(entry: Entry) -> Tensor:
    """Where the penalty has no derivative: zeros under L1, weights at a bound; zeros under any other kind."""
    w = entry.felt(entry.parameter.detach())
    if entry.penalty is None:
        return torch.zeros_like(w, dtype=torch.bool)
    if isinstance(entry.penalty, Elementary):
        low, high = entry.penalty.subgradient(w)
        return low < high
    return w == 0


def _gauss_newton(net: _Linear, loss: Loss, inputs: Any, targets: Tensor, structure: str) -> Tensor:
    """The sum over the rows of J' (second derivative of the loss of the row) J."""
    J = net.jacobians(inputs)
    shape = net.model(inputs).shape[1:]
    outputs = net.model(inputs).detach()
    each = vmap(hessian(lambda output, target: loss(output[None], target[None])))
    H = each(outputs, targets).detach().reshape(len(J), shape.numel(), shape.numel())
    if structure == "diagonal":
        return torch.einsum("nka,nkl,nla->a", J, H, J)
    return torch.einsum("nka,nkl,nlb->ab", J, H, J)


def _prior(penalties: Penalties, active: list[tuple[Entry, Tensor]], structure: str) -> Tensor:
    """The second derivative of minus the log of the prior at the mode."""
    parts = [float(penalties.strength) * _curvature(entry, where, structure) for entry, where in active]
    return torch.cat(parts) if structure == "diagonal" else torch.block_diag(*parts)


def _curvature(entry: Entry, where: Tensor, structure: str) -> Tensor:
    w = entry.parameter.detach()
    if entry.penalty is None:
        return w.new_zeros(len(where)) if structure == "diagonal" else w.new_zeros(len(where), len(where))

    def value(part: Tensor) -> Tensor:
        return entry.penalty.value(entry.felt(w.reshape(-1).index_put((where,), part).reshape(w.shape)))  # type: ignore[union-attr]

    at = w.reshape(-1)[where]
    if structure == "full" and not isinstance(entry.penalty, Elementary):
        return torch.autograd.functional.hessian(value, at)
    if not isinstance(entry.penalty, Elementary):
        raise ParameterError(f"The curvature of {entry.penalty!r} is not diagonal: use structure='full'.")
    at.requires_grad_()
    with torch.enable_grad():
        [slope] = torch.autograd.grad(value(at), at, create_graph=True)
        bend = torch.autograd.grad(slope.sum(), at)[0] if slope.requires_grad else torch.zeros_like(at)
    return bend if structure == "diagonal" else torch.diag(bend)
