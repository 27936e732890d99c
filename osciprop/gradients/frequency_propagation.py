"""Frequency propagation: activations at one frequency, errors at another, in one real oscillation.

The input drives the network steadily, and error currents `-amplitude cos(omega t) dC/ds` drive its
outputs. Every unit tells its mean `a` and its component `b` at the error's frequency, per unit of
amplitude, apart; the gradient is the product of the two, for a conductance `(a_j - a_k)
(b_j - b_k)`: the local rule, with no phases and no complex numbers.

A cosine is two rotations, and products of three of them fall on the first harmonic again: the
amplitude makes a bias of order `amplitude^2`, which a single rotation (`osciprop.OscillatoryEP`)
does not. With error currents that are frozen at the free outputs' error there is none in linear
networks. A finite frequency makes one of order `omega^2` in the component in phase.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, PRNGKeyArray

from ..dynamics.dynamics import Dynamics, cost_force
from ..dynamics.integration import Integrator, adaptive
from ..dynamics.stochastic import with_noise
from ..dynamics.teaching import (
    AMPLITUDE_REMEDY,
    PERIOD_REMEDY,
    RealOscillation,
    roots_of_unity,
)
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import complex_like, real_dtype
from ..networks.costs import Targets
from ..networks.extensions import AbstractExtension
from ..networks.network import AbstractNetwork, State, States, require_energy
from ..networks.trees import norm, sample_products
from ..settings import Module, Number, number
from .contour import by_point, for_points, relax_free, relax_nudged
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, at_equilibrium
from .local import local_gradient
from .oscillation import BIAS_LIMIT, CLOSURE_LIMIT


class _GivenError(AbstractExtension):
    """A network with a linear cost of a given slope, whatever the target."""

    network: AbstractNetwork
    slope: State

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return sample_products(s, complex_like(self.slope, s))


class AbstractErrorCurrent(Module):
    """What the error currents at the outputs are in proportion to.

    Example:
        >>> isinstance(osciprop.gradients.LiveError(), osciprop.gradients.AbstractErrorCurrent)
        True
    """

    @abc.abstractmethod
    def driven(self, network: AbstractNetwork, free: State, y: Targets) -> AbstractNetwork:
        """The network with a cost whose slope is the error, `free` being its free activity."""


class FrozenError(AbstractErrorCurrent):
    """The error of the free outputs, as of a circuit that stores it: exact in linear networks.

    Source: Anisetti, Kandala, Scellier and Schwarz 2024.

    Example:
        >>> osciprop.gradients.FrequencyPropagation().error_current
        FrozenError()
    """

    def driven(self, network: AbstractNetwork, free: State, y: Targets) -> AbstractNetwork:
        return _GivenError(network, cost_force(network, free, y))


class LiveError(AbstractErrorCurrent):
    """The error of the outputs at that moment: no free phase, and a bias of order `amplitude^2`
    also in linear networks.

    Example:
        >>> osciprop.gradients.FrequencyPropagation(error_current=osciprop.gradients.LiveError())
        FrequencyPropagation(...
    """

    def driven(self, network: AbstractNetwork, free: State, y: Targets) -> AbstractNetwork:
        return network


class Oscillated(Module):
    """What units tell of an oscillation: mean, and component in phase and in quadrature per unit
    of amplitude; `closure` is how far the last period misses closing on itself, relative to the
    oscillation.
    """

    mean: State
    in_phase: State
    quadrature: State
    closure: Float[Array, ""]
    solved: Bool[Array, ""]
    steps: Int[Array, ""]


class AbstractErrorOscillation(Module):
    """How the response to error currents at a frequency is found.

    Example:
        >>> osciprop.gradients.FrequencyPropagation().oscillation.points
        16
    """

    @abc.abstractmethod
    def respond(
        self,
        dynamics: Dynamics,
        y: Targets,
        free: Solution,
        amplitude: Number,
        relaxation: AbstractRelaxation,
    ) -> Oscillated:
        """Mean and first harmonic of `dynamics` under `amplitude cos(omega t)`."""


class QuasiStatic(AbstractErrorOscillation):
    """The limit of low frequencies: equilibria at equally spaced phases of the cosine, all real.

    Args:
        points: Number of phases of a period, at least 4; what is left out falls with it
            exponentially. Half of them are simulated, since the cosine comes back.

    Raises:
        ValueError: `points` is below 4.

    Example:
        >>> osciprop.gradients.QuasiStatic(32).points
        32
    """

    points: int = eqx.field(default=16, static=True)

    def __check_init__(self) -> None:
        check_at_least("points", self.points, 4, "fewer cannot tell the harmonics apart")

    def respond(
        self,
        dynamics: Dynamics,
        y: Targets,
        free: Solution,
        amplitude: Number,
        relaxation: AbstractRelaxation,
    ) -> Oscillated:
        half = np.arange(self.points // 2 + 1)
        count = np.where((half == 0) | (2 * half == self.points), 1, 2) / self.points
        cosine = roots_of_unity(self.points).real[half]
        betas = amplitude.astype(real_dtype(free.u)) * jnp.asarray(cosine, real_dtype(free.u))
        slope = for_slopes(dynamics, len(half))
        nudged = relax_nudged(slope, y, betas, free, relaxation)
        # Less the free state, of which a whole period keeps nothing in its harmonics.
        moved = jax.tree.map(lambda a, b: a - b[None], by_point(nudged.s, len(half)), free.s)
        drift = weighted(count, moved)
        in_phase = jax.tree.map(
            lambda leaf: leaf / amplitude.astype(leaf.dtype), weighted(2 * count * cosine, moved)
        )
        return Oscillated(
            mean=jax.tree.map(jnp.add, free.s, drift),
            in_phase=in_phase,
            quadrature=jax.tree.map(jnp.zeros_like, in_phase),
            closure=jnp.zeros((), dtype=real_dtype(free.u)),
            solved=jnp.all(nudged.converged),
            steps=nudged.steps,
        )


class Periodic(AbstractErrorOscillation):
    """The oscillation in time, read over one period after it has settled.

    Args:
        period: Of the error currents, in units of time, above 0; the longer, the smaller the lag.
        settle_periods: Periods that pass before one is read.
        samples: Readings of that period, at least 4.
        integrator: How to integrate in time.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> osciprop.gradients.Periodic(period=50.0).samples
        32
    """

    period: Number = eqx.field(default=100.0, converter=number)
    settle_periods: int = eqx.field(default=1, static=True, kw_only=True)
    samples: int = eqx.field(default=32, static=True, kw_only=True)
    integrator: Integrator = eqx.field(
        default=Integrator(stepsize_controller=adaptive(1e-6, 1e-6)), kw_only=True
    )

    def __check_init__(self) -> None:
        check_positive("period", self.period, PERIOD_REMEDY)
        check_at_least("settle_periods", self.settle_periods, 0, "0 reads from the first moment")
        check_at_least("samples", self.samples, 4, "fewer cannot tell the harmonics apart")

    def respond(
        self,
        dynamics: Dynamics,
        y: Targets,
        free: Solution,
        amplitude: Number,
        relaxation: AbstractRelaxation,
    ) -> Oscillated:
        network, dtype = dynamics.network, real_dtype(free.u)
        taught = Dynamics(network, dynamics.drive, y, RealOscillation(amplitude, self.period))
        grid = jnp.arange(self.samples + 1, dtype=dtype) / self.samples + self.settle_periods
        # A settled network begins where it was; without settling the two first times are one.
        begun = jnp.concatenate([jnp.zeros(1, dtype=dtype), grid[not self.settle_periods :]])
        (states, _), solution = self.integrator.run(
            with_noise(taught, None), (free.u, None), begun * self.period.astype(dtype)
        )
        last = jax.tree.map(lambda leaf: leaf[-self.samples - 1 :], states)
        activity = jax.vmap(network.activity)(last)
        samples = jax.tree.map(lambda leaf: leaf[1:], activity)
        # Readings follow the start of the period: phases 1 ... M of M.
        turn = np.roll(roots_of_unity(self.samples), -1)

        def component(factors: np.ndarray) -> State:
            summed = weighted(2 * factors / self.samples, samples)
            return jax.tree.map(lambda leaf: leaf / amplitude.astype(leaf.dtype), summed)

        in_phase = component(turn.real)
        gap = jax.tree.map(lambda leaf: leaf[-1] - leaf[0], activity)
        size = jnp.maximum(amplitude.astype(dtype) * norm(in_phase), jnp.finfo(dtype).tiny)
        return Oscillated(
            mean=jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), samples),
            in_phase=in_phase,
            # `exp(i omega t) b` has the sine of its imaginary part with a minus sign.
            quadrature=component(-turn.imag),
            closure=norm(gap).astype(dtype) / size,
            solved=jnp.isfinite(size),
            steps=solution.stats["num_steps"],
        )


def for_slopes(dynamics: Dynamics, points: int) -> Dynamics:
    """Dynamics whose given error, if it has one, is that of samples * points."""
    if not isinstance(dynamics.network, _GivenError):
        return dynamics
    slope = for_points(dynamics.network.slope, points)
    return Dynamics(
        _GivenError(dynamics.network.network, slope),
        dynamics.drive,
        dynamics.target,
        dynamics.teaching,
    )


def weighted(factors: np.ndarray, states: States) -> State:
    """The sum over times of states, each times its factor."""
    return jax.tree.map(
        lambda leaf: jnp.tensordot(jnp.asarray(factors, dtype=leaf.dtype), leaf, axes=1), states
    )


class FrequencyDiagnostics(AbstractDiagnostics):
    """What an oscillation of error currents tells about its own gradient.

    Args:
        free: The free relaxation.
        amplitude: Of the error currents.
        lag: Size of the component in quadrature relative to that in phase; its square is about the
            relative bias that the frequency makes.
        closure: How far the period that was read misses closing on itself, relative to the
            oscillation.
        solved: Whether all states of the oscillation were found.
        steps: Number of steps of the solver.

    Example:
        >>> method = osciprop.gradients.FrequencyPropagation(0.1)
        >>> float(osciprop.estimate_gradient(network, x, y, method).diagnostics.lag)
        0.0
    """

    free: Solution
    amplitude: Number
    lag: Float[Array, ""]
    closure: Float[Array, ""]
    solved: Bool[Array, ""]
    steps: Int[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & self.solved

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"the free equilibrium did not converge ({self.free}). Remedies: another "
                "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps"
            )
        if not bool(self.solved):
            return (
                f"the oscillation of amplitude {float(self.amplitude):.4g} was not found "
                f"({int(self.steps)} steps). Remedies: a smaller amplitude, another relaxation or "
                "more max_steps in its Integrator"
            )
        return ""

    def concerns(self) -> list[str]:
        found = []
        if float(self.lag) ** 2 > BIAS_LIMIT:
            found.append(
                f"the error currents' period is too short for the network's time constants: lag "
                f"(quadrature over in-phase component) is {float(self.lag):.3g}, so expect a "
                f"relative bias of about {float(self.lag) ** 2:.2g}. Use a longer period"
            )
        if float(self.closure) > CLOSURE_LIMIT:
            found.append(
                "the oscillation has not settled: over the period that was read it drifted by "
                f"{float(self.closure):.3g} of itself. Use more settle_periods"
            )
        return found

    def summary(self) -> str:
        return (
            f"error currents: {int(self.steps)} steps, lag {float(self.lag):.3g}, closure "
            f"{float(self.closure):.3g}"
        )


class FrequencyPropagation(AbstractGradientMethod):
    """Frequency propagation: mean activity times the response at the frequency of the error.

    All real, for any activation. Biased in order `amplitude^2` by what a cosine's two rotations
    make of each other: in linear networks only with a `LiveError`.

    Args:
        amplitude: Of the error currents, per unit of error, above 0.
        error_current: What they are in proportion to: `FrozenError()`, the error of the free
            outputs, or `LiveError()`, that of the moment.
        oscillation: How the response is found: `QuasiStatic()`, or `Periodic(period)` in time.
        relaxation: How the free equilibrium and the quasi-static ones are found.

    Raises:
        ValueError: `amplitude` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.

    Source: Anisetti, Kandala, Scellier and Schwarz, Neural Computation 36, 596, 2024 (arXiv
        2208.08862), here with activations at frequency 0.

    Example:
        >>> method = osciprop.gradients.FrequencyPropagation(0.1)
        >>> found = osciprop.estimate_gradient(network, x, y, method)
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    error_current: AbstractErrorCurrent = eqx.field(default=FrozenError(), kw_only=True)
    oscillation: AbstractErrorOscillation = eqx.field(default=QuasiStatic(), kw_only=True)
    relaxation: AbstractRelaxation = eqx.field(default=OwnRelaxation(), kw_only=True)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dynamics, free = relax_free(network, x, self.relaxation, initial)
        driven = self.error_current.driven(network, free.s, y)
        taught = Dynamics(driven, dynamics.drive, None, dynamics.teaching)
        seen = self.oscillation.respond(taught, y, free, self.amplitude, self.relaxation)
        tiny = jnp.finfo(real_dtype(free.u)).tiny
        diagnostics = FrequencyDiagnostics(
            free=free,
            amplitude=self.amplitude,
            lag=norm(seen.quadrature) / jnp.maximum(norm(seen.in_phase), tiny),
            closure=seen.closure,
            solved=seen.solved,
            steps=free.steps + seen.steps,
        )
        gradient = local_gradient(network, x, y, seen.mean, seen.in_phase)
        return at_equilibrium(network, y, free, gradient, diagnostics, seen.in_phase)
