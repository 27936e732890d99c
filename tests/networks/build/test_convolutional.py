"""Convolutional networks: an energy, published shapes, and exact gradients by every method."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import relative_error

import osciprop
from osciprop.networks.network import current_from_phi

LAYERS = (
    osciprop.networks.Maps(3, pooling=osciprop.networks.SoftmaxPooling()),
    osciprop.networks.Maps(4, padding=0, pooling=osciprop.networks.SoftmaxPooling()),
)
SETTINGS = {"image_shape": (8, 8, 2), "classes": 3, "scale": 1.5}
KEY = jax.random.PRNGKey(0)


def images(samples: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, 8, 8, 2)), rng.integers(0, 3, samples)


def error(network: osciprop.Network, method: osciprop.gradients.AbstractGradientMethod) -> float:
    x, y = images()
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
    found = osciprop.estimate_gradient(network, x, y, method)
    return relative_error(found.gradient, reference.gradient)


@pytest.mark.slow
def test_current_is_the_derivative_of_phi_also_for_complex_activity():
    network = osciprop.hopfield_cnn(LAYERS, key=KEY, **SETTINGS)
    x, _ = images()
    rng = np.random.default_rng(1)
    s = tuple(
        jnp.asarray(rng.normal(size=(2, *p.shape)) + 0.2j * rng.normal(size=(2, *p.shape)))
        for p in network.populations
    )
    derivative = current_from_phi(network, s, jnp.asarray(x))
    for current, expected in zip(
        network.current(s, network.drive(jnp.asarray(x))), derivative, strict=True
    ):
        np.testing.assert_allclose(current, expected, atol=1e-10)
    assert network.is_holomorphic()


@pytest.mark.slow
def test_the_whole_network_is_holomorphic():
    network = osciprop.hopfield_cnn(LAYERS, key=KEY, **SETTINGS)
    assert osciprop.check_holomorphic(network, *images()).holomorphic


EXACT = [
    (osciprop.HolomorphicEP(0.3, 12), 1e-7),
    pytest.param(osciprop.DyadicEP(), 1e-8, marks=pytest.mark.slow),
    pytest.param(osciprop.HolomorphicEP(0.02, 2), 1e-3, marks=pytest.mark.slow),
    pytest.param(
        osciprop.HolomorphicEP(0.1, 8, relaxation=osciprop.Newton()), 1e-7, marks=pytest.mark.slow
    ),
    pytest.param(osciprop.AsymmetricEP(0.3, 12), 1e-7, marks=pytest.mark.slow),
    pytest.param(osciprop.VectorFieldEP(0.3, 12), 1e-7, marks=pytest.mark.slow),
    pytest.param(osciprop.OscillatoryEP(0.3, 200.0), 1e-2, marks=pytest.mark.slow),
    pytest.param(
        osciprop.OscillatoryEP(0.3, 200.0, rule=osciprop.ErrorSignals()),
        1e-2,
        marks=pytest.mark.slow,
    ),
    pytest.param(osciprop.RecurrentBackprop(), 1e-8, marks=pytest.mark.slow),
    pytest.param(osciprop.gradients.LinearResponse(), 1e-8, marks=pytest.mark.slow),
    pytest.param(osciprop.BPTT(), 1e-8, marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "tolerance"), EXACT)
def test_methods_agree_with_implicit_differentiation(method, tolerance):
    assert error(osciprop.hopfield_cnn(LAYERS, key=KEY, **SETTINGS), method) < tolerance


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        (osciprop.DyadicEP(), 1e-8),
        pytest.param(osciprop.AsymmetricEP(0.3, 12), 1e-7, marks=pytest.mark.slow),
        pytest.param(
            osciprop.OscillatoryAEP(
                osciprop.OscillatoryEP(0.3, 200.0, rule=osciprop.ErrorSignals())
            ),
            1e-2,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_feedback_with_kernels_of_its_own(method, tolerance):
    network = osciprop.networks.feedback_cnn(LAYERS, key=KEY, angle=60.0, **SETTINGS)
    with pytest.raises(osciprop.ReciprocityError, match="directed"):
        osciprop.estimate_gradient(network, *images(), osciprop.HolomorphicEP())
    assert error(network, method) < tolerance


@pytest.mark.slow
def test_feedback_with_kernels_of_its_own_needs_a_method_for_it():
    network = osciprop.networks.feedback_cnn(LAYERS, key=KEY, angle=60.0, **SETTINGS)
    assert error(network, osciprop.VectorFieldEP(0.3, 12)) > 0.1


@pytest.mark.slow
def test_feedback_at_angle_zero_is_that_of_a_reciprocal_network():
    x, _ = images()
    tied = osciprop.networks.feedback_cnn(LAYERS, key=KEY, angle=0.0, **SETTINGS)
    reciprocal = osciprop.hopfield_cnn(LAYERS, key=KEY, **SETTINGS)
    s = reciprocal.activity(jax.tree.map(lambda leaf: leaf + 0.3, reciprocal.rest(jnp.asarray(x))))
    for one, other in zip(
        tied.current(s, tied.drive(jnp.asarray(x))),
        reciprocal.current(s, reciprocal.drive(jnp.asarray(x))),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-14)
    # To contrast it as if it were reciprocal, each kernel takes its own products: with equal
    # kernels those between populations count twice.
    assumed = osciprop.AssumedReciprocal(tied).phi(s, jnp.asarray(x))
    between = jnp.sum(reciprocal.synapses[1].forward(s[0]) * s[1], axis=(1, 2, 3))
    np.testing.assert_allclose(assumed - reciprocal.phi(s, jnp.asarray(x)), between, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        osciprop.DualPropagationAdjoint(1e-4, 0.0),
        pytest.param(osciprop.DualPropagation(1e-4), marks=pytest.mark.slow),
    ],
)
def test_dual_propagation_through_maximum_pooling_and_dense_layers(method):
    layers = tuple(
        osciprop.networks.Maps(
            layer.channels, padding=layer.padding, pooling=osciprop.networks.MaxPooling()
        )
        for layer in LAYERS
    )
    settings = SETTINGS | {"scale": 1.0}
    network = osciprop.networks.convolutional_perceptron(layers, hidden=[5], key=KEY, **settings)
    assert [population.shape for population in network.populations][1:] == [(1, 1, 4), (5,), (3,)]
    assert error(network, method) < 1e-8


def shapes(network: osciprop.Network) -> list[tuple[int, ...]]:
    return [population.shape for population in network.populations]


def test_published_architectures():
    """State shapes of hep2022, A.3 and A.4; parameters of VGG16 as everyone counts them."""

    def built(layers):
        return eqx.filter_eval_shape(osciprop.hopfield_cnn, layers, key=KEY)

    assert shapes(built(osciprop.networks.vgg4())) == [
        (16, 16, 128),
        (8, 8, 256),
        (4, 4, 512),
        (1, 1, 512),
    ]
    six = built(osciprop.networks.vgg6())
    assert shapes(six) == [
        (16, 16, 128),
        (16, 16, 128),
        (8, 8, 256),
        (6, 6, 256),
        (3, 3, 512),
        (1, 1, 512),
    ]
    assert six.readout.weight.shape == (512, 10)
    whole = eqx.filter_eval_shape(
        osciprop.networks.convolutional_perceptron,
        osciprop.networks.vgg16(),
        hidden=[4096, 4096],
        key=KEY,
    )
    assert len(whole.populations) == 16 and shapes(whole)[12] == (1, 1, 512)
    learned = jax.tree.map(lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct), whole)
    constants = sum(leaf.size for leaf in jax.tree.leaves([p.neuron for p in whole.populations]))
    count = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(whole, learned))) - constants
    convolutional = 14_714_688  # kernels and biases of VGG16 for three channels
    assert count == convolutional + 513 * 4096 + 4097 * 4096 + 4097 * 10


def test_bad_input_is_named():
    network = osciprop.hopfield_cnn(LAYERS, key=KEY, **SETTINGS)
    x, _ = images()
    with pytest.raises(ValueError, match=r"x has shape \(2, 128\).*channels last"):
        osciprop.relax(network, x.reshape(2, -1))
    with pytest.raises(ValueError, match="channels last"):
        osciprop.relax(network, np.moveaxis(x, 3, 1))
    with pytest.raises(ValueError, match="size that the network was built for"):
        osciprop.relax(network, np.ones((2, 12, 12, 2)))
    with pytest.raises(ValueError, match=r"layers\[1\].*nothing is left"):
        osciprop.hopfield_cnn(LAYERS, key=KEY, image_shape=(4, 4, 2))
    with pytest.raises(ValueError, match=r"layers\[1\].*nothing is left"):
        osciprop.hopfield_cnn(LAYERS, key=KEY, image_shape=(2, 2, 2))
    with pytest.raises(ValueError, match="layers is empty"):
        osciprop.hopfield_cnn((), key=KEY)
    with pytest.raises(ValueError, match="channels"):
        osciprop.networks.Maps(0)
    with pytest.raises(ValueError, match=r"synapses\[0\] is feedback"):
        eqx.tree_at(
            lambda tree: tree.synapses[0],
            network,
            osciprop.networks.FeedbackProjection(
                transform=network.synapses[0].transform, source=osciprop.INPUT, target=0
            ),
        ).__check_init__()


@pytest.mark.slow
def test_an_update_of_the_published_network_fits_in_memory():
    """VGG-4 at full width, batch 128, centred EP with fixed steps: at most 12 GiB."""
    network = osciprop.hopfield_cnn(osciprop.networks.vgg4(), key=KEY)
    fixed = osciprop.SynchronousIteration(tolerance=1e-30, max_steps=60)
    memory = osciprop.training.memory_estimate(
        network,
        np.zeros((128, 32, 32, 3)),
        np.zeros(128, dtype=int),
        osciprop.HolomorphicEP(1.0, 2, fixed),
        optax.sgd(0.1, momentum=0.9),
    )
    assert memory.total < 12 * 2**30
