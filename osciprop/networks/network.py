"""What a network is to every other part of osciprop, and the network of populations and synapses.

`AbstractNetwork` is the whole contract: any Equinox module with these few methods works with every
function. A state is a pytree of arrays with a leading batch axis; `u` is the membrane potential,
`s` the activity. All of it must be written for complex states too (see `check_holomorphic`).
"""

import abc
import math
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import ReciprocityError, check_finite
from ..settings import Module, entries
from .complexity import complex_like, is_complex
from .costs import AbstractCost, Targets
from .metrics import AbstractMetric, metric_for
from .populations import AbstractPopulation
from .sizes import check_parts, check_sizes
from .synapses import INPUT, AbstractReciprocalSynapse, AbstractSynapse
from .trees import along_samples, as_row, sample_sums

State: TypeAlias = PyTree[Inexact[Array, "batch ..."]]
# States with an axis of their own, times or contour points, before the batch.
States: TypeAlias = PyTree[Inexact[Array, "points batch ..."]]
Scores: TypeAlias = Inexact[Array, "batch outputs"]


class AbstractNetwork(Module):
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

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        """What training tells beside the cost, for all targets of a data set and so many outputs:
        accuracy for labels and rows that mark a class, the squared error and R^2 for numbers.
        """
        return metric_for(y, outputs)

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

    def velocity(self, u: State, current: State) -> State:
        """Time derivative of the membrane potential; it must vanish where `current` equals `u`."""
        return jax.tree.map(lambda potential, inflow: inflow - potential, u, current)

    def slowest(self) -> Float[Array, ""]:
        """The longest time constant, in units of time."""
        return jnp.asarray(1.0, dtype=float)

    @property
    def relaxation(self) -> object | None:
        """How the network comes to equilibrium where a call names no relaxation: an instance of
        `osciprop.equilibria.AbstractRelaxation`, or None for `osciprop.Settling()`.
        """
        return None

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


