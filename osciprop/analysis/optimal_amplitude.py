"""The teaching amplitude at which a gradient errs least: less noise, against more bias."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from ..errors import check_positive, shown
from ..settings import Module

# Amplitudes that the search for the best one looks at, from this fraction of the largest on.
SMALLEST_FRACTION, GRID = 1e-6, 400


class TaylorBias(Module):
    """Size of a bias `|c_1 r + c_2 r^2 + ...|` of an estimate at amplitude `r`.

    Args:
        coefficients: `c_1`, `c_2`, ... For truncation at `N` points the first that is not zero is
            the `N`-th, for a real cosine the second.

    Example:
        >>> osciprop.analysis.TaylorBias(np.array([0.0, 3.0]))(0.5)
        0.75
    """

    coefficients: Float[np.ndarray, " orders"]

    def __call__(self, amplitude: float) -> float:
        powers = amplitude ** np.arange(1, self.coefficients.size + 1)
        return float(abs(self.coefficients @ powers))


class OptimalAmplitude(Module):
    """The best amplitude, and what is left there.

    Args:
        amplitude: The best `r`.
        error: The root mean square error of the gradient at it.

    Example:
        >>> osciprop.analysis.OptimalAmplitude(amplitude=0.5, error=0.7).error
        0.7
    """

    amplitude: float
    error: float


def optimal_amplitude(
    strength: float,
    duration: float,
    bias: Callable[[float], float],
    *,
    largest: float,
) -> OptimalAmplitude:
    """The amplitude `r` that minimises `strength / (r^2 duration) + bias(r)^2`.

    Args:
        strength: `GradientNoise.strength()`.
        duration: The measuring time.
        bias: Size of the systematic error at an amplitude: any function, or `TaylorBias`.
        largest: Where the search ends, say nine tenths of the radius of convergence; without a
            bias, as always on, that is the best.

    Returns:
        The best amplitude, and the root mean square error of the gradient that is left there.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> bias = osciprop.analysis.TaylorBias(np.array([1.0]))
        >>> found = osciprop.analysis.optimal_amplitude(1.0, 16.0, bias, largest=2.0)
        >>> round(found.amplitude, 3), round(found.error, 3)
        (0.5, 0.707)
    """
    if not callable(bias):
        raise TypeError(
            f"bias is {shown(bias)}: give a function of the amplitude, such as TaylorBias((0.1,))"
        )
    check_positive("strength", strength, "give the noise's v1; without noise use small amplitudes")
    check_positive("duration", duration, "give the measuring time")
    check_positive("largest", largest, "give the radius of convergence, or what hardware allows")

    def error(logarithm: float) -> float:
        amplitude = math.exp(logarithm)
        return strength / (amplitude**2 * duration) + bias(amplitude) ** 2

    # A grid first: a bias with cancelling orders leaves several minima.
    grid = math.log(largest) + np.linspace(math.log(SMALLEST_FRACTION), 0.0, GRID)
    best = int(np.argmin([error(float(point)) for point in grid]))
    ends = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])
    import scipy.optimize  # slow to import, and needed here alone

    found = scipy.optimize.minimize_scalar(
        error, bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    logarithm = min((float(found.x), float(grid[best])), key=error)
    return OptimalAmplitude(math.exp(logarithm), math.sqrt(error(logarithm)))
