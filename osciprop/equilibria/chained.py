"""One relaxation after another."""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..networks.network import State
from ..settings import Number
from .relaxation import AbstractRelaxation
from .solution import Solution


class Chained(AbstractRelaxation):
    """`first` to its own tolerance, then `then` from there to its: the tolerance that counts.

    Steps and times add up. What `first` reaches is a start like any other, and is not judged.

    Args:
        first: The relaxation to begin with; what it reaches is a start like any other.
        then: The relaxation that goes on from there, to its own tolerance.

    Example:
        >>> rough = osciprop.SynchronousIteration(tolerance=1e-2)
        >>> both = osciprop.Chained(rough, osciprop.Newton())
        >>> bool(osciprop.relax(network, x, relaxation=both).converged.all())
        True
    """

    first: AbstractRelaxation
    then: AbstractRelaxation

    @property
    def tolerance(self) -> Number | None:
        """That of the last relaxation."""
        return self.then.tolerance

    def threshold(self, dtype: jnp.dtype) -> Float[Array, ""]:
        return self.then.threshold(dtype)

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        loose = self.first.threshold(jax.tree.leaves(u)[0].dtype)
        start, before, early = self.first.run(dynamics, u, loose)
        final, steps, time = self.then.run(dynamics, start, tolerance)
        return final, before + steps, early + time

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        # What the last one asks of an equilibrium, such as its stability, is asked here too.
        loose = self.first.threshold(jax.tree.leaves(u)[0].dtype)
        start, before, early = self.first.run(dynamics, u, loose)
        found = self.then.solve(dynamics, start)
        return replace(found, steps=before + found.steps, time=early + found.time)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return self.then.assess(dynamics, found)
