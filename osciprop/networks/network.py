"""What a network is to every other part of osciprop.

`AbstractNetwork` is the whole contract: any Equinox module with these few methods works with every
function. A state is a pytree of arrays with a leading batch axis; `u` is the membrane potential,
`s` the activity. All of it must be written for complex states too (see `check_holomorphic`).
"""

import abc
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import ReciprocityError
from .complexity import is_complex
from .costs import Targets
from .model import AbstractModel
from .trees import largest_change

State: TypeAlias = PyTree[Inexact[Array, "batch ..."]]
# States with an axis of their own, times or contour points, before the batch.
States: TypeAlias = PyTree[Inexact[Array, "points batch ..."]]
Scores: TypeAlias = Inexact[Array, "batch outputs"]


class AbstractNetwork(AbstractModel):
    """A network of neurons as every dynamics and gradient method sees it.

    The free dynamics are `tau du/dt = current(s) - u` with `s = activity(u)`. Subclasses give
    `rest`, `activity`, `current`, `cost` and `output`; `phi` too if the network has an energy.

    Example:
        >>> class Relay(osciprop.AbstractNetwork):
        ...     def rest(self, x):
        ...         return jnp.zeros_like(x)
        ...     def activity(self, u):
        ...         return u
        ...     def current(self, s, drive):
        ...         return drive - 0.5 * s
        ...     def cost(self, s, y):
        ...         return jnp.sum((s - y) ** 2, axis=-1)
        ...     def output(self, s):
        ...         return s
        >>> osciprop.relax(Relay(), np.full((1, 2), 3.0)).s.round(6).tolist()
        [[2.0, 2.0]]
    """

    @abc.abstractmethod
    def rest(self, x: Float[Array, "batch ..."]) -> State:
        """The real membrane potentials from which a simulation starts, for the batch of `x`."""

    @abc.abstractmethod
    def activity(self, u: State) -> State:
        """The activity that a membrane potential shows."""

    @abc.abstractmethod
    def current(self, s: State, drive: PyTree) -> State:
        """The input current of every neuron, given all activities and the `drive` of the input."""

    def transposed(self, s: State, drive: PyTree, v: State) -> State:
        """`(d current / d s)^T v` at activity `s`, per sample: a transpose, never Hermitian."""
        _, pull = jax.vjp(lambda activity: self.current(activity, drive), s)
        return pull(v)[0]

    @abc.abstractmethod
    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        """The cost of each sample, readout included."""

    @abc.abstractmethod
    def output(self, s: State) -> Scores:
        """What the network answers: one row of scores per sample."""

    def drive(self, x: Float[Array, "batch ..."]) -> PyTree:
        """All that depends on the clamped input alone, computed once per batch."""
        return x

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        """A scalar per sample whose derivative by `s` is `current`."""
        require_energy(self)
        raise NotImplementedError(f"{type(self).__name__} says that it has a phi, but gives none")

    def phi_about(
        self, center: State, s: State, x: Float[Array, "batch ..."]
    ) -> Inexact[Array, " batch"]:
        """`phi(s, x)`, written so that its derivative by the weights keeps its digits in contrasts
        of states that differ little from a real `center`.
        """
        return self.phi(s, x)

    def energy_obstacle(self) -> str:
        """Why the network has no `phi` to contrast; empty if it has one."""
        if type(self).phi is not AbstractNetwork.phi:
            return ""
        return "its class defines no `phi(s, x)` with current = d phi / d s"

    def output_obstacle(self) -> str:
        """Why the outputs cannot be clamped; empty where `output` is the activity of some units as
        it is, each of them once.
        """
        return (
            "its class does not say that its `output` is the activity of some units as it is. If "
            "so, define `output_obstacle(self)` to return an empty string"
        )

    def error(self, response: State) -> State:
        """The error signals that the response `ds/dbeta` of a network with an energy tells: the
        response itself, except for hidden variables of which `phi` does not know.
        """
        return response

    def adjoint(self, response: State) -> State:
        """The adjoint state that the response `ds/dbeta` of a network with an energy tells: the
        response itself, unless the network follows its energy in a metric (`has_metric`).
        """
        return response

    def has_metric(self) -> bool:
        """Whether the Jacobian is symmetric in another metric only, which `adjoint` knows."""
        return False

    def phi_is_reduced(self) -> bool:
        """Whether `phi` knows hidden variables at their equilibrium alone, so that its derivative
        by the activity is not `current`, which moves them.
        """
        return False

    def velocity(self, u: State, current: State) -> State:
        """Time derivative of the membrane potential; it must vanish where `current` equals `u`."""
        return jax.tree.map(lambda potential, inflow: inflow - potential, u, current)

    def change(self, before: State, after: State) -> Float[Array, " batch"]:
        """Per sample, how far two activities lie apart, in the measure of tolerances.

        The largest difference, relative to the largest activity of a population where that is above
        1: a state that moves on at a steady rate comes to rest in this measure. One that may, as
        phases do, needs another.
        """
        return largest_change(before, after)

    def slowest(self) -> Float[Array, ""]:
        """The longest time constant, in units of time."""
        return jnp.asarray(1.0, dtype=float)

    def sweeps_tell_stability(self) -> bool:
        """Whether sweeps of all populations in turn contract only where the ODE is stable too.

        So it is where the Jacobian is symmetric, activities rise with their potentials, and each
        potential follows its own current. Elsewhere an excitation that inhibition is late to meet
        grows, although sweeps, which are never late, contract.
        """
        return False

    @property
    def relaxation(self) -> object | None:
        """How the network comes to equilibrium where a call names no relaxation: an instance of
        `osciprop.equilibria.AbstractRelaxation`, or None for `osciprop.Settling()`.
        """
        return None

    def is_holomorphic(self) -> bool:
        """Whether activity, current and cost are holomorphic (a promise, checked by tests)."""
        return True


