"""Which amplitude and how many points suit a noisy network: chosen from what is measured on it.

A large circle hides the noise, which adds an error of about `1 / r`, but truncates: the mean over N
points errs by `c_(1 + N) r^N + ...`, and beyond singularities of single samples by what other
branches add. Few points in a given time leave long phases that settle; many truncate less and
average more. `choose_contour` measures both errors on a few circles and goes where their sum is
least:

1. Equilibria on a probing circle, without noise, give the gradient's Taylor series (see
   `gradient_series`), and with it the truncation error at all radii and numbers of points.
2. Noisy estimates on that circle give the noise, and the same phases without noise the whole bias:
   truncation, and what phases leave unsettled.
3. Both are predicted elsewhere, noise as `1 / r`, bias by the series. Where the predicted error is
   least they are measured again, and predictions corrected by the ratio of measured to predicted,
   interpolated in `log r`, until the best amplitude stays within 10 % of a measured circle and has
   a measured one beyond it.

All numbers of points are compared at equal total time: N phases of `total time / N` each.
"""

import math
import warnings
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, PyTree

from ..dynamics.noise import WhiteNoise
from ..errors import ConvergenceError, GradientAccuracyWarning, check_at_least, check_positive
from ..gradients.noisy import NoisyHolomorphicEP
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from ..settings import Module
from ..trees import norm
from .series import GradientSeries, gradient_series

# How near to a measured circle the best amplitude has to be, and how far the one beyond it is.
NEAR, BEYOND = 1.1, 1.25
# Predictions are followed up to this multiple of the largest measured circle.
REACH = 3.0
# The least circle that is tried where relaxations on the probing one do not converge.
SMALLEST_FRACTION = 0.01
MAX_CIRCLES, GRID = 20, 400
# A relative error of the best estimate that is worth a warning.
ERROR_LIMIT = 0.5
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


class ContourChoice(Module):
    """The best circle that `choose_contour` found, with the errors predicted there.

    All errors are relative to the size of the gradient; `error^2 = bias^2 + noise^2`.

    Args:
        method: Ready for `estimate_gradient`.
        amplitude: Radius of the circle.
        points: Number of its phases.
        truncation: The part of the bias that the noise-free series predicts, beyond its radius of
            convergence only a formal value.
        bias: Error without noise: truncation, and what phases leave unsettled.
        noise: Root mean square error by noise.
        error: Root mean square of the whole error.
        radius_of_convergence: That of the gradient's Taylor series.
        candidates: The numbers of points that were compared.
        amplitudes: Where the curves are predicted.
        bias_curve: Predicted bias, `(candidates, amplitudes)`.
        noise_curve: Predicted noise, `(candidates, amplitudes)`.
        circles: What was measured.
        confirmed: Whether the search ended with a measured circle near the best amplitude and
            another beyond it, or at the limit of what can be measured.

    Example:
        >>> from dataclasses import fields
        >>> [field.name for field in fields(osciprop.analysis.ContourChoice)][:3]
        ['method', 'amplitude', 'points']
    """

    method: NoisyHolomorphicEP
    amplitude: float
    points: int
    truncation: float
    bias: float
    noise: float
    error: float
    radius_of_convergence: float
    candidates: tuple[int, ...]
    amplitudes: Float[np.ndarray, " amplitudes"]
    bias_curve: Float[np.ndarray, "candidates amplitudes"]
    noise_curve: Float[np.ndarray, "candidates amplitudes"]
    circles: tuple[MeasuredCircle, ...]
    confirmed: bool

    @property
    def error_curve(self) -> Float[np.ndarray, "candidates amplitudes"]:
        """Predicted relative error of the gradient, root mean square."""
        return np.hypot(self.bias_curve, self.noise_curve)

    def __str__(self) -> str:
        rows = [
            f"  measured at {circle.amplitude:.4g}, {circle.points} points: bias "
            f"{circle.bias:.3g}, noise {circle.noise:.3g}, error {circle.error:.3g}"
            for circle in self.circles
        ]
        return "\n".join(
            [
                f"ContourChoice: amplitude {self.amplitude:.4g}, {self.points} points of "
                f"{float(self.method.duration):.4g} units of time each"
                + ("" if self.confirmed else ", NOT confirmed by a measurement"),
                f"  predicted relative error {self.error:.3g}: noise {self.noise:.3g}, bias "
                f"{self.bias:.3g} (truncation by the series {self.truncation:.3g}); radius of "
                f"convergence {self.radius_of_convergence:.4g}",
                *rows,
            ]
        )


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


def _resized(template: NoisyHolomorphicEP, amplitude: float, points: int) -> NoisyHolomorphicEP:
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


class _Search:
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
        method = _resized(self.template, amplitude, points)
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


