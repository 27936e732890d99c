"""The relaxation that a network names for itself, as the default of all that relaxes one."""

from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..networks.network import AbstractNetwork, State
from .attempts import AbstractLarge
from .relaxation import AbstractRelaxation
from .settling import Settling
from .solution import Solution


class OwnRelaxation(AbstractRelaxation, AbstractLarge):
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

    def small(self, network: AbstractNetwork) -> AbstractRelaxation:
        own = own_relaxation(network)
        return own.small(network) if isinstance(own, Settling) else own

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
