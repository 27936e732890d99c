"""Reference gradients: implicit differentiation, recurrent backpropagation, and BPTT.

At an equilibrium `u = G(u)` with `G(u) = current(activity(u))`, the adjoint `mu` solves
`(I - G'^T) mu = dC/du`, and `dL/dtheta = dC/dtheta + mu^T d current / d theta`. (In activity space
`mu = -lambda` of `J^T lambda = dC/ds`; this form stays well conditioned where neurons saturate.)
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from ..anderson import anderson
from ..complexity import real_dtype
from ..costs import Targets
from ..dynamics import Dynamics, cost_force
from ..errors import check_at_least, check_positive
from ..networks import AbstractNetwork, State
from ..relaxation import AbstractRelaxation, AndersonIteration, SynchronousIteration, judge
from ..solution import Solution
from ..teaching import Constant
from .contrast import norm
from .equilibrium import relax_free
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, batch_mean


class AdjointDiagnostics(AbstractDiagnostics):
    """The free relaxation, and the residual of the adjoint equation relative to its source."""

    free: Solution
    adjoint_residual: Float[Array, ""]
    adjoint_tolerance: Float[Array, ""]
    adjoint_steps: Int[Array, ""]

    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & (self.adjoint_residual <= self.adjoint_tolerance)

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"the free equilibrium did not converge ({self.free}). Remedies: another "
                "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps"
            )
        if not float(self.adjoint_residual) <= float(self.adjoint_tolerance):
            return (
                f"the adjoint equation was left with a relative residual of "
                f"{float(self.adjoint_residual):.3g}, tolerance "
                f"{float(self.adjoint_tolerance):.3g}: the network is close to critical. "
                "Remedies: more steps, a looser tolerance, smaller weights"
            )
        return ""

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        return (
            f"adjoint: relative residual {float(self.adjoint_residual):.3g} after "
            f"{int(self.adjoint_steps)} steps"
        )


class _Adjoint(AbstractGradientMethod):
    """Shared frame of the methods that solve the adjoint equation at the free equilibrium."""

    relaxation: eqx.AbstractVar[AbstractRelaxation]
    tolerance: eqx.AbstractVar[Float[Array, ""] | None]

    @abc.abstractmethod
    def solve_adjoint(
        self, transpose: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        """Solve `mu - transpose(mu) = source`; returns `mu` and the number of steps."""

    def check(self, network: AbstractNetwork) -> None:
        pass

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dynamics, free = relax_free(network, x, self.relaxation, initial)
        dtype = real_dtype(free.u)
        if self.tolerance is None:
            tolerance = jnp.asarray(1e-10 if dtype == jnp.float64 else 1e-5, dtype=dtype)
        else:
            tolerance = self.tolerance.astype(dtype)
        _, to_potential = jax.vjp(network.activity, free.u)
        _, pull_back = jax.vjp(lambda u: dynamics.current(0.0, u), free.u)

        def transpose(mu: State) -> State:
            return pull_back(mu)[0]

        (source,) = to_potential(cost_force(network, free.s, y))
        adjoint, steps = self.solve_adjoint(transpose, source, tolerance)
        defect = jax.tree.map(lambda m, t, b: m - t - b, adjoint, transpose(adjoint), source)
        size = jnp.maximum(norm(source), jnp.finfo(dtype).tiny)

        @eqx.filter_grad
        def gradient(parameters: AbstractNetwork) -> Array:
            current = parameters.current(free.s, parameters.drive(x))
            explicit = batch_mean(parameters.cost(free.s, y))
            products = jax.tree.map(lambda a, b: jnp.sum(a * b), adjoint, current)
            return explicit + sum(jax.tree.leaves(products)) / x.shape[0]

        return Estimate(
            gradient=gradient(network),
            loss=batch_mean(network.cost(free.s, y)),
            outputs=network.output(free.s),
            equilibrium=free,
            diagnostics=AdjointDiagnostics(
                free=free,
                adjoint_residual=norm(defect).astype(dtype) / size.astype(dtype),
                # Solvers stop at `tolerance` in their own measure; a margin of 10 judges them.
                adjoint_tolerance=10 * tolerance,
                adjoint_steps=steps,
            ),
        )


class Implicit(_Adjoint):
    """The exact gradient at the free equilibrium by implicit differentiation (the reference).

    The adjoint equation is solved matrix-free, by products with the transposed Jacobian, and works
    for every network, reciprocal or not: by default with Anderson mixing per sample, or by any
    iterative Lineax `linear_solver`, such as `lineax.GMRES`. `tolerance` is relative (default 1e-5
    in float32, 1e-10 in float64).
    """

    relaxation: AbstractRelaxation
    linear_solver: lineax.AbstractLinearSolver | None
    tolerance: Float[Array, ""] | None

    def __init__(
        self,
        relaxation: AbstractRelaxation | None = None,
        linear_solver: lineax.AbstractLinearSolver | None = None,
        tolerance: ArrayLike | None = None,
    ):
        self.relaxation = AndersonIteration() if relaxation is None else relaxation
        self.linear_solver = linear_solver
        self.tolerance = _tolerance(tolerance)

    def solve_adjoint(
        self, transpose: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        if self.linear_solver is None:
            return _accelerated(transpose, source, tolerance)

        def apply(mu: State) -> State:
            return jax.tree.map(lambda a, b: a - b, mu, transpose(mu))

        operator = lineax.FunctionLinearOperator(apply, jax.eval_shape(lambda: source))
        solution = lineax.linear_solve(operator, source, self.linear_solver, throw=False)
        return solution.value, jnp.asarray(solution.stats["num_steps"])


def _accelerated(
    transpose: Callable[[State], State], source: State, tolerance: Float[Array, ""]
) -> tuple[State, Int[Array, ""]]:
    """`mu = source + transpose(mu)` by Anderson mixing, which for a linear map is GMRES."""
    goal = norm(source) / jax.tree.leaves(source)[0].shape[0] ** 0.5

    def step(mu: State) -> State:
        return jax.tree.map(lambda b, t: b + t, source, transpose(mu))

    def change(before: State, after: State) -> Float[Array, " batch"]:
        squares = jax.tree.map(
            lambda a, b: jnp.sum((b - a) ** 2, axis=tuple(range(1, a.ndim))), before, after
        )
        total = sum(jax.tree.leaves(squares))
        return jnp.sqrt(total) / jnp.maximum(goal, jnp.finfo(goal.dtype).tiny)

    return anderson(
        step,
        source,
        change=change,
        tolerance=tolerance,
        onset=float("inf"),  # linear: there is one fixed point only
        depth=8,
        max_steps=1000,
    )


def _tolerance(value: ArrayLike | None) -> Float[Array, ""] | None:
    if value is None:
        return None
    check_positive("tolerance", value, "leave it None for the precision's default")
    return jnp.asarray(value, dtype=float)


class RecurrentBackprop(_Adjoint):
    """Recurrent backpropagation (RBP): the adjoint equation relaxes as a dynamics of its own.

    `mu <- mu + damping (dC/du + G'^T mu - mu)` until it stands still.
    """

    relaxation: AbstractRelaxation
    damping: Float[Array, ""]
    tolerance: Float[Array, ""] | None
    max_steps: int = eqx.field(static=True)

    def __init__(
        self,
        relaxation: AbstractRelaxation | None = None,
        damping: ArrayLike = 1.0,
        tolerance: ArrayLike | None = None,
        max_steps: int = 2000,
    ):
        self.relaxation = AndersonIteration() if relaxation is None else relaxation
        check_positive("damping", damping, "1 is the undamped iteration")
        self.damping = jnp.asarray(damping, dtype=float)
        self.tolerance = _tolerance(tolerance)
        check_at_least("max_steps", max_steps, 1, "an iteration needs a step")
        self.max_steps = max_steps

    def solve_adjoint(
        self, transpose: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        dtype = real_dtype(source)
        damping = self.damping.astype(dtype)
        goal = (tolerance * norm(source)).astype(dtype)

        def body(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
            mu, steps, _ = carry
            defect = jax.tree.map(lambda b, t, m: b + t - m, source, transpose(mu), mu)
            mu = jax.tree.map(lambda m, d: m + damping * d, mu, defect)
            return mu, steps + 1, norm(defect).astype(dtype)

        def unfinished(carry: tuple[State, Array, Array]) -> Array:
            _, steps, defect = carry
            return (steps < self.max_steps) & (defect > goal)

        start = (source, jnp.asarray(0), jnp.asarray(jnp.inf, dtype=dtype))
        mu, steps, _ = jax.lax.while_loop(unfinished, body, start)
        return mu, steps


class TrajectoryDiagnostics(AbstractDiagnostics):
    """The state in which the unrolled relaxation ended."""

    final: Solution

    def converged(self) -> Bool[Array, ""]:
        # BPTT is exact for its own trajectory, whether or not that has reached equilibrium.
        return jnp.all(jnp.isfinite(self.final.residual))

    def failure(self) -> str:
        if np.all(np.isfinite(self.final.residual)):
            return ""
        return f"the trajectory diverged ({self.final}): use damping below 1 or smaller weights"

    def concerns(self) -> list[str]:
        if np.all(self.final.converged):
            return []
        return [
            f"the unrolled trajectory has not reached equilibrium ({self.final}), so its gradient "
            "is that of the trajectory: use more steps"
        ]

    def summary(self) -> str:
        return f"trajectory: {self.final}"


class BPTT(AbstractGradientMethod):
    """Backpropagation through `steps` unrolled, possibly damped synchronous iterations from rest.

    The reference of hep2022. `tolerance` only decides when a trajectory counts as settled.
    """

    steps: int = eqx.field(static=True)
    iteration: SynchronousIteration

    def __init__(
        self, steps: int = 100, damping: ArrayLike = 1.0, tolerance: ArrayLike | None = None
    ):
        check_at_least("steps", steps, 1, "unroll at least one step")
        self.steps = steps
        self.iteration = SynchronousIteration(damping, tolerance, max_steps=steps)

    def check(self, network: AbstractNetwork) -> None:
        pass

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        start = network.rest(x) if initial is None else initial
        damping = self.iteration.damping.astype(real_dtype(start))

        @eqx.filter_value_and_grad(has_aux=True)
        def loss(parameters: AbstractNetwork) -> tuple[Array, State]:
            dynamics = Dynamics(parameters, parameters.drive(x), None, Constant())

            def advance(u: State, _: None) -> tuple[State, None]:
                return self.iteration.step(dynamics, u, damping), None

            final, _ = jax.lax.scan(advance, start, length=self.steps)
            return batch_mean(parameters.cost(parameters.activity(final), y)), final

        (value, final), gradient = loss(network)
        dynamics = Dynamics(network, network.drive(x), None, Constant())
        tolerance = self.iteration.threshold(real_dtype(final))
        solution = judge(dynamics, final, tolerance, jnp.asarray(self.steps), self.steps * damping)
        return Estimate(
            gradient=gradient,
            loss=value,
            outputs=network.output(solution.s),
            equilibrium=solution,
            diagnostics=TrajectoryDiagnostics(solution),
        )
