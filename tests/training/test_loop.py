"""Training: it learns, from numbers and from images of bytes, and stops when it should."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from helpers import flat
from training_cases import (
    AUGMENTED,
    DIGITS,
    METHOD,
    OPTIMIZER,
    PICTURES,
    PLAIN,
    assert_same,
    fit_digits,
    fit_pictures,
    picture_network,
)

import osciprop


@pytest.mark.slow
def test_it_learns():
    trained, history = fit_digits(epochs=24)
    assert history.epochs["train_loss"][-1] < 0.75 * history.epochs["train_loss"][0]
    assert history.epochs["test_accuracy"][-1] > 0.5
    measured = osciprop.evaluate(trained, DIGITS.x_test, DIGITS.y_test)
    assert measured.accuracy == history.epochs["test_accuracy"][-1]
    assert measured.converged == 1.0


@pytest.mark.slow
def test_exact_and_implicit_gradients_train_alike():
    ours, _ = fit_digits(osciprop.HolomorphicEP(0.1, 8))
    reference, _ = fit_digits()
    arrays = [flat(eqx.filter(net, eqx.is_inexact_array)) for net in (ours, reference)]
    np.testing.assert_allclose(*arrays, atol=1e-4)


def test_an_epoch_is_the_mean_of_its_updates():
    _, history = fit_digits(epochs=2)
    assert history.epochs["epoch"] == [1, 2]
    for name in ("loss", "accuracy"):
        updates = np.reshape(history.steps[name], (2, 4))
        np.testing.assert_array_equal(history.epochs[f"train_{name}"], updates.mean(axis=1))


def test_not_finite_loss_stops_at_once():
    exploding = optax.sgd(float("nan"))
    with pytest.raises(osciprop.NonFiniteLossError, match="weights are not.*update 0"):
        fit_digits(optimizer=exploding)
    with pytest.raises(osciprop.NonFiniteLossError, match="update 0 .*clip the gradient"):
        fit_digits(optimizer=exploding, throw=False)


def test_unconverged_estimates_raise_or_are_recorded():
    hasty = osciprop.Implicit(osciprop.SynchronousIteration(max_steps=2))
    with pytest.raises(osciprop.ConvergenceError, match="update 0"):
        fit_digits(hasty, epochs=1)
    _, history = fit_digits(hasty, epochs=1, throw=False)
    assert set(history.steps["converged"]) == {0.0}


@pytest.mark.slow
def test_bytes_train_like_the_same_numbers():
    rows = {
        split: np.asarray(PLAIN.evaluate(getattr(PICTURES, split)), np.float32)
        for split in ("x_train", "x_test")
    }
    trained, history = fit_pictures(preprocessing=PLAIN)
    numbers = dataclasses.replace(PICTURES, **rows)
    expected, reference = fit_pictures(numbers, preprocessing=None)
    for name, column in reference.epochs.items():
        np.testing.assert_allclose(history.epochs[name], column, rtol=1e-5, err_msg=name)
    for a, b in zip(jax.tree.leaves(trained), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_a_convolutional_network_takes_images_as_they_are():
    layers = (
        osciprop.networks.Maps(2, 5, 0, osciprop.networks.SoftmaxPooling()),
        osciprop.networks.Maps(3, 4, 0),
    )
    _, history = osciprop.fit(
        osciprop.hopfield_cnn(layers, key=jax.random.key(0), classes=3),
        PICTURES,
        METHOD,
        OPTIMIZER,
        epochs=1,
        batch_size=6,
        preprocessing=AUGMENTED.preprocessing,
        progress=False,
    )
    assert len(history.steps["loss"]) == 4 and set(history.steps["converged"]) == {1.0}


@pytest.mark.slow
def test_mapped_images_train_like_those_in_memory(tmp_path):
    np.save(tmp_path / "x.npy", PICTURES.x_train)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = dataclasses.replace(PICTURES, x_train=mapped)
    assert fit_pictures(data)[1] == fit_pictures()[1]


def seen_inputs(seed: int = 0) -> list[np.ndarray]:
    seen = []

    def monitor(_, x, y, estimate):
        assert isinstance(x, np.ndarray)
        seen.append(x)
        return {}

    fit_pictures(monitor=monitor, monitor_every=1, seed=seed)
    return seen


def test_augmentation_differs_by_update_and_seed_and_repeats():
    first, again, other = seen_inputs(), seen_inputs(), seen_inputs(seed=1)
    assert_same(first, again)
    assert first[0].shape == (6, 3072)
    assert not np.array_equal(first[0], other[0])
    # Each input is some sample's augmentation, drawn by the number of the update.
    batches = osciprop.datasets.Batches(PICTURES.x_train, PICTURES.y_train, 6, seed=0)
    root = jax.random.fold_in(jax.random.key(0), 2**32 - 1)
    stored = [x for epoch in range(2) for x, _ in batches.epoch(epoch)]
    for number, (x, found) in enumerate(zip(stored, first, strict=True)):
        np.testing.assert_array_equal(AUGMENTED.train(x, jax.random.fold_in(root, number)), found)


def test_data_that_do_not_fit_the_preprocessing_are_refused():
    remedy = r"raw pixels \(uint8.*preprocessing=osciprop.training.ImagePreprocessing"
    with pytest.raises(ValueError, match=remedy):
        fit_pictures(preprocessing=None)
    with pytest.raises(ValueError, match=remedy):
        osciprop.evaluate(picture_network(), PICTURES.x_test, PICTURES.y_test)
    rows = PICTURES.x_test.reshape(6, -1)
    with pytest.raises(ValueError, match=remedy):
        osciprop.estimate_gradient(picture_network(), rows, PICTURES.y_test, osciprop.Implicit())
    with pytest.raises(ValueError, match="expected raw pixels.*leave out the preprocessing"):
        fit_pictures(DIGITS)


def test_an_error_without_a_checkpoint_loses_nothing():
    def monitor(network, x, y, estimate):
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake") as caught:
        fit_digits(monitor=monitor, monitor_every=3)
    assert caught.value.training.updates_made == 0

    def later(network, x, y, estimate):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return {}

    seen = []
    with pytest.raises(KeyboardInterrupt) as interrupt:
        fit_digits(monitor=later, monitor_every=1)
    run = interrupt.value.training
    assert run.updates_made == len(run.history.steps["loss"]) == 2
    list(run.updates(epochs=2))
    assert_same(run.network, fit_digits()[0])
