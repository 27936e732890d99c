"""Builders of networks without reciprocal synapses: who is joined to whom, and how strongly."""

import jax
import numpy as np
import pytest

import osciprop

KEY = jax.random.key(0)


def joined(network):
    return [(synapse.source, synapse.target) for synapse in network.synapses]


def test_who_is_joined_to_whom():
    assert joined(osciprop.feedforward_mlp([4, 6, 5, 3, 3], key=KEY)) == [(-1, 0), (0, 1), (1, 2)]
    both_ways = {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert set(joined(osciprop.feedback_mlp([4, 6, 5, 3, 3], key=KEY))[1:]) == both_ways
    assert joined(osciprop.loop_mlp([4, 6, 5, 3, 3], key=KEY))[-1] == (2, 0)
    assert joined(osciprop.recurrent_network([4, 6, 3], key=KEY)) == [(-1, 0), (0, 0)]
    assert joined(osciprop.perceptron([4, 6, 3], key=KEY)) == [(-1, 0), (0, 1)]


@pytest.mark.parametrize(
    "build",
    [osciprop.hopfield_mlp, osciprop.feedback_mlp, osciprop.loop_mlp, osciprop.feedforward_mlp],
)
def test_the_last_size_is_the_classes_of_a_readout(build):
    network = build([4, 6, 5, 3], key=KEY)
    assert [population.size for population in network.populations] == [6, 5]
    assert network.readout.weight.shape == (5, 3)


@pytest.mark.parametrize("build", [osciprop.hopfield_regressor, osciprop.perceptron])
def test_outputs_that_are_values_are_a_population(build):
    network = build([4, 6, 5, 3], key=KEY)
    assert [population.size for population in network.populations] == [6, 5, 3]


def test_the_parts_of_a_recurrent_network():
    weight = (
        osciprop.recurrent_network([2, 400, 3], key=KEY, symmetric=0.5, antisymmetric=0.0)
        .synapses[1]
        .weight
    )
    np.testing.assert_allclose(weight, weight.T)
    assert np.abs(np.linalg.eigvalsh(np.asarray(weight))).max() == pytest.approx(0.5, rel=0.05)

    skew = osciprop.recurrent_network([2, 400, 3], key=KEY, symmetric=0.0, antisymmetric=0.8)
    weight = np.asarray(skew.synapses[1].weight)
    np.testing.assert_array_equal(weight, -weight.T)
    assert np.abs(np.linalg.eigvals(weight)).max() == pytest.approx(0.8, rel=0.1)


def test_feedback_at_a_right_angle_leaves_the_forward_weights_as_they_are():
    independent = osciprop.feedback_mlp([4, 6, 5, 3, 3], key=KEY, angle=90.0)
    forward = osciprop.feedforward_mlp([4, 6, 5, 3, 3], key=KEY)
    for one, other in zip(independent.synapses, forward.synapses, strict=False):
        np.testing.assert_array_equal(one.weight, other.weight)


def test_equal_feedback_at_angle_zero():
    network = osciprop.feedback_mlp([4, 6, 5, 3, 3], key=KEY, angle=0.0)
    assert osciprop.gradients.weight_angle(network) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "build", [osciprop.feedback_mlp, osciprop.loop_mlp, osciprop.feedforward_mlp]
)
def test_one_value_each_in_any_form(build):
    network = build(
        [4, 6, 5, 3],
        key=KEY,
        time_constant=np.asarray([1.0, 3.0]),
        bias=(0.1, 0.2),
        scale=[0.5, 0.5, 0.5],
        activation=[osciprop.Tanh(), osciprop.Identity()],
    )
    assert [float(p.neuron.time_constant) for p in network.populations] == [1.0, 3.0]
    assert [float(p.bias[0]) for p in network.populations] == [0.1, 0.2]
    assert isinstance(network.populations[1].neuron.activation, osciprop.Identity)


def test_bad_sizes_are_named():
    for build in (osciprop.feedback_mlp, osciprop.loop_mlp, osciprop.feedforward_mlp):
        with pytest.raises(ValueError, match="sizes is"):
            build([4, 3], key=KEY)
    with pytest.raises(ValueError, match="symmetric must be"):
        osciprop.recurrent_network([4, 5, 3], key=KEY, symmetric=-1.0)
    with pytest.raises(ValueError, match="inputs, units and classes"):
        osciprop.recurrent_network([4, 6, 5, 3], key=KEY)
    with pytest.raises(ValueError, match="scale has 4 entries for 3 weight matrices"):
        osciprop.feedforward_mlp([4, 6, 3, 3], key=KEY, scale=[1.0] * 4)
