"""Other neurons in a network that a builder made, and time constants that differ."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...errors import check_instance, check_key, check_not_negative, check_positive
from ..constraints import Constrained
from ..draws import normal
from ..joined import Network
from ..neurons import AbstractNeuron
from .dense import entry, one_each


def with_neurons(
    network: Network | Constrained, neuron: AbstractNeuron | Sequence[AbstractNeuron]
) -> Network | Constrained:
    """A network with other neurons, the same weights and biases.

    Args:
        network: The network of populations and synapses, with constraints or without.
        neuron: The neuron model: one for all populations, or one for each.

    Returns:
        The network with these neurons.

    Raises:
        ValueError: there is neither one nor one for each, or a neuron's numbers do not fit the
            size of its population.
        TypeError: one is no neuron.

    Example:
        >>> tired = osciprop.networks.AdaptiveNeuron(osciprop.Tanh(), adaptation=0.5)
        >>> adaptive = osciprop.networks.with_neurons(network, tired)
        >>> type(adaptive.populations[1].neuron).__name__
        'AdaptiveNeuron'
    """
    check_instance("network", network, (Network, Constrained))
    inside: Any = network.free if isinstance(network, Constrained) else network
    check_instance("network", inside, Network)
    neurons = one_each("neuron", neuron, len(inside.populations), "populations")
    for place, each in enumerate(neurons):
        check_instance(entry("neuron", neurons, place), each, AbstractNeuron)
        inside = eqx.tree_at(_neuron(place), inside, each)
    values: Any = Constrained(free=inside).network  # type: ignore[call-arg]
    checked = Network(values.populations, values.synapses, values.readout)
    if isinstance(network, Network):
        return checked
    return Constrained(free=inside)  # type: ignore[call-arg]


def _neuron(place: int) -> Callable[[Network], AbstractNeuron]:
    return lambda network: network.populations[place].neuron


def drawn(
    key: PRNGKeyArray, shape: int | tuple[int, ...], *, median: float = 1.0, spread: float = 0.3
) -> Float[Array, "..."]:
    """Positive numbers that differ from neuron to neuron, such as time constants.

    Args:
        key: Source of random numbers, from `jax.random.key`.
        shape: How many, `units` or `(height, width, channels)`.
        median: The number that half of them exceed, above 0.
        spread: Standard deviation of their logarithms, at least 0.

    Returns:
        Numbers of a log-normal distribution.

    Raises:
        ValueError: the median is not positive, or the spread negative.

    Example:
        >>> times = osciprop.networks.drawn(key, 6, median=2.0, spread=0.5)
        >>> osciprop.LeakyIntegrator(osciprop.Tanh(), times).slowest() > 2.0
        Array(True, dtype=bool)
    """
    check_key("key", key)
    check_positive("median", median, "time constants are positive")
    check_not_negative("spread", spread, "0 for numbers that are all alike")
    shape = (shape,) if isinstance(shape, int) else shape
    numbers = normal(key, shape)
    return jnp.asarray(median, float) * jnp.exp(jnp.asarray(spread, float) * numbers)
