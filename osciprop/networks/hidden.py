"""Neurons with hidden variables: adaptation, and compartments.

Hidden variables are part of the state, follow the ODE and are low-pass filters to the teaching
signal. At an equilibrium they are functions of the activity, and their time constants play no part.
"""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..errors import check_not_negative, check_positive
from ..settings import Numbers, parameter
from .activations import AbstractActivation, ShiftedSigmoid
from .neurons import TIME_REMEDY, AbstractNeuron, Units, leak
from .trees import along_samples, sample_sums

# What keeps the root of an adaptation of zero differentiable; far below round-off.
SMALLEST = 1e-30


class Adapting(NamedTuple):
    """State, activity or current of adaptive neurons.

    Args:
        potential: The membrane potential, or what belongs to it, `(batch, *units)`.
        adaptation: The adaptation, likewise.

    Example:
        >>> tired = osciprop.networks.AdaptiveNeuron(osciprop.Tanh())
        >>> tired.rest(jnp.zeros((1, 2))).adaptation.tolist()
        [[0.0, 0.0]]
    """

    potential: Units
    adaptation: Units


class Compartments(NamedTuple):
    """State, activity or current of neurons with dendrites, in the order in which they pass it on.

    Args:
        basal: The basal dendrite's potential, or what belongs to it, `(batch, *units)`.
        apical: The apical dendrite's, likewise.
        soma: The soma's, likewise.

    Example:
        >>> neuron = osciprop.networks.TwoCompartment(osciprop.Tanh())
        >>> neuron.rest(jnp.zeros((1, 2))).soma.tolist()
        [[0.0, 0.0]]
    """

    basal: Units
    apical: Units
    soma: Units


class AdaptiveNeuron(AbstractNeuron):
    """A leaky integrator that its own activity tires.

    `tau du/dt = current - b a - u`, `tau_a da/dt = s - a`, with `s = activation(u)`. The state,
    `Adapting`, holds `u` and `sqrt(b) a`, so that currents are the derivative of
    `phi = phi(s) - sqrt(b) (sqrt(b) a) s`: at equilibrium the neuron has the further energy
    `b s^2 / 2`. Where the equilibrium is one that the ODE leaves, because the adaptation is slow to
    follow, it says so.

    Args:
        activation: From membrane potential to activity.
        time_constant: Of the potential, in units of time, above 0; one number, or one per unit.
        adaptation: Current that full activity takes away in the end, `b`, at least 0; likewise.
        adaptation_time: Time constant of the adaptation, in units of time, above 0; likewise.

    Raises:
        ValueError: a number is out of its range.

    Source: spike-frequency adaptation, Benda and Herz 2003.

    Example:
        >>> tired = osciprop.networks.AdaptiveNeuron(osciprop.Tanh(), adaptation_time=20.0)
        >>> tired.slowest().tolist()
        20.0
    """

    activation: AbstractActivation = ShiftedSigmoid()
    time_constant: Numbers = eqx.field(default=1.0, converter=parameter)
    adaptation: Numbers = eqx.field(default=0.5, converter=parameter, kw_only=True)
    adaptation_time: Numbers = eqx.field(default=10.0, converter=parameter, kw_only=True)

    def __check_init__(self) -> None:
        check_positive("time_constant", self.time_constant, TIME_REMEDY)
        check_not_negative("adaptation", self.adaptation, "0 is a neuron that does not adapt")
        check_positive("adaptation_time", self.adaptation_time, TIME_REMEDY)

    def _gain(self, like: Units) -> Inexact[Array, "..."]:
        """The root of the adaptation, which the way to the hidden variable and back share."""
        gain = jnp.sqrt(self.adaptation + SMALLEST).astype(jnp.finfo(like.dtype).dtype)
        return along_samples(gain, like).astype(like.dtype)

    def rest(self, potential: Units) -> Adapting:
        return Adapting(potential, jnp.zeros_like(potential))

    def activity(self, u: Adapting) -> Adapting:
        return Adapting(self.activation(u.potential), -u.adaptation)

    def firing(self, s: Adapting) -> Units:
        return s.potential

    def current(self, s: Adapting, inflow: Units) -> Adapting:
        gain = self._gain(s.potential)
        return Adapting(inflow + gain * s.adaptation, gain * s.potential)

    def hidden_phi(self, s: Adapting) -> Inexact[Array, " batch"]:
        return sample_sums(self._gain(s.potential) * s.potential * s.adaptation)

    def velocity(self, potential: Adapting, current: Adapting) -> Adapting:
        return Adapting(
            leak(potential.potential, current.potential, self.time_constant),
            leak(potential.adaptation, current.adaptation, self.adaptation_time),
        )

    def slowest(self) -> Float[Array, ""]:
        return jnp.maximum(jnp.max(self.time_constant), jnp.max(self.adaptation_time))


