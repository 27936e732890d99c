"""Builders of layered networks: what a list of sizes means, and forms of other arguments."""

import jax
import numpy as np
import pytest

import osciprop

KEY = jax.random.key(0)


def test_sizes_of_a_classifier_and_of_a_regressor():
    mlp = osciprop.hopfield_mlp([4, 6, 5, 3], key=KEY)
    assert [population.size for population in mlp.populations] == [6, 5]
    assert [synapse.weight.shape for synapse in mlp.synapses] == [(4, 6), (6, 5)]
    assert mlp.readout.weight.shape == (5, 3)
    regressor = osciprop.hopfield_regressor([4, 6, 3], key=KEY)
    assert [population.size for population in regressor.populations] == [6, 3]


def test_one_value_each():
    mlp = osciprop.hopfield_mlp(
        [4, 400, 300, 3], key=KEY, time_constant=[1.0, 5.0], scale=[1.0, 0.1, 0.5], bias=0.25
    )
    assert [float(p.neuron.time_constant) for p in mlp.populations] == [1.0, 5.0]
    ratio = np.std(mlp.synapses[1].weight) * 400**0.5 / (np.std(mlp.synapses[0].weight) * 4**0.5)
    assert ratio == pytest.approx(0.1, rel=0.1)
    assert set(np.asarray(mlp.populations[0].bias).tolist()) == {0.25}


@pytest.mark.parametrize("form", [list, tuple, np.asarray])
def test_one_value_each_in_any_form(form):
    mlp = osciprop.hopfield_mlp(
        [4, 6, 5, 3], key=KEY, time_constant=form([1.0, 5.0]), scale=form([0.5, 0.5, 0.25])
    )
    assert [np.asarray(p.neuron.time_constant).tolist() for p in mlp.populations] == [1.0, 5.0]


@pytest.mark.parametrize("form", [list, tuple, np.asarray])
def test_another_number_of_values_is_refused(form):
    with pytest.raises(ValueError, match=r"time_constant has 3 entries for 2 populations, .*3\."):
        osciprop.hopfield_mlp([4, 6, 5, 3], key=KEY, time_constant=form([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="scale has 2 entries for 3 weight matrices"):
        osciprop.hopfield_mlp([4, 6, 5, 3], key=KEY, scale=form([1.0, 2.0]))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([4, 3], r"sizes is \[4, 3\]"),
        ([4, 0, 3], r"sizes\[1\] must be an integer of at least 1, got 0"),
    ],
)
def test_sizes_are_checked(sizes, message):
    with pytest.raises(ValueError, match=message):
        osciprop.hopfield_mlp(sizes, key=KEY)


def test_the_published_initialisation():
    network = osciprop.hopfield_mlp([784, 256, 128, 10], key=KEY, scale=1.0)
    for weight in (network.synapses[0].weight, network.synapses[1].weight, network.readout.weight):
        scaled = np.asarray(weight) * weight.shape[0] ** 0.5
        assert np.abs(scaled).max() <= 2.0
        assert scaled.std() == pytest.approx(0.8796, abs=0.03)  # of the cut normal distribution
    assert all(not np.asarray(p.bias).any() for p in network.populations)
