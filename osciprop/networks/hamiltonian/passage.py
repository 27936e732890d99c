"""One passage through time: from the start to the end, with the cost on the way."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, PyTree

from ...settings import Module
from ..complexity import real_dtype
from ..network import State
from ..trees import all_finite, scaled
from .sequences import Goal, Sequence, goal_at, input_at
from .system import AbstractHamiltonian, Phase, force, speed


class Passage(Module):
    """Where a trajectory began and ended, and what it cost.

    Args:
        start: Its first point.
        end: Its last point.
        cost: Running and final cost of each sample, `(batch,)`; None without targets.
        q: Positions at all points of the grid, with axes (times, batch, ...), if they were asked
            for; else None.

    Example:
        >>> network = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> found = osciprop.networks.passage(network, np.zeros((4, 5, 2)))
        >>> found.q.shape
        (51, 4, 3)
    """

    start: Phase
    end: Phase
    cost: Float[Array, " batch"] | None
    q: PyTree[Inexact[Array, "times batch ..."]] | None

    @property
    def finite(self) -> Bool[Array, ""]:
        """Whether the end was reached with finite numbers."""
        return all_finite(self.end)


def kicked(phase: Phase, pull: State, weight: ArrayLike) -> Phase:
    """Momenta changed by a force for a while."""
    return Phase(phase.q, jax.tree.map(lambda p, f: p + _as(weight, p) * f, phase.p, pull))


def drifted(network: AbstractHamiltonian, phase: Phase, time: Array, growth: Array) -> Phase:
    """Positions moved for a while by momenta that grow at a rate, or shrink at a negative one."""
    half = jnp.exp(growth * time / 2)
    p = scaled(half, phase.p)
    q = jax.tree.map(lambda q, v: q + _as(time, q) * v, phase.q, speed(network, p))
    return Phase(q, scaled(half, p))


def _as(number: ArrayLike, like: Array) -> Array:
    return jnp.asarray(number).astype(like.dtype)


def shaken(phase: Phase, size: Array | None, key: Any, number: ArrayLike) -> Phase:
    """Momenta with white noise of a size; as they are without."""
    if size is None:
        return phase
    leaves, structure = jax.tree.flatten(phase.p)
    keys = jax.random.split(jax.random.fold_in(key, number), len(leaves))
    moved = [
        leaf + _as(size * jax.random.normal(one, leaf.shape, dtype=real_dtype(leaf)), leaf)
        for one, leaf in zip(keys, leaves, strict=True)
    ]
    return Phase(phase.q, jax.tree.unflatten(structure, moved))


def shaking(noise: Array | None, step: Array) -> Array | None:
    """The size of what white noise adds to momenta in a step; none where there is none."""
    return None if noise is None else noise.astype(step.dtype) * jnp.sqrt(step)


def pass_through(
    network: AbstractHamiltonian,
    x: Sequence,
    y: Goal | None,
    *,
    noise: Array | None = None,
    key: Any = None,
    record: bool = False,
) -> Passage:
    """The passage of a batch, its first point given by the network."""
    motion = network.motion
    kicks, drifts = (part.tolist() for part in motion.parts())
    zero = jnp.asarray(0)
    begun = network.start(input_at(x, motion, zero))
    dtype = real_dtype(begun.q)
    step, loss_rate = motion.step(dtype), -network.friction().astype(dtype)
    size = shaking(noise, step)
    goal = y if network.costs_on_the_way() else None

    # The number of a step is counted, not listed: memory does not grow with their number.
    def advance(carry: tuple[Phase, Array, Array], _: None) -> tuple[Any, Any]:
        phase, cost, number = carry
        after = 0.0
        for kick, drift in zip(kicks[1:-1], drifts[:-1], strict=True):
            phase = drifted(network, phase, drift * step, loss_rate)
            after += drift
            pull = force(network, phase.q, input_at(x, motion, number, after))
            phase = kicked(phase, pull, kick * step)
        phase = drifted(network, phase, drifts[-1] * step, loss_rate)
        there = number + 1
        # The kick that ends a step and that which begins the next are one.
        last = (there == motion.steps).astype(dtype)
        weight = (kicks[-1] + (1 - last) * kicks[0]) * step
        phase = kicked(phase, force(network, phase.q, input_at(x, motion, there)), weight)
        phase = shaken(phase, size, key, number)
        if goal is not None:
            cost = cost + step * network.running_cost(phase.q, goal_at(goal, motion, there))
        return (phase, cost, there), phase.q if record else None

    pull = force(network, begun.q, input_at(x, motion, zero))
    free = jnp.zeros(jax.tree.leaves(begun.q)[0].shape[0], dtype=dtype)
    first = kicked(begun, pull, kicks[0] * step), free, zero
    (end, cost, _), q = jax.lax.scan(advance, first, length=motion.steps)
    if y is not None:
        cost = cost + network.final_cost(end.q, goal_at(y, motion, motion.steps))
    if record:
        q = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), begun.q, q)
    return Passage(begun, end, None if y is None else cost, q)
