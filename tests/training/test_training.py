"""A run that one drives: the same numbers as `fit`'s, whatever one does in between."""

import itertools

import jax
import numpy as np
import optax
import pytest
from training_cases import DIGITS, METHOD, OPTIMIZER, assert_same, digits_network, fit_digits

import osciprop

X, Y = DIGITS.x_train, DIGITS.y_train


def training(data=DIGITS, optimizer=OPTIMIZER, **options) -> osciprop.Training:
    return osciprop.Training(digits_network(), data, METHOD, optimizer, **options)


def batches(seed=0):
    """Those that `fit` makes of the digits, epoch after epoch."""
    made = osciprop.datasets.Batches(X, Y, 20, seed=seed)
    epochs = itertools.count()

    class Loader:
        def __iter__(self):
            return made.epoch(next(epochs))

        def __len__(self):
            return made.steps_per_epoch

    return Loader()


@pytest.fixture(scope="module")
def fitted():
    return fit_digits()


def test_updates_are_those_of_fit(fitted):
    run = training()
    updates = list(run.updates(epochs=2))
    assert_same(run.network, fitted[0])
    assert run.history == fitted[1]
    assert [(update.epoch, update.step) for update in updates[3:6]] == [(0, 3), (1, 0), (1, 1)]
    assert [update.number for update in updates] == list(range(8))
    assert [update.loss for update in updates] == run.history.steps["loss"]
    assert repr(run) == "Training(8 updates, in epoch 2 at step 0)"


def test_a_loop_can_be_left_and_gone_on_with(fitted):
    run = training()
    for update in run.updates(epochs=2):
        if update.number == 2:
            break
    assert (run.updates_made, run.epochs_made) == (3, 0)
    rows = list(run.epochs(2))
    assert [row["epoch"] for row in rows] == [1.0, 2.0]
    assert_same(run.network, fitted[0])
    assert run.history == fitted[1]
    assert list(run.updates(epochs=1)) == []


def test_batches_of_others_train_alike(fitted):
    run = training((batches(), (DIGITS.x_test, DIGITS.y_test)))
    for update in run.updates(epochs=2):
        if update.number == 1:
            break
    list(run.updates(epochs=2))
    assert_same(run.network, fitted[0])
    assert run.history == fitted[1]


def test_one_epoch_of_a_generator():
    run = training(pair for pair in batches())
    assert run.steps_per_epoch is None
    assert len(list(run.updates(epochs=1))) == 4
    assert sorted(run.history.epochs) == ["epoch", "train_accuracy", "train_loss"]
    with pytest.raises(ValueError, match="at its end"):
        list(run.updates(epochs=2))


def test_a_batch_that_fails_does_not_end_the_epoch():
    """Once repaired, the loop goes on from where it was; it does not take the epoch for done."""
    whole = list(batches())
    broken = [*whole[:2], (whole[2][0] * np.nan, whole[2][1]), whole[3]]
    run = training((broken, (DIGITS.x_test, DIGITS.y_test)))
    for _ in range(2):
        with pytest.raises(ValueError, match="x of batch 2 is nan"):
            list(run.updates(epochs=1))
    assert 0 < run.updates_made < 3
    broken[2] = whole[2]
    list(run.updates(epochs=1))
    assert (run.updates_made, run.epochs_made) == (4, 1)


@pytest.mark.parametrize("make", [optax.sgd, optax.inject_hyperparams(optax.sgd)])
def test_what_is_changed_in_between_counts_from_the_next_update(make):
    """Though the next update has begun: a rate of zero moves nothing any more."""
    run = training(optimizer=make(learning_rate=0.1))
    seen = []
    for update in run.updates(epochs=1):
        seen.append(run.network)
        if update.number == 1:
            run.set_optimizer(make(learning_rate=0.0))
    assert_same(seen[1], seen[3])
    with pytest.raises(AssertionError):
        assert_same(seen[0], seen[1])


def test_a_network_put_in_its_place_is_trained():
    run, other = training(), digits_network()
    halved = jax.tree.map(lambda leaf: leaf / 2 if leaf.ndim == 2 else leaf, other)
    loss = []
    for update in run.updates(epochs=1):
        loss.append(update.loss)
        if update.number == 0:
            run.network = halved
    plain = osciprop.Training(halved, DIGITS, METHOD, OPTIMIZER)
    # The second batch of the epoch, by the network that was put there.
    estimate = [update.estimate for update in training().updates(epochs=1)][1]
    assert loss[1] != float(estimate.loss)
    batch = list(osciprop.datasets.Batches(X, Y, 20, seed=0).epoch(0))[1]
    expected = osciprop.estimate_gradient(halved, *batch, METHOD)
    assert loss[1] == pytest.approx(float(expected.loss), rel=1e-6)
    with pytest.raises(ValueError, match="network has another structure or other shapes"):
        plain.network = osciprop.hopfield_mlp([64, 5, 10], key=jax.random.key(0))
    with pytest.raises(ValueError, match="optimizer keeps another state"):
        plain.set_optimizer(optax.sgd(0.1, momentum=0.9))
    with pytest.raises(ValueError, match="optimizer_state has another"):
        plain.optimizer_state = ()


