"""Everything at once: neurons, teaching signal, noise, lock-in filters and synapses as one system.

`OnlineSystem` is the motion within one teaching period, in one integrated state: the membrane
potentials, what coloured noise carries, the filters, and (where they move all the time) the
parameters. Nothing in it is ever reset. Input and target may move, as signals.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Complex, Float, PyTree

from ..dynamics.dynamics import Dynamics
from ..dynamics.noise import AbstractNoise, MeasurementNoise, Wiener
from ..dynamics.stochastic import AbstractSilentSystem, AbstractStochasticSystem, current_kick
from ..dynamics.teaching import Oscillation
from ..gradients.local import local_gradient
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.signals import AbstractSignal, Clamped, value_at
from ..networks.trees import scaled
from ..settings import Module
from .lock_in import Demodulated, LockInFilter
from .plasticity import AbstractPlasticity


class Moment(Module):
    """The whole simulation at one time.

    `u` is the membrane potential, `noise` what coloured noise carries, `filters` the lock-in, and
    `parameters` the moving parameters, None where they stand still within a period.
    """

    u: State
    noise: PyTree
    filters: Demodulated
    parameters: PyTree


class OnlineSystem(AbstractSilentSystem):
    """The motion of a whole simulation without white noise: see `NoisyOnlineSystem`."""

    network: AbstractNetwork
    x: Clamped
    target: Targets | AbstractSignal
    teaching: Oscillation
    lock_in: LockInFilter
    plasticity: AbstractPlasticity
    noise: AbstractNoise | None
    drive: PyTree

    def current_network(self, moment: Moment) -> AbstractNetwork:
        """The network with the parameters that it has at the moment."""
        return with_parameters(self.network, moment.parameters)

    def gradient(self, time: ArrayLike, moment: Moment) -> PyTree[Array]:
        """The gradient that the filters know of, by the local rule, with input and target then."""
        return local_gradient(
            self.current_network(moment),
            value_at(self.x, time),
            value_at(self.target, time),
            self.lock_in.mean(moment.filters),
            self.lock_in.error(moment.filters),
        )

    def velocity(self, time: ArrayLike, y: Moment) -> Moment:
        network = self.current_network(y)
        moving = y.parameters is not None
        drive = network.drive(value_at(self.x, time)) if moving else self.drive
        current = Dynamics(network, drive, self.target, self.teaching).current(time, y.u)
        if self.noise is not None:
            current = jax.tree.map(jnp.add, current, self.noise.current(y.noise, y.u))
        s = network.activity(y.u)
        return Moment(
            u=network.velocity(y.u, current),
            noise=None if self.noise is None else self.noise.velocity(y.noise),
            filters=self.lock_in.velocity(time, s, y.filters, self.teaching),
            parameters=self._learn(time, network, y) if moving else None,
        )

    def _learn(self, time: ArrayLike, network: AbstractNetwork, y: Moment) -> PyTree[Array]:
        return self.plasticity.velocity(eqx.filter(self.gradient(time, y), network.trainable()))


class NoisyOnlineSystem(AbstractStochasticSystem):
    """A whole simulation with white noise: on currents, on the readings of the filters, or both."""

    online: OnlineSystem
    measurement: MeasurementNoise | None

    def velocity(self, time: ArrayLike, y: Moment) -> Moment:
        return self.online.velocity(time, y)

    def wiener(self, y: Moment) -> tuple[Wiener, ...]:
        sources = (self.online.noise, self.measurement)
        return tuple(source.wiener(y.u) for source in sources if source is not None)

    def gain(self, time: ArrayLike) -> tuple[Float[Array, ""], Complex[Array, ""]]:
        carrier = self.online.lock_in.carrier(time, self.online.teaching)
        return jnp.ones_like(jnp.asarray(time)), carrier

    def kick(
        self, gain: tuple[Array, Array], increments: tuple[PyTree[Array], ...], y: Moment
    ) -> Moment:
        queue = list(increments)
        still = jax.tree.map(jnp.zeros_like, y)
        u, own, filters = still.u, still.noise, still.filters
        noise = self.online.noise
        if noise is not None:
            moved = current_kick(self.online.network, noise, queue.pop(0), y.u)
            u, own = scaled(gain[0], moved)
        if self.measurement is not None:
            reading = self.measurement.place(queue.pop(0), y.u)
            filters = self.online.lock_in.kick(gain, reading, self.online.teaching)
        return Moment(u, own, filters, still.parameters)


def with_parameters(network: AbstractNetwork, parameters: PyTree) -> AbstractNetwork:
    """The network with other parameters; as it is, if these are None."""
    return network if parameters is None else eqx.combine(parameters, network)
