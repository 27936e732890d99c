"""Fourier coefficients of responses on a circle, and the radius of convergence they reveal."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Inexact, PyTree

from .teaching import roots_of_unity


def fourier_coefficients(samples: PyTree[Inexact[Array, "points ..."]]) -> PyTree[Array]:
    """Coefficients of `exp(2 pi i k j / N)`, `k = 0 ... N - 1`, along the leading axis.

    `samples` are `N` values at `exp(2 pi i j / N)`, `j = 0 ... N - 1`. For a response that is
    analytic inside the circle, coefficient `k < N/2` is `c_k r^k` with the Taylor coefficients
    `c_k`, and the upper half (negative frequencies) vanishes.
    """
    return jax.tree.map(lambda leaf: jnp.fft.fft(leaf, axis=0) / leaf.shape[0], samples)


def harmonic_sizes(samples: PyTree[Inexact[Array, "points ..."]]) -> Inexact[Array, " points"]:
    """Euclidean norm, over all units and samples, of each Fourier coefficient of the circle."""
    leaves = jax.tree.leaves(fourier_coefficients(samples))
    return jnp.sqrt(
        sum(jnp.sum(jnp.abs(leaf.reshape(leaf.shape[0], -1)) ** 2, axis=1) for leaf in leaves)
    )


def whole_circle(upper: PyTree[Inexact[Array, "half ..."]], points: int) -> PyTree[Array]:
    """All `points` values on a circle from the upper half, `s(conj beta) = conj s(beta)`."""
    mirrored = slice(1, (points + 1) // 2)

    def complete(leaf: Array) -> Array:
        return jnp.concatenate([leaf, jnp.flip(leaf[mirrored], axis=0).conj()])

    return jax.tree.map(complete, upper)


def radius_of_convergence(
    sizes: ArrayLike, amplitude: ArrayLike, *, floor: float = 1e-9
) -> float:
    """Distance of the nearest singularity, from the decay of Fourier coefficients on a circle.

    `sizes[k]` is the size of coefficient `k` (see `harmonic_sizes`), measured on a circle of radius
    `amplitude`. Near a fold, the generic singularity of an equilibrium, the response is a square
    root and `sizes[k] ~ k^(-3/2) (amplitude / R)^k`; R follows from a straight line through
    `log(k^(3/2) sizes[k])`, over the harmonics from the second on that exceed `floor` times the
    first. Infinity if fewer than two do: no singularity is within reach of the data.
    """
    values = np.asarray(sizes, dtype=float)
    if values.ndim != 1 or values.size < 4:
        raise ValueError(
            f"sizes has shape {values.shape}: give the coefficients of at least 4 points"
        )
    orders = np.arange(2, (values.size + 1) // 2)
    orders = orders[values[orders] > floor * values[1]]
    if orders.size < 2:
        return float("inf")
    logs = np.log(values[orders]) + 1.5 * np.log(orders)
    slope = np.polyfit(orders, logs, 1)[0]
    return float(np.asarray(amplitude) * np.exp(-slope))


def circle(center: complex, radius: float, points: int) -> Complex[np.ndarray, " points"]:
    """Equally spaced points on a circle in the complex plane."""
    return center + radius * roots_of_unity(points)
