"""Responses on a circle of nudges: of a linear network in closed form, and what they tell."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear_network, relative_error

import osciprop
from osciprop.dynamics.teaching import Contour
from osciprop.gradients.contour import contour_response, relax_free

TIGHT = osciprop.AndersonIteration(tolerance=1e-13)


@pytest.mark.parametrize("points", [1, 5])
def test_response_of_a_linear_network(points):
    """`s(beta) = (1 + beta - W)^-1 (V x + beta y)`, a point's samples in their order."""
    network = linear_network()
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 3)), random.normal(size=(2, 4))

    @eqx.filter_jit
    def respond(network, x, y):
        dynamics, free = relax_free(network, x, TIGHT, None)
        return contour_response(dynamics, free, y, Contour(0.05, points), TIGHT)

    found = respond(network, jnp.asarray(x), jnp.asarray(y))
    inner = np.eye(4) - np.asarray(network.coupling)
    drive = x @ np.asarray(network.inputs)
    for beta, states in zip(np.asarray(found.betas), found.states, strict=True):
        expected = np.linalg.solve(inner + beta * np.eye(4), (drive + beta * y).T).T
        np.testing.assert_allclose(states, expected, atol=1e-11)
    slope = np.linalg.solve(inner, (y - found.free.s).T).T
    # The nearest pole of the response is at -(1 - 0.6).
    assert relative_error(found.slope, slope) < 2 * (0.05 / 0.4) ** points
    np.testing.assert_allclose(np.sum(found.weights * found.betas).real, -1.0)


def test_nudged_states_that_did_not_converge_are_told(toy):
    synchronous = osciprop.HolomorphicEP(0.6, 60, osciprop.SynchronousIteration())
    with pytest.raises(osciprop.ConvergenceError, match=r"amplitude 0\.6 did not converge"):
        osciprop.estimate_gradient(*toy, synchronous)


@pytest.mark.slow
def test_radius_of_convergence(toy):
    estimate = osciprop.estimate_gradient(*toy, osciprop.HolomorphicEP(0.5, 60))
    assert estimate.diagnostics.radius_of_convergence() == pytest.approx(0.65714, rel=0.02)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_predicted_error_is_the_truncation(toy):
    reference = osciprop.estimate_gradient(*toy, osciprop.Implicit()).gradient
    for points, amplitude in [(2, 0.1), (4, 0.4), (8, 0.5), (10, 0.4), (30, 0.5)]:
        estimate = osciprop.estimate_gradient(*toy, osciprop.HolomorphicEP(amplitude, points))
        error = relative_error(estimate.gradient, reference)
        assert float(estimate.accuracy.error) == pytest.approx(error, rel=0.01, abs=1e-8)


@pytest.mark.slow
def test_amplitude_beyond_the_singularity_warns_with_the_radius(toy):
    method = osciprop.HolomorphicEP(0.7, 30)
    with pytest.warns(osciprop.GradientAccuracyWarning, match="radius of convergence at 0.68"):
        osciprop.estimate_gradient(*toy, method)
