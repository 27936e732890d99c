"""The always-on gradient without the wait: from the orbit that the oscillating network settles in.

The limit of `OscillatoryEP` for many settling periods, found by harmonic balance instead of
integration (`osciprop.equilibria.HarmonicBalance`).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..dynamics.dynamics import make_dynamics, require_holomorphic
from ..dynamics.teaching import AMPLITUDE_REMEDY, PERIOD_REMEDY, Oscillation
from ..equilibria.harmonic_balance import HarmonicBalance
from ..equilibria.orbit_settling import OrbitSettling
from ..equilibria.orbits import ORBIT_REMEDIES, AbstractOrbitSolver
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.spectra import harmonic_sizes, radius_from_decay
from ..errors import check_positive
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import largest_change, norm, sample_peaks
from ..settings import Number, number
from .accuracy import BRANCH_LIMIT
from .contour import relax_free
from .estimate import Estimate, at_equilibrium
from .oscillation import (
    CLOSURE_LIMIT,
    AbstractOscillation,
    AbstractOscillationDiagnostics,
    lag_bias,
)
from .rules import AbstractLearningRule, ActivityProducts, first_coefficient


class SettledDiagnostics(AbstractOscillationDiagnostics):
    """What a settled oscillation tells about its own estimate.

    Args:
        amplitude: Radius of the teaching signal's rotation.
        period: Its time of one turn, in units of time.
        lag: As in `OscillationDiagnostics`.
        lag_bias: As in `OscillationDiagnostics`.
        leakage: As in `OscillationDiagnostics`.
        truncation: Size of the last harmonic relative to the first: what harmonics beyond it add to
            the first is smaller.
        closure: How far one more step would move the orbit, relative to the oscillation.
        harmonics: Size of the activity's Fourier coefficients, `(points,)`.
        free: Which samples have a free equilibrium within the tolerance, `(batch,)`.
        settled: Which samples have an orbit within the tolerance, `(batch,)`.
        followed: Which samples were followed by the ODE over periods, `(batch,)`. Of one that did
            not close the gradient is that of the last period, as with `OscillatoryEP`, and a
            concern says so.
        turns: After how many turns of the teaching signal each orbit closes, `(batch,)`; zero where
            the ODE's did not.
        residual: Largest change of any activity in one more step, `(batch,)`.
        apart: How far an orbit's mean is, in activity, from the free equilibrium reached from the
            start, which it is where the response is analytic, `(batch,)`.
        steps: Number of steps of both solves.
        noisy: Whether there was noise: no.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.SettledOscillation(0.1))
        >>> found.diagnostics.settled.shape, float(found.diagnostics.truncation) < 1e-4
        ((10,), True)
    """

    amplitude: Number
    period: Number
    lag: Float[Array, ""]
    lag_bias: Float[Array, ""]
    leakage: Float[Array, ""]
    truncation: Float[Array, ""]
    closure: Float[Array, ""]
    harmonics: Float[Array, " samples"]
    free: Bool[Array, " batch"]
    settled: Bool[Array, " batch"]
    followed: Bool[Array, " batch"]
    turns: Int[Array, " batch"]
    residual: Float[Array, " batch"]
    apart: Float[Array, " batch"]
    steps: Int[Array, ""]
    noisy: bool = eqx.field(static=True)

    @property
    def known(self) -> Bool[Array, " batch"]:
        """Which samples have a period that is the dynamics' own, closed or not."""
        return self.settled | (self.followed & jnp.isfinite(self.residual))

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free & self.known)

    def failure(self) -> str:
        found = []
        for what, solved in (("free equilibrium", self.free), ("orbit", self.known)):
            lost = np.flatnonzero(~np.asarray(solved))
            if lost.size:
                found.append(
                    f"the {what} of {lost.size} of {solved.size} samples was not found (first: "
                    f"sample {lost[0]}; amplitude {float(self.amplitude):.4g}, period "
                    f"{float(self.period):.4g}, {int(self.steps)} steps, largest residual "
                    f"{float(jnp.max(self.residual)):.3g}). Remedies: {ORBIT_REMEDIES}"
                )
        return "; ".join(found)

    def concerns(self) -> list[str]:
        too_large = self.amplitude_concerns()
        found = self.lag_concerns() + too_large
        if float(self.truncation) > CLOSURE_LIMIT and not too_large:
            found.append(
                f"amplitude={float(self.amplitude):.4g} needs more than {self.harmonics.size} "
                f"points: the last harmonic is {float(self.truncation):.3g} of the first. Use a "
                "smaller amplitude or more points in HarmonicBalance"
            )
        unclosed = np.flatnonzero(~np.asarray(self.settled))
        if unclosed.size:
            found.append(
                f"the orbits of {unclosed.size} of {self.settled.size} samples do not close "
                f"(first: sample {unclosed[0]}, whose activity changes by "
                f"{float(self.residual[unclosed[0]]):.3g} from period to period): the gradient is "
                "that of the last period. Use a smaller amplitude, or more max_periods in "
                "OrbitSettling"
            )
        if float(self.closure) > CLOSURE_LIMIT and not unclosed.size:
            found.append(
                f"amplitude={float(self.amplitude):.4g} is too small for the tolerance: an orbit "
                f"is off by {float(self.closure):.3g} of its oscillation. Use a larger amplitude, "
                "a smaller tolerance or double precision"
            )
        most = int(jnp.argmax(self.turns))
        if int(self.turns[most]) > 1:
            found.append(
                f"the orbit of sample {most} closes only after {int(self.turns[most])} turns of "
                "the teaching signal: it goes round a singularity. Use a smaller amplitude"
            )
        worst = int(jnp.argmax(self.apart))
        if float(self.apart[worst]) > BRANCH_LIMIT:
            found.append(
                f"the orbit of sample {worst} turns about a state {float(self.apart[worst]):.3g} "
                "from its free equilibrium: it lies on another branch, or the amplitude is beyond "
                "the singularity. Use a smaller amplitude"
            )
        return found

    def radius_of_convergence(self) -> float:
        floor = max(1e-9, 10 * float(self.closure))
        return radius_from_decay(self.harmonics, self.amplitude, floor=floor)

    def summary(self) -> str:
        settled = np.asarray(self.settled)
        return (
            f"settled oscillation: {np.count_nonzero(settled)} of {settled.size} orbits after "
            f"{int(self.steps)} steps, lag {float(self.lag):.3g}, last harmonic "
            f"{float(self.truncation):.3g}, imaginary leakage {float(self.leakage):.3g}"
        )


