"""`shrinkage explore`: the page of a fit, alive, for as long as the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli import console, options

if TYPE_CHECKING:
    from shrinkage.page.study import Study


def explore(
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="CSV, Parquet or Arrow; - for standard input. Without: the diabetes study."),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.", show_default=False)] = None,
    loss: options.Loss = None,
    penalty: options.Penalty = "l1",
    l1_ratio: options.L1Ratio = 0.5,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weights: options.Weights = None,
    offset: options.Offset = None,
    group_by_factor: options.GroupByFactor = False,
    standardize: options.Standardize = True,
    missing: options.Missing = "error",
    seed: options.Seed = 0,
    port: Annotated[int, typer.Option(help="Of the page on this machine; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    na: options.Na = None,
) -> int:
    """Explore a fit on a page: path, cross-validation, geometry and priors, moved by one alpha. Ctrl-C ends it.

    \b
    shrinkage explore
    shrinkage explore houses.csv --target price
    """
    if data is None and target is not None:
        raise typer.BadParameter("--target names a column of DATA, which is not given.")
    if data is not None and target is None:
        raise typer.BadParameter("Which column is to be predicted? Give --target COLUMN.")
    if data is None or target is None:
        study = _diabetes()
    else:
        from shrinkage.cli.fit import _request

        request = _request(
            data, target, loss, penalty, l1_ratio, drop, categorical, weights, offset, group_by_factor, standardize,
            missing, "error", delimiter, decimal, na,
        )  # fmt: skip
        study = _study(request, seed)
    return _serve(study, port, browser)


def _study(request: Any, seed: int) -> Study:
    """The fit that `shrinkage fit` makes of the same words."""
    from shrinkage.cli.fit import _fitted
    from shrinkage.cli.origin import origin
    from shrinkage.cli.training import read_training
    from shrinkage.page.study import of_estimator

    training = read_training(request)
    estimator, notes = _fitted(request, training, None, "min", None, seed)
    for note in notes:
        console.say(f"Warning: {note}")
    return of_estimator(estimator, target=training.target.name, origin=origin(training))


def _diabetes() -> Study:
    from shrinkage.page.example import diabetes

    return diabetes()


def _serve(study: Study, port: int, browser: bool) -> int:
    """Until Ctrl-C, which is how it is meant to end."""
    from shrinkage.page.explore import Explorer

    explorer = Explorer(study, port=port)
    console.out(explorer.address)
    console.say("Only this machine can open it, with this address. Ctrl-C ends it.")
    if browser:
        import webbrowser

        webbrowser.open(explorer.address)
    try:
        explorer.server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        console.say("Ended.")
    finally:
        explorer.server.server_close()
    return console.OK
