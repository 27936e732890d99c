"""Gradients from Hamiltonian echoes: exact at a finite nudge, and what limits them.

Two driven oscillators whose springs stiffen, the second of which is to follow a wave
(docs/time.md).

a   The relative error of the gradient, against backpropagation through the same leapfrog steps,
    over the size of the nudge: it falls as the first power for a nudge of one sign, as the second
    for two, and as the N-th for N points of a circle in the complex plane.
b   A driven oscillator with two wells, which is chaotic, started at random points: the radius of
    convergence of the circle shrinks with the length of the trajectory as distances grow, as
    `exp(-L T)` with the Lyapunov exponent L, which is measured by the tangent map beside it.
c   Friction: the error of an echo with friction as it is, with friction turned into its contrary,
    and with the weight `exp(friction t)` of the Lagrangian as well, which undoes it.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure

import osciprop
from osciprop.gradients import (
    AntiFriction,
    CentredEcho,
    FrictionStays,
    HolomorphicEcho,
    LagrangianWeight,
    OneSidedEcho,
    TrajectoryBPTT,
)
from osciprop.networks import AbstractSignal, Leapfrog, OscillatorNetwork

from .. import style
from ..claim import Claim, close
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "time/echoes"
TITLE = "Gradients from Hamiltonian echoes"
SOURCE = (
    "Echoes: arXiv 2506.05259. The circle of nudges, its limits and the cure of friction: ours."
)

SMALLEST, LARGEST = 1e-11, 0.05
"""Errors between which slopes are fitted."""


@dataclass(frozen=True)
class SettingsEchoes:
    amplitudes: tuple[float, ...]
    points: tuple[int, ...]
    durations: tuple[float, ...]
    """Of the chaotic oscillator, in units of time."""

    starts: int
    frictions: tuple[float, ...]
    precision: str = "float64"


FULL = SettingsEchoes(
    tuple(float(size) for size in np.geomspace(1e-3, 2.0, 14)),
    (2, 4, 8, 16),
    (4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0),
    12,
    tuple(float(size) for size in np.geomspace(1e-4, 0.3, 12)),
)
FAST = SettingsEchoes((0.03, 0.1, 0.3), (2, 4), (4.0, 8.0), 2, (0.001, 0.01))


class Wave(AbstractSignal):
    """A wave for one sample."""

    size: Array
    frequency: Array
    phase: Array

    def __call__(self, time: Any) -> Array:
        angle = self.frequency * jnp.asarray(time, dtype=float) - self.phase
        return (self.size * jnp.cos(angle))[None, None]


def wave(size: float, frequency: float, phase: float = 0.0) -> Wave:
    return Wave(*(jnp.asarray(value) for value in (size, frequency, phase)))


def two_oscillators(damping: float = 0.0) -> OscillatorNetwork:
    return OscillatorNetwork(
        pairs=jnp.asarray([[0.0, 0.6], [0.0, 0.0]]),
        stiffness=jnp.asarray([1.0, 1.5]),
        cubic=jnp.full(2, 0.4),
        mass=jnp.ones(2),
        input_weight=jnp.asarray([[0.8, 0.0]]),
        begin_q=jnp.asarray([0.3, -0.2]),
        begin_p=jnp.asarray([0.1, 0.4]),
        motion=Leapfrog(6.0, 60),
        outputs=(1,),
        running=osciprop.SquaredError(),
        damping=damping,
    )


def two_wells(duration: float, start: Array) -> OscillatorNetwork:
    """A chaotic oscillator, from a point of phase space."""
    return OscillatorNetwork(
        pairs=jnp.zeros((1, 1)),
        stiffness=-jnp.ones(1),
        cubic=jnp.ones(1),
        mass=jnp.ones(1),
        input_weight=jnp.full((1, 1), 0.5),
        begin_q=start[:1],
        begin_p=start[1:],
        motion=Leapfrog(duration, round(20 * duration)),
        outputs=(0,),
        final=osciprop.SquaredError(),
    )


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


DRIVE_OF, GOAL_OF = (1.0, 1.3), (0.5, 0.9, np.pi / 2)
POINTS = 64
"""Of the circle that measures a radius of convergence."""


def estimated(network: OscillatorNetwork, x: Any, y: Any, method: Any) -> Any:
    with warnings.catch_warnings():
        # That nudges are large is what the figure shows.
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        return osciprop.estimate_gradient(network, x, y, method, throw=False)


def radius(network: OscillatorNetwork, x: Any, y: Any, guess: float = 0.3) -> float:
    """The radius of convergence, from the decay of harmonics on a circle of about half of it;
    NaN where none is found.
    """
    low, high, found = 0.0, np.inf, np.nan
    for _ in range(20):
        one = estimated(network, x, y, HolomorphicEcho(guess, POINTS))
        told = one.diagnostics.radius_of_convergence() if bool(one.converged) else 0.0
        if 0.4 < guess / max(told, 1e-30) < 0.8:
            return told
        if 0 < told < np.inf:
            found = told
        # Too small a circle shows no harmonics, too large a one lies beyond the singularity.
        low, high = (guess, high) if told > guess else (low, guess)
        guess = 0.6 * told if 0 < told < np.inf else 3 * guess if told else guess / 3
        if not low < guess < high:
            guess = (
                3 * low if np.isinf(high) else high / 3 if low == 0 else float(np.sqrt(low * high))
            )
    return found


def growth(duration: float, start: Array) -> Array:
    """The largest factor by which the trajectory stretches a distance."""

    def end(start: Array) -> Array:
        found = osciprop.networks.passage(two_wells(duration, start), wave(1.0, 1.2)).end
        return jnp.concatenate([found.q[0], found.p[0]])

    return jnp.linalg.norm(jax.jacfwd(end)(start), ord=2)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    network = two_oscillators()
    drive, goal = wave(*DRIVE_OF), wave(*GOAL_OF)

    def error(network: OscillatorNetwork, method: Any, exact: Any) -> float:
        found = estimated(network, drive, goal, method)
        off = osciprop.relative_error(found.gradient, exact)
        return float(off) if bool(found.converged) else np.nan

    exact = osciprop.estimate_gradient(network, drive, goal, TrajectoryBPTT()).gradient
    methods: list[Callable[[float], Any]] = [OneSidedEcho, CentredEcho]
    methods += [partial(HolomorphicEcho, points=points) for points in chosen.points[1:]]
    errors = [
        [error(network, method(size), exact) for size in chosen.amplitudes] for method in methods
    ]

    starts = jax.random.uniform(
        jax.random.key(0), (chosen.starts, 2), dtype=float, minval=-1.0, maxval=1.0
    )
    pushed, still = wave(1.0, 1.2), np.zeros((1, 1))
    radii = [
        [radius(two_wells(time, start), pushed, still) for start in starts]
        for time in chosen.durations
    ]
    stretched = [[float(growth(time, start)) for start in starts] for time in chosen.durations]

    rubbed = []
    for friction in (FrictionStays(), AntiFriction(), LagrangianWeight()):
        row = []
        for rate in chosen.frictions:
            lossy = two_oscillators(rate)
            wanted = osciprop.estimate_gradient(lossy, drive, goal, TrajectoryBPTT()).gradient
            row.append(error(lossy, HolomorphicEcho(0.05, 4, friction=friction), wanted))
        rubbed.append(row)
    return {
        "amplitudes": np.asarray(chosen.amplitudes),
        "points": np.asarray((1, *chosen.points)),
        "errors": np.asarray(errors),
        "durations": np.asarray(chosen.durations),
        "radii": np.asarray(radii),
        "growth": np.asarray(stretched),
        "friction": np.asarray(chosen.frictions) * 6.0,
        "friction_errors": np.asarray(rubbed),
    }


def slope(sizes: np.ndarray, errors: np.ndarray) -> float:
    """The power by which errors rise, of those that are small and not round-off."""
    seen = np.isfinite(errors) & (errors > SMALLEST) & (errors < LARGEST)
    if np.count_nonzero(seen) < 2:
        return float("nan")
    return float(np.polyfit(np.log(sizes[seen]), np.log(errors[seen]), 1)[0])


def rate(times: np.ndarray, sizes: np.ndarray) -> float:
    """The exponent of growth in time of the geometric mean over starts."""
    return float(np.polyfit(times, np.nanmean(np.log(sizes), axis=1), 1)[0])


def claims(data: Data) -> list[Claim]:
    found = []
    for points, errors in zip(data["points"], data["errors"], strict=True):
        fitted = slope(data["amplitudes"], errors)
        if np.isfinite(fitted):
            text = f"N = {points}: the error of the gradient rises as the nudge to the power N"
            found.append(close(NAME, text, float(points), round(fitted, 2), 0.15))
    if len(data["durations"]) > 2:
        shrinks, grows = (
            rate(data["durations"], data["radii"]),
            rate(data["durations"], data["growth"]),
        )
        text = "two wells: rate at which log R falls with T, against the Lyapunov exponent"
        found.append(close(NAME, text, round(grows, 3), round(-shrinks, 3), 0.1))
    laws = ((0, "friction as it is", 1.0), (1, "friction turned round", 1.0))
    for row, what, power in laws:
        fitted = slope(data["friction"], data["friction_errors"][row])
        text = f"{what}: the error rises as friction times duration to the power 1"
        found.append(close(NAME, text, power, round(fitted, 2), 0.15))
    worst = float(np.nanmax(data["friction_errors"][2]))
    text = "with the Lagrangian's weight: largest error of the gradient"
    found.append(close(NAME, text, 0.0, worst, 1e-3))
    return found


LOOKS = (style.BLACK, style.BLUE, style.RED, style.GREEN, style.PURPLE, style.ORANGE)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.2, 3.4)
    first, second, third = figure.subplots(1, 3)
    for points, errors, look in zip(data["points"], data["errors"], LOOKS, strict=False):
        name = "one sign" if points == 1 else "two signs" if points == 2 else f"N = {points}"
        first.loglog(data["amplitudes"], errors, **look.both(), label=name)
    first.set_ylim(1e-13, 10)
    first.set_xlabel("size of the nudge")
    first.set_ylabel("relative error of the gradient")
    first.legend(fontsize=7, loc="upper left")
    style.panel_label(first, "a", "a finite nudge")

    times = data["durations"]
    for values, look, name in (
        (data["radii"], style.BLUE, "radius of convergence"),
        (1 / data["growth"], style.RED, "1 / growth of a distance"),
    ):
        second.semilogy(times, values, color=look.line()["color"], alpha=0.25, linewidth=0.7)
        mean = np.exp(np.nanmean(np.log(values), axis=1))
        second.semilogy(times, mean, **look.both(), label=name)
    second.set_xlabel("duration (units of time)")
    second.set_ylabel("radius, or inverse growth")
    second.legend(fontsize=7)
    style.panel_label(second, "b", "chaos")

    names = ("friction as it is", "turned round", "and weighed")
    for errors, look, name in zip(data["friction_errors"], LOOKS, names, strict=False):
        third.loglog(data["friction"], errors, **look.both(), label=name)
    third.set_xlabel("friction times duration")
    third.set_ylabel("relative error of the gradient")
    third.legend(fontsize=7)
    style.panel_label(third, "c", "friction")
    return figure
