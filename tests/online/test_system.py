"""Neurons, signal, filters and synapses as one system: the parts' own velocities."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from helpers import batch, small_network

import osciprop
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.online.simulation import begin
from osciprop.online.system import with_parameters

NETWORK, (X, Y) = small_network(), batch(5, 3, 2)


def test_parameters_take_the_place_of_a_networks_own():
    parameters = jax.tree.map(jnp.zeros_like, eqx.filter(NETWORK, eqx.is_inexact_array))
    silent = with_parameters(NETWORK, parameters)
    assert not np.any(silent.synapses[1].weight)
    assert with_parameters(NETWORK, None) is NETWORK


def test_it_begins_at_rest_with_empty_filters():
    signal = osciprop.Oscillation(0.1, 20.0)
    simulation = osciprop.Simulation(signal, osciprop.PeriodicPlasticity(optax.sgd(0.1)))
    state = begin(NETWORK, jnp.asarray(X), simulation, None)
    dynamics = make_dynamics(NETWORK, jnp.asarray(X), jnp.asarray(Y), signal)
    for leaf, rest in zip(state.u, dynamics.rest(jnp.asarray(X)), strict=True):
        np.testing.assert_array_equal(leaf, rest)
    assert state.count == 0
    error = simulation.lock_in.error(state.filters)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(error))
