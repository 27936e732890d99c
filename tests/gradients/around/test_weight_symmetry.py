"""Kolen-Pollack learning and symmetrisation on networks with feedback weights of their own."""

import jax
import numpy as np
import optax
import pytest
from helpers import batch, small_network

import osciprop


def network(angle: float = 90.0) -> osciprop.Network:
    return osciprop.feedback_mlp([5, 8, 7, 3, 3], key=jax.random.PRNGKey(0), angle=angle)


DATA = batch(5, 3, 6)
# Plain steps: they compile faster than the default.
METHOD = osciprop.VectorFieldEP(0.05, 2, osciprop.SynchronousIteration())


def trained(
    method: osciprop.gradients.AbstractGradientMethod, rate: float, updates: int
) -> osciprop.Network:
    optimizer = optax.sgd(rate)
    state = osciprop.training.step.begin(network(), optimizer)
    x, y = DATA
    called = osciprop.training.optimizers.as_optimizer(optimizer)
    metric = osciprop.networks.ClassAccuracy()
    for _ in range(updates):
        state, _, _ = osciprop.training.step.train_step(state, x, y, method, called, metric)
    assert isinstance(state.network, osciprop.Network)
    return state.network


def test_pairs_are_found_forward_first():
    found = osciprop.gradients.reciprocal_pairs(network())
    synapses = network().synapses
    ends = [[(synapses[p].source, synapses[p].target) for p in pair] for pair in found]
    assert ends == [[(0, 1), (1, 0)], [(1, 2), (2, 1)]]


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0])
def test_weight_angle_is_that_of_the_mixture(angle):
    """For weights of equal size `tan` of the angle is that of the mixture; independent ones add."""
    large = osciprop.feedback_mlp([5, 200, 200, 200, 200], key=jax.random.PRNGKey(0), angle=angle)
    assert osciprop.gradients.weight_angle(large) == pytest.approx(angle, abs=1.0)


def test_kolen_pollack_makes_partners_equal():
    """The difference of the weights decays by `1 - rate decay` per update, whatever is learned."""
    method = osciprop.gradients.KolenPollack(METHOD, decay=0.5)
    start, end = network(), trained(method, 0.1, 20)
    for forward, feedback in osciprop.gradients.reciprocal_pairs(start):
        before = start.synapses[forward].weight - start.synapses[feedback].weight.T
        after = end.synapses[forward].weight - end.synapses[feedback].weight.T
        np.testing.assert_allclose(after, before * 0.95**20, atol=1e-12)


def test_symmetrisation_is_the_gradient_of_the_distance():
    start = network()
    plain = osciprop.estimate_gradient(start, *DATA, METHOD).gradient
    method = osciprop.gradients.Symmetrised(METHOD, 0.3)
    added = osciprop.estimate_gradient(start, *DATA, method).gradient
    for forward, feedback in osciprop.gradients.reciprocal_pairs(start):
        for own, other in ((forward, feedback), (feedback, forward)):
            distance = start.synapses[own].weight - start.synapses[other].weight.T
            np.testing.assert_allclose(
                added.synapses[own].weight - plain.synapses[own].weight, 0.3 * distance, atol=1e-12
            )
    np.testing.assert_allclose(added.synapses[0].weight, plain.synapses[0].weight)


def test_networks_without_pairs_are_refused():
    loop = osciprop.loop_mlp([5, 8, 7, 3, 3], key=jax.random.PRNGKey(0))
    for without in (loop, small_network()):
        with pytest.raises(ValueError, match="no two populations are joined both ways"):
            osciprop.gradients.weight_angle(without)
    with pytest.raises(TypeError, match="is a FreeCompanion"):
        osciprop.gradients.reciprocal_pairs(osciprop.dynamics.FreeCompanion(network()))
    with pytest.raises(ValueError, match="decay must be"):
        osciprop.gradients.KolenPollack(osciprop.DyadicEP(), decay=0.0)
    with pytest.raises(ValueError, match="strength must be"):
        osciprop.gradients.Symmetrised(osciprop.DyadicEP(), -1.0)


@pytest.mark.parametrize(
    "method", [osciprop.gradients.KolenPollack, osciprop.gradients.Symmetrised]
)
@pytest.mark.slow
def test_kernels_of_both_ways_are_pairs(method):
    """Kernels have one orientation, so that partners become equal and not transposed."""
    layers = (osciprop.networks.Maps(8), osciprop.networks.Maps(9, padding=0))
    network = osciprop.networks.feedback_cnn(
        layers, key=jax.random.PRNGKey(0), angle=40.0, image_shape=(4, 4, 2), classes=3
    )
    ((forward, feedback),) = osciprop.gradients.reciprocal_pairs(network)
    assert osciprop.gradients.weight_angle(network) == pytest.approx(40.0, abs=3.0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 4, 2)), np.array([0, 2])
    found = osciprop.estimate_gradient(network, x, y, method(osciprop.DyadicEP(), 0.5))
    own = osciprop.estimate_gradient(network, x, y, osciprop.DyadicEP())

    def kernels(tree):
        return [tree.synapses[place].transform.kernel for place in (forward, feedback)]

    apart = kernels(found.gradient)[0] - kernels(found.gradient)[1]
    difference = kernels(network)[0] - kernels(network)[1]
    if method is osciprop.gradients.KolenPollack:
        np.testing.assert_allclose(apart, 0.5 * difference, atol=1e-12)
    else:
        before = kernels(own.gradient)[0] - kernels(own.gradient)[1]
        np.testing.assert_allclose(apart - before, 2 * 0.5 * difference, atol=1e-12)
