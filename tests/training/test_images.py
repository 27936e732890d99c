"""Training on images of bytes: preprocessed on the device, resumed with the same augmentation."""

import dataclasses
import threading

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from batch_files import images

import osciprop

LABELS = (np.arange(24) % 3).astype(np.int32)
DATA = osciprop.datasets.Dataset(
    name="pictures",
    x_train=images(24),
    y_train=LABELS,
    x_test=images(9, seed=1),
    y_test=LABELS[:9],
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


OPTIMIZER = optax.sgd(0.01)


def network():
    return osciprop.hopfield_mlp(
        [3072, 6, 3], key=jax.random.key(0), activation=osciprop.Tanh(), scale=0.5
    )


def fit(data=DATA, preprocessing=AUGMENTED, epochs=2, **options):
    return osciprop.fit(
        network(),
        data,
        osciprop.Implicit(),
        OPTIMIZER,
        epochs=epochs,
        batch_size=6,
        preprocessing=preprocessing,
        progress=False,
        **options,
    )


def seen_inputs(seed=0, **options) -> list[np.ndarray]:
    seen = []

    def monitor(_, x, y, estimate):
        assert isinstance(x, np.ndarray)
        seen.append(x)
        return {}

    fit(monitor=monitor, monitor_every=1, seed=seed, **options)
    return seen


def assert_same(a, b):
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bytes_train_like_the_same_numbers():
    rows = {
        split: np.asarray(PLAIN.evaluate(getattr(DATA, split)), np.float32)
        for split in ("x_train", "x_test")
    }
    numbers = osciprop.datasets.Dataset(
        name="rows", **rows, y_train=DATA.y_train, y_test=DATA.y_test,
        num_classes=3, image_shape=(32, 32, 3),
    )  # fmt: skip
    trained, history = fit(preprocessing=PLAIN)
    expected, reference = fit(numbers, preprocessing=None)
    for name, column in reference.epochs.items():
        np.testing.assert_allclose(history.epochs[name], column, rtol=1e-5, err_msg=name)
    for a, b in zip(jax.tree.leaves(trained), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_convolutional_network_takes_images_as_they_are():
    layers = (
        osciprop.networks.Maps(2, 5, 0, osciprop.networks.SoftmaxPooling()),
        osciprop.networks.Maps(3, 4, 0),
    )
    _, history = osciprop.fit(
        osciprop.hopfield_cnn(layers, key=jax.random.key(0), classes=3),
        DATA,
        osciprop.Implicit(),
        OPTIMIZER,
        epochs=1,
        batch_size=6,
        preprocessing=AUGMENTED.preprocessing,
        progress=False,
    )
    assert len(history.steps["loss"]) == 4 and set(history.steps["converged"]) == {1.0}


def test_mapped_images_train_like_those_in_memory(tmp_path):
    np.save(tmp_path / "x.npy", DATA.x_train)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert fit(dataclasses.replace(DATA, x_train=mapped, x_test=mapped[:9]))[1].steps == (
        fit()[1].steps
    )


def test_augmentation_differs_by_update_and_seed_and_repeats():
    first, again, other = seen_inputs(), seen_inputs(), seen_inputs(seed=1)
    assert_same(first, again)
    assert first[0].shape == (6, 3072)
    assert not np.array_equal(first[0], other[0])
    # Each input is some sample's augmentation, drawn by the number of the update.
    batches = osciprop.datasets.Batches(DATA.x_train, DATA.y_train, 6, seed=0)
    root = jax.random.fold_in(jax.random.key(0), 2**32 - 1)
    stored = [x for epoch in range(2) for x, _ in batches.epoch(epoch)]
    for number, (x, found) in enumerate(zip(stored, first, strict=True)):
        np.testing.assert_array_equal(AUGMENTED.train(x, jax.random.fold_in(root, number)), found)


@pytest.mark.parametrize("after", [2, 5])
def test_a_resumed_run_sees_the_same_augmentation(tmp_path, after):
    whole, history = fit()
    calls = []

    def interrupt(*_):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return {}

    path = tmp_path / "training.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=path, monitor=interrupt, monitor_every=1)
    assert not [t for t in threading.enumerate() if t.name == "osciprop-prefetch"]
    resumed, again = fit(checkpoint=path)
    assert_same(eqx.filter(whole, eqx.is_array), eqx.filter(resumed, eqx.is_array))
    assert again.steps == history.steps and again.epochs == history.epochs


def test_a_checkpoint_with_another_preprocessing_is_refused(tmp_path):
    path = tmp_path / "training.checkpoint"
    fit(epochs=1, checkpoint=path)
    others = (
        PLAIN,
        osciprop.training.Flattened(
            osciprop.training.ImagePreprocessing(osciprop.training.IMAGENET_STATISTICS)
        ),
        osciprop.training.Flattened(
            osciprop.training.ImagePreprocessing(
                osciprop.training.CIFAR_STATISTICS,
                AUGMENTED.preprocessing.augmentations,
                factor=1.0,
            )
        ),
    )
    for other in others:
        with pytest.raises(osciprop.CheckpointError, match="preprocessing"):
            fit(checkpoint=path, preprocessing=other)


def test_the_test_set_is_measured_without_augmentation():
    trained, history = fit(epochs=1)
    measured = osciprop.evaluate(trained, DATA.x_test, DATA.y_test, preprocessing=AUGMENTED)
    assert measured.loss == history.epochs["test_loss"][0]
    rows = np.asarray(PLAIN.evaluate(DATA.x_test))
    assert osciprop.evaluate(trained, rows, DATA.y_test).loss == measured.loss


def test_raw_pixels_without_a_preprocessing_are_refused():
    remedy = r"raw pixels \(uint8.*preprocessing=osciprop.training.ImagePreprocessing"
    with pytest.raises(ValueError, match=remedy):
        fit(preprocessing=None)
    with pytest.raises(ValueError, match=remedy):
        osciprop.evaluate(network(), DATA.x_test, DATA.y_test)
    rows = DATA.x_test.reshape(9, -1)
    with pytest.raises(ValueError, match=remedy):
        osciprop.estimate_gradient(network(), rows, DATA.y_test, osciprop.Implicit())


def test_scaled_data_with_a_preprocessing_are_refused():
    with pytest.raises(ValueError, match="expected raw pixels.*leave out the preprocessing"):
        fit(osciprop.datasets.digits())
