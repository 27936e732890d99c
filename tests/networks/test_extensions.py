"""An extension that adds nothing is the network inside."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, flat, relative_error, small_network

import osciprop

X, Y = batch(5, 3, 2)


class Plain(osciprop.networks.AbstractExtension):
    network: osciprop.Network


def test_it_passes_everything_on():
    network = small_network()
    plain = Plain(network)
    inside, outside = (osciprop.relax(one, X) for one in (network, plain))
    for a, b in zip(inside.s, outside.s, strict=True):
        np.testing.assert_array_equal(a, b)
    found = osciprop.estimate_gradient(plain, X, Y, osciprop.Implicit()).gradient.network
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit()).gradient
    assert relative_error(found, exact) == 0
    assert plain.is_holomorphic() and float(plain.slowest()) == 1.0
    frozen = eqx.tree_at(lambda tree: tree.network, plain.trainable(), network.trainable())
    assert jax.tree.leaves(frozen) == jax.tree.leaves(plain.trainable())


def test_a_network_assumed_reciprocal_has_the_products_of_its_activities_as_phi():
    directed = osciprop.feedback_mlp([5, 4, 3, 3], key=jax.random.key(0))
    s = osciprop.relax(directed, X).s
    phi = osciprop.AssumedReciprocal(directed).phi(s, jnp.asarray(X))
    np.testing.assert_allclose(phi, directed.products(s, jnp.asarray(X)))
    with pytest.raises(osciprop.ReciprocityError, match="AssumedReciprocal"):
        directed.phi(s, jnp.asarray(X))
    assert flat(s).size
