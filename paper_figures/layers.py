"""The weight matrices of dense networks and of their gradients, one by one."""

from jaxtyping import Array

import osciprop
from osciprop.networks import AbstractSynapse


def dense(synapse: AbstractSynapse) -> osciprop.Directed | osciprop.Reciprocal:
    """The synapse, which has to have a weight matrix."""
    if not isinstance(synapse, osciprop.Directed | osciprop.Reciprocal):
        raise TypeError(f"{type(synapse).__name__} has no weight matrix")
    return synapse


def weights(network: osciprop.Network) -> list[Array]:
    """The matrices from the input up, in the order of the synapses."""
    return [dense(synapse).weight for synapse in network.synapses]
