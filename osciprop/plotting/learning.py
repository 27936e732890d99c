"""Plots of learning: what becomes of cosines, losses and accuracies."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from .styling import (
    MARKERS,
    Series,
    axes_for,
    check_same_length,
    cycle,
    finite_array,
    legend_entry,
    style,
)


def _cosine_label(value: float, _: int | None = None) -> str:
    """The cosine with so many nines: 0, 0.9, 0.99, 0.999, then 1 - 10^-4 and so on."""
    count = round(value)
    if count < 0 or abs(value - count) > 1e-6:
        return ""
    short = "0" if count == 0 else "0." + "9" * count
    return short if count < 4 else rf"$1-10^{{-{count}}}$"


def plot_cosine_curves(
    x: Series,
    distances: Mapping[str, Series],
    *,
    bands: Mapping[str, tuple[Series, Series]] | None = None,
    xlabel: str,
    log_x: bool = False,
    log_y: bool = True,
    floor: float = 1e-16,
    ax: Axes | None = None,
) -> Axes:
    """Cosines between gradients against any variable, from cosine distances `1 - cos`.

    Args:
        x: The variable, `(points,)`.
        distances: By label, values of `osciprop.cosine_distance`, which keeps the digits that
            `1 - cos` loses, each `(points,)`. NaN leaves a gap.
        bands: By some of the labels, lower and upper distances, drawn as a shade; None for none.
        xlabel: Label of the horizontal axis.
        log_x: Whether that axis is logarithmic.
        log_y: Whether the vertical scale counts nines.
        floor: With `log_y`, distances below this are drawn there.
        ax: Axes to draw into; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: data are empty, distances outside 0 ... 2, or lengths do not fit.

    Example:
        >>> ax = osciprop.plotting.plot_cosine_curves(
        ...     [2, 4, 8], {"holomorphic": [1e-1, 1e-3, 1e-7]}, xlabel="points"
        ... )
        >>> len(ax.lines)
        1
    """
    grid = finite_array("x", x, 1)
    if not distances:
        raise ValueError("distances is empty: give at least one labelled curve")
    if log_x and np.any(grid <= 0):
        raise ValueError("x holds values of 0 or below, which log_x=True cannot show")

    def height(name: str, values: Series) -> np.ndarray:
        array = np.asarray(values, dtype=float)
        check_same_length(name, np.atleast_1d(array), "x", grid.size)
        # NaN is not outside; rounding may leave a distance a little below 0.
        if np.any(array < -1e-6) or np.any(array > 2 + 1e-6):
            raise ValueError(f"{name} leaves 0 ... 2: give cosine distances 1 - cos, not cosines")
        return -np.log10(np.maximum(array, floor)) if log_y else 1 - array

    curves = {name: height(f"distances[{name!r}]", v) for name, v in distances.items()}
    shades = {
        name: [height(f"bands[{name!r}]", edge) for edge in edges]
        for name, edges in (bands or {}).items()
    }
    if unknown := set(shades) - set(curves):
        raise ValueError(f"bands holds {sorted(unknown)}, but distances only {sorted(curves)}")
    with style():
        ax = axes_for(ax)
        for index, (name, curve) in enumerate(curves.items()):
            (line,) = ax.plot(grid, curve, marker=MARKERS[index % len(MARKERS)], label=name)
            if name in shades:
                below, above = shades[name]
                ax.fill_between(grid, below, above, color=line.get_color(), alpha=0.2, linewidth=0)
        if log_x:
            ax.set_xscale("log")
        if log_y:
            ax.yaxis.set_major_locator(ticker.MaxNLocator(nbins=7, integer=True))
            ax.yaxis.set_major_formatter(ticker.FuncFormatter(_cosine_label))
            # Around at least one whole number of nines, so that there is a tick to read.
            low, high = ax.get_ylim()
            ax.set_ylim(min(low, np.floor(high) - 0.1), max(high, np.ceil(low) + 0.1))
        ax.set(xlabel=xlabel, ylabel="cosine with the true gradient")
        ax.legend()
    return ax


def plot_learning_curves(
    runs: Mapping[str, Mapping[str, Sequence[int | float]]],
    *,
    metrics: Sequence[str],
    x: str = "epoch",
    ylabel: str | None = None,
    log_y: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Learning curves of several runs: one colour per run, one line style per metric.

    Args:
        runs: By label, a history: lists of equal length by name, such as the `epochs` that
            `osciprop.fit` records. NaN leaves a gap.
        metrics: Names of the lists to draw.
        x: Name of the list to draw them against.
        ylabel: Label of the vertical axis, with its unit; None for the names of the metrics.
        log_y: Whether that axis is logarithmic.
        ax: Axes to draw into; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: data are empty, a history lacks a name, or lengths differ.

    Example:
        >>> history = {"epoch": [1, 2], "test_accuracy": [0.5, 0.7]}
        >>> ax = osciprop.plotting.plot_learning_curves({"run": history}, metrics=["test_accuracy"])
        >>> ax.get_xlabel()
        'epoch'
    """
    if isinstance(metrics, str):
        raise ValueError(f"metrics is {metrics!r}: give a list of names, [{metrics!r}]")
    if not runs or not metrics:
        raise ValueError("runs or metrics is empty: give at least one of each")
    for label, history in runs.items():
        if not isinstance(history, Mapping):
            raise ValueError(
                f"runs[{label!r}] is a {type(history).__name__}: give lists by name, such as the "
                "`epochs` or `steps` of what osciprop.fit returns"
            )
        for name in (x, *metrics):
            if name not in history:
                raise ValueError(f"runs[{label!r}] has no {name!r}, only {sorted(history)}")
            if len(history[name]) != len(history[x]) or not len(history[name]):
                lengths = f"{len(history[name])} entries and {x!r} has {len(history[x])}"
                raise ValueError(f"runs[{label!r}][{name!r}] has {lengths}: give one for each {x}")
    dashes = dict(zip(metrics, ("-", "--", ":", "-.") * len(metrics), strict=False))
    with style():
        ax = axes_for(ax)
        colors = cycle()
        for index, (label, history) in enumerate(runs.items()):
            # Curves that lie on each other are all seen.
            wider = 1 + (len(runs) - 1 - index) / max(len(runs) - 1, 1)
            for metric in metrics:
                ax.plot(
                    np.asarray(history[x], dtype=float),
                    np.asarray(history[metric], dtype=float),
                    color=colors[index % len(colors)],
                    linestyle=dashes[metric],
                    linewidth=wider * plt.rcParams["lines.linewidth"],
                    marker=MARKERS[index % len(MARKERS)],
                    markersize=wider * plt.rcParams["lines.markersize"],
                    label=label if metric == metrics[0] else None,
                )
        handles = ax.get_legend_handles_labels()[0]
        if len(metrics) > 1:
            for metric, line in dashes.items():
                handles.append(legend_entry(metric, linestyle=line))
        ax.legend(handles=handles)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        if log_y:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
            ax.yaxis.set_minor_formatter(ticker.NullFormatter())
        ax.set(xlabel=x, ylabel=", ".join(metrics) if ylabel is None else ylabel)
    return ax