@pytest.mark.slow
def test_another_method_goes_on():
    run = training()
    for update in run.updates(epochs=1):
        if update.number == 1:
            run.set_method(osciprop.HolomorphicEP(0.1, 4))
    assert run.updates_made == 4
    with pytest.raises(osciprop.ReciprocityError):
        directed = osciprop.feedforward_mlp([64, 8, 8, 10], key=jax.random.key(0))
        osciprop.Training(directed, DIGITS, METHOD, OPTIMIZER).set_method(osciprop.ClassicEP())


def test_two_loops_at_once_are_refused():
    run = training()
    first = run.updates(epochs=1)
    next(first)
    assert len(list(run.updates(epochs=1))) == 3
    with pytest.raises(RuntimeError, match="another loop over this training has begun"):
        next(first)


def test_a_checkpoint_is_written_when_a_loop_is_left(tmp_path, fitted):
    path = tmp_path / "run.checkpoint"
    for update in training(checkpoint=path).updates(epochs=2):
        if update.number == 4:
            break
    resumed = training(checkpoint=path)
    assert resumed.updates_made == 5
    list(resumed.updates(epochs=2))
    assert_same(resumed.network, fitted[0])
    assert resumed.history == fitted[1]
    resumed.save(tmp_path / "copy.checkpoint")
    assert training(checkpoint=tmp_path / "copy.checkpoint").history == fitted[1]


def test_batches_of_others_resume_if_they_are_the_same(tmp_path, fitted):
    path = tmp_path / "run.checkpoint"
    test = (DIGITS.x_test, DIGITS.y_test)
    for update in training((batches(), test), checkpoint=path).updates(epochs=1):
        if update.number == 1:
            break
    with pytest.raises(osciprop.CheckpointError, match="other batches than before.*has had 2"):
        list(training((batches(seed=1), test), checkpoint=path).updates(epochs=1))
    resumed = training((batches(), test), checkpoint=path)
    list(resumed.updates(epochs=2))
    assert_same(resumed.network, fitted[0])


@pytest.mark.slow
def test_numbers_are_learned_from_plain_arrays():
    """A linear task, by a linear network: the residual falls to little."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ np.asarray([0.5, -1.0, 0.25]) + 0.1
    network = osciprop.hopfield_regressor(
        [3, 4, 1], key=jax.random.key(0), activation=osciprop.Identity()
    )
    _, history = osciprop.fit(
        network,
        ((x[:40], y[:40]), (x[40:], y[40:])),
        METHOD,
        optax.adam(0.1),
        epochs=40,
        batch_size=10,
        progress=False,
    )
    assert sorted(history.steps) == ["converged", "loss", "mean_squared_error"]
    assert history.epochs["test_r_squared"][-1] > 0.999
    assert history.epochs["test_mean_squared_error"][-1] < 1e-3
    np.testing.assert_allclose(
        np.asarray(history.steps["loss"]), 0.5 * np.asarray(history.steps["mean_squared_error"])
    )


def test_two_classes_are_told_apart_by_one_output():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    y = x[:, 0] > x[:, 1]
    network = osciprop.hopfield_mlp([3, 6, 1], key=jax.random.key(0), activation=osciprop.Tanh())
    _, history = osciprop.fit(
        network, (x, y), METHOD, optax.adam(0.05), epochs=10, batch_size=20, progress=False
    )
    assert history.epochs["train_accuracy"][-1] > 0.9


@pytest.mark.parametrize("name", ["monitor_every", "checkpoint_every", "batch_size"])
def test_numbers_of_updates_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        training(**{name: 0})


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "monitor returned None at update 0, expected a dict"),
        ({"a": "b"}, "monitor returned 'b' as 'a'"),
        ({"a": np.ones(2)}, "as 'a' at update 0, expected one number"),
    ],
)
def test_monitors_return_numbers_by_name(found, message):
    with pytest.raises(ValueError, match=message):
        list(training(monitor=lambda *_: found).updates(epochs=1))
