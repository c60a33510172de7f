"""Results to stdout, everything else to stderr; one code per way to end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shrinkage.watching import Bar, progress

OK, UNEXPECTED, USAGE, DATA, NOT_CERTIFIED, FORMAT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def out(text: str) -> None:
    """A result."""
    print(text)


def out_json(value: Any) -> None:
    """A result for machines: one JSON value, and nothing else on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(text: str) -> None:
    """A message to the person."""
    print(text, file=sys.stderr, flush=True)


def on_terminal(stream: Any) -> bool:
    """Whether the stream is a terminal that can redraw a line."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


@contextmanager
def working(text: str) -> Iterator[None]:
    """One line on a terminal's stderr while something runs, a bar if that takes long, wiped afterwards; elsewhere nothing."""
    if not on_terminal(sys.stderr):
        yield
        return

    def wipe() -> None:
        sys.stderr.write("\r" + " " * (len(text) + 4) + "\r")
        sys.stderr.flush()

    sys.stderr.write(f"{text} ...")
    sys.stderr.flush()
    bar = Bar(text, before=wipe)
    try:
        with progress(bar.show):
            yield
    finally:
        bar.close()
        wipe()
