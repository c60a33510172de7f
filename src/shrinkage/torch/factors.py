"""factorize(model, penalties): L1 as weight decay on the factors of a product, for optimizers that have no proximal step.

|w| = min (u**2 + v**2) / 2 over u v = w, at |u| = |v| = sqrt(|w|); so a loss + s |w| and the same loss + s (u**2 + v**2) / 2 have
the same optima, and no local ones of their own (Hoff, 2017, Comput. Stat. Data Anal. 115; Ziyin and Wang, 2023, ICML, "spred").
With one u for a group and v its vector, the same minimum is the group's norm (Kolb, Frost, Bischl and Ruegamer, 2025, NeurIPS,
"D-Gating", with D = 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from math import inf

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from shrinkage.errors import ParameterError
from shrinkage.penalties import L2, Penalty
from shrinkage.penalties.elementary import Elementary
from shrinkage.torch import parameters
from shrinkage.torch.groups import Groups
from shrinkage.torch.layouts import Axes, Labels
from shrinkage.torch.parameters import Place
from shrinkage.torch.penalties import Entry, Penalties

LEAST = 1e-2  # of u**2 - v**2 at the start


def factorize(model: nn.Module, penalties: Penalties) -> Penalties:
    """Replace every weight under L1, or under a group norm, by u * v, and return the penalties of the factors: L2, smooth.

    `loss + factorize(model, penalties).value()` then has the optima of `loss + penalties.value()`, and any optimizer finds them:
    Lion, Muon and L-BFGS, which `attach` refuses, too. For SGD and Adam, `weight_decay` = strength on u and v is the same;
    a decay beside an adaptive step, as AdamW's, is not. Strengths, n and schedules stay what they were; penalties that are L2
    stay where they were. Make the optimizer afterwards, for the parameters are new. Weights come near zero and seldom reach
    it: end with `collapse`, and a few steps of a proximal optimizer under the old `penalties`, which hold again from then on.

    Shapes: v has the weight's shape; u has too under L1, and one entry for each group under a group norm.

    **Raises** `ParameterError`, before anything is changed, for a weight that is tied or parametrised already, and for a
    penalty that is not L1, L2 or a group norm.
    """
    places = dict(parameters.places(model))
    chosen = [entry for entry in penalties.penalised if _is_sparse(entry)]
    if not chosen:
        raise ParameterError("factorize() found no L1 and no group norm among the penalties: there is nothing to replace.")
    for entry in chosen:
        _check(entry, places.get(entry.parameter, []))
    factors = {entry.parameter: _factors(entry, places[entry.parameter][0]) for entry in chosen}
    decay = copy(penalties)
    decay.entries = tuple(new for old in penalties.entries for new in factors.get(old.parameter, [old]))
    return decay


@torch.no_grad()
def collapse(model: nn.Module, below: float = 0.0) -> nn.Module:
    """Fold the products of `factorize` back into plain weights, the same Parameter objects as before. The model back.

    **Arguments**

    - `below`: a weight, or the norm of a group, up to this size becomes exactly zero. That is a cut, not an optimum: where
      the level is not plain to see, leave it at 0 and take a few proximal steps instead, which know which weights are zero.

    **Raises** `ParameterError` for a model without products, or where another parametrisation stands on one.
    """
    if not 0 <= below < inf:
        raise ParameterError(f"below= is a size of weights: finite and >= 0; got {below!r}.")
    found = [(owner, name) for owner in model.modules() for name in _products(owner)]
    if not found:
        raise ParameterError("collapse() found no products u * v: factorize(model, penalties) makes them.")
    for owner, name in found:
        _fold(owner, name, below)
    return model


class Product(nn.Module):
    """The parametrisation w = u * v, one u for each coefficient (groups=None) or for each group.

    It keeps what `collapse` puts back, in a list, so that it is no parameter of the module, and the names that come after it.
    """

    def __init__(self, plain: nn.Parameter, groups: Axes | Labels | None, later: Sequence[str] = ()) -> None:
        super().__init__()
        self.groups, self.plain, self.later = groups, [plain], later

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        if self.groups is None:
            return u * v
        return (self.groups.split(v) * self.groups.spread(u)).reshape(v.shape)

    def right_inverse(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Factors with u**2 - ||v||**2 = c > 0 everywhere, c the root mean square of the sizes.

        Training keeps u**2 - ||v||**2 but for the decay, so balanced factors, c = 0, would meet in u = v = 0, where neither has
        a gradient, before a weight changes its sign. The decay is s sqrt(|w|**2 + c**2 / 4) at first, and s |w| once c has gone.
        """
        sizes = self.sizes(w)
        c = sizes.square().mean().sqrt().clamp(min=LEAST)
        u = ((c + (c * c + 4 * sizes * sizes).sqrt()) / 2).sqrt()
        if self.groups is None:
            return u, w / u
        return u, (self.groups.split(w) / self.groups.spread(u)).reshape(w.shape)

    def sizes(self, w: Tensor) -> Tensor:
        """|w|, or the norms of the groups."""
        return w.abs() if self.groups is None else self.groups.norms(self.groups.split(w))

    def cut(self, w: Tensor, below: float) -> Tensor:
        """w without what is no larger than that."""
        large = self.sizes(w) > below
        return self.forward(large.to(w.dtype), w)


