"""Learning from clamped outputs: contrastive learning, and coupled learning with soft clamps.

Both compare the free state with one whose outputs are held at `(1 - eta) s0 + eta y`, `s0` being
the free ones; contrastive learning is `eta = 1`. Held outputs take no nudge: the currents that hold
them, `-chi^-1 (s0 - y)` with the response `chi` of the outputs to currents, stand in the place of
`-dC/ds`. So as `eta -> 0` coupled learning does not find the gradient of the cost, but that of
`chi^-1 (s0 - y) . s_outputs`, its factor held fixed: parallel to the gradient of the squared error
for one output, and at an angle to it for several. What a finite `eta` adds is biased as in
equilibrium propagation: order `eta` one-sided, `eta^2` centred, `(eta / R)^N` on a circle.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PRNGKeyArray

from ..dynamics.clamping import ClampedOutputs, towards_targets
from ..dynamics.dynamics import Dynamics, require_holomorphic
from ..dynamics.teaching import Constant, Contour
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive
from ..networks.complexity import is_complex, to_complex
from ..networks.costs import Targets
from ..networks.network import (
    AbstractNetwork,
    State,
    require_energy,
    require_outputs_of_units,
)
from ..settings import Number, number
from .contour import Response, for_points, one_sided_response, relax_free, response_on
from .contrast import contrast
from .estimate import AbstractGradientMethod, Estimate, at_equilibrium

NUDGE_REMEDY = "give the part of the way to the target, such as 0.1; 1 is the target itself"


class _Clamping(AbstractGradientMethod):
    """Shared frame: relax with outputs held at parts of the way to the target, and contrast."""

    relaxation: eqx.AbstractVar[AbstractRelaxation]

    @abc.abstractmethod
    def parts(self) -> Inexact[Array, " points"]:
        """How far on the way to the target the outputs are held, at each point."""

    @abc.abstractmethod
    def response(self, free: Solution, clamped: Solution) -> Response:
        """What the clamped states tell."""

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)
        require_outputs_of_units(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dynamics, free = relax_free(network, x, self.relaxation, initial)
        parts = self.parts()
        held = jnp.swapaxes(towards_targets(network.output(free.s), y, parts), 0, 1)
        clamped = Dynamics(
            ClampedOutputs(network, held.reshape(-1, held.shape[-1])),
            for_points(dynamics.drive, len(parts)),
            None,
            Constant(),
        )
        start = for_points(free.u, len(parts))
        found = self.relaxation.track(clamped, to_complex(start) if is_complex(parts) else start)
        response = self.response(free, found)
        # The energy alone: clamps do work, but there is no cost in the dynamics.
        none = jnp.zeros_like(response.betas)
        gradient = contrast(network, x, y, response.states, none, response.weights)
        signal = network.adjoint(response.slope)
        return at_equilibrium(network, y, free, gradient, response.diagnostics, signal)

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        estimate: Estimate,
        initial: State | None = None,
    ) -> None:
        """None: no finite nudge is to blame for the distance from the gradient of the cost."""


class _OneSided(_Clamping):
    """Shared frame of one clamped state."""

    @abc.abstractmethod
    def part(self) -> Number:
        """How far on the way to the target the outputs are held."""

    def parts(self) -> Float[Array, " points"]:
        return jnp.asarray(self.part(), dtype=float)[None]

    def response(self, free: Solution, clamped: Solution) -> Response:
        return one_sided_response(free, clamped, self.parts()[0].astype(free.tolerance.dtype))


class _OnCircle(_Clamping):
    """Shared frame of clamped states around the free one."""

    @abc.abstractmethod
    def contour(self) -> Contour:
        """The parts of the way to the target."""

    def parts(self) -> Inexact[Array, " points"]:
        return self.contour().upper()[0]

    def response(self, free: Solution, clamped: Solution) -> Response:
        return response_on(self.contour(), free, clamped)


class CoupledLearning(_OneSided):
    """Coupled learning: the free state against one whose outputs are moved towards the target.

    Outputs are held at `(1 - nudge) s0 + nudge y`, `s0` being the free ones. Its limit for small
    nudges is not the gradient of the cost, unless there is a single output, where it is parallel to
    that of the squared error: see above. Bias towards that limit of order `nudge`.

    Args:
        nudge: Part `eta` of the way to the target, above 0.
        relaxation: How the free and the clamped equilibrium are found.

    Raises:
        ValueError: `nudge` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        TypeError: by `estimate_gradient`, for one whose outputs are not the activity of units, as
            those of a readout with weights.

    Source: Stern, Hexner, Rocks and Liu 2021; P-CpL of Scellier et al. 2023 (arXiv 2312.15103).

    Example:
        >>> regressor = osciprop.hopfield_regressor([4, 6, 3], key=key)
        >>> method = osciprop.gradients.CoupledLearning(nudge=0.1)
        >>> found = osciprop.estimate_gradient(regressor, x, y, method)
        >>> exact = osciprop.estimate_gradient(regressor, x, y, osciprop.Implicit())
        >>> 0.9 < osciprop.cosine(found.gradient, exact.gradient) < 1
        True
    """

    nudge: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("nudge", self.nudge, NUDGE_REMEDY)

    def part(self) -> Number:
        return self.nudge


class NegativeCoupledLearning(_OneSided):
    """Coupled learning against the opposite: outputs are held at `(1 + nudge) s0 - nudge y`.

    The limit is that of `CoupledLearning`, the bias of order `nudge` and of the other sign.

    Args:
        nudge: Part `eta` of the way to the target that the outputs move away from it, above 0.
        relaxation: How the free and the clamped equilibrium are found.

    Raises:
        ValueError: `nudge` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        TypeError: by `estimate_gradient`, for one whose outputs are not the activity of units.

    Source: N-CpL of Scellier et al. 2023 (arXiv 2312.15103).

    Example:
        >>> osciprop.gradients.NegativeCoupledLearning(0.2).parts().tolist()
        [-0.2]
    """

    nudge: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("nudge", self.nudge, NUDGE_REMEDY)

    def part(self) -> Number:
        return -self.nudge


class CentredCoupledLearning(_OnCircle):
    """Centred coupled learning: outputs moved towards the target against outputs moved away.

    The limit is that of `CoupledLearning`, the bias of order `nudge^2`.

    Args:
        nudge: Part `eta` of the way to the target, in either direction, above 0.
        relaxation: How the free and the clamped equilibria are found.

    Raises:
        ValueError: `nudge` is not positive.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        TypeError: by `estimate_gradient`, for one whose outputs are not the activity of units.

    Source: C-CpL of Scellier et al. 2023 (arXiv 2312.15103).

    Example:
        >>> osciprop.gradients.CentredCoupledLearning(0.2).parts().tolist()
        [0.2, -0.2]
    """

    nudge: Number = eqx.field(default=0.1, converter=number)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("nudge", self.nudge, NUDGE_REMEDY)

    def contour(self) -> Contour:
        return Contour(self.nudge, 2)


class HolomorphicCoupledLearning(_OnCircle):
    """Coupled learning on a circle: outputs are held at complex parts of the way to the target.

    The limit of `CoupledLearning`, at a finite nudge, up to `(nudge / R)^points`, where R is the
    distance of the nearest part of the way at which the clamped equilibrium is singular.

    Args:
        nudge: Radius of the circle of parts `eta` of the way to the target, above 0.
        points: Number of parts, at least 2. More than 2 need a holomorphic network.
        relaxation: How the free and the clamped equilibria are found.

    Raises:
        ValueError: `nudge` is not positive, or `points` is below 2.
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        HolomorphyError: by `estimate_gradient`, for one that is not holomorphic.
        TypeError: by `estimate_gradient`, for one whose outputs are not the activity of units.

    Source: Ours: the contour of hep2022, Eq. 12, for the clamps of Stern et al. 2021.

    Example:
        >>> osciprop.gradients.HolomorphicCoupledLearning(0.5, 8).parts().shape
        (5,)
    """

    nudge: Number = eqx.field(default=0.4, converter=number)
    points: int = eqx.field(default=8, static=True)
    relaxation: AbstractRelaxation = OwnRelaxation()

    def __check_init__(self) -> None:
        check_positive("nudge", self.nudge, NUDGE_REMEDY)
        check_at_least("points", self.points, 2, "for one point use CoupledLearning")

    def check(self, network: AbstractNetwork) -> None:
        super().check(network)
        if self.points > 2:
            require_holomorphic(network)

    def contour(self) -> Contour:
        return Contour(self.nudge, self.points)


class ContrastiveLearning(_OneSided):
    """Contrastive Hebbian learning: the free state against one with the targets as its outputs.

    Exactly the gradient of the difference of the two states' energies, which is zero where the free
    outputs are the targets; not that of the cost.

    Args:
        relaxation: How the free and the clamped equilibrium are found.

    Raises:
        ReciprocityError: by `estimate_gradient`, for a network without an energy.
        TypeError: by `estimate_gradient`, for one whose outputs are not the activity of units.

    Source: Movellan 1991; Baldi and Pineda 1991.

    Example:
        >>> osciprop.gradients.ContrastiveLearning().parts().tolist()
        [1.0]
    """

    relaxation: AbstractRelaxation = OwnRelaxation()

    def part(self) -> Number:
        return np.float64(1)
