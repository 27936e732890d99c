"""Plots of oscillations: orbits, spectra, time courses."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import ArrayLike, Complex, Inexact
from matplotlib.axes import Axes

from .courses import (
    Closed,
    Recorded,
    Teaching,
    activity_of,
    courses_of,
    harmonics,
    last_turn,
    teaching_at,
)
from .styling import (
    MARK,
    MARKERS,
    PALE,
    Series,
    axes_for,
    check_columns,
    check_same_length,
    cycle,
    finite_array,
    legend_entry,
    style,
)


def plot_orbit(
    activity: Inexact[ArrayLike, "points units"] | Recorded,
    *,
    teaching: Complex[ArrayLike, " points"] | Teaching | None = None,
    population: int = -1,
    sample: int = 0,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Orbits of complex activities in the plane.

    Arrows show the direction of time. Dots mark the quarter turns of the teaching signal.

    Args:
        activity: A `Trajectory` or an `Orbit`; or an array with one column per unit, `(times,
            units)`, dimensionless, often relative to the free activity.
        teaching: The signal `beta` at the same times, or `osciprop.Oscillation` beside a
            trajectory; an `Orbit` knows its own. A star marks where its phase is 0 (the nudge is
            real and positive) and small dots the other quarter turns. None: a star marks the start.
        population: Of a trajectory or orbit, which; the last one is nearest to the output.
        sample: Of a trajectory or orbit, which.
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
    columns, names = check_columns(courses_of(activity, population, sample), units, labels)
    beta = teaching_at(teaching, activity, columns.shape[0])
    if isinstance(activity, Closed):
        columns = np.concatenate([columns, columns[:1]])
    times = columns.shape[0]
    if beta is None:
        quarters, phases = [0], ["start"]
    else:
        turns = np.exp(-0.5j * np.pi * np.arange(4))
        quarters = [int(np.argmin(np.abs(np.angle(beta * turn)))) for turn in turns]
        phases = ["teaching phase 0", "quarter turns"]
    with style():
        ax = axes_for(ax)
        colors = cycle()
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
            handles.append(legend_entry(phase, linestyle="", marker=mark, markersize=size))
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.set_aspect("equal", adjustable="datalim")
        ax.set(xlabel="Re activity (dimensionless)", ylabel="Im activity (dimensionless)")
    return ax


def plot_spectrum(
    frequencies: Series | Recorded,
    amplitudes: Mapping[str, Series] | None = None,
    *,
    period: float | None = None,
    population: int = -1,
    sample: int = 0,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    teaching_frequency: float | None = None,
    frequency_unit: str = "1 / time unit",
    floor: float = 1e-12,
    ax: Axes | None = None,
) -> Axes:
    """Amplitude spectra on a logarithmic scale, with the teaching frequency marked.

    For a `Spectrum` of an equilibrium, a trajectory or an orbit the frequencies are the orders of
    the harmonics, and the teaching signal has 1.

    Args:
        frequencies: An `Orbit`, or a `Trajectory`, of whose last turn the spectrum is; or the
            frequencies of coefficients, `(frequencies,)`. Some may be negative: a complex signal
            tells the directions of rotation apart.
        amplitudes: Sizes of Fourier coefficients by label, each `(frequencies,)`; None beside a
            trajectory or orbit.
        period: Of the teaching signal, where a trajectory is given, whose times divide it equally.
        population: Of a trajectory or orbit, which; the last one is nearest to the output.
        sample: Of a trajectory or orbit, which.
        units: Of a trajectory or orbit, which; None for the first seven.
        labels: Their names; None for their numbers.
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
    if isinstance(frequencies, Recorded):
        turn = last_turn(frequencies, period, population, sample)
        columns, names = check_columns(turn, units, labels)
        frequencies, coefficients = harmonics(columns)
        amplitudes = dict(zip(names, np.abs(coefficients).T, strict=True))
        teaching_frequency, frequency_unit = 1.0, "multiples of the teaching signal's"
    grid = finite_array("frequencies", frequencies, 1)
    if not amplitudes:
        raise ValueError("amplitudes is empty: give at least one labelled spectrum")
    curves = {name: finite_array(f"amplitudes[{name!r}]", v, 1) for name, v in amplitudes.items()}
    for name, curve in curves.items():
        check_same_length(f"amplitudes[{name!r}]", curve, "frequencies", grid.size)
        if np.iscomplexobj(curve) or np.any(curve < 0):
            raise ValueError(f"amplitudes[{name!r}] is complex or negative: give absolute values")
    peak = max(float(curve.max()) for curve in curves.values())
    if peak == 0 or not floor > 0:
        raise ValueError(f"the amplitudes are all 0, or floor={floor} is: a log scale needs more")
    order = np.argsort(grid)
    with style():
        ax = axes_for(ax)
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
    times: Series | Recorded,
    activity: Inexact[ArrayLike, "points units"] | None = None,
    *,
    population: int = -1,
    sample: int = 0,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    period: float | None = None,
    time_unit: str = "time units",
    ax: Axes | None = None,
) -> Axes:
    """Real (solid) and imaginary (dashed) part of activities over time.

    Args:
        times: A `Trajectory` or an `Orbit`; or times that increase, `(times,)`.
        activity: One column per unit, `(times, units)`, real or complex, dimensionless; None beside
            a trajectory or orbit.
        population: Of a trajectory or orbit, which; the last one is nearest to the output.
        sample: Of a trajectory or orbit, which.
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
    if isinstance(times, Recorded):
        activity = activity_of(times, population, sample)
        times = np.asarray(times.times)
    elif activity is None:
        raise ValueError("activity is None: give one column per unit beside the times")
    grid = finite_array("times", times, 1)
    columns, names = check_columns(activity, units, labels)
    check_same_length("times", grid, "activity", columns.shape[0])
    if np.any(np.diff(grid) <= 0):
        raise ValueError("times does not increase: sort them, and the activity with them")
    if period is not None and not 0 < period < np.inf:
        raise ValueError(f"period must be a finite number above 0, got {period}")
    with style():
        ax = axes_for(ax)
        colors = cycle()
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
                handles.append(legend_entry(part, linestyle=dashes))
        if period is not None:
            handles.append(legend_entry("teaching phase 0", PALE, linewidth=0.8))
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.set(xlabel=f"time ({time_unit})", ylabel="activity (dimensionless)")
    return ax
