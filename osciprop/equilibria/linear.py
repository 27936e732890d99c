"""Linear equations of every sample: restarted GMRES, without ever forming a matrix.

Adjoints, responses and Newton steps are linear equations per sample, of any spectrum: a plain
iteration solves those of contracting networks only. Lineax' GMRES takes the batch for one long
vector, whose spectrum is that of all samples together: it needs more steps, and a sample that
cannot be solved keeps the others from their solution. Here every sample has its own Krylov space,
and all share each product with the operator.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array, ArrayLike, Float, Inexact, Int, PyTree

from ..networks.complexity import real_dtype
from ..networks.trees import Rows, as_rows, choose_samples, from_rows, sample_norms
from ..settings import Module
from .dense import back_substituted
from .loops import in_any_lane, iterate

# A cycle that leaves more than this of a residual has met what round-off allows.
STAGNATION = 0.99

# Plain sweeps go on while each leaves at most this of every residual, on the whole: what passes
# through the layers of a network may grow on the way, before it is gone.
CONTRACTION, LAYERS = 0.6, 4

# A direction that keeps less than this of its length is cleared of the earlier ones once more.
LOST = 0.1


class LinearSolution(Module):
    """What a linear solve ended in.

    Args:
        value: The solution, like the right-hand side.
        residual: Norm of what the equation misses, relative to the right-hand side, `(batch,)`;
            computed from `value`, not estimated on the way.
        stretch: Norm of `operator(value)` relative to that of `value`, `(batch,)`: the smallest
            singular value of the operator is at most that.
        steps: Products with the operator.

    Example:
        >>> rows = jnp.asarray([[1.0, 2.0]])
        >>> osciprop.equilibria.solve_linear(lambda v: 2 * v, rows, tolerance=1e-9).stretch
        Array([2.], dtype=float64)
    """

    value: PyTree[Array]
    residual: Float[Array, " batch"]
    stretch: Float[Array, " batch"]
    steps: Int[Array, ""]


def solve_linear(
    operator: Callable[[PyTree[Array]], PyTree[Array]],
    source: PyTree[Inexact[Array, "batch ..."]],
    *,
    tolerance: ArrayLike,
    restart: int = 20,
    max_steps: int = 1000,
) -> LinearSolution:
    """Solve `operator(v) = source` for each sample of a batch: by sweeps `v <- v + defect` while
    they contract, then by restarted GMRES.

    Args:
        operator: A linear map, sample by sample; complex-linear if `source` is complex.
        source: The right-hand side, a pytree of arrays with a leading batch axis.
        tolerance: Residual of a sample, relative to its right-hand side, at which it is solved.
        restart: Number of directions that are remembered.
        max_steps: Number of products after which the solve gives up.

    Returns:
        The solution with its true residual, whatever it is: nothing is raised.

    Source: Saad & Schultz 1986.

    Example:
        >>> turn = lambda v: jnp.stack([v[:, 1], -v[:, 0]], axis=1)  # eigenvalues i and -i
        >>> found = osciprop.equilibria.solve_linear(turn, jnp.ones((1, 2)), tolerance=1e-12)
        >>> np.round(found.value, 12).tolist()
        [[-1.0, 1.0]]
    """
    right = as_rows(source)
    dtype = real_dtype(right)
    restart = min(restart, right.shape[1])
    size = jnp.linalg.norm(right, axis=1)
    goal = jnp.asarray(tolerance, dtype=dtype) * size

    def product(rows: Rows) -> Rows:
        return as_rows(operator(from_rows(rows, source)))

    # Plain sweeps as long as they contract, which costs no memory of directions.
    def move(
        result: tuple[Any, ...], _: None, turn: Int[Array, ""]
    ) -> tuple[tuple[Any, ...], None]:
        value, defect = result[:2]
        value = value + defect
        defect = right - product(value)
        left = jnp.linalg.norm(defect, axis=1)
        worth = CONTRACTION ** (turn + 1 - LAYERS).astype(dtype) * size
        contracting = (left <= worth) | (left <= goal)  # false for NaN
        return (value, defect, left, jnp.all(contracting) & jnp.any(left > goal)), None

    begin = (jnp.zeros_like(right), right, size, jnp.asarray(True))
    (value, defect, remaining, _), _, sweeps = iterate(
        move, begin, None, unfinished=lambda result: result[-1], max_steps=max_steps
    )
    better = remaining < size
    value, defect, remaining = choose_samples(better, (value, defect, remaining), begin[:3])
    wanted = jnp.any(remaining > goal) & (sweeps < max_steps)

    def cycle(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        value, defect, remaining, steps, _ = result
        correction, made = _cycle(product, defect, goal, restart)
        value = value + correction
        defect = right - product(value)
        left = jnp.linalg.norm(defect, axis=1)
        hopeful = (left > goal) & (left < STAGNATION * remaining)
        return (value, defect, left, steps + made + 1, jnp.any(hopeful)), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        *_, steps, hopeful = result
        return hopeful & (steps < max_steps)

    start = (value, defect, remaining, sweeps, wanted)
    (value, defect, _, steps, _), *_ = iterate(
        cycle, start, None, unfinished=unfinished, max_steps=max_steps, needed=wanted
    )
    return _judged(source, from_rows(value, source), from_rows(defect, source), steps)


def sweep_linear(
    operator: Callable[[PyTree[Array]], PyTree[Array]],
    source: PyTree[Inexact[Array, "batch ..."]],
    *,
    tolerance: ArrayLike,
    damping: ArrayLike = 1.0,
    max_steps: int = 1000,
) -> LinearSolution:
    """Solve `operator(v) = source` by `v <- v + damping (source - operator(v))`: a small program,
    for operators close to the identity.

    Arguments and result are those of `solve_linear`.

    Source: Almeida 1987; Pineda 1987.

    Example:
        >>> from osciprop.equilibria.linear import sweep_linear
        >>> sweep_linear(lambda v: 0.9 * v, jnp.ones((1, 1)), tolerance=1e-9).value.round(6)
        Array([[1.111111]], dtype=float64)
    """
    dtype = real_dtype(source)
    goal = jnp.asarray(tolerance, dtype=dtype) * sample_norms(source)
    step = jnp.asarray(damping, dtype=dtype)

    def relax(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        value, _ = result
        defect = jax.tree.map(lambda b, a: b - a, source, operator(value))
        value = jax.tree.map(lambda v, d: v + step.astype(v.dtype) * d, value, defect)
        return (value, sample_norms(defect)), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        _, remaining = result
        return jnp.any(remaining > goal)  # false for NaN

    start = (source, jnp.full_like(goal, jnp.inf))
    (value, _), _, steps = iterate(relax, start, None, unfinished=unfinished, max_steps=max_steps)
    return judge_linear(operator, source, value, steps)


class SampleGMRES(lineax.AbstractLinearSolver):  # type: ignore[misc]
    """`solve_linear` as a solver of Lineax: GMRES of every sample on its own.

    Args:
        tolerance: Residual of a sample, relative to its right-hand side, at which it is solved.
        max_steps: Number of products after which the solve gives up.

    Example:
        >>> coarse = osciprop.equilibria.SampleGMRES(tolerance=0.1)
        >>> relaxation = osciprop.Newton(linear_solver=coarse)
        >>> bool(osciprop.relax(network, x, relaxation=relaxation).converged.all())
        True
    """

    tolerance: float = eqx.field(default=1e-6, static=True)
    max_steps: int = eqx.field(default=1000, static=True)

    def init(self, operator: lineax.AbstractLinearOperator, options: dict[str, Any]) -> PyTree:
        return operator

    def compute(self, state: PyTree, vector: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        found = solve_linear(state.mv, vector, tolerance=self.tolerance, max_steps=self.max_steps)
        return found.value, lineax.RESULTS.successful, {"num_steps": found.steps}

    def transpose(self, state: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        return state.transpose(), options

    def conj(self, state: PyTree, options: dict[str, Any]) -> tuple[Any, ...]:
        return lineax.conj(state), options

    def assume_full_rank(self) -> bool:
        return True


def judge_linear(
    operator: Callable[[PyTree[Array]], PyTree[Array]],
    source: PyTree[Inexact[Array, "batch ..."]],
    value: PyTree[Inexact[Array, "batch ..."]],
    steps: ArrayLike,
) -> LinearSolution:
    """What another solver found, with its true residual; `steps` is how many it made."""
    defect = jax.tree.map(lambda b, a: b - a, source, operator(value))
    return _judged(source, value, defect, jnp.asarray(steps))


def _judged(
    source: PyTree[Array], value: PyTree[Array], defect: PyTree[Array], steps: Int[Array, ""]
) -> LinearSolution:
    product = jax.tree.map(lambda b, d: b - d, source, defect)
    size, length = sample_norms(source), sample_norms(value)
    return LinearSolution(
        value=value,
        # A source of zero has the solution zero, and misses nothing.
        residual=sample_norms(defect) / jnp.where(size > 0, size, 1),
        stretch=jnp.where(length > 0, sample_norms(product) / length, jnp.inf),
        steps=steps,
    )


def _cycle(
    product: Callable[[Rows], Rows], defect: Rows, goal: Float[Array, " batch"], restart: int
) -> tuple[Rows, Int[Array, ""]]:
    """The correction that makes the defect smallest in a Krylov space of `restart` directions."""
    batch, width = defect.shape
    size = jnp.linalg.norm(defect, axis=1)
    zero = jnp.zeros((), dtype=defect.dtype)
    basis = jnp.zeros((restart + 1, batch, width), dtype=defect.dtype)
    basis = basis.at[0].set(_unit(defect, size))
    columns = jnp.zeros((batch, restart, restart + 1), dtype=defect.dtype)
    rotation = jnp.zeros((batch, restart + 1, restart + 1), dtype=defect.dtype)
    rotation = rotation + jnp.eye(restart + 1, dtype=defect.dtype)[None]
    goals = (
        jnp.zeros((batch, restart + 1), dtype=defect.dtype).at[:, 0].set(size.astype(defect.dtype))
    )

    def extend(
        result: tuple[Any, ...], memory: tuple[Any, ...], turn: Int[Array, ""]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        remaining, used, largest, _ = result
        basis, columns, rotation, goals = memory
        moved = product(basis[turn])
        before = jnp.linalg.norm(moved, axis=1)
        moved, overlap = _cleared(moved, basis, turn + 1)
        # Where little is left, it is not orthogonal any more, by round-off.
        active = (used == turn) & (remaining > goal)
        lost = active & (jnp.linalg.norm(moved, axis=1) < LOST * before)
        again, more = _cleared(moved, basis, jnp.where(in_any_lane(jnp.any(lost)), turn + 1, 0))
        moved, overlap = choose_samples(lost, (again, overlap + more), (moved, overlap))
        height = jnp.linalg.norm(moved, axis=1)
        height = jnp.where(height > 10 * float(jnp.finfo(height.dtype).eps) * before, height, 0)
        basis = basis.at[turn + 1].set(_unit(moved, height))
        # The column in triangular form: earlier rotations, then one that clears its last entry.
        column = jnp.einsum("bij,bj->bi", rotation, overlap)
        above, below = column[:, turn], height.astype(defect.dtype)
        length = jnp.sqrt(jnp.abs(above) ** 2 + height**2)
        scale = jnp.where(length > 0, length, 1).astype(defect.dtype)
        cosine, sine = (above / scale)[:, None], (below / scale)[:, None]
        upper, lower = rotation[:, turn], rotation[:, turn + 1]
        rotation = rotation.at[:, turn].set(cosine.conj() * upper + sine * lower)
        rotation = rotation.at[:, turn + 1].set(cosine * lower - sine * upper)
        target = goals[:, turn]
        column = column.at[:, turn].set(length.astype(defect.dtype)).at[:, turn + 1].set(zero)
        columns = columns.at[:, turn].set(column)
        # A direction that the operator takes to where others lead, by round-off, is of no use.
        largest = jnp.maximum(largest, before)
        useful = length > 10 * float(jnp.finfo(length.dtype).eps) * largest
        active = active & useful
        goals = goals.at[:, turn].set(jnp.where(active, cosine[:, 0].conj() * target, zero))
        goals = goals.at[:, turn + 1].set(jnp.where(active, -sine[:, 0] * target, zero))
        remaining = jnp.where(active, jnp.abs(goals[:, turn + 1]), remaining)
        used = jnp.where(active, turn + 1, used)
        going = jnp.any(active & (remaining > goal))
        return (remaining, used, largest, going), (basis, columns, rotation, goals)

    start = (size, jnp.zeros((batch,), dtype=int), jnp.zeros_like(size), jnp.asarray(True))
    memory = (basis, columns, rotation, goals)
    (_, used, *_), (basis, columns, _, goals), steps = iterate(
        extend, start, memory, unfinished=lambda result: result[-1], max_steps=restart
    )
    inside = jnp.arange(restart)[None] < used[:, None]
    triangle = jnp.swapaxes(columns[:, :, :restart], 1, 2)
    both = inside[:, :, None] & inside[:, None, :]
    triangle = jnp.where(both, triangle, jnp.eye(restart, dtype=defect.dtype))
    wanted = jnp.where(inside, goals[:, :restart], zero)
    weights = back_substituted(triangle, wanted)
    return jnp.einsum("bk,kbn->bn", weights, basis[:restart]), steps


def _cleared(
    rows: Rows, basis: Inexact[Array, "restart batch units"], count: Int[Array, ""]
) -> tuple[Rows, Inexact[Array, "batch restart"]]:
    """What rows have outside of the first `count` directions, and the overlaps with these.

    One direction after the other (modified Gram-Schmidt): none but those that are there is read.
    """

    def clear(index: Int[Array, ""], carry: tuple[Rows, Array]) -> tuple[Rows, Array]:
        left, overlap = carry
        direction = basis[index]
        part = jnp.sum(direction.conj() * left, axis=1)
        return left - part[:, None] * direction, overlap.at[:, index].set(part)

    none = jnp.zeros((rows.shape[0], basis.shape[0]), dtype=rows.dtype)
    return jax.lax.fori_loop(0, count, clear, (rows, none))


def _unit(rows: Rows, size: Float[Array, " batch"]) -> Rows:
    """Rows of length 1; zero where `size` is."""
    inverse = jnp.where(size > 0, 1 / jnp.where(size > 0, size, 1), 0)
    return rows * inverse[:, None].astype(rows.dtype)
