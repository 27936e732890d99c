"""Training at inputs that were moved up the cost: the baseline of robust learning."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ...dynamics.stochastic import two_keys
from ...errors import check_not_negative
from ...networks.costs import Targets
from ...networks.network import AbstractNetwork, State
from ...networks.trees import keep_samples, sample_norms
from ...settings import Number, number
from ..accuracy import Accuracy
from ..estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate
from ..inputs import pull_to_input, require_error_signal, solved_samples
from ..reference import Implicit


class AdversarialDiagnostics(AbstractDiagnostics):
    """What the method tells of its gradient, and what happened to the inputs before.

    `ascent` are the diagnostics of the inputs' gradient, `inputs` the moved inputs, and `distance`
    is how far each was moved, in the Euclidean norm.
    """

    method: AbstractDiagnostics
    ascent: AbstractDiagnostics
    inputs: Float[Array, "batch ..."]
    distance: Float[Array, " batch"]

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.ascent.converged & self.method.converged

    def failure(self) -> str:
        ascent = self.ascent.failure()
        return f"the gradient by the input: {ascent}" if ascent else self.method.failure()

    def concerns(self) -> list[str]:
        return self.ascent.concerns() + self.method.concerns()

    def summary(self) -> str:
        mean = float(jnp.mean(self.distance))
        return f"{self.method.summary()}; inputs moved by {mean:.3g} on average"


class AdversarialTraining(AbstractGradientMethod):
    """Any gradient method, at inputs moved up the cost: `x + step dC/dx`, each by its own gradient.

    One step along the plain gradient, not its sign, without a bound. The gradient, loss and outputs
    are those at the moved inputs, which are constants. Wrap other methods in it, not it in others:
    those would see the input before it moved.

    Args:
        method: What finds the gradient at the moved inputs.
        step: How far to move along the gradient of the cost by the input, in squared units of the
            input per unit of cost, not negative. The authors take their nudge, 0.5.
        input_method: What finds that gradient. Samples that it does not solve stay where they are,
            and the estimate counts as not converged.

    Raises:
        ValueError: `step` is negative; by `estimate_gradient`, `input_method` forms no error
            signal.

    Source: two_tales2024, simple adversarial training.

    Example:
        >>> method = osciprop.AdversarialTraining(osciprop.Implicit(), step=0.1)
        >>> bool(osciprop.estimate_gradient(network, x, y, method).converged)
        True
    """

    method: AbstractGradientMethod
    step: Number = eqx.field(default=0.5, converter=number)
    input_method: AbstractGradientMethod = Implicit()

    def __check_init__(self) -> None:
        check_not_negative("step", self.step, "0 leaves the inputs where they are")

    def check(self, network: AbstractNetwork) -> None:
        self.method.check(network)
        self.input_method.check(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        own_key, input_key = two_keys(key)
        first = self.input_method.estimate(network, x, y, initial, input_key)
        require_error_signal(self.input_method, first)
        slope = pull_to_input(network, x, first)
        # Not by a product with zero, which keeps NaN.
        slope = keep_samples(solved_samples(first), slope)
        shift = self.step.astype(x.dtype) * slope
        found = self.method.estimate(network, x + shift, y, initial, own_key)
        distance = sample_norms(shift)
        return eqx.tree_at(
            lambda estimate: estimate.diagnostics,
            found,
            AdversarialDiagnostics(found.diagnostics, first.diagnostics, x + shift, distance),
        )

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        estimate: Estimate,
        initial: State | None = None,
    ) -> Accuracy | None:
        diagnostics = estimate.diagnostics
        assert isinstance(diagnostics, AdversarialDiagnostics)
        own = replace(estimate, diagnostics=diagnostics.method)
        return self.method.accuracy(network, diagnostics.inputs, y, own, initial)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], estimate: Estimate
    ) -> list[str]:
        diagnostics = estimate.diagnostics
        assert isinstance(diagnostics, AdversarialDiagnostics)
        own = replace(estimate, diagnostics=diagnostics.method)
        return diagnostics.ascent.concerns() + self.method.concerns(
            network, diagnostics.inputs, own
        )
