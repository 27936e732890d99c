"""Plots of oscillations and of learning, in one style.

Every function takes `ax=None`, draws into it (or into a new figure) and returns the axes. None
shows or saves anything, or changes Matplotlib's global settings.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Complex, Inexact, Real
from matplotlib import ticker
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


def _axes(ax: Axes | None) -> Axes:
    """The axes to draw into: new ones, or given ones with the style's colours."""
    if ax is None:
        return plt.subplots()[1]
    if not ax.lines:
        ax.set_prop_cycle(plt.rcParams["axes.prop_cycle"])
    return ax


def _array(name: str, values: ArrayLike | Sequence[int | float], dimensions: int) -> np.ndarray:
    """Finite values as a NumPy array of so many dimensions, or a `ValueError`."""
    array = np.asarray(values)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: give a filled {dimensions}-d array")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds NaN or infinity: leave these entries out")
    return array


def _same_length(name: str, array: np.ndarray, other: str, length: int) -> None:
    if array.shape[0] != length:
        raise ValueError(
            f"{name} has length {array.shape[0]} but {other} has {length}: give one per entry"
        )


def _columns(
    activity: ArrayLike, units: Sequence[int] | None, labels: Sequence[str] | None
) -> tuple[np.ndarray, list[str]]:
    """The chosen columns of `(times, units)`, at most as many as there are colours, and names."""
    array = _array("activity", activity, 2)
    chosen = list(range(min(array.shape[1], len(MARKERS)))) if units is None else list(units)
    if unknown := [unit for unit in chosen if not 0 <= unit < array.shape[1]]:
        raise ValueError(f"units holds {unknown}, but activity has {array.shape[1]}, from 0 on")
    names = [f"unit {unit}" for unit in chosen] if labels is None else list(labels)
    if len(names) != len(chosen):
        raise ValueError(f"labels has {len(names)} entries for {len(chosen)} units: give one each")
    return array[:, chosen], names


def _entry(label: str, color: str = MARK, **line: Any) -> Line2D:
    """An entry of a legend that explains a mark or a line style."""
    return Line2D([], [], color=color, label=label, **line)


def _colors() -> list[str]:
    return plt.rcParams["axes.prop_cycle"].by_key()["color"]


