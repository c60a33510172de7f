"""Losses, which are likelihoods, and the words for them.

To add one: a class beside its kind (its formula, its domain, its facts), its name below, one line in the tests' list.
"""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from shrinkage.errors import ParameterError
from shrinkage.losses.base import Loss
from shrinkage.losses.binary import Logistic
from shrinkage.losses.continuous import AbsoluteError, Huber, Quantile, RootSquaredError, SquaredError
from shrinkage.losses.counts import Poisson

Gaussian = SquaredError
Bernoulli = Logistic

_ALL: list[Any] = [SquaredError, Logistic, Poisson, Huber, AbsoluteError, Quantile, RootSquaredError]
LOSSES_BY_NAME: dict[str, type[Loss]] = {loss.name: loss for loss in _ALL}
SYNONYMS = {
    "mse": "squared_error", "least_squares": "squared_error", "gaussian": "squared_error", "normal": "squared_error",
    "log_loss": "logistic", "bernoulli": "logistic", "binomial": "logistic",
    "mae": "absolute_error", "lad": "absolute_error", "laplace": "absolute_error",
    "pinball": "quantile", "pinball_loss": "quantile", "asymmetric_laplace": "quantile",
    "rmse": "root_squared_error", "sqrt_lasso": "root_squared_error",
}  # fmt: skip


def loss_from_word(word: str, **parameters: Any) -> Loss:
    """`loss_from_word("quantile", q=0.9)` is `Quantile(q=0.9)`. Case, spaces and hyphens do not matter.

    **Raises** `ParameterError` for an unknown word or parameter, with the nearest known ones.
    """
    key = str(word).strip().lower().replace("-", "_").replace(" ", "_")
    loss = LOSSES_BY_NAME.get(SYNONYMS.get(key, key))
    if loss is None:
        close = get_close_matches(key, [*LOSSES_BY_NAME, *SYNONYMS], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(f"Unknown loss {word!r}.{hint} Known are: {', '.join(LOSSES_BY_NAME)}.")
    known = [field.name for field in fields(loss)]  # type: ignore[arg-type]
    for name in parameters:
        if name not in known:
            takes = f"It takes {', '.join(known)}." if known else "It takes none."
            raise ParameterError(f"{loss.__name__} has no parameter {name!r}. {takes}")
    return loss(**parameters)


__all__ = [
    "LOSSES_BY_NAME", "AbsoluteError", "Bernoulli", "Gaussian", "Huber", "Logistic", "Loss", "Poisson", "Quantile",
    "RootSquaredError", "SquaredError", "loss_from_word",
]  # fmt: skip
