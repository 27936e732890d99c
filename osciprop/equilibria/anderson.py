"""Anderson-accelerated fixed-point iteration, each sample of a batch on its own.

Near a critical point a plain iteration creeps; mixing the last few steps so that their residuals
cancel best makes it fast (for a linear map it is GMRES). Optimistix has no such solver, and Lineax'
GMRES takes the batch for one long vector and is many times slower here (benchmarks/).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Int, PyTree

from ..networks.complexity import real_dtype
from ..trees import as_rows, from_rows
from .loops import iterate


def _mixture_alone(
    gram: Inexact[Array, "batch depth depth"], used: Bool[Array, "batch depth"]
) -> Inexact[Array, "batch depth"]:
    """Weights, summing to 1, of the mixture of steps with the smallest residual.

    Solves `gram w = 1` by Gauss-Jordan elimination of all samples at once: the matrices are tiny,
    positive and many. A ridge at the level of round-off keeps near-parallel residuals from
    producing huge weights.
    """
    depth = gram.shape[-1]
    dtype = real_dtype(gram)
    # Samples last, so that the inner loops are long.
    gram, used = jnp.moveaxis(gram, 0, -1), used.T
    diagonal = jnp.diagonal(gram).T.real
    scale = jnp.where(used, 1 / jnp.sqrt(jnp.where(used & (diagonal > 0), diagonal, 1)), 0)
    matrix = gram * (scale[:, None] * scale[None]).astype(gram.dtype)
    ridge = jnp.where(used, 10 * depth * jnp.finfo(dtype).eps, 1.0).astype(dtype)
    matrix = matrix + (jnp.eye(depth, dtype=dtype)[:, :, None] * ridge).astype(gram.dtype)
    right = scale.astype(gram.dtype)

    def eliminate(pivot: Int[Array, ""], system: Array) -> Array:
        row = system[pivot] / system[pivot, pivot]
        system = system - system[:, pivot][:, None] * row
        return system.at[pivot].set(row)

    system = jnp.concatenate([matrix, right[:, None]], axis=1)
    solved = jax.lax.fori_loop(0, depth, eliminate, system)
    weights = solved[:, -1] * right
    return (weights / jnp.sum(weights, axis=0)).T


_mixture = custom_vmap(_mixture_alone)


@_mixture.def_vmap
def _(lanes: int, batched: Any, *arguments: Array) -> tuple[Array, bool]:
    """More samples, instead of a lane each."""
    if not any(batched):  # for derivatives
        return _mixture_alone(*arguments), False
    merged = []
    for along, argument in zip(batched, arguments, strict=True):
        each = argument if along else jnp.broadcast_to(argument, (lanes, *argument.shape))
        merged.append(each.reshape(-1, *each.shape[2:]))
    weights = _mixture(*merged)
    return weights.reshape(lanes, -1, weights.shape[-1]), True


def accelerate(
    step: Callable[[PyTree[Array]], PyTree[Array]],
    start: PyTree[Inexact[Array, "batch ..."]],
    *,
    change: Callable[[PyTree[Array], PyTree[Array]], Float[Array, " batch"]],
    tolerance: Float[Array, ""],
    onset: float,
    depth: int,
    max_steps: ArrayLike,
    contraction: ArrayLike = float("inf"),
) -> tuple[PyTree[Array], Bool[Array, " batch"], Bool[Array, " batch"], Int[Array, ""]]:
    """Iterate `x <- step(x)`, accelerated, until `change(x, step(x)) <= tolerance` everywhere.

    `depth` steps are remembered per sample, from where its `change` falls below `onset`: a mixture
    converges to unstable fixed points as happily as to stable ones, so the plain iteration must
    have chosen first. A sample whose residual grows forgets its steps and goes on plainly, so that
    nothing is lost where acceleration fails. A sample of which a plain step shrinks the `change` to
    more than `contraction` of the one before is given up. Returns the state, which samples have
    settled, which of them after plain steps that all contracted, and the number of steps.
    """
    x0 = as_rows(start)
    batch, width = x0.shape
    memory = jnp.zeros((batch, depth, width), dtype=x0.dtype)
    gram0 = jnp.zeros((batch, depth, depth), dtype=x0.dtype)

    def advance(
        result: tuple[Any, ...], memory: tuple[Any, ...], turn: Int[Array, ""]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        x, before, given_up, contracted = result
        steps_made, residuals, gram, age, size = memory
        now = from_rows(x, start)
        then = step(now)
        distance = change(now, then)
        # The step before this one was a plain one, of a sample on its way.
        plain = (before > onset) & jnp.isfinite(before)
        shrunk = (distance <= limit * before) | (distance <= tolerance)
        given_up = given_up | (plain & ~shrunk)
        contracted = contracted | (plain & shrunk)
        moved = as_rows(then)
        slot = turn % depth
        residual = moved - x
        steps_made = steps_made.at[:, slot].set(moved)
        residuals = residuals.at[:, slot].set(residual)
        row = jnp.einsum("bn,bmn->bm", residual.conj(), residuals)
        gram = gram.at[:, slot, :].set(row)
        gram = gram.at[:, :, slot].set(row.conj())
        # Where a mixture has made things worse, forget it and step plainly from here.
        size_now = row[:, slot].real
        age = jnp.where((size_now > size) | (distance > onset), 0, age + 1)
        used = (slot - jnp.arange(depth)) % depth <= age[:, None]
        weights = _mixture(gram, used)
        mixed = jnp.einsum("bm,bmn->bn", weights, steps_made)
        settled = (distance <= tolerance)[:, None]
        mixed = jnp.where(jnp.isfinite(weights).all(axis=1, keepdims=True), mixed, moved)
        x = jnp.where(settled, moved, mixed)
        return (x, distance, given_up, contracted), (steps_made, residuals, gram, age, size_now)

    def unfinished(result: tuple[Any, ...]) -> Array:
        _, distance, given_up, _ = result
        return jnp.any(~(distance <= tolerance) & ~jnp.isnan(distance) & ~given_up)

    limit = jnp.asarray(contraction, dtype=real_dtype(x0))
    infinite = jnp.full((batch,), jnp.inf, dtype=real_dtype(x0))
    first = (memory, memory, gram0, jnp.full((batch,), -1), infinite)
    none = jnp.zeros((batch,), dtype=bool)
    begin = (x0, infinite, none, none)
    (final, distance, given_up, contracted), _, steps = iterate(
        advance, begin, first, unfinished=unfinished, max_steps=max_steps
    )
    settled = distance <= tolerance
    return from_rows(final, start), settled, settled & contracted & ~given_up, steps
