"""Echoes against backpropagation through the same steps, and against known numbers."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mistake_cases import PLAIN_ONLY
from trajectory_cases import (
    DISCRETE,
    DRIVE,
    GOAL,
    all_learned,
    known_numbers,
    some_network,
    two_oscillators,
)

import osciprop
from osciprop.gradients import CentredEcho, HolomorphicEcho, OneSidedEcho, TrajectoryBPTT
from osciprop.networks import FourthOrder, OscillatorNetwork, Splitting, oscillator_network


def gradient_error(network, x, y, method):
    exact = osciprop.estimate_gradient(network, x, y, TrajectoryBPTT())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        found = osciprop.estimate_gradient(network, x, y, method)
    assert jax.tree.structure(found.gradient) == jax.tree.structure(exact.gradient)
    return float(osciprop.relative_error(found.gradient, exact.gradient)), found


def test_the_oracle_of_two_oscillators():
    found = osciprop.estimate_gradient(two_oscillators(), DRIVE, GOAL, HolomorphicEcho(0.05, 8))
    np.testing.assert_allclose(known_numbers(found.gradient), DISCRETE, atol=1.1e-9)
    assert float(found.diagnostics.missed) < 1e-9


@pytest.mark.parametrize(
    ("points", "error"),
    [
        (2, 4.57e-2),
        pytest.param(4, 3.08e-3, marks=pytest.mark.slow),
        (8, 1.28e-5),
        (16, 1.7e-10),
    ],
)
def test_the_error_of_points_on_a_circle(points, error):
    """Of the notes, for the continuous trajectory and five of its parameters."""
    method = HolomorphicEcho(0.3, points)
    found = gradient_error(two_oscillators(), DRIVE, GOAL, method)[0]
    assert 0.4 < found / error < 2.5


@pytest.mark.parametrize(("kind", "order"), [(OneSidedEcho, 1), (CentredEcho, 2)])
def test_small_nudges_err_by_their_order(kind, order):
    errors = [
        gradient_error(two_oscillators(), DRIVE, GOAL, kind(size))[0] for size in (0.02, 0.01)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "motion", [FourthOrder(6.0, 30), Splitting(6.0, 60, (0.0, 1.0, 0.0), (0.5, 0.5))]
)
def test_any_motion_of_kicks_and_drifts_is_exact(motion):
    assert gradient_error(two_oscillators(motion), DRIVE, GOAL, HolomorphicEcho(0.05, 8))[0] < 1e-9


@pytest.mark.slow
def test_all_parameters_learn_the_start_and_the_readout_among_them():
    random = np.random.default_rng(1)
    readout = osciprop.networks.SoftmaxCrossEntropy(jnp.asarray(random.normal(size=(4, 3))))
    network = oscillator_network(
        3, 4, 4, duration=4.0, steps=20, key=jax.random.key(1), cubic=0.3, final=readout
    )
    network = eqx.tree_at(lambda net: net.begin_p, network, jnp.asarray([0.5, -0.2, 0.1, 0.3]))
    x, y = random.normal(size=(3, 5, 3)), np.asarray([0, 2, 1])
    network = all_learned(network)
    error, found = gradient_error(network, x, y, HolomorphicEcho(0.1, 12))
    assert error < 1e-9
    for leaf in (found.gradient.mass, found.gradient.begin_q, found.gradient.final.weight):
        assert float(jnp.abs(leaf).max()) > 1e-3
    assert float(found.gradient.motion.duration) == float(found.gradient.damping) == 0.0


@pytest.mark.slow
def test_the_predicted_error_is_right_within_a_factor():
    network, x, y = some_network(duration=8.0, steps=40)
    for method in (CentredEcho(0.3), HolomorphicEcho(0.5, 4), HolomorphicEcho(0.5, 8)):
        error, found = gradient_error(network, x, y, method)
        assert 0.2 < float(found.accuracy.error) / error < 20


def test_a_nudge_that_is_too_large_warns_with_its_number():
    with pytest.warns(osciprop.GradientAccuracyWarning, match="miss the start of the trajectory"):
        osciprop.estimate_gradient(two_oscillators(), DRIVE, GOAL, CentredEcho(0.5))


def test_an_energy_that_is_not_holomorphic_is_warned_of():
    network, x, y = some_network()

    class Folded(OscillatorNetwork):
        def potential(self, q, x):
            return super().potential(q, x) + jnp.sum(q * jnp.conj(q), axis=-1)

    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    with pytest.warns(osciprop.GradientAccuracyWarning, match="not holomorphic"):
        osciprop.estimate_gradient(Folded(**fields), x, y, HolomorphicEcho(0.1, 8))


def test_the_radius_of_convergence_is_that_of_the_notes():
    found = osciprop.estimate_gradient(two_oscillators(), DRIVE, GOAL, HolomorphicEcho(0.5, 32))
    assert found.diagnostics.radius_of_convergence() == pytest.approx(1.2, rel=0.3)


@pytest.mark.slow
def test_noise_spares_the_mean():
    network, x, y = some_network()
    method = CentredEcho(0.1, noise=0.01)
    exact = osciprop.estimate_gradient(network, x, y, TrajectoryBPTT()).gradient
    keys = jax.random.split(jax.random.key(0), 200)
    found = eqx.filter_vmap(
        lambda key: osciprop.estimate_gradient(network, x, y, method, key=key).gradient.stiffness
    )(keys)
    deviation = np.asarray(found) - np.asarray(exact.stiffness)
    spread = deviation.std(axis=0) / np.sqrt(len(keys))
    assert (spread > 0).all()
    assert (np.abs(deviation.mean(axis=0)) < 5 * spread + 0.02).all()


def test_noise_needs_a_key():
    with pytest.raises(ValueError, match="key"):
        osciprop.estimate_gradient(*some_network(), CentredEcho(0.1, noise=0.01))


def test_networks_that_relax_are_refused_by_name(toy):
    with pytest.raises(TypeError, match="relaxes"):
        osciprop.estimate_gradient(*toy, CentredEcho(0.1))


@PLAIN_ONLY
def test_networks_that_move_are_refused_by_other_methods():
    network, x, y = some_network()
    with pytest.raises(TypeError, match="never comes to rest"):
        osciprop.estimate_gradient(network, x, y, osciprop.Implicit())


@pytest.mark.slow
def test_single_precision_is_as_good_as_its_digits():
    with jax.enable_x64(False):
        network, x, y = some_network(key=jax.random.key(1))
        assert gradient_error(network, x, y, HolomorphicEcho(0.3, 8))[0] < 1e-4
