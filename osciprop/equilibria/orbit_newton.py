"""Harmonic balance by Newton's method, for orbits to which no sweep leads.

Sweeps find an orbit where the free equilibrium is one that they find. Networks with hidden
variables, circuits and other systems settle where sweeps go round or away; from the free
equilibrium Newton's method begins with the linear response, and needs a few steps.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..dynamics.dynamics import Dynamics
from ..dynamics.teaching import Oscillation
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import State
from ..networks.trees import choose_samples, largest_change
from .harmonic_balance import Balance, HarmonicBalance
from .linear import solve_linear
from .loops import iterate
from .orbits import Orbit

NEWTON_STEPS, PRODUCTS = 12, 200

# How far the mean of an orbit may be from the free equilibrium, in activity: on the orbit's own
# branch it is there, up to harmonics beyond those that are counted.
APART = 1e-3


def newton_balance(
    balance: HarmonicBalance, dynamics: Dynamics, signal: Oscillation, u: State, found: Orbit
) -> Orbit:
    """An orbit whose samples that have not converged are those of Newton's method, where it finds
    an orbit about the free equilibrium `u`.
    """
    problem = Balance(balance.points, dynamics, signal, u)
    left = ~found.converged
    goal = 0.1 * found.tolerance

    def defect(orbit: State) -> State:
        return jax.tree.map(jnp.subtract, problem.step(orbit), orbit)

    def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        orbit, _, steps = result
        missing, product = jax.linearize(defect, orbit)
        then = jax.tree.map(jnp.add, orbit, missing)
        change = problem.change(orbit, then)
        running = left & (change > goal)
        solved = solve_linear(
            lambda v: jax.tree.map(jnp.negative, product(v)),
            missing,
            tolerance=1e-3,
            max_steps=PRODUCTS,
        )
        moved = jax.tree.map(jnp.add, orbit, solved.value)
        return (choose_samples(running, moved, orbit), change, steps + solved.steps + 1), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        return jnp.any(left & (result[1] > goal))  # false for NaN

    start = (problem.still(u), jnp.full(left.shape, jnp.inf, real_dtype(u)), found.steps)
    (final, _, steps), *_ = iterate(
        move, start, None, unfinished=unfinished, max_steps=NEWTON_STEPS, needed=jnp.any(left)
    )
    orbit = balance.judged(problem, final, steps, found.tolerance)
    see = dynamics.network.activity
    mean = jax.tree.map(lambda leaf: problem.harmonics(leaf)[:, 0], final)
    about = largest_change(see(to_complex(u)), see(mean)) <= APART
    taken = left & orbit.converged & about

    def chosen(new: State, old: State) -> State:
        return jax.vmap(lambda a, b: choose_samples(taken, a, b))(new, old)

    return replace(
        found,
        u=chosen(orbit.u, found.u),
        s=chosen(orbit.s, found.s),
        residual=jnp.where(taken, orbit.residual, found.residual),
        converged=found.converged | taken,
        steps=steps,
    )
