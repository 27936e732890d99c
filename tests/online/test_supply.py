"""What is presented: batches of samples, or stretches of signals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import small_network
from online_cases import SETTINGS, dataset, simulation
from signal_cases import wave

import osciprop
from osciprop.networks.signals import value_at
from osciprop.online.journal import Journal
from osciprop.online.simulation import begin
from osciprop.online.supply import Batched, Flowing, supply_of

NETWORK = small_network()
PAIR = wave(np.ones((2, 5)), 0.01), wave(np.full((2, 3), 0.5j), 0.01, mean=1.0)


def journal() -> Journal:
    state = begin(NETWORK, jnp.zeros((2, 5)), simulation(noise=None), None)
    return Journal(state, 0)


def test_batches_may_be_asked_for_again():
    supply = supply_of(dataset(), SETTINGS, 2, 0)
    assert isinstance(supply, Batched)
    x, known = supply.example(NETWORK)
    assert x.shape == (2, 5) and known.shape == (24,)
    first, again, second = (supply.shown(NETWORK, n, journal(), None) for n in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], second[0])
    assert supply.taken(7, 0) == 7


def test_batches_of_a_stream_are_compared_as_they_come():
    data = dataset()
    supply = supply_of([(data.x_train[:2], data.y_train[:2])], SETTINGS, 2, 0)
    supply.example(NETWORK)
    supply.shown(NETWORK, 0, journal(), None)
    assert supply.taken(0, 0) != 0


def test_signals_go_on_from_presentation_to_presentation():
    supply = supply_of(PAIR, SETTINGS, 2, 0)
    assert isinstance(supply, Flowing)
    x, known = supply.example(NETWORK)
    np.testing.assert_array_equal(x, PAIR[0](0.0))
    np.testing.assert_array_equal(known, PAIR[1](0.0))
    inputs, targets = supply.shown(NETWORK, 3, journal(), None)
    begun = 3 * SETTINGS.presentation * float(SETTINGS.teaching.period)
    np.testing.assert_allclose(value_at(inputs, 1.5), PAIR[0](begun + 1.5))
    np.testing.assert_allclose(value_at(targets, 1.5), PAIR[1](begun + 1.5))


def test_refused():
    with pytest.raises(ValueError, match="transition is Fade.*Jump"):
        supply_of(PAIR, simulation(transition=osciprop.online.Fade(1)), 2, 0)
    with pytest.raises(ValueError, match="batch_size=1, but x has 2 rows"):
        supply_of(PAIR, SETTINGS, 1, 0).example(NETWORK)


def test_batches_of_a_stream_are_of_one_size():
    data = dataset()
    sizes = [(data.x_train[:n], data.y_train[:n]) for n in (2, 1)]
    supply = supply_of(sizes, SETTINGS, 2, 0)
    supply.example(NETWORK)
    supply.shown(NETWORK, 0, journal(), None)
    with pytest.raises(ValueError, match="presentation 1 has 1 samples and the first one 2"):
        supply.shown(NETWORK, 1, journal(), None)


def test_the_order_of_batches_is_part_of_them():
    data = dataset()
    made = [
        supply_of(osciprop.datasets.Batches(data.x_train, data.y_train, 2, seed=n), SETTINGS, 2, 0)
        for n in (0, 0, 1)
    ]
    first, same, other = (supply.identity() for supply in made)
    assert first == same != other


def test_targets_of_a_stream_that_turn_out_to_be_numbers_are_told():
    network = osciprop.hopfield_regressor([5, 4, 1], key=jax.random.key(0))
    x = dataset().x_train[:2]
    stream = [(x, np.asarray([[0.0], [1.0]])), (x, np.asarray([[0.0], [0.3]]))]
    supply = supply_of(stream, SETTINGS, 2, 0)
    supply.example(network)
    supply.shown(network, 0, journal(), None)
    with pytest.raises(ValueError, match="y holds numbers, which have a mean_squared_error"):
        supply.shown(network, 1, journal(), None)
