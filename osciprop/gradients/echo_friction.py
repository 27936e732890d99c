"""How an echo meets friction, which time reversal turns into its contrary."""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks.hamiltonian.motions import AbstractMotion
from ..settings import Module


class AbstractEchoFriction(Module):
    """What becomes of a network's friction in its echo.

    Example:
        >>> osciprop.gradients.HolomorphicEcho(0.1).friction
        LagrangianWeight()
    """

    @abc.abstractmethod
    def growth(self, rate: Float[Array, ""]) -> Float[Array, ""]:
        """The rate at which momenta grow in the echo of a network that loses them at `rate`."""

    @abc.abstractmethod
    def weight(self, rate: Float[Array, ""], left: Float[Array, ""]) -> Float[Array, ""]:
        """What the rule weighs at a time with so much `left` to the end; the nudge is divided by
        it.
        """

    @abc.abstractmethod
    def bias(self, rate: Float[Array, ""], motion: AbstractMotion) -> Float[Array, ""]:
        """The relative error to expect of the gradient: a measured law (docs/time.md)."""


class FrictionStays(AbstractEchoFriction):
    """The echo loses momentum as the network did: physical, and biased.

    Example:
        >>> float(osciprop.gradients.FrictionStays().growth(jnp.asarray(0.1)))
        -0.1
    """

    def growth(self, rate: Float[Array, ""]) -> Float[Array, ""]:
        return -rate

    def weight(self, rate: Float[Array, ""], left: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(left)

    def bias(self, rate: Float[Array, ""], motion: AbstractMotion) -> Float[Array, ""]:
        return rate * jnp.asarray(motion.duration, dtype=rate.dtype)


class AntiFriction(AbstractEchoFriction):
    """The echo gains momentum as the network lost it: it retraces its way, and is biased still, as
    its response grows where the adjoint state does not.

    Example:
        >>> float(osciprop.gradients.AntiFriction().growth(jnp.asarray(0.1)))
        0.1
    """

    def growth(self, rate: Float[Array, ""]) -> Float[Array, ""]:
        return rate

    def weight(self, rate: Float[Array, ""], left: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(left)

    def bias(self, rate: Float[Array, ""], motion: AbstractMotion) -> Float[Array, ""]:
        return rate * jnp.asarray(motion.duration, dtype=rate.dtype) / 2


class LagrangianWeight(AbstractEchoFriction):
    """The echo gains momentum, and the rule weighs by `exp(friction t)`, as the Lagrangian of a
    network with friction does, `exp(friction t) (T - V)`: exact, at the price that noise in the
    echo grows by `exp(friction duration)`.

    Source: docs/time.md.

    Example:
        >>> friction = osciprop.gradients.LagrangianWeight()
        >>> round(float(friction.weight(jnp.asarray(0.1), jnp.asarray(10.0))), 3)
        0.368
    """

    def growth(self, rate: Float[Array, ""]) -> Float[Array, ""]:
        return rate

    def weight(self, rate: Float[Array, ""], left: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(-rate * left)

    def bias(self, rate: Float[Array, ""], motion: AbstractMotion) -> Float[Array, ""]:
        return jnp.zeros_like(rate)
