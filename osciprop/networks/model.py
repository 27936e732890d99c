"""What every network is to training, whether it comes to rest or moves on."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, PyTree

from ..errors import check_finite
from ..settings import Module
from .metrics import AbstractMetric, metric_for


class AbstractModel(Module):
    """Whatever has parameters, takes inputs, and answers with scores.

    Networks that relax derive from `osciprop.AbstractNetwork`, networks that move from
    `osciprop.networks.AbstractHamiltonian`.

    Example:
        >>> issubclass(osciprop.AbstractNetwork, osciprop.networks.AbstractModel)
        True
    """

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        """What training tells beside the cost, for all targets of a data set and so many outputs:
        accuracy for labels and rows that mark a class, the squared error and R^2 for numbers.
        """
        return metric_for(y, outputs)

    def check_input(self, x: Array) -> None:
        """Raise `ValueError` if the input does not fit the network."""
        check_finite("x", x, "remove or impute these values before they reach the network")

    def trainable(self) -> PyTree[bool]:
        """A pytree like the network: which leaves `osciprop.fit` changes (floating arrays)."""
        return jax.tree.map(eqx.is_inexact_array, self)
