"""Networks around a network: its own interface, with more dynamics or another reading of it.

An extension is a network, so that everything that relaxes, integrates, adds noise or teaches works
on it. Its parameters are those of the network inside: `gradient.network` is that network's own.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from .costs import Targets
from .joined import Network
from .network import AbstractNetwork, Scores, State


class AbstractExtension(AbstractNetwork):
    """A network around `network`: by itself it changes nothing.

    Example:
        >>> issubclass(osciprop.AssumedReciprocal, osciprop.networks.AbstractExtension)
        True
    """

    network: eqx.AbstractVar[AbstractNetwork]

    def rest(self, x: Float[Array, "batch ..."]) -> State:
        return self.network.rest(x)

    def activity(self, u: State) -> State:
        return self.network.activity(u)

    def drive(self, x: Float[Array, "batch ..."]) -> PyTree:
        return self.network.drive(x)

    def current(self, s: State, drive: PyTree) -> State:
        return self.network.current(s, drive)

    def output_obstacle(self) -> str:
        return self.network.output_obstacle()

    def error(self, response: State) -> State:
        return self.network.error(response)

    def adjoint(self, response: State) -> State:
        return self.network.adjoint(response)

    def has_metric(self) -> bool:
        return self.network.has_metric()

    def phi_is_reduced(self) -> bool:
        return self.network.phi_is_reduced()

    def velocity(self, u: State, current: State) -> State:
        return self.network.velocity(u, current)

    def change(self, before: State, after: State) -> Float[Array, " batch"]:
        return self.network.change(before, after)

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return self.network.cost(s, y)

    def output(self, s: State) -> Scores:
        return self.network.output(s)

    def slowest(self) -> Float[Array, ""]:
        return self.network.slowest()

    @property
    def relaxation(self) -> object | None:
        return self.network.relaxation

    def is_holomorphic(self) -> bool:
        return self.network.is_holomorphic()

    def check_input(self, x: Array) -> None:
        self.network.check_input(x)

    def trainable(self) -> PyTree[bool]:
        frozen = jax.tree.map(lambda _: False, self)
        return eqx.tree_at(lambda tree: tree.network, frozen, self.network.trainable())


class AbstractDoubled(AbstractExtension):
    """A network whose neurons have a second compartment: states are pairs (first, second).

    The first holds the potential and activity of the network inside; input, target and cost are
    its own.

    Example:
        >>> issubclass(osciprop.dynamics.FreeCompanion, osciprop.networks.AbstractDoubled)
        True
    """

    @property
    def relaxation(self) -> None:
        """None: what the network inside names need not know pairs."""

    @abc.abstractmethod
    def around(self, u: State) -> tuple[State, State]:
        """The potentials of both compartments from those of the first."""

    def rest(self, x: Float[Array, "batch ..."]) -> tuple[State, State]:
        return self.around(self.network.rest(x))

    def activity(self, u: tuple[State, State]) -> tuple[State, State]:
        return self.network.activity(u[0]), self.network.activity(u[1])

    @abc.abstractmethod
    def current(self, s: tuple[State, State], drive: PyTree) -> tuple[State, State]:
        """The input currents of both compartments."""

    def velocity(self, u: tuple[State, State], current: tuple[State, State]) -> tuple[State, State]:
        return (
            self.network.velocity(u[0], current[0]),
            self.network.velocity(u[1], current[1]),
        )

    def error(self, response: tuple[State, State]) -> tuple[State, State]:
        return self.network.error(response[0]), self.network.error(response[1])

    def change(
        self, before: tuple[State, State], after: tuple[State, State]
    ) -> Float[Array, " batch"]:
        changes = map(self.network.change, before, after)
        return jnp.maximum(*changes)

    def cost(self, s: tuple[State, State], y: Targets) -> Inexact[Array, " batch"]:
        return self.network.cost(s[0], y)

    def output(self, s: tuple[State, State]) -> Scores:
        return self.network.output(s[0])


class AssumedReciprocal(AbstractExtension):
    """A network taken for reciprocal by methods that contrast an energy, although it is not.

    Each directed synapse then learns from the contrast of the product of its two activities, the
    rule of classic equilibrium propagation. The gradient is wrong as far as the Jacobian is not
    symmetric: a control for the methods that are made for such networks.

    Args:
        network: The network of populations and synapses.

    Example:
        >>> import warnings
        >>> wrapped = osciprop.AssumedReciprocal(directed)
        >>> with warnings.catch_warnings(action="ignore"):
        ...     found = osciprop.estimate_gradient(wrapped, x, y, osciprop.CentredEP())
        >>> bool(found.accuracy.error > 0.1)  # forced, and far from the gradient
        True
    """

    network: Network

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        return self.network.products(s, x)
