"""Always-on oscillatory equilibrium propagation: no phases, no free state, one rotating nudge.

The network is integrated under `beta(t) = r exp(2 pi i t / T)` and never stopped or reset. The
gradient is the first Fourier coefficient of `-d phi_tot / d theta` over each period (hep2022, Eq.
for the continuous-time estimate), averaged over periods by a lock-in. Over a whole period equally
spaced samples of a periodic signal integrate it with exponential accuracy.

For any amplitude inside the radius of convergence the settled first harmonic of the activity is
exactly `-(i omega tau D^{-1} - J)^{-1} dC/ds` times `r`: amplitude causes no bias, only lag does.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ..dynamics.dynamics import Dynamics, make_dynamics, require_holomorphic
from ..dynamics.integration import Integrator, adaptive, euler_maruyama
from ..dynamics.noise import AbstractNoise, MeasurementNoise
from ..dynamics.stochastic import numbered_key, require_key, two_keys, with_noise
from ..dynamics.teaching import (
    AMPLITUDE_REMEDY,
    PERIOD_REMEDY,
    RAMP_REMEDY,
    Oscillation,
)
from ..equilibria.relaxation import judge
from ..equilibria.relaxing import relax
from ..equilibria.solution import Solution
from ..equilibria.spectra import harmonic_sizes
from ..errors import check_at_least, check_not_negative, check_positive, is_traced
from ..networks.complexity import real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.moving import prepare_moving_pair
from ..networks.network import AbstractNetwork, State
from ..networks.signals import (
    AbstractSignal,
    Clamped,
    mean_reading,
    readings,
    standing,
    value_at,
)
from ..networks.trees import norm
from ..settings import Module, Number, number
from .accuracy import Accuracy
from .averages import AbstractLockIn, Cumulative
from .estimate import Estimate, batch_mean
from .oscillation import (
    AbstractOscillation,
    OscillationDiagnostics,
    lag_bias,
)
from .rules import AbstractLearningRule, ActivityProducts, first_coefficient
from .turns import phases, stored


class Running(Module):
    """An oscillating network between two periods: everything that the next one needs.

    `u` is the membrane potential now, `noise` the state that coloured noise carries, `key` the
    source of all noise, `index` the number of periods so far. `gradient`,
    `quadrature` (the imaginary part) and `weight` are the lock-in's sums. `harmonic` is the
    activity's first Fourier coefficient over the last period divided by the amplitude, `mean_u` the
    potential's mean.
    """

    u: State
    noise: PyTree
    key: PRNGKeyArray | None
    index: Int[Array, ""]
    gradient: PyTree[Array]
    quadrature: PyTree[Array]
    weight: Float[Array, ""]
    harmonic: State
    mean_u: State
    drift: Float[Array, ""]
    closure: Float[Array, ""]
    counter_rotation: Float[Array, ""]
    harmonics: Float[Array, " samples"]
    steps: Int[Array, ""]
    completed: Bool[Array, ""]


# Without and with noise on the neurons.
QUIET, NOISY = Integrator(stepsize_controller=adaptive(1e-4, 1e-4)), euler_maruyama(0.1)


class OscillatoryEP(AbstractOscillation):
    """The gradient from an always-on rotating teaching signal.

    No phases and no free state: the network starts from rest, or goes on from where it was
    (`estimate_gradient(..., initial=u)`), and is read while it oscillates. Exact at any amplitude
    inside the radius of convergence, up to the lag of its neurons.

    Noise needs a key: `estimate_gradient(..., key=key)`. Every reading counts then: give
    `rule=ErrorSignals()` and as many `samples` as a period has steps.

    Inputs and targets may be signals (docs/signals.md), whose time is 0 where the network starts.
    Loss, outputs and equilibrium are then those of the mean potential at the mean input, and for
    the mean target, of the last period. Nothing predicts the gradient's error, nor warns of it.

    Args:
        amplitude: Radius of the rotation, above 0.
        period: Time of one turn, in units of time, above 0; the longer, the smaller the lag's bias.
        settle_periods: Periods that pass before the lock-in listens.
        periods: Periods that it listens to, at least 1.
        samples: Readings per period, at least 4.
        ramp: Time over which the amplitude rises from 0, in units of time; at most that of the
            settling periods.
        rule: What a synapse makes of a period: `ActivityProducts()` as in the paper, or
            `ErrorSignals()`, made for many samples.
        lock_in: How the estimates of successive periods are averaged.
        integrator: How to integrate in time; None for Tsit5 with adaptive steps at tolerance 1e-4
            or, with `noise`, Euler-Maruyama with steps of 0.1.
        noise: Noise on every neuron's input current, all the time; None for none.
        measurement: Noise of the activities that the lock-in reads; None for none.

    Raises:
        ValueError: a number is out of its range.
        ReciprocityError: by `estimate_gradient`, where the rule needs an energy and there is none.
        HolomorphyError: by `estimate_gradient`, for a network that is not holomorphic.

    Source: hep2022, the estimate in continuous time.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.OscillatoryEP(0.1, 100.0))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.4, converter=number)
    period: Number = eqx.field(default=100.0, converter=number)
    settle_periods: int = eqx.field(default=1, static=True, kw_only=True)
    periods: int = eqx.field(default=1, static=True, kw_only=True)
    samples: int = eqx.field(default=16, static=True, kw_only=True)
    ramp: Number = eqx.field(default=0.0, converter=number, kw_only=True)
    rule: AbstractLearningRule = eqx.field(default=ActivityProducts(), kw_only=True)
    lock_in: AbstractLockIn = eqx.field(default=Cumulative(), kw_only=True)
    integrator: Integrator | None = eqx.field(default=None, kw_only=True)
    noise: AbstractNoise | None = eqx.field(default=None, kw_only=True)
    measurement: MeasurementNoise | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_positive("period", self.period, PERIOD_REMEDY)
        check_not_negative("ramp", self.ramp, RAMP_REMEDY)
        check_at_least("settle_periods", self.settle_periods, 0, "0 listens from the first moment")
        settling = self.settle_periods * self.period
        if not is_traced((self.ramp, settling)) and self.ramp > settling:
            raise ValueError(
                f"ramp={float(self.ramp):.4g} is longer than the {self.settle_periods} "
                f"settle_periods of {float(self.period):.4g}: the lock-in would listen while the "
                "amplitude still rises. Give more settle_periods or a shorter ramp"
            )
        check_at_least("periods", self.periods, 1, "the lock-in needs a whole period")
        check_at_least("samples", self.samples, 4, "fewer samples cannot tell the harmonics apart")

    @property
    def teaching(self) -> Oscillation:
        """The teaching signal."""
        return Oscillation(self.amplitude, self.period, self.ramp)

    def used_integrator(self) -> Integrator:
        """The integrator, or the default for a network with or without noise."""
        if self.integrator is not None:
            return self.integrator
        return QUIET if self.noise is None else NOISY

    def check(self, network: AbstractNetwork) -> None:
        self.rule.check(network)
        require_holomorphic(network)

    def prepare(self, network: AbstractNetwork, x: Any, y: Any) -> tuple[Any, Any]:
        if standing(x) and standing(y):
            return super().prepare(network, x, y)
        return prepare_moving_pair(network, x, y, 0.0)

    def begin(
        self,
        network: AbstractNetwork,
        x: Clamped,
        initial: State | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Running:
        """The network before the first period, at rest or at `initial`.

        Raises `ValueError` if there is noise but no key.
        """
        noise = self.noise
        if self.measurement is not None:
            require_key(key)
        rest = to_complex(network.rest(value_at(x, 0.0)))
        u = rest if initial is None else jax.tree.map(lambda a, b: a.astype(b.dtype), initial, rest)
        # Folded in beyond any number of periods, whose noise it must not share.
        own = (
            None
            if noise is None
            else noise.initial(u, key=jax.random.fold_in(require_key(key), 2**32 - 1))
        )
        dtype = real_dtype(u)
        zeros = jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array))
        empty = jax.tree.map(jnp.zeros_like, network.activity(u))
        return Running(
            u=u,
            noise=own,
            key=key,
            index=jnp.asarray(0),
            gradient=zeros,
            quadrature=zeros,
            weight=jnp.zeros((), dtype=dtype),
            harmonic=empty,
            mean_u=jax.tree.map(jnp.zeros_like, u),
            drift=jnp.asarray(jnp.inf, dtype=dtype),
            closure=jnp.asarray(jnp.inf, dtype=dtype),
            counter_rotation=jnp.zeros((), dtype=dtype),
            harmonics=jnp.zeros(self.samples, dtype=dtype),
            steps=jnp.asarray(0),
            completed=jnp.asarray(True),
        )

    @eqx.filter_jit
    def advance(
        self,
        network: AbstractNetwork,
        x: Clamped,
        y: Targets | AbstractSignal,
        running: Running,
    ) -> Running:
        """One more period. A stream of these is the online estimate, at constant memory."""
        return self._advance(make_dynamics(network, x, y, self.teaching), x, y, running)

    def _advance(
        self, dynamics: Dynamics, x: Clamped, y: Targets | AbstractSignal, running: Running
    ) -> Running:
        network = dynamics.network
        dtype = real_dtype(running.u)
        cdtype = jax.tree.leaves(running.u)[0].dtype
        period, amplitude = self.period.astype(dtype), self.amplitude.astype(dtype)
        moving = not (standing(x) and standing(y))
        grid = stored(self.samples, moving, dtype)
        key = numbered_key(running.key, running.index)
        # Beyond the ramp all periods are alike: their number stays out of the phase's last digits.
        ramp_periods = jnp.ceil(self.ramp.astype(dtype) / period)
        offset = jnp.minimum(running.index.astype(dtype), ramp_periods) * period
        begin = running.index.astype(dtype) * period
        (states, own), solution = self.used_integrator().run(
            with_noise(dynamics.later(begin - offset), self.noise),
            (running.u, running.noise),
            grid * period,
            key=key,
            offset=offset,
        )
        samples = jax.tree.map(lambda leaf: leaf[1 : self.samples + 1], states)
        end = jax.tree.map(lambda leaf: leaf[-1], states)
        activity = jax.vmap(network.activity)(samples)
        if self.measurement is not None:
            read_key = jax.random.fold_in(require_key(key), 2**32 - 1)
            activity = self.measurement.read(activity, period / self.samples, key=read_key)
        from_phase_zero = jax.tree.map(lambda leaf: jnp.roll(leaf, 1, axis=0), activity)
        ended = network.activity(end) if moving else jax.tree.map(lambda leaf: leaf[-1], activity)
        gap = jax.tree.map(jnp.subtract, network.activity(running.u), ended)

        turn = jnp.asarray(phases(self.samples, moving), dtype=cdtype)
        betas = amplitude.astype(cdtype) * turn
        harmonic = first_coefficient(activity, betas)
        # What turns the other way, against the same amplitude.
        backward = first_coefficient(activity, betas.conj())
        size = jnp.maximum(norm(harmonic), jnp.finfo(dtype).tiny).astype(dtype)
        change = norm(jax.tree.map(lambda a, b: a - b, harmonic, running.harmonic)).astype(dtype)

        times = begin + grid[1 : self.samples + 1] * period
        gradient, quadrature = self.rule.gradient(
            network, readings(x, times), readings(y, times), activity, betas
        )
        listening = (running.index >= self.settle_periods).astype(dtype)
        memory = self.lock_in.memory().astype(dtype)

        def remember(total: PyTree[Array], new: PyTree[Array]) -> PyTree[Array]:
            return jax.tree.map(
                lambda a, b: memory.astype(a.dtype) * a + listening.astype(a.dtype) * b, total, new
            )

        return Running(
            u=end,
            noise=jax.tree.map(lambda leaf: leaf[-1], own),
            key=running.key,
            index=running.index + 1,
            gradient=remember(running.gradient, gradient),
            quadrature=remember(running.quadrature, quadrature),
            weight=memory * running.weight + listening,
            harmonic=harmonic,
            mean_u=jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), samples),
            drift=change / size,
            closure=norm(gap).astype(dtype) / (amplitude * size),
            counter_rotation=norm(backward).astype(dtype) / size,
            harmonics=harmonic_sizes(from_phase_zero),
            steps=running.steps + solution.stats["num_steps"],
            completed=running.completed & jnp.isfinite(size) & jnp.isfinite(change),
        )

    def conclude(
        self,
        network: AbstractNetwork,
        x: Clamped,
        y: Targets | AbstractSignal,
        running: Running,
    ) -> Estimate:
        """The estimate so far. Loss and outputs are those of the mean potential over the last
        period, which is the free equilibrium (mean-value theorem): no free phase is needed.
        """
        dtype = real_dtype(running.u)
        moving = not (standing(x) and standing(y))
        parts = stored(self.samples, moving, dtype)[1 : self.samples + 1]
        times = (running.index.astype(dtype) - 1 + parts) * self.period.astype(dtype)
        mean_x, mean_y = mean_reading(readings(x, times)), mean_reading(readings(y, times))
        weight = jnp.where(running.weight > 0, running.weight, jnp.nan)

        def normalise(tree: PyTree[Array]) -> PyTree[Array]:
            return jax.tree.map(lambda leaf: leaf / weight.astype(leaf.dtype), tree)

        gradient, quadrature = normalise(running.gradient), normalise(running.quadrature)
        u = jax.tree.map(jnp.real, running.mean_u)
        free = Dynamics(network, network.drive(mean_x), None, self.teaching)
        time = running.index.astype(dtype) * self.period.astype(dtype)
        # How far the mean may be from equilibrium for its loss to be believed: the drift says more.
        tolerance = jnp.asarray(1e-2, dtype=dtype)
        equilibrium = judge(free, u, tolerance, running.steps, time)
        tiny = jnp.finfo(dtype).tiny
        real = jax.tree.map(jnp.real, running.harmonic)
        imaginary = jax.tree.map(jnp.imag, running.harmonic)
        return Estimate(
            gradient=gradient,
            loss=batch_mean(network.cost(equilibrium.s, mean_y)),
            outputs=network.output(equilibrium.s),
            equilibrium=equilibrium,
            diagnostics=OscillationDiagnostics(
                amplitude=self.amplitude,
                period=self.period,
                lag=norm(imaginary) / jnp.maximum(norm(real), tiny),
                lag_bias=lag_bias(gradient, quadrature),
                drift=running.drift,
                closure=running.closure,
                leakage=norm(quadrature) / jnp.maximum(norm(gradient), tiny),
                counter_rotation=running.counter_rotation,
                harmonics=running.harmonics,
                steps=running.steps,
                completed=running.completed,
                noisy=self.noise is not None or self.measurement is not None,
                moving=moving,
            ),
            error_signal=self.rule.signal(network, real),
        )

    def estimate(
        self,
        network: AbstractNetwork,
        x: Clamped,
        y: Targets | AbstractSignal,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        running = self._whole(network, x, y, self.begin(network, x, initial, key))
        return self.conclude(network, x, y, running)

    def free(
        self, network: AbstractNetwork, x: Array, estimate: Estimate, initial: State | None
    ) -> Solution | None:
        if self.noise is not None or self.measurement is not None:
            return None
        # The oscillation can have left for another branch than that reached from the start.
        return relax(network, x, initial=initial, throw=False)

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Clamped,
        y: Targets | AbstractSignal,
        estimate: Estimate,
        initial: State | None = None,
    ) -> Accuracy | None:
        if isinstance(x, AbstractSignal) or isinstance(y, AbstractSignal):
            return None
        return super().accuracy(network, x, y, estimate, initial)

    def concerns(self, network: AbstractNetwork, x: Clamped, estimate: Estimate) -> list[str]:
        if isinstance(x, AbstractSignal):
            return estimate.diagnostics.concerns()
        return super().concerns(network, x, estimate)

    def _whole(
        self, network: AbstractNetwork, x: Clamped, y: Targets | AbstractSignal, running: Running
    ) -> Running:
        """All periods, settling included."""
        dynamics = make_dynamics(network, x, y, self.teaching)

        def period(running: Running, _: None) -> tuple[Running, None]:
            return self._advance(dynamics, x, y, running), None

        return jax.lax.scan(period, running, length=self.settle_periods + self.periods)[0]

    def at_two_periods(
        self,
        network: AbstractNetwork,
        x: Clamped,
        y: Targets | AbstractSignal,
        initial: State | None,
        key: PRNGKeyArray | None,
    ) -> tuple[Estimate, Estimate]:
        first, second = two_keys(key)
        running = self._whole(network, x, y, self.begin(network, x, initial, first))
        # Every period ends at the phase at which the next begins, the amplitude has risen, and the
        # noise goes on: nothing jumps.
        slower = eqx.tree_at(
            lambda method: (method.period, method.ramp),
            self,
            (2 * self.period, jnp.zeros_like(self.ramp)),
        )
        start = slower.begin(network, x, running.u, second)
        start = eqx.tree_at(
            lambda state: state.noise, start, running.noise, is_leaf=lambda part: part is None
        )
        later = slower._whole(network, x, y, start)
        return self.conclude(network, x, y, running), slower.conclude(network, x, y, later)
