"""Equilibrium propagation: nudge, relax, contrast.

Classic (one-sided and centred) with a real nudge, exact as the amplitude goes to 0; holomorphic
with N points on a circle in the complex plane, exact at finite amplitude up to `(r / R)^N`, where R
is the distance of the nearest singularity (hep2022, section 3).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ..dynamics.dynamics import require_holomorphic
from ..dynamics.teaching import AMPLITUDE_REMEDY, Contour
from ..equilibria.relaxation import AbstractRelaxation, AndersonIteration
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, require_energy
from .contour import OneSidedDiagnostics, contour_response, relax_free, relax_nudged
from .contrast import contrast
from .estimate import AbstractGradientMethod, Estimate, at_equilibrium


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
        check_at_least("points", points, 2, "for one point use osciprop.ClassicEP")
        self.contour = Contour(amplitude, points)
        self.relaxation = AndersonIteration() if relaxation is None else relaxation

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)
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
        require_energy(network)

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
    dynamics, free = relax_free(network, x, relaxation, initial)
    response = contour_response(dynamics, free, y, contour, relaxation)
    return at_equilibrium(
        network,
        y,
        free,
        contrast(network, x, y, response.states, response.betas, response.weights),
        response.diagnostics,
        response.slope,
    )


class ClassicEP(AbstractGradientMethod):
    """One-sided equilibrium propagation with a real nudge: bias of order `amplitude`."""

    amplitude: Float[Array, ""]
    relaxation: AbstractRelaxation

    def __init__(self, amplitude: ArrayLike = 0.1, relaxation: AbstractRelaxation | None = None):
        check_positive("amplitude", amplitude, AMPLITUDE_REMEDY)
        self.amplitude = jnp.asarray(amplitude, dtype=float)
        self.relaxation = AndersonIteration() if relaxation is None else relaxation

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)

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
        slope = jax.tree.map(lambda a, b: (b - a) / beta.astype(a.dtype), free.s, nudged.s)
        diagnostics = OneSidedDiagnostics(free, nudged)
        return at_equilibrium(network, y, free, gradient, diagnostics, slope)
