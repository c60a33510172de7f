"""`shrinkage show`: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shrinkage.cli import console, options
from shrinkage.plurals import counted

if TYPE_CHECKING:
    from shrinkage.model_file import Model


def show(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that `shrinkage fit --model` wrote.")],
    json: options.Json = False,
) -> int:
    """Print what a model file holds: the summary of its fit, the columns it needs, where it came from.

    \b
    shrinkage show houses.json
    """
    from shrinkage.cli.fit import described
    from shrinkage.model_file import load

    fitted = load(model)
    if json:
        console.out_json(described(fitted, str(model)))
    else:
        console.out(f"{fitted.summary}\n\n{_facts(fitted)}")
    return console.OK


def _facts(model: Model) -> str:
    loss = " ".join([model.loss, *(f"{name}={value:g}" for name, value in model.loss_numbers.items())])
    positive = f" (the probability of {model.classes[1]!r})" if model.classes else ""
    lines = [f"Target {model.target}{positive}; loss {loss}; penalty {model.penalty}; {_strength(model)}."]
    needs = [f"{c.name} ({', '.join(c.levels)})" if c.levels else c.name for c in model.encoding.columns]
    lines.append(f"Needs {counted(len(needs), 'column')}: {', '.join(needs)}.")
    lines += [f"Offset column: {model.offset}."] if model.offset else []
    lines.append(f"Missing entries: {model.encoding.missing}. Levels not seen: {model.encoding.unseen}.")
    data = model.data
    if data:
        lines.append(f"Fitted to {counted(data.get('rows', 0), 'row')} of {data.get('source')}.")
    return "\n".join(lines)


def _strength(model: Model) -> str:
    alpha = "no alpha" if model.alpha is None else f"alpha {model.alpha:.6g}"
    if model.rule is None:
        return f"{alpha}, as given"
    folds = f" over {model.folds} folds (seed {model.seed})" if model.folds else ""
    return f"{alpha}, by the rule {model.rule}{folds}"
