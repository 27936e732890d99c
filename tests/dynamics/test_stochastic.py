"""Dynamics with noise in the form that an integrator takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear_network

import osciprop
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.dynamics.stochastic import current_kick, require_key, with_noise

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3)))
DYNAMICS = make_dynamics(linear_network(), X)
U = jnp.ones((2, 4))


def test_without_noise_it_is_the_dynamics_alone():
    system = with_noise(DYNAMICS, None)
    moved, own = system.velocity(0.0, system.begin(U, None))
    np.testing.assert_array_equal(moved, DYNAMICS.velocity(0.0, U))
    assert own is None


def test_coloured_noise_is_a_current_that_forgets_itself():
    system = with_noise(DYNAMICS, osciprop.ColouredNoise(0.3, 5.0))
    u, own = system.begin(U, jax.random.key(0))
    moved, forgetting = system.velocity(0.0, (u, own))
    np.testing.assert_allclose(moved, DYNAMICS.velocity(0.0, U) + own)
    np.testing.assert_allclose(forgetting, -own / 5.0)


def test_a_kick_passes_through_the_time_constant():
    network = osciprop.hopfield_mlp([3, 4, 2], key=jax.random.key(0), time_constant=4.0)
    u = network.rest(X)
    step = jax.tree.map(lambda leaf: jnp.ones((2, 1, *leaf.shape[1:])), u)
    moved, own = current_kick(network, osciprop.WhiteNoise(0.1), step, u)
    np.testing.assert_allclose(moved[0], 0.1 / 4.0)
    assert own is None


def test_noise_needs_a_key():
    with pytest.raises(ValueError, match=r"key is None, but there is noise.*jax.random.key"):
        require_key(None)
