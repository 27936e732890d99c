"""The style of all plots, and what they have in common."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Real
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

Series = Real[ArrayLike, " points"] | Sequence[int | float]

STYLE = Path(__file__).with_name("osciprop.mplstyle")

# Cycled with the style's colours, so that curves differ without colour too.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MARK, PALE = "0.35", "0.7"


@contextmanager
def style() -> Iterator[None]:
    """The style of osciprop's figures, for the duration of a `with` block.

    Example:
        >>> with osciprop.plotting.style():
        ...     pass
    """
    with plt.style.context(STYLE):
        yield


def axes_for(ax: Axes | None) -> Axes:
    """The axes to draw into: new ones, or given ones with the style's colours."""
    if ax is None:
        return plt.subplots()[1]
    if not ax.lines:
        ax.set_prop_cycle(plt.rcParams["axes.prop_cycle"])
    return ax


def finite_array(
    name: str, values: ArrayLike | Sequence[int | float], dimensions: int
) -> np.ndarray:
    """Finite values as a NumPy array of so many dimensions, or a `ValueError`."""
    array = np.asarray(values)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: give a filled {dimensions}-d array")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds NaN or infinity: leave these entries out")
    return array


def check_same_length(name: str, array: np.ndarray, other: str, length: int) -> None:
    """Raise `ValueError` unless an array is as long as another."""
    if array.shape[0] != length:
        raise ValueError(
            f"{name} has length {array.shape[0]} but {other} has {length}: give one per entry"
        )


def check_columns(
    activity: ArrayLike, units: Sequence[int] | None, labels: Sequence[str] | None
) -> tuple[np.ndarray, list[str]]:
    """The chosen columns of `(times, units)`, at most as many as there are colours, and names."""
    array = finite_array("activity", activity, 2)
    chosen = list(range(min(array.shape[1], len(MARKERS)))) if units is None else list(units)
    if unknown := [unit for unit in chosen if not 0 <= unit < array.shape[1]]:
        raise ValueError(f"units holds {unknown}, but activity has {array.shape[1]}, from 0 on")
    names = [f"unit {unit}" for unit in chosen] if labels is None else list(labels)
    if len(names) != len(chosen):
        raise ValueError(f"labels has {len(names)} entries for {len(chosen)} units: give one each")
    return array[:, chosen], names


def legend_entry(label: str, color: str = MARK, **line: Any) -> Line2D:
    """An entry of a legend that explains a mark or a line style."""
    return Line2D([], [], color=color, label=label, **line)


def cycle() -> list[str]:
    """The colours of curves, one after the other."""
    return plt.rcParams["axes.prop_cycle"].by_key()["color"]
