"""Residual networks: published shapes, an energy with skips in it, and exact gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error
from mistake_cases import PLAIN_ONLY

import osciprop
from osciprop.networks import (
    Block,
    ReciprocalProjection,
    SoftClippedReLU,
    hopfield_resnet,
    residual_mlp,
    resnet13,
)

SIZES = [5, 6, 6, 6, 4, 4, 3]
BLOCKS = (Block(3, layers=2), Block(3, layers=2, stride=1), Block(4, layers=1))
WAY = osciprop.AndersonIteration()
"""A small program: structures of all kinds are compiled here."""

SMALL = {"image_shape": (8, 8, 2), "classes": 3, "activation": SoftClippedReLU(2.0)}


def dense_batch(seed: int, samples: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, 5)), rng.integers(0, 3, samples)


def images(seed: int, samples: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, 8, 8, 2)), rng.integers(0, 3, samples)


def error(network, x, y, method) -> float:
    """Of a gradient, relative to implicit differentiation; the free relaxation has converged."""
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit(WAY))
    assert np.all(osciprop.relax(network, x, relaxation=WAY).converged)
    found = osciprop.estimate_gradient(network, x, y, method)
    return relative_error(found.gradient, exact.gradient)


def test_skips_of_a_layered_network():
    network = residual_mlp(SIZES, key=jax.random.key(0), gain=0.3)
    same, other = network.synapses[5:]
    assert isinstance(same, ReciprocalProjection) and (same.source, same.target) == (0, 2)
    assert same.transform == osciprop.networks.Skip(0.3)
    assert isinstance(other, osciprop.Reciprocal) and (other.source, other.target) == (2, 4)
    assert other.weight.shape == (6, 4)
    # But for them it is the network without skips, with the same weights.
    plain = osciprop.hopfield_mlp(SIZES, key=jax.random.key(0))
    assert eqx.tree_equal(plain.synapses, network.synapses[:5])
    assert eqx.tree_equal(plain.readout, network.readout)


def test_phi_is_that_of_the_plain_network_and_of_the_skips():
    network = residual_mlp(SIZES, key=jax.random.key(0), gain=0.3)
    plain = osciprop.Network(network.populations, network.synapses[:5], network.readout)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 5)))
    s = tuple(
        jnp.asarray(rng.normal(size=(2, n)) + 0.3j * rng.normal(size=(2, n))) for n in SIZES[1:-1]
    )
    skipped = 0.3 * np.sum(s[0] * s[2], axis=1)
    projected = np.einsum("bi,ij,bj->b", s[2], network.synapses[6].weight, s[4])
    np.testing.assert_allclose(network.phi(s, x), plain.phi(s, x) + skipped + projected, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_a_population_of_dense_networks_is_exact(seed):
    rng = np.random.default_rng(seed)
    network = residual_mlp(
        SIZES, key=jax.random.key(seed), scale=rng.uniform(0.2, 0.7), bias=rng.normal(size=5)
    )
    assert error(network, *dense_batch(seed), osciprop.HolomorphicEP(0.1, 8, WAY)) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_networks_of_random_depth_and_span_are_exact(seed):
    rng = np.random.default_rng(100 + seed)
    span = int(rng.integers(2, 5))
    hidden = rng.integers(3, 8, size=span + int(rng.integers(1, 7))).tolist()
    network = residual_mlp(
        [5, *hidden, 3],
        key=jax.random.key(seed),
        span=span,
        gain=rng.uniform(-0.6, 0.6),
        activation=[osciprop.Tanh(), osciprop.ShiftedSigmoid()][seed % 2],
    )
    x, y = dense_batch(seed)
    assert error(network, x, y, osciprop.HolomorphicEP(0.05, 10, WAY)) < 1e-6
    weak = osciprop.networks.ScaledFeedback(network, 0.5)
    assert error(weak, x, y, osciprop.HolomorphicEP(0.02, 8, WAY)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_population_of_convolutional_networks_is_exact(seed):
    network = hopfield_resnet(BLOCKS, key=jax.random.key(seed), scale=1.0, skip=0.4, **SMALL)
    assert network.is_holomorphic()
    assert error(network, *images(seed), osciprop.HolomorphicEP(0.1, 10, WAY)) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [osciprop.DyadicEP(relaxation=WAY), osciprop.AsymmetricEP(0.1, 10, WAY)],
    ids=lambda m: type(m).__name__,
)
def test_other_methods_in_a_convolutional_network(method):
    network = hopfield_resnet(BLOCKS, key=jax.random.key(0), scale=1.0, skip=0.4, **SMALL)
    assert error(network, *images(0), method) < 1e-6
    weak = osciprop.networks.ScaledFeedback(network, 0.3)
    assert error(weak, *images(0), method) < 1e-5


@pytest.mark.slow
def test_published_activation_and_scales():
    """Hard bends, centred: exact where none is crossed; complex nudges are refused."""
    network = hopfield_resnet(resnet13(2), key=jax.random.key(0))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 32, 32, 3)), rng.integers(0, 10, 2)
    assert error(network, x, y, osciprop.CentredEP(1e-3, WAY)) < 1e-2
    with pytest.raises(osciprop.HolomorphyError, match="ClippedReLU"):
        osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1, 4))


def test_blocks_and_their_skips():
    network = hopfield_resnet(BLOCKS, key=jax.random.key(0), skip=0.4, **SMALL)
    assert [population.shape for population in network.populations] == [
        (8, 8, 3),
        (4, 4, 3),
        (4, 4, 3),
        (4, 4, 3),
        (2, 2, 4),
        (3,),
    ]
    first, second, third = network.synapses[-3:]
    assert (first.source, first.target) == (osciprop.INPUT, 1)
    assert first.transform.kernel.shape == (1, 1, 2, 3) and first.transform.stride == 2
    assert (second.source, second.target) == (1, 3)
    assert second.transform == osciprop.networks.Skip(0.4)
    assert (third.source, third.target) == (3, 4)
    assert third.transform.kernel.shape == (1, 1, 3, 4)


def test_the_published_architecture():
    """Shapes of states and weights, as the authors' code lists them; rows and columns first."""
    network = eqx.filter_eval_shape(hopfield_resnet, key=jax.random.key(0))
    assert [population.shape for population in network.populations] == [
        (32, 32, 128),
        (16, 16, 128),
        (16, 16, 256),
        (8, 8, 256),
        (8, 8, 512),
        (4, 4, 512),
        (4, 4, 512),
        (2, 2, 512),
        (10,),
    ]
    kernels = [
        (synapse.source, synapse.target, synapse.transform.kernel.shape, synapse.transform.stride)
        for synapse in network.synapses
        if not isinstance(synapse, osciprop.Reciprocal)
    ]
    assert sorted(kernels) == sorted(
        [
            (-1, 0, (3, 3, 3, 128), 1),
            (0, 1, (3, 3, 128, 128), 2),
            (-1, 1, (1, 1, 3, 128), 2),
            (1, 2, (3, 3, 128, 256), 1),
            (1, 3, (1, 1, 128, 256), 2),
            (2, 3, (3, 3, 256, 256), 2),
            (3, 4, (3, 3, 256, 512), 1),
            (3, 5, (1, 1, 256, 512), 2),
            (4, 5, (3, 3, 512, 512), 2),
            (5, 6, (3, 3, 512, 512), 1),
            (5, 7, (1, 1, 512, 512), 2),
            (6, 7, (3, 3, 512, 512), 2),
        ]
    )
    (dense,) = (each for each in network.synapses if isinstance(each, osciprop.Reciprocal))
    assert (dense.source, dense.target, dense.weight.shape) == (7, 8, (2048, 10))


