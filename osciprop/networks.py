"""What a network is to every other part of osciprop, and the network of populations and synapses.

`AbstractNetwork` is the whole contract: any Equinox module with these few methods works with every
function. A state is a pytree of arrays with a leading batch axis; `u` is the membrane potential,
`s` the activity. All of it must be written for complex states too (see `check_holomorphic`).
"""

import abc
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from .complexity import is_complex, like
from .costs import AbstractCost, Targets
from .errors import ReciprocityError, check_finite
from .neurons import AbstractNeuron
from .synapses import INPUT, AbstractReciprocalSynapse, AbstractSynapse, Directed

State: TypeAlias = PyTree[Inexact[Array, "batch ..."]]
# States with an axis of their own, times or contour points, before the batch.
States: TypeAlias = PyTree[Inexact[Array, "points batch ..."]]
Scores: TypeAlias = Inexact[Array, "batch outputs"]


class AbstractNetwork(eqx.Module):
    """A network of neurons as every dynamics and gradient method sees it.

    The free dynamics are `tau du/dt = current(s) - u` with `s = activity(u)`. Subclasses give
    `rest`, `activity`, `current`, `cost` and `output`; `phi` too if the network has an energy.
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
        """A scalar per sample whose derivative by `s` is `current` (DESIGN: Phi)."""
        require_energy(self)
        raise NotImplementedError(f"{type(self).__name__} says that it has a phi, but gives none")

    def energy_obstacle(self) -> str:
        """Why the network has no `phi` to contrast; empty if it has one."""
        if type(self).phi is not AbstractNetwork.phi:
            return ""
        return "its class defines no `phi(s, x)` with current = d phi / d s"

    def velocity(self, u: State, current: State) -> State:
        """Time derivative of the membrane potential; it must vanish where `current` equals `u`."""
        return jax.tree.map(lambda potential, inflow: inflow - potential, u, current)

    def slowest(self) -> Float[Array, ""]:
        """The longest time constant, in units of time."""
        return jnp.asarray(1.0, dtype=float)

    def is_holomorphic(self) -> bool:
        """Whether activity, current and cost are holomorphic (a promise, checked by tests)."""
        return True

    def check_input(self, x: Array) -> None:
        """Raise `ValueError` if the input does not fit the network."""
        check_finite("x", x, "remove or impute these values before they reach the network")

    def trainable(self) -> PyTree[bool]:
        """A pytree like the network: which leaves `osciprop.fit` changes (floating arrays)."""
        return jax.tree.map(eqx.is_inexact_array, self)


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


def current_from_phi(network: AbstractNetwork, s: State, x: Float[Array, "batch ..."]) -> State:
    """`d phi / d s`, holomorphic for complex `s`: the current of any network with a `phi`."""

    def total(activity: State) -> Inexact[Array, ""]:
        return jnp.sum(network.phi(activity, x))

    return jax.grad(total, holomorphic=is_complex(s))(s)


class AbstractEnergyNetwork(AbstractNetwork):
    """A network that is given by its `phi` alone: `current` follows by differentiation.

    Subclasses write `rest`, `activity`, `phi`, `cost` and `output`.
    """

    @abc.abstractmethod
    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        """A scalar per sample, holomorphic in `s`; `E = self-terms - phi` is the energy."""

    def current(self, s: State, drive: PyTree) -> State:
        return current_from_phi(self, s, drive)


class Population(eqx.Module):
    """Neurons of one kind with their bias currents."""

    neuron: AbstractNeuron
    bias: Float[Array, " units"]

    @property
    def size(self) -> int:
        return self.bias.shape[0]


class Network(AbstractNetwork):
    """Populations joined by dense synapses, with a cost on the last population.

    States are tuples with one array `(batch, units)` per population. The network has a `phi`, and
    so works with every method, if each synapse is reciprocal or comes from the clamped input.
    """

    populations: tuple[Population, ...]
    synapses: tuple[AbstractSynapse, ...]
    readout: AbstractCost

    def __check_init__(self) -> None:
        count = len(self.populations)
        for index, synapse in enumerate(self.synapses):
            for name, place in (("source", synapse.source), ("target", synapse.target)):
                lowest = INPUT if name == "source" else 0
                if not lowest <= place < count:
                    raise ValueError(
                        f"synapses[{index}].{name} is {place}, but the network has {count} "
                        f"populations: use 0 ... {count - 1}, or INPUT as a source"
                    )
            if synapse.source == INPUT and isinstance(synapse, AbstractReciprocalSynapse):
                raise ValueError(
                    f"synapses[{index}] is reciprocal but comes from the clamped input, which "
                    "receives no feedback: use Directed"
                )
        if not any(synapse.source == INPUT for synapse in self.synapses):
            raise ValueError("no synapse comes from INPUT: the network would not see its input")

    def rest(self, x: Float[Array, "batch features"]) -> State:
        return tuple(
            jnp.zeros((x.shape[0], population.size), dtype=population.bias.dtype)
            for population in self.populations
        )

    def activity(self, u: State) -> State:
        return tuple(
            population.neuron.activation(potential)
            for population, potential in zip(self.populations, u, strict=True)
        )

    def drive(self, x: Float[Array, "batch features"]) -> State:
        currents = [
            jnp.broadcast_to(population.bias, (x.shape[0], population.size))
            for population in self.populations
        ]
        for synapse in self.synapses:
            if synapse.source == INPUT:
                currents[synapse.target] = currents[synapse.target] + synapse.forward(x)
        return tuple(currents)

    def current(self, s: State, drive: State) -> State:
        currents = [like(inflow, s) for inflow in drive]
        for synapse in self.synapses:
            if synapse.source == INPUT:
                continue
            pre, post = synapse.source, synapse.target
            currents[post] = currents[post] + synapse.forward(s[pre])
            if isinstance(synapse, AbstractReciprocalSynapse):
                currents[pre] = currents[pre] + synapse.backward(s[post])
        return tuple(currents)

    def velocity(self, u: State, current: State) -> State:
        return tuple(
            population.neuron.velocity(potential, inflow)
            for population, potential, inflow in zip(self.populations, u, current, strict=True)
        )

    def phi(self, s: State, x: Float[Array, "batch features"]) -> Inexact[Array, " batch"]:
        require_energy(self)
        return self.products(s, x)

    def energy_obstacle(self) -> str:
        for index, synapse in enumerate(self.synapses):
            if synapse.source != INPUT and not isinstance(synapse, AbstractReciprocalSynapse):
                return (
                    f"synapses[{index}], from population {synapse.source} to {synapse.target}, is "
                    "directed, and only a Reciprocal one carries both ways alike"
                )
        return ""

    def products(self, s: State, x: Float[Array, "batch features"]) -> Inexact[Array, " batch"]:
        """What every synapse and bias carries to a neuron, times that neuron's activity, summed:
        `phi` of a network whose synapses are reciprocal."""
        total = jnp.zeros_like(s[0][:, 0])
        for population, activity in zip(self.populations, s, strict=True):
            total = total + jnp.sum(like(population.bias, s) * activity, axis=-1)
        for synapse in self.synapses:
            pre = x if synapse.source == INPUT else s[synapse.source]
            total = total + jnp.sum(like(synapse.forward(pre), s) * s[synapse.target], axis=-1)
        return total

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(s[-1], y)

    def output(self, s: State) -> Scores:
        return self.readout.output(s[-1])

    def slowest(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([population.neuron.slowest() for population in self.populations]))

    def is_holomorphic(self) -> bool:
        return all(population.neuron.activation.holomorphic for population in self.populations)

    def check_input(self, x: Array) -> None:
        widths = {
            synapse.weight.shape[0]
            for synapse in self.synapses
            if isinstance(synapse, Directed) and synapse.source == INPUT
        }
        if x.ndim != 2 or x.shape[1] not in widths:
            raise ValueError(
                f"x has shape {x.shape}, but the network's input synapses take "
                f"(batch, {', '.join(str(width) for width in sorted(widths))}): flatten each "
                "sample to one row of that width"
            )
        check_finite("x", x, "remove or impute these values before they reach the network")

    def trainable(self) -> PyTree[bool]:
        spec = jax.tree.map(eqx.is_inexact_array, self)
        # Neurons are physics: time constants belong to the dynamics, not to what is learned.
        frozen = jax.tree.map(
            lambda _: False, tuple(population.neuron for population in spec.populations)
        )
        return eqx.tree_at(
            lambda tree: tuple(population.neuron for population in tree.populations), spec, frozen
        )
