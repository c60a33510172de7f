"""Where a page says that its data came from: what was read from a file, and the words that read it again."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shrinkage.cli.training import Training
    from shrinkage.page.study import Origin


def origin(training: Training, command: str | None = None) -> Origin:
    """Of a table that the command line has read. `command`: what does it again; None: the words of this process."""
    from shrinkage.page.study import Origin

    encoding, data = training.encoding, training.data
    return Origin(
        source=str(data["source"]),
        command=command or shlex.join(["shrinkage", *sys.argv[1:]]),
        columns=int(data["columns"]),
        sha256=str(data["sha256"]),
        dropped=training.notes,
        encodings=[(column.name, column.kind, column.levels) for column in encoding.columns if column.kind != "number"],
        sources=[column.name for column in encoding.columns for _ in column.names],
    )
