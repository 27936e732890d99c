"""How far a long computation has come, on the standard error stream.

A terminal shows a bar. Anywhere else, as in the log file of a batch job, a bar's carriage returns
would be noise: plain lines come instead, at first often, later rarely.
"""

import sys
from typing import Any, final

from tqdm import tqdm

FIRST, LONGEST = 1.0, 30.0
"""Seconds before the first line, doubled from one line to the next up to the longest."""


def progress_bar(
    total: int | None,
    *,
    unit: str,
    initial: int = 0,
    label: str | None = None,
    unit_scale: bool = False,
    shown: bool = True,
) -> "tqdm[Any]":
    """Return a bar of tqdm, to be used in a `with` block, of which `update(count)` tells progress.

    `total` is the count at the end (None if nobody knows) and `initial` that at the beginning;
    `label` stands before the numbers, and `unit_scale` writes these as 1.2k or 3.4M.
    """
    kind = tqdm if sys.stderr.isatty() else _Lines
    return kind(
        total=total,
        unit=unit,
        initial=initial,
        desc=label,
        unit_scale=unit_scale,
        disable=not shown,
    )


def write(text: str) -> None:
    """Print lines above the bars that are there."""
    tqdm.write(text, file=sys.stderr)


@final
class _Lines(tqdm):  # type: ignore[misc]
    """The text of a bar as lines, the last of them when it is closed."""

    mininterval: float

    def __init__(self, **settings: Any) -> None:
        # `gui` is how tqdm's variants say that they draw themselves; 0 columns leave out the bar.
        super().__init__(**settings, gui=True, ncols=0, mininterval=FIRST, miniters=1)

    def display(self, *_: Any, **__: Any) -> None:
        self.fp.write(f"{self}\n")
        self.fp.flush()
        self.mininterval = min(2 * self.mininterval, LONGEST)

    def clear(self, *_: Any, **__: Any) -> None:
        """Nothing: what is printed stays."""

    def close(self) -> None:
        if not self.disable:
            self.display()
        super().close()
