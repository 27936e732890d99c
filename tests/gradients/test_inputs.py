"""The gradient of the cost by the input, against backpropagation and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from attack_cases import DATA, EXACT, OPEN, asymmetric, by_differences, feedforward, half_settled
from helpers import relative_error, small_network

import osciprop


@pytest.mark.slow
def test_gradient_of_a_perceptron_is_that_of_backpropagation():
    network, (x, y) = feedforward(), DATA

    def cost(inputs):
        s = inputs
        for population, synapse in zip(network.populations, network.synapses, strict=True):
            s = jax.nn.sigmoid(4 * (s @ synapse.weight + population.bias) - 2)
        scores = jax.nn.log_softmax(s @ network.readout.weight + network.readout.bias)
        return -jnp.sum(scores[jnp.arange(len(y)), y])

    expected = jax.grad(cost)(jnp.asarray(x))
    assert relative_error(osciprop.gradients.input_gradient(network, x, y), expected) < 1e-9


@pytest.mark.parametrize(
    ("network", "methods"),
    [
        pytest.param(
            feedforward(), [osciprop.Implicit(EXACT), osciprop.DyadicEP()], marks=pytest.mark.slow
        ),
        pytest.param(
            small_network(),
            [osciprop.Implicit(EXACT), osciprop.HolomorphicEP(0.1, 8)],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            asymmetric(),
            [osciprop.Implicit(EXACT), osciprop.AsymmetricEP(0.1, 8)],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["feedforward", "reciprocal", "asymmetric"],
)
def test_gradient_is_that_of_finite_differences(network, methods):
    expected = by_differences(network, *DATA)
    for method in methods:
        assert (
            relative_error(osciprop.gradients.input_gradient(network, *DATA, method), expected)
            < 1e-6
        )


@pytest.mark.slow
def test_every_sample_has_the_gradient_of_its_own_cost():
    """Not of the batch mean: a sample has the same gradient by itself."""
    x, y = DATA
    together = osciprop.gradients.input_gradient(asymmetric(), x, y)
    alone = osciprop.gradients.input_gradient(asymmetric(), x[1:2], y[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-8)


def test_a_method_without_an_error_signal_is_refused():
    with pytest.raises(ValueError, match="BPTT, which forms no error signal.*Implicit"):
        osciprop.gradients.input_gradient(feedforward(), *DATA, osciprop.BPTT(50))
    with pytest.raises(ValueError, match="BPTT, which forms no error signal"):
        osciprop.training.FastGradientSign(0.1, **OPEN, method=osciprop.BPTT(50)).perturb(
            feedforward(), *DATA
        )
    training = osciprop.AdversarialTraining(osciprop.Implicit(), input_method=osciprop.BPTT(50))
    with pytest.raises(ValueError, match="BPTT, which forms no error signal"):
        osciprop.estimate_gradient(feedforward(), *DATA, training)


@pytest.mark.slow
def test_samples_that_were_not_solved_are_told():
    network, x, y, once = half_settled()
    exact = osciprop.gradients.input_gradient(network, x, y)
    with pytest.raises(osciprop.ConvergenceError, match="free equilibrium did not converge"):
        osciprop.gradients.input_gradient(network, x, y, once)
    inside = jax.jit(lambda inputs: osciprop.gradients.input_gradient(network, inputs, y, once))(x)
    np.testing.assert_allclose(inside[0], exact[0], rtol=1e-8)
    assert np.all(np.isnan(inside[1]))
    reached = osciprop.gradients.input_gradient(network, x, y, once, throw=False)
    np.testing.assert_allclose(reached[0], exact[0], rtol=1e-8)
    assert np.any(exact[1]) and not np.any(reached[1])  # an adjoint that is not solved is left out
