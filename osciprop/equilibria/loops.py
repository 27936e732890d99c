"""Loops that end at different turns in different lanes of a `jax.vmap`.

`jax.lax.while_loop` under `vmap` masks all that it carries at every turn, and what is counted or
indexed by turn becomes different from lane to lane. Here the loop goes on until its last lane ends,
and only results are masked: those of a lane stay as they were at its end, so that they do not
depend on the lanes beside it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, ArrayLike, Bool, Int, PyTree

Result = TypeVar("Result")
Memory = TypeVar("Memory")


@custom_vmap
def in_any_lane(running: Bool[Array, ""]) -> Bool[Array, ""]:
    """Whether a flag holds in any lane of a `vmap`: one flag for all of them."""
    return running


@in_any_lane.def_vmap
def _(lanes: int, batched: Any, running: Array) -> tuple[Array, bool]:
    # Without any batched argument, rules are called for derivatives: then there are no lanes.
    return (in_any_lane(jnp.any(running)) if any(batched) else running), False


@custom_vmap
def _while_running(running: Bool[Array, ""], new: PyTree[Array], old: PyTree[Array]) -> PyTree:
    return new  # a loop alone has no other turns


@_while_running.def_vmap
def _(lanes: int, batched: Any, *arguments: Any) -> tuple[PyTree, PyTree]:
    axes = jax.tree.map(lambda along: 0 if along else None, tuple(batched))
    if not any(jax.tree.leaves(tuple(batched))):
        return arguments[1], batched[1]

    def choose(running: Array, new: PyTree, old: PyTree) -> PyTree:
        return jax.tree.map(partial(jnp.where, running), new, old)

    chosen = jax.vmap(choose, in_axes=axes, axis_size=lanes)(*arguments)
    return chosen, jax.tree.map(lambda _: True, chosen)


def iterate(
    step: Callable[[Result, Memory, Int[Array, ""]], tuple[Result, Memory]],
    start: Result,
    memory: Memory,
    *,
    unfinished: Callable[[Result], Bool[Array, ""]],
    max_steps: ArrayLike,
    needed: ArrayLike = True,
) -> tuple[Result, Memory, Int[Array, ""]]:
    """`result, memory = step(result, memory, turn)` while `unfinished(result)`.

    At least one step and at most `max_steps` are made, or none unless `needed`. Returns the result,
    the last memory, and how many steps there were. What a step needs of earlier ones and nobody
    after the loop belongs into `memory`: in lanes that ended before others it went on.
    """

    def going(carry: tuple[Any, ...]) -> Array:
        running, *_ = carry
        return in_any_lane(running)

    def turn(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        running, count, steps, result, kept = carry
        new, kept = step(result, kept, count)
        count = count + 1
        result, steps = _while_running(running, (new, count), (result, steps))
        running = running & (count < max_steps) & unfinished(result)
        return running, count, steps, result, kept

    zero = jnp.asarray(0)
    carry = (jnp.asarray(needed), zero, zero, start, memory)
    _, _, steps, result, kept = jax.lax.while_loop(going, turn, carry)
    return result, kept, steps