def _is_sparse(entry: Entry) -> bool:
    """True: L1 or a group norm, to be replaced. False: L2, to be kept. **Raises** for all else."""
    inner = entry.penalty.inner if isinstance(entry.penalty, Groups) else entry.penalty
    if isinstance(inner, Elementary) and not inner.terms.concave and not inner.terms.bounded:
        l1, l2 = np.any(inner.terms.l1), np.any(inner.terms.l2)
        if l2 and not l1:
            return False
        if l1 and not l2:
            return True
    raise ParameterError(
        f"The penalty of {entry.name}, {entry.penalty!r}, is no decay of two factors: factorize() takes L1 and "
        "Groups(L1(...), by), and keeps L2. Use attach(), or leave it out with None."
    )


def _check(entry: Entry, places: list[Place]) -> None:
    if not places:
        raise ParameterError(
            f"{entry.name} is no parameter of this model, or no longer: give factorize() the model's own Penalties."
        )
    if len(places) > 1:
        names = " = ".join(place.name for place in places)
        raise ParameterError(f"{names} is one tied weight: each place would get factors of its own. Untie it, or use attach().")
    if places[0].stands_for is not None or parametrize.is_parametrized(places[0].owner, places[0].attribute):
        raise ParameterError(f"{places[0].stands_for} is parametrised already: its parts are not the weight that L1 acts on.")
    if not isinstance(entry.penalty, Groups):
        return
    if entry.padding is not None:
        raise ParameterError(f"{entry.name} has a padding row outside of its groups: factorize() takes L1 there.")
    if entry.penalty.root_size and isinstance(_groups(entry), Labels):
        raise ParameterError(f"{entry.penalty!r} has a strength for each label: factorize() takes root_size=False there.")


def _groups(entry: Entry) -> Axes | Labels | None:
    return entry.penalty._split(tuple(entry.parameter.shape)) if isinstance(entry.penalty, Groups) else None


def _factors(entry: Entry, place: Place) -> list[Entry]:
    """Replace one weight; the entries of u and v."""
    decay, names = _decay(entry), list(place.owner._parameters)
    product = Product(entry.parameter, _groups(entry), names[names.index(place.attribute) + 1 :])
    parametrize.register_parametrization(place.owner, place.attribute, product)
    path = entry.name.removesuffix(place.attribute) + f"parametrizations.{place.attribute}."
    why = f"a factor of {entry.name}, under {entry.penalty!r}"
    made = [(path + name, factor) for name, factor in _chain(place.owner, place.attribute).named_parameters()]
    for _, factor in made:
        factor.requires_grad_(entry.parameter.requires_grad)
    return [replace(entry, names=(name,), parameter=factor, penalty=decay, reason=why) for name, factor in made]


def _decay(entry: Entry) -> Penalty:
    """L2(s) is s u**2 / 2: the strength stays the same number."""
    if not isinstance(entry.penalty, Groups):
        return L2(entry.penalty.terms.l1)  # type: ignore[union-attr]
    return L2(entry.penalty._factor(_groups(entry)) * entry.penalty.inner.terms.l1)  # type: ignore[arg-type]


def _chain(owner: nn.Module, name: str) -> parametrize.ParametrizationList:
    """What a weight is computed by."""
    return owner.parametrizations[name]  # type: ignore[union-attr,index,return-value]


def _products(owner: nn.Module) -> list[str]:
    """The names of the weights of a module that are products; `ParameterError` where they are more than that."""
    names = list(owner.parametrizations) if parametrize.is_parametrized(owner) else []  # type: ignore[arg-type]
    found = [name for name in names if any(isinstance(part, Product) for part in _chain(owner, name))]
    for name in found:
        if len(_chain(owner, name)) > 1:
            raise ParameterError(f"Another parametrisation stands on the product of {name!r}: remove that one first.")
    return found


def _fold(owner: nn.Module, name: str, below: float) -> None:
    product: Product = _chain(owner, name)[0]  # type: ignore[assignment]
    w, [plain] = getattr(owner, name).detach(), product.plain
    parametrize.remove_parametrizations(owner, name)
    delattr(owner, name)
    plain.data, plain.grad = product.cut(w, below), None
    owner.register_parameter(name, plain)
    for later in product.later:  # as they stood, since optimizers know parameters by their order
        if later in owner._parameters:
            owner._parameters[later] = owner._parameters.pop(later)
