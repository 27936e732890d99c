"""Equilibrium propagation with noise on every neuron: nudge, wait, read, contrast.

As in the code of hep2022 (Fig. 3c, Table 1): a free equilibrium without noise, then noisy phases
one after the other, each for a fixed time at one value of the teaching signal. A phase goes on from
the state in which the one before it ended, and with noise the lower half circle is no mirror image
of the upper one: all points are simulated. What noise leaves of a state is read, not solved for, so
that no tolerance ends a phase.
"""

import abc

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Int, PRNGKeyArray, PyTree

from ..dynamics.dynamics import Dynamics, require_holomorphic
from ..dynamics.integration import Integrator, euler_maruyama
from ..dynamics.noise import AbstractNoise
from ..dynamics.stochastic import require_key, with_noise
from ..dynamics.teaching import AMPLITUDE_REMEDY, Constant, Contour
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive, is_traced
from ..networks.complexity import is_complex, real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States, require_energy
from ..networks.trees import all_finite
from ..settings import Module, Number, number, optional_number
from .contour import relax_free
from .contrast import contrast
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, at_equilibrium

DURATION_REMEDY = "give the time of a phase in the units of the time constants; 60 settles many"


class NoisyDiagnostics(AbstractDiagnostics):
    """The free relaxation, and whether the noisy phases ended in states that can be read.

    `completed` says for each phase whether it reached its end with finite states; `steps` counts
    the integrator's steps in all phases. Noise has no tolerance to reach: how far it moves the
    gradient is seen by repeating the estimate with another key.
    """

    free: Solution
    completed: Bool[Array, " phases"]
    steps: Int[Array, ""]
    amplitude: Float[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & jnp.all(self.completed)

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"the free equilibrium did not converge ({self.free}). Remedies: another "
                "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps, a "
                "looser tolerance, smaller weights"
            )
        completed = np.asarray(self.completed)
        if not completed.all():
            return (
                f"{np.count_nonzero(~completed)} of {completed.size} noisy phases at amplitude "
                f"{float(self.amplitude):.4g} ended early or in states that are not finite, the "
                f"first of them phase {int(np.argmin(completed))}. Remedies: a smaller amplitude, "
                "less noise, an integrator with a smaller step, e.g. euler_maruyama(0.1), or more "
                "max_steps"
            )
        return ""

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        completed = np.asarray(self.completed)
        return (
            f"noisy: {np.count_nonzero(completed)} of {completed.size} phases completed, "
            f"{int(self.steps)} steps, amplitude {float(self.amplitude):.4g}"
        )


# One step per time constant: a synchronous update, as the authors make it.
ONE_STEP = euler_maruyama(1.0)


