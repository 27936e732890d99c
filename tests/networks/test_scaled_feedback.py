"""Scaled feedback: known numbers, and exact gradients at any scale."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.networks import Reciprocal, ScaledFeedback

X, Y = np.asarray([[0.6, -0.9]]), np.asarray([[0.5, -0.5]])
WEIGHTS = (
    np.asarray([[0.9, -0.4], [0.3, 0.8], [-0.5, 0.6]]).T,
    np.asarray([[0.7, -0.5, 0.4], [0.2, 0.9, -0.3], [-0.6, 0.4, 0.8]]).T,
    np.asarray([[0.8, -0.3, 0.5], [-0.4, 0.7, 0.6]]).T,
)
# By scale: loss, outputs, and one derivative by a weight, of a program that shares no code.
KNOWN = {
    1.0: (0.0847683661, (0.4726394060, -0.9108383259), -0.0028755309),
    0.5: (0.0794184160, (0.3262852685, -0.8586921020), 0.0357157680),
    0.1: (0.1301672367, (0.0241041476, -0.6840043777), 0.1647899186),
    0.01: (0.1478295090, (-0.0271119702, -0.6334615635), 0.1578775006),
}
ADJOINT = (
    (0.0571253003, -0.1406940473, 0.1050928447),
    (0.2880707759, -0.0997109525, 0.0819941292),
)
"""At a scale of 0.1."""


def layers(skip=False):
    neurons = [osciprop.LeakyIntegrator(osciprop.Tanh())] * 3
    populations = [
        osciprop.Population(neuron, jnp.zeros(size))
        for neuron, size in zip(neurons, (3, 3, 2), strict=True)
    ]
    first, second, third = map(jnp.asarray, WEIGHTS)
    synapses = [osciprop.Directed(first, osciprop.INPUT, 0), Reciprocal(second, 0, 1)]
    synapses.append(Reciprocal(third, 1, 2))
    if skip:
        synapses.append(Reciprocal(0.3 * third[::-1], 0, 2))
    return osciprop.Network(populations, synapses, osciprop.SquaredError())


@pytest.mark.parametrize("scale", [pytest.param(1.0, marks=pytest.mark.slow), *list(KNOWN)[1:]])
def test_the_oracle(scale):
    loss, outputs, slope = KNOWN[scale]
    found = osciprop.estimate_gradient(ScaledFeedback(layers(), scale), X, Y, osciprop.Implicit())
    assert float(found.loss) == pytest.approx(loss, abs=1e-9)
    np.testing.assert_allclose(found.outputs[0], outputs, atol=1e-9)
    weight = found.gradient.network.synapses[1].weight
    assert float(weight[1, 0]) == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("skip", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_contrasts_are_exact(skip):
    network = ScaledFeedback(layers(skip), 0.1)
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit())
    found = osciprop.estimate_gradient(network, X, Y, osciprop.HolomorphicEP(0.1, 10))
    assert osciprop.relative_error(found.gradient, exact.gradient) < 1e-8
    assert float(found.accuracy.error) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        osciprop.CentredEP(1e-3),
        osciprop.SettledOscillation(0.1, 1e5),
        osciprop.AsymmetricEP(0.1, 10),
        osciprop.DyadicEP(),
    ],
    ids=lambda method: type(method).__name__,
)
def test_other_methods_are_exact_too(method):
    network = ScaledFeedback(layers(), 0.1)
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit())
    found = osciprop.estimate_gradient(network, X, Y, method)
    assert osciprop.relative_error(found.gradient, exact.gradient) < 1e-5


@pytest.mark.slow
def test_the_response_is_the_adjoint_by_powers_of_the_scale():
    network = ScaledFeedback(layers(), 0.1)
    told = osciprop.estimate_gradient(network, X, Y, osciprop.HolomorphicEP(0.1, 10)).error_signal
    response = osciprop.estimate_gradient(
        network, X, Y, osciprop.gradients.LinearResponse()
    ).error_signal
    for place, wanted in enumerate(ADJOINT):
        np.testing.assert_allclose(told[place][0], wanted, atol=1e-8)
        scale = 0.1 ** (2 - place)
        np.testing.assert_allclose(response[place], scale * told[place], rtol=1e-7)


def test_at_one_nothing_changes():
    # Whatever the method; the steps themselves are the shortest program.
    plain, found = (
        osciprop.estimate_gradient(network, X, Y, osciprop.BPTT(60))
        for network in (layers(), ScaledFeedback(layers(), 1.0))
    )
    assert osciprop.relative_error(found.gradient.network, plain.gradient) < 1e-9


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="feedback_scale"):
        ScaledFeedback(layers(), 0.0)
    directed = osciprop.feedback_mlp([4, 6, 5, 3], key=jax.random.key(0))
    with pytest.raises(ValueError, match="leads from population"):
        ScaledFeedback(directed, 0.1)
