"""What a training run recorded."""

import csv
import dataclasses
import html
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import as_path
from ..files.durable import replacing

if TYPE_CHECKING:
    import pandas

Columns = dict[str, list[float]]

SHOWN = 8
"""Rows that a history prints: the first ones and the last."""


@dataclasses.dataclass(repr=False)
class History:
    """What a training run recorded.

    Columns of numbers by name. A history prints as a short table of its epochs, and shows as one
    in notebooks.

    Args:
        steps: One number per update: `loss`, the metric (`accuracy`, or `mean_squared_error` where
            numbers are learned), `converged`.
        epochs: One number per epoch: `epoch`, the means `train_loss` and `train_accuracy` over its
            updates, and `test_loss`, `test_accuracy`, `test_converged` after it, if there are test
            samples. Where numbers are learned, `mean_squared_error` and `r_squared` stand in place
            of `accuracy`.
        monitored: One number per call of the monitor: `update`, and what the monitor returns; NaN
            where it did not return what it returned at other times.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> _, history = osciprop.fit(
        ...     net, data, osciprop.Implicit(), optax.sgd(0.1), epochs=1, progress=False
        ... )
        >>> sorted(history.steps)
        ['accuracy', 'converged', 'loss']
        >>> print(history)  # doctest: +ELLIPSIS
        History: 1 epoch, 1 update
          epoch  train_loss  train_accuracy  test_loss  test_accuracy  test_converged
              1 ...
    """

    steps: Columns = dataclasses.field(default_factory=dict)
    epochs: Columns = dataclasses.field(default_factory=dict)
    monitored: Columns = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        rows = self._rows()
        if not rows:
            return self._title()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "".join(f"  {cell:>{width}}" for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join([self._title(), *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
            for tag, row in zip(["th"] + ["td"] * SHOWN * 2, self._rows(), strict=False)
        ]
        table = f"<table>{''.join(rows)}</table>" if rows else ""
        return f"<p>{html.escape(self._title())}</p>{table}"

    def _title(self) -> str:
        def counted(number: int, what: str) -> str:
            return f"{number} {what}{'s' * (number != 1)}"

        epochs, updates = (len(next(iter(of.values()), [])) for of in (self.epochs, self.steps))
        return f"History: {counted(epochs, 'epoch')}, {counted(updates, 'update')}"

    def _rows(self) -> list[list[str]]:
        """The table of epochs, its head first; the middle of a long one is left out."""
        if not self.epochs:
            return []
        columns = zip(*self.epochs.values(), strict=True)
        rows = [[f"{number:.4g}" for number in row] for row in columns]
        if len(rows) > SHOWN:
            half = SHOWN // 2
            rows = [*rows[:half], ["..."] * len(self.epochs), *rows[-half:]]
        return [list(self.epochs), *rows]

    def write_csv(self, path: Path | str, part: str = "epochs") -> None:
        """Write the columns of `part` (`epochs`, `steps` or `monitored`) as comma-separated
        numbers, with all their digits, under a line of names.

        The file appears as a whole or not at all. Raises `ValueError` for another part, `OSError`
        where the file cannot be written.
        """
        columns = self._part(part)
        with (
            replacing(as_path("path", path)) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))

    def to_dataframe(self, part: str = "epochs") -> "pandas.DataFrame":
        """The columns of `part` (`epochs`, `steps` or `monitored`) as a DataFrame of pandas.

        Raises `ImportError` where pandas is not installed, `ValueError` for another part.
        """
        columns = self._part(part)
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_dataframe needs pandas: pip install pandas, or take the columns as they are, "
                f"history.{part}"
            ) from error
        return pandas.DataFrame(columns)

    def _part(self, part: str) -> Columns:
        parts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if part not in parts:
            raise ValueError(f"part={part!r}: a history has the parts {', '.join(parts)}")
        return parts[part]


def record(columns: Columns, row: dict[str, float], count: int) -> None:
    """Append a row to columns that hold `count` complete ones, with NaN for what no row says."""
    for name in dict.fromkeys((*columns, *row)):
        column = columns.setdefault(name, [math.nan] * count)
        del column[count:]  # of a row that was interrupted
        column.append(row.get(name, math.nan))


def cut(columns: Columns, count: int) -> Columns:
    """The first `count` rows: without one that was interrupted."""
    return {name: column[:count] for name, column in columns.items() if count}
