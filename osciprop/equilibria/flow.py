"""Relaxation by the network's own dynamics: the ODE, integrated until it stands still."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..dynamics.dynamics import Dynamics
from ..dynamics.integration import Integrator, adaptive
from ..errors import check_positive
from ..networks.complexity import from_pairs, real_dtype, to_pairs
from ..networks.network import State
from ..settings import Number, number, optional_number
from .relaxation import AbstractRelaxation

# Of a solve whose steps adapt to the tolerance of the equilibrium.
MAX_STEPS = 20_000


class Flow(AbstractRelaxation):
    """The physical relaxation: integrate the ODE through Diffrax until it stands still.

    The solve ends by an event when every sample's residual is within `tolerance`, or unconverged at
    `max_time` or after the integrator's `max_steps`.

    Args:
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_time: Longest simulated time, in units of time.
        integrator: How to integrate; None for Tsit5 whose steps adapt to a tenth of `tolerance`,
            20,000 of them at most. Another one's tolerances should lie below `tolerance`, or the
            state never comes to rest.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> solution = osciprop.relax(network, x, relaxation=osciprop.Flow())
        >>> bool(solution.converged.all())
        True
    """

    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_time: Number = eqx.field(default=2000.0, converter=number)
    integrator: Integrator | None = None

    def __check_init__(self) -> None:
        check_positive("max_time", self.max_time, "the flow needs time to settle")

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        dtype = real_dtype(u)
        integrator = self.integrator
        if integrator is None:
            # The event's tolerance must be looser than the controller's, or it never fires.
            within = adaptive(0.1 * tolerance, 0.1 * tolerance)
            integrator = Integrator(stepsize_controller=within, max_steps=MAX_STEPS)

        # The dynamics are closed over, not `args`: Diffrax would warn of its complex numbers.
        def velocity(time: ArrayLike, pairs: State, args: None) -> State:
            return to_pairs(dynamics.velocity(time, from_pairs(pairs, u)))

        def settled(time: Array, pairs: State, args: None, **kwargs: object) -> Array:
            return jnp.all(dynamics.residual(time, from_pairs(pairs, u)) <= tolerance)

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            integrator.solver,
            t0=jnp.zeros((), dtype=dtype),
            t1=self.max_time.astype(dtype),
            dt0=integrator.step(dtype),
            y0=to_pairs(u),
            stepsize_controller=integrator.controller(dtype),
            event=diffrax.Event(settled),
            max_steps=integrator.max_steps,
            throw=False,
        )
        final = from_pairs(jax.tree.map(lambda leaf: leaf[-1], solution.ys), u)
        return final, solution.stats["num_steps"], solution.ts[-1]