class Network(AbstractNetwork):
    """Populations joined by synapses, with a cost on the last population.

    States are tuples with one array `(batch, *population.shape)` per population. The network has a
    `phi`, and so works with every method, if each synapse is reciprocal or comes from the clamped
    input.

    Args:
        populations: The neurons, in the order of the state's leaves; the last one has the cost.
        synapses: What joins them; at least one comes from `osciprop.INPUT`.
        readout: The cost, and what it reads of the last population.

    Raises:
        ValueError: a synapse names a population that is not there or does not fit its populations,
            the readout does not fit the last one, or no synapse comes from the input.
        TypeError: a part is none of its kind.

    Example:
        >>> [type(synapse).__name__ for synapse in network.synapses]
        ['Directed', 'Reciprocal']
    """

    populations: tuple[AbstractPopulation, ...] = eqx.field(converter=entries)
    synapses: tuple[AbstractSynapse, ...] = eqx.field(converter=entries)
    readout: AbstractCost

    def __check_init__(self) -> None:
        check_parts(self.populations, self.synapses, self.readout)
        count = len(self.populations)
        for index, synapse in enumerate(self.synapses):
            for name, place in (("source", synapse.source), ("target", synapse.target)):
                lowest = INPUT if name == "source" else 0
                if not lowest <= place < count:
                    raise ValueError(
                        f"synapses[{index}].{name} is {place}, but the network has {count} "
                        f"populations: use 0 ... {count - 1}, or INPUT as a source"
                    )
            reciprocal = isinstance(synapse, AbstractReciprocalSynapse)
            if synapse.source == INPUT and (reciprocal or synapse.lower != INPUT):
                raise ValueError(
                    f"synapses[{index}] is {'reciprocal' if reciprocal else 'feedback'} but comes "
                    "from the clamped input, which receives none and sends forward only: use "
                    "Directed or DirectedProjection"
                )
        if not any(synapse.source == INPUT for synapse in self.synapses):
            raise ValueError("no synapse comes from INPUT: the network would not see its input")
        check_sizes(self.populations, self.synapses, self.readout)

    def rest(self, x: Float[Array, "batch ..."]) -> State:
        return tuple(
            jnp.zeros((x.shape[0], *population.shape), dtype=population.bias.dtype)
            for population in self.populations
        )

    def activity(self, u: State) -> State:
        return tuple(
            population.neuron.activation(potential)
            for population, potential in zip(self.populations, u, strict=True)
        )

    def drive(self, x: Float[Array, "batch ..."]) -> State:
        currents = [
            jnp.broadcast_to(population.bias, (x.shape[0], *population.shape))
            for population in self.populations
        ]
        for synapse in self.synapses:
            if synapse.source == INPUT:
                place = synapse.target
                currents[place] = _add(currents[place], synapse.forward(x))
        return tuple(currents)

    def current(self, s: State, drive: State) -> State:
        currents = [complex_like(inflow, s) for inflow in drive]
        for synapse in self.synapses:
            if synapse.source != INPUT:
                for place, inflow in synapse.currents(s):
                    currents[place] = _add(currents[place], inflow)
        return tuple(currents)

    def transposed(self, s: State, drive: State, v: State) -> State:
        # Synapse by synapse, because in loops XLA's CPU compiler has no fast derivative of a
        # convolution, and synapses write theirs out.
        total = [jnp.zeros_like(part) for part in v]
        for synapse in self.synapses:
            if synapse.source != INPUT:
                for place, part in synapse.transposed_currents(s, v):
                    total[place] = _add(total[place], part)
        return tuple(total)

    def velocity(self, u: State, current: State) -> State:
        return tuple(
            population.neuron.velocity(potential, inflow)
            for population, potential, inflow in zip(self.populations, u, current, strict=True)
        )

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        require_energy(self)
        return self.products(s, x)

    def phi_about(
        self, center: State, s: State, x: Float[Array, "batch ..."]
    ) -> Inexact[Array, " batch"]:
        require_energy(self)
        return self.products(s, x, center)

    def energy_obstacle(self) -> str:
        for index, synapse in enumerate(self.synapses):
            if synapse.source != INPUT and not isinstance(synapse, AbstractReciprocalSynapse):
                return (
                    f"synapses[{index}], from population {synapse.source} to {synapse.target}, is "
                    "directed, and only a reciprocal one carries both ways alike"
                )
        return ""

    def products(
        self, s: State, x: Float[Array, "batch ..."], center: State | None = None
    ) -> Inexact[Array, " batch"]:
        """What every synapse and bias carries up to a neuron, times that neuron's activity, summed:
        `phi` of a network whose synapses are reciprocal (with a `center`: `phi_about`).
        """
        total = jnp.zeros_like(s[0], shape=(len(s[0]),))
        parts = [s]
        if center is not None:
            parts = [jax.tree.map(lambda a, b: a - complex_like(b, a), s, center), center]
        for part in parts:
            for population, activity in zip(self.populations, part, strict=True):
                bias = along_samples(complex_like(population.bias, activity), activity)
                product = sample_sums(bias * activity)
                total = total + complex_like(product, total)
        for synapse in self.synapses:
            post = s[synapse.upper]
            if synapse.lower == INPUT:
                inflow = synapse.forward(x)
            elif center is None:
                inflow = synapse.forward(s[synapse.lower])
            else:
                inflow = synapse.forward_about(center[synapse.lower], s[synapse.lower])
            total = total + sample_sums(_add(jnp.zeros_like(post), inflow) * post)
        return total

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(as_row(s[-1]), y)

    def output(self, s: State) -> Scores:
        return self.readout.output(as_row(s[-1]))

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.readout.metric(y, outputs)

    def slowest(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([population.neuron.slowest() for population in self.populations]))

    def is_holomorphic(self) -> bool:
        neurons = all(population.neuron.activation.holomorphic for population in self.populations)
        # What the clamped input sends does not change with the state.
        return neurons and all(
            synapse.is_holomorphic() for synapse in self.synapses if synapse.source != INPUT
        )

    def check_input(self, x: Array) -> None:
        for synapse in self.synapses:
            if synapse.source != INPUT:
                continue
            synapse.check("x", x)
            population = self.populations[synapse.target]
            made = jax.eval_shape(synapse.forward, x.astype(population.bias.dtype)).shape[1:]
            if math.prod(made) != population.size:
                raise ValueError(
                    f"x has shape {x.shape}, of which the input synapses make currents of shape "
                    f"{made}, but population {synapse.target} has shape {population.shape}: give "
                    "inputs of the size that the network was built for"
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


def _add(
    currents: Inexact[Array, "batch ..."], inflow: Inexact[Array, "batch ..."]
) -> Inexact[Array, "batch ..."]:
    """The currents of a population with an inflow of its size, in its shape."""
    return currents + complex_like(inflow, currents).reshape(currents.shape)
