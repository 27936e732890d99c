"""Neurons: how a membrane potential follows its input current, and the activity it shows."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..errors import check_positive
from ..settings import Module, Numbers, parameter
from .activations import AbstractActivation, ShiftedSigmoid
from .trees import along_samples

TIME_REMEDY = "give the time that the leak takes, in units of time"


class AbstractNeuron(Module):
    """A population's neuron model.

    The contract that every gradient method relies on: `velocity` vanishes exactly where the
    membrane potential equals the input current, so that equilibria do not depend on time constants.

    Example:
        >>> issubclass(osciprop.LeakyIntegrator, osciprop.networks.AbstractNeuron)
        True
    """

    activation: eqx.AbstractVar[AbstractActivation]

    @abc.abstractmethod
    def velocity(
        self, potential: Inexact[Array, " batch *units"], current: Inexact[Array, " batch *units"]
    ) -> Inexact[Array, " batch *units"]:
        """Time derivative of the membrane potential under an input current."""

    @abc.abstractmethod
    def slowest(self) -> Float[Array, ""]:
        """The longest time constant of the population, in units of time."""


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

    def velocity(
        self, potential: Inexact[Array, " batch *units"], current: Inexact[Array, " batch *units"]
    ) -> Inexact[Array, " batch *units"]:
        time_constant = self.time_constant.astype(jnp.finfo(potential.dtype).dtype)
        rate = along_samples(1 / time_constant, potential)
        # A real rate times a complex potential, without promoting the rate.
        return rate.astype(potential.dtype) * (current - potential)

    def slowest(self) -> Float[Array, ""]:
        return jnp.max(self.time_constant)
