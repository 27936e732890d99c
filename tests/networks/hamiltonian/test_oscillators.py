"""Oscillators: closed forms, and what does not fit."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from mistake_cases import PLAIN_ONLY
from trajectory_cases import some_network

import osciprop
from osciprop.networks import FourthOrder, oscillator_network, passage


def test_a_linear_network_moves_by_its_normal_modes():
    network = oscillator_network(
        1, 4, 1, duration=5.0, steps=1600, key=jax.random.key(2), cubic=0.0, coupling=0.8
    )
    network = eqx.tree_at(
        lambda net: (net.motion, net.begin_q, net.begin_p),
        network,
        (FourthOrder(5.0, 1600), jnp.asarray([1.0, 0.0, -0.5, 0.2]), jnp.zeros(4)),
    )
    links = np.triu(network.pairs, 1) + np.triu(network.pairs, 1).T
    matrix = np.diag(np.asarray(network.stiffness) + links.sum(axis=0)) - links
    squares, modes = np.linalg.eigh(matrix)
    begun = modes.T @ np.asarray(network.begin_q)
    wanted = modes @ (begun * np.cos(np.sqrt(squares) * 5.0))
    found = passage(network, np.zeros((1, 1, 1)))
    np.testing.assert_allclose(found.end.q[0], wanted, atol=1e-9)


def test_what_keeps_the_network_bounded_does_not_learn():
    learned = some_network()[0].trainable()
    assert not any((learned.motion.duration, learned.damping, learned.mass, learned.cubic))
    assert learned.pairs and learned.stiffness and learned.begin_q


def test_frequencies_are_drawn_between_their_limits():
    network = oscillator_network(
        1, 200, 1, duration=1.0, steps=1, key=jax.random.key(0), frequencies=(0.5, 4.0)
    )
    rates = np.sqrt(np.asarray(network.stiffness))
    assert rates.min() >= 0.5 and rates.max() <= 4.0
    np.testing.assert_allclose(np.median(np.log(rates)), np.log(0.5 * 4.0) / 2, atol=0.2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mass": jnp.zeros(4)}, "mass"),
        pytest.param({"cubic": jnp.ones(3)}, "cubic has shape", marks=PLAIN_ONLY),
        ({"outputs": (4,)}, r"outputs=\(4,\)"),
        ({"final": None}, "running and final are None"),
        ({"damping": -0.1}, "damping"),
        pytest.param(
            {"input_weight": jnp.ones((3, 5))}, "input_weight has shape", marks=PLAIN_ONLY
        ),
    ],
)
def test_what_does_not_fit(change, words):
    network, _, _ = some_network()
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(network, **change)


def test_the_builder_says_what_is_wrong():
    for wrong, words in (
        ({"outputs": 5}, "outputs=5"),
        ({"frequencies": (2.0, 1.0)}, "lowest first"),
        ({"units": 0}, "units"),
    ):
        options = {"inputs": 1, "units": 4, "outputs": 1} | wrong
        with pytest.raises(ValueError, match=words):
            oscillator_network(**options, duration=1.0, steps=1, key=jax.random.key(0))


def test_it_is_fitted_like_any_network():
    random = np.random.default_rng(0)
    x = random.normal(size=(32, 5, 3))
    y = (x[:, -1, 0] > 0).astype(int)
    readout = osciprop.networks.SoftmaxCrossEntropy(jnp.ones((4, 2)) * jnp.asarray([0.1, -0.1]))
    network = oscillator_network(
        3, 4, 4, duration=4.0, steps=20, key=jax.random.key(1), final=readout
    )
    echo = osciprop.gradients.CentredEcho(0.01)
    trained, history = osciprop.fit(
        network, ((x, y), (x, y)), echo, optax.adam(0.05), epochs=20, batch_size=16, progress=False
    )
    assert history.epochs["test_accuracy"][-1] > 0.85
    assert osciprop.evaluate(trained, x, y).accuracy == history.epochs["test_accuracy"][-1]
    assert float(trained.motion.duration) == 4.0
