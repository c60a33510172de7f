"""Exact arithmetic with rationals and square roots, and how such a product is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction


def exact(number: float) -> Fraction:
    """The rational a double is written as: 0.1 is one tenth, so that 0.1 * 3 is 0.3."""
    return Fraction(repr(float(number)))


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """base**exponent for a multiple of one half: exact where that is rational, else to 200 bits."""
    if exponent.denominator == 1:
        return base**exponent.numerator
    top, bottom = math.isqrt(base.numerator), math.isqrt(base.denominator)
    if top * top == base.numerator and bottom * bottom == base.denominator:
        return Fraction(top, bottom) ** exponent.numerator
    shift = 200 + max(0, base.denominator.bit_length() - base.numerator.bit_length())
    root = Fraction(math.isqrt((base.numerator << 2 * shift) // base.denominator), 1 << shift)
    return root**exponent.numerator


def written(constant: Fraction, exponent: Fraction, powers: Mapping[str, Fraction]) -> str:
    """constant**exponent times powers of names, as people write it."""
    above: dict[Fraction, list[str]] = {}
    below: dict[Fraction, list[str]] = {}
    for number, sign in ((constant.numerator, 1), (constant.denominator, -1)):
        if number != 1:
            e = exponent * sign
            (above if e > 0 else below).setdefault(abs(e), []).append(str(number))
    for name, e in powers.items():
        if e:
            (above if e > 0 else below).setdefault(abs(e), []).append(name)

    def side(terms: dict[Fraction, list[str]]) -> list[str]:
        out = []
        for e, names in sorted(terms.items(), key=lambda item: item[1][0].isdigit(), reverse=True):
            if e.denominator == 2:
                whole, text = e.numerator, f"sqrt({' '.join(names)})"
                out.append(text if whole == 1 else f"{text}^{whole}")
            else:
                out.extend(name if e == 1 else f"{name}^{e}" for name in names)
        return out

    top, bottom = side(above), side(below)
    if not bottom:
        return " ".join(top) or "1"
    under = bottom[0] if len(bottom) == 1 else f"({' '.join(bottom)})"
    return f"{' '.join(top) or '1'} / {under}"
