"""Backpropagation through time: the reference that differentiates the relaxation itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ..dynamics.dynamics import Dynamics, starting_point
from ..dynamics.teaching import Constant
from ..equilibria.iterations import DAMPING_REMEDY, SynchronousIteration
from ..equilibria.relaxation import check_tolerance, judge
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..settings import Number, number, optional_number
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, batch_mean


class TrajectoryDiagnostics(AbstractDiagnostics):
    """The state in which the unrolled relaxation ended."""

    final: Solution

    @property
    def converged(self) -> Bool[Array, ""]:
        # BPTT is exact for its own trajectory, whether or not that has reached equilibrium.
        return jnp.all(jnp.isfinite(self.final.residual))

    def failure(self) -> str:
        if np.all(np.isfinite(self.final.residual)):
            return ""
        return f"the trajectory diverged ({self.final}): use damping below 1 or smaller weights"

    def concerns(self) -> list[str]:
        if np.all(self.final.converged):
            return []
        return [
            f"the unrolled trajectory has not reached equilibrium ({self.final}), so its gradient "
            "is that of the trajectory: use more steps"
        ]

    def summary(self) -> str:
        return f"trajectory: {self.final}"


class BPTT(AbstractGradientMethod):
    """Backpropagation through `steps` unrolled, possibly damped synchronous iterations from rest.

    The reference of hep2022. `tolerance` only decides when a trajectory counts as settled.

    Args:
        steps: Number of iterations that are unrolled.
        damping: Part of a step that is made, above 0.
        tolerance: Residual at which the trajectory counts as settled; None for the precision's
            default.

    Raises:
        ValueError: a number is not positive.

    Source: hep2022, appendix.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.BPTT(steps=60))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-6
        True
    """

    steps: int = eqx.field(default=100, static=True)
    damping: Number = eqx.field(default=1.0, converter=number)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)

    def __check_init__(self) -> None:
        check_at_least("steps", self.steps, 1, "unroll at least one step")
        check_positive("damping", self.damping, DAMPING_REMEDY)
        check_tolerance(self.tolerance)

    def check(self, network: AbstractNetwork) -> None:
        pass

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        start = starting_point(network, x, initial)
        iteration = SynchronousIteration(self.damping, self.tolerance, max_steps=self.steps)
        damping = jnp.asarray(self.damping, dtype=real_dtype(start))

        @eqx.filter_value_and_grad(has_aux=True)
        def loss(parameters: AbstractNetwork) -> tuple[Array, State]:
            dynamics = Dynamics(parameters, parameters.drive(x), None, Constant())

            def advance(u: State, _: None) -> tuple[State, None]:
                return iteration.step(dynamics, u, damping), None

            final, _ = jax.lax.scan(advance, start, length=self.steps)
            return batch_mean(parameters.cost(parameters.activity(final), y)), final

        (value, final), gradient = loss(network)
        dynamics = Dynamics(network, network.drive(x), None, Constant())
        tolerance = iteration.threshold(real_dtype(final))
        solution = judge(dynamics, final, tolerance, jnp.asarray(self.steps), self.steps * damping)
        return Estimate(
            gradient=gradient,
            loss=value,
            outputs=network.output(solution.s),
            equilibrium=solution,
            diagnostics=TrajectoryDiagnostics(solution),
        )
