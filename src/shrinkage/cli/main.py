"""The application, and the one place where an error becomes a sentence and a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from shrinkage import __version__
from shrinkage.cli import console
from shrinkage.cli.convert import convert
from shrinkage.cli.explore import explore
from shrinkage.cli.fit import fit
from shrinkage.cli.path import path
from shrinkage.cli.predict import predict
from shrinkage.cli.show import show
from shrinkage.errors import ConvergenceError, DataError, FormatError, ParameterError, ShrinkageError

SHORT = """\
shrinkage fits regularised linear models and certifies them.

  shrinkage fit houses.csv --target price --model houses.json
  shrinkage predict houses.json new.csv --output predictions.csv

Also: path, explore, show, convert. More: shrinkage --help, shrinkage fit --help."""

EPILOG = (
    "Results go to stdout, messages to stderr. Exit codes: 0 ok, 1 unexpected, 2 usage, 3 data, 4 not certified (the model "
    "is written all the same), 5 model file, 130 interrupted. SHRINKAGE_DEBUG=1 shows tracebacks."
)

# Plain help: markup would load rich, which costs more than everything else here.
app = typer.Typer(name="shrinkage", rich_markup_mode=None, pretty_exceptions_enable=False, epilog=EPILOG)
COMMANDS: dict[Callable[..., int], str] = {
    fit: "Fit a model to a table.",
    predict: "Predict new rows.",
    path: "Fit at every strength.",
    explore: "Explore a fit on a page.",
    show: "Print what a model file holds.",
    convert: "Say a strength in another library's words.",
}
for command, line in COMMANDS.items():
    app.command(short_help=line)(command)

# Bases that typer does not export: every error about the words themselves, and every one it raises on purpose.
UsageError: Any = typer.BadParameter.__base__
ClickException: Any = UsageError.__base__


@app.callback(invoke_without_command=True)
def _shrinkage(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Fit, see and trust regularised models: from a table to a certified, cross-validated model.

    \b
    shrinkage fit houses.csv --target price --model houses.json
    shrinkage predict houses.json new.csv --output predictions.csv
    """
    if version:
        console.out(__version__)
        raise typer.Exit()


def main(arguments: list[str] | None = None) -> int:
    """Run one command; hand back its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head`: who reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return console.UNEXPECTED


def _run(words: list[str]) -> int:
    if not words:
        console.out(SHORT)
        return console.OK
    try:
        code = typer.main.get_command(app).main(words, prog_name="shrinkage", standalone_mode=False)
    except (BrokenPipeError, typer.Abort):
        raise
    except Exception as error:
        if not _interrupted(error):
            if os.environ.get("SHRINKAGE_DEBUG"):
                raise
            console.say(_sentence(error))
            return _code(error)
        code = console.INTERRUPTED
    except KeyboardInterrupt:
        code = console.INTERRUPTED
    if code == console.INTERRUPTED:
        # Ctrl-C within an `exec` of text (how dataclasses are made) leaves a mark by which Python would end the process
        # with the signal, though the interrupt was handled; the next such `exec` takes the mark away.
        exec("")
        console.say("Interrupted: no file was written or changed.")
    return code if isinstance(code, int) else console.OK


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind the error: Python wraps one that arrives while a class is made, as in an import."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _code(error: Exception) -> int:
    if isinstance(error, ClickException | ParameterError):
        return console.USAGE
    kinds = ((FormatError, console.FORMAT), (DataError, console.DATA), (ConvergenceError, console.NOT_CERTIFIED))
    return next((code for kind, code in kinds if isinstance(error, kind)), console.UNEXPECTED)


def _sentence(error: Exception) -> str:
    if isinstance(error, ClickException):
        hint = getattr(getattr(error, "ctx", None), "command_path", "shrinkage")
        return f"Error: {error.format_message()}\nSee: {hint} --help"
    if isinstance(error, ShrinkageError):
        return f"Error: {error}"
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        return f"Error: cannot read or write{where}: {error.strerror}."
    if isinstance(error, ModuleNotFoundError):
        return f'Error: {error.name} is not installed. The command line needs: pip install "shrinkage[cli]"'
    first = (str(error).splitlines() or [""])[0]
    return f"Unexpected error ({type(error).__name__}): {first}\nPlease report it; SHRINKAGE_DEBUG=1 shows where it arose."
