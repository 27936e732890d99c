"""Newton's method with limited steps, by dense Jacobians: for circuits of exponentials."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least, check_positive
from ..networks.complexity import complex_like, real_dtype
from ..networks.network import State
from ..networks.trees import all_finite, as_rows, choose_samples, from_rows
from ..settings import Number, number, optional_number
from .dense import solved
from .iterations import activity_change
from .loops import iterate
from .relaxation import AbstractRelaxation
from .solution import Solution
from .stability import only_stable


class LimitedNewton(AbstractRelaxation):
    """Newton's method whose steps grow by the logarithm of what Newton's own would be.

    A step whose largest change of the state is `d` times `limit` is made `log(1 + d) / d` of the
    way. Where an energy is convex and its curvature changes by a factor of e over no less than the
    limit, as that of diodes over a thermal voltage, every step descends it, from any start; close
    to the end steps are Newton's own. Jacobians are formed: for some hundred units.

    Args:
        limit: Change of the state over which the curvature may change by a factor of e, above 0,
            in units of the state: the thermal voltage of a circuit's diodes.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Source: generalized self-concordant functions, Sun and Tran-Dinh 2019; voltage limiting of
        circuit simulators, Nagel 1975.

    Example:
        >>> limited = osciprop.equilibria.LimitedNewton(0.5)
        >>> bool(osciprop.relax(network, x, relaxation=limited).converged.all())
        True
    """

    limit: Number = eqx.field(default=0.026, converter=number)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=200, static=True)

    def __check_init__(self) -> None:
        check_positive("limit", self.limit, "0.026 is the thermal voltage at 300 K")
        check_at_least("max_steps", self.max_steps, 1, "a solve needs a step")

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        dtype = real_dtype(u)
        limit = jnp.asarray(self.limit, dtype=dtype)
        units = as_rows(u).shape[1]
        basis = jnp.eye(units, dtype=as_rows(u).dtype)

        def defect(state: State) -> State:
            return jax.tree.map(lambda a, b: b - a, state, dynamics.current(0.0, state))

        def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
            state, running = result
            missing, product = jax.linearize(defect, state)

            def column(direction: Array) -> Array:
                row = jnp.broadcast_to(direction, (running.size, units))
                return as_rows(product(from_rows(row, state)))

            slope = jnp.moveaxis(jax.vmap(column)(basis), 0, 2)
            step = jax.vmap(solved)(-slope, as_rows(missing))
            size = jnp.max(jnp.abs(step), axis=1)
            part = jnp.where(size > 0, jnp.log1p(size / limit) * limit / size, 1)
            step = complex_like(part, step)[:, None] * step
            moved = jax.tree.map(jnp.add, state, from_rows(step, state))
            state = choose_samples(running, moved, state)
            after = jax.tree.map(jnp.add, state, defect(state))
            left = activity_change(dynamics, state, after) > 0.1 * tolerance  # false for NaN
            # What round-off keeps from its tolerance moves no more.
            still = 8 * float(jnp.finfo(dtype).eps)
            return (state, running & left & (size > still)), None

        every = jnp.ones(as_rows(u).shape[0], dtype=bool)
        (final, _), _, steps = iterate(
            move,
            (u, every & all_finite(defect(u))),
            None,
            unfinished=lambda result: jnp.any(result[1]),
            max_steps=self.max_steps,
        )
        return final, steps, jnp.zeros((), dtype=dtype)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return only_stable(dynamics, found)
