"""Always-on asymmetric equilibrium propagation: exact gradients of asymmetric networks, no phases.

The teaching signal rotates without pause, as in `OscillatoryEP`, and the correction
`-2 A (s - s0)` makes the network oscillate by its adjoint. The free activity `s0` comes from
within: from a free companion compartment of each neuron, or from the neuron's own running mean.
Where each form works is in docs/asymmetric.md.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ..dynamics.correction import MEAN_REMEDY, FreeCompanion, RunningMean
from ..dynamics.dynamics import Dynamics
from ..dynamics.teaching import Constant
from ..equilibria.jacobian import running_mean_stability
from ..equilibria.relaxation import judge
from ..equilibria.solution import Solution
from ..errors import ConvergenceError, check_positive
from ..networks.costs import Targets
from ..networks.extensions import AbstractDoubled
from ..networks.network import AbstractNetwork, State
from ..networks.trees import largest_change
from ..settings import Module, Number, number
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate
from .oscillation import AbstractOscillation
from .oscillatory import OscillatoryEP
from .rules import ErrorSignals

# How far, in activity, the reference may be from equilibrium before the gradient is doubted.
REFERENCE_LIMIT = 1e-2
# Up to this number of units the criterion of the running mean is computed for every warning.
CRITERION_UNITS = 1000


class AbstractReference(Module):
    """Where the free activity of the correction comes from while the network is never free.

    Example:
        >>> issubclass(osciprop.gradients.Companion, osciprop.gradients.AbstractReference)
        True
    """

    @abc.abstractmethod
    def extend(self, network: AbstractNetwork) -> AbstractDoubled:
        """The network with what carries its free activity."""

    @abc.abstractmethod
    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], residual: np.ndarray
    ) -> list[str]:
        """Reasons to doubt the free activity that was found, `residual` off per sample."""


class Companion(AbstractReference):
    """A free compartment beside every neuron (`FreeCompanion`): for every stable network.

    Example:
        >>> osciprop.OscillatoryAEP().reference
        Companion()
    """

    def extend(self, network: AbstractNetwork) -> FreeCompanion:
        return FreeCompanion(network)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], residual: np.ndarray
    ) -> list[str]:
        if not residual.max() > REFERENCE_LIMIT:
            return []
        return [
            f"the free companion has not settled: one step changes its activity by "
            f"{residual.max():.3g}. Use more settle_periods"
        ]


class OwnMean(AbstractReference):
    """The running mean of every neuron's own activity (`RunningMean`), nothing added.

    Only for networks whose asymmetry is smaller than their symmetry
    (`osciprop.equilibria.running_mean_stability`).

    Args:
        time_constant: Of the running mean, in units of time: several periods.

    Raises:
        ValueError: `time_constant` is not positive.

    Example:
        >>> float(osciprop.gradients.OwnMean(300.0).time_constant)
        300.0
    """

    time_constant: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive("time_constant", self.time_constant, MEAN_REMEDY)

    def extend(self, network: AbstractNetwork) -> RunningMean:
        return RunningMean(network, self.time_constant)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], residual: np.ndarray
    ) -> list[str]:
        found = []
        worst = int(residual.argmax())
        if sum(leaf[0].size for leaf in jax.tree.leaves(network.rest(x))) <= CRITERION_UNITS:
            try:
                stability = running_mean_stability(network, x[worst : worst + 1])
            except ConvergenceError:
                stability = None
            if stability is not None and not stability.stable[0]:
                found.append(
                    f"the running mean drifts away from the free activity of sample {worst}: "
                    "J^-T J has an eigenvalue with the smallest real part of "
                    f"{stability.slowest[0]:.3g}, so the network is too asymmetric for it (see "
                    "osciprop.equilibria.running_mean_stability). Use "
                    "reference=osciprop.gradients.Companion()"
                )
        if not found and residual.max() > REFERENCE_LIMIT:
            found.append(
                f"the running mean has not settled at the free activity: one free step changes it "
                f"by {residual.max():.3g}. Use more settle_periods or a shorter time_constant, or "
                "reference=osciprop.gradients.Companion()"
            )
        return found


class AsymmetricOscillationDiagnostics(AbstractDiagnostics):
    """What the oscillation tells, and how far the reference is from the free equilibrium.

    `residual` is, per sample, the largest change of activity in one free step from the reference
    that the correction uses; 0 where that is the free equilibrium.
    """

    oscillation: AbstractDiagnostics
    residual: Float[Array, " batch"]

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.oscillation.converged

    def failure(self) -> str:
        return self.oscillation.failure()

    def concerns(self) -> list[str]:
        return self.oscillation.concerns()

    def summary(self) -> str:
        worst = float(jnp.max(self.residual))
        return f"{self.oscillation.summary()}, reference off by {worst:.3g}"


class OscillatoryAEP(AbstractGradientMethod):
    """The gradient of any network from an always-on rotating teaching signal.

    Exact at finite amplitude inside the radius of convergence, up to the lag, as `OscillatoryEP` is
    for networks with an energy. `initial` of `estimate_gradient` is the potential of the network
    itself; a reference starts from it.

    Args:
        oscillation: Everything about the signal and the lock-in, or `SettledOscillation`; its rule
            must be `ErrorSignals()`.
        reference: What carries the free activity: `Companion()`, or `OwnMean(time_constant)`.

    Raises:
        TypeError: `oscillation` has another rule.
        HolomorphyError: by `estimate_gradient`, for a network that is not holomorphic.

    Source: nonconservative2026, asymmetric EP; without phases ours.

    Example:
        >>> oscillation = osciprop.OscillatoryEP(0.1, 50.0, rule=osciprop.ErrorSignals())
        >>> method = osciprop.OscillatoryAEP(oscillation)
        >>> found = osciprop.estimate_gradient(directed, x, y, method)
        >>> exact = osciprop.estimate_gradient(directed, x, y, osciprop.Implicit())
        >>> osciprop.cosine(found.gradient, exact.gradient) > 0.99
        True
    """

    oscillation: AbstractOscillation = OscillatoryEP(rule=ErrorSignals())
    reference: AbstractReference = Companion()

    def __check_init__(self) -> None:
        if not isinstance(self.oscillation.rule, ErrorSignals):
            raise TypeError(
                f"oscillation.rule is {type(self.oscillation.rule).__name__}, which needs an "
                "energy: give OscillatoryEP(..., rule=osciprop.ErrorSignals())"
            )

    def check(self, network: AbstractNetwork) -> None:
        self.oscillation.check(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        extended = self.reference.extend(network)
        start = None if initial is None else extended.around(initial)
        found = self.oscillation.estimate(extended, x, y, start, key)
        free = Dynamics(network, network.drive(x), None, Constant())
        whole = found.equilibrium
        own = judge(free, whole.u[0], whole.tolerance, whole.steps, whole.time)
        # One free step from the reference's activity, be it a potential's or a mean.
        reference = whole.s[1]
        step = network.activity(network.current(reference, free.drive))
        residual = largest_change(reference, step)
        assert found.error_signal is not None
        return Estimate(
            gradient=found.gradient.network,
            loss=found.loss,
            outputs=found.outputs,
            equilibrium=own,
            diagnostics=AsymmetricOscillationDiagnostics(
                found.diagnostics,
                residual,
            ),
            error_signal=found.error_signal[0],
        )

    def free(
        self, network: AbstractNetwork, x: Array, estimate: Estimate, initial: State | None
    ) -> Solution | None:
        return self.oscillation.free(network, x, estimate, initial)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], estimate: Estimate
    ) -> list[str]:
        diagnostics = estimate.diagnostics
        assert isinstance(diagnostics, AsymmetricOscillationDiagnostics)
        found = super().concerns(network, x, estimate)
        if self.oscillation.noise is not None:
            return found  # the residual sees the noise as well
        return found + self.reference.concerns(network, x, np.asarray(diagnostics.residual))
