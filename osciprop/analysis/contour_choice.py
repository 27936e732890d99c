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

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ..errors import (
    ConvergenceError,
    GradientAccuracyWarning,
    check_at_least,
    check_instance,
    check_key,
    check_positive,
)
from ..gradients.noisy import NoisyHolomorphicEP
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from ..settings import Module
from .contour_search import (
    BEYOND,
    GRID,
    REACH,
    SMALLEST_FRACTION,
    ContourSearch,
    MeasuredCircle,
    resized,
)
from .series import gradient_series

MAX_CIRCLES = 20
# A relative error of the best estimate that is worth a warning.
ERROR_LIMIT = 0.5


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
    check_instance("method", method, NoisyHolomorphicEP)
    check_key("key", key)
    check_at_least("harmonics", harmonics, 8, "the bias of many points is seen by as many")
    check_at_least("repeats", repeats, 2, "noise is measured by repeating an estimate")
    check_positive("largest", largest, "give the largest amplitude that is possible")
    candidates = tuple(dict.fromkeys(points or (method.points,)))
    inputs, targets = prepare_pair(network, x, y)
    for count in candidates:
        resized(method, 1.0, count).check(network)
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
) -> ContourSearch:
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
            search = ContourSearch(network, x, y, method, series, keys, largest)
            if all([search.measure(trial, count) for count in candidates]):
                return search
        trial /= 2
    raise ConvergenceError(
        f"no circle to begin with: between amplitudes {2 * trial:.3g} and {probe:.3g} equilibria "
        "were not found, are not analytic, or noisy phases did not complete. Remedies: a smaller "
        "amplitude in the method, another relaxation, e.g. Newton() or Flow(), less noise"
    )


def _conclude(search: ContourSearch, candidates: tuple[int, ...], confirmed: bool) -> ContourChoice:
    """The best of all predictions, and their curves over the range that was measured."""
    _, chosen = min((search.best(count)[0], count) for count in candidates)
    amplitude = search.best(chosen)[1]
    place = np.asarray([amplitude])
    (bias,), (noise,) = search.curves(place, chosen)
    measured = [circle.amplitude for circle in search.circles]
    amplitudes = np.geomspace(min(measured) / REACH, max(*measured, amplitude) * BEYOND, GRID)
    curves = [search.curves(amplitudes, count) for count in candidates]
    return ContourChoice(
        method=resized(search.template, amplitude, chosen),
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
