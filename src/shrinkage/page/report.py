"""`shrinkage.report`: a fit as one HTML file that explains it, without a network, a server or Node."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shrinkage.errors import ParameterError
from shrinkage.files import write_atomically

if TYPE_CHECKING:
    from shrinkage.page.study import Study

TEMPLATE = Path(__file__).with_name("template.html")
EMPTY = '<script type="application/json" id="record">null</script>'
CLOSED, OPEN = "connect-src 'none'", "connect-src 'self'"


def report(fit: Any, file: str | Path, *, target: str | None = None, which: int = 0) -> None:
    """Write a fit as one self-contained HTML file: the answer, coefficients, path and cross-validation, geometry, priors,
    residuals or calibration, stability of the selection, certificate, warnings, and what reproduces it.

    **Arguments**

    - `fit`: a fitted estimator, or what `select` or `solve` returned; each refers to its data until it is pickled.
    - `file`: where to write; the file is there whole, or is left as it was.
    - `target`: what is predicted, in words; else what y calls it, where that is a series or a frame. `which`: the number of the
      target, where there are several.

    The path and the folds that the fit did not need are computed here, and up to 50 fits of half the rows.

    **Raises** `ParameterError` where the data are no longer there or have changed, `OSError` where nothing can be written.
    """
    from shrinkage.page.record import record

    write(record(study(fit, target, which)), file)


def study(fit: Any, target: str | None = None, which: int = 0) -> Study:
    """All that a page tells is derived from this. **Raises** `ParameterError` for what is no fit of this library."""
    from shrinkage.estimators.base import Model
    from shrinkage.fit import Solution
    from shrinkage.page.study import of_choice, of_estimator, of_solution
    from shrinkage.selection import Choice

    if isinstance(fit, Model):
        return of_estimator(fit, target=target, which=which)
    if isinstance(fit, Choice):
        return of_choice(fit, target=target)
    if isinstance(fit, Solution):
        return of_solution(fit, target=target)
    raise ParameterError(f"A report is of a fitted estimator, or of what `select` or `solve` returned; got {type(fit).__name__}.")


def write(record: dict[str, Any], file: str | Path) -> None:
    """A record as a page, in a file."""
    write_atomically(file, html(record).encode("utf-8"))


def html(record: dict[str, Any]) -> str:
    """The page of a record. Only a live one may talk, and only to the server it came from."""
    page = TEMPLATE.read_text(encoding="utf-8")
    # Within a script element "<" could end it, or open a comment; JSON has another way to write it.
    body = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    page = page.replace("<title>shrinkage</title>", f"<title>{escape(str(record['title']))}</title>", 1)
    page = page.replace(EMPTY, EMPTY.replace("null", body), 1)
    return page.replace(CLOSED, OPEN, 1) if record["live"] else page
