"""The response of a network's equilibrium to nudges on a circle in the complex plane.

What all phased methods share: a free equilibrium, one equilibrium for each of `N` teaching signals
`r exp(2 pi i k / N)`, and from these the response `ds/dbeta`, as its first Fourier coefficient:
`(1 / N) sum_k (s_k - s_0) / beta_k`. One point is a one-sided difference, two a centred one.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, PyTree

from ..dynamics.dynamics import Dynamics, starting_point
from ..dynamics.teaching import Constant, Contour
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution
from ..equilibria.spectra import harmonic_sizes, radius_from_decay, whole_circle
from ..networks.complexity import complex_like, is_complex, real_dtype, to_complex
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States
from ..networks.trees import norm
from ..settings import Module, Number
from .estimate import AbstractDiagnostics


class ContourDiagnostics(AbstractDiagnostics):
    """How well the nudged states of a contour were solved, and what the contour left out.

    Args:
        free: The free relaxation.
        nudged: All simulated points of the contour, those of the first sample first.
        amplitude: Radius of the contour.
        points: Its number of points.
        harmonics: Size of the activity's Fourier coefficients on the contour, `(points,)`.
        mean_value_error: Distance of the contour's mean from the free activity, relative to the
            first harmonic: 0 for analytic responses and many points (mean-value theorem), about
            `(r / R)^(N - 1)` with few.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1, 8))
        >>> float(found.diagnostics.mean_value_error) < 1e-3
        True
    """

    free: Solution
    nudged: Solution
    amplitude: Number
    points: int = eqx.field(static=True)
    harmonics: Float[Array, " points"]
    mean_value_error: Float[Array, ""]

    def radius_of_convergence(self) -> float:
        """The estimated distance of the nearest singularity (see `radius_from_decay`).

        Needs at least 8 points; infinity where the harmonics show no singularity.
        """
        if self.points < 8:
            raise ValueError(f"points={self.points} show too few harmonics: use at least 8")
        response = float(self.harmonics[1])
        if response == 0:
            return float("inf")
        solved = 100 * float(self.nudged.tolerance) / response
        return radius_from_decay(self.harmonics, self.amplitude, floor=min(solved, 0.1))

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & jnp.all(self.nudged.converged)

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"the free equilibrium did not converge ({self.free}). Remedies: another "
                "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps, a "
                "looser tolerance, smaller weights"
            )
        if not np.all(self.nudged.converged):
            return (
                f"nudged equilibria at amplitude {float(self.amplitude):.4g} did not converge "
                f"({self.nudged}): the amplitude may exceed the radius of convergence. Remedies: "
                "a smaller amplitude, relaxation=Newton() or Flow(), more max_steps"
            )
        return ""

    def concerns(self) -> list[str]:
        found = []
        amplitude = float(self.amplitude)
        if self.points >= 8 and self.radius_of_convergence() <= amplitude:
            found.append(
                f"amplitude={amplitude:.4g} reaches beyond the singularity: the decay of the "
                "response's harmonics puts the radius of convergence at "
                f"{self.radius_of_convergence():.4g}. Use a smaller amplitude"
            )
        return found

    def summary(self) -> str:
        return f"nudged: {self.nudged}; mean-value error {float(self.mean_value_error):.3g}"


class OneSidedDiagnostics(AbstractDiagnostics):
    """The two relaxations of a one-sided nudge."""

    free: Solution
    nudged: Solution

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & jnp.all(self.nudged.converged)

    def failure(self) -> str:
        phases = (("free", self.free), ("nudged", self.nudged))
        bad = [f"{name}: {phase}" for name, phase in phases if not np.all(phase.converged)]
        if not bad:
            return ""
        return (
            f"did not converge ({'; '.join(bad)}). Remedies: a smaller amplitude, another "
            "relaxation, e.g. SynchronousIteration(damping=0.3) or Flow(), more max_steps"
        )

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        return f"nudged: {self.nudged}"


def relax_free(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    relaxation: AbstractRelaxation,
    initial: State | None,
) -> tuple[Dynamics, Solution]:
    """The free dynamics and its equilibrium."""
    dynamics = Dynamics(network, network.drive(x), None, Constant())
    return dynamics, relaxation.solve(dynamics, starting_point(network, x, initial))


def relax_nudged(
    free_dynamics: Dynamics,
    y: Targets,
    betas: Inexact[Array, " points"],
    free: Solution,
    relaxation: AbstractRelaxation,
) -> Solution:
    """Nudged equilibria for all points at once, as one batch of samples * points.

    Every point starts from the free equilibrium and shares the drive computed for it. The points
    of a sample lie side by side, so that a batch spread over devices stays where it is.
    """
    points = betas.shape[0]
    dynamics = Dynamics(
        free_dynamics.network,
        for_points(free_dynamics.drive, points),
        for_points(y, points),
        Constant(jnp.tile(betas, y.shape[0])),
    )
    start = for_points(free.u, points)
    return relaxation.track(dynamics, to_complex(start) if is_complex(betas) else start)


def for_points(tree: PyTree[Array], points: int) -> PyTree[Array]:
    """What belongs to samples, once for each point of each sample, those of a sample in a row."""
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, points, axis=0), tree)


def by_point(states: State, points: int) -> PyTree[Array]:
    """States of samples * points with a leading points axis of their own."""

    def split(leaf: Array) -> Array:
        return jnp.swapaxes(leaf.reshape(-1, points, *leaf.shape[1:]), 0, 1)

    return jax.tree.map(split, states)


class Response(Module):
    """Equilibria under several teaching signals, and what they tell about the free one.

    `states` are activities with axes (points, batch, ...) at `betas`: the upper half of a circle,
    with `weights` that sum over all of it, or the free and one nudged state. `sum_k weights_k
    f(s_k)` is minus the first Fourier coefficient of `f`, per unit of beta, or minus the difference
    quotient. `slope` is the real `ds/dbeta` at `beta = 0`.
    """

    free: Solution
    states: States
    betas: Inexact[Array, " points"]
    weights: Inexact[Array, " points"]
    slope: State
    diagnostics: AbstractDiagnostics


def contour_response(
    dynamics: Dynamics,
    free: Solution,
    y: Targets,
    contour: Contour,
    relaxation: AbstractRelaxation,
) -> Response:
    """Relax `dynamics` from its `free` equilibrium to every point of a contour."""
    betas, _ = contour.upper()
    return response_on(contour, free, relax_nudged(dynamics, y, betas, free, relaxation))


def one_sided_response(free: Solution, nudged: Solution, beta: Inexact[Array, ""]) -> Response:
    """The difference quotient between the free equilibrium and one at a real `beta`."""
    states = jax.tree.map(lambda a, b: jnp.stack([a, b]), free.s, nudged.s)
    slope = jax.tree.map(lambda a, b: (b - a) / beta.astype(a.dtype), free.s, nudged.s)
    betas, weights = jnp.stack([jnp.zeros_like(beta), beta]), jnp.stack([1 / beta, -1 / beta])
    return Response(free, states, betas, weights, slope, OneSidedDiagnostics(free, nudged))


def response_on(contour: Contour, free: Solution, nudged: Solution) -> Response:
    """What the equilibria at the upper half of a contour tell."""
    betas, count = contour.upper()
    dtype = real_dtype(free.u)
    share = count.astype(dtype) / contour.points
    states = by_point(nudged.s, betas.shape[0])
    state_dtype = jax.tree.leaves(states)[0].dtype
    betas = betas.astype(state_dtype)
    weights = -share.astype(state_dtype) / betas

    def over_circle(factors: Array) -> State:
        # Less the free state, of which a whole circle keeps nothing, but a single point all.
        return jax.tree.map(
            lambda leaf, at_zero: (
                jnp.tensordot(factors, leaf - complex_like(at_zero, leaf)[None], axes=1).real
            ),
            states,
            free.s,
        )

    gap, slope = over_circle(share.astype(state_dtype)), over_circle(-weights)
    if contour.points == 1:
        return Response(free, states, betas, weights, slope, OneSidedDiagnostics(free, nudged))
    radius = contour.amplitude.astype(dtype)
    diagnostics = ContourDiagnostics(
        free=free,
        nudged=nudged,
        amplitude=contour.amplitude,
        points=contour.points,
        harmonics=harmonic_sizes(whole_circle(states, contour.points))
        if contour.points > 2
        else harmonic_sizes(states),
        mean_value_error=norm(gap) / jnp.maximum(radius * norm(slope), jnp.finfo(dtype).tiny),
    )
    return Response(free, states, betas, weights, slope, diagnostics)
