"""The activity of a sample over time, taken out of what `integrate` and solvers return."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Inexact, PyTree

from .styling import check_same_length, finite_array

Teaching = Callable[[Array], Array]
"""A teaching signal: its value at a time, as `osciprop.Oscillation` is one."""


@runtime_checkable
class Recorded(Protocol):
    """What holds activities over time, such as `osciprop.Trajectory`."""

    times: Array
    s: PyTree[Array]


@runtime_checkable
class Closed(Recorded, Protocol):
    """What holds one period of them, and the teaching signal: `osciprop.equilibria.Orbit`."""

    betas: Array


def activity_of(recorded: Recorded, population: int, sample: int) -> Inexact[np.ndarray, "t n"]:
    """The activities of one sample's units in one population, `(times, units)`."""
    leaves = jax.tree.leaves(recorded.s)
    if not -len(leaves) <= population < len(leaves):
        raise ValueError(f"population is {population}, but there are {len(leaves)}, from 0 on")
    activity = np.asarray(leaves[population])
    if not -activity.shape[1] <= sample < activity.shape[1]:
        raise ValueError(f"sample is {sample}, but there are {activity.shape[1]}, from 0 on")
    return activity[:, sample].reshape(activity.shape[0], -1)


def courses_of(
    given: Recorded | Inexact[ArrayLike, "times units"], population: int, sample: int
) -> Inexact[np.ndarray, "times units"]:
    """What was given as one column per unit, or taken out of a trajectory or an orbit."""
    if isinstance(given, Recorded):
        return activity_of(given, population, sample)
    return np.asarray(given)


def teaching_at(
    teaching: Teaching | ArrayLike | None,
    given: Recorded | Inexact[ArrayLike, "times units"],
    length: int,
) -> Complex[np.ndarray, " times"] | None:
    """A teaching signal's values at the times of an activity; an orbit knows its own."""
    if callable(teaching):
        if not isinstance(given, Recorded):
            raise ValueError("teaching is a function of time: give its values beside an array")
        return np.asarray(jax.vmap(teaching)(jnp.asarray(given.times)))
    if teaching is not None:
        beta = finite_array("teaching", teaching, 1)
        check_same_length("teaching", beta, "activity", length)
        return beta
    return np.asarray(given.betas) if isinstance(given, Closed) else None


def last_turn(
    recorded: Recorded, period: float | None, population: int, sample: int
) -> Inexact[np.ndarray, "t n"]:
    """The activities over the last whole turn of the teaching signal, at equally spaced times."""
    activity = activity_of(recorded, population, sample)
    if isinstance(recorded, Closed):
        return activity
    times = np.asarray(recorded.times, dtype=float)
    if period is None:
        raise ValueError("period is None: a trajectory has a spectrum over a turn of known length")
    steps = round(period / (times[-1] - times[-2])) if len(times) > 1 else 0
    turn = times[-steps - 1 :] if 0 < steps < len(times) else times
    even = len(turn) == steps + 1 and np.allclose(np.diff(turn), period / steps, rtol=1e-3)
    if not even:
        raise ValueError(
            f"the times do not divide their last {period:g} into equal steps: integrate with "
            "times=np.linspace(...) over whole turns of the teaching signal"
        )
    return activity[-steps:]


def harmonics(turn: Inexact[np.ndarray, "t n"]) -> tuple[np.ndarray, np.ndarray]:
    """Multiples of the teaching frequency, increasing, and the coefficients, `(orders, units)`."""
    points = turn.shape[0]
    orders = np.fft.fftshift(np.fft.fftfreq(points, 1 / points))
    return orders, np.fft.fftshift(np.fft.fft(turn, axis=0), axes=0) / points
