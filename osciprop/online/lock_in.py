"""Lock-in demodulation: from an oscillating activity to its mean and its error signal.

Under `beta = r exp(i omega t)` the activity is `s0 + r e exp(i omega t) + ...`. Its mean is the
activity of the free network (mean-value theorem), its first harmonic over r the error signal
`e = ds/dbeta`. `LockInFilter` follows both causally, with low-pass filters that live inside a
simulation; `demodulate` reads them off a stored trajectory.
"""

from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float, Inexact

from ..dynamics.teaching import Oscillation
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import State
from ..networks.trees import scaled
from ..settings import Module, Number, number

Stages: TypeAlias = tuple[State, ...]


class Demodulated(Module):
    """The state of the filters: complex activities, one per stage; the last stage is the output."""

    means: Stages
    errors: Stages


class LockInFilter(Module):
    """Two chains of `order` leaky integrators for every neuron, one for the mean activity and one
    for the demodulated error signal; each stage forgets over `time_constant` periods.

    The mean is taken off the activity before it is multiplied by `exp(-i omega t) / r`, so that the
    free activity, much larger than the response, does not leak through; what this takes from the
    response itself is known and put back, so that a settled error signal is exact but for the
    ripple of higher harmonics. A higher order suppresses that ripple and the noise far from the
    teaching frequency more steeply, and answers later.

    Args:
        time_constant: Of each stage, in periods, above 0.
        order: Number of stages.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> osciprop.LockInFilter(time_constant=0.5, order=1).order
        1
    """

    time_constant: Number = eqx.field(default=0.5, converter=number)
    order: int = eqx.field(default=2, static=True)

    def __check_init__(self) -> None:
        check_positive("time_constant", self.time_constant, "give the memory of a stage in periods")
        check_at_least("order", self.order, 1, "1 is a leaky integrator")

    def begin(self, s: State) -> Demodulated:
        """Filters that have seen `s` at rest for long: its mean, and no response."""
        s = to_complex(s)
        zeros = jax.tree.map(jnp.zeros_like, s)
        return Demodulated((s,) * self.order, (zeros,) * self.order)

    def rate(self, teaching: Oscillation) -> Float[Array, ""]:
        """Of each stage, per unit of time."""
        return jnp.asarray(1 / (self.time_constant * teaching.period))

    def carrier(self, time: ArrayLike, teaching: Oscillation) -> Complex[Array, ""]:
        """What multiplies an activity, less its mean, to give the error signal."""
        time = jnp.asarray(time)
        beta = Oscillation(teaching.amplitude, teaching.period)(time)
        amplitude = teaching.amplitude.astype(time.dtype)
        # The share of the first harmonic that the mean's filters let through.
        gain = (1 / jax.lax.complex(jnp.ones(()), 2 * np.pi * self.time_constant)) ** self.order
        return beta.conj() / (amplitude**2).astype(beta.dtype) / (1 - gain).astype(beta.dtype)

    def velocity(
        self, time: ArrayLike, s: State, filters: Demodulated, teaching: Oscillation
    ) -> Demodulated:
        """Time derivative of the filters' state while the activity is `s`."""
        rate = self.rate(teaching).astype(real_dtype(s))
        carrier = self.carrier(time, teaching)
        response = jax.tree.map(
            lambda activity, mean: carrier.astype(activity.dtype) * (activity - mean),
            s,
            filters.means[-1],
        )
        return Demodulated(_chain(rate, s, filters.means), _chain(rate, response, filters.errors))

    def kick(self, gain: tuple[Array, Array], reading: State, teaching: Oscillation) -> Demodulated:
        """What noise in the readings, integrated over a step, adds to the filters' first stages.

        `gain` is 1 and the carrier; the result is linear in it.
        """
        first = scaled(self.rate(teaching), reading)
        zeros = (jax.tree.map(jnp.zeros_like, reading),) * (self.order - 1)
        mean, error = (scaled(factor, first) for factor in gain)
        return Demodulated((mean, *zeros), (error, *zeros))

    def mean(self, filters: Demodulated) -> State:
        """The free activity, as far as the filters know it: real, (batch, units)."""
        return jax.tree.map(jnp.real, filters.means[-1])

    def error(self, filters: Demodulated) -> State:
        """The error signal `ds/dbeta` of each neuron: real, (batch, units)."""
        return jax.tree.map(jnp.real, filters.errors[-1])


def _chain(rate: Float[Array, ""], signal: State, stages: Stages) -> Stages:
    """Velocities of leaky integrators, each fed by the one before."""
    inputs = (signal, *stages[:-1])
    return tuple(
        scaled(rate, jax.tree.map(lambda a, b: a - b, fed, stage))
        for fed, stage in zip(inputs, stages, strict=True)
    )


def demodulate(
    times: ArrayLike, s: Inexact[ArrayLike, "times ..."], teaching: Oscillation
) -> tuple[Inexact[Array, "..."], Complex[Array, "..."]]:
    """Mean and error signal of a stored activity, over a window of whole periods.

    A window of 1.25 periods would have an error of more than half.

    Args:
        times: `(times,)`, equally spaced, over whole periods: the last is one spacing before the
            end of the window.
        s: Activities with axes (times, ...).
        teaching: The teaching signal.

    Returns:
        Mean activity and error signal, with the axes of `s` but the first.

    Raises:
        ValueError: the times hold no whole number of periods.

    Example:
        >>> signal = osciprop.Oscillation(0.1, 10.0)
        >>> times = jnp.linspace(0.0, 10.0, 11)[:-1]
        >>> turn = 2 * jnp.pi * times / 10.0
        >>> s = 2.0 + 0.3 * jax.lax.complex(jnp.cos(turn), jnp.sin(turn))
        >>> mean, error = osciprop.online.demodulate(times, s, signal)
        >>> bool(jnp.allclose(mean, 2.0)), bool(jnp.allclose(error, 3.0))
        (True, True)
    """
    at, values = jnp.asarray(times), jnp.asarray(s)
    if at.ndim != 1 or at.size < 4 or values.shape[:1] != at.shape:
        raise ValueError(
            f"times has shape {at.shape} and s {values.shape}: give at least four times, and one "
            "row of s for each"
        )
    spacing = np.diff(np.asarray(at, dtype=float))
    if spacing.min() <= 0 or np.ptp(spacing) > 1e-3 * spacing.mean():
        raise ValueError("times are not equally spaced: sample the trajectory at equal steps")
    periods = spacing.mean() * at.size / float(teaching.period)
    if round(periods) < 1 or abs(periods - round(periods)) > 1e-3 * periods:
        raise ValueError(
            f"times span {periods:.4g} periods (number of times x spacing / period), but only "
            "whole periods separate the harmonics: choose the window accordingly"
        )
    turns = np.asarray(at, dtype=float) / float(teaching.period)
    factors = np.exp(-2j * np.pi * turns) / (at.size * float(teaching.amplitude))
    carrier = jnp.asarray(factors, dtype=jax.lax.complex(values.real, values.real).dtype)
    error = jnp.tensordot(carrier, to_complex(values), axes=1)
    return jnp.mean(values, axis=0), error
