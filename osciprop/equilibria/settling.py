"""The equilibrium that the dynamics settle in, found faster than by following them all the way.

An iteration converges to equilibria that the ODE leaves, and in networks with several of them it
ends in another than the ODE does. So the flow decides, and what is faster takes over where the flow
has: per sample, since one that is easy must not wait for one that is not.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least
from ..networks.complexity import complex_like, real_dtype
from ..networks.network import AbstractNetwork, State
from ..networks.trees import choose_samples, sample_norms
from ..settings import Number, optional_number
from .attempts import AbstractLarge
from .contracting import CONTRACTION, MIXED, ContractingIteration
from .iterations import accelerated_sweeps, activity_change
from .linear import solve_linear
from .loops import in_any_lane, iterate
from .relaxation import AbstractRelaxation, judge
from .solution import Solution, unstable, with_growth
from .stability import checked_growth, only_stable

# Residuals to which the flow is followed before something faster is tried again.
LEVELS = (0.1, 1e-3)

# Relative change of the velocity over a step of the flow: what is aimed at, the same where coarse
# steps have not settled or settled wrong (they may go round for ever where the ODE slowly spirals
# in), and what is taken of what is aimed at.
AIM, FINE_AIM, LIMIT = 0.5, 0.1, 1.6

# Where the flow's step begins, in units of time: it finds its own within a few.
FIRST_STEP = 0.3

# How far from where the flow is Newton's method may end, in units of the residual there.
REACH = 30

NEWTON_STEPS, ITERATION_STEPS = 12, 400


class Settling(AbstractRelaxation, AbstractLarge):
    """The equilibrium of the network's own ODE, wherever that settles, at the cost of an iteration.

    Sample by sample: sweeps from the start, accelerated, where each of them contracts. All other
    samples follow the flow from the start until their residual is 0.1, in steps of third order as
    long as the velocity allows, and are accelerated from there; those for which that fails follow
    it to 1e-3 and go on by Newton's method; the last ones follow it to the end. What was not shown
    to be stable by its sweeps is asked for the growth of perturbations, and where these grow, or
    where nothing has settled, the sample follows the flow from the start to the end in finer steps.

    Args:
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps of the flow after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> solution = osciprop.relax(network, x, relaxation=osciprop.Settling())
        >>> bool(solution.converged.all())
        True
    """

    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=10_000, static=True)

    def __check_init__(self) -> None:
        check_at_least("max_steps", self.max_steps, 1, "the flow needs a step")

    def small(self, network: AbstractNetwork) -> ContractingIteration:
        return ContractingIteration(self.tolerance)

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        return self._follow(dynamics, u, tolerance, CONTRACTION)

    def track(self, dynamics: Dynamics, u: State) -> Solution:
        # From an equilibrium there is nothing to choose: sweeps need only converge.
        tolerance = self.threshold(jax.tree.leaves(u)[0].dtype)
        final, steps, time = self._follow(dynamics, u, tolerance, 1.0)
        return judge(dynamics, final, tolerance, steps, time)

    def _follow(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""], contraction: float
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        every = jnp.ones(jax.tree.leaves(u)[0].shape[0], dtype=bool)
        at_once = jnp.asarray(True)
        final, _, steps, time = self._settle(dynamics, u, tolerance, contraction, at_once, every)
        return final, steps, time

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        tolerance = self.threshold(jax.tree.leaves(u)[0].dtype)
        every = jnp.ones(jax.tree.leaves(u)[0].shape[0], dtype=bool)

        def attempt(
            result: tuple[Any, ...], _: None, turn: Int[Array, ""]
        ) -> tuple[tuple[Any, ...], None]:
            before, growth, left, steps, time = result
            found, shown, made, passed = self._settle(
                dynamics, u, tolerance, CONTRACTION, turn == 0, left
            )
            state = choose_samples(left, found, before)
            settled = dynamics.residual(0.0, state) <= tolerance
            rates = checked_growth(dynamics, state, left & settled & ~shown)
            growth = jnp.where(left, rates, growth)
            left = left & (unstable(growth) | ~settled)
            return (state, growth, left, steps + made, time + passed), None

        zero = jnp.zeros((), dtype=tolerance.dtype)
        start = (u, jnp.full(every.shape, -jnp.inf, tolerance.dtype), every, jnp.asarray(0), zero)
        (final, growth, _, steps, time), *_ = iterate(
            attempt, start, None, unfinished=lambda result: jnp.any(result[2]), max_steps=2
        )
        return with_growth(judge(dynamics, final, tolerance, steps, time), growth)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return only_stable(dynamics, found)

    def _settle(
        self,
        dynamics: Dynamics,
        u: State,
        tolerance: Float[Array, ""],
        contraction: float,
        fast: Bool[Array, ""],
        wanted: Bool[Array, " batch"],
    ) -> tuple[State, Bool[Array, " batch"], Int[Array, ""], Float[Array, ""]]:
        """Where the samples that are `wanted` settle, and which have been shown to be stable; by
        the flow alone unless `fast`.
        """
        dtype = real_dtype(u)
        # The last stage ends with the flow itself, inside the tolerance.
        levels = jnp.asarray([*LEVELS, 0.0], dtype=dtype)
        levels = jnp.maximum(jnp.where(fast, levels, 0), 0.5 * tolerance)
        limits = jnp.asarray([contraction, jnp.inf], dtype=dtype)
        aim = jnp.where(fast, AIM, FINE_AIM).astype(dtype)

        def stage(
            result: tuple[Any, ...], step: Array, turn: Int[Array, ""]
        ) -> tuple[tuple[Any, ...], Array]:
            state, left, shown, steps, time = result

            def iteration(_: None) -> tuple[State, Array, Array, Array]:
                return accelerated_sweeps(
                    dynamics,
                    state,
                    tolerance,
                    depth=MIXED,
                    max_steps=jnp.where(fast, ITERATION_STEPS, 1),
                    contraction=limits[turn],
                )

            def newton(_: None) -> tuple[State, Array, Array, Array]:
                found, settled, made = _newton(
                    dynamics, state, tolerance, left, REACH * levels[turn - 1]
                )
                return found, settled, jnp.zeros_like(settled), made

            found, settled, contracted, made = jax.lax.cond(
                turn < len(LEVELS), iteration, newton, None
            )
            # What has settled stays; the others go on from where they were.
            settled = settled & fast
            state = choose_samples(left & settled, found, state)
            if dynamics.network.sweeps_tell_stability():
                shown = shown | (left & settled & contracted & (turn == 0))
            left = left & ~settled

            def follow(_: None) -> tuple[State, Array, Array, Array, Array]:
                return _flow(dynamics, state, step, aim, levels[turn], left, self.max_steps)

            def stay(_: None) -> tuple[State, Array, Array, Array, Array]:
                return state, step, left, jnp.asarray(0), jnp.zeros_like(step)

            going = in_any_lane(jnp.any(left))
            state, step, reached, followed, passed = jax.lax.cond(going, follow, stay, None)
            time = time + jnp.max(passed, initial=0) + made.astype(dtype)
            # A long transient goes on in the next stage; by the flow alone the next is the same.
            left = left & (reached | fast)
            return (state, left, shown, steps + made + followed, time), step

        none = jnp.zeros_like(wanted)
        (final, _, shown, steps, time), *_ = iterate(
            stage,
            (u, wanted, none, jnp.asarray(0), jnp.zeros((), dtype=dtype)),
            jnp.full(wanted.shape, FIRST_STEP, dtype=dtype),
            unfinished=lambda result: jnp.any(result[1]),
            max_steps=len(LEVELS) + 1,
        )
        return final, shown, steps, time


def _newton(
    dynamics: Dynamics,
    u: State,
    tolerance: Float[Array, ""],
    active: Bool[Array, " batch"],
    reach: Float[Array, ""],
) -> tuple[State, Bool[Array, " batch"], Int[Array, ""]]:
    """Newton's method from close by: what ends further off than `reach` has not settled."""
    goal = 0.1 * tolerance

    def defect(state: State) -> State:
        return jax.tree.map(lambda a, b: b - a, state, dynamics.current(0.0, state))

    def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        state, _, steps = result
        missing, product = jax.linearize(defect, state)
        then = jax.tree.map(jnp.add, state, missing)
        change = activity_change(dynamics, state, then)
        running = active & (change > goal)
        found = solve_linear(
            lambda v: jax.tree.map(jnp.negative, product(v)), missing, tolerance=1e-2, max_steps=100
        )
        moved = jax.tree.map(jnp.add, state, found.value)
        return (choose_samples(running, moved, state), change, steps + found.steps + 1), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        return jnp.any(active & (result[1] > goal))  # false for NaN

    start = (u, jnp.full(active.shape, jnp.inf, dtype=real_dtype(u)), jnp.asarray(0))
    (final, _, steps), *_ = iterate(
        move, start, None, unfinished=unfinished, max_steps=NEWTON_STEPS
    )
    settled = dynamics.residual(0.0, final) <= tolerance
    return final, settled & (activity_change(dynamics, u, final) <= reach), steps


