"""Monitor: objective, zeros and violation after each epoch, as a table that grows and as a plot."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from torch import nn

from shrinkage.plots.training import TrainingDisplay
from shrinkage.torch.certificate import Loss, certificate
from shrinkage.torch.penalties import Penalties
from shrinkage.torch.sparsity import sparsity

HEAD = ("epoch", "objective", "loss", "penalty", "zeros", "violation")


@dataclass(frozen=True)
class Row:
    """One record: `zeros` is the share of the penalised coefficients that is exactly zero."""

    epoch: int
    objective: float
    loss: float
    penalty: float
    zeros: float
    violation: float

    def cells(self) -> tuple[str, ...]:
        numbers = (f"{self.objective:.6g}", f"{self.loss:.6g}", f"{self.penalty:.6g}")
        return (str(self.epoch), *numbers, f"{self.zeros:.1%}", f"{self.violation:.1e}")


class Monitor:
    """Records a certificate per epoch. In a `with` block it shows them as a growing table (by rich, where it is installed).

    **Arguments** as for `certificate`; `data` is read once per record.

        with Monitor(model, penalties, loss, loader) as monitor:
            for epoch in range(100):
                ...
                monitor.record()
        monitor.plot()
    """

    def __init__(self, model: nn.Module, penalties: Penalties, loss: Loss, data: Any) -> None:
        self.model, self.penalties, self.loss, self.data = model, penalties, loss, data
        self.rows: list[Row] = []
        self._table: Any = None

    def record(self, epoch: int | None = None) -> Row:
        """The state of the module now, as a row, which is kept in `rows`. `epoch`: by default one more than the last."""
        found = certificate(self.model, self.penalties, self.loss, self.data)
        zeros = sparsity(self.model, self.penalties).share
        epoch = epoch if epoch is not None else self.rows[-1].epoch + 1 if self.rows else 1
        row = Row(epoch, found.objective, found.loss, found.penalty, zeros, found.violation)
        self.rows.append(row)
        if self._table is not None:
            self._table.add(row)
        return row

    def __enter__(self) -> Monitor:
        self._table = _RichTable() if find_spec("rich") else _PlainTable()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._table.close()
        self._table = None

    def plot(self, axes: Any = None) -> Any:
        """Three panels over the epochs (`shrinkage.plots.TrainingDisplay`); `axes`: three of matplotlib's, made if None. Gives
        the axes back."""
        display = TrainingDisplay.from_monitor(self).plot(axes)
        return display.ax_ if axes is None else axes


class _PlainTable:
    def __init__(self) -> None:
        print(*(f"{name:>10}" for name in HEAD))

    def add(self, row: Row) -> None:
        print(*(f"{cell:>10}" for cell in row.cells()))

    def close(self) -> None:
        pass


class _RichTable:
    """While it grows, as many of the last rows as the screen holds; what stays is the whole table."""

    FRAME = 5  # lines: the head and its rules, the foot, and the line below

    def __init__(self) -> None:
        from rich.live import Live

        self._rows: list[Row] = []
        self._live = Live(self._table(), auto_refresh=False)
        self._live.start()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._live.update(self._table(max(self._live.console.height - self.FRAME, 1)), refresh=True)

    def close(self) -> None:
        self._live.update(self._table())
        self._live.stop()
        if not self._live.console.is_terminal:
            print()  # rich leaves the last line open there

    def _table(self, last: int = 0) -> Any:
        from rich.table import Table

        table = Table(*HEAD)
        for row in self._rows[-last:]:
            table.add_row(*row.cells())
        return table
