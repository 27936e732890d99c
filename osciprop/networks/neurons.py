"""Neurons: how a membrane potential follows its input current, and the activity it shows.

A neuron may have hidden variables beside its potential: its state is then a pytree of arrays of the
population's shape, such as `(potential, adaptation)`, and so are its activity and its current.
"""

import abc
from typing import ClassVar, TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_positive
from ..settings import Module, Numbers, parameter
from .activations import AbstractActivation, ShiftedSigmoid
from .trees import along_samples

Units: TypeAlias = Inexact[Array, " batch *units"]

TIME_REMEDY = "give the time that the leak takes, in units of time"


class AbstractNeuron(Module):
    """A population's neuron model.

    The contract that every gradient method relies on: `velocity` vanishes exactly where the
    membrane potential equals the input current, so that equilibria do not depend on time constants.

    What stands below `slowest` is that of a neuron without hidden variables. One that has some
    gives states, activities and currents of the same structure in all of them: see
    `AdaptiveNeuron`, and `docs/substrates.md` for one of your own.

    Example:
        >>> issubclass(osciprop.LeakyIntegrator, osciprop.networks.AbstractNeuron)
        True
    """

    activation: eqx.AbstractVar[AbstractActivation]

    # Whether what populations further on send reaches a compartment of its own. The inflow of
    # `current` is then a pair: (basal, from the input and the populations before; apical).
    apical: ClassVar[bool] = False

    @abc.abstractmethod
    def velocity(self, potential: PyTree[Units], current: PyTree[Units]) -> PyTree[Units]:
        """Time derivative of the membrane potential, and of hidden variables, under a current."""

    @abc.abstractmethod
    def slowest(self) -> Float[Array, ""]:
        """The longest time constant of the population, in units of time."""

    def rest(self, potential: Units) -> PyTree[Units]:
        """The state in which a simulation starts, for a potential of zeros."""
        return potential

    def activity(self, u: PyTree[Units]) -> PyTree[Units]:
        """The activity of the neuron and of each hidden variable."""
        return self.activation(u)

    def firing(self, s: PyTree[Units]) -> Units:
        """Of an activity, what synapses and readout see."""
        return s

    def current(self, s: PyTree[Units], inflow: PyTree[Units]) -> PyTree[Units]:
        """The current of the potential and of each hidden variable, given what synapses bring."""
        return inflow

    def hidden_phi(self, s: PyTree[Units]) -> Inexact[Array, " batch"] | None:
        """What hidden variables add to the network's phi: its derivative by `s` is `current` of no
        inflow. None for nothing.
        """
        return None

    def error(self, response: PyTree[Units]) -> PyTree[Units]:
        """The error signals, those of the transposed system, of which the response of a network
        with an energy to its teaching signal tells: the response itself where `current` is the
        derivative of phi.
        """
        return response


class LeakyIntegrator(AbstractNeuron):
    """`tau du/dt = current - u`, with activity `s = activation(u)`.

    The time constant is physics, not trained by `osciprop.fit`.

    Args:
        activation: From membrane potential to activity.
        time_constant: Number for the whole population, or one per unit, in units of time, above 0.

    Raises:
        ValueError: a time constant is not positive.

    Example:
        >>> osciprop.LeakyIntegrator(osciprop.Tanh(), time_constant=2.0)
        LeakyIntegrator(activation=Tanh(), time_constant=2)
    """

    activation: AbstractActivation = ShiftedSigmoid()
    time_constant: Numbers = eqx.field(default=1.0, converter=parameter)

    def __check_init__(self) -> None:
        check_positive("time_constant", self.time_constant, TIME_REMEDY)

    def velocity(self, potential: Units, current: Units) -> Units:
        return leak(potential, current, self.time_constant)

    def slowest(self) -> Float[Array, ""]:
        return jnp.max(self.time_constant)


def leak(potential: Units, current: Units, time_constant: Float[Array, "..."]) -> Units:
    """The time derivative of a potential that follows a current: `(current - potential) / tau`."""
    rate = along_samples(1 / time_constant.astype(jnp.finfo(potential.dtype).dtype), potential)
    # A real rate times a complex potential, without promoting the rate.
    return rate.astype(potential.dtype) * (current - potential)
