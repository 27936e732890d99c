"""Damping by spectral norms; what it settles is tested with the gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.equilibria.lipschitz_damping import layer_damping

X = np.random.default_rng(7).uniform(size=(5, 6))
NETWORK = osciprop.perceptron([6, 9, 8, 3], key=jax.random.PRNGKey(3))


@pytest.mark.slow
def test_layer_damping_is_that_of_the_spectral_norms():
    dual = osciprop.dynamics.Dual(NETWORK, [0.0, 0.75, 0.5])
    u = dual.rest(jnp.asarray(X))
    damping = layer_damping(dual, u, NETWORK.drive(jnp.asarray(X)), 100)
    norms = [np.linalg.norm(synapse.weight, 2) for synapse in NETWORK.synapses[1:]]
    excess = [max(0, norm**2 - 1) / 2 for norm in norms]
    np.testing.assert_allclose(
        damping, [1 / (1 + excess[0]), 1 / (1 + 0.5 * excess[1]), 1.0], rtol=1e-6
    )


def test_it_is_made_for_dyads():
    with pytest.raises(TypeError, match="LipschitzDamping is made for dual networks"):
        osciprop.relax(NETWORK, X, relaxation=osciprop.equilibria.LipschitzDamping())
    with pytest.raises(ValueError, match="iterations must be"):
        osciprop.equilibria.LipschitzDamping(iterations=0)