def require_energy(network: AbstractNetwork) -> None:
    """Raise `ReciprocityError` unless the network has an energy."""
    obstacle = network.energy_obstacle()
    if obstacle:
        raise ReciprocityError(
            f"this {type(network).__name__} has no energy, so methods that contrast one do not "
            f"apply: {obstacle}. Methods for any network are osciprop.AsymmetricEP, DyadicEP, "
            "OscillatoryAEP and Implicit, which are exact, and VectorFieldEP and "
            "OscillatoryEP(rule=osciprop.ErrorSignals()), which are exact where the Jacobian is "
            "symmetric. To contrast all the same, wrap it in osciprop.AssumedReciprocal(network)"
        )


def require_outputs_of_units(network: AbstractNetwork) -> None:
    """Raise `TypeError` unless the network's outputs are activities that can be clamped."""
    obstacle = network.output_obstacle()
    if obstacle:
        raise TypeError(
            f"the outputs of this {type(network).__name__} cannot be clamped to targets: {obstacle}"
        )


def current_from_phi(network: AbstractNetwork, s: State, x: Float[Array, "batch ..."]) -> State:
    """`d phi / d s`, holomorphic for complex `s`: the current of any network with a `phi`.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        s: Activities, a pytree of arrays with a leading batch axis.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.

    Returns:
        `d phi / d s`, like `s`.

    Example:
        >>> free = osciprop.relax(network, x)
        >>> current = osciprop.networks.current_from_phi(network, free.s, jnp.asarray(x))
        >>> bool(jnp.allclose(current[0], free.u[0], atol=1e-6))
        True
    """

    def total(activity: State) -> Inexact[Array, ""]:
        return jnp.sum(network.phi(activity, x))

    return jax.grad(total, holomorphic=is_complex(s))(s)


class AbstractEnergyNetwork(AbstractNetwork):
    """A network that is given by its `phi` alone: `current` follows by differentiation.

    Subclasses write `rest`, `activity`, `phi`, `cost` and `output`.

    Example:
        >>> class Pairs(osciprop.AbstractEnergyNetwork):
        ...     coupling: jax.Array
        ...     def rest(self, x):
        ...         return jnp.zeros_like(x)
        ...     def activity(self, u):
        ...         return jnp.tanh(u)
        ...     def phi(self, s, x):
        ...         inputs = osciprop.networks.complex_like(x, s)
        ...         product = osciprop.networks.matmul(s, self.coupling)
        ...         return jnp.sum(s * (product + inputs), axis=-1)
        ...     def cost(self, s, y):
        ...         return jnp.sum((s - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)
        ...     def output(self, s):
        ...         return s
        >>> own = Pairs(0.1 * jnp.ones((4, 4)))
        >>> bool(osciprop.relax(own, x).converged.all())
        True
    """

    @abc.abstractmethod
    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        """A scalar per sample, holomorphic in `s`; `E = self-terms - phi` is the energy."""

    def current(self, s: State, drive: PyTree) -> State:
        return current_from_phi(self, s, drive)
