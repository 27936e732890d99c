"""Flips and crops against plain NumPy, and how often each happens."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop

KEY = jax.random.key(3)


def images(count: int, height: int = 7, width: int = 5) -> np.ndarray:
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)


def windows(image: np.ndarray, padding: int) -> dict[tuple[int, int], np.ndarray]:
    """Every crop of one image, by its offset."""
    height, width, channels = image.shape
    framed = np.zeros((height + 2 * padding, width + 2 * padding, channels), np.uint8)
    framed[padding : padding + height, padding : padding + width] = image
    places = itertools.product(range(2 * padding + 1), repeat=2)
    return {(i, j): framed[i : i + height, j : j + width] for i, j in places}


def offset(image: np.ndarray, crop: np.ndarray, padding: int) -> tuple[int, int]:
    """Which crop it is; pixels are random and not black, so that there is one at most."""
    (place,) = [p for p, w in windows(image, padding).items() if np.array_equal(w, crop)]
    return place


def test_each_image_is_mirrored_or_left():
    x = images(4000)
    changed = np.asarray(osciprop.training.HorizontalFlip()(jnp.asarray(x), KEY))
    assert changed.dtype == np.uint8
    flipped = [not np.array_equal(new, old) for new, old in zip(changed, x, strict=True)]
    for new, old, is_flipped in zip(changed, x, flipped, strict=True):
        np.testing.assert_array_equal(new, old[:, ::-1] if is_flipped else old)
    assert abs(np.mean(flipped) - 0.5) < 4 * 0.5 / np.sqrt(len(x))


@pytest.mark.parametrize("padding", [1, 2])
def test_each_crop_is_one_of_the_windows_and_all_are_as_frequent(padding):
    x = images(5000)
    changed = np.asarray(osciprop.training.RandomCrop(padding)(jnp.asarray(x), KEY))
    assert changed.dtype == np.uint8 and changed.shape == x.shape
    found = [offset(old, new, padding) for old, new in zip(x, changed, strict=True)]
    places = (2 * padding + 1) ** 2
    counts = np.zeros((2 * padding + 1, 2 * padding + 1))
    np.add.at(counts, tuple(np.transpose(found)), 1)
    # Pearson's statistic is chi-squared: mean places - 1, variance twice that.
    expected = len(x) / places
    statistic = np.sum((counts - expected) ** 2 / expected)
    assert abs(statistic - (places - 1)) < 4 * np.sqrt(2 * (places - 1))


@pytest.mark.parametrize(
    "augmentation", [osciprop.training.HorizontalFlip(), osciprop.training.RandomCrop()]
)
def test_the_key_decides(augmentation):
    x = jnp.asarray(images(30))
    first, again = augmentation(x, KEY), augmentation(x, jax.random.key(3))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, augmentation(x, jax.random.key(4)))


@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_a_senseless_padding_is_refused(padding):
    with pytest.raises((ValueError, TypeError), match="padding"):
        osciprop.training.RandomCrop(padding)
