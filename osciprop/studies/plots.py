"""Plots of a study's results, straight from the Dataset, in the style of `osciprop.plotting`.

The functions return a list of axes, one per panel. None shows or saves anything, or changes
Matplotlib's global settings.
"""

import math
import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..plotting.styling import MARK, MARKERS, style
from .averages import CONFIDENCE, Averages, Scale, average

COLUMNS = 3
"""Panels side by side at most."""

PANEL, SMALL_PANEL = (4.2, 3.0), (2.6, 2.2)
"""Width and height, in inches, of a panel alone and of one among others."""

TITLE = 32
"""Letters in a row of a panel's title."""

BAND = 0.2
"""Opacity of a band."""

COLORS, DIVERGING = "viridis", "PuOr_r"
"""Colours of values, and of what is below and above a center."""

CROSS = 0.2
"""Half the width of a cross, in cells: crosses that touch would be a hatching."""

BEYOND = {
    (False, False): "neither",
    (True, False): "min",
    (False, True): "max",
    (True, True): "both",
}
"""Ends of a scale of colours that have arrows, by whether there are values below and above it."""

MANY_ENTRIES, MANY_TICKS, LONG_TICKS = 14, 10, 28
"""Entries in a column of a legend; labels at an axis, and their letters in one row."""


def plot_lines(
    results: xarray.Dataset,
    *,
    x: str,
    y: str,
    hue: str | None = None,
    facet: str | None = None,
    band: str | None = "seed",
    log_x: bool | None = None,
    log_y: bool = False,
    ax: Axes | None = None,
) -> list[Axes]:
    """Lines over an axis: one per value of another, a panel per value of a third.

    Shown is the mean over repetitions, with the band in which it lies at 95 % confidence by
    Student's t; with `log_y` the geometric mean, with the band of the mean logarithm. NaN is left
    out; where nothing is left, there is a gap, and without at least two values there is no band.
    Words along `x`, and points between gaps, have error bars instead. Names and units (of the
    attribute "units") label the axes; numbers along axes are sorted.

    Args:
        results: What `Study.run` returned, or a part of it.
        x: The axis to draw over.
        y: The variable to draw.
        hue: The axis with a line for each of its values; None for one line.
        facet: The axis with a panel for each of its values; None for one panel.
        band: The axis of repetitions, if there is such an axis.
        log_x: Whether the horizontal scale is logarithmic. None is so for positive numbers at about
            equal ratios over more than 1.5 decades.
        log_y: Whether the vertical scale is logarithmic.
        ax: Axes to draw one panel into; None for new ones.

    Returns:
        The axes of all panels, in the order of `facet`.

    Raises:
        ValueError: a variable or axis is not there, values are complex, an axis of several values
            is not named, values on a logarithmic scale are not above 0, or all are NaN.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> (ax,) = osciprop.studies.plot_lines(study.run(progress=False), x="a", y="b")
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('a', 'b')
    """
    found = average(results, y, {"facet": facet, "hue": hue, "x": x}, band, logarithmic=log_y)
    over, hues = found.scales["x"], found.scales["hue"]
    assert over is not None
    log_x = _is_geometric(over) if log_x is None else log_x
    if log_x and (not over.is_number or over.values[0] <= 0):
        raise ValueError(f"log_x=True needs an axis of numbers above 0, and {x!r} is none")
    with style():
        legend = _legend(found, over, hues)
        panels, columns = _panels(found, ax, room=1.6 if legend else 0.0)
        for panel, *lines in zip(panels, found.mean, found.low, found.high, strict=True):
            for index, (mean, low, high) in enumerate(zip(*lines, strict=True)):
                _draw_line(panel, over, mean, low, high, index, len(lines[0]))
            if log_x:
                panel.set_xscale("log")
            elif not over.is_number:
                panel.set_xlim(-0.5, over.values.size - 0.5)
                _tick(panel.xaxis, over)
            elif over.values.dtype.kind in "iu":
                panel.xaxis.set_major_locator(ticker.MaxNLocator(nbins=7, integer=True))
            if log_y:
                panel.set_yscale("log")
        _label(panels, columns, over.label, found.label)
        if legend and ax is None:
            stacks = math.ceil(len(legend) / MANY_ENTRIES)
            panels[0].figure.legend(handles=legend, loc="outside right upper", ncols=stacks)
        elif legend:
            panels[0].legend(handles=legend)
    return panels


