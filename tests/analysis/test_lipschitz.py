"""Lipschitz constants against NumPy's singular values and finite differences."""

import itertools
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop
from osciprop.analysis.lipschitz import (
    layer_norms,
    linearised_norm,
    local_lipschitz,
    path_weights,
    power_iteration,
    spectral_norm,
)

KEY = jax.random.key(0)
SIZES = [5, 8, 7, 3]


def with_spectrum(rows: int, columns: int, values: list[float]) -> np.ndarray:
    """A random matrix with the given singular values."""
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.normal(size=(rows, rows)))
    right, _ = np.linalg.qr(rng.normal(size=(columns, columns)))
    middle = np.zeros((rows, columns))
    np.fill_diagonal(middle, values)
    return left @ middle @ right


def chain(activation=None, readout=None) -> osciprop.Network:
    """5 inputs, populations of 8, 7 and 3, with biases."""
    rng = np.random.default_rng(1)
    synapses = [
        osciprop.Directed(rng.normal(size=(pre, post)) / pre**0.5, index - 1, index)
        for index, (pre, post) in enumerate(itertools.pairwise(SIZES))
    ]
    neuron = osciprop.LeakyIntegrator(osciprop.Tanh() if activation is None else activation)
    populations = tuple(
        osciprop.Population(neuron, jnp.asarray(0.3 * rng.normal(size=size))) for size in SIZES[1:]
    )
    cost = osciprop.SquaredError() if readout is None else readout
    return osciprop.Network(populations, tuple(reversed(synapses)), cost)


def weights_of(network: osciprop.Network) -> list[np.ndarray]:
    upwards = sorted(network.synapses, key=lambda s: s.target)
    return [np.asarray(cast(osciprop.Directed, s).weight) for s in upwards]


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6), (1, 5)])
def test_spectral_norm_is_the_largest_singular_value(shape):
    weight = np.random.default_rng(0).normal(size=shape)
    expected = np.linalg.svd(weight, compute_uv=False)[0]
    assert float(spectral_norm(weight)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(5, 9), (9, 5)])
def test_power_iteration_rises_to_the_norm_at_the_rate_of_the_gap(rows, columns):
    weight = with_spectrum(rows, columns, [3.0, 2.7, 2.0, 1.0, 0.1])
    found = [float(power_iteration(weight, n, key=KEY)) for n in (1, 2, 20, 21, 150)]
    errors = 3.0 - np.array(found)
    assert np.all(np.diff(found) > 0) and np.all(errors[:-1] > 0)
    assert errors[3] / errors[2] == pytest.approx((2.7 / 3.0) ** 4, rel=1e-2)
    assert found[-1] == pytest.approx(3.0, rel=1e-12)


def test_power_iteration_depends_on_its_key_alone():
    weight = with_spectrum(6, 6, [2.0, 1.9, 1.8, 1.0, 0.5, 0.1])
    once, again = (float(power_iteration(weight, 2, key=KEY)) for _ in range(2))
    assert once == again != float(power_iteration(weight, 2, key=jax.random.key(1)))
    assert float(jax.jit(lambda w: power_iteration(w, 2, key=KEY))(weight)) == pytest.approx(once)
    assert float(power_iteration(np.zeros((3, 4)), key=KEY)) == 0.0


@pytest.mark.parametrize("readout", [osciprop.SquaredError(), osciprop.CrossEntropy()])
def test_norms_of_a_chain(readout):
    network = chain(readout=readout)
    first, second, third = weights_of(network)
    expected = [np.linalg.norm(weight, 2) for weight in (first, second, third)]
    np.testing.assert_allclose(layer_norms(network), expected, rtol=1e-12)
    product = np.linalg.norm(first @ second @ third, 2)
    assert float(linearised_norm(network)) == pytest.approx(product, rel=1e-12)
    assert product < np.prod(expected)


def test_a_trained_readout_is_the_last_layer():
    network = osciprop.feedforward_mlp([*SIZES, SIZES[-1]], key=jax.random.PRNGKey(0))
    matrices = [*weights_of(network), np.asarray(network.readout.weight)]
    assert layer_norms(network).shape == (4,)
    assert float(layer_norms(network)[-1]) == pytest.approx(np.linalg.norm(matrices[-1], 2))
    product = np.linalg.norm(np.linalg.multi_dot(matrices), 2)
    assert float(linearised_norm(network)) == pytest.approx(product, rel=1e-12)


@pytest.mark.slow
def test_a_linear_network_is_as_steep_everywhere_as_its_product():
    network = chain(osciprop.Identity())
    x, _ = batch(5, 3, 4)
    np.testing.assert_allclose(local_lipschitz(network, x), linearised_norm(network), rtol=1e-9)


