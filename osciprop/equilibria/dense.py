"""Dense linear algebra of one matrix at a time, under `jax.vmap` too.

jaxlib's kernels for processors share the matrices of a batch among the threads of a pool, and wait
for them on a thread of the same pool. Where programs of several threads or devices do so at once,
each waits for a thread that another one holds, for ever. A matrix alone stays where it is.
"""

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Inexact


@sequential_vmap  # type: ignore[untyped-decorator]
def eigenvectors(
    matrix: Inexact[Array, "units units"],
) -> tuple[Inexact[Array, " units"], Inexact[Array, "units units"]]:
    """Eigenvalues and, as columns, eigenvectors of a matrix."""
    values, vectors = jnp.linalg.eig(matrix)
    return values, vectors


@sequential_vmap  # type: ignore[untyped-decorator]
def solved(
    matrix: Inexact[Array, "units units"], right: Inexact[Array, " units"]
) -> Inexact[Array, " units"]:
    """What a matrix takes to the right-hand side."""
    return jnp.linalg.solve(matrix, right)


@sequential_vmap  # type: ignore[untyped-decorator]
def factorised(
    matrix: Inexact[Array, "units units"],
) -> tuple[Inexact[Array, "units units"], Array]:
    """The factors of a matrix, as `jax.scipy.linalg.lu_factor` returns them."""
    factors, pivots = jax.scipy.linalg.lu_factor(matrix)
    return factors, pivots


@sequential_vmap  # type: ignore[untyped-decorator]
def solved_by_factors(
    factors: Inexact[Array, "units units"], pivots: Array, right: Inexact[Array, " units"]
) -> Inexact[Array, " units"]:
    """What the matrix with these factors takes to the right-hand side."""
    return jax.scipy.linalg.lu_solve((factors, pivots), right)


def back_substituted(
    triangle: Inexact[Array, "batch units units"], right: Inexact[Array, "batch units"]
) -> Inexact[Array, "batch units"]:
    """What upper triangular matrices, a few units wide, take to their right-hand sides."""
    units = right.shape[1]

    def entry(turn: Array, found: Array) -> Array:
        place = units - 1 - turn
        left = right[:, place] - jnp.sum(triangle[:, place] * found, axis=1)
        return found.at[:, place].set(left / triangle[:, place, place])

    return jax.lax.fori_loop(0, units, entry, jnp.zeros_like(right))