def plot_heat_map(
    results: xarray.Dataset,
    *,
    x: str,
    y: str,
    value: str,
    facet: str | None = None,
    band: str | None = "seed",
    log_color: bool = False,
    limits: tuple[float, float] | None = None,
    center: float | None = None,
    ax: Axes | None = None,
) -> list[Axes]:
    """A variable over two axes as colours, a panel per value of a third.

    Shown is the mean over repetitions, with `log_color` the geometric one; NaN is left out of it.
    Cells are equally large, whatever lies between the values of the axes; numbers along axes are
    sorted, from the lower left. A cell without a finite value is a cross on grey. All panels share
    the scale of colours.

    Args:
        results: What `Study.run` returned, or a part of it.
        x: The axis to the right.
        y: The axis upwards.
        value: The variable to show.
        facet: The axis with a panel for each of its values; None for one panel.
        band: The axis of repetitions, if there is such an axis.
        log_color: Whether the scale of colours is logarithmic.
        limits: Ends of that scale: what is beyond has the colour of the end. None for the lowest
            and the highest value.
        center: A value that has no colour, and from which two colours lead, such as 0 of
            differences; limits are then as far below it as above. None for one row of colours.
        ax: Axes to draw one panel into; None for new ones.

    Returns:
        The axes of all panels, in the order of `facet`.

    Raises:
        ValueError: as `plot_lines`, `limits` do not ascend or do not hold `center`, or there is one
            with `log_color`.

    Example:
        >>> study = osciprop.studies.Study(lambda a, b: {"c": a + b}, {"a": [1, 2], "b": [3, 4]})
        >>> results = study.run(progress=False)
        >>> (ax,) = osciprop.studies.plot_heat_map(results, x="a", y="b", value="c")
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('a', 'b')
    """
    found = average(results, value, {"facet": facet, "y": y, "x": x}, band, logarithmic=log_color)
    across, up = found.scales["x"], found.scales["y"]
    assert across is not None and up is not None
    shown = np.ma.masked_invalid(found.mean)
    lowest, highest = float(shown.min()), float(shown.max())
    low, high = (lowest, highest) if limits is None else limits
    _check_limits(low, high, limits, log_color)
    colors = COLORS
    if center is not None:
        colors = DIVERGING
        _check_center(center, low, high, limits, log_color)
        reach = max(high - center, center - low)
        low, high = center - reach, center + reach
    norm = (LogNorm if log_color else Normalize)(low, high)
    with style():
        panels, columns = _panels(found, ax, room=1.0)
        for panel, cells in zip(panels, shown, strict=True):
            edges = [np.arange(length + 1) - 0.5 for length in reversed(cells.shape)]
            mesh = panel.pcolormesh(*edges, cells, norm=norm, cmap=colors)
            panel.grid(False)
            _cross_out(panel, np.ma.getmaskarray(cells))
            _tick(panel.xaxis, across)
            _tick(panel.yaxis, up)
        _label(panels, columns, across.label, up.label)
        label = found.label + ("\n(crosses: no value)" if np.ma.is_masked(shown) else "")
        extend = BEYOND[lowest < low, highest > high]
        panels[0].figure.colorbar(mesh, ax=panels, label=label, extend=extend)
    return panels


def _is_geometric(scale: Scale) -> bool:
    """Whether values suggest a logarithmic scale."""
    if not scale.is_number or scale.values.size < 2 or scale.values[0] <= 0:
        return False
    logs = np.log10(scale.values)
    steps = np.diff(logs)
    # 1, 2, 5, 10 counts as equal ratios too.
    return bool(logs[-1] - logs[0] > 1.5 and steps.max() < 1.5 * steps.min())


def _check_limits(low: float, high: float, given: Any, log_color: bool) -> None:
    if given is not None and (not low < high or (log_color and low <= 0)):
        above = ", and above 0 with log_color" if log_color else ""
        raise ValueError(f"limits is {given!r}: give two numbers in ascending order{above}")


def _check_center(
    center: float, low: float, high: float, limits: tuple[float, float] | None, log_color: bool
) -> None:
    if log_color:
        raise ValueError(
            f"center is {center!r} with log_color=True: give one of them, or show a logarithm "
            "with a center of 0"
        )
    if not np.isfinite(center) or (limits is not None and not low <= center <= high):
        raise ValueError(f"center is {center!r}: give a number within the limits, {limits!r}")


