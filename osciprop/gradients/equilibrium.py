"""Equilibrium propagation: nudge, relax, contrast.

Classic (one-sided and centred) with a real nudge, exact as the amplitude goes to 0; holomorphic
with N points on a circle in the complex plane, exact at finite amplitude up to `(r / R)^N`, where R
is the distance of the nearest singularity (hep2022, section 3).
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..dynamics.dynamics import require_holomorphic
from ..dynamics.teaching import AMPLITUDE_REMEDY, Contour
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, require_energy
from ..settings import Number, number
from .contour import contour_response, one_sided_response, relax_free, relax_nudged
from .contrast import contrast
from .estimate import AbstractGradientMethod, Estimate, at_equilibrium


class HolomorphicEP(AbstractGradientMethod):
    """Holomorphic equilibrium propagation: nudges on a circle in the complex plane.

    The contrast of `points` equilibria nudged by `r exp(2 pi i k / N)`: exact at finite amplitude
    up to `(amplitude / R)^points`, where R is the radius of convergence, for networks with
    reciprocal synapses and holomorphic activations. Only the upper half circle is simulated, all
    of its points and samples in one batch. Two points are `CentredEP`, all real.

    Args:
        amplitude: Radius `r` of the circle, above 0. Inside the radius of convergence R.
        points: Number `N` of nudges, at least 2. More than 2 need a holomorphic network.
        relaxation: How the free and the nudged equilibria are found.

    Raises:
        ValueError: `amplitude` is not positive, or `points` is below 2.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        HolomorphyError: by `estimate_gradient`, for one that is not holomorphic.

    Source: hep2022, section 3, Eqs. 11 and 12.

    Example:
        >>> method = osciprop.HolomorphicEP(amplitude=0.1, points=8)
        >>> found = osciprop.estimate_gradient(network, x, y, method)
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-5
        True
    """

    amplitude: Number = eqx.field(default=0.4, converter=number)
    points: int = eqx.field(default=8, static=True)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_at_least("points", self.points, 2, "for one point use osciprop.ClassicEP")

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)
        if self.points > 2:
            require_holomorphic(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dynamics, free = relax_free(network, x, self.relaxation, initial)
        contour = Contour(self.amplitude, self.points)
        response = contour_response(dynamics, free, y, contour, self.relaxation)
        gradient = contrast(network, x, y, response.states, response.betas, response.weights)
        signal = network.adjoint(response.slope)
        return at_equilibrium(network, y, free, gradient, response.diagnostics, signal)


class CentredEP(AbstractGradientMethod):
    """Centred equilibrium propagation: a real nudge of either sign.

    Its bias is of order `amplitude^2`. It equals `HolomorphicEP` with two points, and needs no
    holomorphic activation.

    Args:
        amplitude: Size of the nudges `+amplitude` and `-amplitude`, above 0.
        relaxation: How the free and the nudged equilibria are found.

    Raises:
        ValueError: `amplitude` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.

    Source: hep2022, section 2; Laborieux et al. 2021.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.CentredEP(0.05))
        >>> same = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.05, 2))
        >>> osciprop.relative_error(found.gradient, same.gradient) < 1e-12
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)

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
        two_points = HolomorphicEP(self.amplitude, 2, self.relaxation)
        return two_points.estimate(network, x, y, initial, key)


class _OneSidedEP(AbstractGradientMethod):
    """Shared frame: the contrast between the free equilibrium and one nudged state."""

    amplitude: eqx.AbstractVar[Number]
    relaxation: eqx.AbstractVar[AbstractRelaxation]

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)

    @abc.abstractmethod
    def beta(self) -> Number:
        """The teaching signal."""

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
        dynamics, free = relax_free(network, x, self.relaxation, initial)
        beta = jnp.asarray(self.beta(), dtype=real_dtype(free.u))
        nudged = relax_nudged(dynamics, y, beta[None], free, self.relaxation)
        response = one_sided_response(free, nudged, beta)
        gradient = contrast(network, x, y, response.states, response.betas, response.weights)
        signal = network.adjoint(response.slope)
        return at_equilibrium(network, y, free, gradient, response.diagnostics, signal)


class ClassicEP(_OneSidedEP):
    """One-sided equilibrium propagation with a real nudge: bias of order `amplitude`.

    Exactly the gradient of a lower bound of the cost: of the mean cost over nudges from 0 to
    `amplitude`, along a branch of minima of the energy.

    Args:
        amplitude: Size of the nudge, above 0.
        relaxation: How the free and the nudged equilibrium are found.

    Raises:
        ValueError: `amplitude` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.

    Source: Scellier and Bengio 2017; hep2022, Eq. 4.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.ClassicEP(0.01))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def beta(self) -> Number:
        return self.amplitude


class NegativeEP(_OneSidedEP):
    """One-sided equilibrium propagation with a nudge away from the target: `beta = -amplitude`.

    Bias of order `amplitude`, like that of `ClassicEP` and of the other sign. Exactly the gradient
    of an upper bound of the cost, along a branch of minima of the energy; which there is only as
    long as the cost, which has no bound, pulls less than the energy holds.

    Args:
        amplitude: Size of the nudge, above 0.
        relaxation: How the free and the nudged equilibrium are found.

    Raises:
        ValueError: `amplitude` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.

    Source: Scellier et al. 2023 (arXiv 2312.15103), N-EP.

    Example:
        >>> method = osciprop.gradients.NegativeEP(0.01)
        >>> found = osciprop.estimate_gradient(network, x, y, method)
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def beta(self) -> Number:
        return -self.amplitude
