"""The orbit that the dynamics settle in: harmonic balance, and where that fails the ODE itself.

Harmonic balance knows only the frequencies of the teaching signal's own sense. A nudge beyond a
sample's radius of convergence makes a network jump between branches once a period: an orbit with
all frequencies, in which the ODE settles all the same.
"""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..dynamics.dynamics import Dynamics
from ..dynamics.integration import Integrator, adaptive
from ..dynamics.stochastic import SilentDynamics
from ..dynamics.teaching import Oscillation
from ..errors import check_at_least
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import AbstractNetwork, State, States
from ..trees import choose_samples, largest_change
from .attempts import AbstractLarge
from .harmonic_balance import HarmonicBalance
from .loops import in_any_lane, iterate
from .orbits import AbstractOrbitSolver, Orbit

# Tolerance of the steps by the change from period to period that counts as none.
FINER = 0.03


class OrbitSettling(AbstractOrbitSolver, AbstractLarge):
    """Harmonic balance, and for the samples whose orbit it does not find, the ODE over periods.

    Those are followed from the free equilibrium until a period changes no activity by more than the
    root of round-off (3e-4 in float32, 1.5e-8 in float64), and seen at the same phases.

    Args:
        balance: Harmonic balance, which also says at how many phases orbits are seen.
        max_periods: Number of periods after which a sample that has not settled is given up.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> solver = osciprop.equilibria.OrbitSettling(osciprop.equilibria.HarmonicBalance(8))
        >>> teaching = osciprop.Oscillation(amplitude=0.1, period=50.0)
        >>> orbit = osciprop.equilibria.settled_orbit(network, x, y, teaching, solver=solver)
        >>> bool(orbit.followed.any())
        False
    """

    balance: HarmonicBalance = HarmonicBalance(max_steps=300)
    max_periods: int = eqx.field(default=50, static=True, kw_only=True)

    def __check_init__(self) -> None:
        check_at_least("max_periods", self.max_periods, 1, "an orbit takes a period")

    def small(self, network: AbstractNetwork) -> HarmonicBalance:
        return self.balance

    def solve(self, dynamics: Dynamics, signal: Oscillation, u: State | States) -> Orbit:
        found = self.balance.solve(dynamics, signal, u)

        def follow(orbit: Orbit) -> Orbit:
            return _followed(dynamics, signal, u, orbit, self.max_periods)

        left = in_any_lane(~jnp.all(found.converged))
        return jax.lax.cond(left, follow, lambda orbit: orbit, found)


def _followed(
    dynamics: Dynamics, signal: Oscillation, u: State, orbit: Orbit, max_periods: int
) -> Orbit:
    """An orbit whose samples that have not converged are those of the ODE."""
    dtype = real_dtype(u)
    left = ~orbit.converged
    goal = jnp.maximum(orbit.tolerance, jnp.sqrt(jnp.finfo(dtype).eps).astype(dtype))
    steps = Integrator(diffrax.Tsit5(), adaptive(FINER * goal, FINER * goal))
    taught = SilentDynamics(eqx.tree_at(lambda tree: tree.teaching, dynamics, signal))
    period = signal.period.astype(dtype)
    times = jnp.append(orbit.times, period)

    def turn(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        begin, before, _ = result
        (states, _), _solution = steps.run(taught, (begin, None), times)
        after = jax.tree.map(lambda leaf: leaf[:-1], states)
        end = jax.tree.map(lambda leaf: leaf[-1], states)
        return (end, after, _change(dynamics, before, after)), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        return jnp.any(left & (result[-1] > goal))  # false for NaN

    nothing = jnp.full(left.shape, jnp.inf, dtype=dtype)
    (_, states, change), *_ = iterate(
        turn,
        (to_complex(u), orbit.u, nothing),
        None,
        unfinished=unfinished,
        max_steps=max_periods,
        needed=jnp.any(left),
    )
    chosen = jax.vmap(lambda new, old: choose_samples(left, new, old))(states, orbit.u)
    return Orbit(
        times=orbit.times,
        betas=orbit.betas,
        u=chosen,
        s=jax.vmap(dynamics.network.activity)(chosen),
        residual=jnp.where(left, change, orbit.residual),
        converged=orbit.converged | (left & (change <= goal)),
        followed=left,
        steps=orbit.steps,
        tolerance=orbit.tolerance,
    )


def _change(dynamics: Dynamics, before: States, after: States) -> Float[Array, " batch"]:
    """Per sample, the largest change of any activity at any phase; NaN where one is."""
    see = jax.vmap(dynamics.network.activity)
    return jnp.max(jax.vmap(largest_change)(see(before), see(after)), axis=0)
