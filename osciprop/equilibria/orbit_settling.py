"""The orbit that the dynamics settle in: harmonic balance, and where that fails the ODE itself.

Harmonic balance knows only the frequencies of the teaching signal's own sense. A nudge beyond a
sample's radius of convergence makes a network jump between branches: an orbit with all
frequencies, in which the ODE settles all the same. Once round a branch point leads to another
branch, and so such an orbit may close only after two, three or four turns of the teaching signal.
"""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix
from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..dynamics.integration import Integrator
from ..dynamics.stochastic import SilentDynamics
from ..dynamics.teaching import Oscillation
from ..errors import check_at_least
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import AbstractNetwork, State, States
from ..networks.trees import choose_samples, largest_change
from ..settings import Number, number
from .attempts import AbstractLarge
from .harmonic_balance import HarmonicBalance
from .loops import in_any_lane, iterate
from .orbit_newton import newton_balance
from .orbits import AbstractOrbitSolver, Orbit

# The difference of activity between periods that counts as none, and the tolerance of the
# steps: in single precision round-off moves the moment at which a network jumps.
CLOSED = {"float32": 1e-2, "float64": 1e-8}
PRECISE = {"float32": 1e-5, "float64": 3e-10}

# How far an orbit may be from where ten times finer steps take it: near a jump between branches
# they amplify, and what closes by chance is no orbit of the ODE.
HELD = {"float32": 1e-1, "float64": 1e-4}

# Turns of the teaching signal after which an orbit may close.
TURNS = 4


class OrbitSettling(AbstractOrbitSolver, AbstractLarge):
    """Harmonic balance, and for the samples whose orbit it does not find, the ODE over periods.

    Orbits to which no sweep leads are looked for by Newton's method first. The others are followed
    from the free equilibrium until no activity differs by more than 1e-2 in float32, 1e-8 in
    float64, from what it was one to four periods before, twice in a row, and seen in that period
    at the same phases. What never closes is not converged, and what is shown of it is the last
    period followed.

    Args:
        balance: Harmonic balance, which also says at how many phases orbits are seen.
        max_periods: Number of periods after which a sample whose orbit has not closed is left.

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

        def refine(orbit: Orbit) -> Orbit:
            return newton_balance(self.balance, dynamics, signal, u, orbit)

        left = in_any_lane(~jnp.all(found.converged))
        found = jax.lax.cond(left, refine, lambda orbit: orbit, found)

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
    goal = jnp.maximum(orbit.tolerance, CLOSED[dtype.name])
    taught = SilentDynamics(eqx.tree_at(lambda tree: tree.teaching, dynamics, signal))
    times = jnp.append(orbit.times, signal.period.astype(dtype))
    precise = number(PRECISE[dtype.name])

    def once(begin: State, tolerance: Number) -> tuple[States, State]:
        """A turn of the teaching signal: the states at all phases, and at its end."""
        # By the largest error of any unit, or one sample would hide among many.
        control = diffrax.PIDController(rtol=tolerance, atol=tolerance, norm=optimistix.max_norm)
        (states, _), _ = Integrator(diffrax.Tsit5(), control).run(taught, (begin, None), times)
        return jax.tree.map(lambda leaf: leaf[:-1], states), _phase(states, -1)

    def turn(result: tuple[Any, ...], _: None, count: Array) -> tuple[tuple[Any, ...], None]:
        begin, past, before, shown, turns, change = result
        now, end = once(begin, precise)
        changes = jax.vmap(lambda then: _change(dynamics, then, now))(past)
        changes = jnp.where((jnp.arange(TURNS) < count)[:, None], changes, jnp.inf)
        past = jax.tree.map(lambda new, old: jnp.concatenate([new[None], old[:-1]]), now, past)
        # Twice in a row: an orbit that the ODE leaves may be passed slowly.
        twice = jnp.maximum(changes, before)
        place = jnp.argmax(twice <= goal, axis=0)  # the fewest turns; false for NaN
        closes = (twice <= goal).any(axis=0)
        # What has closed is kept: round-off alone may part it again while others are followed.
        going = turns == 0
        shown = jax.vmap(lambda new, old: choose_samples(going, new, old))(now, shown)
        nearest = jnp.where(closes, _at(twice, place), jnp.min(twice, axis=0))
        change = jnp.where(going, nearest, change)
        turns = jnp.where(going & closes, place + 1, turns)
        return (end, past, changes, shown, turns, change), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        *_, turns, change = result
        # What is not a number any more need not be followed.
        return jnp.any(left & (turns == 0) & ~jnp.isnan(change))

    none = jax.tree.map(lambda leaf: jnp.zeros((TURNS, *leaf.shape), leaf.dtype), orbit.u)
    infinite = jnp.full((TURNS, *left.shape), jnp.inf, dtype=dtype)
    (*_, shown, turns, change), *_ = iterate(
        turn,
        (to_complex(u), none, infinite, orbit.u, jnp.zeros_like(orbit.turns), infinite[0]),
        None,
        unfinished=unfinished,
        max_steps=max_periods,
        needed=jnp.any(left),
    )
    # From its own begin on: the period itself, and those after one turn, two, three and four.
    _, finer = jax.lax.scan(
        lambda begin, _: once(begin, precise / 10)[::-1], _phase(shown, 0), length=TURNS + 1
    )
    missed = _at(jax.vmap(lambda later: _change(dynamics, shown, later))(finer), turns)
    lost = (turns > 0) & ~(missed <= HELD[dtype.name])  # true for NaN
    change = jnp.where(lost, jnp.fmax(change, missed), change)
    turns = jnp.where(lost, 0, turns)
    chosen = jax.vmap(lambda new, old: choose_samples(left, new, old))(shown, orbit.u)
    return Orbit(
        times=orbit.times,
        betas=orbit.betas,
        u=chosen,
        s=jax.vmap(dynamics.network.activity)(chosen),
        residual=jnp.where(left, change, orbit.residual),
        converged=orbit.converged | (left & (turns > 0)),
        followed=left,
        turns=jnp.where(left, turns, orbit.turns),
        steps=orbit.steps,
        tolerance=orbit.tolerance,
    )


def _phase(states: States, place: int) -> State:
    return jax.tree.map(lambda leaf: leaf[place], states)


def _at(changes: Float[Array, "turns batch"], place: Int[Array, " batch"]) -> Array:
    return jnp.take_along_axis(changes, place[None], axis=0)[0]


def _change(dynamics: Dynamics, before: States, after: States) -> Float[Array, " batch"]:
    """Per sample, the largest change of any activity at any phase; NaN where one is."""
    see = jax.vmap(dynamics.network.activity)
    return jnp.max(jax.vmap(largest_change)(see(before), see(after)), axis=0)
