"""One presentation of a sample to a network that learns while it oscillates.

A `Simulation` holds the settings, a `SimulationState` all that passes from one presentation to the
next, and `present` is the step between two states. See `simulate_learning` for the whole.
"""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ..dynamics.dynamics import driven
from ..dynamics.integration import Integrator, euler_maruyama
from ..dynamics.noise import AbstractNoise, MeasurementNoise
from ..dynamics.stochastic import numbered_key, require_key
from ..dynamics.teaching import Oscillation
from ..errors import check_at_least
from ..gradients.estimate import batch_mean
from ..networks.complexity import real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.metrics import AbstractMetric
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import output_count
from ..networks.signals import AbstractSignal, Clamped, later, value_at
from ..networks.trees import all_finite
from ..settings import Module
from .lock_in import Demodulated, LockInFilter
from .plasticity import AbstractPlasticity
from .system import Moment, NoisyOnlineSystem, OnlineSystem
from .transitions import AbstractTransition, Jump


class Simulation(Module):
    """What surrounds the network: teaching signal, filters, plasticity, noise, and the numerics.

    A sample, or a batch of them seen by as many copies of the network, is presented for
    `presentation` whole periods of the teaching signal.

    Args:
        teaching: The teaching signal.
        plasticity: How synapses move.
        lock_in: What every neuron knows of its own oscillation.
        noise: Noise on every neuron's input current; None for none.
        measurement: Noise of the readings; None for none.
        presentation: Periods for which a sample is shown.
        transition: How one sample gives way to the next: `osciprop.online.Jump()` at once, `Fade`
            gradually.
        integrator: How to integrate in time; a period holds a whole number of constant steps.

    Raises:
        ValueError: a period does not hold a whole number of steps, or a number is not positive.

    Example:
        >>> simulation = osciprop.Simulation(
        ...     osciprop.Oscillation(0.05, 20.0), osciprop.PeriodicPlasticity(optax.sgd(0.1))
        ... )
        >>> simulation.presentation
        4
    """

    teaching: Oscillation
    plasticity: AbstractPlasticity
    lock_in: LockInFilter = eqx.field(default=LockInFilter(), kw_only=True)
    noise: AbstractNoise | None = eqx.field(default=None, kw_only=True)
    measurement: MeasurementNoise | None = eqx.field(default=None, kw_only=True)
    presentation: int = eqx.field(default=4, static=True, kw_only=True)
    transition: AbstractTransition = eqx.field(default=Jump(), kw_only=True)
    integrator: Integrator = eqx.field(default=euler_maruyama(0.1), kw_only=True)

    def __check_init__(self) -> None:
        check_at_least(
            "presentation", self.presentation, 1, "a sample is shown for a whole number of periods"
        )
        self.plasticity.check(self.teaching.period)
        self.transition.check(self.presentation)
        self._check_steps()

    def _check_steps(self) -> None:
        if self.integrator.dt0 is None:
            return
        steps = float(self.teaching.period) / float(self.integrator.dt0)
        # Long periods of short steps: a step of float32 is off by its last digit.
        if abs(steps - round(steps)) > max(1e-3, 1e-6 * steps) or round(steps) < 4:
            raise ValueError(
                f"a period of {float(self.teaching.period):.6g} holds {steps:.6g} steps of "
                f"{float(self.integrator.dt0):.6g}: choose the integrator's dt0 such that it holds "
                "a whole number of steps, at least 4"
            )


class SimulationState(Module):
    """A simulation between two presentations: all that the next one depends on.

    Args:
        network: The network with the weights of the moment.
        rule: State of the plasticity rule.
        u: Membrane potentials.
        noise: What coloured noise carries; None without.
        filters: State of the lock-in filters.
        presentations: Number of samples seen.
        before: What was shown last, for samples that fade into each other; None where they jump.

    Example:
        >>> "presentations" in osciprop.online.SimulationState.__dataclass_fields__
        True
    """

    network: AbstractNetwork
    rule: PyTree
    u: State
    noise: PyTree
    filters: Demodulated
    presentations: Int[Array, ""]
    before: PyTree[Array] = None

    @property
    def count(self) -> int:
        """The number of presentations so far."""
        return int(self.presentations)


class Report(Module):
    """What every presentation tells: cost and metric of the mean activity at its end, and whether
    the integration went through.
    """

    loss: Float[Array, ""]
    score: Float[Array, ""]
    completed: Bool[Array, ""]


# What an experimenter may look at: (network, u, s, mean, error) -> any pytree of arrays.
Observe = Callable[[AbstractNetwork, State, State, State, State], PyTree[Array]]