def _panels(found: Averages, ax: Axes | None, room: float) -> tuple[list[Axes], int]:
    """The axes of all panels and how many are in a row, with so many inches beside them."""
    facet = found.scales["facet"]
    titles = [""] if facet is None else facet.titles
    count = len(titles)
    if ax is not None:
        if count > 1:
            raise ValueError(f"ax takes one panel, but facet makes {count}: leave one of them out")
        panels, columns = [ax], 1
    else:
        rows = math.ceil(count / COLUMNS)
        columns = math.ceil(count / rows)
        width, height = PANEL if count == 1 else SMALL_PANEL
        _, grid = plt.subplots(
            rows,
            columns,
            sharex=True,
            sharey=True,
            squeeze=False,
            figsize=(columns * width + room, rows * height),
        )
        panels = list(grid.flat[:count])
        for empty in grid.flat[count:]:
            empty.remove()
    for panel, title in zip(panels, titles, strict=True):
        if title:
            panel.set_title(textwrap.fill(title, TITLE))
    return panels, columns


def _label(panels: list[Axes], columns: int, x: str, y: str) -> None:
    """Label the outer panels; also those above a place that the last row leaves empty."""
    for index, panel in enumerate(panels):
        if index % columns == 0:
            panel.set_ylabel(y)
        if index + columns >= len(panels):
            panel.set_xlabel(x)
            panel.tick_params(labelbottom=True)


def _tick(axis: Axis, scale: Scale) -> None:
    """Ticks at 0, 1, ... with the values there; aslant if they would touch, fewer if many.

    Of words all are shown: unlike a number, none can be told from its neighbours.
    """
    step = math.ceil(scale.values.size / MANY_TICKS) if scale.is_number else 1
    texts = scale.texts[::step]
    look: dict[str, Any] = {}
    if isinstance(axis, XAxis) and sum(map(len, texts)) > LONG_TICKS:
        look = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axis.set_ticks(range(0, scale.values.size, step), texts, **look)


def _look(index: int) -> dict[str, Any]:
    """Colour, line style and marker of a line; 49 differ without colour too."""
    looks = list(plt.rcParams["axes.prop_cycle"])
    turn, place = divmod(index, len(looks))
    return {**looks[place], "marker": MARKERS[(place + turn) % len(MARKERS)]}


def _legend(found: Averages, over: Scale, hues: Scale | None) -> list[Line2D | Patch]:
    """What explains the lines and their bands, or the marks and their error bars."""
    unjoined = {} if over.is_number else {"linestyle": ""}
    titles = [] if hues is None else hues.titles
    entries: list[Line2D | Patch] = [
        Line2D([], [], label=title, **_look(index) | unjoined) for index, title in enumerate(titles)
    ]
    if np.any(np.isfinite(found.low)):
        color = _look(0)["color"] if hues is None else MARK
        label = f"{100 * CONFIDENCE:.0f} % confidence"
        bar = Line2D([], [], color=color, marker="|", markersize=9, linestyle="", label=label)
        band = Patch(color=color, alpha=BAND, linewidth=0, label=label)
        entries.append(band if over.is_number else bar)
    return entries


def _draw_line(
    panel: Axes,
    over: Scale,
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    index: int,
    count: int,
) -> None:
    """One line with its band; words have error bars side by side, and no line between them."""
    look = _look(index)
    places = over.values
    if not over.is_number:
        places = np.arange(mean.size) + (index - (count - 1) / 2) * min(0.15, 0.7 / count)
        look["linestyle"] = ""
    panel.plot(places, mean, **look)
    known = np.isfinite(low) & np.isfinite(high)
    beside = np.append(False, known[:-1]) | np.append(known[1:], False)
    lonely = known & ~beside if over.is_number else known
    joined = known & ~lonely
    if np.any(joined):
        panel.fill_between(
            places, low, high, where=joined, color=look["color"], alpha=BAND, linewidth=0
        )
    if np.any(lonely):
        panel.errorbar(
            places[lonely],
            mean[lonely],
            [mean[lonely] - low[lonely], high[lonely] - mean[lonely]],
            color=look["color"],
            linestyle="",
            elinewidth=1.0,
            capsize=2.0,
        )


def _cross_out(panel: Axes, missing: np.ndarray) -> None:
    """Crosses in cells on grey: grey alone would pass for a shade in print."""
    panel.set_facecolor("0.9")
    strokes = [
        [(column - CROSS, row - side), (column + CROSS, row + side)]
        for row, column in np.argwhere(missing)
        for side in (CROSS, -CROSS)
    ]
    panel.add_collection(LineCollection(strokes, colors=MARK, linewidths=0.8), autolim=False)
