"""Skips against a network written by hand, and what does not fit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error

import osciprop
from osciprop.networks import LearnedSkip, ReciprocalProjection, ScaledFeedback, Skip
from osciprop.networks.network import current_from_phi

RANDOM = np.random.default_rng(0)
INTO, FIRST, SECOND = (0.35 * RANDOM.normal(size=shape) for shape in ((2, 4), (4, 3), (3, 4)))
BIASES = [0.2 * RANDOM.normal(size=size) for size in (4, 3, 4)]
X, Y = RANDOM.normal(size=(2, 2)), RANDOM.normal(size=(2, 4))
GAIN = 0.4
WAY = osciprop.AndersonIteration()
"""A small program."""


def network(skip=None):
    """Three populations of tanh units, the last of the size of the first."""
    neuron = osciprop.LeakyIntegrator(osciprop.Tanh())
    synapses = [
        osciprop.Directed(INTO, osciprop.INPUT, 0),
        osciprop.Reciprocal(FIRST, 0, 1),
        osciprop.Reciprocal(SECOND, 1, 2),
        ReciprocalProjection(Skip(GAIN) if skip is None else skip, 0, 2),
    ]
    populations = [osciprop.Population(neuron, bias) for bias in BIASES]
    return osciprop.Network(populations, synapses, osciprop.SquaredError())


def by_hand(s, x, gain=GAIN, second=SECOND):
    """Phi of one sample."""
    a, b, c = s
    products = x @ INTO @ a + a @ FIRST @ b + b @ second @ c + gain * (a @ c)
    return products + sum(bias @ part for bias, part in zip(BIASES, s, strict=True))


def settled(x, gain=GAIN, second=SECOND):
    """The equilibrium of `u = d phi / d s`, `s = tanh(u)`: small steps until nothing moves."""
    cuts = np.cumsum([len(bias) for bias in BIASES])[:-1]

    def residual(u):
        a, b, c = np.split(np.tanh(u), cuts)
        currents = (
            x @ INTO + FIRST @ b + gain * c + BIASES[0],
            a @ FIRST + second @ c + BIASES[1],
            b @ second + gain * a + BIASES[2],
        )
        return np.concatenate(currents) - u

    u = np.zeros(11)
    for _ in range(400):
        u = u + 0.5 * residual(u)
    assert np.abs(residual(u)).max() < 1e-12
    return np.split(np.tanh(u), cuts)


def loss_by_hand(**changed):
    return np.mean(
        [0.5 * np.sum((settled(x, **changed)[2] - y) ** 2) for x, y in zip(X, Y, strict=True)]
    )


@pytest.mark.parametrize("kind", [float, complex])
def test_phi_and_currents_are_those_of_the_energy_written_by_hand(kind):
    net, rng = network(), np.random.default_rng(1)
    s = tuple(
        jnp.asarray(rng.normal(size=(2, n)) + (0.3j if kind is complex else 0) * rng.normal(size=n))
        for n in (4, 3, 4)
    )
    expected = [by_hand([np.asarray(part[i]) for part in s], X[i]) for i in range(2)]
    np.testing.assert_allclose(net.phi(s, jnp.asarray(X)), expected, atol=1e-12)
    derived = current_from_phi(net, s, jnp.asarray(X))
    for direct, other in zip(net.current(s, net.drive(jnp.asarray(X))), derived, strict=True):
        np.testing.assert_allclose(direct, other, atol=1e-12)
    # Contrasts about a center are the same number.
    np.testing.assert_allclose(
        net.phi_about(jax.tree.map(lambda part: part.real, s), s, jnp.asarray(X)), expected
    )


def test_it_settles_where_the_energy_written_by_hand_does():
    found = osciprop.relax(network(), X)
    assert np.all(found.converged)
    for sample, x in enumerate(X):
        for part, expected in zip(found.s, settled(x), strict=True):
            np.testing.assert_allclose(part[sample], expected, atol=1e-9)


def test_gradients_of_a_weight_and_of_a_learned_gain_by_finite_differences():
    net = network(LearnedSkip(GAIN))
    estimate = osciprop.estimate_gradient(net, X, Y, osciprop.HolomorphicEP(0.05, 12, WAY))
    assert float(estimate.loss) == pytest.approx(loss_by_hand(), abs=1e-9)
    step = 1e-5
    by_gain = (loss_by_hand(gain=GAIN + step) - loss_by_hand(gain=GAIN - step)) / (2 * step)
    found = estimate.gradient.synapses[3].transform.gain
    assert float(found) == pytest.approx(by_gain, abs=1e-8)
    moved = np.zeros_like(SECOND)
    moved[1, 2] = step
    up, down = (loss_by_hand(second=SECOND + sign * moved) for sign in (1, -1))
    by_weight = estimate.gradient.synapses[2].weight[1, 2]
    assert float(by_weight) == pytest.approx((up - down) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("skip", [Skip(0.7), LearnedSkip(RANDOM.normal(size=3))], ids=str)
def test_transposed_currents_are_those_of_the_transposed_jacobian(skip):
    synapse = ReciprocalProjection(skip, 0, 1)
    parts = tuple(jnp.asarray(RANDOM.normal(size=(1, 3))) for _ in range(2))
    v = tuple(jnp.asarray(RANDOM.normal(size=(1, 3))) for _ in range(2))
    _, pull = jax.vjp(lambda *s: [current for _, current in synapse.currents(s)], *parts)
    places = [place for place, _ in synapse.currents(parts)]
    expected = pull([v[place] for place in places])
    for place, current in synapse.transposed_currents(parts, v):
        np.testing.assert_allclose(current, expected[place], atol=1e-14)


def test_gains_of_maps_and_of_all():
    rng = np.random.default_rng(0)
    maps = jnp.asarray(rng.normal(size=(2, 3, 3, 2)))
    gains = rng.normal(size=2)
    np.testing.assert_allclose(LearnedSkip(gains)(maps), gains * np.asarray(maps))
    np.testing.assert_allclose(LearnedSkip(0.5)(maps), 0.5 * maps)
    assert Skip()(maps).dtype == maps.dtype


def test_a_fixed_gain_is_no_parameter():
    fixed, learned = network(), network(LearnedSkip(GAIN))
    assert jax.tree.leaves(eqx.filter(fixed, fixed.trainable()).synapses[3]) == []
    (gain,) = jax.tree.leaves(eqx.filter(learned, learned.trainable()).synapses[3])
    assert float(gain) == GAIN


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        pytest.param(osciprop.CentredEP(1e-3), 1e-5, marks=pytest.mark.slow),
        pytest.param(osciprop.SettledOscillation(0.05, 1e5), 1e-4, marks=pytest.mark.slow),
        pytest.param(osciprop.AsymmetricEP(0.05, 10), 1e-7, marks=pytest.mark.slow),
        pytest.param(osciprop.DyadicEP(), 1e-8, marks=pytest.mark.slow),
        pytest.param(osciprop.VectorFieldEP(0.05, 10), 1e-7, marks=pytest.mark.slow),
        pytest.param(osciprop.OscillatoryEP(0.1, 400.0), 1e-2, marks=pytest.mark.slow),
        pytest.param(osciprop.BPTT(200), 1e-8, marks=pytest.mark.slow),
    ],
    ids=lambda value: type(value).__name__,
)
def test_methods_agree_with_implicit_differentiation(method, tolerance):
    net = network(LearnedSkip(GAIN))
    exact = osciprop.estimate_gradient(net, X, Y, osciprop.Implicit()).gradient
    found = osciprop.estimate_gradient(net, X, Y, method).gradient
    assert relative_error(found, exact) < tolerance


@pytest.mark.parametrize("scale", [0.3, pytest.param(0.05, marks=pytest.mark.slow)])
def test_feedback_that_is_scaled_stays_exact(scale):
    net = ScaledFeedback(network(LearnedSkip(GAIN)), scale)
    exact = osciprop.estimate_gradient(net, X, Y, osciprop.Implicit(WAY)).gradient
    found = osciprop.estimate_gradient(net, X, Y, osciprop.HolomorphicEP(0.05, 10, WAY)).gradient
    assert relative_error(found, exact) < 1e-7
    # What the skip sends down is scaled by the two populations that it spans.
    s = tuple(jnp.asarray(RANDOM.normal(size=(2, n))) for n in (4, 3, 4))
    drive = net.drive(jnp.asarray(X))
    _, b, c = (np.asarray(part) for part in s)
    expected = X @ INTO + scale * b @ FIRST.T + scale**2 * GAIN * c + BIASES[0]
    np.testing.assert_allclose(net.current(s, drive)[0], expected, atol=1e-12)


def test_what_does_not_fit():
    neuron = osciprop.LeakyIntegrator(osciprop.Tanh())
    populations = [osciprop.Population(neuron, np.zeros(size)) for size in (4, 3)]
    into = osciprop.Directed(INTO, osciprop.INPUT, 0)
    message = (
        r"synapses\[1\] leads from population 0 of shape \(4,\) to population 1 of shape \(3,\).*"
        "give one of 3 units"
    )
    with pytest.raises(ValueError, match=message):
        osciprop.Network(
            populations, [into, ReciprocalProjection(Skip(), 0, 1)], osciprop.SquaredError()
        )
    with pytest.raises(ValueError, match=r"gain of this skip has shape \(5,\)"):
        network(LearnedSkip(np.ones(5)))
    with pytest.raises(ValueError, match="gain"):
        Skip(float("inf"))
    with pytest.raises(TypeError, match="gain"):
        LearnedSkip("one")
    with pytest.raises(ValueError, match="comes from the clamped input"):
        osciprop.Network(
            populations, [ReciprocalProjection(Skip(), osciprop.INPUT, 0)], osciprop.SquaredError()
        )


def test_an_input_can_skip_too():
    neuron = osciprop.LeakyIntegrator(osciprop.Tanh())
    populations = [osciprop.Population(neuron, np.zeros(2))]
    straight = osciprop.networks.DirectedProjection(Skip(2.0), osciprop.INPUT, 0)
    net = osciprop.Network(populations, [straight], osciprop.SquaredError())
    np.testing.assert_allclose(osciprop.relax(net, X).s[0], np.tanh(2 * X), atol=1e-9)
    with pytest.raises(ValueError, match="size that the network was built for"):
        osciprop.relax(net, np.ones((2, 3)))
