"""Relaxation by the network's own dynamics: the ODE, integrated until it stands still."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least, check_positive
from ..networks.complexity import from_pairs, real_dtype, to_pairs
from ..networks.network import State
from .relaxation import AbstractRelaxation, optional_tolerance


class Flow(AbstractRelaxation):
    """The physical relaxation: integrate the ODE through Diffrax until it stands still.

    Any Diffrax `solver` and `stepsize_controller`; the default controller's tolerance is a tenth of
    `tolerance`. The solve ends by an event when every sample's residual is within `tolerance`, or
    unconverged at `max_time` (units of time) or `max_steps`.
    """

    solver: diffrax.AbstractSolver
    stepsize_controller: diffrax.AbstractStepSizeController | None
    dt0: Float[Array, ""] | None
    tolerance: Float[Array, ""] | None
    max_time: Float[Array, ""]
    max_steps: int = eqx.field(static=True)

    def __init__(
        self,
        solver: diffrax.AbstractSolver | None = None,
        stepsize_controller: diffrax.AbstractStepSizeController | None = None,
        dt0: ArrayLike | None = None,
        tolerance: ArrayLike | None = None,
        max_time: ArrayLike = 2000.0,
        max_steps: int = 20_000,
    ):
        self.solver = diffrax.Tsit5() if solver is None else solver
        self.stepsize_controller = stepsize_controller
        self.dt0 = None if dt0 is None else jnp.asarray(dt0, dtype=float)
        self.tolerance = optional_tolerance("tolerance", tolerance)
        check_positive("max_time", max_time, "the flow needs time to settle")
        self.max_time = jnp.asarray(max_time, dtype=float)
        check_at_least("max_steps", max_steps, 1, "a solve needs a step")
        self.max_steps = max_steps

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        dtype = real_dtype(u)
        controller: diffrax.AbstractStepSizeController
        if self.stepsize_controller is None:
            # The event's tolerance must be looser than the controller's, or it never fires.
            controller = diffrax.PIDController(rtol=0.1 * tolerance, atol=0.1 * tolerance)
        else:
            controller = self.stepsize_controller

        # The dynamics are closed over, not `args`: Diffrax would warn of its complex numbers.
        def velocity(time: ArrayLike, pairs: State, args: None) -> State:
            return to_pairs(dynamics.velocity(time, from_pairs(pairs, u)))

        def settled(time: Array, pairs: State, args: None, **kwargs: object) -> Array:
            return jnp.all(dynamics.residual(time, from_pairs(pairs, u)) <= tolerance)

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            self.solver,
            t0=jnp.zeros((), dtype=dtype),
            t1=self.max_time.astype(dtype),
            dt0=None if self.dt0 is None else self.dt0.astype(dtype),
            y0=to_pairs(u),
            stepsize_controller=controller,
            event=diffrax.Event(settled),
            max_steps=self.max_steps,
            throw=False,
        )
        final = from_pairs(jax.tree.map(lambda leaf: leaf[-1], solution.ys), u)
        return final, solution.stats["num_steps"], solution.ts[-1]
