"""How far a gradient is off, told by its own error signal.

At a free equilibrium `u = G(u)` the error signal solves `(I - G'^T) e = -dC/du`. What a measured
one misses of that equation takes one product, and solving for it gives what the signal is off by,
whatever the cause: a finite nudge, a lag, the tolerance of a solve that the response drowns in. No
direction that the network amplifies is overlooked, however close it is to criticality.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ..dynamics.dynamics import cost_force
from ..equilibria.linear import LinearSolution, solve_linear, sweep_linear
from ..errors import is_traced
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import norm
from ..settings import Module
from .local import local_gradient

# A relative error of the gradient that is worth a warning.
ERROR_LIMIT = 0.1
# Of a sample's state: beyond it, what a network oscillates about is not its free equilibrium.
BRANCH_LIMIT = 1e-2
# Of the defect that the correction leaves: a thousandth of it, amplified, is still not overlooked.
TOLERANCE = 1e-3
# Products after which sweeps count as too slow, and after which an equation is left as it is: that
# of a network that is critical.
SWEEPS, MAX_STEPS = 40, 200

Product = Callable[[AbstractNetwork, State, PyTree, State], State]


class Accuracy(Module):
    """What the linearised network says of an estimate.

    Args:
        error: Predicted distance of the gradient from what the method finds in its limit, relative
            to that.
        apart: How far the activity about which a network oscillates is from the free equilibrium
            reached from the start, `(batch,)`: 0 for methods that relax to it.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.ClassicEP(0.02))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> error = osciprop.relative_error(found.gradient, exact.gradient)
        >>> bool(abs(found.accuracy.error / error - 1) < 0.01)
        True
    """

    error: Float[Array, ""]
    apart: Float[Array, " batch"]

    def branch_concerns(self) -> list[str]:
        """Whether the network oscillates about another state than its free equilibrium."""
        worst = int(jnp.argmax(self.apart))
        if float(self.apart[worst]) <= BRANCH_LIMIT:
            return []
        return [
            f"sample {worst} oscillates about a state {float(self.apart[worst]):.3g} from the "
            "free equilibrium that it reaches from the start: it lies on another branch, or has "
            "not settled. Use a smaller amplitude, or more settle_periods"
        ]

    def error_concerns(self) -> list[str]:
        """Whether the gradient is far off, whatever the cause."""
        if float(self.error) <= ERROR_LIMIT:
            return []
        return [
            "the linearised network puts the gradient's relative error at about "
            f"{float(self.error):.3g}. Use a smaller amplitude, or more points, against the bias "
            "of a nudge; a larger amplitude, a smaller tolerance or double precision where the "
            "response drowns in the tolerance"
        ]


def adjoint_operator(
    network: AbstractNetwork, u: State, drive: PyTree, product: Product
) -> Callable[[State], State]:
    """The linear map `I - G'^T` at potential `u`, `product` being `(d current / d s)^T v`."""
    s, to_potential = jax.vjp(network.activity, u)

    def apply(v: State) -> State:
        (moved,) = to_potential(product(network, s, drive, v))
        return jax.tree.map(lambda a, b: a - b, v, moved)

    return apply


def predicted_error(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    gradient: PyTree[Array],
    u: State,
    error: State | None,
    product: Product,
) -> Float[Array, ""]:
    """Relative distance of a gradient from that of the corrected error signal.

    `u` is the free equilibrium, `error` the measured signal, None for none, and `product` the
    Jacobian's part of the equation that the signal has to solve.
    """
    given = (network, x, y, gradient, u, error, product)
    # Sweeps are the smaller program, GMRES the one that solves every equation. Inside `jit` there
    # is no second attempt.
    if not is_traced(given):
        missed, solved = _predicted(*given, sweep_linear, SWEEPS)
        if bool(solved):
            return missed
    return _predicted(*given, solve_linear, MAX_STEPS)[0]


@eqx.filter_jit
def _predicted(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    gradient: PyTree[Array],
    u: State,
    error: State | None,
    product: Product,
    solve: Callable[..., LinearSolution],
    max_steps: int,
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """`predicted_error`, and whether the equation for the correction was solved."""
    s, to_potential = jax.vjp(network.activity, u)
    (slope,) = to_potential(cost_force(network, s, y))
    operator = adjoint_operator(network, u, network.drive(x), product)
    signal = jax.tree.map(jnp.zeros_like, slope) if error is None else error
    defect = jax.tree.map(lambda b, a: -b - a, slope, operator(signal))
    correction = solve(operator, defect, tolerance=TOLERANCE, max_steps=max_steps)
    corrected = jax.tree.map(jnp.add, signal, correction.value)
    exact = local_gradient(network, x, y, s, corrected)
    missed = norm(jax.tree.map(lambda a, b: a - b, gradient, exact))
    # Nothing learned where there is nothing to learn is no error; anything else is all error.
    relative = jnp.where(missed > 0, missed / norm(exact), 0)
    return relative, jnp.all(correction.residual <= TOLERANCE)
