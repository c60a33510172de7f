"""`shrinkage convert`: one strength, in any library's words."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from shrinkage.cli import console, options


def _fact(help: str) -> Any:
    return typer.Option(help=help, show_default=False)


def convert(
    value: Annotated[
        str | None,
        typer.Argument(metavar="VALUE", help="A number, or two for an elastic net: 0.1,0.5.", show_default=False),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="WORD", show_default=False, help="Whose strength it is: sklearn.Lasso.alpha."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--to", metavar="WORD", show_default=False, help="Whose strength is wanted: glmnet.lambda."),
    ] = None,
    n: Annotated[float | None, _fact("Observations (or the sum of their weights).")] = None,
    sigma: Annotated[float | None, _fact("Standard deviation of the noise.")] = None,
    dispersion: Annotated[float | None, _fact("Dispersion, in place of sigma.")] = None,
    outputs: Annotated[int | None, _fact("Outputs of a network.")] = None,
    sd_y: Annotated[float | None, _fact("Standard deviation of the target.")] = None,
    column_sd: Annotated[float | None, _fact("Standard deviation of the column.")] = None,
    residual_norm: Annotated[float | None, _fact("Norm of the residuals.")] = None,
    penalty: Annotated[str | None, _fact("l1 or l2, where a word holds either.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the words that are known.")] = False,
    json: options.Json = False,
) -> int:
    """Say one strength in another library's words.

    \b
    shrinkage convert 0.1 --from sklearn.Lasso.alpha --to lars.lambda --n 100
    shrinkage convert --list
    """
    from shrinkage import scales

    if list_:
        _list(scales, json)
        return console.OK
    if value is None or source is None or target is None:
        name = "VALUE" if value is None else "--from" if source is None else "--to"
        raise typer.BadParameter(f"{name} is missing. The words are listed by: shrinkage convert --list")
    kind: Any = penalty
    facts: dict[str, Any] = {
        "n": n, "sigma": sigma, "dispersion": dispersion, "outputs": outputs, "sd_y": sd_y, "column_sd": column_sd,
        "residual_norm": residual_norm, "penalty": kind,
    }  # fmt: skip
    result = scales.convert(_value(value), source, target, **facts)
    numbers = [float(part) for part in result] if isinstance(result, tuple) else float(result)
    formula = scales.formula(source, target, kind) if not isinstance(result, tuple) else scales.explain(source, target)
    if json:
        from shrinkage.model_file import finite

        console.out_json(finite({"from": source, "to": target, "value": numbers, "formula": formula}))
    else:
        console.out(",".join(map(repr, numbers)) if isinstance(numbers, list) else repr(numbers))
        console.say(formula)
    return console.OK


def _value(text: str) -> Any:
    try:
        parts = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number, nor two with a comma between them.", param_hint="VALUE") from None
    return parts[0] if len(parts) == 1 else parts


def _list(scales: Any, as_json: bool) -> None:
    words, refused = scales.available(), scales.refused()
    if as_json:
        console.out_json({"available": words, "refused": refused})
        return
    width = max(map(len, [*words, *refused]))
    console.out("\n".join(f"{word:{width}}  {text}" for word, text in words.items()))
    console.out("\nNo translation:\n" + "\n".join(f"{word:{width}}  {text}" for word, text in refused.items()))
