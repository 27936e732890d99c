"""Signals: inputs and targets that move, as functions of time.

Wherever an input is clamped it may be a signal instead, whose value at a time is a batch. Its
numbers are arrays, so that another signal of the same shape compiles nothing anew.
"""

import abc
from collections.abc import Callable
from typing import Any, TypeAlias

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..errors import check_callable
from ..settings import Module


class AbstractSignal(Module):
    """A batch of inputs, or of targets, at every time.

    Example:
        >>> class Tone(osciprop.networks.AbstractSignal):
        ...     frequency: jax.Array
        ...     def __call__(self, time):
        ...         return jnp.sin(self.frequency * time)[:, None]
        >>> Tone(jnp.asarray([0.5, 1.0]))(0.0).shape
        (2, 1)
    """

    @abc.abstractmethod
    def __call__(self, time: ArrayLike) -> Float[Array, "batch ..."]:
        """The value at a time, in units of time: one row per sample."""


class Interpolated(AbstractSignal):
    """Samples with their times, and an interpolation of Diffrax's between them.

    Args:
        path: Any Diffrax path, such as `diffrax.LinearInterpolation(times, values)` or
            `diffrax.CubicInterpolation(times, coefficients)`, whose values have axes (times,
            batch, ...). It goes on beyond its ends as Diffrax's does.

    Raises:
        TypeError: `path` is no path.

    Example:
        >>> times, values = jnp.asarray([0.0, 1.0]), jnp.asarray([[[0.0]], [[2.0]]])
        >>> path = diffrax.LinearInterpolation(times, values)
        >>> osciprop.networks.Interpolated(path)(0.25).tolist()
        [[0.5]]
    """

    path: diffrax.AbstractPath[Any]

    def __call__(self, time: ArrayLike) -> Float[Array, "batch ..."]:
        return self.path.evaluate(jnp.asarray(time, dtype=jnp.asarray(self.path.t0).dtype))


class FunctionOfTime(AbstractSignal):
    """A function of time, of JAX's operations.

    A plain function is compiled for each of its kind; an Equinox module with a `__call__`, whose
    arrays may change, is compiled once.

    Args:
        function: Called as `function(time)`; returns one row per sample.

    Raises:
        TypeError: it cannot be called.

    Example:
        >>> signal = osciprop.networks.FunctionOfTime(lambda time: jnp.cos(time) * jnp.ones((2, 3)))
        >>> signal(0.0).shape
        (2, 3)
    """

    function: Callable[[Array], Array]

    def __check_init__(self) -> None:
        check_callable("function", self.function, "function(time)")

    def __call__(self, time: ArrayLike) -> Float[Array, "batch ..."]:
        return self.function(jnp.asarray(time, dtype=float))


# What is clamped: a batch that stands still, or a signal.
Clamped: TypeAlias = Float[Array, "batch ..."] | AbstractSignal


class Later(AbstractSignal):
    """What a signal will be some time later; that of a drive too, which may be any pytree."""

    signal: AbstractSignal
    shift: Array | np.ndarray | np.generic

    def __call__(self, time: ArrayLike) -> Any:
        return self.signal(jnp.asarray(time, dtype=float) + jnp.asarray(self.shift, dtype=float))


class Readings(Module):
    """Values of a signal at the samples of a turn: what a learning rule gets where inputs move.

    Args:
        values: `(samples, batch, ...)`.

    Example:
        >>> osciprop.networks.Readings(jnp.ones((16, 10, 4))).mean().shape
        (10, 4)
    """

    values: Float[Array, "samples batch ..."]

    def mean(self) -> Float[Array, "batch ..."]:
        """The mean over the samples."""
        return jnp.mean(self.values, axis=0)


def value_at(value: Any, time: ArrayLike) -> Any:
    """What is clamped at a time: a signal's value then, and anything else as it is."""
    return value(time) if isinstance(value, AbstractSignal) else value


def later(value: Any, shift: ArrayLike) -> Any:
    """What is clamped some time later: a signal ahead by `shift`, and anything else as it is."""
    if not isinstance(value, AbstractSignal):
        return value
    return Later(value, jnp.asarray(shift, dtype=float))


def readings(value: Any, times: Float[Array, " samples"]) -> Any:
    """The `Readings` of a signal, and anything else as it is."""
    return Readings(jax.vmap(value)(times)) if isinstance(value, AbstractSignal) else value


def mean_reading(value: Any) -> Any:
    """The mean of `Readings`, and anything else as it is."""
    return value.mean() if isinstance(value, Readings) else value


def standing(value: Any) -> bool:
    """Whether a value stands still."""
    return not isinstance(value, AbstractSignal)


def require_standing(name: str, value: Any) -> None:
    """Raise `TypeError` for a signal, where only what stands still is taken."""
    if isinstance(value, AbstractSignal):
        raise TypeError(
            f"{name} is a signal ({type(value).__name__}), but what is asked for needs {name} at "
            f"rest: give its value at a time, such as {name}(0.0). Signals are taken by "
            "osciprop.integrate, by osciprop.simulate_learning, and by osciprop.estimate_gradient "
            "with osciprop.OscillatoryEP"
        )


def signal_shape(signal: AbstractSignal) -> jax.ShapeDtypeStruct:
    """Shape and type of a signal's values."""
    return jax.eval_shape(signal, jax.ShapeDtypeStruct((), jnp.zeros(()).dtype))
