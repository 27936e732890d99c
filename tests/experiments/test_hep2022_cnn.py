"""The optimizer of the published convolutional runs, against its formula."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, PyTree

import osciprop
from experiments import hep2022_cnn


def test_learning_rate_is_set_after_each_epoch_and_falls_to_almost_nothing():
    schedule = hep2022_cnn.annealed(0.2, steps_per_epoch=10)
    rates = [float(schedule(jnp.asarray(10 * epoch))) for epoch in (0, 1, 46, 91)]
    assert rates[0] == rates[1] == pytest.approx(0.2)
    assert rates[2:] == pytest.approx([0.1, 0.2e-7], rel=1e-6)


@pytest.mark.slow
def test_momentum_and_decoupled_decay_by_layer():
    """`m <- 0.9 m + g`, `theta <- (1 - rate decay) theta - rate m`, biases with their layer."""
    rates, decays = (0.25, 0.15, 0.05), (2e-3, 1e-2, 5e-4)
    network = osciprop.hopfield_cnn(
        (osciprop.networks.Maps(2), osciprop.networks.Maps(3)),
        key=jax.random.PRNGKey(0),
        image_shape=(4, 4, 1),
        classes=2,
        bias=0.5,
    )
    optimizer = hep2022_cnn.layerwise(rates, decays, steps_per_epoch=10)
    parameters = eqx.filter(network, eqx.is_inexact_array)

    def leaves(tree: PyTree[Array]) -> list[np.ndarray]:
        layers = zip(tree.synapses, tree.populations, strict=True)
        pairs = [(synapse.transform.kernel, population.bias) for synapse, population in layers]
        return [np.asarray(leaf) for pair in [*pairs, (tree.readout.weight,)] for leaf in pair]

    expected = leaves(parameters)
    gradient = jax.tree.map(jnp.ones_like, parameters)
    with jax.numpy_dtype_promotion("standard"):
        state = optimizer.init(parameters)
        momentum = 0.0
        for _ in range(3):
            updates, state = optimizer.update(gradient, state, parameters)
            parameters = optax.apply_updates(parameters, updates)
            momentum = 0.9 * momentum + 1
            layers = (0, 0, 1, 1, 2)
            expected = [
                (1 - rates[layer] * decays[layer]) * leaf - rates[layer] * momentum
                for layer, leaf in zip(layers, expected, strict=True)
            ]
    for found, wanted in zip(leaves(parameters), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_rows_are_the_published_networks():
    rows = hep2022_cnn.rows("cifar10", 10, 2, 5, 4)
    assert list(rows) == hep2022_cnn.ROWS
    assert not rows["fig4c_control"].network(0).is_holomorphic()
    deep = rows["fig4c_N4"].network(0)
    assert [population.bias.shape[0] for population in deep.populations] == [2, 2, 4, 4, 8, 8]
    assert len(rows["backprop"].network(0).populations) == 5
