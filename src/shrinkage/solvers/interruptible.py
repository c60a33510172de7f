"""A long call into somebody else's compiled code, that Ctrl-C can leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

LOOK = 0.05  # seconds between two looks for a signal


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """function(*args, **kwargs), run beside the main thread, which alone hears signals and is free to.

    After a KeyboardInterrupt the call is left to end by itself, its answer unread; it must not write to its arguments.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*args, **kwargs)
    answer: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(function(*args, **kwargs))
        except BaseException as error:  # handed to the caller's thread, whatever it is
            failure.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(LOOK)
    if failure:
        raise failure[0]
    return answer[0]