def test_weights_are_drawn_uniformly_between_the_published_bounds():
    network = hopfield_resnet(resnet13(16), key=jax.random.key(0))
    for synapse in network.synapses:
        dense = isinstance(synapse, osciprop.Reciprocal)
        weight = synapse.weight if dense else synapse.transform.kernel
        single = not dense and weight.shape[:2] == (1, 1)
        scale = 0.8 if dense else 0.7 if single else 0.6
        bound = scale * np.prod(weight.shape[:-1]) ** -0.5
        assert 0.9 * bound < np.abs(weight).max() <= bound
    assert np.abs(network.populations[1].bias).max() <= 0.5 / np.sqrt(9 * 16)


@PLAIN_ONLY
def test_arguments_of_another_kind_are_named():
    key = jax.random.key(0)
    with pytest.raises(TypeError, match=r"blocks\[0\] is 16"):
        hopfield_resnet([16], key=key)
    with pytest.raises(TypeError, match="blocks is.*give a list"):
        hopfield_resnet(Block(2), key=key)
    with pytest.raises(TypeError, match="activation is 'relu6'"):
        hopfield_resnet(BLOCKS, key=key, activation="relu6")
    with pytest.raises(ValueError, match="image_shape"):
        hopfield_resnet(BLOCKS, key=key, image_shape=(32, 32))


def test_bad_arguments_are_named():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="span must be an integer of at least 2, got 1"):
        residual_mlp(SIZES, key=key, span=1)
    with pytest.raises(ValueError, match="5 hidden populations.*span 5 needs 6"):
        residual_mlp(SIZES, key=key, span=5)
    with pytest.raises(ValueError, match="gain"):
        residual_mlp(SIZES, key=key, gain=np.nan)
    with pytest.raises(ValueError, match="blocks is empty"):
        hopfield_resnet([], key=key)
    with pytest.raises(ValueError, match="scale"):
        hopfield_resnet(BLOCKS, key=key, scale=-1.0)
    with pytest.raises(ValueError, match="kernel is 2.*odd"):
        Block(3, kernel=2)
    with pytest.raises(ValueError, match="width"):
        resnet13(0)
