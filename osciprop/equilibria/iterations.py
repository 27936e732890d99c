"""Fixed-point iterations to an equilibrium: all neurons at once, in turn, and accelerated."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least, check_positive
from ..networks.complexity import complex_like, real_dtype
from ..networks.network import State
from ..settings import Number, Numbers, number, numbers, optional_number
from .anderson import accelerate
from .loops import iterate
from .orders import AbstractOrder, Forward
from .relaxation import AbstractRelaxation

DAMPING_REMEDY = "1 is the undamped iteration, 0.3 a strongly damped one"

# Largest change of activity in a step below which an iteration has chosen its equilibrium.
ACCELERATION_ONSET = 3e-3


class _Iterated(AbstractRelaxation):
    """Shared loop of the iterations: step until every sample's activity has stopped changing."""

    damping: Numbers = eqx.field(default=1.0, converter=numbers)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=2000, static=True)

    def __check_init__(self) -> None:
        check_positive("damping", self.damping, DAMPING_REMEDY)
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")

    @abc.abstractmethod
    def step(self, dynamics: Dynamics, u: State, damping: Array) -> State:
        """One iteration of all neurons."""

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        damping = jnp.asarray(self.damping, dtype=real_dtype(u))

        if self.max_steps == 1:  # no loop for the compiler to work around
            return self.step(dynamics, u, damping), jnp.asarray(1), jnp.mean(damping)

        def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
            before, _ = result
            after = self.step(dynamics, before, damping)
            return (after, jnp.max(activity_change(dynamics, before, after))), None

        def unfinished(result: tuple[Any, ...]) -> Array:
            _, last = result
            # A damped step moves `damping` of the way; a quarter keeps the final residual inside.
            return ~(last <= 0.25 * jnp.min(damping) * tolerance) & ~jnp.isnan(last)

        start = (u, jnp.asarray(jnp.inf, dtype=real_dtype(u)))
        (final, _), _, steps = iterate(
            move, start, None, unfinished=unfinished, max_steps=self.max_steps
        )
        return final, steps, steps.astype(damping.dtype) * jnp.mean(damping)


class SynchronousIteration(_Iterated):
    """`u <- u + damping (current(u) - u)`, all neurons at once.

    With `damping=1` this is the iteration of hep2022 (section A.2 of the code's description); it
    loses stability inside the radius of convergence, where a damped one still converges.

    Args:
        damping: Part of a step that is made, above 0.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Source: hep2022, appendix A.2.

    Example:
        >>> damped = osciprop.SynchronousIteration(damping=0.5)
        >>> bool(osciprop.relax(network, x, relaxation=damped).converged.all())
        True
    """

    damping: Number = eqx.field(default=1.0, converter=number)

    def step(self, dynamics: Dynamics, u: State, damping: Array) -> State:
        current = dynamics.current(0.0, u)
        return jax.tree.map(
            lambda potential, inflow: potential + complex_like(damping, u) * (inflow - potential),
            u,
            current,
        )


class SequentialIteration(_Iterated):
    """One population after the other, each seeing the newest activity of the others.

    In a layered network a sweep costs one synchronous step and gains two. The populations are the
    leaves of the state.

    Args:
        damping: Part of a step that is made, above 0; one number, or one per population.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.
        order: In what order the populations are visited.

    Raises:
        ValueError: a number is not positive; by `relax`, `damping` does not fit the populations.

    Example:
        >>> forwards = osciprop.SequentialIteration()
        >>> bool(osciprop.relax(network, x, relaxation=forwards).converged.all())
        True
    """

    order: AbstractOrder = Forward()

    def step(self, dynamics: Dynamics, u: State, damping: Array) -> State:
        return sweep(dynamics, u, damping, self.order)


def in_turn(step: Callable[[State], State], u: State, order: AbstractOrder = Forward()) -> State:
    """One step of every population in turn, each seeing the others' newest activity.

    `step` moves all populations; of what it returns only the group's turn is used, and the compiler
    drops the other products.
    """
    leaves, structure = jax.tree.flatten(u)
    for group in order.groups(len(leaves)):
        moved = jax.tree.leaves(step(jax.tree.unflatten(structure, leaves)))
        for index in group:
            leaves[index] = moved[index]
    return jax.tree.unflatten(structure, leaves)


def sweep(dynamics: Dynamics, u: State, damping: Array, order: AbstractOrder = Forward()) -> State:
    """One damped step of every population in turn: one factor for all, or one for each."""
    populations = len(jax.tree.leaves(u))
    if damping.ndim and damping.size != populations:
        raise ValueError(
            f"damping has {damping.size} entries for {populations} populations: give one number "
            "for all, or one per population"
        )
    factors = jax.tree.unflatten(
        jax.tree.structure(u), list(jnp.broadcast_to(damping, (populations,)))
    )

    def step(state: State) -> State:
        def move(leaf: Array, inflow: Array, factor: Array) -> Array:
            return leaf + complex_like(factor, u) * (inflow - leaf)

        return jax.tree.map(move, state, dynamics.current(0.0, state), factors)

    return in_turn(step, u, order)


def activity_change(dynamics: Dynamics, before: State, after: State) -> Float[Array, " batch"]:
    """Per sample, how far the activities of two states lie apart (`AbstractNetwork.change`).

    In activity: what a saturated neuron's potential still does is of no consequence.
    """
    s, t = dynamics.network.activity(before), dynamics.network.activity(after)
    return dynamics.network.change(s, t)


def accelerated_sweeps(
    dynamics: Dynamics,
    u: State,
    tolerance: Float[Array, ""],
    *,
    depth: int,
    max_steps: ArrayLike,
    contraction: ArrayLike = float("inf"),
) -> tuple[State, Bool[Array, " batch"], Bool[Array, " batch"], Int[Array, ""]]:
    """Undamped sweeps from `u`, accelerated once they have chosen: see `accelerate`."""
    one = jnp.ones((), dtype=real_dtype(u))
    return accelerate(
        lambda state: sweep(dynamics, state, one),
        u,
        change=lambda before, after: activity_change(dynamics, before, after),
        tolerance=0.5 * tolerance,
        onset=ACCELERATION_ONSET,
        depth=depth,
        max_steps=max_steps,
        contraction=contraction,
    )


class AndersonIteration(AbstractRelaxation):
    """`SequentialIteration`, accelerated by mixing the last `depth` sweeps of each sample.

    As cheap as a plain iteration where that is fast, and several times faster for
    networks close to critical, where plain iterations need hundreds of steps.

    Args:
        depth: Number of steps that are mixed.
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> mixing = osciprop.AndersonIteration(depth=3)
        >>> bool(osciprop.relax(network, x, relaxation=mixing).converged.all())
        True
    """

    depth: int = eqx.field(default=5, static=True)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=1000, static=True)

    def __check_init__(self) -> None:
        check_at_least("depth", self.depth, 1, "remember at least the last step")
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        final, _, _, steps = accelerated_sweeps(
            dynamics, u, tolerance, depth=self.depth, max_steps=self.max_steps
        )
        return final, steps, steps.astype(tolerance.dtype)
