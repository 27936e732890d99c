"""A periodic orbit at equally spaced phases, and what finds one."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from ..dynamics.dynamics import Dynamics
from ..dynamics.teaching import Oscillation
from ..errors import is_traced
from ..networks.network import State, States
from ..networks.trees import keep_samples
from ..settings import Module

ORBIT_REMEDIES = (
    "a smaller amplitude (the radius of convergence is the limit), OrbitSettling as the solver, "
    "more points or max_steps in HarmonicBalance, a relaxation that finds the free equilibrium, or "
    "throw=False"
)


class Orbit(Module):
    """A periodic orbit at equally spaced phases of one period, from phase 0 on.

    Args:
        times: Times within the period, in units of time, `(points,)`.
        betas: The teaching signal there, `(points,)`.
        u: Membrane potentials, with axes (points, batch, ...).
        s: Activities, likewise.
        residual: Largest change of any activity in one step of the iteration, `(batch,)`.
        converged: Whether the residual is within the tolerance, `(batch,)`.
        followed: Whether the orbit is that of the ODE over periods, `(batch,)`: its residual is
            then the largest change of any activity since the period that it repeats, and
            compared with 1e-2 in float32, 1e-8 in float64.
        turns: After how many turns of the teaching signal it closes, `(batch,)`; one, unless it
            goes round a singularity, and zero where the ODE was followed in vain. What is shown is
            the last of them.
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
    followed: Bool[Array, " batch"]
    turns: Int[Array, " batch"]
    steps: Int[Array, ""]
    tolerance: Float[Array, ""]

    def __str__(self) -> str:
        if is_traced(self):
            return "Orbit(traced)"
        converged = np.asarray(self.converged)
        count = np.count_nonzero(self.followed & self.converged)
        return (
            f"Orbit: {self.times.size} points, {np.count_nonzero(converged)} of {converged.size} "
            f"samples converged after {int(self.steps)} steps"
            + (f", {count} of them over periods of the ODE" * bool(count))
            + "; largest residual "
            f"{np.max(np.asarray(self.residual), initial=0.0):.3g}, tolerance "
            f"{float(self.tolerance):.3g}"
        )


class AbstractOrbitSolver(Module):
    """A way to find the periodic orbit that a network under a rotating teaching signal settles in.

    Example:
        >>> solver = osciprop.equilibria.HarmonicBalance(points=8)
        >>> isinstance(solver, osciprop.equilibria.AbstractOrbitSolver)
        True
    """

    @abc.abstractmethod
    def solve(self, dynamics: Dynamics, signal: Oscillation, u: State | States) -> Orbit:
        """The orbit about the free equilibrium `u`.

        Looks at what came of it, and never raises: see `settled_orbit`. What teaching signal
        `dynamics` has makes no difference.
        """


def blank_orbit(orbit: Orbit) -> Orbit:
    """Unconverged samples as NaN: inside `jit`, where nothing can be raised."""

    def blank(states: States) -> States:
        def one(state: State) -> State:
            return keep_samples(orbit.converged, state, jnp.nan)

        return jax.vmap(one)(states)

    return eqx.tree_at(lambda tree: (tree.u, tree.s), orbit, (blank(orbit.u), blank(orbit.s)))