@pytest.mark.slow
def test_local_constants_of_a_perceptron_are_those_of_jax_and_below_the_bound():
    network = chain()
    x, _ = batch(5, 3, 4)

    def scores(sample):
        for population, weight in zip(network.populations, weights_of(network), strict=True):
            sample = jnp.tanh(sample @ weight + population.bias)
        return sample

    jacobians = np.asarray(jax.vmap(jax.jacrev(scores))(jnp.asarray(x)))
    expected = [np.linalg.norm(jacobian, 2) for jacobian in jacobians]
    found = local_lipschitz(network, x)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert np.all(found < np.prod(layer_norms(network)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        small_network(),
        osciprop.feedback_mlp([*SIZES, SIZES[-1]], key=jax.random.PRNGKey(0), angle=90.0),
    ],
    ids=["reciprocal", "asymmetric"],
)
def test_local_constants_of_recurrent_networks_by_finite_differences(network):
    x, _ = batch(5, 3, 2)
    relaxation = osciprop.AndersonIteration(tolerance=1e-13)

    def scores(inputs):
        return np.asarray(network.output(osciprop.relax(network, inputs, relaxation=relaxation).s))

    step = 1e-4
    columns = [
        (scores(x + step * unit) - scores(x - step * unit)) / (2 * step) for unit in np.eye(5)
    ]
    expected = [np.linalg.norm(jacobian, 2) for jacobian in np.stack(columns, axis=2)]
    np.testing.assert_allclose(local_lipschitz(network, x), expected, rtol=1e-6)


@pytest.mark.slow
def test_single_precision_is_kept():
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), chain())
    x, _ = batch(5, 3, 4)
    for found, double in (
        (local_lipschitz(network, x), local_lipschitz(chain(), x)),
        (layer_norms(network), layer_norms(chain())),
        (linearised_norm(network), linearised_norm(chain())),
    ):
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, double, rtol=1e-4)


def test_what_was_not_solved_is_not_returned():
    """One step settles a sample whose potentials stay at rest, and no other."""
    network = chain()
    network = eqx.tree_at(
        lambda tree: [population.bias for population in tree.populations],
        network,
        [jnp.zeros(size) for size in SIZES[1:]],
    )
    x = np.stack([np.zeros(5), np.ones(5)])
    once = osciprop.SynchronousIteration(max_steps=1)
    with pytest.raises(osciprop.ConvergenceError, match="first samples: 1"):
        local_lipschitz(network, x, relaxation=once)
    inside = jax.jit(lambda inputs: local_lipschitz(network, inputs, relaxation=once))(x)
    np.testing.assert_allclose(inside[0], linearised_norm(network), rtol=1e-9)
    assert np.isnan(inside[1])


def test_networks_that_are_no_chain_are_refused():
    key = jax.random.PRNGKey(0)
    plain = chain()
    first, second, third = sorted(plain.synapses, key=lambda synapse: synapse.target)

    def joined(*synapses):
        return osciprop.Network(plain.populations, synapses, plain.readout)

    skip = osciprop.Directed(np.ones((8, 3)), 0, 2)
    cases = {
        "is a Reciprocal": small_network(),
        r"synapses\[3\], from population 1 to population 0, does not lead": osciprop.feedback_mlp(
            [*SIZES, SIZES[-1]], key=key
        ),
        r"from population 0 to population 2, does not lead": joined(first, second, third, skip),
        "the same place as another": joined(first, second, third, second),
        "no synapse leads to population 1": joined(first, third),
    }
    for message, network in cases.items():
        for function in (layer_norms, linearised_norm, path_weights):
            with pytest.raises(ValueError, match=message):
                function(network)
    with pytest.raises(TypeError, match="is a FreeCompanion"):
        layer_norms(osciprop.dynamics.FreeCompanion(plain))


class Doubled(osciprop.networks.AbstractCost):
    """A user's own cost, with scores of its own."""

    def output(self, activity):
        return 2 * activity

    def __call__(self, activity, target):
        return jnp.sum(
            (self.output(activity) - osciprop.networks.complex_like(target, activity)) ** 2, axis=-1
        )


@pytest.mark.slow
def test_an_unknown_readout_is_left_to_the_jacobian():
    network = chain(osciprop.Identity(), Doubled())
    with pytest.raises(ValueError, match="readout is a Doubled.*local_lipschitz"):
        layer_norms(network)
    x, _ = batch(5, 3, 2)
    plain = float(linearised_norm(chain(osciprop.Identity())))
    np.testing.assert_allclose(local_lipschitz(network, x), 2 * plain, rtol=1e-9)


def test_bad_arguments_are_named():
    for function in (spectral_norm, lambda weight: power_iteration(weight, key=KEY)):
        for bad in (np.ones(3), np.ones((2, 2, 2)), 1j * np.ones((2, 2))):
            with pytest.raises(ValueError, match="weight has shape"):
                function(bad)
    with pytest.raises(ValueError, match="iterations must be"):
        power_iteration(np.ones((2, 2)), 0, key=KEY)
