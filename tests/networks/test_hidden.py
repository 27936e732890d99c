"""Neurons with hidden variables, against closed forms and an independent solver."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error

import osciprop
from experiments.populations.systems import adapting_neurons
from experiments.substrate_populations import gap
from osciprop.gradients.rules import first_coefficient
from osciprop.networks import AdaptiveNeuron, TwoCompartment, drawn, with_neurons

X, Y = np.zeros((1, 1)), np.asarray([[0.6]])
TARGET = 0.6

# The published methods that are exact in a network with an energy, and what they leave of it.
# All but the first relax by damped sweeps alone, a smaller program than the default; undamped ones
# go to and fro where neurons adapt.
WAY = osciprop.SequentialIteration(0.4)
EXACT = [
    (osciprop.HolomorphicEP(0.1, 16), 1e-8),
    (osciprop.AsymmetricEP(0.1, 16, relaxation=WAY), 1e-8),
    (osciprop.VectorFieldEP(0.1, 16, relaxation=WAY), 1e-8),
    (osciprop.DyadicEP(1e-4, relaxation=WAY), 1e-6),
    (osciprop.CentredEP(1e-3, relaxation=WAY), 1e-5),
    (osciprop.gradients.LinearResponse(WAY), 1e-8),
    (osciprop.SettledOscillation(0.1, 1e6, relaxation=WAY), 1e-4),
    (osciprop.SettledOscillation(0.1, 1e6, rule=osciprop.ErrorSignals(), relaxation=WAY), 1e-4),
]


class Last(osciprop.networks.AbstractCost):
    """Half the squared error of the last unit."""

    def output(self, activity):
        return activity[:, -1:]

    def __call__(self, activity, target):
        goal = osciprop.networks.complex_like(target, activity)
        return 0.5 * jnp.sum((activity[:, -1:] - goal) ** 2, axis=-1)


def one_population(neuron, upper, bias) -> osciprop.Network:
    """Units in one population; `upper` is the upper half of the symmetric weights."""
    still = osciprop.Directed(np.zeros((1, len(bias))), osciprop.INPUT, 0)
    synapses = (still, osciprop.Reciprocal(np.asarray(upper), 0, 0))
    return osciprop.Network((osciprop.Population(neuron, jnp.asarray(bias)),), synapses, Last())


def adaptive(**numbers) -> osciprop.Network:
    given = {"adaptation": [0.5, 0.8, 0.3], "adaptation_time": 4.0} | numbers
    neuron = AdaptiveNeuron(osciprop.Tanh(), **given)
    weights = [[0.0, 0.9, -0.5], [0.0, 0.0, 0.7], [0.0, 0.0, 0.0]]
    return one_population(neuron, weights, [0.4, -0.3, 0.2])


def with_dendrites() -> osciprop.Network:
    # The oracle's input reaches the soma itself.
    neuron = TwoCompartment(osciprop.Tanh(), coupling=0.9, basal_time=3.0, apical_time=7.0)
    weights = [[0.0, 0.8, -0.6], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    return one_population(neuron, weights, np.asarray([0.5, -0.2, 0.3]) / 0.9)


def test_adaptation_in_closed_form():
    network = adaptive()
    newton = osciprop.Implicit(osciprop.Newton())  # a smaller program than the default
    found = osciprop.estimate_gradient(network, X, Y, newton)
    s, hidden = found.equilibrium.s[0]
    expected = [0.2274105418, -0.0343413026, 0.0478609403]
    np.testing.assert_allclose(s[0], expected, atol=1e-10)
    np.testing.assert_allclose(hidden[0], -np.sqrt([0.5, 0.8, 0.3]) * s[0], atol=1e-9)
    np.testing.assert_allclose(found.loss, 0.1524287706, atol=1e-10)
    gradient = found.gradient
    bias, weights = gradient.populations[0].bias, gradient.synapses[1].weight
    np.testing.assert_allclose(-bias, [-0.0743467008, 0.1753433350, 0.5467672354], atol=1e-10)
    # Of half the matrix, each pair of units once.
    pairs = weights[jnp.asarray([0, 0, 1]), jnp.asarray([1, 2, 2])]
    np.testing.assert_allclose(pairs, [-0.0424280854, -0.1207823302, 0.0103846022], atol=1e-10)
    strength = gradient.populations[0].neuron.adaptation
    np.testing.assert_allclose(strength, [-0.0169072235, -0.0060215185, 0.0261687940], atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("points", "expected"), [(4, 1.69e-3), (8, 1.38e-5), (16, 5.6e-10)])
def test_the_contours_error_is_the_closed_forms(points, expected):
    network = adaptive()
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit())
    found = osciprop.estimate_gradient(
        network, X, Y, osciprop.HolomorphicEP(0.2, points), throw=False
    )
    # Of biases, adaptations and the weight of each pair, as listed.
    off = [listed(one.gradient) for one in (found, exact)]
    error = np.linalg.norm(off[0] - off[1]) / np.linalg.norm(off[1])
    assert error == pytest.approx(expected, rel=0.05)


def listed(gradient):
    population, weights = gradient.populations[0], gradient.synapses[1].weight
    pairs = weights[jnp.asarray([0, 0, 1]), jnp.asarray([1, 2, 2])]
    return np.concatenate([pairs, population.bias, population.neuron.adaptation])


@pytest.mark.slow
def test_a_settled_oscillation_is_filtered_by_the_adaptation():
    network = adaptive()
    signal = osciprop.Oscillation(0.2, 2 * np.pi / 0.2)
    orbit = osciprop.equilibria.settled_orbit(network, X, Y, signal)
    assert not orbit.followed.any()
    response = first_coefficient(orbit.s, orbit.betas)[0]
    expected = [
        -0.0686892302 + 0.0348985638j,
        0.2559900916 + 0.0456692135j,
        0.6452333872 - 0.0172114428j,
    ]
    np.testing.assert_allclose(response[0][0], expected, atol=1e-9)
    # The adaptation follows the activity with a lag.
    lagged = -np.sqrt([0.5, 0.8, 0.3]) * np.asarray(expected) / (1 + 0.2j * 4)
    np.testing.assert_allclose(response[1][0], lagged, atol=1e-9)


@pytest.mark.slow
def test_a_settled_oscillation_is_filtered_by_dendrites():
    network = with_dendrites()
    free = osciprop.relax(network, X)
    s = np.asarray(free.s[0].soma[0])
    np.testing.assert_allclose(s, [0.5445700778, 0.2381005190, 0.1125978893], atol=1e-9)
    omega, kappa = 0.05, 0.9
    signal = osciprop.Oscillation(0.2, 2 * np.pi / omega)
    orbit = osciprop.equilibria.settled_orbit(network, X, Y, signal)
    assert not orbit.followed.any()
    response = np.asarray(first_coefficient(orbit.s, orbit.betas)[0].soma[0])
    # All synapses here are basal. In units of the soma's potential the nudge counts kappa times.
    upper = np.asarray(network.synapses[1].weight)
    weights, slope = upper + upper.T, np.diag(1 / (1 - s**2))
    operator = (1 + 1j * omega) * slope - kappa * weights / (1 + 3j * omega)
    expected = -kappa * np.linalg.solve(operator, [0, 0, s[2] - TARGET])
    np.testing.assert_allclose(response, expected, atol=1e-9)
    oracle = [
        -0.1476124850 + 0.0449625394j,
        0.1535985193 - 0.0399967016j,
        0.6141544291 - 0.0930879128j,
    ]
    cost = (s[2] - TARGET) / (0.1125978893 - TARGET)
    np.testing.assert_allclose(expected / kappa * cost, oracle, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("make", [adaptive, with_dendrites])
@pytest.mark.parametrize(("method", "limit"), EXACT)
def test_every_exact_method_agrees_with_implicit_differentiation(make, method, limit):
    network = make()
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit(WAY))
    found = osciprop.estimate_gradient(network, X, Y, method)
    assert relative_error(found.gradient, exact.gradient) < limit
    assert found.accuracy is None or float(found.accuracy.error) < 2 * limit


@pytest.mark.slow
@pytest.mark.parametrize("make", [adaptive, with_dendrites])
def test_the_always_on_forms_agree_with_the_settled_one(make):
    network = make()
    oscillating = osciprop.OscillatoryEP(0.2, 100.0, settle_periods=3, rule=osciprop.ErrorSignals())
    settled = osciprop.SettledOscillation(0.2, 100.0, rule=osciprop.ErrorSignals())
    found = osciprop.estimate_gradient(network, X, Y, oscillating)
    reference = osciprop.estimate_gradient(network, X, Y, settled)
    assert relative_error(found.gradient, reference.gradient) < 1e-3
    companion = osciprop.estimate_gradient(network, X, Y, osciprop.OscillatoryAEP(oscillating))
    assert relative_error(companion.gradient, reference.gradient) < 2e-2


@pytest.mark.slow
def test_in_layers_feedback_reaches_the_apical_dendrite():
    plain = osciprop.hopfield_mlp([4, 6, 5, 3], key=jax.random.key(1), activation=osciprop.Tanh())
    neuron = TwoCompartment(osciprop.Tanh(), time_constant=2.0, apical_time=drawn_times(6))
    network = with_neurons(plain, [neuron, TwoCompartment(osciprop.Tanh(), coupling=1.0)])
    x = np.random.default_rng(0).normal(size=(3, 4))
    y = np.asarray([0, 1, 2])
    below, top = osciprop.relax(network, x).u
    free = osciprop.relax(plain, x)
    np.testing.assert_allclose(below.soma, free.u[0], atol=1e-8)
    drive, weight = plain.drive(jnp.asarray(x)), np.asarray(plain.synapses[1].weight)
    np.testing.assert_allclose(below.basal, drive[0], atol=1e-8)
    np.testing.assert_allclose(below.apical, free.s[1] @ weight.T, atol=1e-8)
    np.testing.assert_allclose(top.basal, free.s[0] @ weight + drive[1], atol=1e-8)
    assert np.abs(top.apical).max() == 0
    # Equilibria are those of leaky integrators, and so are gradients.
    own, other = (
        osciprop.estimate_gradient(one, x, y, osciprop.Implicit()).gradient
        for one in (network, plain)
    )
    assert relative_error(own.synapses, other.synapses) < 1e-8
    assert network.slowest() == jnp.max(neuron.apical_time)


def drawn_times(units: int):
    return drawn(jax.random.key(3), units, median=2.0, spread=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("adaptation_time", [1.5, 4.0])
def test_an_adaptation_that_is_slow_to_follow_leaves_the_equilibrium(adaptation_time):
    # s' = (1.5 - 1) s - a: an energy with a minimum, which only a fast adaptation holds.
    neuron = AdaptiveNeuron(osciprop.Identity(), adaptation=1.0, adaptation_time=adaptation_time)
    network = one_population(neuron, [[0.75]], [0.1])
    initial = osciprop.relax(one_population(neuron, [[0.0]], [0.1]), X).u
    found = osciprop.relax(network, X, initial=initial, throw=False)
    eigenvalues = np.linalg.eigvals([[0.5, -1.0], [1 / adaptation_time, -1 / adaptation_time]])
    assert bool(found.converged.all()) == (eigenvalues.real.max() < 0) == (adaptation_time < 2)


@pytest.mark.slow
def test_without_adaptation_it_is_a_leaky_integrator():
    plain = osciprop.hopfield_mlp([4, 6, 3], key=jax.random.key(1))
    still = with_neurons(plain, AdaptiveNeuron(adaptation=0.0))
    x, y = np.random.default_rng(0).normal(size=(3, 4)), np.asarray([0, 1, 2])
    own, other = (
        osciprop.estimate_gradient(one, x, y, osciprop.HolomorphicEP()).gradient
        for one in (still, plain)
    )
    assert relative_error(own.synapses, other.synapses) < 1e-8
    assert np.isfinite(np.asarray(own.populations[0].neuron.adaptation))


def test_training_leaves_neurons_as_they_are():
    network = adaptive()
    spec = network.trainable()
    assert not any(jax.tree.leaves(spec.populations[0].neuron))
    assert spec.populations[0].bias and spec.synapses[1].weight


@pytest.mark.slow
def test_equilibria_are_those_of_the_ode():
    """`experiments.substrate_populations` asks larger networks, and for their gradients."""
    assert max(gap(adapting_neurons(6, seed), time=300.0) for seed in range(3)) < 1e-8


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: AdaptiveNeuron(adaptation=-0.1), "adaptation"),
        (lambda: AdaptiveNeuron(adaptation_time=0.0), "adaptation_time"),
        (lambda: TwoCompartment(coupling=0.0), "coupling"),
        (lambda: TwoCompartment(apical_time=-1.0), "apical_time"),
        (lambda: adaptive(adaptation=[0.1, 0.2]), "adaptation"),
        (lambda: drawn(jax.random.key(0), 3, median=0.0), "median"),
        (lambda: drawn(jax.random.key(0), 3, spread=-1.0), "spread"),
    ],
)
def test_numbers_out_of_range_are_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()
