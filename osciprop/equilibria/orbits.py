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
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Complex, Float, Int

from ..dynamics.dynamics import Dynamics, make_dynamics, starting_point
from ..dynamics.teaching import Constant, Oscillation, roots_of_unity
from ..errors import check_at_least, is_traced
from ..networks.complexity import real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States
from ..networks.preparation import prepare_pair
from ..settings import Module, Number, optional_number
from ..trees import keep_samples, largest_change
from .anderson import accelerate
from .iterations import ACCELERATION_ONSET, in_turn
from .own import OwnRelaxation, at_once_or
from .relaxation import AbstractRelaxation, check_tolerance, precision_threshold
from .solution import raise_unconverged


class Orbit(Module):
    """A periodic orbit at equally spaced phases of one period, from phase 0 on.

    Args:
        times: Times within the period, in units of time, `(points,)`.
        betas: The teaching signal there, `(points,)`.
        u: Membrane potentials, with axes (points, batch, ...).
        s: Activities, likewise.
        residual: Largest change of any activity in one step of the iteration, `(batch,)`.
        converged: Whether the residual is within the tolerance, `(batch,)`.
        steps: Number of steps of the iteration.
        tolerance: What the residual was compared with.

    Example:
        >>> print(osciprop.equilibria.settled_orbit(network, x, y, osciprop.Oscillation(0.1, 50.0)))
        Orbit: 16 points, 10 of 10 samples converged...
    """

    times: Float[Array, " points"]
    betas: Complex[Array, " points"]
    u: States
    s: States
    residual: Float[Array, " batch"]
    converged: Bool[Array, " batch"]
    steps: Int[Array, ""]
    tolerance: Float[Array, ""]

    def __str__(self) -> str:
        if is_traced(self):
            return "Orbit(traced)"
        converged = np.asarray(self.converged)
        return (
            f"Orbit: {self.times.size} points, {np.count_nonzero(converged)} of {converged.size} "
            f"samples converged after {int(self.steps)} steps; largest residual "
            f"{np.max(np.asarray(self.residual), initial=0.0):.3g}, tolerance "
            f"{float(self.tolerance):.3g}"
        )


class HarmonicBalance(Module):
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

    def solve(self, dynamics: Dynamics, signal: Oscillation, u: State | States) -> Orbit:
        """The orbit about the free equilibrium `u`, or from that of another period.

        Looks at what came of it, and never raises: see `settled_orbit`. What teaching signal
        `dynamics` has makes no difference.
        """
        dtype = real_dtype(u)
        tolerance = precision_threshold(self.tolerance, dtype)
        turns = jnp.asarray(
            roots_of_unity(self.points), dtype=to_complex(jnp.ones((), dtype)).dtype
        )
        betas = signal.amplitude.astype(dtype).astype(turns.dtype) * turns
        rates = leak_rates(dynamics.network, u)

        def nudged(beta: Array) -> Dynamics:
            return eqx.tree_at(lambda tree: tree.teaching, dynamics, Constant(beta))

        def velocities(orbit: State) -> State:
            """At all points; the points are the second axis, after that of the batch."""
            return jax.vmap(
                lambda beta, state: nudged(beta).velocity(0.0, state), in_axes=(0, 1), out_axes=1
            )(betas, orbit)

        modes = roots_of_unity(self.points) ** np.arange(self.points)[:, None]  # (mode, point)
        forwards = jnp.asarray(modes.conj() / self.points, dtype=turns.dtype)
        backwards = jnp.asarray(modes.T, dtype=turns.dtype)
        omega = jnp.asarray(2 * math.pi, dtype=dtype) / signal.period.astype(dtype)
        turning = jax.lax.complex(
            jnp.zeros(self.points, dtype=dtype), omega * jnp.arange(self.points, dtype=dtype)
        )

        def step(orbit: State) -> State:
            def move(leaf: Array, velocity: Array, rate: Array) -> Array:
                each = turning.reshape((1, -1) + (1,) * (leaf.ndim - 2))
                there = along_points(forwards, leaf)
                defect = along_points(forwards, velocity) - each * there
                return leaf + along_points(backwards, defect / (each + rate[:, None]))

            return jax.tree.map(move, orbit, velocities(orbit), rates)

        def change(before: State, after: State) -> Float[Array, " batch"]:
            see = jax.vmap(dynamics.network.activity, in_axes=1, out_axes=1)
            return largest_change(see(before), see(after))

        def spread(leaf: Array) -> Array:
            shape = (leaf.shape[0], self.points, *leaf.shape[1:])
            return jnp.broadcast_to(leaf[:, None], shape)

        start = jax.tree.map(spread, to_complex(u))
        final, _, _, steps = accelerate(
            lambda orbit: in_turn(step, orbit),
            start,
            change=change,
            tolerance=0.5 * tolerance,
            onset=ACCELERATION_ONSET,
            depth=self.depth,
            max_steps=self.max_steps,
        )
        # All populations at once, as an equilibrium is judged.
        residual = change(final, step(final))
        points_first = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), final)
        return Orbit(
            times=signal.period.astype(dtype) * jnp.arange(self.points, dtype=dtype) / self.points,
            betas=betas,
            u=points_first,
            s=jax.vmap(dynamics.network.activity)(points_first),
            residual=residual,
            converged=residual <= tolerance,  # false for NaN
            steps=steps,
            tolerance=tolerance,
        )


