"""How an equilibrium moves with what it depends on: `relax`, differentiated.

Not through the steps that led there, which are a loop without a derivative in reverse mode, but by
the equation that holds at their end: `u = G(u)` moves by `du = (1 - G')^-1 dG` with whatever `G`
depends on. Solved as linear equations are here, per sample and without a matrix, forward and
transposed, so that it serves both modes of differentiation, and any order.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..dynamics.dynamics import make_dynamics, starting_point
from ..dynamics.teaching import Constant
from ..networks.complexity import real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import Rows, as_rows, from_rows, keep_samples
from .linear import solve_linear
from .relaxation import AbstractRelaxation
from .solution import Solution


@eqx.filter_custom_jvp
def relaxed(
    network: AbstractNetwork,
    x: Array,
    y: Targets | None,
    teaching: Constant | None,
    relaxation: AbstractRelaxation,
    initial: State | None,
) -> Solution:
    """The equilibrium that a relaxation finds, as a differentiable function of the first four.

    Residual, steps and flags have no derivative, and none comes from the start or from numbers of
    the relaxation. Of samples that did not converge, or whose linear equation was not solved, the
    derivative is NaN.
    """
    dynamics = make_dynamics(network, x, y, teaching)
    start = starting_point(network, x, initial)
    if dynamics.teaching.is_complex():
        start = to_complex(start)
    return relaxation.solve(dynamics, start)


@relaxed.def_jvp  # type: ignore[untyped-decorator]
def _moved(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Solution, Solution]:
    found = relaxed(*primals)
    given, slopes = primals[:4], tangents[:4]
    tolerance = 1e-10 if real_dtype(found.u) == jnp.float64 else 1e-5

    def current(given: tuple[Any, ...], u: State) -> State:
        return make_dynamics(*given).current(0.0, u)

    def operator(rows: Rows) -> Rows:
        moved = from_rows(rows, found.u)
        _, pushed = jax.jvp(lambda u: current(given, u), (found.u,), (moved,))
        return rows - as_rows(pushed)

    def solve(equation: Callable[[Rows], Rows], source: Rows) -> Rows:
        solution = solve_linear(equation, source, tolerance=tolerance)
        # A sample that nothing moves, or asks, stays out of it.
        holds = found.converged | (jnp.linalg.norm(source, axis=1) == 0)
        return keep_samples(holds & (solution.residual <= 10 * tolerance), solution.value, jnp.nan)

    _, source = eqx.filter_jvp(lambda given: current(given, found.u), (given,), (slopes,))
    filled = jax.tree.map(
        lambda u, part: jnp.zeros_like(u) if part is None else part, found.u, source
    )
    # One array: JAX transposes no solve of which parts are known to be zero.
    rows = jax.lax.custom_linear_solve(operator, as_rows(filled), solve, transpose_solve=solve)
    du = from_rows(rows, found.u)
    _, ds = eqx.filter_jvp(
        lambda network, u: network.activity(u), (given[0], found.u), (slopes[0], du)
    )
    still = jax.tree.map(lambda _: None, found)
    return found, eqx.tree_at(
        lambda tree: (tree.u, tree.s), still, (du, ds), is_leaf=lambda part: part is None
    )
