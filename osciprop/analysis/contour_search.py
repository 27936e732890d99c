"""What `choose_contour` has measured so far, and the errors that it predicts from that."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ..dynamics.noise import WhiteNoise
from ..gradients.noisy import NoisyHolomorphicEP
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork
from ..networks.trees import norm
from ..settings import Module
from .series import GradientSeries, gradient_series

# How near to a measured circle the best amplitude has to be, and how far the one beyond it is.
NEAR, BEYOND = 1.1, 1.25
# Predictions are followed up to this multiple of the largest measured circle.
REACH = 3.0
# The least circle that is tried where relaxations on the probing one do not converge.
SMALLEST_FRACTION = 0.01
GRID = 400
TINY = 1e-12


class MeasuredCircle(Module):
    """Relative errors of the gradient, as measured at one amplitude and number of points.

    Args:
        amplitude: Radius of the circle.
        points: Number of its phases.
        bias: Error of the same phases without noise.
        noise: Root mean square distance of noisy estimates from these.
        error: Root mean square distance from the noise-free gradient: bias and noise together.
    """

    amplitude: float
    points: int
    bias: float
    noise: float
    error: float


@eqx.filter_jit
def _measure(
    network: AbstractNetwork,
    x: Array,
    y: Targets,
    method: NoisyHolomorphicEP,
    silent: NoisyHolomorphicEP,
    gradient: PyTree[Array],
    keys: Array,
) -> tuple[Float[Array, " three"], Bool[Array, ""]]:
    """Bias, noise and error (root mean square), relative; and whether all phases completed."""

    def distance(a: PyTree[Array], b: PyTree[Array]) -> Float[Array, ""]:
        return norm(jax.tree.map(jnp.subtract, a, b)) / norm(gradient)

    still = silent.estimate(network, x, y, None, keys[0])

    def one(key: PRNGKeyArray) -> tuple[Array, Array, Array]:
        noisy = method.estimate(network, x, y, None, key)
        from_still = distance(noisy.gradient, still.gradient)
        return from_still**2, distance(noisy.gradient, gradient) ** 2, noisy.converged

    noise, error, converged = jax.lax.map(one, keys)
    bias = distance(still.gradient, gradient)
    numbers = jnp.stack([bias, jnp.sqrt(jnp.mean(noise)), jnp.sqrt(jnp.mean(error))])
    return numbers, still.converged & jnp.all(converged)


def resized(template: NoisyHolomorphicEP, amplitude: float, points: int) -> NoisyHolomorphicEP:
    """The same phases on another circle, in the same total time."""
    return NoisyHolomorphicEP(
        amplitude,
        points,
        template.noise,
        duration=float(template.duration) * template.points / points,
        reads=template.reads,
        spacing=template.spacing,
        relaxation=template.relaxation,
        integrator=template.integrator,
    )


class ContourSearch:
    """What was measured so far, and the predictions that follow from it."""

    def __init__(
        self,
        network: AbstractNetwork,
        x: Array,
        y: Targets,
        template: NoisyHolomorphicEP,
        series: GradientSeries,
        keys: Array,
        largest: float,
    ):
        self.network, self.x, self.y, self.template = network, x, y, template
        # The gradient comes from the most accurate circle, its series from the widest.
        self.series, self.reference, self.keys = series, series, keys
        self.circles: list[MeasuredCircle] = []
        # The smallest circles whose phases did not complete, and whose equilibria show no series.
        self.failed: dict[int, float] = {}
        self.not_analytic = math.inf
        self.largest = largest

    def measure(self, amplitude: float, points: int) -> bool:
        """Measure on a circle; false where its phases do not end in finite states."""
        method = resized(self.template, amplitude, points)
        silent = eqx.tree_at(
            lambda tree: tree.noise,
            method,
            WhiteNoise(0.0, sharing=method.noise.sharing),
        )
        numbers, completed = _measure(
            self.network, self.x, self.y, method, silent, self.reference.gradient, self.keys
        )
        bias, noise, error = (float(number) for number in numbers)
        if not bool(completed) or not math.isfinite(error):
            self.failed[points] = min(amplitude, self.failed.get(points, math.inf))
            return False
        self.circles.append(MeasuredCircle(amplitude, points, bias, noise, error))
        return True

    def widen(self, amplitude: float, points: int) -> None:
        """Take the series from a larger circle, if it is still one of an analytic response."""
        if not float(self.series.amplitude) < amplitude < self.not_analytic:
            return
        wider = gradient_series(
            self.network,
            self.x,
            self.y,
            amplitude=amplitude,
            points=points,
            relaxation=self.template.relaxation,
            throw=False,
        )
        if not wider.analytic:
            self.not_analytic = amplitude
            return
        self.series = wider
        if float(wider.floor) < float(self.reference.floor):
            self.reference = wider

    def own(self, points: int) -> list[MeasuredCircle]:
        """The circles of a number of points, by amplitude."""
        found = [circle for circle in self.circles if circle.points == points]
        return sorted(found, key=lambda circle: circle.amplitude)

    def limit(self, points: int) -> float:
        """Up to where predictions are followed."""
        good = self.own(points)[-1].amplitude
        ends = [REACH * good, self.largest]
        if points in self.failed:
            ends.append(math.sqrt(good * self.failed[points]))
        return max(min(ends), good)

    def curves(
        self, amplitudes: Float[np.ndarray, " amplitudes"], points: int
    ) -> tuple[Float[np.ndarray, " amplitudes"], Float[np.ndarray, " amplitudes"]]:
        """Predicted bias and noise, through all that was measured with these points."""
        known = self.own(points)
        places = np.asarray([circle.amplitude for circle in known])
        unsettled = known[0].bias

        def bias(r: np.ndarray) -> np.ndarray:
            return np.log(np.hypot(unsettled, self.series.truncation(r, points)) + TINY)

        def noise(r: np.ndarray) -> np.ndarray:
            return -np.log(r)

        found = []
        for model, values in (
            (bias, [circle.bias for circle in known]),
            (noise, [circle.noise for circle in known]),
        ):
            gaps = np.log(np.asarray(values) + TINY) - model(places)
            correction = np.interp(np.log(amplitudes), np.log(places), gaps)
            found.append(np.exp(model(amplitudes) + correction))
        return found[0], found[1]

    def best(self, points: int) -> tuple[float, float]:
        """The least predicted error, and its amplitude."""
        smallest = SMALLEST_FRACTION * self.own(points)[0].amplitude
        grid = np.geomspace(smallest, self.limit(points), GRID)
        errors = np.hypot(*self.curves(grid, points))
        place = int(np.argmin(errors))
        return float(errors[place]), float(grid[place])

    def wish(self, amplitude: float, points: int) -> float | None:
        """The circle to measure next; None if a best amplitude is confirmed."""
        known = [circle.amplitude for circle in self.own(points)]
        if not any(1 / NEAR <= amplitude / place <= NEAR for place in known):
            return amplitude
        end = min(self.limit(points), BEYOND * amplitude)
        return end if end > NEAR * amplitude and known[-1] < NEAR * amplitude else None
