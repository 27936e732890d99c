"""Populations: neurons of one kind with their bias currents, in a row or as the pixels of maps."""

import abc
import math

import equinox as eqx
from jaxtyping import Array, Float

from ..errors import check_at_least
from ..settings import Module, weights
from .neurons import AbstractNeuron


class AbstractPopulation(Module):
    """Neurons of one kind; `bias` is added to their currents, broadcast over `shape`.

    Example:
        >>> network.populations[0].size
        6
    """

    neuron: eqx.AbstractVar[AbstractNeuron]
    bias: eqx.AbstractVar[Float[Array, " units"]]

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample's activity."""

    @property
    def size(self) -> int:
        """The number of neurons."""
        return math.prod(self.shape)


class Population(AbstractPopulation):
    """Neurons in a row, each with its own bias.

    Args:
        neuron: The neuron model.
        bias: One number per neuron, `(units,)`, added to its current.

    Raises:
        ValueError: the bias is no row of numbers.

    Example:
        >>> osciprop.Population(osciprop.LeakyIntegrator(), jnp.zeros(7)).size
        7
    """

    neuron: AbstractNeuron
    bias: Float[Array, " units"] = eqx.field(converter=weights)

    def __check_init__(self) -> None:
        _check_row(self.bias, "neuron")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.bias.shape


class FeatureMaps(AbstractPopulation):
    """Neurons as the pixels of maps, `(height, width, channels)`; each map has one bias.

    Args:
        neuron: The neuron model of all pixels.
        bias: One number per map, `(channels,)`.
        height: Rows of pixels.
        width: Columns of pixels.

    Raises:
        ValueError: the bias is no row of numbers, or there is no row of pixels, or no column.

    Example:
        >>> maps = osciprop.networks.FeatureMaps(osciprop.LeakyIntegrator(), jnp.zeros(3), 8, 8)
        >>> maps.shape, maps.size
        ((8, 8, 3), 192)
    """

    neuron: AbstractNeuron
    bias: Float[Array, " channels"] = eqx.field(converter=weights)
    height: int = eqx.field(static=True)
    width: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        _check_row(self.bias, "map")
        check_at_least("height", self.height, 1, "a map has at least one row")
        check_at_least("width", self.width, 1, "a map has at least one column")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width, *self.bias.shape)


def _check_row(bias: object, counted: str) -> None:
    """Raise `ValueError` for an array that does not hold one number of each neuron or map."""
    shape = getattr(bias, "shape", None)
    if shape is not None and (len(shape) != 1 or shape[0] == 0):
        raise ValueError(
            f"bias has shape {shape}: give one number per {counted}, in a row, such as jnp.zeros(7)"
        )