def choose_contour(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    method: NoisyHolomorphicEP,
    *,
    key: PRNGKeyArray,
    points: Sequence[int] | None = None,
    repeats: int = 8,
    harmonics: int = 60,
    largest: float = 100.0,
) -> ContourChoice:
    """The amplitude and number of points with the least error of a noisy gradient, as measured.

    Costs about `(len(points) + 4) * (repeats + 1)` estimates. Warns with `GradientAccuracyWarning`
    where the best error is above one half, or not confirmed.

    Args:
        network: A holomorphic network with an energy.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        method: Brings noise, integrator and reads. Its amplitude is the first to be probed, its
            number of points times its duration the total time.
        key: Random key of the noise.
        points: Numbers of points to consider, with phases of an equal share of the total time; None
            is the method's own only.
        repeats: Number of noisy estimates that measure the noise, with the same random numbers on
            each circle; at least 2.
        harmonics: Number of noise-free equilibria that the Taylor series comes from.
        largest: No amplitude above this is considered.

    Returns:
        The best circle, its predicted errors, and what was measured.

    Raises:
        TypeError: `method` is not a `NoisyHolomorphicEP`.
        ValueError: phases are too short for their reads, or a number is out of range.
        ConvergenceError: no small circle has equilibria or completed phases.
        HolomorphyError: the network is not holomorphic.
        ReciprocityError: the network has no energy.

    Example:
        >>> noise = osciprop.WhiteNoise(0.001)
        >>> noisy = osciprop.gradients.NoisyHolomorphicEP(0.1, 6, noise, duration=20.0)
        >>> osciprop.analysis.choose_contour(network, x, y, noisy, key=key, repeats=1)
        Traceback (most recent call last):
        ...
        ValueError: repeats must be an integer of at least 2...
    """
    if not isinstance(method, NoisyHolomorphicEP):
        raise TypeError(
            f"method is {method!r}: give the noisy phases to improve, such as "
            "NoisyHolomorphicEP(0.4, 15, WhiteNoise(0.01), duration=60.0)"
        )
    check_at_least("repeats", repeats, 2, "noise is measured by repeating an estimate")
    check_positive("largest", largest, "give the largest amplitude that is possible")
    candidates = tuple(dict.fromkeys(points or (method.points,)))
    inputs, targets = prepare_pair(network, x, y)
    for count in candidates:
        _resized(method, 1.0, count).check(network)
    keys = jax.random.split(key, repeats)
    search = _begin(network, inputs, targets, method, keys, harmonics, largest, candidates)
    confirmed = False
    while len(search.circles) + len(search.failed) < MAX_CIRCLES + len(candidates):
        _, chosen = min((search.best(count)[0], count) for count in candidates)
        amplitude = search.wish(search.best(chosen)[1], chosen)
        if amplitude is None:
            confirmed = True
            break
        if search.measure(amplitude, chosen):
            search.widen(amplitude, harmonics)
    choice = _conclude(search, candidates, confirmed)
    if not confirmed:
        _warn(f"no best amplitude was confirmed by {MAX_CIRCLES} circles; use more repeats")
    if choice.error > ERROR_LIMIT:
        _warn(
            f"the least predicted error is {choice.error:.3g} of the gradient, with noise "
            f"{choice.noise:.3g} and bias {choice.bias:.3g}. Remedies: a longer total time with "
            "more points or reads, less noise, a mean over many estimates"
        )
    return choice


def _begin(
    network: AbstractNetwork,
    x: Array,
    y: Targets,
    method: NoisyHolomorphicEP,
    keys: Array,
    harmonics: int,
    largest: float,
    candidates: tuple[int, ...],
) -> _Search:
    """The search with all candidates measured on the largest probing circle where that works."""
    probe = min(float(method.amplitude), largest)
    trial = probe
    while trial >= SMALLEST_FRACTION * probe:
        series = gradient_series(
            network,
            x,
            y,
            amplitude=trial,
            points=harmonics,
            relaxation=method.relaxation,
            throw=False,
        )
        if series.analytic:
            search = _Search(network, x, y, method, series, keys, largest)
            if all([search.measure(trial, count) for count in candidates]):
                return search
        trial /= 2
    raise ConvergenceError(
        f"no circle to begin with: between amplitudes {2 * trial:.3g} and {probe:.3g} equilibria "
        "were not found, are not analytic, or noisy phases did not complete. Remedies: a smaller "
        "amplitude in the method, another relaxation, e.g. Newton() or Flow(), less noise"
    )


def _conclude(search: _Search, candidates: tuple[int, ...], confirmed: bool) -> ContourChoice:
    """The best of all predictions, and their curves over the range that was measured."""
    _, chosen = min((search.best(count)[0], count) for count in candidates)
    amplitude = search.best(chosen)[1]
    place = np.asarray([amplitude])
    (bias,), (noise,) = search.curves(place, chosen)
    measured = [circle.amplitude for circle in search.circles]
    amplitudes = np.geomspace(min(measured) / REACH, max(*measured, amplitude) * BEYOND, GRID)
    curves = [search.curves(amplitudes, count) for count in candidates]
    return ContourChoice(
        method=_resized(search.template, amplitude, chosen),
        amplitude=amplitude,
        points=chosen,
        truncation=float(search.series.truncation(place, chosen)[0]),
        bias=float(bias),
        noise=float(noise),
        error=math.hypot(bias, noise),
        radius_of_convergence=search.series.radius_of_convergence(),
        candidates=candidates,
        amplitudes=amplitudes,
        bias_curve=np.stack([bias for bias, _ in curves]),
        noise_curve=np.stack([noise for _, noise in curves]),
        circles=tuple(search.circles),
        confirmed=confirmed,
    )


def _warn(text: str) -> None:
    warnings.warn(f"choose_contour: {text}", GradientAccuracyWarning, stacklevel=3)