class NoisyPhases(Module):
    """How a noisy network is held at one teaching value after the other, and read there.

    A phase is read in its last part, the last time at its end.

    Args:
        noise: Noise on every neuron's input current.
        duration: Time of a phase, in units of time, where `run` is given no others.
        reads: How often a phase is read, at least once.
        spacing: Time between two reads, in units of time.
        relaxation: How the free equilibrium is found.
        integrator: How to integrate in time.

    Raises:
        TypeError: `noise` is none.
        ValueError: a number is not positive, or a phase is too short for its reads.
    """

    noise: AbstractNoise
    duration: Number = eqx.field(converter=number)
    reads: int = eqx.field(static=True)
    spacing: Number = eqx.field(converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()
    integrator: Integrator = ONE_STEP

    def __check_init__(self) -> None:
        check_at_least("reads", self.reads, 1, "a phase must be read to count")
        check_positive("spacing", self.spacing, "give the time between two reads of a phase")
        _check_duration("duration", self.duration, self.reads, self.spacing)

    def run(
        self,
        free: Dynamics,
        u: State,
        y: Targets,
        betas: Inexact[Array, " phases"],
        durations: Float[Array, " phases"],
        key: PRNGKeyArray | None,
    ) -> tuple[States, Bool[Array, " phases"], Int[Array, ""]]:
        """Activities (phases * reads, batch, ...) by phase, which phases completed, and the steps.

        Starts at the potential `u`. Raises `ValueError` without a key.
        """
        begin_key, phases_key = jax.random.split(require_key(key))
        start = to_complex(u) if is_complex(betas) else u
        dtype = real_dtype(start)
        # The reads of a phase by their time before its end.
        before = self.spacing.astype(dtype) * jnp.arange(self.reads - 1, -1, -1, dtype=dtype)

        def phase(
            carry: tuple[State, PyTree], now: tuple[Array, Array, Array]
        ) -> tuple[tuple[State, PyTree], tuple[States, Array, Array]]:
            index, beta, duration = now
            system = with_noise(Dynamics(free.network, free.drive, y, Constant(beta)), self.noise)
            times = jnp.concatenate([jnp.zeros(1, dtype=dtype), duration.astype(dtype) - before])
            states, solution = self.integrator.run(
                system, carry, times, key=jax.random.fold_in(phases_key, index)
            )
            reads = jax.tree.map(lambda leaf: leaf[1:], states[0])
            completed = solution.result == diffrax.RESULTS.successful
            return (
                jax.tree.map(lambda leaf: leaf[-1], states),
                (
                    jax.vmap(free.network.activity)(reads),
                    completed & all_finite(reads),
                    solution.stats["num_steps"],
                ),
            )

        first = Dynamics(free.network, free.drive, y, Constant(betas[0]))
        begun = with_noise(first, self.noise).begin(start, begin_key)
        _, (s, completed, steps) = jax.lax.scan(
            phase, begun, (jnp.arange(betas.shape[0]), betas, durations)
        )
        in_one_row = jax.tree.map(lambda leaf: leaf.reshape((-1, *leaf.shape[2:])), s)
        return in_one_row, completed, jnp.sum(steps)


def _check_duration(name: str, duration: ArrayLike, reads: int, spacing: ArrayLike) -> None:
    """Raise `ValueError` unless a known phase is long enough for its reads."""
    check_positive(name, duration, DURATION_REMEDY)
    if is_traced((duration, spacing)):
        return
    needed = (reads - 1) * float(np.asarray(spacing))
    if not float(np.asarray(duration)) > needed:
        raise ValueError(
            f"{name}={duration} must exceed {needed:g}, the time that reads={reads} take at a "
            f"spacing of {spacing}: give a longer {name}, or fewer reads"
        )


Schedule = tuple[Inexact[Array, " phases"], Float[Array, " phases"], Inexact[Array, " phases"]]


class _NoisyMethod(AbstractGradientMethod):
    """Shared frame: the contrast of what noisy phases show in turn."""

    amplitude: eqx.AbstractVar[Number]

    @abc.abstractmethod
    def phases(self) -> NoisyPhases:
        """How each phase is held and read."""

    @abc.abstractmethod
    def schedule(self) -> Schedule:
        """The teaching value of each phase, its duration, and its weight in the contrast."""

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        self.phases()  # they check themselves

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        phases = self.phases()
        betas, durations, weights = self.schedule()
        dynamics, free = relax_free(network, x, phases.relaxation, initial)
        states, completed, steps = phases.run(dynamics, free.u, y, betas, durations, key)

        def each_read(values: Array) -> Array:
            return jnp.repeat(values, phases.reads)

        shares = each_read(weights / phases.reads)
        gradient = contrast(network, x, y, states, each_read(betas), shares)
        diagnostics = NoisyDiagnostics(free, completed, steps, jnp.asarray(self.amplitude))
        return at_equilibrium(network, y, free, gradient, diagnostics, None)

    def free(
        self, network: AbstractNetwork, x: Array, estimate: Estimate, initial: State | None
    ) -> Solution | None:
        return None


class NoisyClassicEP(_NoisyMethod):
    """One-sided equilibrium propagation under noise: a free phase, then a nudged one.

    From a noiseless free equilibrium the network runs under noise without a nudge, then with the
    real nudge `amplitude`; the gradient contrasts the means over the reads of each. Besides the
    bias of `ClassicEP`, of order `amplitude`, the noise leaves an error that falls as
    `1 / amplitude`. Needs a key: `estimate_gradient(..., key=key)`.

    The authors of hep2022 read the first five steps of the free phase and those that follow T2
    steps of the nudged one: `reads=5, free_duration=5, duration=T2 + 4`, with
    `WhiteNoise(D, sharing=SharedAcrossBatch())`, whose D is their standard deviation at every step
    because the default `integrator` makes one step per unit of time.

    Args:
        amplitude: Size of the nudge, above 0.
        noise: Noise on every neuron's input current.
        duration: Time of the nudged phase, in units of time.
        free_duration: Time of the free phase, in units of time; None for `duration`.
        reads: How often a phase is read, in its last part.
        spacing: Time between two reads, in units of time.
        relaxation: How the free equilibrium is found.
        integrator: How to integrate in time; by default one step per unit of time.

    Raises:
        ValueError: a number is not positive, or a phase is too short for its reads; by
            `estimate_gradient`, without a key.
        TypeError: `noise` is none.

    Source: hep2022, Fig. 3c and Table 1.

    Example:
        >>> noise = osciprop.WhiteNoise(1e-3)
        >>> method = osciprop.gradients.NoisyClassicEP(0.1, noise, duration=20.0)
        >>> bool(osciprop.estimate_gradient(network, x, y, method, key=key).converged)
        True
    """

    amplitude: Number = eqx.field(converter=number)
    noise: AbstractNoise
    duration: Number = eqx.field(default=60.0, converter=number, kw_only=True)
    free_duration: Number | None = eqx.field(default=None, converter=optional_number, kw_only=True)
    reads: int = eqx.field(default=5, static=True, kw_only=True)
    spacing: Number = eqx.field(default=1.0, converter=number, kw_only=True)
    relaxation: AbstractRelaxation = eqx.field(default=OwnRelaxation(), kw_only=True)
    integrator: Integrator = eqx.field(default=ONE_STEP, kw_only=True)

    def __check_init__(self) -> None:
        self.phases()  # they check themselves, and what the next line needs
        if self.free_duration is not None:
            _check_duration("free_duration", self.free_duration, self.reads, self.spacing)

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)

    def phases(self) -> NoisyPhases:
        return NoisyPhases(
            self.noise, self.duration, self.reads, self.spacing, self.relaxation, self.integrator
        )

    def schedule(self) -> Schedule:
        beta = jnp.asarray(self.amplitude)
        free = self.duration if self.free_duration is None else self.free_duration
        return (
            jnp.stack([jnp.zeros_like(beta), beta]),
            jnp.stack([free, self.duration]),
            jnp.stack([1 / beta, -1 / beta]),
        )


