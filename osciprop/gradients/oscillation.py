"""What always-on methods share: two periods in a row, and what an oscillation tells of itself."""

import abc
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ..dynamics.noise import AbstractNoise
from ..equilibria.spectra import radius_from_decay
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import norm
from ..settings import Number
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate
from .rules import AbstractLearningRule

# A bias by the lag that is worth a warning, relative to the gradient.
BIAS_LIMIT = 0.1
CLOSURE_LIMIT = 0.1
COUNTER_ROTATION_LIMIT = 0.1


def lag_bias(gradient: PyTree[Array], quadrature: PyTree[Array]) -> Float[Array, ""]:
    """The relative error of a gradient by the lag, from its quadrature.

    With a lag `L` a gradient `g` is `g / (1 + i L)`: the real part misses `|imaginary|^2 / |real|`.
    Array by array of the parameters, since a readout's own weights have no lag. Within a factor of
    2 for 30 random networks at periods of 5 to 200 time constants
    (tests/gradients/test_settled.py).
    """

    def size(leaf: Array) -> Array:
        return jnp.linalg.norm(leaf.ravel())

    tiny = jnp.finfo(norm(gradient).dtype).tiny
    kept = [size(leaf) for leaf in jax.tree.leaves(gradient)]
    turned = [size(leaf) for leaf in jax.tree.leaves(quadrature)]
    missed = [b**2 / jnp.maximum(a, tiny) for a, b in zip(kept, turned, strict=True)]
    whole = [a + b for a, b in zip(kept, missed, strict=True)]
    return norm(missed) / jnp.maximum(norm(whole), tiny)


class AbstractOscillation(AbstractGradientMethod):
    """A gradient from a network that oscillates under a rotating teaching signal.

    Example:
        >>> issubclass(osciprop.OscillatoryEP, osciprop.gradients.AbstractOscillation)
        True
    """

    if TYPE_CHECKING:
        # Fields or properties. To mypy an abstract variable is an argument of every subclass.
        @property
        def rule(self) -> AbstractLearningRule: ...
        @property
        def noise(self) -> AbstractNoise | None: ...
    else:
        rule: eqx.AbstractVar[AbstractLearningRule]
        noise: eqx.AbstractVar[AbstractNoise | None]

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        return self.rule.product(network, s, drive, v)

    @abc.abstractmethod
    def at_two_periods(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None,
    ) -> tuple[Estimate, Estimate]:
        """The estimates at the period T and then at 2T, the second going on from the first."""


class AbstractOscillationDiagnostics(AbstractDiagnostics):
    """What an oscillation tells, however it was found.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.SettledOscillation())
        >>> isinstance(found.diagnostics, osciprop.gradients.AbstractOscillationDiagnostics)
        True
    """

    amplitude: eqx.AbstractVar[Number]
    period: eqx.AbstractVar[Number]
    lag: eqx.AbstractVar[Float[Array, ""]]
    lag_bias: eqx.AbstractVar[Float[Array, ""]]
    harmonics: eqx.AbstractVar[Float[Array, " samples"]]
    noisy: eqx.AbstractVar[bool]

    def lag_concerns(self) -> list[str]:
        """Whether the lag biases the gradient."""
        if not float(self.lag_bias) > BIAS_LIMIT:
            return []
        return [
            f"period={float(self.period):.4g} is too short for the network's time constants: "
            f"lag (imaginary over real part of the response) is {float(self.lag):.3g}, so "
            f"expect a relative bias of about {float(self.lag_bias):.2g}. Use a longer period"
        ]

    def amplitude_concerns(self) -> list[str]:
        """Whether the amplitude reaches beyond the singularity."""
        if not self.radius_of_convergence() <= float(self.amplitude):
            return []
        return [
            f"amplitude={float(self.amplitude):.4g} reaches beyond the singularity: the decay "
            "of the response's harmonics puts the radius of convergence at "
            f"{self.radius_of_convergence():.4g}. Use a smaller amplitude"
        ]

    @abc.abstractmethod
    def radius_of_convergence(self) -> float:
        """The estimated distance of the nearest singularity (see `radius_from_decay`): of the
        response at this period, which reaches further than that of equilibria.
        """


