"""Batches that somebody else makes: each is looked at, and kept while it is needed."""

import jax
import numpy as np
import optax
import pytest
from training_cases import DIGITS, METHOD, OPTIMIZER, digits_network

import osciprop
from osciprop.training import training as module
from osciprop.training.evaluation import evaluate

X, Y = DIGITS.x_train, DIGITS.y_train
TEST = DIGITS.x_test, DIGITS.y_test


def training(data, network=None, **options) -> osciprop.Training:
    network = digits_network() if network is None else network
    return osciprop.Training(network, data, METHOD, OPTIMIZER, **options)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((X[:20], Y[:20] + 10), "labels from 10 to 19"),
        ((np.zeros((20, 8, 8, 1), np.uint8), Y[:20]), "raw pixels"),
        ((X[:20], np.zeros((20, 1), np.float32)), r"y has shape \(20, 1\)"),
        ((X[:20], np.zeros((20, 12), np.float32)), r"y has shape \(20, 12\)"),
        ((X[:20, :60], Y[:20]), r"x has shape \(20, 60\)"),
    ],
)
def test_a_later_batch_that_does_not_fit_is_named(second, message):
    run = training([(X[:20], Y[:20]), second])
    with pytest.raises(ValueError, match=f"batch 1 of an epoch .counted from 0.: .*{message}"):
        list(run.updates(epochs=1))


def test_targets_that_turn_out_to_be_numbers_are_no_classes():
    """Zeros may be marks of a class; numbers after them say that they are not."""
    values = np.r_[np.zeros(20), np.linspace(-1, 1, 20)].astype(np.float32)
    stream = [(X[start : start + 20], values[start : start + 20]) for start in (0, 20)]
    unsure = osciprop.hopfield_regressor([64, 4, 1], key=jax.random.key(0))
    assert evaluate(unsure, stream[::-1]).mean_squared_error > 0
    with pytest.raises(ValueError, match="y holds numbers, which have a mean_squared_error, where"):
        evaluate(unsure, stream)
    with pytest.raises(ValueError, match="batch 1 of an epoch.*give all samples as arrays"):
        list(training(stream, unsure).updates(epochs=1))


class Shuffling:
    """Another order in each epoch, by a generator of its own, in one and the same memory."""

    def __init__(self):
        self.random, self.x, self.y = np.random.default_rng(0), np.empty_like(X[:20]), Y[:20].copy()

    def __iter__(self):
        for chosen in np.split(self.random.permutation(80), 4):
            self.x[:], self.y[:] = X[chosen], Y[chosen]
            yield self.x, self.y


def test_a_loader_may_write_into_the_same_memory():
    orders, seen = np.split(np.random.default_rng(0).permutation(80), 4), []

    def monitor(network, x, y, estimate):
        seen.append((x, y))
        return {}

    list(training(Shuffling(), monitor=monitor, monitor_every=1).updates(epochs=1))
    for (x, y), chosen in zip(seen, orders, strict=True):
        np.testing.assert_array_equal(x, X[chosen])
        np.testing.assert_array_equal(y, Y[chosen])


def test_an_epoch_whose_test_was_interrupted_needs_no_batch_again(monkeypatch):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    monkeypatch.setattr(module, "evaluate", interrupted)
    for data in (Shuffling(), ((X[n : n + 20], Y[n : n + 20]) for n in range(0, 80, 20))):
        calls.clear()
        run = training((data, TEST))
        with pytest.raises(KeyboardInterrupt):
            list(run.updates(epochs=1))
        assert (run.updates_made, run.epochs_made) == (4, 0)
        assert list(run.updates(epochs=1)) == []
        assert (run.updates_made, run.epochs_made) == (4, 1)
        assert len(run.history.epochs["test_loss"]) == 1


def test_a_checkpoint_of_another_order_is_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    made = [osciprop.datasets.Batches(X, Y, 20, seed=seed) for seed in (0, 0, 1)]
    list(training(made[0], checkpoint=path).updates(epochs=1))
    assert training(made[1], checkpoint=path).updates_made == 4
    other = osciprop.datasets.Batches(X, Y, 10, seed=0, drop_last=False)
    for data, message in ((made[2], "seed: 0 != 1"), (other, "batch_size: 20 != 10")):
        with pytest.raises(osciprop.CheckpointError, match=message):
            training(data, checkpoint=path)


def test_a_monitor_that_returns_other_names_can_be_gone_on_with(tmp_path):
    path = tmp_path / "run.checkpoint"
    for epoch, name in enumerate(("a", "b"), start=1):
        options = {"monitor": lambda *_, name=name: {name: 1.0}, "monitor_every": 2}
        run = training(DIGITS, checkpoint=path, batch_size=20, **options)
        list(run.updates(epochs=epoch))
    found = training(DIGITS, checkpoint=path, batch_size=20).history.monitored
    np.testing.assert_array_equal(found["a"], [1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(found["b"], [np.nan, np.nan, 1, 1])


def test_a_schedule_that_reads_another_value_is_another_program():
    settings = {"rate": 0.5}
    optimizer = optax.sgd(lambda step: settings["rate"])
    network = digits_network()
    moved = []
    for rate in (0.5, 0.0):
        settings["rate"] = rate
        trained, _ = osciprop.fit(
            network, (X[:20], Y[:20]), METHOD, optimizer, epochs=1, batch_size=20, progress=False
        )
        moved.append(osciprop.relative_error(trained, network))
    assert moved[0] > 0 and moved[1] == 0
