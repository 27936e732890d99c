"""From pixels to inputs: against plain NumPy, sample by sample."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batch_files import images

import osciprop

KEY = jax.random.key(0)
MEAN = np.array([0.4914, 0.4822, 0.4465])
STD = np.array([0.2023, 0.1994, 0.2010])
AUGMENTATIONS = (osciprop.training.HorizontalFlip(), osciprop.training.RandomCrop(padding=2))


def normalised(x: np.ndarray) -> np.ndarray:
    return (x.astype(np.float64) / 255 - MEAN) / (1.5 * STD)


def candidates(image: np.ndarray) -> np.ndarray:
    """All inputs that one image can become: flipped or not, 25 windows of 36 x 36 pixels."""
    made = []
    for version in (image, image[:, ::-1]):
        framed = np.pad(version, ((2, 2), (2, 2), (0, 0)))
        made += [framed[i : i + 32, j : j + 32] for i in range(5) for j in range(5)]
    return normalised(np.stack(made))


def test_evaluation_normalises_each_channel():
    x = images(6)
    found = osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS
    ).evaluate(x)
    assert found.dtype == jnp.float64
    np.testing.assert_allclose(found, normalised(x), rtol=1e-14, atol=1e-14)


def test_training_flips_pads_with_black_crops_and_then_normalises():
    x = images(300)
    preprocessing = osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS
    )
    found = np.asarray(preprocessing.train(x, KEY))
    chosen = []
    for image, new in zip(x, found, strict=True):
        distances = np.abs(candidates(image) - new).max(axis=(1, 2, 3))
        chosen.append(int(np.argmin(distances)))
        assert distances[chosen[-1]] < 1e-12
    assert set(chosen) == set(range(50))  # 0.2 % to miss one


def test_without_augmentations_training_is_evaluation():
    preprocessing = osciprop.training.ImagePreprocessing(osciprop.training.IMAGENET_STATISTICS)
    np.testing.assert_array_equal(
        preprocessing.train(images(3), KEY), preprocessing.evaluate(images(3))
    )


def test_the_key_decides():
    preprocessing = osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS
    )
    first, again = preprocessing.train(images(9), KEY), preprocessing.train(images(9), KEY)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, preprocessing.train(images(9), jax.random.key(1)))


def test_single_precision_stays_single():
    preprocessing = osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS
    )
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), preprocessing)
    for found, reference in (
        (single.evaluate(images(4)), preprocessing.evaluate(images(4))),
        (single.train(images(4), KEY), preprocessing.train(images(4), KEY)),
    ):
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, reference, atol=2e-6)


def test_other_statistics_do_not_compile_anew():
    make = osciprop.training.ImagePreprocessing
    counted = eqx.filter_jit(eqx.debug.assert_max_traces(lambda p, x: p.evaluate(x), max_traces=1))
    for shift in (0.1, 0.2, 0.3):
        statistics = osciprop.training.ChannelStatistics((shift,) * 3, (0.2, 0.3, 0.4))
        counted(make(statistics, factor=1 + shift), images(2))


def test_flattened_gives_rows():
    inside = osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS)
    rows = osciprop.training.Flattened(inside)
    np.testing.assert_array_equal(
        rows.evaluate(images(3)), inside.evaluate(images(3)).reshape(3, -1)
    )
    np.testing.assert_array_equal(
        rows.train(images(3), KEY), inside.train(images(3), KEY).reshape(3, -1)
    )


def test_rows_become_images():
    rows = np.arange(24.0).reshape(2, 12)
    np.testing.assert_array_equal(
        osciprop.training.RowsAsImages((4, 3)).evaluate(rows), rows.reshape(2, 4, 3, 1)
    )
    np.testing.assert_array_equal(
        osciprop.training.RowsAsImages((2, 2, 3)).train(rows, KEY), rows.reshape(2, 2, 2, 3)
    )
    with pytest.raises(ValueError, match=r"x has shape \(2, 12\).*image_shape"):
        osciprop.training.RowsAsImages((4, 4)).evaluate(rows)
    for shape in (4, (4,), (4, 0), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match="image_shape is .*: give .height, width"):
            osciprop.training.RowsAsImages(shape)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 32, 32, 3)), "x has dtype float64, expected raw pixels.*leave out"),
        (np.zeros((2, 32, 32, 1), np.uint8), r"\(batch, height, width, 3\).*statistics"),
        (np.zeros((2, 3072), np.uint8), r"x has shape \(2, 3072\)"),
    ],
)
def test_other_inputs_are_refused(x, message):
    preprocessing = osciprop.training.ImagePreprocessing(
        osciprop.training.CIFAR_STATISTICS, AUGMENTATIONS
    )
    with pytest.raises(ValueError, match=message):
        preprocessing.evaluate(x)
    with pytest.raises(ValueError, match=message):
        preprocessing.train(x, KEY)


@pytest.mark.parametrize(
    ("mean", "std", "factor", "message"),
    [
        ((0.5, float("nan"), 0.5), (0.2, 0.2, 0.2), 1.5, "mean is"),
        ((0.5, 0.5, 0.5), (0.2, 0.0, 0.2), 1.5, r"factor \* statistics.std"),
        ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2), -1.0, r"factor \* statistics.std"),
    ],
)
def test_senseless_statistics_are_refused(mean, std, factor, message):
    with pytest.raises(ValueError, match=message):
        osciprop.training.ImagePreprocessing(
            osciprop.training.ChannelStatistics(mean, std), factor=factor
        )
