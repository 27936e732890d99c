"""Networks of excitation and inhibition: sparse, and every neuron of one sign (Dale's law)."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ...errors import check_positive
from ..activations import AbstractActivation, Softplus
from ..constraints import Constrained, Signed, constrain
from ..costs import softmax_readout
from ..draws import bernoulli, split, truncated_normal, uniform
from ..joined import Network
from ..synapses import INPUT, Directed
from .dense import OneOrEach, check_sizes, make_populations

# Of the weights' sizes about their mean: no two synapses are alike, and none has the other sign.
SPREAD = (0.5, 1.5)


def balanced_network(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    connectivity: float = 0.2,
    scale: float = 0.5,
    inhibition: float = 2.0,
    activation: AbstractActivation = Softplus(4.0),
    time_constant: OneOrEach = 1.0,
    bias: OneOrEach = 0.2,
) -> Constrained:
    """One network of excitatory and inhibitory neurons.

    All four groups of recurrent synapses are sparse and random. Those that leave a neuron have its
    sign, in training too: sizes are learned, signs and missing connections are not. The input
    reaches all neurons, a readout outside the dynamics sees the excitatory ones.

    Args:
        sizes: Input width, number of excitatory and of inhibitory neurons, number of classes.
        key: Source of random numbers, from `jax.random.key`.
        connectivity: Share of the pairs of neurons that have a synapse, above 0 and at most 1.
        scale: Excitation that a neuron of each kind receives when all fire at rate 1, in units of
            the potential, above 0.
        inhibition: Inhibition over excitation, above 0; above 1 inhibition dominates.
        activation: From membrane potential to firing rate.
        time_constant: In units of time: one number, or one of the inhibitory and one of the
            excitatory neurons.
        bias: Of the neurons at the beginning, likewise.

    Returns:
        The network, its recurrent weights constrained; `.network` has the weights themselves. The
        populations are the inhibitory neurons and, last, the excitatory ones.

    Raises:
        ValueError: there are not four sizes, or a number is out of range.
        TypeError: the activation or the key is none.

    Source: van Vreeswijk and Sompolinsky 1996; Dale's law in trained networks, Song, Yang and Wang
        2016.

    Example:
        >>> cortex = osciprop.networks.balanced_network([4, 16, 4, 3], key=key)
        >>> inhibition = cortex.network.synapses[2].weight
        >>> bool((inhibition <= 0).all() & (inhibition < 0).any())
        True
    """
    check_sizes(sizes, key)
    if len(sizes) != 4:
        raise ValueError(
            f"sizes is {list(sizes)}: give four, [inputs, excitatory, inhibitory, classes]"
        )
    check_positive("connectivity", connectivity, "without synapses there is no network")
    if connectivity > 1:
        raise ValueError(f"connectivity is {connectivity}: give a share, at most 1")
    check_positive("scale", scale, "0.5 settles fast")
    check_positive("inhibition", inhibition, "2 dominates excitation")
    inputs, excitatory, inhibitory, classes = sizes
    counts, sizes_of_sign = (inhibitory, excitatory), (-inhibition * scale, scale)
    keys = iter(split(key, 11))
    synapses, signs = [], []
    for target, units in enumerate(counts):
        weight = truncated_normal(next(keys), (inputs, units), scale * inputs**-0.5)
        synapses.append(Directed(weight, INPUT, target))
    for source, total in enumerate(sizes_of_sign):
        for target, units in enumerate(counts):
            shape = (counts[source], units)
            links = np.asarray(bernoulli(next(keys), shape, connectivity))
            signs.append(np.sign(total) * links)
            spread = uniform(next(keys), shape, *SPREAD)
            mean = total / (connectivity * counts[source])
            synapses.append(Directed(jnp.asarray(links, float) * mean * spread, source, target))
    network: Network | Constrained = Network(
        populations=make_populations(counts, activation, time_constant, bias),
        synapses=tuple(synapses),
        readout=softmax_readout(excitatory, classes, key=next(keys)),
    )
    for place, sign in enumerate(signs, start=len(counts)):
        network = constrain(network, _weight(place), Signed(sign))
    assert isinstance(network, Constrained)
    return network


def _weight(place: int) -> Callable[[Any], Array]:
    return lambda network: network.synapses[place].weight