def begin(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    simulation: Simulation,
    key: PRNGKeyArray | None,
) -> SimulationState:
    """A network at rest, before the first presentation."""
    noise = simulation.noise
    if noise is not None or simulation.measurement is not None:
        require_key(key)
    u = to_complex(network.rest(x))
    return SimulationState(
        network=network,
        rule=simulation.plasticity.begin(eqx.filter(network, network.trainable())),
        u=u,
        # Presentations fold in their own numbers, counted from 0.
        noise=None
        if noise is None
        else noise.initial(u, key=jax.random.fold_in(require_key(key), 2**32 - 1)),
        filters=simulation.lock_in.begin(network.activity(u)),
        presentations=jnp.zeros((), dtype=int),
        before=simulation.transition.begin(x, output_count(network, x)),
    )


@eqx.filter_jit
def present(
    state: SimulationState,
    x: Clamped,
    y: Targets | AbstractSignal,
    simulation: Simulation,
    key: PRNGKeyArray | None,
    metric: AbstractMetric,
    observe: Observe | None,
    samples: int,
) -> tuple[SimulationState, Report, PyTree[Array]]:
    """One presentation: the state after it, its report, and what `observe` saw `samples` times per
    period, as arrays (periods, samples, ...); None without `observe`.

    Signals count time from the beginning of the presentation.
    """
    teaching, plasticity, transition = (
        simulation.teaching,
        simulation.plasticity,
        simulation.transition,
    )
    arrays, static = eqx.partition(state.network, eqx.is_array)
    dtype = real_dtype(state.u)
    times = jnp.arange(samples + 1, dtype=dtype) / samples * teaching.period.astype(dtype)
    own_key = numbered_key(key, state.presentations)
    ramp_periods = jnp.ceil(teaching.ramp / teaching.period).astype(dtype)
    turn = teaching.period.astype(dtype)
    shown = transition.clamped(x, y, state.before, state.presentations == 0, turn)

    def period(carry: tuple[Any, ...], place: Array) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        arrays, rule, moment = carry
        network = eqx.combine(arrays, static)
        index = state.presentations * simulation.presentation + place
        # Beyond the ramp all periods are alike: their number stays out of the phase.
        offset = jnp.minimum(index.astype(dtype), ramp_periods) * turn
        inputs, targets = (later(each, place.astype(dtype) * turn - offset) for each in shown)
        online = OnlineSystem(
            network,
            inputs,
            targets,
            teaching,
            simulation.lock_in,
            plasticity,
            simulation.noise,
            driven(network, inputs),
        )
        silent = simulation.noise is None and simulation.measurement is None

        after, observed, solution = simulation.integrator.advance(
            online if silent else NoisyOnlineSystem(online, simulation.measurement),
            moment,
            times,
            None if observe is None else _look(online, observe),
            key=numbered_key(own_key, place),
            offset=offset,
        )
        network = online.current_network(after)
        if not plasticity.moves():
            gradient = online.gradient(offset + turn, after)
            network, rule = plasticity.update(gradient, rule, network, index)
        completed = solution.result == diffrax.RESULTS.successful
        seen = jax.tree.map(lambda leaf: leaf[1:], observed)
        return (eqx.filter(network, eqx.is_array), rule, after), (completed, seen)

    parameters = eqx.filter(state.network, state.network.trainable())
    moment = Moment(state.u, state.noise, state.filters, parameters if plasticity.moves() else None)
    (arrays, rule, moment), (completed, observed) = jax.lax.scan(
        period, (arrays, state.rule, moment), jnp.arange(simulation.presentation)
    )
    network = eqx.combine(arrays, static)
    mean = simulation.lock_in.mean(moment.filters)
    last = value_at(y, simulation.presentation * turn)
    report = Report(
        loss=batch_mean(network.cost(mean, last)),
        score=metric.batch(network.output(mean), last),
        completed=jnp.all(completed) & all_finite(moment),
    )
    after = SimulationState(
        network,
        rule,
        moment.u,
        moment.noise,
        moment.filters,
        state.presentations + 1,
        transition.remember(x, y, state.before),
    )
    return after, report, observed


def _look(online: OnlineSystem, observe: Observe) -> Callable[[Moment], PyTree[Array]]:
    """`observe` as a function of the whole simulation."""

    def look(now: Moment) -> PyTree[Array]:
        network, filters = online.current_network(now), now.filters
        s = network.activity(now.u)
        return observe(
            network, now.u, s, online.lock_in.mean(filters), online.lock_in.error(filters)
        )

    return look
