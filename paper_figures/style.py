"""One style for all figures: colours that differ in grey, each with its own marker and line."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LineStyle = str | tuple[float, tuple[float, ...]]

RC: dict[Any, Any] = {
    "axes.grid": True,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "font.size": 9,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.framealpha": 0.9,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@dataclass(frozen=True)
class Look:
    """How one kind of thing is drawn, in colour and in grey."""

    color: str
    marker: str
    linestyle: LineStyle

    def line(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`: a line without markers."""
        return {"color": self.color, "linestyle": self.linestyle}

    def points(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`: markers without a line."""
        return {"color": self.color, "marker": self.marker, "linestyle": "none"}

    def both(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`: a line with markers."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.linestyle}

    def published(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`: published points of the same curve, open and beneath it."""
        return {
            "color": self.color,
            "marker": self.marker,
            "linestyle": "none",
            "markerfacecolor": "none",
            "markeredgewidth": 0.8,
            "markersize": 8.5,
            "zorder": 1.5,
        }

    def published_curve(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`: published points as a broad pale line beneath the curve."""
        return {"color": self.color, "linewidth": 5.0, "alpha": 0.35, "zorder": 1.5}


# Okabe and Ito's colours, safe for colour-blind readers, from dark to light.
BLACK = Look("#000000", "o", "-")
BLUE = Look("#0072B2", "s", "-")
RED = Look("#D55E00", "^", "--")
GREEN = Look("#009E73", "D", "-.")
PURPLE = Look("#CC79A7", "v", ":")
ORANGE = Look("#E69F00", "X", (0, (5, 1)))
SKY = Look("#56B4E9", "P", (0, (3, 1, 1, 1)))
SERIES = (BLUE, RED, GREEN, PURPLE)

PUBLISHED: Mapping[str, Any] = {
    "color": "black",
    "linestyle": "none",
    "marker": "o",
    "markerfacecolor": "none",
    "markeredgewidth": 0.8,
    "markersize": 6,
}
"""Published data: open black circles."""


def styled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Draw with the style, and leave the session's own settings alone."""

    @functools.wraps(function)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with matplotlib.rc_context(RC):
            return function(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, without pyplot and its global state."""
    return Figure(figsize=(width, height), layout="constrained")


def panel_label(axes: Axes, letter: str, title: str) -> None:
    """A panel's letter and title, left above it."""
    axes.set_title(f"({letter}) {title}", loc="left")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG without dates or versions, so that equal figures are equal files."""
    figure.savefig(path, dpi=150, metadata={"Software": None})
