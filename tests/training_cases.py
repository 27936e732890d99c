"""Shared by tests of training: runs on some digits and on pictures, in a few updates each."""

import jax
import numpy as np
import optax
from batch_files import images
from jaxtyping import PyTree

import osciprop

DIGITS = osciprop.datasets.digits().subset(train=80, test=30)
METHOD = osciprop.Implicit(osciprop.AndersonIteration(tolerance=1e-6))
OPTIMIZER = optax.adam(3e-3)

LABELS = (np.arange(24) % 3).astype(np.int32)
PICTURES = osciprop.datasets.Dataset(
    name="pictures",
    x_train=images(24),
    y_train=LABELS,
    x_test=images(6, seed=1),
    y_test=LABELS[:6],
    num_classes=3,
    image_shape=(32, 32, 3),
)
PLAIN = osciprop.training.Flattened(
    osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)
)
AUGMENTED = osciprop.training.Flattened(
    osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS,
        (osciprop.training.HorizontalFlip(), osciprop.training.RandomCrop(padding=2)),
    )
)


def digits_network() -> osciprop.Network:
    return osciprop.hopfield_mlp(
        [64, 12, 10, 10],
        key=jax.random.PRNGKey(0),
        activation=osciprop.Tanh(),
        scale=(0.5, 0.2, 0.5),
    )


def fit_digits(method=METHOD, epochs=2, optimizer=OPTIMIZER, **options):
    """Four updates per epoch."""
    return osciprop.fit(
        digits_network(),
        DIGITS,
        method,
        optimizer,
        epochs=epochs,
        batch_size=20,
        progress=False,
        **options,
    )


def picture_network() -> osciprop.Network:
    return osciprop.hopfield_mlp(
        [3072, 6, 3], key=jax.random.key(0), activation=osciprop.Tanh(), scale=0.5
    )


def fit_pictures(data=PICTURES, preprocessing=AUGMENTED, epochs=2, **options):
    """Four updates per epoch."""
    return osciprop.fit(
        picture_network(),
        data,
        METHOD,
        OPTIMIZER,
        epochs=epochs,
        batch_size=6,
        preprocessing=preprocessing,
        progress=False,
        **options,
    )


def assert_same(a: PyTree, b: PyTree) -> None:
    """That all numbers agree to the last bit."""
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)
