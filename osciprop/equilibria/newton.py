"""Equilibria by Newton's method, without ever forming a Jacobian."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import optimistix
from jaxtyping import Array, Float, Int, PyTree

from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least
from ..networks.complexity import from_pairs, real_dtype, to_pairs
from ..networks.network import State
from ..settings import Number, optional_number
from .linear import SampleGMRES
from .relaxation import AbstractRelaxation
from .solution import Solution
from .stability import only_stable


class _Inexact(lineax.AbstractLinearSolver):  # type: ignore[misc]
    """A linear solver whose best effort counts as a step: Newton corrects it, the residual judges.

    Without it Optimistix ends at the first linear solve that round-off keeps from its tolerance.
    """

    solver: lineax.AbstractLinearSolver

    def init(self, operator: lineax.AbstractLinearOperator, options: dict[str, Any]) -> PyTree:
        return self.solver.init(operator, options)

    def compute(self, state: PyTree, vector: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        value, _, stats = self.solver.compute(state, vector, options)
        # Lineax' Krylov solvers break down, as 0 / 0, where a small system is solved exactly. The
        # operator is the identity less the network's own step: its right side is a plain step.
        value = jax.tree.map(lambda a, b: jnp.where(jnp.isfinite(a), a, b), value, vector)
        return value, lineax.RESULTS.successful, stats

    def transpose(self, state: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        return self.solver.transpose(state, options)

    def conj(self, state: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        return self.solver.conj(state, options)

    def assume_full_rank(self) -> bool:
        return self.solver.assume_full_rank()


class Newton(AbstractRelaxation):
    """Newton's method through Optimistix, matrix-free: products with the Jacobian, no Jacobian.

    Converges wherever an isolated equilibrium exists, stable or not, up to the radius of
    convergence of the contour; one that the ODE leaves is flagged. (Optimistix' Chord cannot keep
    a matrix-free Jacobian, so there is no chord form.)

    Args:
        linear_solver: Any iterative Lineax solver; those of Lineax itself take the batch for one
            vector.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> bool(osciprop.relax(network, x, relaxation=osciprop.Newton()).converged.all())
        True
    """

    linear_solver: lineax.AbstractLinearSolver = SampleGMRES(tolerance=1e-2, max_steps=200)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=50, static=True)

    def __check_init__(self) -> None:
        check_at_least("max_steps", self.max_steps, 1, "a solve needs a step")

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        linear = _Inexact(self.linear_solver)

        def defect(pairs: State, args: None) -> State:
            state = from_pairs(pairs, u)
            current = dynamics.current(0.0, state)
            return to_pairs(jax.tree.map(lambda a, b: a - b, state, current))

        # Any, because Optimistix's annotation says float; an array recompiles nothing.
        goal: Any = tolerance
        solution: optimistix.Solution[Any, Any] = optimistix.root_find(
            defect,
            optimistix.Newton(rtol=goal, atol=goal, linear_solver=linear),
            to_pairs(u),
            max_steps=self.max_steps,
            throw=False,
        )
        final = from_pairs(solution.value, u)
        return final, solution.stats["num_steps"], jnp.zeros((), dtype=real_dtype(u))

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return only_stable(dynamics, found)
