"""`shrinkage predict`: a model and a table in, one prediction a row out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shrinkage.cli import console, options
from shrinkage.plurals import counted

if TYPE_CHECKING:
    from shrinkage.model_file import Model, Predictions


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that `shrinkage fit --model` wrote.")],
    data: options.Data,
    output: options.Output = None,
    json: options.Json = False,
    unseen: Annotated[
        str | None,
        typer.Option(metavar="POLICY", help="error or zero, in place of what the fit said.", show_default=False),
    ] = None,
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    na: options.Na = None,
) -> int:
    """Predict new rows: columns in any order, others ignored, one line out for each row in.

    \b
    shrinkage predict houses.json new.csv
    shrinkage predict houses.json - --output predictions.csv < new.csv
    """
    if unseen is not None:
        unseen = options.one_of(unseen, options.UNSEEN, "--unseen")
    options.writable(output, "--output")
    marks = options.one_character(delimiter, "--delimiter"), options.one_character(decimal, "--decimal") or "."
    from shrinkage.cli.training import read
    from shrinkage.files import write_atomically
    from shrinkage.model_file import load
    from shrinkage.tables.read import CsvOptions

    fitted = load(model)
    words = (*fitted.null_words, *options.listed(na))
    table = read(data, fitted.encoding.factors, CsvOptions(*marks, words))
    predictions = fitted.predict(table, unseen=unseen)
    console.say(f"Read {table.source}: {counted(len(table), 'row')} ({table.form}).")
    for note in predictions.notes:
        console.say(note)
    left = int((~predictions.kept).sum())
    if left:
        rows = counted(left, "row with missing entries has", "rows with missing entries have")
        console.say(f"{rows} no prediction (the fit left such rows out).")
    text = _json(fitted, predictions) if json else _csv(fitted, predictions)
    if output is None:
        console.out(text)
    else:
        write_atomically(output, f"{text}\n".encode())
        console.say(f"{counted(len(table), 'prediction')} written to {output}.")
    return console.OK


def _csv(model: Model, predictions: Predictions) -> str:
    """Numbers in the shortest form that reads back exactly; an empty field for a row left out."""
    import csv
    import io

    numbers = [repr(float(mean)) if kept else "" for mean, kept in zip(predictions.mean, predictions.kept, strict=True)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if model.classes is None:
        writer.writerow([model.target])
        writer.writerows([number] for number in numbers)
    else:
        writer.writerow([model.target, f"probability_{model.classes[1]}"])
        writer.writerows([label or "", number] for label, number in zip(predictions.labels, numbers, strict=True))
    return file.getvalue().removesuffix("\n")


def _json(model: Model, predictions: Predictions) -> str:
    import json

    from shrinkage.model_file import finite

    means = finite(predictions.mean)
    if model.classes is None:
        content = {"target": model.target, "predictions": means}
    else:
        content = {
            "target": model.target, "classes": list(model.classes), "predictions": predictions.labels,
            "probabilities": means,
        }  # fmt: skip
    return json.dumps(content, indent=2, allow_nan=False)
