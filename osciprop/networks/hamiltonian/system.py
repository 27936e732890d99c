"""The contract of a network that moves: positions and momenta, and the energy of both.

`dq/dt = dT/dp`, `dp/dt = -dV/dq - friction p`, with a kinetic energy `T(p)` that is even and a
potential `V(q, x(t))` that the input moves. Time reversal, `p -> -p`, maps trajectories without
friction to trajectories: what echoes rest on.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ...settings import Module
from ..complexity import is_complex
from ..costs import Targets
from ..model import AbstractModel
from ..network import Scores, State
from ..trees import sample_sums
from .motions import AbstractMotion


class Phase(Module):
    """Points of phase space.

    Args:
        q: Positions, a pytree of arrays with a leading batch axis.
        p: Momenta, likewise.

    Example:
        >>> start = osciprop.networks.Phase(jnp.zeros((2, 3)), jnp.ones((2, 3)))
        >>> start.reversed().p.tolist()[0]
        [-1.0, -1.0, -1.0]
    """

    q: State
    p: State

    def reversed(self) -> "Phase":
        """The same positions, with momenta the other way."""
        return Phase(self.q, jax.tree.map(jnp.negative, self.p))


class AbstractHamiltonian(AbstractModel):
    """A network whose trajectories learn: Hamilton's equations, with a cost along the way.

    Subclasses have the field `motion`, and give `start`, `kinetic`, `potential`, `output`, and
    `running_cost` or `final_cost` or both. All but `start` must be written for complex states too.

    Example:
        >>> class Pendulum(osciprop.networks.AbstractHamiltonian):
        ...     stiffness: jax.Array
        ...     motion: osciprop.networks.Leapfrog = osciprop.networks.Leapfrog(5.0, 50)
        ...     def start(self, x):
        ...         return osciprop.networks.Phase(jnp.zeros_like(x), jnp.ones_like(x))
        ...     def kinetic(self, p):
        ...         return jnp.sum(p**2, axis=-1) / 2
        ...     def potential(self, q, x):
        ...         inputs = osciprop.networks.complex_like(x, q)
        ...         return jnp.sum(-self.stiffness * jnp.cos(q) - inputs * q, axis=-1)
        ...     def output(self, q):
        ...         return q
        ...     def final_cost(self, q, y):
        ...         return jnp.sum((q - osciprop.networks.complex_like(y, q)) ** 2, axis=-1) / 2
        >>> pendulum = Pendulum(jnp.asarray(1.0))
        >>> method = osciprop.gradients.HolomorphicEcho(0.1)
        >>> found = osciprop.estimate_gradient(
        ...     pendulum, np.zeros((1, 5, 1)), np.ones((1, 1)), method
        ... )
        >>> bool(found.converged)
        True
    """

    motion: eqx.AbstractVar[AbstractMotion]

    @abc.abstractmethod
    def start(self, x: Float[Array, "batch ..."]) -> Phase:
        """Where a trajectory begins, for a batch whose first input is `x`. It may hold parameters:
        what they change counts in the gradient.
        """

    @abc.abstractmethod
    def kinetic(self, p: State) -> Inexact[Array, " batch"]:
        """The kinetic energy of each sample, even in `p`."""

    @abc.abstractmethod
    def potential(self, q: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        """The potential energy of each sample under the input of the moment."""

    @abc.abstractmethod
    def output(self, q: State) -> Scores:
        """What the network answers: one row of scores per sample."""

    def running_cost(self, q: State, y: Targets) -> Inexact[Array, " batch"]:
        """The cost per unit of time, of each sample; targets are those of the moment."""
        return jnp.zeros_like(sample_sums(jax.tree.leaves(q)[0]))

    def costs_on_the_way(self) -> bool:
        """Whether there is a running cost."""
        return type(self).running_cost is not AbstractHamiltonian.running_cost

    def final_cost(self, q: State, y: Targets) -> Inexact[Array, " batch"]:
        """The cost at the end, of each sample."""
        return jnp.zeros_like(sample_sums(jax.tree.leaves(q)[0]))

    def friction(self) -> Float[Array, ""]:
        """The rate at which momenta are lost, per unit of time; 0 where energy is kept."""
        return jnp.zeros((), dtype=float)

    def trainable(self) -> PyTree[bool]:
        # The grid of time is what the network is, not what it learns.
        learned = jax.tree.map(eqx.is_inexact_array, self)
        still = jax.tree.map(lambda _: False, self.motion)
        return eqx.tree_at(lambda network: network.motion, learned, still)


def force(network: AbstractHamiltonian, q: State, x: Float[Array, "batch ..."]) -> State:
    """`-dV/dq` of each sample, holomorphic for complex positions."""

    def total(q: State) -> Array:
        return -jnp.sum(network.potential(q, x))

    return jax.grad(total, holomorphic=is_complex(q))(q)


def speed(network: AbstractHamiltonian, p: State) -> State:
    """`dT/dp` of each sample."""

    def total(p: State) -> Array:
        return jnp.sum(network.kinetic(p))

    return jax.grad(total, holomorphic=is_complex(p))(p)
