"""The local rule: outer products of mean activity and error signal."""

import jax.numpy as jnp
import numpy as np
from helpers import batch, relative_error, small_network

import osciprop

NETWORK, (X, Y) = small_network(), batch(5, 3, 3)
EXACT = osciprop.estimate_gradient(NETWORK, X, Y, osciprop.Implicit())


def test_a_synapse_needs_its_own_two_neurons_only():
    s, e = EXACT.equilibrium.s, EXACT.error_signal
    found = osciprop.gradients.local_gradient(NETWORK, jnp.asarray(X), jnp.asarray(Y), s, e)
    products = -(s[0].T @ e[1] + e[0].T @ s[1]) / len(X)
    np.testing.assert_allclose(found.synapses[1].weight, products, atol=1e-12)
    np.testing.assert_allclose(found.synapses[0].weight, -X.T @ e[0] / len(X), atol=1e-12)
    np.testing.assert_allclose(found.populations[0].bias, -e[0].mean(axis=0), atol=1e-12)
    assert relative_error(found, EXACT.gradient) < 1e-9


def test_without_error_only_the_readout_learns():
    still = tuple(jnp.zeros_like(leaf) for leaf in EXACT.error_signal)
    found = osciprop.gradients.local_gradient(
        NETWORK, jnp.asarray(X), jnp.asarray(Y), EXACT.equilibrium.s, still
    )
    assert not np.any(found.synapses[1].weight)
    np.testing.assert_allclose(found.readout.weight, EXACT.gradient.readout.weight, atol=1e-12)
