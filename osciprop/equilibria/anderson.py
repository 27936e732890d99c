"""Anderson-accelerated fixed-point iteration, each sample of a batch on its own.

Near a critical point a plain iteration creeps; mixing the last few steps so that their residuals
cancel best makes it fast (for a linear map it is GMRES). Optimistix has no such solver, and Lineax'
GMRES takes the batch for one long vector and is many times slower here (benchmarks/).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Int, PyTree

from ..networks.complexity import real_dtype
from ..networks.trees import as_rows, from_rows
from .loops import in_any_lane, iterate

# Last change, whether a sample was given up, and whether its plain steps contracted.
Judged: TypeAlias = tuple[Float[Array, " batch"], Bool[Array, " batch"], Bool[Array, " batch"]]


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
    matrix = matrix + (jnp.eye(depth, dtype=dtype)[:, :, None] * ridge[None]).astype(gram.dtype)
    right = scale.astype(gram.dtype)

    def eliminate(pivot: Int[Array, ""], system: Array) -> Array:
        row = system[pivot] / system[pivot, pivot][None]
        system = system - system[:, pivot][:, None] * row[None]
        return system.at[pivot].set(row)

    system = jnp.concatenate([matrix, right[:, None]], axis=1)
    solved = jax.lax.fori_loop(0, depth, eliminate, system)
    weights = solved[:, -1] * right
    return (weights / jnp.sum(weights, axis=0, keepdims=True)).T


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
    dtype = real_dtype(start)
    limit = jnp.asarray(contraction, dtype=dtype)
    batch = jax.tree.leaves(start)[0].shape[0]
    rules = _Rules(change, tolerance, onset, limit)

    # Without memory as long as none of the samples on their way has chosen.
    def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        _, now, judged = result
        then = step(now)
        return (now, then, rules.judge(judged, now, then)), None

    def choosing(result: tuple[Any, ...]) -> Array:
        *_, judged = result
        going = rules.going(judged)
        return jnp.any(going) & ~jnp.any(going & (judged[0] <= onset))

    none = jnp.zeros((batch,), dtype=bool)
    begin = (start, start, (jnp.full((batch,), jnp.inf, dtype=dtype), none, none))
    (before, now, judged), _, steps = iterate(
        move, begin, None, unfinished=choosing, max_steps=max_steps
    )
    needed = jnp.any(rules.going(judged)) & (steps < max_steps)

    def mix(result: tuple[Any, ...]) -> tuple[Any, ...]:
        before, now, judged = result
        return _mixed(step, before, now, judged, rules, depth, max_steps - steps, needed)

    def stay(result: tuple[Any, ...]) -> tuple[Any, ...]:
        _, now, judged = result
        return now, judged, jnp.zeros_like(steps)

    final, judged, mixed = jax.lax.cond(in_any_lane(needed), mix, stay, (before, now, judged))
    distance, given_up, contracted = judged
    settled = distance <= tolerance
    return final, settled, settled & contracted & ~given_up, steps + mixed


class _Rules(NamedTuple):
    """When a sample is on its way, has settled, or is given up: see `accelerate`."""

    change: Callable[[PyTree[Array], PyTree[Array]], Float[Array, " batch"]]
    tolerance: Float[Array, ""]
    onset: float
    contraction: Float[Array, ""]

    def judge(self, judged: Judged, now: PyTree[Array], then: PyTree[Array]) -> Judged:
        """What a step from `now` to `then` says of every sample."""
        before, given_up, contracted = judged
        distance = self.change(now, then)
        # The step before this one was a plain one, of a sample on its way.
        plain = (before > self.onset) & jnp.isfinite(before)
        shrunk = (distance <= self.contraction * before) | (distance <= self.tolerance)
        return distance, given_up | (plain & ~shrunk), contracted | (plain & shrunk)

    def going(self, judged: Judged) -> Bool[Array, " batch"]:
        distance, given_up, _ = judged
        return ~(distance <= self.tolerance) & ~jnp.isnan(distance) & ~given_up


def _mixed(
    step: Callable[[PyTree[Array]], PyTree[Array]],
    before: PyTree[Inexact[Array, "batch ..."]],
    now: PyTree[Inexact[Array, "batch ..."]],
    judged: Judged,
    rules: _Rules,
    depth: int,
    max_steps: ArrayLike,
    needed: Bool[Array, ""],
) -> tuple[PyTree[Array], Judged, Int[Array, ""]]:
    """`accelerate` from the last of its plain steps, which led from `before` to `now`."""
    x0 = as_rows(now)
    batch, width = x0.shape
    empty = jnp.zeros((batch, depth, width), dtype=x0.dtype)
    residual0 = x0 - as_rows(before)
    size0 = jnp.sum(jnp.abs(residual0) ** 2, axis=1)
    # That step is the first to be remembered, in the last slot.
    gram0 = jnp.zeros((batch, depth, depth), dtype=x0.dtype)
    gram0 = gram0.at[:, -1, -1].set(size0.astype(x0.dtype))
    first = (empty.at[:, -1].set(x0), empty.at[:, -1].set(residual0), gram0)

    def advance(
        result: tuple[Any, ...], memory: tuple[Any, ...], turn: Int[Array, ""]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        x, judged = result
        steps_made, residuals, gram, age, size = memory
        now = from_rows(x, before)
        then = step(now)
        judged = rules.judge(judged, now, then)
        distance = judged[0]
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
        age = jnp.where((size_now > size) | (distance > rules.onset), 0, age + 1)
        used = ((slot - jnp.arange(depth)) % depth)[None] <= age[:, None]
        weights = _mixture(gram, used)
        mixed = jnp.einsum("bm,bmn->bn", weights, steps_made)
        settled = (distance <= rules.tolerance)[:, None]
        mixed = jnp.where(jnp.isfinite(weights).all(axis=1, keepdims=True), mixed, moved)
        x = jnp.where(settled, moved, mixed)
        return (x, judged), (steps_made, residuals, gram, age, size_now)

    memory = (*first, jnp.zeros((batch,), dtype=int), size0)
    (final, judged), _, steps = iterate(
        advance,
        (x0, judged),
        memory,
        unfinished=lambda result: jnp.any(rules.going(result[1])),
        max_steps=max_steps,
        needed=needed,
    )
    return from_rows(final, before), judged, steps