def _flow(
    dynamics: Dynamics,
    u: State,
    step: Float[Array, " batch"],
    aim: Float[Array, ""],
    level: Float[Array, ""],
    active: Bool[Array, " batch"],
    max_steps: int,
) -> tuple[
    State, Float[Array, " batch"], Bool[Array, " batch"], Int[Array, ""], Float[Array, " batch"]
]:
    """Follow the ODE until the residual of every active sample is within `level`.

    Diffrax has one step for the whole batch. Here every sample has its own, in which its velocity
    changes by about `aim` of itself: short where the flow decides between equilibria, and
    stable at any rate. Returns the state, the next step, which samples are within `level`,
    the number of steps and the time passed.
    """
    network = dynamics.network
    smallest = jnp.finfo(step.dtype).tiny

    def along(state: State, length: Array, velocity: State) -> State:
        def move(leaf: Array, slope: Array) -> Array:
            each = length.reshape((-1,) + (1,) * (leaf.ndim - 1))
            return leaf + complex_like(each, leaf) * slope

        return jax.tree.map(move, state, velocity)

    def move(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
        state, length, _, time = result
        current = dynamics.current(0.0, state)
        residual = activity_change(dynamics, state, current)
        first = network.velocity(state, current)
        second = dynamics.velocity(0.0, along(state, length / 2, first))
        third = dynamics.velocity(0.0, along(state, 3 * length / 4, second))
        bend = sample_norms(jax.tree.map(jnp.subtract, second, first))
        bend = 2 * bend / jnp.maximum(sample_norms(first), smallest)
        running = active & (residual > level)
        taken = running & (bend <= LIMIT * aim)
        mean = jax.tree.map(lambda a, b, c: (2 * a + 3 * b + 4 * c) / 9, first, second, third)
        state = choose_samples(taken, along(state, length, mean), state)
        time = jnp.where(taken, time + length, time)
        factor = jnp.clip(aim / jnp.maximum(bend, smallest), 0.2, 1.5)
        length = jnp.where(running, length * jnp.where(jnp.isnan(bend), 0.1, factor), length)
        return (state, length, residual, time), None

    def unfinished(result: tuple[Any, ...]) -> Array:
        return jnp.any(active & (result[2] > level))  # false for NaN

    infinite = jnp.full_like(step, jnp.inf)
    start = (u, step, infinite, jnp.zeros_like(step))
    (final, step, residual, time), _, steps = iterate(
        move, start, None, unfinished=unfinished, max_steps=max_steps
    )
    return final, step, residual <= level, steps, time
