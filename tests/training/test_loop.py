"""Training: it learns, it resumes to the same numbers, it stops when it should."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from helpers import flat

import osciprop
from osciprop.files.checkpoint import described, load_checkpoint, save_checkpoint
from osciprop.training.loop import History

DATA = osciprop.datasets.digits().subset(train=160, test=60)
METHOD = osciprop.HolomorphicEP(0.1, 4, osciprop.AndersonIteration(tolerance=1e-6))
OPTIMIZER = optax.adam(3e-3)


def network():
    return osciprop.hopfield_mlp(
        [64, 12, 10, 10],
        key=jax.random.PRNGKey(0),
        activation=osciprop.Tanh(),
        scale=(0.5, 0.2, 0.5),
    )


def fit(method=METHOD, epochs=2, **options):
    return osciprop.fit(
        network(), DATA, method, OPTIMIZER, epochs=epochs, batch_size=20, progress=False, **options
    )


@pytest.mark.slow
def test_it_learns():
    trained, history = fit(osciprop.Implicit(), epochs=12)
    assert history.epochs["train_loss"][-1] < 0.75 * history.epochs["train_loss"][0]
    assert history.epochs["test_accuracy"][-1] > 0.5
    measured = osciprop.evaluate(trained, DATA.x_test, DATA.y_test)
    assert measured.accuracy == history.epochs["test_accuracy"][-1]
    assert measured.converged == 1.0
    assert "test_accuracy" in str(history)


@pytest.mark.slow
def test_exact_and_implicit_gradients_train_alike():
    ours, _ = fit(osciprop.HolomorphicEP(0.1, 8))
    reference, _ = fit(osciprop.Implicit())
    arrays = [flat(eqx.filter(net, eqx.is_inexact_array)) for net in (ours, reference)]
    np.testing.assert_allclose(*arrays, atol=1e-4)


@dataclasses.dataclass
class Interruption:
    """A monitor that interrupts training after some updates."""

    after: int
    seen: int = 0

    def __call__(self, network, x, y, estimate):
        self.seen += 1
        if self.seen > self.after:
            raise KeyboardInterrupt
        return {"gradient": float(np.linalg.norm(flat(estimate.gradient)))}


@pytest.mark.parametrize("after", [3, 8, 13])
def test_resumed_run_equals_uninterrupted(tmp_path, after):
    calm = Interruption(after=1000)
    whole, history = fit(monitor=calm, monitor_every=1)
    path = tmp_path / "run" / "training.checkpoint"
    options = {"checkpoint": path, "checkpoint_every": 2, "monitor_every": 1}
    with pytest.raises(KeyboardInterrupt):
        fit(monitor=Interruption(after=after), **options)
    resumed, again = fit(monitor=calm, **options)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again == history
    # Once done, there is nothing left to do.
    _, done = fit(monitor=Interruption(after=0), **options)
    assert done == history


def test_checkpoints_name_functions_without_addresses():
    """Which no other process has, so that none could go on."""
    # Its integrator holds a norm, which is a function.
    text = described(osciprop.Integrator())
    assert "function rms_norm>" in text


def test_checkpoint_of_other_settings_is_refused(tmp_path):
    path = tmp_path / "training.checkpoint"
    fit(epochs=1, checkpoint=path)
    with pytest.raises(osciprop.CheckpointError, match="other settings.*seed: 0 != 1"):
        fit(checkpoint=path, seed=1)
    with pytest.raises(osciprop.CheckpointError, match="method"):
        fit(osciprop.HolomorphicEP(0.2, 4), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(osciprop.CheckpointError, match="damaged"):
        fit(checkpoint=path)
    path.write_text("something else")
    with pytest.raises(osciprop.CheckpointError, match="not an osciprop checkpoint"):
        fit(checkpoint=path)


def test_failed_write_keeps_the_previous_checkpoint(tmp_path):
    path = tmp_path / "x.checkpoint"
    save_checkpoint(path, np.arange(3.0), {"n": 1})
    with pytest.raises(TypeError):
        save_checkpoint(path, np.arange(3.0), {"n": object()})
    tree, header = load_checkpoint(path, np.zeros(3))
    assert header["n"] == 1 and tree.tolist() == [0.0, 1.0, 2.0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.checkpoint"]


def test_not_finite_loss_stops_at_once():
    exploding = optax.sgd(float("nan"))
    with pytest.raises((osciprop.NonFiniteLossError, osciprop.ConvergenceError), match="update"):
        osciprop.fit(
            network(), DATA, osciprop.Implicit(), exploding, epochs=1, batch_size=20, progress=False
        )
    with pytest.raises(osciprop.NonFiniteLossError, match="clip the gradient"):
        osciprop.fit(
            network(),
            DATA,
            osciprop.Implicit(),
            exploding,
            epochs=1,
            batch_size=20,
            progress=False,
            throw=False,
        )


def test_time_constants_are_not_trained():
    decaying = optax.adamw(1e-2, weight_decay=0.5)
    trained, _ = osciprop.fit(
        network(), DATA, osciprop.Implicit(), decaying, epochs=1, batch_size=20, progress=False
    )
    assert all(float(p.neuron.time_constant) == 1.0 for p in trained.populations)


def test_unconverged_estimates_raise_or_are_recorded():
    hasty = osciprop.HolomorphicEP(0.1, 4, osciprop.SynchronousIteration(max_steps=2))
    with pytest.raises(osciprop.ConvergenceError, match="update 0"):
        fit(hasty, epochs=1)
    _, history = fit(hasty, epochs=1, throw=False)
    assert set(history.steps["converged"]) == {0.0}


def test_history_prints():
    assert str(History()) == "History: 0 updates"
