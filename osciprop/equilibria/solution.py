"""The result of a relaxation, with what is needed to decide whether to believe it."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..errors import ConvergenceError, is_traced
from ..networks.network import State
from ..settings import Module


class Solution(Module):
    """A state that a relaxation ended in.

    Args:
        u: Membrane potentials, a pytree of arrays with a leading batch axis.
        s: Activities, likewise.
        residual: Largest change of any activity in one step, `(batch,)` (see `Dynamics.residual`).
        converged: Whether the residual is within the tolerance, `(batch,)`.
        steps: Number of steps of the solver.
        time: Simulated time; for iterations steps times damping, in time constants; 0 for root
            finders, which have no time.
        tolerance: What the residual was compared with.
        growth: How fast the fastest small perturbation grows under the ODE, in units of one over
            time, `(batch,)`: the largest real part among the eigenvalues of the Jacobian
            (`osciprop.equilibria.stability`); minus infinity where the sweeps contracted, which
            shows that it is negative. A sample whose rate is positive is not converged. None where
            the relaxation does not ask.

    Example:
        >>> print(osciprop.relax(network, x))
        Solution: 10 of 10 samples converged...
    """

    u: State
    s: State
    residual: Float[Array, " batch"]
    converged: Bool[Array, " batch"]
    steps: Int[Array, ""]
    time: Float[Array, ""]
    tolerance: Float[Array, ""]
    growth: Float[Array, " batch"] | None = None

    def __str__(self) -> str:
        if is_traced(self):
            return "Solution(traced)"
        converged, residual = np.asarray(self.converged), np.asarray(self.residual)
        worst = np.max(residual, initial=0.0)
        left = leaving(self)
        leaves = (
            f"; the ODE leaves {np.count_nonzero(left)} of them (a perturbation grows at rates up "
            f"to {np.max(np.asarray(self.growth)[left]):.3g})"
            if np.any(left)
            else ""
        )
        return (
            f"Solution: {np.count_nonzero(converged)} of {converged.size} samples converged after "
            f"{int(self.steps)} steps (time {float(self.time):.4g}); largest residual "
            f"{worst:.3g}, tolerance {float(self.tolerance):.3g}{leaves}"
        )


def with_growth(solution: Solution, growth: Float[Array, " batch"]) -> Solution:
    """A solution whose growth rates have been found: what the ODE leaves is not converged."""
    converged = solution.converged & ~unstable(growth)
    return replace(solution, growth=growth, converged=converged)


def unstable(growth: Float[Array, " batch"]) -> Bool[Array, " batch"]:
    """Which growth rates are positive, beyond what round-off makes of zero."""
    return growth > float(jnp.finfo(growth.dtype).eps) ** 0.5


def leaving(solution: Solution) -> np.ndarray:
    """Which samples of a known solution the ODE leaves."""
    if solution.growth is None:
        return np.zeros(solution.converged.shape, dtype=bool)
    return np.asarray(unstable(solution.growth))


def require_converged(solution: Solution, what: str) -> None:
    """Raise `ConvergenceError` if a known solution did not converge; traced ones pass."""
    if not is_traced(solution.converged):
        alone = np.all(leaving(solution) | np.asarray(solution.converged))
        remedies = UNSTABLE_REMEDIES if alone else REMEDIES
        raise_unconverged(solution.converged, what, str(solution), remedies)


UNSTABLE_REMEDIES = (
    "another start, Flow() or Settling() as the relaxation (which end where the ODE ends), weaker "
    "synapses, or throw=False to get the state flagged"
)
REMEDIES = (
    "a smaller amplitude, more steps (max_steps or max_time), SynchronousIteration(damping=0.3), "
    "Newton() or Flow() as the relaxation, a looser tolerance, or throw=False to get the state "
    "flagged"
)


def raise_unconverged(
    converged: Bool[Array, " batch"], what: str, summary: str, remedies: str
) -> None:
    """Raise `ConvergenceError` that names the first samples, unless all of them converged."""
    indices = np.flatnonzero(~np.asarray(converged))
    if indices.size:
        shown = ", ".join(str(index) for index in indices[:5]) + (
            ", ..." if len(indices) > 5 else ""
        )
        raise ConvergenceError(
            f"{what} did not converge. {summary}; first samples: {shown}. Remedies: {remedies}"
        )


def poison(solution: Solution) -> Solution:
    """Replace unconverged samples by NaN: inside `jit`, where nothing can be raised, a state that
    did not converge must not pass for one that did.
    """

    def blank(leaf: Array) -> Array:
        mask = solution.converged.reshape((-1,) + (1,) * (leaf.ndim - 1))
        # Added, because what is chosen would have a derivative of zero.
        return leaf + jnp.where(mask, 0, jnp.nan).astype(leaf.dtype)

    u, s = jax.tree.map(blank, (solution.u, solution.s))
    return eqx.tree_at(lambda tree: (tree.u, tree.s), solution, (u, s))
