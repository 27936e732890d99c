"""Excitation and inhibition, sparse, of Dale's law."""

import jax
import numpy as np
import optax
import pytest

import osciprop
from osciprop.networks import AdaptiveNeuron, Softplus, balanced_network, with_neurons

KEY = jax.random.key(0)


@pytest.mark.slow
def test_signs_and_connections_are_those_of_dale_in_training_too():
    network = balanced_network([64, 40, 10, 10], key=KEY, connectivity=0.3)
    data = osciprop.datasets.digits().subset(train=64, test=16)
    method = osciprop.AsymmetricEP(0.1)
    trained, history = osciprop.fit(
        network, data, method, optax.adam(0.02), epochs=4, progress=False
    )
    losses = history.epochs["train_loss"]
    assert losses[-1] < losses[0]
    before, after = network.network.synapses[2:], trained.network.synapses[2:]
    for source, old, new in zip((0, 0, 1, 1), before, after, strict=True):
        weights = np.asarray(new.weight)
        assert set(np.unique(np.sign(weights))) <= {0.0, -1.0 if source == 0 else 1.0}
        np.testing.assert_array_equal(weights == 0, np.asarray(old.weight) == 0)
        assert 0.15 < np.mean(weights != 0) < 0.45
    excitation, inhibition = (
        np.abs(np.asarray(synapses[0].weight)).sum(axis=0).mean()
        for synapses in (before[2:], before[:2])
    )
    assert inhibition / excitation == pytest.approx(2.0, rel=0.3)


@pytest.mark.slow
def test_methods_for_networks_without_energy_agree():
    network = balanced_network([8, 24, 6, 4], key=KEY, connectivity=0.4, time_constant=[0.5, 1.0])
    tired = with_neurons(network, AdaptiveNeuron(Softplus(4.0), adaptation=0.3))
    x = np.random.default_rng(0).normal(size=(3, 8))
    y = np.asarray([0, 1, 3])
    oscillation = osciprop.SettledOscillation(0.05, 1e5, rule=osciprop.ErrorSignals())
    contour = osciprop.AsymmetricEP(0.05, 16)
    for one, methods in (
        (network, (contour, osciprop.DyadicEP(1e-4))),
        (tired, (contour, osciprop.OscillatoryAEP(oscillation))),
    ):
        exact = osciprop.estimate_gradient(one, x, y, osciprop.Implicit())
        for method in methods:
            found = osciprop.estimate_gradient(one, x, y, method)
            assert osciprop.relative_error(found.gradient, exact.gradient) < 1e-4
        with pytest.raises(osciprop.ReciprocityError):
            osciprop.estimate_gradient(one, x, y, osciprop.HolomorphicEP(0.05, 8))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sizes": [4, 8, 3]}, "sizes"),
        ({"connectivity": 0.0}, "connectivity"),
        ({"connectivity": 1.5}, "connectivity"),
        ({"scale": -1.0}, "scale"),
        ({"inhibition": 0.0}, "inhibition"),
    ],
)
def test_numbers_out_of_range_are_named(change, named):
    given = {"sizes": [4, 8, 2, 3], "key": KEY} | change
    with pytest.raises(ValueError, match=named):
        balanced_network(given.pop("sizes"), **given)
