"""Without the lag's bias: an always-on estimate at two periods, extrapolated to infinitely long.

The settled response is an even function of `omega` in its real part, `g(T) = g + a / T^2 + b / T^4
+ ...`, and amplitude adds no bias, so that Richardson's `(4 g(2T) - g(T)) / 3` leaves `-b / (4
T^4)`.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ...equilibria.solution import Solution
from ...networks.costs import Targets
from ...networks.network import AbstractNetwork, State
from ...networks.trees import norm
from ..estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate
from ..oscillation import (
    BIAS_LIMIT,
    AbstractOscillation,
    AbstractOscillationDiagnostics,
)


class LagDiagnostics(AbstractDiagnostics):
    """What the oscillations at period T (`short`) and 2T (`long`) tell about the extrapolation.

    `correction` is how far it moved the gradient from that at 2T, relative to the result: about a
    quarter of the squared lag at T. What is left is about a quarter of its fourth power.
    """

    short: AbstractOscillationDiagnostics
    long: AbstractOscillationDiagnostics
    correction: Float[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.short.converged & self.long.converged

    def failure(self) -> str:
        return "; ".join(filter(None, (self.short.failure(), self.long.failure())))

    def concerns(self) -> list[str]:
        # Each lag's own bias is what the extrapolation removes: all but the lag can still be wrong.
        found = []
        for part in (self.short, self.long):
            zero = jnp.zeros_like(part.lag_bias)
            found += eqx.tree_at(lambda tree: tree.lag_bias, part, zero).concerns()
        left = self.remaining_bias()
        if left > BIAS_LIMIT and not self.short.noisy:
            found.append(
                f"period={float(self.short.period):.4g} is too short to correct for the lag: the "
                f"lag (imaginary over real part of the response) is {float(self.short.lag):.3g}, "
                f"so expect a relative bias of about {left:.2g} to remain. Use a longer period"
            )
        return found

    def remaining_bias(self) -> float:
        """The relative bias that the extrapolation leaves: about `lag^4 / 4`, the lag being that
        at the shorter period.
        """
        return float(self.short.lag) ** 4 / 4

    def summary(self) -> str:
        return (
            f"lag correction: {float(self.correction):.3g} of the gradient, about "
            f"{self.remaining_bias():.2g} left; {self.short.summary()}; {self.long.summary()}"
        )


class LagCorrected(AbstractGradientMethod):
    """Always-on equilibrium propagation at its period T and then at 2T, extrapolated.

    The number of periods of `method`, settling included, is run at each. The network is never
    stopped: the second oscillation goes on from where the first ended. Takes three times as long as
    `method`, and its bias falls as the fourth power of the period instead of the second. White
    noise grows: the standard deviation is nearly that of `method` alone, and 1.7 times that of
    `method` measuring for all of the time.

    Loss, outputs and equilibrium are those of the longer period.

    Args:
        method: Everything about the oscillation, at the shorter of the two periods:
            `OscillatoryEP` or `SettledOscillation`.

    Example:
        >>> method = osciprop.LagCorrected(osciprop.OscillatoryEP(0.1, 20.0))
        >>> found = osciprop.estimate_gradient(network, x, y, method)
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.02
        True
    """

    method: AbstractOscillation

    def check(self, network: AbstractNetwork) -> None:
        self.method.check(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        short, long = self.method.at_two_periods(network, x, y, initial, key)
        signals = (long.error_signal, short.error_signal)
        step = jax.tree.map(lambda a, b: (a - b) / 3, long.gradient, short.gradient)
        gradient: PyTree[Array] = jax.tree.map(jnp.add, long.gradient, step)
        tiny = jnp.finfo(norm(gradient).dtype).tiny
        assert isinstance(short.diagnostics, AbstractOscillationDiagnostics)
        assert isinstance(long.diagnostics, AbstractOscillationDiagnostics)
        return Estimate(
            gradient=gradient,
            loss=long.loss,
            outputs=long.outputs,
            equilibrium=long.equilibrium,
            error_signal=jax.tree.map(lambda a, b: a + (a - b) / 3, *signals),
            diagnostics=LagDiagnostics(
                short=short.diagnostics,
                long=long.diagnostics,
                correction=norm(step) / jnp.maximum(norm(gradient), tiny),
            ),
        )

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        return self.method.product(network, s, drive, v)

    def free(
        self, network: AbstractNetwork, x: Array, estimate: Estimate, initial: State | None
    ) -> Solution | None:
        return self.method.free(network, x, estimate, initial)
