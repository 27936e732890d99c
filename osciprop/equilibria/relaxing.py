"""The verb: a network, an input, and the equilibrium that its dynamics settle in.

`relax(network, x)` finds the free equilibrium, `relax(network, x, y, beta=0.1)` a nudged one, which
may lie anywhere in the complex plane.
"""

import equinox as eqx
from jaxtyping import ArrayLike

from ..dynamics.dynamics import as_state, require_holomorphic
from ..dynamics.teaching import nudge
from ..errors import check_instance, is_traced
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from .attempts import at_once_or
from .derivatives import relaxed
from .own import OwnRelaxation
from .relaxation import AbstractRelaxation
from .solution import Solution, poison, require_converged

_relax = eqx.filter_jit(relaxed)


def relax(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    beta: ArrayLike | None = None,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    initial: State | None = None,
    throw: bool = True,
) -> Solution:
    """Bring a network to equilibrium for a batch of clamped inputs.

    `y` and `beta` nudge the cost and go together; without them the equilibrium is the free one.
    JAX differentiates the state by network, input and nudge: by the equation that holds there, not
    through the way there. `osciprop.gradients.EquilibriumLayer` has derivatives by other methods.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets of a nudge: integer labels `(batch,)`, or rows `(batch, outputs)`; None for a
            free equilibrium.
        beta: The teaching signal: a real or complex number, or one per sample `(batch,)`; None
            for a free equilibrium.
        relaxation: How equilibria are found.
        initial: Membrane potentials to start from; None for rest.
        throw: Whether samples that did not converge are an error; if not, the state that they
            reached is flagged.

    Returns:
        The equilibrium, with residual, steps and flag per sample.

    Raises:
        ConvergenceError: a sample did not converge. Inside `jit` or `vmap` nothing can be raised:
            such samples hold NaN instead, unless `throw` is false.
        ValueError: input does not fit, or only one of `y` and `beta` is given.
        TypeError: an argument is none of its kind.

    Example:
        >>> free = osciprop.relax(network, x)
        >>> nudged = osciprop.relax(network, x, y, beta=0.1)
        >>> [leaf.shape for leaf in nudged.s]
        [(10, 6), (10, 5)]
    """
    teaching = nudge(y, beta)
    check_instance("relaxation", relaxation, AbstractRelaxation)
    x, y = prepare(network, x, y)
    if initial is not None:
        initial = as_state("initial", network, x, initial)
    if teaching is not None and teaching.is_complex():
        require_holomorphic(network)
    solution = at_once_or(
        network,
        relaxation,
        lambda chosen: _relax(network, x, y, teaching, chosen, initial),
        lambda found: found.converged,
    )
    if throw:
        if is_traced(solution.converged):
            return poison(solution)
        require_converged(solution, "relaxation")
    return solution