class SettledOscillation(AbstractOscillation):
    """The gradient from the orbit that an always-on rotating teaching signal settles in.

    What `OscillatoryEP` converges to with more and more settling periods, at the cost of an
    equilibrium on a circle of as many points. Exact at any amplitude inside the dynamic radius of
    convergence, which is larger than that of equilibria, up to the lag of the network's neurons.

    Args:
        amplitude: Radius of the rotation, above 0.
        period: Time of one turn, in units of time, above 0; the longer, the smaller the lag's bias.
        solver: How the orbit is found, and at how many phases: harmonics from that number on are
            left out.
        rule: What a synapse makes of a period: `ActivityProducts()` or `ErrorSignals()`.
        relaxation: How the free equilibrium is found, about which the network oscillates.

    Raises:
        ValueError: a number is out of its range.
        ReciprocityError: by `estimate_gradient`, where the rule needs an energy and there is none.
        HolomorphyError: by `estimate_gradient`, for a network that is not holomorphic.

    Source: the settled limit of hep2022, section 3.3; harmonic balance for it is ours.

    Example:
        >>> found = osciprop.estimate_gradient(network, x, y, osciprop.SettledOscillation(0.1))
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.4, converter=number)
    period: Number = eqx.field(default=100.0, converter=number)
    solver: AbstractOrbitSolver = eqx.field(
        default=OrbitSettling(HarmonicBalance(8, max_steps=300)), kw_only=True
    )
    rule: AbstractLearningRule = eqx.field(default=ActivityProducts(), kw_only=True)
    relaxation: AbstractRelaxation = eqx.field(default=OwnRelaxation(), kw_only=True)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_positive("period", self.period, PERIOD_REMEDY)

    @property
    def noise(self) -> None:
        """An orbit has none."""

    def check(self, network: AbstractNetwork) -> None:
        self.rule.check(network)
        require_holomorphic(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        _, free = relax_free(network, x, self.relaxation, initial)
        signal = Oscillation(self.amplitude, self.period)
        orbit = self.solver.solve(make_dynamics(network, x, y, signal), signal, free.u)
        gradient, quadrature = self.rule.gradient(network, x, y, orbit.s, orbit.betas)
        harmonic = first_coefficient(orbit.s, orbit.betas)
        real, imaginary = jax.tree.map(jnp.real, harmonic), jax.tree.map(jnp.imag, harmonic)
        mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0).real, orbit.u)
        harmonics = harmonic_sizes(orbit.s)
        tiny, eps = jnp.finfo(harmonics.dtype).tiny, jnp.finfo(harmonics.dtype).eps
        size = self.amplitude.astype(harmonics.dtype) * jnp.max(sample_peaks(harmonic))
        return at_equilibrium(
            network,
            y,
            free,
            gradient,
            SettledDiagnostics(
                amplitude=self.amplitude,
                period=self.period,
                lag=norm(imaginary) / jnp.maximum(norm(real), tiny),
                lag_bias=lag_bias(gradient, quadrature),
                leakage=norm(quadrature) / jnp.maximum(norm(gradient), tiny),
                truncation=harmonics[-1] / jnp.maximum(harmonics[1], tiny),
                # What round-off leaves of a state is as much in doubt as its residual.
                closure=jnp.maximum(jnp.max(orbit.residual), eps) / jnp.maximum(size, tiny),
                harmonics=harmonics,
                free=free.converged,
                settled=orbit.converged,
                followed=orbit.followed,
                turns=orbit.turns,
                residual=orbit.residual,
                apart=largest_change(network.activity(mean), free.s),
                steps=free.steps + orbit.steps,
                noisy=False,
            ),
            self.rule.signal(network, real),
        )

    def at_two_periods(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None,
    ) -> tuple[Estimate, Estimate]:
        slower = eqx.tree_at(lambda method: method.period, self, 2 * self.period)
        short = self.estimate(network, x, y, initial, key)
        return short, slower.estimate(network, x, y, short.equilibrium.u, key)
