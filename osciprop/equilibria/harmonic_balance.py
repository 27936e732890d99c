"""The periodic orbit that a network under a rotating teaching signal settles in, without waiting.

By harmonic balance: an orbit of period `T` is known by its state at `N` equally spaced phases, and
there `du/dt` is a product with the Fourier modes `exp(i k omega t)`, `k = 0 ... N - 1`. Only
frequencies of the teaching signal's own sense are among them: the response of a holomorphic network
to `beta = r exp(i omega t)` is a power series in beta, up to its radius of convergence. That is the
dynamic one, which grows with omega.

The iteration is that of an equilibrium with the current filtered by every neuron's leak:
coefficient `k` of a leaky integrator's potential is that of its current over `1 + i k omega tau`.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..dynamics.dynamics import Dynamics
from ..dynamics.teaching import Constant, Oscillation, roots_of_unity
from ..errors import check_at_least
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import AbstractNetwork, State, States
from ..networks.trees import largest_change, sample_norms
from ..settings import Number, optional_number
from .anderson import accelerate
from .iterations import ACCELERATION_ONSET, in_turn
from .orbits import AbstractOrbitSolver, Orbit
from .relaxation import check_tolerance, precision_threshold

# How fast the harmonics of an orbit fall at least, each to this of the one before, or in all: of
# 147 orbits with less of a tail none misses the ODE by more than 5e-3 (16 points).
DECAY, SMALL_TAIL = 0.6, 1e-3


class HarmonicBalance(AbstractOrbitSolver):
    """How a periodic orbit is found: harmonic balance, by accelerated sweeps of every sample.

    Args:
        points: Number of phases of a period, and of harmonics from the constant one on, at least 2.
        depth: Number of sweeps that are mixed, as in `AndersonIteration`.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of sweeps after which the solve gives up.

    Raises:
        ValueError: a number is out of its range.

    Source: harmonic balance of nonlinear circuits (Kundert and Sangiovanni-Vincentelli 1986); its
        use for teaching signals is ours.

    Example:
        >>> osciprop.equilibria.HarmonicBalance(points=32).points
        32
    """

    points: int = eqx.field(default=16, static=True)
    depth: int = eqx.field(default=5, static=True, kw_only=True)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number, kw_only=True)
    max_steps: int = eqx.field(default=1000, static=True, kw_only=True)

    def __check_init__(self) -> None:
        check_at_least("points", self.points, 2, "an orbit is a mean and one harmonic at least")
        check_at_least("depth", self.depth, 1, "remember at least the last step")
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")
        check_tolerance(self.tolerance)

    def largest_tail(self) -> float:
        """How large the last harmonic may be, relative to the first, in an orbit that the
        harmonics can tell: one beyond the radius of convergence has a tail that does not fall.
        """
        return max(DECAY ** (self.points - 2), SMALL_TAIL)

    def solve(self, dynamics: Dynamics, signal: Oscillation, u: State | States) -> Orbit:
        balance = Balance(self.points, dynamics, signal, u)
        tolerance = precision_threshold(self.tolerance, real_dtype(u))
        final, _, _, steps = accelerate(
            lambda orbit: in_turn(balance.step, orbit),
            balance.still(u),
            change=balance.change,
            tolerance=0.5 * tolerance,
            onset=ACCELERATION_ONSET,
            depth=self.depth,
            max_steps=self.max_steps,
        )
        return self.judged(balance, final, steps, tolerance)

    def judged(
        self, balance: "Balance", final: State, steps: Int[Array, ""], tolerance: Float[Array, ""]
    ) -> Orbit:
        """An orbit, its points the second axis of `final`, with what it leaves of its equation."""
        # All populations at once, as an equilibrium is judged.
        residual = balance.change(final, balance.step(final))
        points_first = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), final)
        shown = jax.tree.map(lambda leaf: balance.harmonics(leaf)[:, jnp.asarray([1, -1])], final)
        first, last = jax.vmap(sample_norms, in_axes=1)(shown)
        dtype, period = residual.dtype, balance.period
        return Orbit(
            times=period * jnp.arange(self.points, dtype=dtype) / self.points,
            betas=balance.betas,
            u=points_first,
            s=jax.vmap(balance.dynamics.network.activity)(points_first),
            residual=residual,
            converged=(residual <= tolerance) & (last <= self.largest_tail() * first),  # not NaN
            followed=jnp.zeros(residual.shape, dtype=bool),
            turns=jnp.ones(residual.shape, dtype=int),
            steps=steps,
            tolerance=tolerance,
        )


class Balance:
    """The equation of a periodic orbit at equally spaced phases: a state whose arrays have the
    points as their second axis, after that of the batch.
    """

    def __init__(self, points: int, dynamics: Dynamics, signal: Oscillation, u: State | States):
        dtype = real_dtype(u)
        turns = jnp.asarray(roots_of_unity(points), dtype=to_complex(jnp.ones((), dtype)).dtype)
        self.points, self.dynamics = points, dynamics
        self.period = signal.period.astype(dtype)
        self.betas = signal.amplitude.astype(dtype).astype(turns.dtype) * turns
        self.rates = leak_rates(dynamics.network, u)
        modes = roots_of_unity(points) ** np.arange(points)[:, None]  # (mode, point)
        self.forwards = jnp.asarray(modes.conj() / points, dtype=turns.dtype)
        self.backwards = jnp.asarray(modes.T, dtype=turns.dtype)
        omega = jnp.asarray(2 * math.pi, dtype=dtype) / self.period
        self.turning = jax.lax.complex(
            jnp.zeros(points, dtype=dtype), omega * jnp.arange(points, dtype=dtype)
        )

    def still(self, u: State) -> State:
        """The orbit that stays at a state."""

        def spread(leaf: Array) -> Array:
            shape = (leaf.shape[0], self.points, *leaf.shape[1:])
            return jnp.broadcast_to(leaf[:, None], shape)

        return jax.tree.map(spread, to_complex(u))

    def harmonics(
        self, leaf: Complex[Array, "batch points ..."]
    ) -> Complex[Array, "batch points ..."]:
        """The Fourier coefficients of an array of an orbit, from the constant one on."""
        return along_points(self.forwards, leaf)

    def velocities(self, orbit: State) -> State:
        """At all points, under the teaching signal of each."""

        def at(beta: Array, state: State) -> State:
            nudged = eqx.tree_at(lambda tree: tree.teaching, self.dynamics, Constant(beta))
            return nudged.velocity(0.0, state)

        return jax.vmap(at, in_axes=(0, 1), out_axes=1)(self.betas, orbit)

    def step(self, orbit: State) -> State:
        """One step towards the orbit, in which every neuron's leak filters its velocity."""

        def move(leaf: Array, velocity: Array, rate: Array) -> Array:
            each = self.turning.reshape((1, -1) + (1,) * (leaf.ndim - 2))
            there = self.harmonics(leaf)
            defect = self.harmonics(velocity) - each * there
            return leaf + along_points(self.backwards, defect / (each + rate[:, None]))

        return jax.tree.map(move, orbit, self.velocities(orbit), self.rates)

    def change(self, before: State, after: State) -> Float[Array, " batch"]:
        """Per sample, the largest change of any activity at any phase."""
        see = jax.vmap(self.dynamics.network.activity, in_axes=1, out_axes=1)
        return largest_change(see(before), see(after))


def leak_rates(network: AbstractNetwork, u: State) -> State:
    """How fast every potential follows its current: `1 / tau` of a leaky integrator."""
    still = jax.tree.map(jnp.zeros_like, u)
    unit = jax.tree.map(jnp.ones_like, u)
    with_current, without = network.velocity(still, unit), network.velocity(still, still)

    def rate(a: Array, b: Array) -> Array:
        # It only conditions the step: where a potential does not follow its own current, any.
        rates = a - b
        return to_complex(jnp.where(rates == 0, jnp.ones_like(rates), rates))

    return jax.tree.map(rate, with_current, without)


def along_points(
    matrix: Complex[Array, "rows points"], leaf: Complex[Array, "batch points ..."]
) -> Complex[Array, "batch rows ..."]:
    """A matrix over the points of every sample and unit."""
    precise = jax.lax.Precision.HIGHEST
    return jnp.einsum("kj,bj...->bk...", matrix, leaf, precision=precise)
