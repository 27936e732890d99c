"""Stochastic dynamical systems: what an `Integrator` needs to know to add noise to a motion."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from ..errors import check_key
from ..networks.network import AbstractNetwork, State
from ..networks.trees import scaled
from ..settings import Module
from .dynamics import Dynamics
from .noise import AbstractNoise, Wiener


class AbstractStochasticSystem(Module):
    """`dy = velocity(t, y) dt + kick(gain(t), dW)`, with noise that does not depend on `y`.

    `y` is any pytree of real and complex arrays. `kick` is linear in the gain and in `dW`, so that
    Diffrax's solvers for additive noise know all there is to know.
    """

    @abc.abstractmethod
    def velocity(self, time: ArrayLike, y: PyTree) -> PyTree:
        """The drift: time derivative of `y` without noise."""

    @abc.abstractmethod
    def wiener(self, y: PyTree) -> tuple[Wiener, ...]:
        """The sources of noise."""

    @abc.abstractmethod
    def gain(self, time: ArrayLike) -> PyTree[Array]:
        """What of the noise's strength depends on time."""

    @abc.abstractmethod
    def kick(self, gain: PyTree[Array], increments: tuple[PyTree[Array], ...], y: PyTree) -> PyTree:
        """What increments of each source add to a state shaped like `y`."""


class AbstractSilentSystem(Module):
    """`dy = velocity(t, y) dt`, without noise; `y` is any pytree of real and complex arrays."""

    @abc.abstractmethod
    def velocity(self, time: ArrayLike, y: PyTree) -> PyTree:
        """Time derivative of `y`."""


class SilentDynamics(AbstractSilentSystem):
    """A network's dynamics without noise, in the form of `NoisyDynamics`: `y` is `(u, None)`."""

    dynamics: Dynamics

    def begin(self, u: State, key: PRNGKeyArray | None) -> tuple[State, None]:
        """The network at `u`."""
        return u, None

    def velocity(self, time: ArrayLike, y: tuple[State, None]) -> tuple[State, None]:
        """Time derivative of the membrane potential, and nothing."""
        return self.dynamics.velocity(time, y[0]), None


class NoisyDynamics(AbstractStochasticSystem):
    """A network's dynamics with noise on its input currents: `y` is `(u, state of the noise)`.

    The neurons' velocity must be affine in the current, with a factor that does not depend on `u`.
    """

    dynamics: Dynamics
    noise: AbstractNoise

    def begin(self, u: State, key: PRNGKeyArray | None) -> tuple[State, PyTree]:
        """The network at `u`, with stationary noise. Raises `ValueError` without a key."""
        return u, self.noise.initial(u, key=require_key(key))

    def velocity(self, time: ArrayLike, y: tuple[State, PyTree]) -> tuple[State, PyTree]:
        u, own = y
        current = jax.tree.map(jnp.add, self.dynamics.current(time, u), self.noise.current(own, u))
        return self.dynamics.network.velocity(u, current), self.noise.velocity(own)

    def wiener(self, y: tuple[State, PyTree]) -> tuple[Wiener]:
        return (self.noise.wiener(y[0]),)

    def gain(self, time: ArrayLike) -> Float[Array, ""]:
        return jnp.ones((), dtype=jnp.result_type(time))

    def kick(
        self,
        gain: Float[Array, ""],
        increments: tuple[PyTree[Array], ...],
        y: tuple[State, PyTree],
    ) -> tuple[State, PyTree]:
        (currents,) = increments
        return scaled(gain, current_kick(self.dynamics.network, self.noise, currents, y[0]))


def with_noise(dynamics: Dynamics, noise: AbstractNoise | None) -> SilentDynamics | NoisyDynamics:
    """The dynamics with noise, if there is any."""
    return SilentDynamics(dynamics) if noise is None else NoisyDynamics(dynamics, noise)


def require_key(key: PRNGKeyArray | None, reason: str = "there is noise") -> PRNGKeyArray:
    """The key, or a `ValueError` that gives the reason why one is needed."""
    if key is None:
        raise ValueError(f"key is None, but {reason}: give a key, e.g. jax.random.key(0)")
    check_key("key", key)
    return key


def numbered_key(key: PRNGKeyArray | None, number: ArrayLike) -> PRNGKeyArray | None:
    """A key of its own for a numbered part of what a key is for; none where there is no noise."""
    return None if key is None else jax.random.fold_in(key, number)


def two_keys(key: PRNGKeyArray | None) -> tuple[PRNGKeyArray | None, PRNGKeyArray | None]:
    """A key of its own for each of two parts; none where there is no noise."""
    if key is None:
        return None, None
    first, second = jax.random.split(key)
    return first, second


def current_kick(
    network: AbstractNetwork, noise: AbstractNoise, increments: PyTree[Array], u: State
) -> tuple[State, PyTree]:
    """What increments of its Wiener processes add to `u` and to the noise's own state."""
    current, own = noise.kick(noise.place(increments, u))
    zeros = jax.tree.map(jnp.zeros_like, u)
    _, moved = jax.jvp(lambda inflow: network.velocity(zeros, inflow), (zeros,), (current,))
    return moved, own