def plot_orbit(
    activity: Inexact[ArrayLike, "points units"],
    *,
    teaching: Complex[ArrayLike, " points"] | None = None,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Orbits of complex activities in the plane.

    Arrows show the direction of time. Dots mark the quarter turns of the teaching signal.

    Args:
        activity: One column per unit, `(times, units)`, dimensionless; often relative to the free
            activity.
        teaching: The signal `beta` at the same times: a star marks where its phase is 0 (the nudge
            is real and positive) and small dots the other quarter turns. None: a star marks the
            start.
        units: Columns to draw; None for the first seven.
        labels: Their names; None for their numbers.
        ax: Axes to draw into; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: values are not finite, or shapes and units do not fit.

    Example:
        >>> turn = np.exp(2j * np.pi * np.linspace(0, 1, 20))
        >>> osciprop.plotting.plot_orbit(turn[:, None], teaching=turn).get_xlabel()
        'Re activity (dimensionless)'
    """
    columns, names = _columns(activity, units, labels)
    times = columns.shape[0]
    if teaching is None:
        quarters, phases = [0], ["start"]
    else:
        beta = _array("teaching", teaching, 1)
        _same_length("teaching", beta, "activity", times)
        turns = np.exp(-0.5j * np.pi * np.arange(4))
        quarters = [int(np.argmin(np.abs(np.angle(beta * turn)))) for turn in turns]
        phases = ["teaching phase 0", "quarter turns"]
    with style():
        ax = _axes(ax)
        colors = _colors()
        for index, (orbit, name) in enumerate(zip(columns.T, names, strict=True)):
            color = colors[index % len(colors)]
            ax.plot(orbit.real, orbit.imag, color=color, label=name)
            for start in range(times // 8, times - 1, max(times // 2, 1)):
                here, there = orbit[start : start + 2]
                ax.annotate(
                    "",
                    xy=(there.real, there.imag),
                    xytext=(here.real, here.imag),
                    arrowprops={"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0},
                )
            star, dots = orbit[quarters[:1]], orbit[quarters[1:]]
            ax.plot(dots.real, dots.imag, "o", color=color, markersize=3.5)
            ax.plot(star.real, star.imag, "*", color=color, markersize=10, markeredgecolor="w")
        handles = ax.get_legend_handles_labels()[0]
        for mark, size, phase in zip("*o", (10, 3.5), phases, strict=False):
            handles.append(_entry(phase, linestyle="", marker=mark, markersize=size))
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.set_aspect("equal", adjustable="datalim")
        ax.set(xlabel="Re activity (dimensionless)", ylabel="Im activity (dimensionless)")
    return ax


def plot_spectrum(
    frequencies: Series,
    amplitudes: Mapping[str, Series],
    *,
    teaching_frequency: float | None = None,
    frequency_unit: str = "1 / time unit",
    floor: float = 1e-12,
    ax: Axes | None = None,
) -> Axes:
    """Amplitude spectra on a logarithmic scale, with the teaching frequency marked.

    For a `Spectrum` of an equilibrium the frequencies are the orders of the harmonics and
    `teaching_frequency` is 1.

    Args:
        frequencies: Of the coefficients, `(frequencies,)`. Some may be negative: a complex signal
            tells the directions of rotation apart.
        amplitudes: Sizes of Fourier coefficients by label, each `(frequencies,)`.
        teaching_frequency: Where to mark the teaching signal; None for nowhere.
        frequency_unit: For the label of the axis.
        floor: What is below this multiple of the largest amplitude is drawn there.
        ax: Axes to draw into; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: data are empty, negative or infinite, or lengths do not fit.

    Example:
        >>> ax = osciprop.plotting.plot_spectrum([-1, 0, 1], {"one neuron": [1e-6, 1.0, 0.1]})
        >>> ax.get_ylabel(), ax.get_yscale()
        ('amplitude (dimensionless)', 'log')
    """
    grid = _array("frequencies", frequencies, 1)
    if not amplitudes:
        raise ValueError("amplitudes is empty: give at least one labelled spectrum")
    curves = {name: _array(f"amplitudes[{name!r}]", v, 1) for name, v in amplitudes.items()}
    for name, curve in curves.items():
        _same_length(f"amplitudes[{name!r}]", curve, "frequencies", grid.size)
        if np.iscomplexobj(curve) or np.any(curve < 0):
            raise ValueError(f"amplitudes[{name!r}] is complex or negative: give absolute values")
    peak = max(float(curve.max()) for curve in curves.values())
    if peak == 0 or not floor > 0:
        raise ValueError(f"the amplitudes are all 0, or floor={floor} is: a log scale needs more")
    order = np.argsort(grid)
    with style():
        ax = _axes(ax)
        if teaching_frequency is not None:
            ax.axvline(teaching_frequency, color=MARK, linewidth=0.9, label="teaching signal")
        for index, (name, curve) in enumerate(curves.items()):
            heights = np.maximum(curve[order], floor * peak)
            ax.plot(grid[order], heights, marker=MARKERS[index % len(MARKERS)], label=name)
        ax.set_yscale("log")
        ax.set(xlabel=f"frequency ({frequency_unit})", ylabel="amplitude (dimensionless)")
        ax.legend()
    return ax


def plot_time_course(
    times: Series,
    activity: Inexact[ArrayLike, "points units"],
    *,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    period: float | None = None,
    time_unit: str = "time units",
    ax: Axes | None = None,
) -> Axes:
    """Real (solid) and imaginary (dashed) part of activities over time.

    Args:
        times: Increasing, `(times,)`.
        activity: One column per unit, `(times, units)`, real or complex, dimensionless.
        units: Columns to draw; None for the first seven.
        labels: Their names; None for their numbers.
        period: Of the teaching signal, in units of time: a line at each new turn. None for no line.
        time_unit: For the label of the axis.
        ax: Axes to draw into; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: values are not finite, times do not increase, or shapes and units do not fit.

    Example:
        >>> ax = osciprop.plotting.plot_time_course([0.0, 1.0], np.zeros((2, 2)), time_unit="ms")
        >>> ax.get_xlabel(), len(ax.lines)
        ('time (ms)', 2)
    """
    grid = _array("times", times, 1)
    columns, names = _columns(activity, units, labels)
    _same_length("times", grid, "activity", columns.shape[0])
    if np.any(np.diff(grid) <= 0):
        raise ValueError("times does not increase: sort them, and the activity with them")
    if period is not None and not 0 < period < np.inf:
        raise ValueError(f"period must be a finite number above 0, got {period}")
    with style():
        ax = _axes(ax)
        colors = _colors()
        if period is not None:
            first, last = np.ceil(grid[0] / period), np.floor(grid[-1] / period)
            for turn in np.arange(first, last + 1) * period:
                ax.axvline(turn, color=PALE, linewidth=0.8, linestyle="-")
        for index, (course, name) in enumerate(zip(columns.T, names, strict=True)):
            color = colors[index % len(colors)]
            ax.plot(grid, course.real, color=color, linestyle="-", label=name)
            if np.iscomplexobj(course):
                ax.plot(grid, course.imag, color=color, linestyle="--")
        handles = ax.get_legend_handles_labels()[0]
        if np.iscomplexobj(columns):
            for part, dashes in (("real part", "-"), ("imaginary part", "--")):
                handles.append(_entry(part, linestyle=dashes))
        if period is not None:
            handles.append(_entry("teaching phase 0", PALE, linewidth=0.8))
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.set(xlabel=f"time ({time_unit})", ylabel="activity (dimensionless)")
    return ax


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
    grid = _array("x", x, 1)
    if not distances:
        raise ValueError("distances is empty: give at least one labelled curve")
    if log_x and np.any(grid <= 0):
        raise ValueError("x holds values of 0 or below, which log_x=True cannot show")

    def height(name: str, values: Series) -> np.ndarray:
        array = np.asarray(values, dtype=float)
        _same_length(name, np.atleast_1d(array), "x", grid.size)
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
        ax = _axes(ax)
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
    if not runs or not metrics:
        raise ValueError("runs or metrics is empty: give at least one of each")
    for label, history in runs.items():
        for name in (x, *metrics):
            if name not in history:
                raise ValueError(f"runs[{label!r}] has no {name!r}, only {sorted(history)}")
            if len(history[name]) != len(history[x]) or not len(history[name]):
                lengths = f"{len(history[name])} entries and {x!r} has {len(history[x])}"
                raise ValueError(f"runs[{label!r}][{name!r}] has {lengths}: give one for each {x}")
    dashes = dict(zip(metrics, ("-", "--", ":", "-.") * len(metrics), strict=False))
    with style():
        ax = _axes(ax)
        colors = _colors()
        for index, (label, history) in enumerate(runs.items()):
            for metric in metrics:
                ax.plot(
                    np.asarray(history[x], dtype=float),
                    np.asarray(history[metric], dtype=float),
                    color=colors[index % len(colors)],
                    linestyle=dashes[metric],
                    marker=MARKERS[index % len(MARKERS)],
                    label=label if metric == metrics[0] else None,
                )
        handles = ax.get_legend_handles_labels()[0]
        if len(metrics) > 1:
            for metric, line in dashes.items():
                handles.append(_entry(metric, linestyle=line))
        ax.legend(handles=handles)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        if log_y:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
            ax.yaxis.set_minor_formatter(ticker.NullFormatter())
        ax.set(xlabel=x, ylabel=", ".join(metrics) if ylabel is None else ylabel)
    return ax
