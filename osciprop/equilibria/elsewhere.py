"""Which equilibria are others than those that the network's own dynamics settle in."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool

from ..errors import check_instance, check_positive
from ..networks.network import AbstractNetwork, State
from ..networks.trees import largest_change
from .flow import Flow
from .relaxation import AbstractRelaxation
from .relaxing import relax
from .solution import Solution


def elsewhere(
    network: AbstractNetwork,
    x: ArrayLike,
    solution: Solution,
    y: ArrayLike | None = None,
    *,
    beta: ArrayLike | None = None,
    initial: State | None = None,
    distance: ArrayLike = 1e-3,
    flow: AbstractRelaxation = Flow(),
) -> Bool[Array, " batch"]:
    """Which converged samples of a solution are not where the ODE goes from the same start.

    In a network with several equilibria a relaxation may find another one than the ODE does.
    `Settling`, the default, rarely does (`docs/findings.md` has the counts). This follows the ODE
    and tells, which takes as long as `Flow`.

    Args:
        network: The network of the solution.
        x: Its inputs, as given to `relax`.
        solution: What `relax` returned.
        y: Targets of a nudge, where there was one.
        beta: The nudge.
        initial: Membrane potentials that the solution started from; None for rest.
        distance: Change of any activity above which two equilibria are different ones, above 0;
            relative to the largest of its population where that is above 1.
        flow: How the ODE is followed.

    Returns:
        One flag per sample, `(batch,)`; false where the solution has not converged.

    Raises:
        ConvergenceError: the ODE did not settle for a sample; inside `jit`, where nothing can be
            raised, such a sample is flagged.
        ValueError: input does not fit, or `distance` is not positive.

    Example:
        >>> solution = osciprop.relax(network, x)
        >>> bool(osciprop.equilibria.elsewhere(network, x, solution).any())
        False
    """
    check_instance("solution", solution, Solution)
    check_instance("flow", flow, AbstractRelaxation)
    check_positive("distance", distance, "distances below it count as none")
    followed = relax(network, x, y, beta=beta, initial=initial, relaxation=flow)
    # Where the ODE has not settled, inside `jit`, the change is NaN and no equilibrium the same.
    return solution.converged & ~(largest_change(followed.s, solution.s) <= jnp.asarray(distance))
