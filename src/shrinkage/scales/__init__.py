"""One strength, in any library's words.

>>> from shrinkage import scales
>>> scales.convert(0.1, "sklearn.Lasso.alpha", "lars.lambda", n=100)
10.0
>>> scales.convert(0.1, "sklearn.Lasso.alpha", "prior.Laplace.scale", n=100, sigma=2.0)
0.4
>>> print(scales.formula("sklearn.Lasso.alpha", "prior.Laplace.scale"))
scale = sigma^2 / (n alpha)

The common unit is the strength on the sum of the exact negative log-likelihood, `l1 |w| + l2 w**2 / 2`; equivalently
the prior in data units, Laplace with scale `1 / l1` and Normal with scale `l2**-0.5`. What each library minimises is a
row in `rows`; a translation is one row's product of facts over another's, evaluated exactly and rounded once. Only
facts that do not cancel are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from itertools import product as every
from typing import Any, NamedTuple

import numpy as np

from shrinkage.errors import ParameterError
from shrinkage.scales.exact import exact, power, written
from shrinkage.scales.rows import FACTS, REFUSED, ROWS, STANDARDIZED, Kind, Product, Row

__all__ = ["PriorScales", "Strengths", "available", "convert", "explain", "factors", "formula", "refused", "split"]


class Strengths(NamedTuple):
    """The pair of the word `strength`: `l1 |w| + l2 w**2 / 2`, on the sum of the exact negative log-likelihood."""

    l1: float
    l2: float


class PriorScales(NamedTuple):
    """The pair of the word `prior`: the scales of a Laplace and of a Normal factor; `inf` stands for none."""

    b: float
    tau: float


_PAIRS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {"strength": Strengths, "prior": PriorScales}
_BY_WORD = {row.word: row for row in ROWS}
# the dispersion is 1 by definition of the likelihood; a Poisson one may be told otherwise (quasi-Poisson)
_DISPERSION_ONE = {"binomial", "poisson", "cox"}


def available() -> dict[str, str]:
    """The words `convert` knows, each with what it stands for.

    A word followed by ':standardized' means the same on columns divided by `column_sd` before the fit.
    """
    return {row.word: row.description for row in ROWS}


def refused() -> dict[str, str]:
    """The words that have no translation, each with the reason."""
    return dict(REFUSED)


def convert(
    value: Any,
    source: str,
    target: str,
    *,
    n: float | None = None,
    sigma: float | None = None,
    dispersion: float | None = None,
    outputs: int | None = None,
    sd_y: float | None = None,
    column_sd: Any = None,
    residual_norm: float | None = None,
    penalty: Kind | None = None,
) -> Any:
    """Say in the words of `target` the strength that is `value` in those of `source`.

    `value`: a number; a list or array of numbers, each converted; or a *tuple* of two for an elastic net, such as
    `(alpha, l1_ratio)`, `(lambda, alpha)`, `(l1, l2)`. A tuple gives a tuple where the target can hold both weights.
    `penalty`: "l1" or "l2", where both words hold either and the answers differ.
    The rest are facts about the data; a missing one is asked for by name.

    >>> convert(1.0, "sklearn.Ridge.alpha", "glmnet.lambda", n=50, sd_y=3.0)
    0.06
    >>> convert((0.5, 0.2), "sklearn.ElasticNet.alpha", "strength", n=10, sigma=1.0)
    Strengths(l1=1.0, l2=4.0)
    """
    start, end = _row(source), _row(target)
    _same_likelihood(start, end)
    given = {"n": n, "outputs": outputs, "sd_y": sd_y, "column_sd": column_sd, "residual_norm": residual_norm}
    facts = _facts(given | {"dispersion": _dispersion(sigma, dispersion, start, end)})

    if isinstance(value, tuple):
        if len(value) != 2 or start.pair is None:
            raise ParameterError(f"{start.word} takes {_shape(start)}; got {value!r}")
        return _each(lambda v, s, f: _convert_pair((v, s), start, end, f), (*value,), facts, start, end, start.kinds)
    kind = _kind(start, end, penalty)
    return _each(lambda v, f: _convert_number(v, start, end, kind, f), (value,), facts, start, end, (kind,))


def formula(source: str, target: str, penalty: Kind | None = None) -> str:
    """The rule `convert` applies to a number, as text.

    >>> formula("torch.weight_decay.mse", "prior.Normal.scale")
    'scale = sqrt(2) sigma / sqrt(n outputs weight_decay)'
    """
    start, end = _row(source), _row(target)
    _same_likelihood(start, end)
    kind = _kind(start, end, penalty)
    net, inner, outer = start.unit(kind) / end.unit(kind), start.exponent(kind), end.exponent(kind)
    # the new value is (net * value**inner)**(1 / outer)
    value, result = _name(start, kind), _name(end, kind)
    if value == result:
        value, result = f"{value} ({start.word})", f"{result} ({end.word})"
    powers = {f: e / outer for f, e in net.powers.items()}
    if {start.family, end.family} & {"binomial", "cox"}:
        powers.pop("dispersion", None)
    elif not {start.family, end.family} & {"poisson", "tweedie", "quantile"} and "dispersion" in powers:
        powers = {("sigma" if f == "dispersion" else f): e * (2 if f == "dispersion" else 1) for f, e in powers.items()}
    return f"{result} = " + written(net.constant, Fraction(1, outer), powers | {value: Fraction(inner, outer)})


def explain(source: str, target: str, penalty: Kind | None = None) -> str:
    """Both objectives, and the rule between them, in a few lines."""
    start, end = _row(source), _row(target)
    lines = [f"{row.word}: {row.description}" for row in (start, end)]
    kinds = [penalty] if penalty else [k for k in start.kinds if k in end.kinds]
    rules = [formula(source, target, kind) for kind in kinds] or [formula(source, target)]
    if len(set(rules)) == 1:
        return "\n".join([*lines, rules[0]])
    return "\n".join([*lines, *(f"{kind.upper()}: {rule}" for kind, rule in zip(kinds, rules, strict=True))])


def factors(penalty_factor: Any) -> np.ndarray:
    """What glmnet multiplies lambda by, for each column: `penalty_factor` rescaled to sum to the number of columns.

    An infinite factor excludes its column and counts as 1 in that sum, as in glmnet.

    >>> factors([2.0, 2.0]).tolist()
    [1.0, 1.0]
    """
    raw = _numbers(penalty_factor, "penalty_factor")
    if raw.ndim != 1 or np.isnan(raw).any() or (raw < 0).any():
        raise ParameterError("penalty_factor must be one number >= 0 for each column")
    total = np.where(np.isinf(raw), 1.0, raw).sum()
    if not total > 0:
        raise ParameterError("penalty_factor must have a positive sum: with every factor 0 nothing is penalised")
    rescaled: np.ndarray = raw * (raw.size / total)
    return rescaled


def split(values: Any) -> tuple[float, np.ndarray]:
    """The inverse: one lambda and the `penalty_factor` that make glmnet use `values`, one strength for each column.

    >>> split([0.1, 0.3])
    (0.2, array([0.5, 1.5]))
    """
    wanted = _numbers(values, "values")
    if wanted.ndim != 1 or not np.isfinite(wanted).all() or (wanted < 0).any() or not wanted.sum() > 0:
        raise ParameterError("values must be one finite strength >= 0 for each column, not all of them 0")
    value = float(wanted.mean())
    return value, wanted / value


# -- words -----------------------------------------------------------------------------------------------------------


def _row(word: str) -> Row:
    if not isinstance(word, str):
        raise ParameterError(f"a convention is named by a word such as 'sklearn.Lasso.alpha'; got {word!r}")
    stem, suffix = (word[: -len(STANDARDIZED)], True) if word.endswith(STANDARDIZED) else (word, False)
    if stem in REFUSED:
        raise ParameterError(f"{stem} has no translation: {REFUSED[stem]}")
    if stem not in _BY_WORD:
        raise ParameterError(f"{word!r} is no convention known here{_did_you_mean(stem)}; scales.available() lists them")
    row = _BY_WORD[stem]
    if not suffix:
        return row
    if any("column_sd" in row.unit(kind).powers for kind in row.kinds):
        raise ParameterError(f"{stem} always standardises its columns, so '{STANDARDIZED}' adds nothing to it")
    return row.standardized()


def _did_you_mean(word: str) -> str:
    folded = {known.lower(): known for known in (*_BY_WORD, *REFUSED)}
    asked = word.lower()
    near = [known for low, known in folded.items() if asked and (low.endswith("." + asked) or low.startswith(asked + "."))]
    near = near[:3] or [folded[low] for low in get_close_matches(asked, folded, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _name(row: Row, kind: Kind) -> str:
    """What a single number is called in this convention."""
    if row.pair == "two":
        return row.names[kind == "l2"]
    return row.names[0] or row.word.removesuffix(STANDARDIZED).rsplit(".", 1)[-1]


def _shape(row: Row) -> str:
    return f"a number or a tuple ({', '.join(row.names)})" if row.pair else "a number"


def _same_likelihood(start: Row, end: Row) -> None:
    if start.family and end.family and start.family != end.family:
        raise ParameterError(
            f"{start.word} belongs to a {start.family} likelihood and {end.word} to a {end.family} one, where "
            "coefficients have other units; if the same prior is meant, convert to 'prior' first and from it afterwards"
        )


def _kind(start: Row, end: Row, penalty: Kind | None) -> Kind:
    """Which weight a single number is."""
    if penalty not in (None, "l1", "l2"):
        raise ParameterError(f"penalty must be 'l1' or 'l2'; got {penalty!r}")
    common = [k for k in start.kinds if k in end.kinds]
    if not common:
        raise ParameterError(
            f"{start.word} is an {start.kinds[0].upper()} strength and {end.word} an {end.kinds[0].upper()} one: "
            "they are different priors, and no value of one is a value of the other"
        )
    if penalty is not None:
        if penalty not in common:
            raise ParameterError(f"penalty={penalty!r}, but {start.word} -> {end.word} translates {common[0].upper()} only")
        return penalty
    if len({_rule(start, end, k) for k in common}) > 1:
        raise ParameterError(
            f"{start.word} -> {end.word} is one rule for L1 and another for L2: say penalty='l1' or penalty='l2', "
            f"or give a tuple ({', '.join((start if start.pair else end).names)})"
        )
    return common[0]


def _rule(start: Row, end: Row, kind: Kind) -> tuple[Any, ...]:
    net = start.unit(kind) / end.unit(kind)
    return net.constant, tuple(sorted(net.powers.items())), start.exponent(kind), end.exponent(kind)


# -- facts -----------------------------------------------------------------------------------------------------------


def _facts(given: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or isinstance(value, Fraction):
            facts[name] = value
            continue
        array = _numbers(value, name)
        if array.ndim and name != "column_sd":
            raise ParameterError(f"{name} must be one number; got {value!r}")
        if not (np.isfinite(array) & (array > 0)).all():
            raise ParameterError(f"{name} must be finite and greater than 0; got {value!r}")
        if name == "outputs" and array != np.floor(array):
            raise ParameterError(f"outputs must be a whole number; got {value!r}")
        facts[name] = array
    return {name: value for name, value in facts.items() if value is not None}


def _dispersion(sigma: float | None, dispersion: float | None, start: Row, end: Row) -> Any:
    families = {start.family, end.family}
    checked = _facts({"sigma": sigma, "dispersion": dispersion})
    both = sigma is not None and dispersion is not None
    if both and not math.isclose(checked["sigma"] ** 2, checked["dispersion"], rel_tol=1e-12):
        raise ParameterError(f"dispersion is sigma**2; got sigma={sigma!r} and dispersion={dispersion!r}: give one")
    for family in families & {"binomial", "cox"}:
        if any(value != 1 for value in checked.values()):
            raise ParameterError(f"a {family} likelihood has no dispersion and no sigma; leave them out")
    if sigma is not None and families & {"poisson", "tweedie", "quantile"}:
        raise ParameterError("sigma is the noise of a Gaussian likelihood; for this one give dispersion=")
    if dispersion is not None:
        return dispersion
    if sigma is not None:
        return exact(sigma) ** 2
    return Fraction(1) if families & _DISPERSION_ONE else None


def _numbers(value: Any, name: str) -> np.ndarray:
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number or numbers; got {value!r}") from None


# -- arithmetic: exact, rounded once ---------------------------------------------------------------------------------


def _each(function: Callable[..., Any], values: tuple[Any, ...], facts: dict[str, Any], start: Row, end: Row, kinds: Any) -> Any:
    """`function` of every number, over columns where the result depends on them."""
    nets = [start.unit(k) / end.unit(k) for k in kinds if k in end.kinds]
    needed = {fact for net in nets for fact in net.powers}
    arrays = [_numbers(value, f"a value of {start.word}") for value in values]
    missing = [fact for fact in FACTS if fact in needed and fact not in facts]
    if missing:
        wanted = "; and ".join(f"{fact}=, {FACTS[fact]}" for fact in missing)
        raise ParameterError(f"{start.word} -> {end.word} also needs {wanted}")
    columns = facts["column_sd"] if "column_sd" in needed else np.asarray(1.0)
    scalars = {f: v if isinstance(v, Fraction) else exact(v) for f, v in facts.items() if f in needed and f != "column_sd"}
    try:
        *arrays, columns = np.broadcast_arrays(*arrays, columns)
    except ValueError:
        raise ParameterError("the values and column_sd have lengths that do not fit together") from None
    results = [
        function(*(float(a[i]) for a in arrays), scalars | {"column_sd": exact(columns[i])})
        for i in every(*map(range, columns.shape))
    ]
    if columns.ndim == 0:
        return results[0]
    if results and isinstance(results[0], tuple):
        make = _PAIRS.get(end.word, lambda a, b: (a, b))
        return make(*(np.array(part).reshape(columns.shape) for part in zip(*results, strict=True)))
    return np.array(results, dtype=np.float64).reshape(columns.shape)


def _convert_number(value: float, start: Row, end: Row, kind: Kind, facts: dict[str, Fraction]) -> float:
    weight = _weight(value, start.exponent(kind), start) * _evaluate(start.unit(kind) / end.unit(kind), facts)
    return _value(weight, end.exponent(kind), end)


def _convert_pair(pair: tuple[float, float], start: Row, end: Row, facts: dict[str, Fraction]) -> Any:
    weights = _weights(pair, start)
    for kind, weight in weights.items():
        if weight and kind not in end.kinds:
            raise ParameterError(f"{start.word} = {pair} has an {kind.upper()} part, for which {end.word} has no place")
    nets: dict[Kind, Product] = {k: start.unit(k) / end.unit(k) for k in end.kinds}
    new = {k: weights[k] * _evaluate(nets[k], facts) if weights[k] else Fraction(0) for k in end.kinds}
    if end.pair is None:
        present = [k for k in end.kinds if new[k]] or [end.kinds[0]]
        if len(present) > 1:
            raise ParameterError(f"{end.word} holds an L1 or an L2 strength, not both; got {start.word} = {pair}")
        return _value(new[present[0]], end.exponent(present[0]), end)
    if end.pair == "two":
        return _PAIRS.get(end.word, lambda a, b: (a, b))(*(_value(new[k], end.exponent(k), end) for k in ("l1", "l2")))
    total = new["l1"] + new["l2"]
    share = new["l1"] / total if total else exact(pair[1] if start.pair == "share" else 1)
    if 0 < share < 1 and float(share) in (0.0, 1.0):
        raise ParameterError(f"{end.names[1]} of {end.word} would be within rounding of {float(share):g}, losing a weight")
    return _value(total, end.power, end), float(share)


def _weights(pair: tuple[float, float], row: Row) -> dict[Kind, Fraction]:
    """The L1 and the L2 weight of a pair, in the row's own objective."""
    first, second = pair
    if row.pair == "two":
        return {"l1": _weight(first, row.exponent("l1"), row), "l2": _weight(second, row.exponent("l2"), row)}
    if not 0 <= second <= 1:
        raise ParameterError(f"{row.names[1]} of {row.word} must lie in [0, 1]; got {second!r}")
    total = _weight(first, row.power, row)
    return {"l1": total * exact(second), "l2": total * (1 - exact(second))}


def _weight(value: float, exponent: int, row: Row) -> Fraction:
    """value**exponent, where a scale or an inverse strength of infinity is a weight of 0."""
    if exponent < 0 and value == math.inf:
        return Fraction(0)
    if not math.isfinite(value) or value < 0 or (exponent < 0 and value == 0):
        domain = "greater than 0 (inf: no penalty)" if exponent < 0 else "finite and not negative"
        raise ParameterError(f"a value of {row.word} must be {domain}; got {value!r}")
    return exact(value) ** exponent


def _value(weight: Fraction, exponent: int, row: Row) -> float:
    """The number x with x**exponent equal to `weight`, rounded once."""
    if weight == 0:
        return math.inf if exponent < 0 else 0.0
    try:
        number = float(power(weight, Fraction(1, exponent)))
    except OverflowError:
        number = math.inf
    if number == 0 or number == math.inf:
        raise ParameterError(f"the value of {row.word} is too {'small' if number == 0 else 'large'} for a double")
    return number


def _evaluate(net: Product, facts: dict[str, Fraction]) -> Fraction:
    result = net.constant
    for fact, exponent in net.powers.items():
        result *= power(facts[fact], exponent)
    return result
