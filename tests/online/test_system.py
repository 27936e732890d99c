"""Neurons, signal, filters and synapses as one system: the parts' own velocities."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import batch, small_network
from online_cases import learn, simulation
from signal_cases import wave

import osciprop
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.online.simulation import begin
from osciprop.online.system import Moment, OnlineSystem, with_parameters

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


@pytest.mark.slow
def test_the_gradient_is_that_of_the_input_of_the_moment():
    state = begin(NETWORK, jnp.asarray(X), simulation(noise=None), None)
    moment = Moment(state.u, None, state.filters, None)
    inputs, targets = wave(X, 0.3), wave(np.eye(3)[Y], 0.2)

    def gradient(x, y, time):
        settings = simulation(noise=None)
        online = OnlineSystem(
            NETWORK, x, y, settings.teaching, settings.lock_in, settings.plasticity, None, x
        )
        return online.gradient(time, moment)

    moving = gradient(inputs, targets, 2.0)
    still = gradient(inputs(2.0), targets(2.0), 0.0)
    for a, b in zip(jax.tree.leaves(moving), jax.tree.leaves(still), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_measurement_noise_reaches_the_error_signal_but_not_the_neurons():
    def after_two(measurement: osciprop.MeasurementNoise | None):
        settings = simulation(
            osciprop.PeriodicPlasticity(optax.sgd(0.0)), noise=None, measurement=measurement
        )
        return learn(settings, 2).state

    noisy, quiet = after_two(osciprop.MeasurementNoise(0.1)), after_two(None)
    for a, b in zip(noisy.u, quiet.u, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    difference = np.asarray(noisy.filters.errors[-1][0] - quiet.filters.errors[-1][0])
    assert np.abs(difference).min() > 1e-6
