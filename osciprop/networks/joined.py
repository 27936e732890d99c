"""Populations of neurons joined by synapses, with a cost on the last of them."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_finite
from ..settings import entries
from .complexity import complex_like
from .costs import AbstractCost, Targets, readout_obstacle
from .metrics import AbstractMetric
from .network import AbstractNetwork, Scores, State, require_energy
from .neurons import AbstractNeuron, LeakyIntegrator
from .populations import AbstractPopulation
from .sizes import check_parts, check_sizes
from .synapses import INPUT, AbstractReciprocalSynapse, AbstractSynapse
from .trees import along_samples, as_row, sample_sums, scaled


class Network(AbstractNetwork):
    """Populations joined by synapses, with a cost on the last population.

    States are tuples with one array `(batch, *population.shape)` per population, or one pytree of
    such arrays where its neurons have hidden variables. The network has a
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
            population.neuron.rest(
                jnp.zeros((x.shape[0], *population.shape), dtype=population.bias.dtype)
            )
            for population in self.populations
        )

    def activity(self, u: State) -> State:
        return tuple(
            population.neuron.activity(potential)
            for population, potential in zip(self.populations, u, strict=True)
        )

    def firing(self, s: State) -> tuple[Inexact[Array, "batch ..."], ...]:
        """Of all activities those that synapses and readout see: one array per population."""
        return tuple(
            population.neuron.firing(part)
            for population, part in zip(self.populations, s, strict=True)
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
        return self.current_with(s, drive, lambda synapse: None)

    def current_with(
        self, s: State, drive: State, feedback: Callable[[AbstractSynapse], Array | None]
    ) -> State:
        """The input currents, where what a synapse sends back is multiplied by its `feedback`."""
        inflows = self._inflows(self.firing(s), drive, feedback)
        return tuple(
            population.neuron.current(part, inflow)
            for population, part, inflow in zip(self.populations, s, inflows, strict=True)
        )

    def _inflows(
        self,
        firing: State,
        drive: State,
        feedback: Callable[[AbstractSynapse], Array | None] = lambda synapse: None,
    ) -> list[Any]:
        """What every population receives: a current, or a pair of them (basal, apical)."""
        basal = [complex_like(inflow, firing) for inflow in drive]
        apical = {
            place: jnp.zeros_like(basal[place])
            for place, population in enumerate(self.populations)
            if population.neuron.apical
        }
        for synapse in self.synapses:
            if synapse.source != INPUT:
                factor = feedback(synapse)
                for place, inflow in synapse.currents(firing):
                    if factor is not None and synapse.descends(place):
                        inflow = scaled(factor, inflow)
                    into = apical if place in apical and synapse.descends(place) else basal
                    into[place] = _add(into[place], inflow)
        return [
            (part, apical[place]) if place in apical else part for place, part in enumerate(basal)
        ]

    def transposed(self, s: State, drive: State, v: State) -> State:
        # Synapse by synapse, because in loops XLA's CPU compiler has no fast derivative of a
        # convolution, and synapses write theirs out.
        firing = self.firing(s)
        basal, apical, total = list(v), list(v), [jnp.zeros_like(part) for part in firing]
        own: list[Any] = [None] * len(v)
        hidden = self._with_hidden()
        inflows = self._inflows(firing, drive) if hidden else []
        for place, neuron in hidden:
            own[place], received = jax.vjp(neuron.current, s[place], inflows[place])[1](v[place])
            basal[place], apical[place] = received if neuron.apical else (received, received)
        for synapse in self.synapses:
            if synapse.source != INPUT:
                reached = tuple(
                    apical[place] if synapse.descends(place) else basal[place]
                    for place in range(len(v))
                )
                for place, part in synapse.transposed_currents(firing, reached):
                    total[place] = _add(total[place], part)
        for place, neuron in hidden:
            (seen,) = jax.vjp(neuron.firing, s[place])[1](total[place])
            total[place] = jax.tree.map(jnp.add, own[place], seen)
        return tuple(total)

    def _with_hidden(self) -> list[tuple[int, AbstractNeuron]]:
        """The neurons whose current is more than what synapses bring, by population."""
        return [
            (place, population.neuron)
            for place, population in enumerate(self.populations)
            if type(population.neuron).current is not AbstractNeuron.current
        ]

    def error(self, response: State) -> State:
        return tuple(
            population.neuron.error(part)
            for population, part in zip(self.populations, response, strict=True)
        )

    def sweeps_tell_stability(self) -> bool:
        neurons = [population.neuron for population in self.populations]
        return not self.energy_obstacle() and all(
            isinstance(neuron, LeakyIntegrator) and neuron.activation.increasing
            for neuron in neurons
        )

    def phi_is_reduced(self) -> bool:
        neurons = [population.neuron for population in self.populations]
        return any(type(neuron).error is not AbstractNeuron.error for neuron in neurons)

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

    def output_obstacle(self) -> str:
        return readout_obstacle(self.readout)

    def products(
        self,
        s: State,
        x: Float[Array, "batch ..."],
        center: State | None = None,
        importance: Callable[[int], Array | None] = lambda place: None,
    ) -> Inexact[Array, " batch"]:
        """What every synapse and bias carries up to a neuron, times that neuron's activity, summed:
        `phi` of a network whose synapses are reciprocal (with a `center`: `phi_about`). What
        reaches the population at a place is multiplied by its `importance`.
        """

        def weighed(place: int, product: Array) -> Array:
            factor = importance(place)
            return product if factor is None else scaled(factor, product)

        hidden = [
            population.neuron.hidden_phi(part)
            for population, part in zip(self.populations, s, strict=True)
        ]
        s = self.firing(s)
        total = jnp.zeros_like(s[0], shape=(len(s[0]),))
        for place, added in enumerate(hidden):
            if added is not None:
                total = total + complex_like(weighed(place, added), total)
        parts = [s]
        if center is not None:
            center = self.firing(center)
            parts = [jax.tree.map(lambda a, b: a - complex_like(b, a), s, center), center]
        for part in parts:
            for place, (population, activity) in enumerate(
                zip(self.populations, part, strict=True)
            ):
                bias = along_samples(complex_like(population.bias, activity), activity)
                product = weighed(place, sample_sums(bias * activity))
                total = total + complex_like(product, total)
        for synapse in self.synapses:
            post = s[synapse.upper]
            if synapse.lower == INPUT:
                inflow = synapse.forward(x)
            elif center is None:
                inflow = synapse.forward(s[synapse.lower])
            else:
                inflow = synapse.forward_about(center[synapse.lower], s[synapse.lower])
            product = sample_sums(_add(jnp.zeros_like(post), inflow) * post)
            total = total + weighed(synapse.upper, product)
        return total

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(as_row(self.firing(s)[-1]), y)

    def output(self, s: State) -> Scores:
        return self.readout.output(as_row(self.firing(s)[-1]))

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
