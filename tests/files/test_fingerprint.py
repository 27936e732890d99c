"""Descriptions that are compared and read, of values, networks and data."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from described_values import network

import osciprop
from osciprop.files.fingerprint import (
    LONGEST,
    SAMPLE,
    data_fingerprint,
    describe,
    describe_around,
    describe_constants,
    is_value,
    without_digest,
)


def test_what_it_says_can_be_read():
    text = describe(optax.adam(1e-3, b1=0.8))
    assert "scale_by_adam.update_fn(b1=0.8, b2=0.999" in text and "step_size=-0.001" in text
    assert re.search(r" #[0-9a-f]{16}$", text) and "optax._src" not in text
    assert without_digest(describe(osciprop.Tanh())) == "Tanh()"
    assert without_digest(describe([1, "a"])) == "[1, 'a']"


def test_what_is_long_is_cut():
    one, other = (describe([*range(300), last, *range(300)]) for last in (1, 2))
    assert len(one) < LONGEST + 50 and one != other
    assert without_digest(one) == without_digest(other)


def test_training_changes_no_constant():
    assert describe_constants(network(0)) == describe_constants(network(1))


@pytest.mark.parametrize(
    ("place", "other"),
    [
        (".populations[0].neuron.time_constant", network(time_constant=2.0)),
        (".populations[0].neuron.activation", network(activation=osciprop.Tanh())),
        (
            ".populations[0].neuron.activation.slope",
            network(activation=osciprop.ShiftedSigmoid(slope=3.0)),
        ),
        (".readout", eqx.tree_at(lambda n: n.readout, network(), osciprop.CrossEntropy())),
    ],
)
def test_other_constants_are_found_at_their_place(place, other):
    one, two = describe_constants(network()), describe_constants(other)
    differing = {name for name in {*one, *two} if one.get(name) != two.get(name)}
    assert place in differing
    assert all(name.startswith(place) for name in differing) or "neuron" in place


def test_trained_leaves_count_by_type_and_shape():
    constants = describe_constants(network())
    assert constants["class"] == "osciprop.networks.joined:Network"
    assert constants[".synapses[0].weight"] == "trained float64[5, 4]"
    assert constants[".populations[0].neuron.time_constant"].startswith("float64[] 1.0 #")


class Frozen(eqx.Module):
    weight: jax.Array
    kept: jax.Array
    missing: jax.Array | None = None

    def trainable(self):
        return eqx.tree_at(lambda tree: tree.kept, jax.tree.map(lambda _: True, self), False)


def test_a_network_says_itself_what_is_trained():
    one = Frozen(jnp.arange(3.0), jnp.arange(2.0))
    trained = eqx.tree_at(lambda tree: tree.weight, one, jnp.ones(3))
    other = eqx.tree_at(lambda tree: tree.kept, one, jnp.ones(2))
    assert describe_constants(one) == describe_constants(trained) != describe_constants(other)
    assert without_digest(describe_constants(one)[".missing"]) == "None"


def test_in_any_pytree_all_numbers_may_change():
    def tree(number, function=jnp.tanh):
        return {"a": [number, np.float32(number)], "b": (jnp.full(3, number), function)}

    assert describe_constants(tree(1.0)) == describe_constants(tree(2.0))
    assert describe_constants(tree(1.0)) != describe_constants(tree(1.0, jnp.sin))
    assert describe_constants(tree(1.0))["['a'][0]"] == "trained float[]"


def test_outlines_of_arrays_do_for_arrays():
    outline = eqx.filter_eval_shape(network)
    changing = jax.tree.map(is_value, network())
    assert describe_around(outline, changing) == describe_around(network(), changing)


def test_data_count_by_their_content():
    one = {"x": np.arange(12.0).reshape(4, 3), "y": np.arange(4)}
    text = data_fingerprint(one)
    assert text.startswith("['x'] float64[4, 3], ['y'] int64[4] #")
    assert data_fingerprint({name: array.copy() for name, array in one.items()}) == text
    assert data_fingerprint({**one, "x": one["x"] + 1e-15}) != text
    assert data_fingerprint({**one, "x": one["x"].astype(np.float32)}) != text
    assert data_fingerprint({**one, "y": one["y"][::-1]}) != text


def test_large_data_in_files_are_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr("osciprop.files.fingerprint.SAMPLE", 2**10)
    assert SAMPLE == 2**26
    mapped = np.memmap(tmp_path / "file", np.uint8, "w+", shape=(100, 40))
    text = data_fingerprint({"x": mapped})
    assert "sampled in every row of 4" in text
    mapped[1] = 1
    assert data_fingerprint({"x": mapped}) == text
    mapped[4] = 1
    assert data_fingerprint({"x": mapped}) != text
    assert "sampled" not in data_fingerprint({"x": np.array(mapped)})
    assert "sampled" not in data_fingerprint({"x": mapped[:10]})
