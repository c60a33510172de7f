"""The options that commands share, and the words they take."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

LOSSES = ("squared_error", "logistic", "poisson", "huber", "absolute_error", "quantile", "root_squared_error")
PENALTIES = ("l1", "l2", "elastic_net", "mcp", "scad", "group_lasso", "none")
RULES = ("min", "1se", "aic", "bic", "ebic", "gcv")
MISSING = ("error", "drop", "mean", "level")
UNSEEN = ("error", "zero")
# Other names that people know; a test holds all these lists to those of the library.
SYNONYMS = {
    "lasso": "l1", "ridge": "l2", "enet": "elastic_net", "elasticnet": "elastic_net", "mse": "squared_error",
    "gaussian": "squared_error", "binomial": "logistic", "bernoulli": "logistic", "mae": "absolute_error",
    "rmse": "root_squared_error",
}  # fmt: skip

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="CSV (any delimiter, packed or not), Parquet, Arrow; - for standard input."),
]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")]
Loss = Annotated[
    str | None,
    typer.Option(
        metavar="LOSS",
        help=f"{', '.join(LOSSES)}; with a number quantile:0.9, huber:1.5. Default: logistic for two words, true/false "
        "or 0/1, else squared_error.",
        show_default=False,
    ),
]
Penalty = Annotated[str, typer.Option(metavar="PENALTY", help=", ".join(PENALTIES) + ".")]
L1Ratio = Annotated[float, typer.Option(help="Share of L1 in elastic_net, 0 to 1.")]
Drop = Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Columns to leave out: a,b.", show_default=False)]
Categorical = Annotated[
    list[str] | None, typer.Option(metavar="COLUMNS", help="Columns to take as factors: a,b.", show_default=False)
]
Weights = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of weights of the rows.", show_default=False)]
Offset = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column added to the linear predictor.", show_default=False)]
GroupByFactor = Annotated[
    bool,
    typer.Option("--group-by-factor", help="Keep or drop the levels of a factor together (group lasso, MCP, SCAD)."),
]
Standardize = Annotated[bool, typer.Option(help="Penalise columns in units of their standard deviation.")]
Missing = Annotated[
    str,
    typer.Option(metavar="POLICY", help="Missing entries: error, drop (the row), mean, level (a level or column of their own)."),
]
Unseen = Annotated[str, typer.Option(metavar="POLICY", help="Levels that only new rows have: error, or zero (no level at all).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Of the shuffled folds.", min=0, max=2**32 - 1)]
Delimiter = Annotated[str | None, typer.Option(metavar="CHARACTER", help="Of a CSV file; found by itself.", show_default=False)]
Decimal = Annotated[str, typer.Option(metavar="CHARACTER", help="The decimal point of a CSV file.")]
Na = Annotated[
    list[str] | None, typer.Option(metavar="WORDS", help="More words that mean missing: ?,unknown.", show_default=False)
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File to write instead of stdout.", show_default=False),
]


def one_of(word: str, words: tuple[str, ...], option: str) -> str:
    """The word, where it is known. **Raises** a usage error that suggests the nearest."""
    key = word.strip().lower().replace("-", "_")
    key = SYNONYMS.get(key, key)
    if key in words:
        return key
    near = get_close_matches(key, words, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise typer.BadParameter(f"{word!r} is none of {', '.join(words)}.{hint}", param_hint=option)


def listed(values: list[str] | None) -> tuple[str, ...]:
    """`--drop a,b --drop c` -> (a, b, c)."""
    return tuple(part.strip() for value in values or [] for part in value.split(",") if part.strip())


def loss_word(given: str | None) -> tuple[str | None, dict[str, float]]:
    """`quantile:0.9` -> ("quantile", {"q": 0.9})."""
    if given is None:
        return None, {}
    word, _, number = given.partition(":")
    word = one_of(word, LOSSES, "--loss")
    if not number:
        return word, {}
    name = {"quantile": "q", "huber": "delta"}.get(word)
    if name is None:
        raise typer.BadParameter(f"{word} takes no number; quantile:0.9 and huber:1.5 do.", param_hint="--loss")
    try:
        return word, {name: float(number)}
    except ValueError:
        raise typer.BadParameter(f"{number!r} is not a number.", param_hint="--loss") from None


def one_character(text: str | None, option: str) -> str | None:
    """A delimiter or a decimal point; `tab` and `\\t` are understood."""
    if text is None:
        return None
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or ord(text) > 127:
        raise typer.BadParameter(f"{text!r} is not one (ASCII) character.", param_hint=option)
    return text


def writable(path: Path | None, option: str) -> None:
    """Refuse a place that cannot be written to before the work is done, not after."""
    if path is None:
        return
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file in it.", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}; make it first: mkdir -p {path.parent}", param_hint=option)