def leak_rates(network: AbstractNetwork, u: State) -> State:
    """How fast every potential follows its current: `1 / tau` of a leaky integrator."""
    still = jax.tree.map(jnp.zeros_like, u)
    unit = jax.tree.map(jnp.ones_like, u)
    with_current, without = network.velocity(still, unit), network.velocity(still, still)
    return jax.tree.map(lambda a, b: to_complex(a - b), with_current, without)


def along_points(
    matrix: Complex[Array, "rows points"], leaf: Complex[Array, "batch points ..."]
) -> Complex[Array, "batch rows ..."]:
    """A matrix over the points of every sample and unit."""
    precise = jax.lax.Precision.HIGHEST
    return jnp.einsum("kj,bj...->bk...", matrix, leaf, precision=precise)


@eqx.filter_jit
def _settled(
    network: AbstractNetwork,
    x: Array,
    y: Targets,
    teaching: Oscillation,
    solver: HarmonicBalance,
    relaxation: AbstractRelaxation,
    initial: State | None,
) -> tuple[Any, Orbit]:
    dynamics = make_dynamics(network, x, y, teaching)
    free = make_dynamics(network, x)
    at_rest = relaxation.solve(free, starting_point(network, x, initial))
    return at_rest, solver.solve(dynamics, teaching, at_rest.u)


def settled_orbit(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    teaching: Oscillation,
    *,
    solver: HarmonicBalance = HarmonicBalance(),
    relaxation: AbstractRelaxation = OwnRelaxation(),
    initial: State | None = None,
    throw: bool = True,
) -> Orbit:
    """The orbit that a network settles in under a rotating teaching signal.

    The limit of `integrate` for long times, where that settles in the orbit about the free
    equilibrium.

    Args:
        network: A holomorphic network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        teaching: The teaching signal; its ramp is long past.
        solver: How the orbit is found, and at how many phases.
        relaxation: How the free equilibrium is found, about which the orbit is sought.
        initial: Membrane potentials from which the free equilibrium is sought; None for rest.
        throw: Whether samples that did not converge are an error; if not, they are flagged.

    Returns:
        The orbit at equally spaced phases.

    Raises:
        ConvergenceError: an equilibrium or an orbit was not found. Inside `jit` nothing can be
            raised: such samples hold NaN instead, unless `throw` is false.
        HolomorphyError: the network is not holomorphic.
        ValueError: input does not fit.

    Example:
        >>> teaching = osciprop.Oscillation(amplitude=0.1, period=50.0)
        >>> orbit = osciprop.equilibria.settled_orbit(network, x, y, teaching)
        >>> [leaf.shape for leaf in orbit.s]
        [(16, 10, 6), (16, 10, 5)]
    """
    x, y = prepare_pair(network, x, y)
    at_rest, orbit = at_once_or(
        network,
        relaxation,
        lambda chosen: _settled(network, x, y, teaching, solver, chosen, initial),
        lambda found: found[0].converged,
    )
    converged = orbit.converged & at_rest.converged
    orbit = eqx.tree_at(lambda tree: tree.converged, orbit, converged)
    if not throw:
        return orbit
    if is_traced(converged):
        return blank_orbit(orbit)
    raise_unconverged(converged, "the orbit", f"{orbit}", ORBIT_REMEDIES)
    return orbit


ORBIT_REMEDIES = (
    "a smaller amplitude (the radius of convergence is the limit), more points or max_steps in "
    "HarmonicBalance, a relaxation that finds the free equilibrium, or throw=False"
)


def blank_orbit(orbit: Orbit) -> Orbit:
    """Unconverged samples as NaN: inside `jit`, where nothing can be raised."""

    def blank(states: States) -> States:
        def one(state: State) -> State:
            return keep_samples(orbit.converged, state, jnp.nan)

        return jax.vmap(one)(states)

    return eqx.tree_at(lambda tree: (tree.u, tree.s), orbit, (blank(orbit.u), blank(orbit.s)))
