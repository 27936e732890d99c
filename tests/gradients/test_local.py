"""The local rule: outer products of mean activity and error signal."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
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


def test_a_synapse_sees_its_own_two_neurons_only():
    """The derivative of a weight's change by the signals of any other neuron is zero."""
    pre, post = 2, 4

    def change(signals):
        gradient = osciprop.gradients.local_gradient(
            NETWORK, jnp.asarray(X), jnp.asarray(Y), *signals
        )
        return gradient.synapses[1].weight[pre, post]

    for signal in jax.grad(change)((EXACT.equilibrium.s, EXACT.error_signal)):
        for sample in range(len(X)):
            below, above = (np.asarray(leaf[sample]) for leaf in signal)
            assert below[pre] != 0 and above[post] != 0
            assert np.count_nonzero(below) == 1 and np.count_nonzero(above) == 1


def test_constants_of_neurons_do_not_learn():
    gradient = osciprop.gradients.local_gradient(
        NETWORK, jnp.asarray(X), jnp.asarray(Y), EXACT.equilibrium.s, EXACT.error_signal
    )
    assert jax.tree.structure(gradient) == jax.tree.structure(
        eqx.filter(NETWORK, eqx.is_inexact_array)
    )
    assert all(np.all(np.asarray(part.neuron.time_constant) == 0) for part in gradient.populations)


@pytest.mark.slow
def test_the_mean_and_slope_on_a_contour_give_the_gradient():
    solver = osciprop.AndersonIteration(tolerance=1e-13, max_steps=500)
    spectrum = osciprop.analysis.activity_spectrum(
        NETWORK, X, Y, amplitude=0.05, points=16, relaxation=solver
    )
    error = jax.tree.map(jnp.real, spectrum.taylor(1))
    found = osciprop.gradients.local_gradient(
        NETWORK, jnp.asarray(X), jnp.asarray(Y), spectrum.free.s, error
    )
    exact = osciprop.estimate_gradient(NETWORK, X, Y, osciprop.Implicit(solver, tolerance=1e-13))
    assert relative_error(found, exact.gradient) < 1e-9
