"""What a figure is: a module with a title, a source, and four functions."""

from collections.abc import Mapping
from typing import Any, Protocol

from matplotlib.figure import Figure

from .claim import Claim

Data = Mapping[str, Any]
"""What a figure shows: NumPy arrays, real or complex, and numbers, by name."""

Settings = Mapping[str, object]
"""What a figure was computed with: numbers and words that JSON can hold."""


class PaperFigure(Protocol):
    """The functions of a figure's module.

    `compute` does all the work, in a size that `fast` reduces to seconds; `plot` and `claims` only
    look at its data, so that they work on stored data too.
    """

    NAME: str
    TITLE: str
    SOURCE: str

    def settings(self, fast: bool) -> Settings:
        """All numbers that `compute` uses, seeds included."""

    def compute(self, fast: bool) -> Data:
        """The numbers of the figure."""

    def plot(self, data: Data) -> Figure:
        """The figure."""

    def claims(self, data: Data) -> list[Claim]:
        """Published numbers against ours."""