class NoisyHolomorphicEP(_NoisyMethod):
    """Holomorphic equilibrium propagation under noise: `points` phases round the circle.

    From a noiseless free equilibrium the network runs under noise at each of
    `amplitude * exp(2 pi i k / points)`, k = 0, 1, ..., and is read. The noise leaves an error that
    falls as `1 / amplitude`; unlike `NoisyClassicEP` the amplitude can be as large as the circle of
    `HolomorphicEP`, whose error `(amplitude / R)^points` stays. Needs a key:
    `estimate_gradient(..., key=key)`.

    The authors of hep2022 read once, after T2 steps: `duration=T2`, with
    `WhiteNoise(D, sharing=SharedAcrossBatch())`. Two points are all real.

    Args:
        amplitude: Radius of the circle, above 0.
        points: Number of points on the circle.
        noise: Noise on every neuron's input current.
        duration: Time of a phase, in units of time.
        reads: How often a phase is read, in its last part.
        spacing: Time between two reads, in units of time.
        relaxation: How the free equilibrium is found.
        integrator: How to integrate in time; by default one step per unit of time.

    Raises:
        ValueError: a number is not positive, there are fewer than two points, or a phase is too
            short for its reads; by `estimate_gradient`, without a key.
        TypeError: `noise` is none.

    Source: hep2022, Fig. 3c and Table 1.

    Example:
        >>> noise = osciprop.WhiteNoise(1e-3)
        >>> method = osciprop.gradients.NoisyHolomorphicEP(0.3, 5, noise, duration=20.0)
        >>> bool(osciprop.estimate_gradient(network, x, y, method, key=key).converged)
        True
    """

    amplitude: Number = eqx.field(converter=number)
    points: int = eqx.field(static=True)
    noise: AbstractNoise
    duration: Number = eqx.field(default=60.0, converter=number, kw_only=True)
    reads: int = eqx.field(default=1, static=True, kw_only=True)
    spacing: Number = eqx.field(default=1.0, converter=number, kw_only=True)
    relaxation: AbstractRelaxation = eqx.field(default=OwnRelaxation(), kw_only=True)
    integrator: Integrator = eqx.field(default=ONE_STEP, kw_only=True)

    def __check_init__(self) -> None:
        remedy = "for one point use osciprop.gradients.NoisyClassicEP"
        check_at_least("points", self.points, 2, remedy)

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)
        if self.points > 2:
            require_holomorphic(network)

    def phases(self) -> NoisyPhases:
        return NoisyPhases(
            self.noise, self.duration, self.reads, self.spacing, self.relaxation, self.integrator
        )

    def schedule(self) -> Schedule:
        points, contour = self.points, Contour(self.amplitude, self.points)
        # The two real points of a real simulation, or the whole circle.
        betas = contour.upper()[0] if points == 2 else contour.betas()
        return betas, jnp.full(points, self.duration), -1 / (points * betas)
