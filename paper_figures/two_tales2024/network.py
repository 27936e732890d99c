"""The network of two_tales2024's MNIST protocol, 784-128-128-10 with ReLU, and images for it."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.datasets import digits, mnist

from .. import layers

FULL_SIZES, FAST_SIZES = (784, 128, 128, 10), (64, 32, 32, 10)


def initial(sizes: tuple[int, ...], seed: int = 0) -> osciprop.Network:
    """Normal weights of standard deviation 1 / sqrt(inputs), from the input up, biases zero.

    NumPy's generator of the published run: with seed 0 and the full sizes the spectral norms are
    1.37, 2.03 and 1.24, as published.
    """
    random = np.random.RandomState(seed)
    built = osciprop.perceptron(sizes, key=jax.random.PRNGKey(0))
    matrices = [
        jnp.asarray(random.randn(pre, post) / np.sqrt(pre))
        for pre, post in itertools.pairwise(sizes)
    ]
    return eqx.tree_at(layers.weights, built, matrices)


def images(fast: bool, count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """The first training images and labels: MNIST, or the digits in the fast size."""
    data = digits() if fast else mnist()
    return np.asarray(data.x_train[:count], dtype=float), np.asarray(data.y_train[:count])


def sweeps(rounds: int) -> osciprop.SequentialIteration:
    """The authors' rounds: down, and `rounds` times up and down again."""
    return osciprop.SequentialIteration(order=osciprop.equilibria.ZigZag(), max_steps=rounds + 1)


def by_layer(gradient: osciprop.Network, exact: osciprop.Network) -> tuple[np.ndarray, np.ndarray]:
    """Cosine with the exact gradient, and ratio of the norms, for every weight matrix."""
    pairs = list(zip(layers.weights(gradient), layers.weights(exact), strict=True))
    return (
        np.asarray([osciprop.cosine(*pair) for pair in pairs]),
        np.asarray([osciprop.analysis.norm_ratio(*pair) for pair in pairs]),
    )
