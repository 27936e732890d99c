"""Networks as files: what comes back in another process, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from described_values import network
from helpers import flat
from training_cases import fit_digits

import osciprop
from osciprop.files import saving
from osciprop.files.checkpoint import read_header, save_checkpoint

HERE = Path(__file__).parents[1]


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert type(a) is type(b) and np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def test_a_network_comes_back_whole(tmp_path):
    saved = network(seed=1, time_constant=3.0)
    osciprop.save(tmp_path / "net", saved)
    assert_same(osciprop.load(tmp_path / "net", network(seed=2)), saved)
    assert_same(osciprop.load(str(tmp_path / "net"), eqx.filter_eval_shape(network)), saved)


@pytest.mark.parametrize(
    "make",
    [
        lambda key: osciprop.feedback_mlp([4, 5, 3, 3], key=key, angle=30.0),
        lambda key: osciprop.perceptron([4, 5, 3], key=key),
        lambda key: osciprop.hopfield_cnn(
            [osciprop.networks.Maps(2)], key=key, image_shape=(8, 8, 1), classes=3
        ),
        lambda key: osciprop.AssumedReciprocal(osciprop.feedback_mlp([4, 5, 3, 3], key=key)),
        lambda key: eqx.nn.MLP(2, 3, 4, 2, key=key, activation=jnp.tanh),
        lambda key: {"a": [jax.random.normal(key, (3,)), 2.5], "key": key},
    ],
    ids=["feedback", "perceptron", "convolutional", "wrapped", "Equinox", "pytree"],
)
def test_networks_of_all_kinds(tmp_path, make):
    saved = make(jax.random.PRNGKey(0))
    osciprop.save(tmp_path / "net", saved)
    assert_same(osciprop.load(tmp_path / "net", make(jax.random.PRNGKey(1))), saved)


@pytest.mark.parametrize(
    ("like", "words"),
    [
        (lambda: network(activation=osciprop.Tanh()), [".neuron.activation", "Tanh", "Shifted"]),
        (
            lambda: network(activation=osciprop.ShiftedSigmoid(slope=3.0)),
            ["activation.slope: 4.0 != 3.0"],
        ),
        (
            lambda: eqx.tree_at(lambda n: n.readout, network(), osciprop.CrossEntropy()),
            [".readout: ", "!= osciprop.networks.costs:CrossEntropy"],
        ),
        (
            lambda: osciprop.hopfield_mlp([5, 4, 6, 3], key=jax.random.key(0)),
            [".synapses[1].weight is float64[4,4] in the file and float64[4,6] here"],
        ),
        (
            lambda: osciprop.hopfield_mlp([5, 4, 4, 4, 3], key=jax.random.key(0)),
            [".populations: tuple of 2 != tuple of 3"],
        ),
        (lambda: [1, 2], ["class: osciprop.networks.joined:Network != list of 2"]),
    ],
)
def test_what_differs_is_named(tmp_path, like, words):
    osciprop.save(tmp_path / "net", network())
    with pytest.raises(osciprop.CheckpointError) as caught:
        osciprop.load(tmp_path / "net", like())
    assert all(part in str(caught.value) for part in [*words, str(tmp_path / "net")])


class Own(eqx.Module):
    weight: jax.Array
    function: object = eqx.field(static=True)
    inner: object = jnp.tanh


@pytest.mark.parametrize(
    ("other", "place"),
    [
        (Own(jnp.ones(3), lambda x: 3 * x), ".function"),
        (Own(jnp.ones(3), lambda x: 2 * x, jnp.sin), ".inner"),
    ],
)
def test_functions_must_be_the_same(tmp_path, other, place):
    osciprop.save(tmp_path / "net", Own(jnp.zeros(3), lambda x: 2 * x))
    loaded = osciprop.load(tmp_path / "net", Own(jnp.ones(3), lambda x: 2 * x))
    assert loaded.weight.tolist() == [0, 0, 0]
    with pytest.raises(osciprop.CheckpointError, match=rf"\{place}"):
        osciprop.load(tmp_path / "net", other)


def test_precision_is_never_changed_in_silence(tmp_path):
    single = jax.tree.map(lambda leaf: leaf.astype(np.float32), network())
    osciprop.save(tmp_path / "double", network())
    osciprop.save(tmp_path / "single", single)
    for name, like in {"double": single, "single": network()}.items():
        with pytest.raises(osciprop.CheckpointError, match="float64.*float32|float32.*float64"):
            osciprop.load(tmp_path / name, like)
    with jax.enable_x64(False):
        for like in (network(), eqx.filter_eval_shape(network)):
            with pytest.raises(osciprop.CheckpointError, match="jax_enable_x64"):
                osciprop.load(tmp_path / "double", like)
        assert_same(osciprop.load(tmp_path / "single", network()), single)


def test_the_header_tells_what_it_is_of(tmp_path):
    osciprop.save(tmp_path / "net", network())
    with (tmp_path / "net").open("rb") as file:
        header = json.loads(file.readline())
    assert header["class"] == "osciprop.networks.joined:Network"
    assert header["versions"]["jax"] == jax.__version__
    assert header["versions"]["osciprop"] == osciprop.__version__
    assert {"numpy", "equinox", "python"} <= set(header["versions"])
    assert {"path": ".synapses[0].weight", "dtype": "float64", "shape": [5, 4]} in header["leaves"]
    assert header["constants"][".readout"].endswith(":SoftmaxCrossEntropy")


def with_versions(monkeypatch, path, saved, **others):
    now = saving.versions()
    monkeypatch.setattr(saving, "versions", lambda: {**now, **others})
    osciprop.save(path, saved)
    monkeypatch.undo()


def test_other_versions_open_it_and_are_named_where_it_does_not_fit(tmp_path, monkeypatch):
    path, saved = tmp_path / "net", network(seed=1)
    with_versions(monkeypatch, path, saved, jax="0.4.1", osciprop="0.0.9")
    assert read_header(path)["versions"]["jax"] == "0.4.1"
    assert_same(osciprop.load(path, network()), saved)
    with pytest.raises(osciprop.CheckpointError, match="saved with osciprop 0.0.9, jax 0.4.1"):
        osciprop.load(path, network(activation=osciprop.Tanh()))


def test_functions_have_other_bytecode_with_another_python(tmp_path, monkeypatch):
    path = tmp_path / "net"
    with_versions(monkeypatch, path, Own(jnp.zeros(3), lambda x: 2 * x), python="3.99.0")
    osciprop.load(path, Own(jnp.zeros(3), lambda x: 3 * x))
    with pytest.raises(osciprop.CheckpointError, match=".function"):
        osciprop.load(path, Own(jnp.zeros(3), jnp.sin))


def test_a_run_is_no_network_and_a_network_no_run(tmp_path):
    osciprop.save(tmp_path / "net", network())
    save_checkpoint(tmp_path / "run", network(), {"settings": {}})
    with pytest.raises(osciprop.CheckpointError, match="holds a run, not a network alone"):
        osciprop.load(tmp_path / "run", network())
    with pytest.raises(osciprop.CheckpointError, match="holds no run"):
        osciprop.files.checkpoint.require_settings(tmp_path / "net", {"seed": 1})


def test_what_is_no_such_file(tmp_path):
    (tmp_path / "text").write_text("no network")
    for name in ("text", "missing", "."):
        with pytest.raises(osciprop.CheckpointError):
            osciprop.load(tmp_path / name, network())


OPEN = """
import sys
import jax
import numpy as np
jax.config.update("jax_enable_x64", True)
import osciprop
from helpers import flat
from training_cases import fit_digits
from training_cases import digits_network
np.save(sys.argv[2], flat(osciprop.load(sys.argv[1], digits_network())))
"""


@pytest.mark.slow
def test_another_process_opens_a_trained_network(tmp_path):
    trained, _ = fit_digits(epochs=1)
    osciprop.save(tmp_path / "net", trained)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
    command = [sys.executable, "-c", OPEN, str(tmp_path / "net"), str(tmp_path / "weights.npy")]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "weights.npy"), flat(trained))


def test_a_trained_network_with_a_setting_is_loaded_like_a_new_one(tmp_path):
    def new():
        layers = osciprop.hopfield_mlp([64, 4, 10], key=jax.random.key(0))
        return osciprop.networks.ScaledFeedback(layers, 0.1)

    data = osciprop.datasets.digits().subset(train=40, test=10)
    method = osciprop.DyadicEP(relaxation=osciprop.AndersonIteration())

    def fitted(epochs):
        checkpoint = tmp_path / "run.checkpoint"
        return osciprop.fit(
            new(),
            data,
            method,
            optax.sgd(0.1),
            epochs=epochs,
            checkpoint=checkpoint,
            progress=False,
        )[0]

    with jax.enable_x64(False):
        fitted(1)
        trained = fitted(2)  # goes on from the checkpoint
        osciprop.save(tmp_path / "trained.osciprop", trained)
        loaded = osciprop.load(tmp_path / "trained.osciprop", new())
        for one, other in zip(jax.tree.leaves(loaded), jax.tree.leaves(trained), strict=True):
            np.testing.assert_array_equal(one, other)