class OscillationDiagnostics(AbstractOscillationDiagnostics):
    """What the oscillating network tells about its own estimate.

    All of it also sees noise, and inputs or targets that move: where there is any of these
    (`noisy`, `moving`), nothing of it gives a warning.

    Args:
        amplitude: Radius of the teaching signal's rotation.
        period: Its time of one turn, in units of time.
        lag: Ratio of the imaginary to the real part of the activity's first harmonic, about
            `omega tau`.
        lag_bias: The relative error of the gradient that it predicts (see `lag_bias`).
        drift: Relative change of the first harmonic between the last two periods (the first may
            hold the switch-on).
        closure: How far the last period misses closing on itself, relative to the oscillation.
        leakage: Ratio of the imaginary to the real part of the gradient.
        counter_rotation: Size of the harmonic that turns against the teaching signal, relative to
            the first; 0 while the response is analytic.
        harmonics: Size of the activity's Fourier coefficients over the last period, `(samples,)`;
            their decay shows an amplitude beyond the singularity.
        steps: Number of steps of the solver.
        completed: Whether all periods were integrated and finite.
        noisy: Whether there was noise.
        moving: Whether the input or the target moved.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.OscillatoryEP(0.1, 100.0))
        >>> 0 < float(found.diagnostics.lag) < 0.3
        True
    """

    amplitude: Number
    period: Number
    lag: Float[Array, ""]
    lag_bias: Float[Array, ""]
    drift: Float[Array, ""]
    closure: Float[Array, ""]
    leakage: Float[Array, ""]
    counter_rotation: Float[Array, ""]
    harmonics: Float[Array, " samples"]
    steps: Int[Array, ""]
    completed: Bool[Array, ""]
    noisy: bool = eqx.field(static=True)
    moving: bool = eqx.field(default=False, static=True)

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.completed

    def failure(self) -> str:
        if bool(self.completed):
            return ""
        return (
            f"the oscillating network could not be integrated (amplitude "
            f"{float(self.amplitude):.4g}, period {float(self.period):.4g}, {int(self.steps)} "
            "steps): it diverged or ran out of steps. Remedies: a smaller amplitude, smaller or "
            "adaptive steps, more max_steps in the Integrator"
        )

    def concerns(self) -> list[str]:
        if self.noisy or self.moving:
            return []
        found = self.lag_concerns()
        if float(self.closure) > CLOSURE_LIMIT:
            found.append(
                f"the response has not settled: over the last period the activity drifted by "
                f"{float(self.closure):.3g} of the oscillation, and the first harmonic changed by "
                f"{float(self.drift):.3g}. Use more settle_periods or a longer period"
            )
        if float(self.counter_rotation) > COUNTER_ROTATION_LIMIT:
            found.append(
                f"amplitude={float(self.amplitude):.4g} is too large: "
                f"{float(self.counter_rotation):.3g} of the response turns against the teaching "
                "signal, where an analytic response has none. Use a smaller amplitude"
            )
        else:
            found += self.amplitude_concerns()
        return found

    def radius_of_convergence(self) -> float:
        # Only harmonics above a hundredth of the first, out of reach of integration errors.
        return radius_from_decay(self.harmonics, self.amplitude, floor=1e-2)

    def summary(self) -> str:
        return (
            f"oscillation: {int(self.steps)} steps, lag {float(self.lag):.3g}, drift "
            f"{float(self.drift):.3g}, closure {float(self.closure):.3g}, "
            f"imaginary leakage {float(self.leakage):.3g}, "
            f"counter-rotation {float(self.counter_rotation):.3g}"
        )
