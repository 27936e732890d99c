"""Fourier coefficients of responses on a circle, and the radius of convergence they reveal."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Inexact, PyTree

from ..dynamics.teaching import roots_of_unity
from ..networks.trees import sample_norms


def fourier_coefficients(samples: PyTree[Inexact[Array, "points ..."]]) -> PyTree[Array]:
    """Coefficients of `exp(2 pi i k j / N)`, `k = 0 ... N - 1`, along the leading axis.

    `samples` are `N` values at `exp(2 pi i j / N)`, `j = 0 ... N - 1`. For a response that is
    analytic inside the circle, coefficient `k < N/2` is `c_k r^k` with the Taylor coefficients
    `c_k`, and the upper half (negative frequencies) vanishes.
    """
    return jax.tree.map(lambda leaf: jnp.fft.fft(leaf, axis=0) / leaf.shape[0], samples)


def harmonic_sizes(samples: PyTree[Inexact[Array, "points ..."]]) -> Inexact[Array, " points"]:
    """Euclidean norm, over all units and samples, of each Fourier coefficient of the circle."""
    return sample_norms(fourier_coefficients(samples))


def whole_circle(upper: PyTree[Inexact[Array, "half ..."]], points: int) -> PyTree[Array]:
    """All `points` values on a circle from the upper half, `s(conj beta) = conj s(beta)`."""
    mirrored = slice(1, (points + 1) // 2)

    def complete(leaf: Array) -> Array:
        return jnp.concatenate([leaf, jnp.flip(leaf[mirrored], axis=0).conj()])

    return jax.tree.map(complete, upper)


def radius_from_decay(sizes: ArrayLike, amplitude: ArrayLike, *, floor: float = 1e-9) -> float:
    """Distance of the nearest singularity, from the decay of Fourier coefficients on a circle.

    Coefficients in constant ratio show a pole (linear networks). Else the singularity is a fold,
    the generic one of an equilibrium: there the response is a square root,
    `sizes[k] ~ k^(-3/2) (amplitude / R)^k`, and R follows from a straight line through
    `log(k^(3/2) sizes[k])` from the second harmonic on.

    Args:
        sizes: Size of each Fourier coefficient, from the constant one on, `(points,)`. Those from
            half of the points on are not looked at.
        amplitude: Radius of the circle on which they were measured.
        floor: Only harmonics above `floor` times the first count.

    Returns:
        The distance R; infinity if fewer than two harmonics beyond the first are visible.

    Raises:
        ValueError: `sizes` holds fewer than 4 coefficients.

    Example:
        >>> pole = 0.5 ** np.arange(16)
        >>> round(osciprop.equilibria.radius_from_decay(pole, amplitude=0.1), 6)
        0.2
    """
    values = np.asarray(sizes, dtype=float)
    if values.ndim != 1 or values.size < 4:
        raise ValueError(
            f"sizes has shape {values.shape}: give the coefficients of at least 4 points"
        )
    last = (values.size + 1) // 2 - 1
    hidden = ~(values[1 : last + 1] > floor * values[1])
    last = last if not hidden.any() else int(np.argmax(hidden))
    if last < 3:
        return math.inf
    radius = float(np.asarray(amplitude))
    first = last // 2
    ratios = values[first + 1 : last + 1] / values[first:last]
    # At a fold the ratios would drift, as 1 - 3 / (2 k).
    drift = 1.5 * (1 / first - 1 / last)
    if ratios.size > 1 and np.ptp(ratios) < 0.2 * drift * ratios[-1]:
        return radius / float(ratios[-1])
    orders = np.arange(2, last + 1)
    slope = np.polyfit(orders, np.log(values[orders]) + 1.5 * np.log(orders), 1)[0]
    return radius * math.exp(-slope)


def circle(center: complex, radius: float, points: int) -> Complex[np.ndarray, " points"]:
    """Equally spaced points on a circle in the complex plane, from the positive real side."""
    return center + radius * roots_of_unity(points)
