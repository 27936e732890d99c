"""Anderson-accelerated fixed-point iteration, each sample of a batch on its own.

Near a critical point a plain iteration creeps; mixing the last few steps so that their residuals
cancel best makes it fast (for a linear map it is GMRES). Optimistix has no such solver, and Lineax'
GMRES takes the batch for one long vector and is many times slower here (benchmarks/).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int, PyTree

from .complexity import real_dtype

Flat = Inexact[Array, "batch units"]


def _flatten(tree: PyTree[Inexact[Array, "batch ..."]]) -> Flat:
    """All of a sample's numbers as one row."""
    return jnp.concatenate(
        [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(tree)], axis=1
    )


def _unflatten(flat: Flat, like: PyTree[Inexact[Array, "batch ..."]]) -> PyTree[Array]:
    leaves, structure = jax.tree.flatten(like)
    rows, start = [], 0
    for leaf in leaves:
        width = leaf.size // leaf.shape[0]
        rows.append(flat[:, start : start + width].reshape(leaf.shape))
        start += width
    return jax.tree.unflatten(structure, rows)


def _mixture(gram: Inexact[Array, "batch depth depth"], used: Bool[Array, "batch depth"]) -> Array:
    """Weights, summing to 1, of the mixture of steps with the smallest residual.

    Solves `gram w = 1` by Gauss-Jordan elimination of all samples at once: the matrices are tiny,
    positive and many. A ridge at the level of round-off keeps near-parallel residuals from
    producing huge weights.
    """
    depth = gram.shape[-1]
    dtype = real_dtype(gram)
    diagonal = jnp.diagonal(gram, axis1=1, axis2=2).real
    scale = 1 / jnp.sqrt(jnp.where(used & (diagonal > 0), diagonal, 1))
    keep = (used[:, :, None] & used[:, None, :]).astype(dtype)
    matrix = gram * (scale[:, :, None] * scale[:, None, :] * keep).astype(gram.dtype)
    ridge = jnp.where(used, 10 * depth * jnp.finfo(dtype).eps, 1.0)
    matrix = matrix + (jnp.eye(depth, dtype=dtype) * ridge[:, :, None]).astype(gram.dtype)
    right = jnp.where(used, scale, 0).astype(gram.dtype)

    def eliminate(pivot: Int[Array, ""], system: Array) -> Array:
        row = system[:, pivot] / system[:, pivot, pivot][:, None]
        system = system - system[:, :, pivot][:, :, None] * row[:, None, :]
        return system.at[:, pivot].set(row)

    system = jnp.concatenate([matrix, right[:, :, None]], axis=2)
    solved = jax.lax.fori_loop(0, depth, eliminate, system)
    weights = solved[:, :, -1] * right
    return weights / jnp.sum(weights, axis=1, keepdims=True)


def anderson(
    step: Callable[[PyTree[Array]], PyTree[Array]],
    start: PyTree[Inexact[Array, "batch ..."]],
    *,
    change: Callable[[PyTree[Array], PyTree[Array]], Float[Array, " batch"]],
    tolerance: Float[Array, ""],
    onset: float,
    depth: int,
    max_steps: int,
) -> tuple[PyTree[Array], Int[Array, ""]]:
    """Iterate `x <- step(x)`, accelerated, until `change(x, step(x)) <= tolerance` everywhere.

    `depth` steps are remembered per sample, from where its `change` falls below `onset`: a mixture
    converges to unstable fixed points as happily as to stable ones, so the plain iteration must
    have chosen first. A sample whose residual grows forgets its steps and goes on plainly, so that
    nothing is lost where acceleration fails. Returns the state and the number of steps.
    """
    x0 = _flatten(start)
    batch, width = x0.shape
    memory = jnp.zeros((batch, depth, width), dtype=x0.dtype)
    gram0 = jnp.zeros((batch, depth, depth), dtype=x0.dtype)

    def body(carry: tuple) -> tuple:
        x, steps_made, residuals, gram, age, size, count, _ = carry
        now = _unflatten(x, start)
        then = step(now)
        distance = change(now, then)
        moved = _flatten(then)
        slot = count % depth
        residual = moved - x
        steps_made = steps_made.at[:, slot].set(moved)
        residuals = residuals.at[:, slot].set(residual)
        row = jnp.einsum("bn,bmn->bm", residual.conj(), residuals)
        gram = gram.at[:, slot, :].set(row)
        gram = gram.at[:, :, slot].set(row.conj())
        # Where a mixture has made things worse, forget it and step plainly from here.
        size_now = jnp.sum(jnp.abs(residual) ** 2, axis=1)
        age = jnp.where((size_now > size) | (distance > onset), 0, age + 1)
        used = (slot - jnp.arange(depth)) % depth <= age[:, None]
        weights = _mixture(gram, used)
        mixed = jnp.einsum("bm,bmn->bn", weights, steps_made)
        settled = (distance <= tolerance)[:, None]
        mixed = jnp.where(jnp.isfinite(weights).all(axis=1, keepdims=True), mixed, moved)
        x = jnp.where(settled, moved, mixed)
        return x, steps_made, residuals, gram, age, size_now, count + 1, distance

    def unfinished(carry: tuple) -> Array:
        *_, count, distance = carry
        waiting = ~(distance <= tolerance) & ~jnp.isnan(distance)
        return (count < max_steps) & jnp.any(waiting)

    distance0 = jnp.full((batch,), jnp.inf, dtype=real_dtype(x0))
    age0 = jnp.full((batch,), -1)
    carry = (x0, memory, memory, gram0, age0, distance0, jnp.asarray(0), distance0)
    final, *_, count, _ = jax.lax.while_loop(unfinished, body, carry)
    return _unflatten(final, start), count
