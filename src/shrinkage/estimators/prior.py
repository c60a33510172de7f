"""What a strength amounts to as a prior on the coefficients, in the units of the data.

The sum of the loss plus the penalty is minus the log posterior. For squared error without a stated sigma the loss is
half the residual sum of squares, which is sigma^2 times that; the prior of a strength s is then Laplace(sigma^2 / s),
or Normal(sigma / sqrt(s)), with sigma estimated from the residuals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shrinkage.estimators.record import Record


@dataclass(frozen=True)
class Sigma:
    """The standard deviation of the noise: `value` (None where unknown), the words on whence, and what was missing."""

    value: float | None
    whence: str = ""
    missing: str = ""


def sigma_of(record: Record) -> Sigma:
    """1 where the likelihood has no such number; the loss's own where it was stated; else sqrt(RSS / (n - df))."""
    if record.loss.name != "squared_error":
        return Sigma(1.0)
    if record.stated:
        return Sigma(1.0, f"sigma = {record.loss.sigma:.4g}, as stated")
    if record.rss is None or record.df is None:
        reason = "the degrees of freedom were not counted" if record.df is None else "the residual sum of squares is too large"
        return Sigma(None, missing=f"sigma is not estimated ({reason}), so the prior is told in units of sigma.")
    left = record.total_weight - record.df - record.has_intercept
    if left <= 0 or record.rss <= 0:
        why = "the residuals are all zero" if record.rss <= 0 else "no degrees of freedom are left"
        return Sigma(None, missing=f"sigma cannot be estimated ({why}), so the prior is told in units of sigma.")
    value = math.sqrt(record.rss / left)
    count = f"{record.total_weight:g} - {record.df + record.has_intercept:.4g}"
    return Sigma(value, f"sigma = {value:.4g}, estimated as sqrt(RSS / ({count}))")


def prior_sentences(record: Record, sigma: Sigma, dial: str, unit: str) -> list[str]:
    """Which prior the dial amounts to, and the sigma used."""
    dialled = f"{dial} = {record.alpha:.4g} on the {unit}" if record.alpha is not None else "The penalty as it stands"
    lead = f"As a prior, {dialled} is" if record.alpha is not None else f"{dialled}, as a prior, is"
    what = "coefficient times the sd of its column" if record.standardized else "coefficient"
    if record.penalty.twin(len(record.coef)) is None:
        return [f"{lead} exp(-P) with P = {record.penalty!r}."]
    parts = _parts(record, sigma, what)
    sentence = f"{lead} {parts}."
    return [sentence + (f" Here {sigma.whence}." if sigma.whence else "")]


def _parts(record: Record, sigma: Sigma, what: str) -> str:
    twin = record.penalty.twin(len(record.coef))
    l1, l2, low, high, slope, _, _ = twin.terms
    found = []
    on = f"each {what}"
    if twin.groups is not None and np.any(twin.groups >= 0):
        inner = twin.group_terms
        if np.any(inner[4] > 0):
            found.append("improper (flat far from zero): a mode exists, a density does not")
        if np.any(inner[0] > 0):
            found.append(f"a multivariate Laplace with scale {_scales(_laplace(inner[0], sigma), sigma, 2)} on each group")
        if np.any(inner[1] > 0):
            found.append(f"Normal with sd {_scales(_normal(inner[1], sigma), sigma, 1)} on each grouped coefficient")
    if np.any(slope > 0):
        found.append(
            "improper (flat far from zero), near zero like a Laplace with scale "
            f"{_scales(_laplace(slope, sigma), sigma, 2)}, on {on}"
        )
    if np.any(l1 > 0):
        found.append(f"Laplace with scale {_scales(_laplace(l1, sigma), sigma, 2)} on {on}")
    if np.any(l2 > 0):
        found.append(f"Normal with sd {_scales(_normal(l2, sigma), sigma, 1)} on {on}")
    text = " times ".join(found) if found else "flat: no penalty"
    free = np.count_nonzero(record.penalty.free(len(record.coef)))
    if found and free:
        text += f", with {free} left free"
    if np.any((low > -np.inf) & (low == high)):
        text += f", {int(np.count_nonzero(low == high))} held at zero"
    if np.any((low != high) & ((low > -np.inf) | (high < np.inf))):
        text += ", cut to the bounds"
    return text


def _laplace(strength: np.ndarray, sigma: Sigma) -> np.ndarray:
    positive = strength[strength > 0]
    return (sigma.value or 1.0) ** 2 / positive


def _normal(strength: np.ndarray, sigma: Sigma) -> np.ndarray:
    positive = strength[strength > 0]
    return (sigma.value or 1.0) / np.sqrt(positive)


def _scales(scales: np.ndarray, sigma: Sigma, power: int) -> str:
    """One number, or a range where coefficients differ; in units of sigma where sigma is unknown."""
    low, high = float(scales.min()), float(scales.max())
    text = f"{low:.4g}" if high <= low * (1 + 1e-9) else f"{low:.4g} to {high:.4g}"
    if sigma.value is None:
        text += " sigma^2" if power == 2 else " sigma"
    return text
