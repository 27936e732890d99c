"""Gradients of networks without symmetric synapses: from error signals, not from an energy.

All learn by the local rule, presynaptic activity times the neuron's error signal, and differ in
where the error signal comes from. The response to a nudge is `J^-1 dC/ds`, right where the Jacobian
J is symmetric (generalized EP or vector field, homeostasis2024); that of the corrected dynamics is
`J^-T dC/ds`, right everywhere (asymmetric EP, nonconservative2026). Both can be measured on a
contour of N points, where the bias of a finite nudge falls as `(r / R)^N`; asymmetric EP then has
no bias left. A dyad carries the adjoint as a state of its own.
"""

import abc

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ..dynamics.correction import Corrected, Dyad, jacobian_product
from ..dynamics.dynamics import Dynamics, require_holomorphic
from ..dynamics.teaching import AMPLITUDE_REMEDY, Constant, Contour
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation, judge
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..settings import Number, number
from .contour import contour_response, relax_free
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, at_equilibrium
from .local import local_gradient


class _Nudged(AbstractGradientMethod):
    """Shared frame: the local rule with the response to nudges on a contour as error signal."""

    amplitude: eqx.AbstractVar[Number]
    points: eqx.AbstractVar[int]
    relaxation: eqx.AbstractVar[AbstractRelaxation]

    @abc.abstractmethod
    def nudged(self, free_dynamics: Dynamics, free: Solution) -> Dynamics:
        """The dynamics that are nudged, with the same free equilibrium."""

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_at_least("points", self.points, 1, "a contour needs points")

    def check(self, network: AbstractNetwork) -> None:
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
        nudged = self.nudged(dynamics, free)
        contour = Contour(self.amplitude, self.points)
        response = contour_response(nudged, free, y, contour, self.relaxation)
        gradient = local_gradient(network, x, y, free.s, response.slope)
        return at_equilibrium(network, y, free, gradient, response.diagnostics, response.slope)


class VectorFieldEP(_Nudged):
    """Generalized equilibrium propagation: the error signal is the response to a nudge.

    For any network; exact, up to `(amplitude / R)^points`, where its Jacobian is symmetric, and
    biased by its antisymmetric part elsewhere: `J^-1 J^T` times the true error signal
    (homeostasis2024, Eq. 11). One point is a one-sided nudge (bias of order `amplitude`), two are a
    centred one (order `amplitude^2`), more need a holomorphic network.

    Args:
        amplitude: Radius of the circle, or size of a real nudge, above 0.
        points: Number of nudges, at least 1. More than 2 need a holomorphic network.
        relaxation: How the free and the nudged equilibria are found.

    Raises:
        ValueError: `amplitude` is not positive, or `points` is below 1.
        HolomorphyError: by `estimate_gradient`, for more than two points on a network that is not
            holomorphic.

    Source: homeostasis2024, Eq. 11.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.VectorFieldEP(0.01))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-3
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    points: int = eqx.field(default=2, static=True)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def nudged(self, free_dynamics: Dynamics, free: Solution) -> Dynamics:
        return free_dynamics

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        # Nothing corrects for an asymmetric Jacobian.
        return jacobian_product(network, s, drive, v)


class AsymmetricEP(_Nudged):
    """Asymmetric equilibrium propagation: nudged phases carry the correction `-2 A (s - s0)`.

    Exact for any network, reciprocal or not, up to `(amplitude / R)^points`. With one or two real
    points it is the AEP of nonconservative2026, biased in order `amplitude` or `amplitude^2`; with
    more it is holomorphic AEP, which has neither the bias of a finite nudge nor that of an
    asymmetric Jacobian, and needs a holomorphic network. In a network with an energy it equals
    `HolomorphicEP`.

    Args:
        amplitude: Radius of the circle, or size of a real nudge, above 0.
        points: Number of nudges, at least 1. More than 2 need a holomorphic network.
        relaxation: How the free and the nudged equilibria are found.

    Raises:
        ValueError: `amplitude` is not positive, or `points` is below 1.
        HolomorphyError: by `estimate_gradient`, for more than two points on a network that is not
            holomorphic.

    Source: nonconservative2026, asymmetric EP; on the contour ours.

    Example:
        >>> found = osciprop.estimate_gradient(directed, x, y, osciprop.AsymmetricEP(0.05))
        >>> exact = osciprop.estimate_gradient(directed, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-5
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    points: int = eqx.field(default=8, static=True)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def nudged(self, free_dynamics: Dynamics, free: Solution) -> Dynamics:
        # The drive carries the free activity along, so that every point of the contour has it.
        corrected = Corrected(free_dynamics.network, free.s)
        return Dynamics(corrected, (free_dynamics.drive, free.s), None, Constant())


class DyadDiagnostics(AbstractDiagnostics):
    """The relaxation of both compartments of every neuron at once."""

    dyad: Solution

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.dyad.converged.all()

    def failure(self) -> str:
        if np.all(self.dyad.converged):
            return ""
        return (
            f"the dyads did not converge ({self.dyad}). Remedies: another relaxation, e.g. "
            "SynchronousIteration(damping=0.3) or Flow(), more max_steps, a smaller amplitude "
            "(the differences grow with it, and the tolerance does not), smaller weights"
        )

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        return f"dyad: {self.dyad}"


class DyadicEP(AbstractGradientMethod):
    """Dyadic equilibrium propagation: a second compartment of every neuron relaxes to the adjoint.

    Both compartments move at the same time (`osciprop.dynamics.Dyad`); the mean of a dyad stays the
    free network, and its difference is `amplitude J^-T dC/ds`, linear in the amplitude: exact for
    any network at any amplitude, which only sets the scale of the differences against the
    tolerance of the relaxation. Needs no holomorphic network.

    Args:
        amplitude: Size of the nudge, above 0.
        relaxation: How the dyads' equilibrium is found.

    Raises:
        ValueError: `amplitude` is not positive.

    Source: nonconservative2026, dyadic EP.

    Example:
        >>> found = osciprop.estimate_gradient(directed, x, y, osciprop.DyadicEP())
        >>> exact = osciprop.estimate_gradient(directed, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-7
        True
    """

    amplitude: Number = eqx.field(default=1.0, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)

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
        dyad = Dyad(network)
        start = dyad.rest(x) if initial is None else dyad.around(initial)
        beta = self.amplitude.astype(real_dtype(start))
        dynamics = Dynamics(dyad, dyad.drive(x), y, Constant(beta))
        solution = self.relaxation.solve(dynamics, start)
        mean, difference = solution.s
        error = jax.tree.map(lambda leaf: leaf / beta.astype(leaf.dtype), difference)
        free = judge(
            Dynamics(network, dynamics.drive, None, Constant()),
            solution.u[0],
            solution.tolerance,
            solution.steps,
            solution.time,
        )
        gradient = local_gradient(network, x, y, mean, error)
        return at_equilibrium(network, y, free, gradient, DyadDiagnostics(solution), error)
