"""Outputs that are held: where they are, and what the others make of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy_cases import DAMPED, circuit
from helpers import dense, small_network

import osciprop
from osciprop.dynamics import ClampedOutputs
from osciprop.dynamics.clamping import towards_targets


@pytest.mark.slow
def test_units_of_a_circuit_beside_a_held_one():
    network, x, _ = circuit()
    held = osciprop.relax(ClampedOutputs(network, jnp.asarray([[0.3]])), x, relaxation=DAMPED).s

    def energy(free):
        return network.energy(jnp.append(free, 0.3)[None], jnp.asarray(x))[0]

    hessian, slope = jax.hessian(energy)(jnp.zeros(2)), jax.grad(energy)(jnp.zeros(2))
    expected = np.append(-np.linalg.solve(hessian, slope), 0.3)
    np.testing.assert_allclose(held[0], expected, atol=1e-11)


def test_the_last_population_and_no_other():
    tanh = osciprop.Tanh()
    network = osciprop.perceptron([4, 5, 3], key=jax.random.key(0), activation=tanh)
    x = np.random.default_rng(0).uniform(size=(1, 4))
    rows = np.random.default_rng(1).uniform(size=(1, 3))
    clamped = ClampedOutputs(network, jnp.asarray(rows))
    u = network.rest(jnp.asarray(x))
    hidden, outputs = clamped.activity(u)
    np.testing.assert_array_equal(hidden, network.activity(u)[0])
    np.testing.assert_allclose(outputs, rows, atol=1e-15)
    # Whatever their potentials, real or complex.
    assert not dense(clamped.activity, u)[5:].any()
    turned = jax.tree.map(lambda leaf: leaf.astype(complex) + 0.2j, u)
    values = ClampedOutputs(network, jnp.asarray(rows * (1 + 2j)))
    np.testing.assert_allclose(values.activity(turned)[1], rows * (1 + 2j), atol=1e-15)


def test_hidden_variables_of_held_neurons_follow():
    tired = osciprop.networks.AdaptiveNeuron(osciprop.Tanh(), adaptation=0.36)
    network = osciprop.Network(
        (
            osciprop.Population(osciprop.LeakyIntegrator(osciprop.Tanh()), jnp.zeros(2)),
            osciprop.Population(tired, jnp.zeros(1)),
        ),
        (
            osciprop.Directed(jnp.ones((1, 2)), osciprop.INPUT, 0),
            osciprop.Reciprocal(jnp.asarray([[0.5], [-0.4]]), 0, 1),
        ),
        osciprop.SquaredError(),
    )
    clamped = ClampedOutputs(network, jnp.asarray([[0.7]]))
    found = osciprop.relax(clamped, np.asarray([[0.2]]), relaxation=DAMPED)
    hidden, (held, tiredness) = found.s
    np.testing.assert_allclose(hidden[0], np.tanh([0.2 + 0.35, 0.2 - 0.28]), atol=1e-11)
    np.testing.assert_allclose([held[0, 0], tiredness[0, 0]], [0.7, -0.6 * 0.7], atol=1e-11)


def test_soft_and_hard_clamps_of_labels():
    outputs = jnp.asarray([[0.2, 0.4]])
    held = towards_targets(outputs, jnp.asarray([1]), jnp.asarray([0.5, 1.0, -0.5]))
    np.testing.assert_allclose(held[:, 0], [[0.1, 0.7], [0.0, 1.0], [0.3, 0.1]], atol=1e-15)
    turned = towards_targets(outputs, jnp.asarray([1]), jnp.asarray([0.5j]))
    np.testing.assert_allclose(turned[0, 0], [0.2 - 0.1j, 0.4 + 0.3j], atol=1e-15)


def test_readouts_with_weights_are_refused():
    with pytest.raises(TypeError, match="outputs of this Network.*SoftmaxCrossEntropy"):
        ClampedOutputs(small_network(), jnp.zeros((1, 3)))
    # Extensions have the outputs of what is inside.
    wrapped = osciprop.AssumedReciprocal(osciprop.perceptron([4, 5, 3], key=jax.random.key(0)))
    assert ClampedOutputs(wrapped, jnp.zeros((1, 3))).output_obstacle() == ""
    clamped = ClampedOutputs(osciprop.perceptron([4, 5, 3], key=jax.random.key(0)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="values holds 2 samples, but x holds 3"):
        osciprop.relax(clamped, np.ones((3, 4)))
