"""`shrinkage path`: the model at every strength."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli import console, options
from shrinkage.cli.fit import _request, loss_object
from shrinkage.plurals import counted

if TYPE_CHECKING:
    from shrinkage.cli.training import Request, Training


def path(
    data: options.Data,
    target: options.Target,
    loss: options.Loss = None,
    penalty: options.Penalty = "l1",
    l1_ratio: options.L1Ratio = 0.5,
    n_alphas: Annotated[int, typer.Option(help="How many strengths, from the largest that matters.", min=1)] = 100,
    ratio: Annotated[
        float | None,
        typer.Option(help="Smallest strength over largest. Default: 1e-4, or 1e-2 for more columns than rows."),
    ] = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weights: options.Weights = None,
    offset: options.Offset = None,
    group_by_factor: options.GroupByFactor = False,
    standardize: options.Standardize = True,
    missing: options.Missing = "error",
    output: options.Output = None,
    json: options.Json = False,
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    na: options.Na = None,
) -> int:
    """Fit at every strength: a table on a terminal, CSV elsewhere, one line a strength.

    \b
    shrinkage path houses.csv --target price
    shrinkage path houses.csv --target price --output path.csv
    """
    options.writable(output, "--output")
    request = _request(
        data, target, loss, penalty, l1_ratio, drop, categorical, weights, offset, group_by_factor, standardize, missing,
        "error", delimiter, decimal, na,
    )  # fmt: skip
    from shrinkage.cli.training import read_training

    training = read_training(request)
    found, whole = _fit(request, training, n_alphas, ratio)
    columns = _columns(found, training.encoding.names)
    if output is not None:
        from shrinkage.files import write_atomically

        write_atomically(output, f"{_json(columns) if json else _csv(columns)}\n".encode())
        console.say(f"{counted(len(found.alphas), 'strength')} written to {output}.")
    elif json:
        console.out(_json(columns))
    elif console.on_terminal(sys.stdout):
        _show(columns, training.encoding.names)
    else:
        console.out(_csv(columns))
    if not whole:
        console.say(f"Interrupted: the {len(found.alphas)} strongest of {n_alphas} strengths are above.")
        return console.INTERRUPTED
    uncertified = sum(not held for held in columns["certified"])
    if uncertified:
        console.say(f"Not certified: {uncertified} of {counted(len(found.alphas), 'strength')}; see the column `certificate`.")
        return console.NOT_CERTIFIED
    return console.OK


def _fit(request: Request, training: Training, n_alphas: int, ratio: float | None) -> tuple[Any, bool]:
    """The path, and whether it is whole; Ctrl-C keeps what is done."""
    from shrinkage.estimators.words import Words, read_loss
    from shrinkage.walk import path as solve

    unit = Words(request.penalty, request.l1_ratio, groups=training.groups).unit(training.X.shape[1], None, None)
    try:
        with warnings.catch_warnings(), console.working(f"Fitting {counted(n_alphas, 'strength')}"):
            warnings.simplefilter("ignore")  # certificates are told below, for each strength
            found = solve(
                training.X, training.y, read_loss(loss_object(request, training)), unit, n_alphas=n_alphas, ratio=ratio,
                weights=training.weights, offset=training.offset, standardize=request.standardize,
            )  # fmt: skip
        return found, True
    except KeyboardInterrupt as stop:
        partial = getattr(stop, "partial", None)
        if partial is None or len(partial.alphas) == 0:
            raise
        return partial, False


def _columns(found: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """One list per column, one entry per strength."""
    columns = {
        "alpha": found.alphas.tolist(),
        "nonzeros": (found.coefs != 0).sum(axis=0).tolist(),
        "deviance_explained": found.deviance_explained.tolist(),
        "certificate": found.gaps.tolist(),
        "certified": [bool(certificate.holds) for certificate in found.certificates],
        "(intercept)": found.intercepts.tolist(),
    }
    return columns | {name: coef.tolist() for name, coef in zip(names, found.coefs, strict=True)}


def _csv(columns: dict[str, Any]) -> str:
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_written, row) for row in zip(*columns.values(), strict=True))
    return file.getvalue().removesuffix("\n")


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else value


def _json(columns: dict[str, Any]) -> str:
    import json

    from shrinkage.model_file import finite

    return json.dumps(finite(columns), indent=2, allow_nan=False)


def _show(columns: dict[str, Any], names: tuple[str, ...]) -> None:
    """A table for people: about twenty strengths, and what came in at each."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in ("alpha", "nonzeros", "deviance explained", "certificate"):
        table.add_column(title, justify="right")
    table.add_column("enters (-leaves)")
    count = len(columns["alpha"])
    shown = sorted({*range(0, count, max(1, count // 20)), count - 1})
    before: set[str] = set()
    for i in shown:
        here = {name for name in names if columns[name][i] != 0}
        moves = [name for name in names if name in here - before] + [f"-{name}" for name in names if name in before - here]
        moved = ", ".join(moves[:6]) + (f" and {len(moves) - 6} more" if len(moves) > 6 else "")
        explained = f"{100 * columns['deviance_explained'][i]:.1f}%"
        table.add_row(
            f"{columns['alpha'][i]:.4g}",
            str(columns["nonzeros"][i]),
            explained,
            f"{columns['certificate'][i]:.0e}",
            moved,
        )
        before = here
    Console(highlight=False).print(table)
    console.say("All strengths and coefficients: --output path.csv.")
