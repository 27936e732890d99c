"""How well a network does on data, at its free equilibria."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.relaxing import relax
from ..errors import check_at_least
from ..networks.costs import hits
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from ..settings import Module
from .preprocessing import AbstractPreprocessing


class Evaluation(Module):
    """Mean cost, accuracy, and the fraction of samples whose relaxation converged.

    Args:
        loss: Mean cost.
        accuracy: Fraction of samples whose largest score is the target's.
        converged: Fraction of samples whose relaxation converged.

    Example:
        >>> osciprop.evaluate(network, x, y).converged
        1.0
    """

    loss: float
    accuracy: float
    converged: float


def evaluate(
    network: AbstractNetwork,
    x: np.ndarray,
    y: np.ndarray,
    *,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    batch_size: int = 500,
    preprocessing: AbstractPreprocessing | None = None,
) -> Evaluation:
    """Mean cost and accuracy of a network on data, at its free equilibria.

    The accuracy counts the largest score and, for target rows, where both have their largest entry.
    Samples whose relaxation did not converge count as they stand, and `converged` says how many
    did.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        relaxation: How equilibria are found.
        batch_size: Number of samples at a time.
        preprocessing: What makes the network's inputs of stored samples, by its `evaluate`; None
            for inputs as they are.

    Returns:
        Mean cost, accuracy, and the fraction of samples whose relaxation converged.

    Raises:
        ValueError: the data do not fit the network, or the batch size is below 1.

    Example:
        >>> 0 <= osciprop.evaluate(network, x, y).accuracy <= 1
        True
    """
    check_at_least("batch_size", batch_size, 1, "evaluate at least one sample at a time")
    loss, correct, converged = 0.0, 0, 0
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        inputs, targets = prepare_pair(network, measured(preprocessing, x[batch]), y[batch])
        solution = relax(network, inputs, relaxation=relaxation, throw=False)
        batch_loss, batch_correct = score(network, solution.s, targets)
        loss += float(batch_loss)
        correct += int(batch_correct)
        converged += int(np.count_nonzero(solution.converged))
    return Evaluation(loss / len(x), correct / len(x), converged / len(x))


def measured(preprocessing: AbstractPreprocessing | None, x: np.ndarray) -> np.ndarray | Array:
    """Inputs of stored samples, without anything random."""
    return x if preprocessing is None else preprocessing.evaluate(x)


@eqx.filter_jit
def score(network: AbstractNetwork, s: PyTree, y: Array) -> tuple[Array, Array]:
    """The sum of the costs, and how many samples are right."""
    return jnp.sum(network.cost(s, y)), jnp.sum(hits(network.output(s), y))
