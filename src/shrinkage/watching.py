"""How far a long fit has come. What walks along a path says so; who wants to know watches, and nobody else pays for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from shrinkage.errors import ParameterError

LONG = 1.0  # seconds after which a fit is long


class _Watch(NamedTuple):
    show: Callable[[float], Any]
    start: float  # of the whole: where the part at hand begins
    share: float  # and how much of it that part is


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


def reached(share: float) -> None:
    """Says how much of the part at hand is done, from 0 to 1."""
    watch = _watch.get()
    if watch is not None:
        watch.show(min(watch.start + share * watch.share, 1.0))


@contextmanager
def part(i: int, count: int) -> Iterator[None]:
    """The i-th of so many parts of about the same length: what is reached inside is a share of it."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    token = _watch.set(_Watch(watch.show, watch.start + watch.share * i / count, watch.share / count))
    try:
        yield
        reached(1.0)
    finally:
        _watch.reset(token)


@contextmanager
def progress(show: Callable[[float], Any] | str = "Fitting") -> Iterator[None]:
    """Show how far the fits inside have come: paths and cross-validations, by the alphas that are done.

    - `show`: called with the share that is done, 0 to 1, as it grows; or a few words, put before a bar that is drawn on stderr
      once a fit takes longer than a second, if that is a terminal, and wiped in the end. The bar needs the package rich.

        with sh.progress():
            model = sh.LassoCV().fit(X, y)
    """
    if callable(show):
        token = _watch.set(_Watch(show, 0.0, 1.0))
        try:
            yield
        finally:
            _watch.reset(token)
        return
    bar = Bar(show)
    with progress(bar.show):
        try:
            yield
        finally:
            bar.close()


class Bar:
    """A bar on stderr, of rich, for what takes longer than a second. `before` is called when it is first drawn."""

    def __init__(self, text: str, before: Callable[[], Any] = lambda: None) -> None:
        try:
            import rich.progress  # noqa: F401
        except ModuleNotFoundError:
            raise ParameterError(
                "progress() draws its bar with rich, which is not installed: pip install rich, or pass a function, as in "
                "progress(lambda share: print(f'{share:.0%}'))."
            ) from None
        self.text, self.before, self.begun = text, before, time.monotonic()
        self.bar: Any = None

    def show(self, share: float) -> None:
        if self.bar is None:
            if time.monotonic() - self.begun < LONG or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import Progress

            self.before()
            self.bar = Progress(console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.text, total=1.0)
            self.bar.start()
        self.bar.update(self.task, completed=share)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
