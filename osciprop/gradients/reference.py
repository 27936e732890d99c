"""Reference gradients: implicit differentiation and recurrent backpropagation.

At an equilibrium `u = G(u)` with `G(u) = current(activity(u))`, the adjoint `mu` solves
`(I - G'^T) mu = dC/du`, and `dL/dtheta = dC/dtheta + mu^T d current / d theta`. (In activity space
`mu = -lambda` of `J^T lambda = dC/ds`; this form stays well conditioned where neurons saturate.)
With `J` in place of `J^T` the same equation gives the response to an infinitesimal nudge.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ..dynamics.correction import jacobian_product
from ..dynamics.dynamics import cost_force
from ..equilibria.linear import LinearSolution, judge_linear, solve_linear, sweep_linear
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation, check_tolerance
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import keep_samples
from ..settings import Number, number, optional_number
from .accuracy import adjoint_operator
from .contour import relax_free
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, batch_mean

# A singular value of the adjoint's operator below which a message calls the network critical.
CRITICAL = 0.02


class AdjointDiagnostics(AbstractDiagnostics):
    """The free relaxation, and the residual of each sample's adjoint equation.

    `solved` are the samples whose two equations were solved: the gradient is their mean.
    `residual` is the norm of what the equation misses, relative to its source; `stretch` bounds the
    smallest singular value of its operator.
    """

    free: Solution
    solved: Bool[Array, " batch"]
    residual: Float[Array, " batch"]
    stretch: Float[Array, " batch"]
    tolerance: Float[Array, ""]
    steps: Int[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.solved)

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"the free equilibrium did not converge ({self.free}). Remedies: another "
                "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps"
            )
        left = ~np.asarray(self.solved)
        if not left.any():
            return ""
        singular = float(np.min(np.asarray(self.stretch)[left]))
        cause = (
            f"the network is close to critical: its smallest singular value is {singular:.3g} at "
            "most"
            if singular < CRITICAL
            else f"nothing says that the network is critical, after {int(self.steps)} steps"
        )
        return (
            f"the adjoint equations of {np.count_nonzero(left)} of {left.size} samples were left "
            f"with relative residuals of up to {np.max(np.asarray(self.residual)[left]):.3g}, "
            f"tolerance {float(self.tolerance):.3g}; {cause}. Remedies: more steps, a looser "
            "tolerance, smaller weights"
        )

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        left_out = int(np.sum(~np.asarray(self.solved)))
        return (
            f"adjoint: relative residual {np.max(np.asarray(self.residual), initial=0.0):.3g} "
            f"after {int(self.steps)} steps"
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

    def solve_adjoint(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> LinearSolution:
        """Solve `operator(mu) = source`, each sample to a residual relative to its source."""
        return solve_linear(operator, source, tolerance=tolerance)

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
        operator = adjoint_operator(network, u, dynamics.drive, self.product)
        (slope,) = to_potential(cost_force(network, relaxed.s, y))
        source = keep_samples(free.converged, slope)
        adjoint = self.solve_adjoint(operator, source, tolerance)
        # Solvers stop at `tolerance` in their own measure; a margin of 10 judges them.
        goal = 10 * tolerance
        solved = free.converged & (adjoint.residual <= goal)
        count = jnp.maximum(jnp.sum(solved), 1).astype(dtype)
        s, mu = keep_samples(solved, relaxed.s), keep_samples(solved, adjoint.value)

        @eqx.filter_grad
        def gradient(parameters: AbstractNetwork) -> Array:
            current = parameters.current(s, parameters.drive(x))
            explicit = jnp.sum(keep_samples(solved, parameters.cost(s, y).real))
            products = jax.tree.map(lambda a, b: jnp.sum(a * b), network.error(mu), current)
            return (explicit + sum(jax.tree.leaves(products))) / count

        return Estimate(
            gradient=gradient(network),
            loss=batch_mean(network.cost(free.s, y)),
            outputs=network.output(free.s),
            equilibrium=free,
            diagnostics=AdjointDiagnostics(
                free=free,
                solved=solved,
                residual=adjoint.residual,
                stretch=adjoint.stretch,
                tolerance=goal,
                steps=adjoint.steps,
            ),
            error_signal=jax.tree.map(jnp.negative, mu),
        )


class Implicit(_Adjoint):
    """The exact gradient at the free equilibrium by implicit differentiation (the reference).

    The adjoint equation is solved matrix-free, by products with the transposed Jacobian, and works
    for every network, reciprocal or not.

    Args:
        relaxation: How equilibria are found.
        linear_solver: Any iterative Lineax solver, such as `lineax.GMRES`; None for GMRES per
            sample.
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

    relaxation: AbstractRelaxation = OwnRelaxation()
    linear_solver: lineax.AbstractLinearSolver | None = None
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)

    def solve_adjoint(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> LinearSolution:
        if self.linear_solver is None:
            return super().solve_adjoint(operator, source, tolerance)
        linear = lineax.FunctionLinearOperator(operator, jax.eval_shape(lambda: source))
        solution = lineax.linear_solve(linear, source, self.linear_solver, throw=False)
        return judge_linear(operator, source, solution.value, solution.stats["num_steps"])


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

    relaxation: AbstractRelaxation = OwnRelaxation()
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

    relaxation: AbstractRelaxation = OwnRelaxation()
    damping: Number = eqx.field(default=1.0, converter=number)
    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=2000, static=True)

    def __check_init__(self) -> None:
        check_positive("damping", self.damping, "1 is the undamped iteration")
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")

    def solve_adjoint(
        self, operator: Callable[[State], State], source: State, tolerance: Float[Array, ""]
    ) -> LinearSolution:
        return sweep_linear(
            operator, source, tolerance=tolerance, damping=self.damping, max_steps=self.max_steps
        )
