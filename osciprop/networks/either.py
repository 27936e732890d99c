"""What training asks of either kind of network: of those that come to rest, and those that move."""

from typing import Any

from jaxtyping import Array

from .costs import Targets, check_targets
from .hamiltonian.preparing import outputs_of_moving, prepare_sequences
from .hamiltonian.sequences import input_at
from .hamiltonian.system import AbstractHamiltonian
from .model import AbstractModel
from .network import AbstractNetwork
from .preparation import output_count, prepare_pair


def prepare_either(network: AbstractModel, x: Any, y: Any) -> tuple[Any, Any]:
    """Inputs and targets of a batch as arrays that fit the network (see `prepare_pair`)."""
    if isinstance(network, AbstractHamiltonian):
        return prepare_sequences(network, x, y)
    return prepare_pair(_relaxing(network), x, y)


def count_outputs(network: AbstractModel, x: Array) -> int:
    """The number of outputs of a network for inputs like `x`, which fit it."""
    if isinstance(network, AbstractHamiltonian):
        return outputs_of_moving(network, input_at(x, network.motion, 0))
    return output_count(_relaxing(network), x)


def prepare_all_targets(network: AbstractModel, x: Array, y: Any, samples: int) -> Targets:
    """Targets of so many samples, for a network that takes inputs like `x`, an example of them."""
    return check_targets(y, samples, count_outputs(network, x))


def _relaxing(network: AbstractModel) -> AbstractNetwork:
    assert isinstance(network, AbstractNetwork)
    return network
