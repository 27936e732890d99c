"""Contrastive and coupled learning: oracles, orders of the bias, the limit, refusals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy_cases import (
    DAMPED,
    Kinked,
    Silent,
    circuit,
    gradients,
    limits,
    numbers,
    off,
    population,
    slope,
    three_units,
)

import osciprop
from osciprop.gradients import (
    CentredCoupledLearning,
    ContrastiveLearning,
    CoupledLearning,
    HolomorphicCoupledLearning,
    NegativeCoupledLearning,
)

LIMIT = [-0.3520868475, 0.2621847146, 0.1216290321, -0.3846202864, -0.3808275825, 0.4979631610]
CLAMPED = [-0.4110070429, 0.4036806962, 0.3112671389, -0.2595434029, -0.3808275825, 0.4979631610]


@eqx.filter_jit
def found(method):
    """Inside `jit`, where no second program is compiled for the accuracy."""
    network, x, y = three_units()
    return osciprop.estimate_gradient(network, x, y, method, throw=False).gradient


def estimated(method) -> np.ndarray:
    return numbers(found(method))


def cosine(a, b) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_limit_is_not_the_gradient():
    network, _, y = three_units()
    exact, limit = limits(network, y)
    np.testing.assert_allclose(limit, LIMIT, atol=1e-10)
    assert cosine(exact, limit) == pytest.approx(0.999707, abs=1e-6)


@pytest.mark.parametrize(
    ("method", "errors"),
    [
        (CoupledLearning, {0.4: 0.1409, 0.1: 0.0373}),
        (NegativeCoupledLearning, {0.4: 0.1632, 0.1: 0.0387}),
        (CentredCoupledLearning, {0.4: 0.0159, 0.1: 0.00101}),
    ],
)
def test_errors_of_soft_clamps(method, errors):
    for nudge, error in errors.items():
        assert off(estimated(method(nudge, DAMPED)), LIMIT) == pytest.approx(error, rel=5e-3)


@pytest.mark.parametrize(
    ("points", "error"),
    [
        pytest.param(2, 2.45e-2, marks=pytest.mark.slow),
        pytest.param(4, 7.6e-4, marks=pytest.mark.slow),
        (8, 5.2e-7),
    ],
)
def test_errors_of_circles(points, error):
    method = HolomorphicCoupledLearning(0.5, points, DAMPED)
    assert off(estimated(method), LIMIT) == pytest.approx(error, rel=1e-2)


def test_hard_clamp():
    gradient = estimated(ContrastiveLearning(DAMPED))
    np.testing.assert_allclose(gradient, CLAMPED, atol=2e-10)
    network, _, y = three_units()
    exact, _ = limits(network, y)
    assert cosine(gradient, exact) == pytest.approx(0.9595, abs=5e-5)
    np.testing.assert_allclose(gradient, estimated(CoupledLearning(1.0, DAMPED)), atol=1e-12)


def test_one_output_of_a_circuit_learns_along_the_gradient():
    """A linear network's contrast is quadratic in the clamp: centred is exact at any nudge."""
    network, x, y = circuit()
    method = CentredCoupledLearning(0.7, DAMPED)
    exact = np.asarray(
        [
            [-0.0794103861, 0.0766858854, -0.0852207897, 0.0431426416, -0.0245268674],
            [0.0313314527, 0.0043034548, 0.0226314949, 0.0181497836, -0.0049936451],
        ]
    ).ravel()
    estimate = osciprop.estimate_gradient(network, x, y, method)
    gradient = np.asarray(estimate.gradient.function.conductance)
    # R = 1 / chi of the output.
    np.testing.assert_allclose(gradient, 1.3658935161 * exact, atol=2e-10)
    assert estimate.accuracy is None
    np.testing.assert_allclose(estimate.error_signal[0, 2], 0.5 - 0.0722704643, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "order"),
    [
        (CoupledLearning, 1),
        (NegativeCoupledLearning, 1),
        (CentredCoupledLearning, 2),
        (lambda nudge, way: HolomorphicCoupledLearning(nudge, 4, way), 4),
    ],
)
def test_orders_of_the_bias_over_a_population(method, order):
    networks, targets = population(40)
    nudges = [0.1, 0.2, 0.4]
    each = [jax.tree.map(lambda leaf, at=k: leaf[at], networks) for k in range(40)]
    limit = np.asarray([limits(*pair)[1] for pair in zip(each, targets, strict=True)])
    errors = [off(gradients(networks, targets, method(nudge, DAMPED)), limit) for nudge in nudges]
    orders = slope(nudges, errors)
    assert np.median(orders) == pytest.approx(order, rel=0.05)
    assert np.mean(np.abs(orders / order - 1) < 0.25) > 0.9


@pytest.mark.slow
def test_any_layered_network_with_labels():
    """The last population is held, and moves the others as its values say."""
    key = jax.random.key(0)
    network = osciprop.hopfield_mlp([4, 6, 5, 3], key=key)
    network = osciprop.Network(network.populations, network.synapses, osciprop.CrossEntropy())
    x, y = np.random.default_rng(0).uniform(size=(5, 4)), np.arange(5) % 3
    estimate = osciprop.estimate_gradient(network, x, y, ContrastiveLearning())
    size = network.populations[-1].size
    rows = np.eye(size)[y]
    held = osciprop.dynamics.ClampedOutputs(network, jnp.asarray(rows))
    clamped = osciprop.relax(held, x)

    def energies(parameters):
        phi = parameters.phi(estimate.equilibrium.s, jnp.asarray(x))
        return jnp.mean(phi - parameters.phi(clamped.s, jnp.asarray(x)))

    expected = eqx.filter_grad(energies)(network)
    assert osciprop.relative_error(estimate.gradient, expected) < 1e-8


class Directed(osciprop.AbstractNetwork):
    """A network of a user's own without an energy."""

    def rest(self, x):
        return jnp.zeros_like(x)

    def activity(self, u):
        return jnp.tanh(u)

    def current(self, s, drive):
        return drive

    def cost(self, s, y):
        return jnp.sum((s - y) ** 2, axis=-1)

    def output(self, s):
        return s


def test_refusals_by_name():
    network, x, y = three_units()
    own = (network.coupling, network.bias, network.time_constants)
    with pytest.raises(osciprop.ReciprocityError, match="Directed has no energy"):
        osciprop.estimate_gradient(Directed(), np.ones((1, 2)), np.ones((1, 2)), CoupledLearning())
    with pytest.raises(TypeError, match="outputs of this Silent cannot be clamped.*its class"):
        osciprop.estimate_gradient(Silent(*own), x, y, ContrastiveLearning())
    read = osciprop.hopfield_mlp([2, 3, 2], key=jax.random.key(0))
    with pytest.raises(TypeError, match=r"Network cannot be clamped.*its readout, SoftmaxCrossEnt"):
        osciprop.estimate_gradient(read, np.ones((1, 2)), np.ones(1, int), CoupledLearning())
    kinked, circle = Kinked(*own), HolomorphicCoupledLearning(0.1, 4)
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.estimate_gradient(kinked, x, y, circle)
    CentredCoupledLearning().check(kinked)
    for make in (CoupledLearning, NegativeCoupledLearning, CentredCoupledLearning):
        with pytest.raises(ValueError, match="nudge must be a finite number above 0"):
            make(0.0)
    with pytest.raises(ValueError, match="use CoupledLearning"):
        HolomorphicCoupledLearning(0.1, 1)
