"""Parameters that are functions of free numbers, in gradients, training and files."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import batch, relative_error, small_network

import osciprop
from osciprop.networks import (
    Composed,
    Constrained,
    Masked,
    Positive,
    Signed,
    Symmetric,
    constrain,
)

X, Y = batch(5, 3, 4)
ROW = np.asarray([[True, False]])
PRECISE = osciprop.Settling(tolerance=1e-14)


def weight(network):
    return network.synapses[1].weight


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        (Positive(), [[1e-9, 0.3], [2.0, 50.0]]),
        (Signed([[1], [-1]]), [[1e-9, 0.3], [-2.0, -50.0]]),
        (Signed([[1, 0], [0, -1]]), [[0.2, 0.0], [0.0, -0.4]]),
        (Symmetric(), [[0.0, 0.3], [0.3, 0.0]]),
        (Masked(np.asarray([[True, False], [True, True]])), [[0.1, 0.0], [-0.3, 2.0]]),
        (
            Composed(Masked(np.asarray([[True, False]])), Masked(np.asarray([[True], [False]]))),
            [[0.7, 0.0], [0.0, 0.0]],
        ),
    ],
)
def test_free_numbers_stand_for_the_values(constraint, values):
    values = jnp.asarray(values)
    np.testing.assert_allclose(constraint(constraint.free(values)), values, rtol=1e-12)


@pytest.mark.parametrize(
    ("constraint", "values", "named"),
    [
        (Positive(), [[0.0, 1.0]], "above 0"),
        (Signed([[1, 1]]), [[0.2, -0.1]], "given signs"),
        (Signed([[0, 1]]), [[0.2, 0.1]], "given signs"),
        (Symmetric(), [[0.0, 0.1], [0.2, 0.0]], "symmetric"),
        (Symmetric(), [[0.0, 0.1]], "square"),
        (Masked(np.asarray([[True, False]])), [[0.2, 0.1]], "mask"),
    ],
)
def test_values_that_no_numbers_stand_for_are_named(constraint, values, named):
    with pytest.raises(ValueError, match=named):
        constraint.free(jnp.asarray(values))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="signs"):
        Signed([0.5])
    with pytest.raises(TypeError, match="where"):
        constrain(small_network(), lambda net: net.synapses[1].source, Positive())
    with pytest.raises(TypeError, match="constraint"):
        constrain(small_network(), weight, jnp.exp)


def test_the_gradient_is_that_of_the_values_by_the_chain_rule():
    network = small_network()
    signs = np.sign(np.asarray(weight(network)))
    constrained = constrain(network, weight, Signed(signs))
    assert isinstance(constrained, Constrained)
    np.testing.assert_allclose(weight(constrained.network), weight(network), rtol=1e-12)
    method = osciprop.HolomorphicEP(0.2, 8, osciprop.SynchronousIteration())
    plain = osciprop.estimate_gradient(network, X, Y, method)
    free = osciprop.estimate_gradient(constrained, X, Y, method)
    held = weight(constrained.free)
    slope = signs * jax.nn.sigmoid(held.numbers)
    found = weight(free.gradient.free).numbers
    np.testing.assert_allclose(found, slope * weight(plain.gradient), rtol=1e-6, atol=1e-12)
    assert relative_error(free.gradient.free.populations, plain.gradient.populations) < 1e-8


@pytest.mark.slow
def test_training_keeps_to_the_constraint(tmp_path):
    network = small_network()
    constrained = constrain(network, weight, Positive(), value=0.05)
    trained, _ = osciprop.fit(
        constrained,
        (X, Y),
        osciprop.Implicit(),
        optax.sgd(5.0),
        epochs=3,
        batch_size=4,
        progress=False,
    )
    before, after = weight(constrained.network), weight(trained.network)
    assert (np.asarray(after) > 0).all()
    assert np.abs(after - before).max() > 1e-3
    path = tmp_path / "trained.osciprop"
    osciprop.save(path, trained)
    again = osciprop.load(path, constrained)
    np.testing.assert_array_equal(weight(again.network), after)


def test_neither_signs_nor_neurons_are_trained():
    signs = np.ones((7, 1), int)
    constrained = constrain(small_network(), weight, Signed(signs), value=0.1)
    spec = constrained.trainable()
    held = weight(spec.free)
    assert held.numbers is True and held.constraint.signs is False
    assert spec.free.populations[0].bias is True
    assert not any(jax.tree.leaves(spec.free.populations[0].neuron))


def dale() -> tuple[Constrained, np.ndarray, np.ndarray]:
    """Four excitatory and two inhibitory units, whose synchronous iteration diverges."""
    sizes = np.asarray(
        [
            [0.0, 0.9, 0.7, 0.5, 1.6, 1.2],
            [0.8, 0.0, 0.6, 0.9, 1.1, 1.7],
            [0.6, 0.8, 0.0, 0.7, 1.5, 1.0],
            [0.9, 0.5, 0.8, 0.0, 1.3, 1.5],
            [1.4, 1.2, 1.5, 1.3, 0.9, 0.6],
            [1.1, 1.6, 1.2, 1.4, 0.5, 0.8],
        ]
    )
    sign = np.asarray([1, 1, 1, 1, -1, -1])[:, None] * (sizes.T > 0)
    weights = jnp.asarray(sizes.T * sign)  # (source, target)
    network = osciprop.Network(
        (osciprop.Population(osciprop.LeakyIntegrator(), jnp.zeros(6)),),
        (osciprop.Directed(np.eye(6), osciprop.INPUT, 0), osciprop.Directed(weights, 0, 0)),
        Third(),
    )
    x = np.asarray([[1.1, 0.9, 1.0, 0.8, 0.3, 0.4]])
    return constrain(network, weight, Signed(sign)), x, np.asarray([[0.8, 0.2]])


class Third(osciprop.networks.AbstractCost):
    """Half the squared error of the third and the fourth unit."""

    def output(self, activity):
        return activity[:, 2:4]

    def __call__(self, activity, target):
        goal = osciprop.networks.complex_like(target, activity)
        return 0.5 * jnp.sum((activity[:, 2:4] - goal) ** 2, axis=-1)


@pytest.mark.slow
def test_excitation_and_inhibition_in_closed_form():
    network, x, y = dale()
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
    u = [0.1208526055, -0.0571285151, 0.1408062454, -0.1061802865, 0.4012622103, 0.4980733554]
    np.testing.assert_allclose(exact.equilibrium.u[0][0], u, atol=1e-9)
    np.testing.assert_allclose(exact.loss, 0.1918485128, atol=1e-9)
    error = [-0.0472000518, -0.0215461134, 0.2185482903, 0.0081456875, -0.1133758532, -0.0385957120]
    np.testing.assert_allclose(exact.error_signal[0][0], error, atol=1e-9)
    held, found = weight(network.free), weight(exact.gradient.free).numbers
    slope = np.asarray(jax.nn.sigmoid(held.numbers))
    sizes = np.asarray(found) / np.where(slope == 0, 1, slope)
    listed = [sizes[4, 0], sizes[1, 4], sizes[3, 2]]  # sizes of (1,5), (5,2), (3,4)
    np.testing.assert_allclose(listed, [-0.0189992471, 0.0110222848, -0.0177694854], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (osciprop.AsymmetricEP(0.1, 2, PRECISE), 2.2e-3),
        (osciprop.AsymmetricEP(0.1, 4, PRECISE), 6.2e-6),
        (osciprop.AsymmetricEP(0.1, 8, PRECISE), 1.8e-10),
        (osciprop.VectorFieldEP(0.01, 8), 0.89),
    ],
)
def test_excitation_and_inhibition_by_other_methods(method, expected):
    network, x, y = dale()
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit(PRECISE, tolerance=1e-13))
    found = osciprop.estimate_gradient(network, x, y, method, throw=False)
    signals = [np.asarray(one.error_signal[0]) for one in (found, exact)]
    off = np.linalg.norm(signals[0] - signals[1]) / np.linalg.norm(signals[1])
    assert off == pytest.approx(expected, rel=0.05)
