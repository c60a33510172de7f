"""The answer to "what did I fit, and may I trust it?", as text and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from shrinkage.estimators.prior import Sigma, prior_sentences, sigma_of
from shrinkage.estimators.record import Record
from shrinkage.plurals import are, counted

MOST_ROWS = 20  # of coefficients, the largest in standardised units


@dataclass(frozen=True)
class Row:
    """One coefficient: in the units of the data, and per standard deviation of its column."""

    term: str
    estimate: float
    standardized: float


@dataclass(frozen=True)
class Section:
    """The answer for one target."""

    title: str
    sentence: str
    intercept: float | None
    rows: list[Row]  # sorted by |standardized|, those that are not zero
    zeros: int
    prior: list[str]
    certificate: str
    warnings: list[str]


@dataclass(frozen=True)
class Summary:
    """What `summary()` hands back: text, or a table in a notebook; `sections` has one `Section` per target."""

    model: str
    sections: list[Section]

    def __str__(self) -> str:
        return "\n\n".join(_text(self.model, section) for section in self.sections)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "<div>" + "".join(_html(self.model, section) for section in self.sections) + "</div>"


@dataclass(frozen=True)
class Words:
    """How an estimator speaks: its name, its dial and the unit that acts on, what coefficients are about, its notes."""

    model: str
    dial: str
    unit: str
    about: str = ""
    notes: Sequence[str] = ()


def summarise(records: Sequence[Record], names: Sequence[str], targets: Sequence[Any], words: Words) -> Summary:
    """A summary of one record per target."""
    titles = [f"target {target}" for target in targets] if len(records) > 1 else [""]
    return Summary(words.model, [_section(r, names, title, words) for r, title in zip(records, titles, strict=True)])


def _section(record: Record, names: Sequence[str], title: str, words: Words) -> Section:
    coef, standardized = np.asarray(record.coef, np.float64), record.standardized_coef
    kept = np.flatnonzero(coef)
    order = kept[np.argsort(-np.abs(standardized[kept]), kind="stable")]
    sigma = sigma_of(record)
    certificate = record.certificate.sentence
    return Section(
        title=title,
        sentence=_sentence(record, len(kept)) + (f" {words.about}" if words.about else ""),
        intercept=float(record.intercept) if record.has_intercept else None,
        rows=[Row(names[int(j)], float(coef[j]), float(standardized[j])) for j in order],
        zeros=len(coef) - len(kept),
        prior=prior_sentences(record, sigma, words.dial, words.unit),
        certificate=certificate if record.outcome else f"{record.outcome.value} {certificate}",
        warnings=_warnings(record, names, sigma, words.notes),
    )


def _sentence(record: Record, kept: int) -> str:
    lead = f"Kept {kept} of {counted(len(record.coef), 'feature')}; "
    if record.half_deviance == 0:
        return lead + "the target does not vary, so there is nothing to explain."
    if kept == 0:
        return lead + "the model is the intercept alone."
    return lead + f"{'it explains' if kept == 1 else 'they explain'} {100 * record.deviance_explained:.1f}% of the deviance."


def _warnings(record: Record, names: Sequence[str], sigma: Sigma, notes: Sequence[str]) -> list[str]:
    out = list(notes)
    if not record.outcome:
        out.append("These coefficients are not certified to be the optimum: do not rely on them.")
    constant = [names[int(j)] for j in np.flatnonzero(record.sd == 0)]
    if constant:
        listed = ", ".join(constant[:5]) + (" ..." if len(constant) > 5 else "")
        out.append(f"{counted(len(constant), 'column')} {are(len(constant))} constant: {listed}.")
    if sigma.missing:
        out.append(sigma.missing)
    return out


def _number(x: float) -> str:
    return "0" if x == 0 else f"{x:.4g}"


def _aligned(cells: list[str]) -> list[str]:
    """Right-aligned, the decimal points of plain numbers under one another."""
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _text(model: str, section: Section) -> str:
    head = f"{model}, {section.title}" if section.title else model
    lines = [f"{head}: {section.sentence}", ""]
    rows = section.rows[:MOST_ROWS]
    terms = ["", *(row.term for row in rows)]
    raw = ["estimate", *(_number(row.estimate) for row in rows)]
    per_sd = ["per sd", *(_number(row.standardized) for row in rows)]
    if section.intercept is not None:
        terms, raw, per_sd = [*terms, "(intercept)"], [*raw, _number(section.intercept)], [*per_sd, ""]
    width = max(map(len, terms))
    columns = zip(terms, _aligned(raw), _aligned(per_sd), strict=True)
    lines += [f"  {term.ljust(width)}  {a}  {b}".rstrip() for term, a, b in columns]
    rest = _rest(section)
    lines += [f"  {rest}"] if rest else []
    lines += ["", *section.prior, section.certificate]
    lines += [f"Warning: {warning}" for warning in section.warnings]
    return "\n".join(lines)


def _rest(section: Section) -> str:
    parts = []
    if len(section.rows) > MOST_ROWS:
        parts.append(f"and {len(section.rows) - MOST_ROWS} smaller ones: see tidy()")
    if section.zeros:
        parts.append(f"{section.zeros} exactly zero")
    return "; ".join(parts)


def _html(model: str, section: Section) -> str:
    head = f"{model}, {section.title}" if section.title else model
    body = "".join(
        f"<tr><td style='text-align:left'>{escape(row.term)}</td><td>{_number(row.estimate)}</td>"
        f"<td>{_number(row.standardized)}</td></tr>"
        for row in section.rows[:MOST_ROWS]
    )
    if section.intercept is not None:
        body += f"<tr><td style='text-align:left'>(intercept)</td><td>{_number(section.intercept)}</td><td></td></tr>"
    tail = "".join(f"<p>{escape(line)}</p>" for line in [_rest(section), *section.prior, section.certificate] if line)
    tail += "".join(f"<p><b>Warning:</b> {escape(warning)}</p>" for warning in section.warnings)
    return (
        f"<p><b>{escape(head)}</b>: {escape(section.sentence)}</p>"
        "<table><thead><tr><th></th><th>estimate</th><th>per sd</th></tr></thead>"
        f"<tbody>{body}</tbody></table>{tail}"
    )
