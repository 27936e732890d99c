"""Orbits and their spectra that move."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Complex, Inexact
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from .courses import Closed, Recorded, Teaching, courses_of, harmonics, teaching_at
from .styling import MARKERS, check_columns, cycle, finite_array, style

REACH = 1.15
"""Half the width of the plane, in units of the furthest activity."""

ORDERS, FLOOR = (-3, 5), 1e-6
"""The harmonics that are shown, and the smallest amplitude."""


def animate_orbit(
    activity: Inexact[ArrayLike, "points units"] | Recorded,
    *,
    turn: int | None = None,
    teaching: Complex[ArrayLike, " points"] | Teaching | None = None,
    rest: Inexact[ArrayLike, " units"] | None = None,
    population: int = -1,
    sample: int = 0,
    units: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    every: int = 1,
    interval: int = 60,
    figure: Figure | None = None,
) -> FuncAnimation:
    """Activities that move in the complex plane, beside the spectrum of the turn that was before.

    Save it with `animation.save("orbit.gif", writer="pillow")`; in a notebook,
    `IPython.display.HTML(animation.to_jshtml())` shows it.

    Args:
        activity: A `Trajectory` or an `Orbit`; or an array with one column per unit, `(times,
            units)`, dimensionless. Times are equally spaced.
        turn: Steps between stored times in a turn of the teaching signal; None for all of an
            `Orbit`, and otherwise for no spectrum.
        teaching: The signal `beta` at the same times, or `osciprop.Oscillation` beside a
            trajectory; an `Orbit` knows its own. Its phase is drawn as a hand. None for none.
        rest: The free activities of all units, `(units,)`, from which everything is measured; None
            for what there is at the start, or, of an orbit, for its mean.
        population: Of a trajectory or orbit, which; the last one is nearest to the output.
        sample: Of a trajectory or orbit, which.
        units: Columns to draw; None for the first seven.
        labels: Their names; None for their numbers.
        every: Stored times from one picture to the next.
        interval: Milliseconds from one picture to the next.
        figure: An empty figure to draw into; None for a new one.

    Returns:
        The animation. Keep it in a variable until it is saved: Matplotlib forgets it otherwise.

    Raises:
        ValueError: values are not finite, or shapes and units do not fit.

    Example:
        >>> signal = osciprop.Oscillation(0.1, 50.0)
        >>> orbit = osciprop.equilibria.settled_orbit(network, x, y, signal)
        >>> moving = osciprop.plotting.animate_orbit(orbit, units=[0, 1], every=4)
        >>> moving.save("orbit.gif", writer="pillow")
    """
    columns, names = check_columns(courses_of(activity, population, sample), units, labels)
    beta = teaching_at(teaching, activity, columns.shape[0])
    closed = isinstance(activity, Closed)
    if rest is None:
        columns = columns - (columns.mean(axis=0) if closed else columns[0])
    else:
        free = finite_array("rest", rest, 1)[None]
        columns = columns - check_columns(free, units, labels)[0]
    if every < 1 or (turn is not None and turn < 2):
        raise ValueError(f"every is {every}, turn {turn}: give 1 or more, and 2 or more")
    if closed:
        turn = turn or columns.shape[0]
        # A period before it, so that every picture has a turn behind it.
        columns = np.concatenate([columns, columns, columns[:1]])
    if beta is not None:
        beta = np.take(beta, np.arange(columns.shape[0]), mode="wrap")
    with style():
        figure = figure or plt.figure(figsize=(6.8, 3.2), dpi=96, layout="none")
        scene = _Scene(figure, columns, beta, turn, names)
    first = columns.shape[0] // 2 if closed else 0
    # The last state of a closed orbit is its first, which the next round shows.
    last = columns.shape[0] - int(closed)
    return FuncAnimation(figure, scene.show, range(first, last, every), interval=interval)


class _Scene:
    """What is drawn once, and what a picture changes in it."""

    def __init__(
        self,
        figure: Figure,
        columns: Inexact[np.ndarray, "t n"],
        beta: Complex[np.ndarray, " t"] | None,
        turn: int | None,
        names: Sequence[str],
    ):
        self.columns, self.beta, self.turn = columns, beta, turn
        plane = figure.add_subplot(1, 1 if turn is None else 2, 1)
        figure.subplots_adjust(left=0.12, right=0.99, bottom=0.15, top=0.92, wspace=0.28)
        self.reach = REACH * max(float(np.abs(columns).max()), 1e-12)
        limits = (-self.reach, self.reach)
        plane.set(xlim=limits, ylim=limits, aspect="equal", adjustable="box")
        plane.set(xlabel="Re activity, from rest", ylabel="Im activity, from rest")
        self.title = plane.set_title(" ")
        colors = cycle()
        self.hand = plane.plot([], [], "-o", color="0.7", markersize=5, markevery=[-1], lw=1)[0]
        self.past, self.ways, self.heads, self.stems, self.tops = [], [], [], [], []
        for index, name in enumerate(names):
            color = colors[index % len(colors)]
            marker = MARKERS[index % len(MARKERS)]
            self.past += plane.plot([], [], "-", alpha=0.25, color=color)
            self.ways += plane.plot([], [], "-", color=color)
            self.heads += plane.plot([], [], marker, markersize=6, label=name, color=color)
        if turn is not None:
            spectrum = figure.add_subplot(1, 2, 2)
            low, high = ORDERS
            spectrum.set(xlim=(low - 0.6, high + 0.6), xticks=range(low, high + 1))
            spectrum.set(yscale="log", ylim=(FLOOR * self.reach, 3 * self.reach))
            spectrum.set(xlabel="multiple of the teaching frequency")
            spectrum.set(ylabel="amplitude over the last turn", title="spectrum")
            for index in range(len(names)):
                color = colors[index % len(colors)]
                marker = MARKERS[index % len(MARKERS)]
                self.stems += [spectrum.vlines([], [], [], lw=2, color=color)]
                self.tops += spectrum.plot([], [], marker, markersize=4, color=color)
        plane.legend(loc="upper right", fontsize="small", handletextpad=0.3)

    def show(self, now: int) -> list[Artist]:
        """Change the picture to that of a stored time."""
        turn = self.columns.shape[0] if self.turn is None else self.turn
        so_far, last = self.columns[: now + 1], self.columns[max(now - turn, 0) : now + 1]
        for index, (past, way, head) in enumerate(
            zip(self.past, self.ways, self.heads, strict=True)
        ):
            past.set_data(so_far[:, index].real, so_far[:, index].imag)
            way.set_data(last[:, index].real, last[:, index].imag)
            head.set_data(last[-1:, index].real, last[-1:, index].imag)
        if self.beta is not None:
            phase = self.reach / REACH * np.exp(1j * np.angle(self.beta[now]))
            self.hand.set_data([0, phase.real], [0, phase.imag])
        if self.turn is not None:
            self.title.set_text(f"turn {now / self.turn:.1f} of the teaching signal")
            if now >= self.turn:
                self._show_spectrum(self.columns[now - self.turn + 1 : now + 1], now)
        return [*self.past, *self.ways, *self.heads, self.hand, self.title, *self.tops]

    def _show_spectrum(self, turn: Inexact[np.ndarray, "t n"], now: int) -> None:
        orders, coefficients = harmonics(turn)
        shown = (orders >= ORDERS[0]) & (orders <= ORDERS[1])
        sizes = np.maximum(np.abs(coefficients[shown]), 1e-300)
        count = len(self.tops)
        for index, (stem, top) in enumerate(zip(self.stems, self.tops, strict=True)):
            places = orders[shown] + 0.2 * (index - (count - 1) / 2) * min(1, 3 / count)
            low = np.full_like(places, FLOOR * self.reach)
            feet, heads = (np.stack([places, height], 1) for height in (low, sizes[:, index]))
            stem.set_segments(list(np.stack([feet, heads], axis=1)))
            top.set_data(places, sizes[:, index])
