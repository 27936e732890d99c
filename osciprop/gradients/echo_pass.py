"""Echoes of a passage: back to where it came from, nudged on the way, summing what is learned.

Every kick and every drift is a part of the echo's action; its derivative by the parameters is
summed as it is made, so that nothing of the way is stored.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PRNGKeyArray, PyTree

from ..networks.complexity import complex_like, is_complex, real_dtype, to_complex
from ..networks.hamiltonian.passage import Passage, drifted, kicked, shaken, shaking
from ..networks.hamiltonian.sequences import Goal, Sequence, goal_at, input_at
from ..networks.hamiltonian.system import AbstractHamiltonian, Phase
from ..networks.network import State
from ..settings import Module
from .contour import by_point, for_points
from .echo_friction import AbstractEchoFriction
from .trajectories import with_constants_still


def over_points(factors: Inexact[Array, " points"], states: PyTree[Array]) -> PyTree[Array]:
    """The weighted sum over the leading axis of states, a circle's lower half included."""
    return jax.tree.map(
        lambda leaf: (
            jnp.tensordot(complex_like(factors, leaf).astype(leaf.dtype), leaf, axes=1).real
        ),
        states,
    )


class EchoPass(Module):
    """All echoes of a batch at once: the points of a sample lie side by side."""

    network: AbstractHamiltonian
    x: Sequence
    y: Goal
    friction: AbstractEchoFriction
    epsilons: Inexact[Array, " points"]
    weights: Inexact[Array, " points"]
    noise: Float[Array, ""] | None
    key: PRNGKeyArray | None

    def run(self, passage: Passage) -> tuple[PyTree[Array], PyTree[Array]]:
        """Where echoes end, as phases with axes (points, batch, ...), and the gradient."""
        network, points = self.network, self.epsilons.shape[0]
        motion = network.motion
        kicks, drifts = (part.tolist() for part in motion.parts())
        end = for_points(passage.end.reversed(), points)
        phase = to_complex(end) if is_complex(self.epsilons) else end
        dtype = real_dtype(phase.q)
        step = motion.step(dtype)
        rate = network.friction().astype(dtype)
        growth = self.friction.growth(rate)
        batch = jax.tree.leaves(passage.end.q)[0].shape[0]
        rows = jnp.tile(self.weights, batch) / batch
        size = shaking(self.noise, step)
        running = network.costs_on_the_way()

        def weight(number: Array, after: Any = 0.0) -> Array:
            """What the rule weighs, and divides the nudge by, at a point of the grid."""
            left = (motion.steps - number).astype(dtype) - after
            return self.friction.weight(rate, left * step)

        def kick(phase: Phase, number: Array, after: Any, part: Any, sums: Any) -> Any:
            x = for_points(input_at(self.x, motion, number, after), points)
            pull, learned = _pull(lambda net, q: net.potential(q, x), network, phase.q, rows)
            sums = _added(sums, learned, part * weight(number, after))
            return kicked(phase, jax.tree.map(jnp.negative, pull), part), sums

        def drift(phase: Phase, middle: Array, part: Array, sums: Any) -> Any:
            half = jnp.exp(growth * part / 2)
            p = jax.tree.map(lambda leaf: half.astype(leaf.dtype) * leaf, phase.p)
            _, learned = _pull(lambda net, p: net.kinetic(p), network, p, rows)
            sums = _added(sums, learned, part * middle)
            return drifted(network, phase, part, growth), sums

        def nudge(phase: Phase, number: Array, cost: Any, factor: Any, sums: Any) -> Any:
            y = for_points(goal_at(self.y, motion, number), points)
            betas = jnp.tile(self.epsilons, batch)
            pull, learned = _nudge(lambda net, q: cost(net, q, y), network, phase.q, rows, betas)
            sums = _added(sums, learned, factor)
            pushed = kicked(phase, jax.tree.map(jnp.negative, pull), factor / weight(number))
            return pushed, sums

        # The number of a step is counted, not listed: memory does not grow with their number.
        def back(carry: Any, _: None) -> Any:
            phase, sums, there = carry
            number = there - 1
            if running:
                phase, sums = nudge(
                    phase, there, lambda net, q, y: net.running_cost(q, y), step, sums
                )
            last = (there == motion.steps).astype(dtype)
            part = (kicks[-1] + (1 - last) * kicks[0]) * step
            phase, sums = kick(phase, there, 0.0, part, sums)
            after = 1.0
            for i in range(len(drifts) - 1, -1, -1):
                half = after - drifts[i] / 2
                phase, sums = drift(phase, weight(number, half), drifts[i] * step, sums)
                after -= drifts[i]
                if i > 0:
                    phase, sums = kick(phase, number, after, kicks[i] * step, sums)
            return (shaken(phase, size, self.key, number), sums, number), None

        sums = jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array))
        steps = jnp.asarray(motion.steps)
        phase, sums = nudge(
            phase, steps, lambda net, q, y: net.final_cost(q, y), jnp.ones((), dtype), sums
        )
        (phase, sums, _), _ = jax.lax.scan(back, (phase, sums, steps), length=motion.steps)
        phase, sums = kick(phase, jnp.asarray(0), 0.0, kicks[0] * step, sums)
        ended = by_point(phase.reversed(), points)
        gradient = _added(sums, self._of_start(ended, weight(jnp.asarray(0))), 1.0)
        return ended, gradient

    def _of_start(self, ended: PyTree[Array], weight: Array) -> PyTree[Array]:
        """What the start's own parameters add: echoes end where the adjoint state does."""
        response = over_points(self.weights, ended)
        batch = jax.tree.leaves(response.q)[0].shape[0]
        first = input_at(self.x, self.network.motion, 0)
        _, pull = eqx.filter_vjp(lambda net: with_constants_still(net).start(first), self.network)

        def scaled(tree: State, sign: float) -> State:
            return jax.tree.map(lambda leaf: sign * weight.astype(leaf.dtype) * leaf / batch, tree)

        (learned,) = pull(Phase(scaled(response.p, 1.0), scaled(response.q, -1.0)))
        return learned