class TwoCompartment(AbstractNeuron):
    """A soma with a basal and an apical dendrite.

    `tau_b dv_b/dt = basal current - v_b` of the input, the bias and the populations before,
    `tau_a dv_a/dt = apical current - v_a` of the populations further on, and
    `tau du/dt = v_b + v_a - u` with `s = activation(coupling * u)`: the soma's potential is
    `coupling * u`. States are `Compartments`. At equilibrium the neuron is a leaky integrator,
    and the network has its energy.

    Args:
        activation: From the soma's potential to activity.
        time_constant: Of the soma, in units of time, above 0; one number, or one per unit.
        coupling: Share of the dendrites' potential that arrives at the soma, above 0: the
            dendrites' conductance over that of dendrites and leak; likewise.
        basal_time: Time constant of the basal dendrite, in units of time, above 0; likewise.
        apical_time: Time constant of the apical dendrite, in units of time, above 0; likewise.

    Raises:
        ValueError: a number is out of its range.

    Source: Guerguiev, Lillicrap and Richards 2017; Sacramento et al. 2018.

    Example:
        >>> neuron = osciprop.networks.TwoCompartment(osciprop.Tanh(), apical_time=4.0)
        >>> deep = osciprop.networks.with_neurons(network, neuron)
        >>> osciprop.relax(deep, x).u[0].apical.shape
        (10, 6)
    """

    apical: ClassVar[bool] = True

    activation: AbstractActivation = ShiftedSigmoid()
    time_constant: Numbers = eqx.field(default=1.0, converter=parameter)
    coupling: Numbers = eqx.field(default=1.0, converter=parameter, kw_only=True)
    basal_time: Numbers = eqx.field(default=1.0, converter=parameter, kw_only=True)
    apical_time: Numbers = eqx.field(default=1.0, converter=parameter, kw_only=True)

    def __check_init__(self) -> None:
        for name in ("time_constant", "basal_time", "apical_time"):
            check_positive(name, getattr(self, name), TIME_REMEDY)
        check_positive("coupling", self.coupling, "the soma must hear of its dendrites")

    def rest(self, potential: Units) -> Compartments:
        still = jnp.zeros_like(potential)
        return Compartments(basal=still, apical=still, soma=potential)

    def activity(self, u: Compartments) -> Compartments:
        coupling = self.coupling.astype(jnp.finfo(u.soma.dtype).dtype)
        soma = along_samples(coupling, u.soma).astype(u.soma.dtype) * u.soma
        return u._replace(soma=self.activation(soma))

    def firing(self, s: Compartments) -> Units:
        return s.soma

    def current(self, s: Compartments, inflow: tuple[Units, Units]) -> Compartments:
        return Compartments(*inflow, soma=s.basal + s.apical)

    def error(self, response: Compartments) -> Compartments:
        # Dendrites pass the soma's error on: an error current in one is one in the soma.
        return Compartments(response.soma, response.soma, response.soma)

    def velocity(self, potential: Compartments, current: Compartments) -> Compartments:
        times = (self.basal_time, self.apical_time, self.time_constant)
        return Compartments(*map(leak, potential, current, times))

    def slowest(self) -> Float[Array, ""]:
        times = (self.time_constant, self.basal_time, self.apical_time)
        return jnp.max(jnp.stack([jnp.max(time) for time in times]))
