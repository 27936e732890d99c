"""The verb: a network, a rotating teaching signal, and the orbit that its dynamics settle in."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, ArrayLike

from ..dynamics.dynamics import as_state, make_dynamics, require_holomorphic, starting_point
from ..dynamics.teaching import Oscillation
from ..errors import check_instance, is_traced
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare_pair
from .attempts import at_once_or
from .orbit_settling import OrbitSettling
from .orbits import ORBIT_REMEDIES, AbstractOrbitSolver, Orbit, blank_orbit
from .own import OwnRelaxation
from .relaxation import AbstractRelaxation
from .solution import raise_unconverged


@eqx.filter_jit
def _settled(
    network: AbstractNetwork,
    x: Array,
    y: Targets,
    teaching: Oscillation,
    relaxation: AbstractRelaxation,
    solver: AbstractOrbitSolver,
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
    solver: AbstractOrbitSolver = OrbitSettling(),
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
    check_instance("teaching", teaching, Oscillation)
    check_instance("solver", solver, AbstractOrbitSolver)
    check_instance("relaxation", relaxation, AbstractRelaxation)
    x, y = prepare_pair(network, x, y)
    require_holomorphic(network)
    if initial is not None:
        initial = as_state("initial", network, x, initial)
    at_rest, orbit = at_once_or(
        network,
        (relaxation, solver),
        lambda chosen: _settled(network, x, y, teaching, *chosen, initial),
        lambda found: found[0].converged & found[1].converged,
    )
    converged = orbit.converged & at_rest.converged
    orbit = eqx.tree_at(lambda tree: tree.converged, orbit, converged)
    if not throw:
        return orbit
    if is_traced(converged):
        return blank_orbit(orbit)
    raise_unconverged(converged, "the orbit", f"{orbit}", ORBIT_REMEDIES)
    return orbit
