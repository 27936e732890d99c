"""Inputs and targets that may move, made to fit the network, or an error that says why not."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .costs import Targets
from .network import AbstractNetwork
from .preparation import prepare, prepare_pair
from .signals import AbstractSignal, signal_shape


class Cast(AbstractSignal):
    """A signal in the precision of a network."""

    signal: AbstractSignal
    dtype: np.dtype[Any] = eqx.field(static=True)

    def __call__(self, time: ArrayLike) -> Float[Array, "batch ..."]:
        value = self.signal(jnp.asarray(time, dtype=float))
        return jnp.asarray(value, dtype=self.dtype)


def prepare_moving(
    network: AbstractNetwork,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal | None,
    time: ArrayLike,
) -> tuple[Any, Any]:
    """Like `prepare`, for whatever takes signals too: these are looked at where they begin.

    Raises what `prepare` does, and `TypeError` or `ValueError` for a signal that JAX cannot follow
    or that gives labels.
    """
    first = prepare(network, _begin("x", x, time), _begin("y", y, time))
    return _whole(x, y, *first)


def prepare_moving_pair(
    network: AbstractNetwork,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal,
    time: ArrayLike,
) -> tuple[Any, Any]:
    """Like `prepare_moving`, for whatever cannot do without targets."""
    first = prepare_pair(network, _begin("x", x, time), _begin("y", y, time))
    return _whole(x, y, *first)


def _begin(name: str, value: Any, time: ArrayLike) -> Any:
    """A signal's first value, and anything else as it is."""
    if not isinstance(value, AbstractSignal):
        return value
    kind = type(value).__name__
    try:
        shape = signal_shape(value)
    except Exception as error:  # the user's own function: whatever it raises
        cause = (str(error) or type(error).__name__).splitlines()[0]
        raise TypeError(
            f"{name} is a signal ({kind}) whose value at a time JAX cannot follow ({cause}): write "
            "it in operations of jax.numpy, of a time that is an array"
        ) from error
    if not isinstance(shape, jax.ShapeDtypeStruct):
        raise TypeError(
            f"{name} is a signal ({kind}) whose value at a time is a {type(shape).__name__}: give "
            "one array, with one row per sample"
        )
    return value(jnp.asarray(time, dtype=float))


def _whole(x: Any, y: Any, first: Array, target: Targets | None) -> tuple[Any, Any]:
    """Signals in the network's precision, and what stands still as it was prepared."""
    if isinstance(y, AbstractSignal):
        assert target is not None
        given = signal_shape(y)
        if given.shape != target.shape or np.ndim(target) != 2:
            raise ValueError(
                f"y is a signal ({type(y).__name__}) of values of shape {given.shape} and type "
                f"{given.dtype}: give rows of numbers, (batch, outputs), such as "
                "jax.nn.one_hot(labels, outputs)"
            )
    return (
        Cast(x, first.dtype) if isinstance(x, AbstractSignal) else first,
        Cast(y, first.dtype) if isinstance(y, AbstractSignal) else target,
    )