def _pull(
    energy: Any, network: AbstractHamiltonian, state: State, rows: Array
) -> tuple[State, PyTree[Array]]:
    """`d energy / d state` of each row, and the derivative by the parameters of the real part of
    all energies weighed by `rows`: both of one reverse pass, whose rows are divided by their
    weights.
    """
    value, pull = eqx.filter_vjp(_learned(energy), network, state)
    learned, pulled = pull(rows.astype(value.dtype))

    def unweighed(leaf: Array) -> Array:
        return leaf / rows.astype(leaf.dtype).reshape((-1,) + (1,) * (leaf.ndim - 1))

    return jax.tree.map(unweighed, pulled), learned


def _nudge(
    cost: Any, network: AbstractHamiltonian, state: State, rows: Array, betas: Array
) -> tuple[State, PyTree[Array]]:
    """The same for a cost, of which each row counts `beta` times: also where that is 0."""
    value, pull = eqx.filter_vjp(_learned(cost), network, state)
    kind = value.dtype
    (learned, _), (_, slope) = (
        pull((rows * betas).astype(kind)),
        pull(jnp.ones(rows.shape, dtype=kind)),
    )

    def weighed(leaf: Array) -> Array:
        return leaf * betas.astype(leaf.dtype).reshape((-1,) + (1,) * (leaf.ndim - 1))

    return jax.tree.map(weighed, slope), learned


def _learned(function: Any) -> Any:
    """A function of a network and a state, in which the network's constants stand still."""
    return lambda network, state: function(with_constants_still(network), state)


def _added(sums: PyTree[Array], learned: PyTree[Array], factor: Any) -> PyTree[Array]:
    """Sums of parameters' derivatives, each with its factor."""

    def add(total: Array, part: Array) -> Array:
        return total + jnp.asarray(factor).astype(part.dtype) * part

    return jax.tree.map(add, sums, learned)
