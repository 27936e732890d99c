"""Learning rules: the same gradient from products of activities and from error signals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.dynamics.teaching import roots_of_unity
from osciprop.gradients.rules import first_coefficient
from tests.helpers import batch, flat, small_network

RULES = (osciprop.gradients.ActivityProducts(), osciprop.ErrorSignals())


@eqx.filter_jit
def both(*turn):
    """Gradient and quadrature by each rule."""
    return tuple(rule.gradient(*turn) for rule in RULES)


@pytest.fixture(scope="module")
def turn():
    """A network, a batch, and its equilibria at 24 points of the circle of radius 0.2."""
    network = small_network(1)
    x, y = (jnp.asarray(part) for part in batch(5, 3, samples=4))
    spectrum = osciprop.analysis.activity_spectrum(
        network, x, y, amplitude=0.2, points=24, relaxation=osciprop.Newton(tolerance=1e-13)
    )
    activity = jax.tree.map(lambda leaf: 24 * jnp.fft.ifft(leaf, axis=0), spectrum.coefficients)
    return network, x, y, activity, 0.2 * jnp.asarray(roots_of_unity(24))


@pytest.mark.slow
def test_rules_agree_where_the_response_is_analytic(turn):
    (products, _), (signals, _) = both(*turn)
    np.testing.assert_allclose(flat(signals), flat(products), rtol=1e-8, atol=1e-12)


@pytest.mark.slow
def test_rules_equal_the_implicit_gradient(turn):
    network, x, y, *_ = turn
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    for gradient, _ in both(*turn):
        assert osciprop.relative_error(gradient, exact) < 1e-6


def test_quadrature_of_a_lagging_response(turn):
    """A response that lags by a phase puts the sine of it into the quadrature."""
    network, x, y, activity, betas = turn
    late = jnp.exp(-0.3j)
    (products, one), (signals, other) = both(network, x, y, activity, betas * late)
    # The cost's own term turns in the products and stays in the error signals: only synapses below
    # the readout compare.
    for a, b in ((products, signals), (one, other)):
        below = [part.weight for part in a.synapses], [part.weight for part in b.synapses]
        for left, right in zip(*below, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-12)
    assert max(float(jnp.abs(part.weight).max()) for part in one.synapses) > 1e-4


def test_first_coefficient_of_a_polynomial():
    betas = 0.3 * jnp.asarray(roots_of_unity(8))
    activity = (2.0 + 3.0 * betas - 5.0 * betas**2)[:, None]
    np.testing.assert_allclose(first_coefficient((activity,), betas)[0], [3.0], rtol=1e-12)


def test_structure_is_that_of_the_network(turn):
    network = turn[0]
    expected = jax.tree.structure(eqx.filter(network, eqx.is_inexact_array))
    assert all(jax.tree.structure(part) == expected for pair in both(*turn) for part in pair)
