"""Which synapse learns at which rate in the published convolutional runs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from experiments import homeostasis2024_cnn, two_tales2024_vgg16


def first_update(optimizer, network: osciprop.Network) -> osciprop.Network:
    """What an update with a gradient of ones subtracts."""
    parameters = eqx.filter(network, eqx.is_inexact_array)
    ones = jax.tree.map(jnp.ones_like, parameters)
    with jax.numpy_dtype_promotion("standard"):
        state = optimizer.init(parameters)
        return jax.tree.map(jnp.negative, optimizer.update(ones, state, parameters)[0])


@pytest.mark.slow
def test_every_synapse_of_the_feedback_network_has_its_rate():
    network = osciprop.networks.feedback_cnn(
        osciprop.networks.vgg4(1), key=jax.random.PRNGKey(0), angle=0.0
    )
    step = first_update(homeostasis2024_cnn.optimizer(1e-2, updates=100), network)
    multiples = {(-1, 0): 25, (0, 1): 15, (1, 0): 15, (1, 2): 10, (2, 1): 10, (2, 3): 8, (3, 2): 8}
    assert len(network.synapses) == len(multiples)
    for synapse, change in zip(network.synapses, step.synapses, strict=True):
        decayed = 1 + 1e-4 * np.asarray(synapse.transform.kernel)
        expected = 1e-2 * multiples[synapse.source, synapse.target] * decayed
        np.testing.assert_allclose(change.transform.kernel, expected, rtol=1e-6)
    for population, multiple in zip(step.populations, (25, 15, 10, 8), strict=True):
        np.testing.assert_allclose(population.bias, 1e-2 * multiple, rtol=1e-6)
    decayed = 1 + 2e-4 * np.asarray(network.readout.weight)
    np.testing.assert_allclose(step.readout.weight, 5e-2 * decayed, rtol=1e-6)


@pytest.mark.slow
def test_warm_up_of_vgg16():
    network = osciprop.perceptron([3, 2, 2], key=jax.random.PRNGKey(0))
    step = first_update(two_tales2024_vgg16.optimizer(0.025, 10, 120), network)
    decayed = 1 + 5e-4 * np.asarray(network.synapses[0].weight)
    np.testing.assert_allclose(step.synapses[0].weight, 1e-3 * decayed, rtol=1e-6)


@pytest.mark.slow
def test_rows_are_the_published_ones():
    assert set(homeostasis2024_cnn.rows("cifar10", 10, 1, 1)) == {
        "response",
        "response_homeostasis",
        "N2_homeostasis",
        "adjoint",
        "adjoint_homeostasis",
    }
    names = set(two_tales2024_vgg16.methods())
    assert {"backprop", "adjoint_0_10", "adjoint_0.5_0.01", "adjoint_1_1"} <= names
    assert len(names) == 11
    network = two_tales2024_vgg16.row("cifar100", osciprop.Implicit(), 100, 2, 5).network(0)
    assert [p.size for p in network.populations][-3:] == pytest.approx([128, 128, 100])
