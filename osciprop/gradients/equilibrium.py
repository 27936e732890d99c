"""Equilibrium propagation: nudge, relax, contrast.

Classic (one-sided and centred) with a real nudge, exact as the amplitude goes to 0; holomorphic
with N points on a circle in the complex plane, exact at finite amplitude up to `(r / R)^N`, where R
is the distance of the nearest singularity (hep2022, section 3).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, PRNGKeyArray, PyTree

from ..complexity import is_complex, real_dtype, to_complex
from ..costs import Targets
from ..dynamics import Dynamics, require_holomorphic
from ..errors import check_positive
from ..networks import AbstractNetwork, State
from ..relaxation import AbstractRelaxation, AndersonIteration
from ..solution import Solution
from ..spectra import harmonic_sizes, radius_of_convergence, whole_circle
from ..teaching import AMPLITUDE_REMEDY, Constant, Contour
from .contrast import contrast, norm
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, batch_mean

# Beyond this predicted relative error of the gradient a contour's amplitude is reported.
TRUNCATION_LIMIT = 0.1


class ContourDiagnostics(AbstractDiagnostics):
    """How well the nudged states of a contour were solved, and what the contour left out.

    `free` and `nudged` are the two relaxations; `nudged` holds all simulated points, the batch of
    the first point first. `harmonics[k]` is the size of the activity's Fourier coefficient `k` on
    the contour. `mean_value_error` is the distance of the contour's mean from the free activity,
    relative to the first harmonic: 0 for analytic responses and many points (mean-value theorem),
    about `(r / R)^(N - 1)` with few. It predicts the gradient's relative `truncation_error`.
    """

    free: Solution
    nudged: Solution
    amplitude: Float[Array, ""]
    points: int = eqx.field(static=True)
    harmonics: Float[Array, " points"]
    mean_value_error: Float[Array, ""]

    @property
    def truncation_error(self) -> Float[Array, ""]:
        """The predicted relative error of the gradient, about `(r / R)^N`."""
        return self.mean_value_error ** (self.points / max(self.points - 1, 1))

    def radius(self) -> float:
        """The estimated distance of the nearest singularity (see `radius_of_convergence`).

        Needs at least 8 points; infinity where the harmonics show no singularity.
        """
        if self.points < 8:
            raise ValueError(f"points={self.points} show too few harmonics: use at least 8")
        solved = 100 * float(self.nudged.tolerance) / float(self.harmonics[1])
        return radius_of_convergence(self.harmonics, self.amplitude, floor=min(solved, 0.1))

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
        if self.points >= 8 and self.radius() <= amplitude:
            found.append(
                f"amplitude={amplitude:.4g} reaches beyond the singularity: the decay of the "
                f"response's harmonics puts the radius of convergence at {self.radius():.4g}. Use "
                "a smaller amplitude"
            )
        if float(self.truncation_error) > TRUNCATION_LIMIT:
            found.append(
                f"amplitude={amplitude:.4g} is too large for {self.points} points: the contour's "
                f"mean misses the free activity by {float(self.mean_value_error):.3g} of the first "
                "harmonic, which puts the gradient's relative error at about "
                f"{float(self.truncation_error):.3g}. Use a smaller amplitude or, inside the "
                "radius of convergence, more points"
            )
        return found

    def summary(self) -> str:
        return (
            f"nudged: {self.nudged}; mean-value error {float(self.mean_value_error):.3g}, "
            f"predicted truncation error {float(self.truncation_error):.3g}"
        )


def relax_free(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    relaxation: AbstractRelaxation,
    initial: State | None,
) -> tuple[Dynamics, Solution]:
    """The free dynamics and its equilibrium."""
    dynamics = Dynamics(network, network.drive(x), None, Constant())
    start = network.rest(x) if initial is None else initial
    return dynamics, relaxation.solve(dynamics, start)


def relax_nudged(
    free_dynamics: Dynamics,
    y: Targets,
    betas: Inexact[Array, " points"],
    free: Solution,
    relaxation: AbstractRelaxation,
) -> Solution:
    """Nudged equilibria for all points at once, as one batch of points * samples.

    Every point starts from the free equilibrium and shares the drive computed for it.
    """
    points = betas.shape[0]

    def tile(leaf: Array) -> Array:
        return jnp.tile(leaf, (points,) + (1,) * (leaf.ndim - 1))

    batch = y.shape[0]
    dynamics = Dynamics(
        free_dynamics.network,
        jax.tree.map(tile, free_dynamics.drive),
        tile(y),
        Constant(jnp.repeat(betas, batch)),
    )
    start = jax.tree.map(tile, free.u)
    return relaxation.solve(dynamics, to_complex(start) if is_complex(betas) else start)


def by_point(states: State, points: int) -> PyTree[Array]:
    """States of points * samples with a leading points axis of their own."""
    return jax.tree.map(lambda leaf: leaf.reshape((points, -1) + leaf.shape[1:]), states)


class HolomorphicEP(AbstractGradientMethod):
    """Holomorphic equilibrium propagation with `points` nudges `r exp(2 pi i k / N)` (hep2022).

    Exact up to `(amplitude / R)^points` for networks with reciprocal synapses and holomorphic
    activations. Two points are `CentredEP`, all real. Only the upper half circle is simulated, all
    of its points and samples in one batch.
    """

    contour: Contour
    relaxation: AbstractRelaxation

    def __init__(
        self,
        amplitude: ArrayLike = 0.4,
        points: int = 8,
        relaxation: AbstractRelaxation | None = None,
    ):
        self.contour = Contour(amplitude, points)
        self.relaxation = AndersonIteration() if relaxation is None else relaxation

    def check(self, network: AbstractNetwork) -> None:
        if self.contour.points > 2:
            require_holomorphic(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        return _contour_estimate(network, x, y, initial, self.contour, self.relaxation)


class CentredEP(AbstractGradientMethod):
    """Symmetric nudging with `+amplitude` and `-amplitude`: bias of order `amplitude^2`.

    Equals `HolomorphicEP(points=2)` and needs no holomorphic activation.
    """

    contour: Contour
    relaxation: AbstractRelaxation

    def __init__(self, amplitude: ArrayLike = 0.1, relaxation: AbstractRelaxation | None = None):
        self.contour = Contour(amplitude, 2)
        self.relaxation = AndersonIteration() if relaxation is None else relaxation

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
        return _contour_estimate(network, x, y, initial, self.contour, self.relaxation)


def _contour_estimate(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    initial: State | None,
    contour: Contour,
    relaxation: AbstractRelaxation,
) -> Estimate:
    free_dynamics, free = relax_free(network, x, relaxation, initial)
    betas, count = contour.upper()
    dtype = real_dtype(free.u)
    share = count.astype(dtype) / contour.points
    nudged = relax_nudged(free_dynamics, y, betas, free, relaxation)
    states = by_point(nudged.s, betas.shape[0])
    state_dtype = jax.tree.leaves(states)[0].dtype
    betas = betas.astype(state_dtype)
    weights = -share.astype(state_dtype) / betas
    gradient = contrast(network, x, y, states, betas, weights)

    def over_circle(factors: Array) -> State:
        return jax.tree.map(lambda leaf: jnp.tensordot(factors, leaf, axes=1).real, states)

    mean, slope = over_circle(share.astype(state_dtype)), over_circle(-weights)
    gap = jax.tree.map(lambda a, b: a - b, mean, free.s)
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
    return Estimate(
        gradient=gradient,
        loss=batch_mean(network.cost(free.s, y)),
        outputs=network.output(free.s),
        equilibrium=free,
        diagnostics=diagnostics,
    )


class ClassicDiagnostics(AbstractDiagnostics):
    """The two relaxations of one-sided equilibrium propagation."""

    free: Solution
    nudged: Solution

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


class ClassicEP(AbstractGradientMethod):
    """One-sided equilibrium propagation with a real nudge: bias of order `amplitude`."""

    amplitude: Float[Array, ""]
    relaxation: AbstractRelaxation

    def __init__(self, amplitude: ArrayLike = 0.1, relaxation: AbstractRelaxation | None = None):
        check_positive("amplitude", amplitude, AMPLITUDE_REMEDY)
        self.amplitude = jnp.asarray(amplitude, dtype=float)
        self.relaxation = AndersonIteration() if relaxation is None else relaxation

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
        free_dynamics, free = relax_free(network, x, self.relaxation, initial)
        beta = self.amplitude.astype(real_dtype(free.u))
        nudged = relax_nudged(free_dynamics, y, beta[None], free, self.relaxation)
        states = jax.tree.map(lambda a, b: jnp.stack([a, b]), free.s, nudged.s)
        betas = jnp.stack([jnp.zeros_like(beta), beta])
        gradient = contrast(network, x, y, states, betas, jnp.stack([1 / beta, -1 / beta]))
        return Estimate(
            gradient=gradient,
            loss=batch_mean(network.cost(free.s, y)),
            outputs=network.output(free.s),
            equilibrium=free,
            diagnostics=ClassicDiagnostics(free, nudged),
        )
