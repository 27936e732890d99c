"""Inputs and targets on the grid of time: signals, sequences, or what stands still.

A sequence `(batch, times, ...)` of as many entries as the grid has points is read point by point;
one of fewer is held, each entry for as many steps as another.
"""

from typing import Any, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..signals import AbstractSignal
from .motions import AbstractMotion

Sequence: TypeAlias = Float[Array, "batch times ..."] | AbstractSignal
Goal: TypeAlias = Int[Array, " batch"] | Float[Array, "batch ..."] | AbstractSignal


def input_at(
    x: Sequence, motion: AbstractMotion, number: Array | int, after: ArrayLike = 0.0
) -> Array:
    """The input at a point of the grid, or a part of a step after it."""
    number = jnp.asarray(number)
    if isinstance(x, AbstractSignal):
        return x(motion.time(number.astype(float) + after))
    return jnp.take(x, entry(x.shape[1], motion.steps, number), axis=1)


def goal_at(y: Goal, motion: AbstractMotion, number: Array | int, after: ArrayLike = 0.0) -> Any:
    """The targets at a point of the grid, or a part of a step after it."""
    number = jnp.asarray(number)
    if isinstance(y, AbstractSignal):
        return y(motion.time(number.astype(float) + after))
    if y.ndim < 3:
        return y
    return jnp.take(y, entry(y.shape[1], motion.steps, number), axis=1)


def entry(times: int, steps: int, number: Array) -> Array:
    """Which entry of a sequence is clamped at a point of the grid."""
    if times == steps + 1:
        return number
    return jnp.minimum(number * times // steps, times - 1)


def check_times(name: str, times: int, motion: AbstractMotion) -> None:
    """Raise `ValueError` unless a sequence fits the grid."""
    steps = motion.steps
    if times != steps + 1 and (times < 1 or steps % times):
        raise ValueError(
            f"{name} holds {times} times, but the network's motion makes {steps} steps: give one "
            f"entry per point of the grid, {steps + 1}, or a number of entries that divides "
            f"{steps}, each of which is held for as many steps as another"
        )
