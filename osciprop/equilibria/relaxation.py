"""Relaxation to equilibrium: several ways to get there, one verb, one result.

`relax(network, x)` finds the free equilibrium, `relax(network, x, y, beta=0.1)` a nudged one, which
may lie anywhere in the complex plane. The tolerance decides when a relaxation ends, not a number of
steps.
"""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..dynamics.dynamics import Dynamics, make_dynamics
from ..dynamics.teaching import Constant
from ..errors import check_at_least, check_positive, is_traced
from ..networks.complexity import complex_like, real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from ..settings import Module, Number, Numbers, number, numbers, optional_number
from ..trees import largest_change
from .anderson import accelerate
from .loops import iterate
from .orders import AbstractOrder, Forward
from .solution import Solution, poison, require_converged

DEFAULTS = {"float32": 2e-6, "float64": 1e-10}
DAMPING_REMEDY = "1 is the undamped iteration, 0.3 a strongly damped one"
TOLERANCE_REMEDY = "leave it None for the precision's default (2e-6 float32, 1e-10 float64)"


# Largest change of activity in a step below which an iteration has chosen its equilibrium.
ACCELERATION_ONSET = 3e-3


class AbstractRelaxation(Module):
    """A way to bring a network to equilibrium.

    `tolerance` bounds `Dynamics.residual`, a change of activity, relative to the largest activity
    where that is above 1; None takes the default of the precision, 2e-6 in float32, 1e-10 in
    float64, four units of round-off in half precision (3e-2 in bfloat16, 4e-3 in float16).

    Example:
        >>> float(osciprop.AndersonIteration().threshold(jnp.dtype("float32"))) < 3e-6
        True
    """

    if TYPE_CHECKING:
        # A field or a property. To mypy an abstract variable is an argument of every subclass.
        @property
        def tolerance(self) -> Number | None: ...
    else:
        tolerance: eqx.AbstractVar[Number | None]

    def __check_init__(self) -> None:
        check_tolerance(self.tolerance)

    @abc.abstractmethod
    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        """The final state, the number of steps, and the simulated time."""

    def threshold(self, dtype: jnp.dtype) -> Float[Array, ""]:
        """The tolerance for states of a type, real or complex, in its precision."""
        return precision_threshold(self.tolerance, dtype)

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        """Relax from `u` and look at what came of it. Never raises: see `relax`."""
        tolerance = self.threshold(jax.tree.leaves(u)[0].dtype)
        final, steps, time = self.run(dynamics, u, tolerance)
        return judge(dynamics, final, tolerance, steps, time)


def judge(
    dynamics: Dynamics,
    u: State,
    tolerance: Float[Array, ""],
    steps: Int[Array, ""],
    time: Float[Array, ""],
) -> Solution:
    """A state as a `Solution`: its residual decides whether it counts as an equilibrium."""
    residual = dynamics.residual(0.0, u)
    return Solution(
        u=u,
        s=dynamics.network.activity(u),
        residual=residual,
        converged=residual <= tolerance,  # false for NaN
        steps=steps,
        time=time,
        tolerance=tolerance,
    )


def precision_threshold(tolerance: Number | None, dtype: jnp.dtype) -> Float[Array, ""]:
    """A tolerance, or the default of a precision, in that precision."""
    precision = jnp.finfo(dtype)
    if tolerance is None:
        default = DEFAULTS.get(precision.dtype.name, 4 * float(precision.eps))
        return jnp.asarray(default, dtype=precision.dtype)
    return jnp.asarray(tolerance, dtype=precision.dtype)


def check_tolerance(tolerance: Number | None) -> None:
    """Raise `ValueError` unless a tolerance is positive, or None."""
    if tolerance is not None:
        check_positive("tolerance", tolerance, TOLERANCE_REMEDY)


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
    """Per sample, the largest change of any activity between two states (`largest_change`).

    In activity: what a saturated neuron's potential still does is of no consequence.
    """
    s, t = dynamics.network.activity(before), dynamics.network.activity(after)
    return largest_change(s, t)


def accelerated_sweeps(
    dynamics: Dynamics,
    u: State,
    tolerance: Float[Array, ""],
    *,
    depth: int,
    max_steps: int,
    contraction: ArrayLike = float("inf"),
) -> tuple[State, Bool[Array, " batch"], Int[Array, ""]]:
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

    The default: as cheap as a plain iteration where that is fast, and several times faster for
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
        final, _, steps = accelerated_sweeps(
            dynamics, u, tolerance, depth=self.depth, max_steps=self.max_steps
        )
        return final, steps, steps.astype(tolerance.dtype)


@eqx.filter_jit
def _relax(
    network: AbstractNetwork,
    x: Array,
    y: Targets | None,
    teaching: Constant | None,
    relaxation: AbstractRelaxation,
    initial: State | None,
) -> Solution:
    dynamics = make_dynamics(network, x, y, teaching)
    if initial is None:
        start = dynamics.rest(x)
    else:
        start = to_complex(initial) if dynamics.teaching.is_complex() else initial
    return relaxation.solve(dynamics, start)


def relax(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    beta: ArrayLike | None = None,
    relaxation: AbstractRelaxation = AndersonIteration(),
    initial: State | None = None,
    throw: bool = True,
) -> Solution:
    """Bring a network to equilibrium for a batch of clamped inputs.

    `y` and `beta` nudge the cost and go together; without them the equilibrium is the free one.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets of a nudge: integer labels `(batch,)`, or rows `(batch, outputs)`; None for a
            free equilibrium.
        beta: The teaching signal: a real or complex number, or one per sample `(batch,)`; None
            for a free equilibrium.
        relaxation: How equilibria are found.
        initial: Membrane potentials to start from; None for rest.
        throw: Whether samples that did not converge are an error; if not, the state that they
            reached is flagged.

    Returns:
        The equilibrium, with residual, steps and flag per sample.

    Raises:
        ConvergenceError: a sample did not converge. Inside `jit` or `vmap` nothing can be raised:
            such samples hold NaN instead, unless `throw` is false.
        ValueError: input does not fit, or only one of `y` and `beta` is given.

    Example:
        >>> free = osciprop.relax(network, x)
        >>> nudged = osciprop.relax(network, x, y, beta=0.1)
        >>> [leaf.shape for leaf in nudged.s]
        [(10, 6), (10, 5)]
    """
    x, y = prepare(network, x, y)
    if (y is None) != (beta is None):
        raise ValueError(
            f"beta is {beta} and y is {'not ' * (y is not None)}given: a nudge needs both, a free "
            "relaxation neither"
        )
    teaching = None if beta is None else Constant(beta)
    solution = _relax(network, x, y, teaching, relaxation, initial)
    if throw:
        if is_traced(solution.converged):
            return poison(solution)
        require_converged(solution, "relaxation")
    return solution
