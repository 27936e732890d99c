"""The relaxation that a network names for itself, as the default of all that relaxes one."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import is_traced
from ..networks.network import AbstractNetwork, State
from .contracting import ContractingIteration
from .relaxation import AbstractRelaxation
from .settling import Settling
from .solution import Solution

Method = TypeVar("Method")
Result = TypeVar("Result")


class OwnRelaxation(AbstractRelaxation):
    """What the network names as its `relaxation`; `Settling` if it names none, as most do.

    Raises:
        TypeError: what the network names is not a relaxation.

    Example:
        >>> network.relaxation is None
        True
        >>> own = osciprop.relax(network, x, relaxation=osciprop.equilibria.OwnRelaxation())
        >>> settled = osciprop.relax(network, x, relaxation=osciprop.Settling())
        >>> bool((own.u[0] == settled.u[0]).all())
        True
    """

    @property
    def tolerance(self) -> None:
        """The precision's default: what the network names may have another."""

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        return own_relaxation(dynamics.network).run(dynamics, u, tolerance)

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        return own_relaxation(dynamics.network).solve(dynamics, u)

    def track(self, dynamics: Dynamics, u: State) -> Solution:
        return own_relaxation(dynamics.network).track(dynamics, u)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return own_relaxation(dynamics.network).assess(dynamics, found)


def own_relaxation(network: AbstractNetwork) -> AbstractRelaxation:
    """What a network names as its `relaxation`, or `Settling`."""
    named = network.relaxation
    if named is None:
        return Settling()
    if not isinstance(named, AbstractRelaxation):
        raise TypeError(
            f"{type(network).__name__}.relaxation is {named!r}: give an instance of a relaxation, "
            "such as osciprop.AndersonIteration(), or None for osciprop.Settling()"
        )
    return named


def at_once_or(
    network: AbstractNetwork,
    method: Method,
    solve: Callable[[Method], Result],
    converged: Callable[[Result], Array],
) -> Result:
    """`solve(method)`, whose `Settling` is tried as `ContractingIteration` alone first.

    Most networks need no more, and all of `Settling` takes several times longer to compile. Inside
    `jit`, where nothing can be decided, it is compiled.
    """
    settling = (Settling, OwnRelaxation) if network.relaxation is None else Settling

    def is_settling(node: object) -> bool:
        return isinstance(node, settling)

    def attempt(node: Any) -> Any:
        return ContractingIteration(node.tolerance) if is_settling(node) else node

    if any(map(is_settling, jax.tree.leaves(method, is_leaf=is_settling))):
        found = solve(jax.tree.map(attempt, method, is_leaf=is_settling))
        settled = converged(found)
        if not is_traced(settled) and bool(jnp.all(settled)):
            return found
    return solve(method)
