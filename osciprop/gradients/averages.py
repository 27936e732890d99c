"""How the estimates of successive periods are averaged: a plain mean, or one that forgets."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import check_positive
from ..settings import Module, Number, number


class AbstractLockIn(Module):
    """How the estimates of successive periods are averaged.

    Example:
        >>> float(osciprop.gradients.Cumulative().memory())
        1.0
    """

    @abc.abstractmethod
    def memory(self) -> Float[Array, ""]:
        """The factor by which an older period counts less than the next; 1 forgets nothing."""


class Cumulative(AbstractLockIn):
    """The plain mean of all measured periods (the authors' convention).

    Example:
        >>> float(osciprop.gradients.Cumulative().memory())
        1.0
    """

    def memory(self) -> Float[Array, ""]:
        return jnp.ones((), dtype=float)


class Leaky(AbstractLockIn):
    """An exponentially forgetting mean, as a synapse could keep it online.

    The mean is normalised by the sum of its weights, so it does not start out biased to zero.

    Args:
        time_constant: Of the forgetting, in periods, above 0.

    Raises:
        ValueError: `time_constant` is not positive.

    Example:
        >>> round(float(osciprop.gradients.Leaky(1.0).memory()), 3)
        0.368
    """

    time_constant: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive(
            "time_constant", self.time_constant, "give the memory of the lock-in in periods"
        )

    def memory(self) -> Float[Array, ""]:
        return jnp.exp(-1 / self.time_constant)
