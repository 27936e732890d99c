"""Training at inputs that were moved up the cost, against closed forms."""

import jax
import numpy as np
import optax
import pytest
from attack_cases import DATA, KEY, OPEN, feedforward, half_settled, linear
from helpers import relative_error

import osciprop

# Plain steps: they compile faster than the default.
QUICK = osciprop.Implicit(osciprop.SynchronousIteration())


def training(method, step):
    return osciprop.AdversarialTraining(method, step, input_method=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        QUICK,
        pytest.param(osciprop.DualPropagationAdjoint(0.1, 0.0), marks=pytest.mark.slow),
    ],
    ids=["exact", "dual"],
)
def test_it_is_the_method_at_the_moved_inputs(method):
    network, (x, y) = feedforward(), DATA
    found = osciprop.estimate_gradient(network, x, y, training(method, 0.3))
    moved = x + 0.3 * np.asarray(osciprop.gradients.input_gradient(network, x, y, QUICK))
    there = osciprop.estimate_gradient(network, moved, y, method)
    assert relative_error(found.gradient, there.gradient) < 1e-8
    np.testing.assert_allclose(found.loss, there.loss, rtol=1e-8)
    np.testing.assert_allclose(found.diagnostics.inputs, moved, rtol=1e-8)
    lengths = np.linalg.norm(moved - x, axis=1)
    np.testing.assert_allclose(found.diagnostics.distance, lengths, rtol=1e-6)
    assert "inputs moved by" in str(found)


def test_closed_form_on_a_linear_network():
    """`e = x W - y`; a step moves it by `step e W^T W`, and the gradient is `x'^T e'`."""
    rng = np.random.default_rng(1)
    weight, x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    method = training(QUICK, 0.2)
    found = osciprop.estimate_gradient(linear(weight), x, y, method).gradient
    moved = x + 0.2 * (x @ weight - y) @ weight.T
    expected = moved.T @ (moved @ weight - y) / 5
    np.testing.assert_allclose(found.synapses[0].weight, expected, rtol=1e-8)


@pytest.mark.slow
def test_no_step_is_the_method_itself():
    network = feedforward()
    plain = osciprop.estimate_gradient(network, *DATA, QUICK)
    found = osciprop.estimate_gradient(network, *DATA, training(QUICK, 0.0))
    assert relative_error(found.gradient, plain.gradient) < 1e-12


def test_samples_whose_gradient_was_not_found_are_not_moved():
    network, x, y, once = half_settled()
    method = osciprop.AdversarialTraining(QUICK, 0.5, input_method=once)
    with pytest.raises(osciprop.ConvergenceError, match="the gradient by the input: the free"):
        osciprop.estimate_gradient(network, x, y, method)
    found = osciprop.estimate_gradient(network, x, y, method, throw=False)
    assert not bool(found.converged)
    np.testing.assert_array_equal(found.diagnostics.inputs[1], x[1])
    assert float(found.diagnostics.distance[0]) > 0


@pytest.mark.slow
def test_checks_and_concerns_are_passed_on():
    network, (x, y) = feedforward(), DATA
    found = training(osciprop.VectorFieldEP(3.0, 4, QUICK.relaxation), 0.1)
    with pytest.warns(osciprop.GradientAccuracyWarning, match="relative error at about 0.106"):
        osciprop.estimate_gradient(network, x, y, found)
    relu = osciprop.perceptron([5, 4, 3], key=KEY)
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.estimate_gradient(relu, x, y, found)
    with pytest.raises(ValueError, match="step must be"):
        osciprop.AdversarialTraining(osciprop.Implicit(), -0.1)


@pytest.mark.slow
def test_training_on_moved_inputs_makes_a_network_robust():
    """One strong input and many weak ones that agree: attacks on the weak ones cost nothing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    sign = np.where(y == 1, 1.0, -1.0)[:, None]
    x = np.concatenate([2 * sign, 0.2 * sign + 0.1 * rng.normal(size=(200, 40))], axis=1)
    attack = osciprop.training.FastGradientSign(0.25, **OPEN)

    def trained(method):
        network = osciprop.perceptron(
            [41, 8, 2], key=jax.random.PRNGKey(0), cost=osciprop.CrossEntropy()
        )
        optimizer = optax.adam(1e-2)
        batches = [(x, y)] * 100
        network, _ = osciprop.fit(network, batches, method, optimizer, epochs=1, progress=False)
        return osciprop.training.adversarial_accuracy(network, x, y, attack)

    plain = trained(osciprop.Implicit())
    robust = trained(osciprop.AdversarialTraining(osciprop.Implicit(), 20.0))
    assert robust > plain
