"""An extension that adds nothing is the network inside."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, relative_error, small_network

import osciprop

X, Y = batch(5, 3, 2)


class Plain(osciprop.networks.AbstractExtension):
    network: osciprop.Network


def test_it_passes_everything_on():
    network = small_network()
    plain = Plain(network)
    inside, outside = (
        osciprop.estimate_gradient(one, X, Y, osciprop.BPTT(100)) for one in (network, plain)
    )
    assert relative_error(outside.gradient.network, inside.gradient) == 0
    np.testing.assert_array_equal(outside.outputs, inside.outputs)
    assert plain.is_holomorphic() and float(plain.slowest()) == 1.0
    frozen = eqx.tree_at(lambda tree: tree.network, plain.trainable(), network.trainable())
    assert jax.tree.leaves(frozen) == jax.tree.leaves(plain.trainable())


def test_a_network_assumed_reciprocal_has_the_products_of_its_activities_as_phi():
    directed = osciprop.feedback_mlp([5, 4, 3, 3, 3], key=jax.random.key(0), bias=0.3)
    random = np.random.default_rng(0)
    s = [random.normal(size=(2, population.size)) for population in directed.populations]
    expected = 0.3 * sum(activity.sum(axis=1) for activity in s)
    for synapse in directed.synapses:
        pre = X if synapse.source == osciprop.INPUT else s[synapse.source]
        expected += ((pre @ np.asarray(synapse.weight)) * s[synapse.target]).sum(axis=1)
    arguments = tuple(map(jnp.asarray, s)), jnp.asarray(X)
    np.testing.assert_allclose(osciprop.AssumedReciprocal(directed).phi(*arguments), expected)
    with pytest.raises(osciprop.ReciprocityError, match="AssumedReciprocal"):
        directed.phi(*arguments)
