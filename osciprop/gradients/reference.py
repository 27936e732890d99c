"""Reference gradients: implicit differentiation and recurrent backpropagation.

At an equilibrium `u = G(u)` with `G(u) = current(activity(u))`, the adjoint `mu` solves
`(I - G'^T) mu = dC/du`, and `dL/dtheta = dC/dtheta + mu^T d current / d theta`. (In activity space
`mu = -lambda` of `J^T lambda = dC/ds`; this form stays well conditioned where neurons saturate.)
With `J` in place of `J^T` the same equation gives the response to an infinitesimal nudge.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ..dynamics.correction import jacobian_product, transposed_product
from ..dynamics.dynamics import Dynamics, cost_force
from ..equilibria.anderson import accelerate
from ..equilibria.loops import iterate
from ..equilibria.relaxation import AbstractRelaxation, AndersonIteration, check_tolerance
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..settings import Number, number, optional_number
from ..trees import keep_samples, norm, sample_norms
from .contour import relax_free
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, batch_mean


class AdjointDiagnostics(AbstractDiagnostics):
    """The free relaxation, and the residual of the adjoint equation relative to its source.

    `solved` are the samples whose two equations were solved: the gradient is their mean.
    """

    free: Solution
    solved: Bool[Array, " batch"]
    adjoint_residual: Float[Array, ""]
    adjoint_tolerance: Float[Array, ""]
    adjoint_steps: Int[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.solved) & (self.adjoint_residual <= self.adjoint_tolerance)

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
        left_out = int(np.sum(~np.asarray(self.solved)))
        return (
            f"adjoint: relative residual {float(self.adjoint_residual):.3g} after "
            f"{int(self.adjoint_steps)} steps"
            + (f"; {left_out} of {self.solved.size} samples not solved, left out" * (left_out > 0))
        )


class _Adjoint(AbstractGradientMethod):
    """Shared frame of the methods that solve the adjoint equation at the free equilibrium.

    The gradient is the mean over the samples whose free relaxation and adjoint equation were
    solved. Close to criticality an adjoint that was not solved can be of any size: one applied to
    the weights ends learning (docs/findings.md).
    """

    relaxation: eqx.AbstractVar[AbstractRelaxation]
    tolerance: eqx.AbstractVar[Number | None]

    def __check_init__(self) -> None:
        check_tolerance(self.tolerance)

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        """`(d current / d s)^T v` at activity `s`."""
        return transposed_product(network, s, drive, v)

    def operator(self, dynamics: Dynamics, free: Solution) -> Callable[[State], State]:
        """The linear map `P` in `mu - P mu = dC/du`: `G'^T`, or the same with J for `J^T`."""
        network = dynamics.network
        _, to_potential = jax.vjp(network.activity, free.u)
        return lambda mu: to_potential(self.product(network, free.s, dynamics.drive, mu))[0]

    def solve_linear(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        """Solve `mu - operator(mu) = source`; returns `mu` and the number of steps."""
        return _accelerated(operator, source, tolerance)

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
            tolerance = jnp.asarray(self.tolerance, dtype=dtype)
        # What is NaN in one sample would else reach all, through the norms by which their equations
        # are solved together.
        u = keep_samples(free.converged, free.u)
        relaxed = eqx.tree_at(lambda tree: (tree.u, tree.s), free, (u, network.activity(u)))
        _, to_potential = jax.vjp(network.activity, u)
        operator = self.operator(dynamics, relaxed)
        (slope,) = to_potential(cost_force(network, relaxed.s, y))
        source = keep_samples(free.converged, slope)
        adjoint, steps = self.solve_linear(operator, source, tolerance)
        defect = jax.tree.map(lambda m, p, b: m - p - b, adjoint, operator(adjoint), source)
        size = jnp.maximum(norm(source), jnp.finfo(dtype).tiny).astype(dtype)
        # Solvers stop at `tolerance` in their own measure; a margin of 10 judges them.
        goal = 10 * tolerance
        solved = free.converged & (sample_norms(defect).astype(dtype) <= goal * size)
        count = jnp.maximum(jnp.sum(solved), 1).astype(dtype)
        s, mu = keep_samples(solved, relaxed.s), keep_samples(solved, adjoint)

        @eqx.filter_grad
        def gradient(parameters: AbstractNetwork) -> Array:
            current = parameters.current(s, parameters.drive(x))
            explicit = jnp.sum(keep_samples(solved, parameters.cost(s, y).real))
            products = jax.tree.map(lambda a, b: jnp.sum(a * b), mu, current)
            return (explicit + sum(jax.tree.leaves(products))) / count

        return Estimate(
            gradient=gradient(network),
            loss=batch_mean(network.cost(free.s, y)),
            outputs=network.output(free.s),
            equilibrium=free,
            diagnostics=AdjointDiagnostics(
                free=free,
                solved=solved,
                adjoint_residual=norm(defect).astype(dtype) / size,
                adjoint_tolerance=goal,
                adjoint_steps=steps,
            ),
            error_signal=jax.tree.map(jnp.negative, mu),
        )


def _accelerated(
    operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
) -> tuple[State, Int[Array, ""]]:
    """`mu = source + operator(mu)` by Anderson mixing, which for a linear map is GMRES."""
    goal = norm(source) / jax.tree.leaves(source)[0].shape[0] ** 0.5

    def step(mu: State) -> State:
        return jax.tree.map(lambda b, p: b + p, source, operator(mu))

    def change(before: State, after: State) -> Float[Array, " batch"]:
        moved = sample_norms(jax.tree.map(jnp.subtract, after, before))
        return moved / jnp.maximum(goal, jnp.finfo(goal.dtype).tiny)

    return accelerate(
        step,
        source,
        change=change,
        tolerance=tolerance,
        onset=float("inf"),  # linear: there is one fixed point only
        depth=8,
        max_steps=1000,
    )


class Implicit(_Adjoint):
    """The exact gradient at the free equilibrium by implicit differentiation (the reference).

    The adjoint equation is solved matrix-free, by products with the transposed Jacobian, and works
    for every network, reciprocal or not.

    Args:
        relaxation: How equilibria are found.
        linear_solver: Any iterative Lineax solver, such as `lineax.GMRES`; None for Anderson mixing
            per sample.
        tolerance: Relative residual of the adjoint equation; None for 1e-5 in float32, 1e-10 in
            float64.

    Raises:
        TypeError: `linear_solver` is none.
        ValueError: the tolerance is not positive.

    Example:
        >>> estimate = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> estimate.error_signal[0].shape
        (10, 6)
    """

    relaxation: AbstractRelaxation = AndersonIteration()
    linear_solver: lineax.AbstractLinearSolver | None = None
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)

    def __check_init__(self) -> None:
        if self.linear_solver is not None and not isinstance(
            self.linear_solver, lineax.AbstractLinearSolver
        ):
            raise TypeError(
                f"linear_solver is {self.linear_solver!r}: give an iterative Lineax solver such as "
                "lineax.GMRES(rtol, atol), or tolerance=... by name"
            )

    def solve_linear(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        if self.linear_solver is None:
            return _accelerated(operator, source, tolerance)

        def apply(mu: State) -> State:
            return jax.tree.map(lambda a, b: a - b, mu, operator(mu))

        linear = lineax.FunctionLinearOperator(apply, jax.eval_shape(lambda: source))
        solution = lineax.linear_solve(linear, source, self.linear_solver, throw=False)
        return solution.value, jnp.asarray(solution.stats["num_steps"])


class LinearResponse(_Adjoint):
    """The local rule with the response to an infinitesimal nudge: `VectorFieldEP` in its limit.

    The error signal `J^-1 dC/ds` of a network that is not corrected, to the solver's tolerance (the
    "true derivative" of homeostasis2024). Its distance from `Implicit` is the bias of an asymmetric
    Jacobian alone.

    Args:
        relaxation: How equilibria are found.
        tolerance: Relative residual of the equation; None for 1e-5 in float32, 1e-10 in float64.

    Raises:
        ValueError: the tolerance is not positive.

    Source: homeostasis2024, section 3.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.gradients.LinearResponse())
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-7
        True
    """

    relaxation: AbstractRelaxation = AndersonIteration()
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        return jacobian_product(network, s, drive, v)


class RecurrentBackprop(_Adjoint):
    """Recurrent backpropagation (RBP): the adjoint equation relaxes as a dynamics of its own.

    `mu <- mu + damping (dC/du + G'^T mu - mu)` until it stands still.

    Args:
        relaxation: How equilibria are found.
        damping: Part of a step that is made, above 0.
        tolerance: Relative residual of the adjoint equation; None for the precision's default.
        max_steps: Number of steps after which the solve gives up.

    Raises:
        ValueError: a number is not positive.

    Source: Almeida 1987; Pineda 1987.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.RecurrentBackprop())
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-7
        True
    """

    relaxation: AbstractRelaxation = AndersonIteration()
    damping: Number = eqx.field(default=1.0, converter=number)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=2000, static=True)

    def __check_init__(self) -> None:
        check_positive("damping", self.damping, "1 is the undamped iteration")
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")

    def solve_linear(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""]]:
        dtype = real_dtype(source)
        damping = self.damping.astype(dtype)
        goal = (tolerance * norm(source)).astype(dtype)

        def relax(result: tuple[Any, ...], _: None, __: Array) -> tuple[tuple[Any, ...], None]:
            mu, _ = result
            defect = jax.tree.map(lambda b, p, m: b + p - m, source, operator(mu), mu)
            mu = jax.tree.map(lambda m, d: m + damping * d, mu, defect)
            return (mu, norm(defect).astype(dtype)), None

        start = (source, jnp.asarray(jnp.inf, dtype=dtype))
        (mu, _), steps = iterate(
            relax, start, None, unfinished=lambda result: result[1] > goal, max_steps=self.max_steps
        )
        return mu, steps
