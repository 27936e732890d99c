"""Functions on circles in the complex plane: what is holomorphic there, and what is not.

On a circle without a singularity inside the mean of a holomorphic function is its value at the
centre, and no Fourier coefficient turns backwards. At single points the Cauchy-Riemann equations
pass kinks such as that of `relu` by accident.
"""

import math

import jax
import numpy as np
from jaxtyping import Array, PyTree

# What is known is computed with NumPy, on the host and in double precision; traced arrays in JAX.
AnyArray = Array | np.ndarray | np.floating

# Centres of circles lie between these potentials, where activations have kinks.
CENTRE_RANGE = 3.0


def centres(rest: PyTree, trials: int, random: np.random.Generator) -> list[PyTree[np.ndarray]]:
    """Real potentials: 0, then random ones that step evenly through the range."""

    def potential(trial: int) -> PyTree[np.ndarray]:
        def scatter(leaf: AnyArray) -> np.ndarray:
            places = 2 * (trial + random.random(leaf.shape)) / trials - 1
            return (CENTRE_RANGE * places).astype(leaf.dtype)

        return jax.tree.map(scatter, rest)

    return [jax.tree.map(np.zeros_like, rest)] + [potential(trial) for trial in range(trials)]


def directions(state: PyTree, random: np.random.Generator) -> PyTree[np.ndarray]:
    """A random complex direction for every number of a state, each of size 1."""

    def turned(leaf: AnyArray) -> np.ndarray:
        phases = np.exp(2j * math.pi * random.random(leaf.shape))
        return phases.astype(np.result_type(leaf.dtype, np.complex64))

    return jax.tree.map(turned, state)


def turns(points: int) -> np.ndarray:
    """Once round the unit circle."""
    return np.exp(2j * math.pi * np.arange(points) / points)


def modes(points: int) -> np.ndarray:
    """What takes values on a circle to coefficients `(modes, points)`: the mean, and those that
    turn backwards.

    Half of the negative orders: positive ones of steep functions alias to the rest.
    """
    orders = -np.arange(points // 4 + 1)
    return np.exp(-2j * math.pi * np.outer(orders, np.arange(points)) / points) / points
