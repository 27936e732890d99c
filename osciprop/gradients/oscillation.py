"""What an oscillating network tells about its own gradient."""

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int

from ..equilibria.spectra import radius_from_decay
from ..settings import Number
from .estimate import AbstractDiagnostics

# The bias is about the square of the lag: beyond this, more than a tenth of the gradient.
LAG_LIMIT = 0.3
CLOSURE_LIMIT = 0.1
COUNTER_ROTATION_LIMIT = 0.1


class OscillationDiagnostics(AbstractDiagnostics):
    """What the oscillating network tells about its own estimate.

    `lag`: ratio of the imaginary to the real part of the activity's first harmonic, about
    `omega tau`; the gradient's bias is of the order of its square. `drift`: relative change of the
    first harmonic between the last two periods (the first may hold the switch-on). `closure`: how
    far the last period misses closing on itself, relative to the oscillation. `leakage`: ratio of
    the imaginary to the real part of the gradient. `counter_rotation`: size of the harmonic that
    turns against the teaching signal, relative to the first; 0 while the response is analytic.
    `harmonics[k]` is the size of the activity's Fourier coefficient `k` over the last period; their
    decay shows an amplitude beyond the singularity. All of these also see noise: where there is
    any (`noisy`), none of them gives a warning. `steps` counts solver steps; `completed` says
    that all periods were integrated and finite.
    """

    amplitude: Number
    period: Number
    lag: Float[Array, ""]
    drift: Float[Array, ""]
    closure: Float[Array, ""]
    leakage: Float[Array, ""]
    counter_rotation: Float[Array, ""]
    harmonics: Float[Array, " samples"]
    steps: Int[Array, ""]
    completed: Bool[Array, ""]
    noisy: bool = eqx.field(static=True)

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
        if self.noisy:
            return []
        found = []
        if float(self.lag) > LAG_LIMIT:
            found.append(
                f"period={float(self.period):.4g} is too short for the network's time constants: "
                f"lag (imaginary over real part of the response) is {float(self.lag):.3g}, so "
                f"expect a relative bias of about {float(self.lag) ** 2:.2g}. Use a longer period"
            )
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
        elif self.radius_of_convergence() <= float(self.amplitude):
            found.append(
                f"amplitude={float(self.amplitude):.4g} reaches beyond the singularity: the decay "
                "of the response's harmonics puts the radius of convergence at "
                f"{self.radius_of_convergence():.4g}. Use a smaller amplitude"
            )
        return found

    def radius_of_convergence(self) -> float:
        """The estimated distance of the nearest singularity (see `radius_from_decay`).

        Coarse: only harmonics above a hundredth of the first, out of reach of integration errors.
        """
        return radius_from_decay(self.harmonics, self.amplitude, floor=1e-2)

    def summary(self) -> str:
        return (
            f"oscillation: {int(self.steps)} steps, lag {float(self.lag):.3g}, drift "
            f"{float(self.drift):.3g}, closure {float(self.closure):.3g}, "
            f"imaginary leakage {float(self.leakage):.3g}, "
            f"counter-rotation {float(self.counter_rotation):.3g}"
        )
