"""The networks of homeostasis2024 and their images: Fashion-MNIST, 784-256-256-10, readout 10."""

import jax
import numpy as np

import osciprop
from osciprop.datasets import fashion_mnist
from osciprop.gradients.reference import AdjointDiagnostics

SIZES = (784, 256, 256, 10, 10)
LECUN = 1 / 0.87962566
"""Truncated normal weights with a standard deviation of 1 / sqrt(inputs) after the cut (Flax)."""


def reciprocal(seed: int, angle: float) -> osciprop.Network:
    """The network with feedback weights of its own, `angle` degrees from symmetric."""
    return osciprop.feedback_mlp(SIZES, key=jax.random.PRNGKey(seed), angle=angle, scale=LECUN)


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first training images and their labels."""
    data = fashion_mnist()
    return np.asarray(data.x_train[:count], dtype=float), np.asarray(data.y_train[:count])


def solved(estimate: osciprop.Estimate) -> np.ndarray:
    """The samples whose linear equations were solved."""
    assert isinstance(estimate.diagnostics, AdjointDiagnostics)
    return np.asarray(estimate.diagnostics.solved)
