"""The predicted error of a gradient: that of every method, against the exact gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, relative_error, small_network

import osciprop
from osciprop.gradients.accuracy import Accuracy

pytestmark = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")

NETWORK = small_network(activation=osciprop.Tanh(), scale=1.0)
DATA = batch(5, 3, 4)
LAYERS = osciprop.perceptron([5, 7, 3], key=jax.random.key(0), activation=osciprop.Tanh())
ERRORS = osciprop.ErrorSignals()
SWEEPS = osciprop.AndersonIteration()  # compiles faster than the default
METHODS = [
    osciprop.ClassicEP(0.3, SWEEPS),
    osciprop.CentredEP(0.8),
    osciprop.HolomorphicEP(0.4, 4),
    osciprop.VectorFieldEP(0.5, 1),
    osciprop.AsymmetricEP(0.5, 1),
    osciprop.OscillatoryEP(0.1, 20.0, settle_periods=3),
    osciprop.OscillatoryEP(0.1, 1.0),
    osciprop.SettledOscillation(0.1, 10.0),
    osciprop.LagCorrected(osciprop.SettledOscillation(0.1, 10.0)),
    osciprop.OscillatoryAEP(osciprop.SettledOscillation(0.1, 10.0, rule=ERRORS)),
    osciprop.AdversarialTraining(osciprop.ClassicEP(0.3), 1e-9),
    osciprop.Homeostatic(osciprop.ClassicEP(0.3)),
]
QUICK = (0,)


def actual(estimate, reference):
    own = estimate.gradient if estimate.cost_gradient is None else estimate.cost_gradient
    return relative_error(own, reference)


@pytest.fixture(scope="module")
def exact():
    return osciprop.estimate_gradient(NETWORK, *DATA, osciprop.Implicit(SWEEPS)).gradient


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=[] if place in QUICK else pytest.mark.slow)
        for place, method in enumerate(METHODS)
    ],
    ids=lambda method: type(method).__name__,
)
def test_it_is_the_distance_from_the_exact_gradient(method, exact):
    found = osciprop.estimate_gradient(NETWORK, *DATA, method, key=jax.random.key(1))
    error = actual(found, exact)
    assert error > 1e-4
    assert float(found.accuracy.error) == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(osciprop.DualPropagation(0.1, 0.0), marks=pytest.mark.slow),
        pytest.param(osciprop.DualPropagationAdjoint(0.3, 0.0), marks=pytest.mark.slow),
        pytest.param(osciprop.DualPropagationAdjoint(0.5, 0.5), marks=pytest.mark.slow),
        pytest.param(osciprop.gradients.HolomorphicDualPropagation(0.9, 3), marks=pytest.mark.slow),
    ],
)
def test_dyads_are_predicted_for_every_alpha(method):
    reference = osciprop.estimate_gradient(LAYERS, *DATA, osciprop.Implicit()).gradient
    found = osciprop.estimate_gradient(LAYERS, *DATA, method)
    assert float(found.accuracy.error) == pytest.approx(actual(found, reference), rel=0.02)


@pytest.mark.slow
def test_a_population_of_networks_near_and_beyond_the_radius():
    """60 networks of scales 0.3 to 2.5, two amplitudes each: the prediction within 5 % of the
    error wherever that is above 1e-6.
    """
    rng = np.random.default_rng(5)
    checked = 0
    for seed in range(60):
        network = small_network(seed, osciprop.Tanh(), scale=float(rng.uniform(0.3, 2.5)))
        data = batch(5, 3, 2, seed)
        reference = osciprop.estimate_gradient(network, *data, osciprop.Implicit())
        for amplitude in 10.0 ** rng.uniform(-3, 0.5, 2):
            method = osciprop.CentredEP(amplitude)
            found = osciprop.estimate_gradient(network, *data, method, throw=False)
            if bool(found.converged):
                error = actual(found, reference.gradient)
                assert float(found.accuracy.error) == pytest.approx(error, rel=0.05, abs=1e-6)
                checked += 1
    assert checked >= 100


@pytest.mark.slow
def test_a_response_that_drowns_in_the_tolerance_is_seen():
    """Single precision at amplitude 1e-5: the solver's tolerance is a large part of it."""
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), NETWORK)
    reference = osciprop.estimate_gradient(single, *DATA, osciprop.Implicit()).gradient
    with pytest.warns(osciprop.GradientAccuracyWarning, match="drowns in the tolerance"):
        found = osciprop.estimate_gradient(single, *DATA, osciprop.CentredEP(1e-6))
    error = actual(found, reference)
    assert error > 0.1
    assert float(found.accuracy.error) == pytest.approx(error, rel=0.1)


@pytest.mark.slow
def test_inside_jit_it_is_made_on_request(exact):
    method = METHODS[0]
    network, x, y = NETWORK, jnp.asarray(DATA[0]), jnp.asarray(DATA[1])

    @jax.jit
    def predicted(x, y):
        found = osciprop.estimate_gradient(network, x, y, method)
        assert found.accuracy is None
        return method.accuracy(network, x, y, found).error

    outside = osciprop.estimate_gradient(network, x, y, method)
    assert float(predicted(x, y)) == pytest.approx(float(outside.accuracy.error), rel=0.01)


@pytest.mark.slow
def test_nothing_to_learn_is_no_error():
    """Targets that the network meets: error signal and gradient are zero."""
    network = osciprop.hopfield_regressor([5, 4, 3], key=jax.random.key(0))
    x, _ = DATA
    targets = network.output(osciprop.relax(network, x).s)
    zero = osciprop.estimate_gradient(network, x, targets, osciprop.Implicit())
    assert float(zero.accuracy.error) == 0
    found = osciprop.estimate_gradient(network, x, targets, osciprop.HolomorphicEP(0.1, 8))
    assert float(found.accuracy.error) > 1


@pytest.mark.slow
def test_noise_is_not_predicted():
    noise = osciprop.WhiteNoise(1e-3)
    method = osciprop.OscillatoryEP(0.1, 20.0, noise=noise)
    found = osciprop.estimate_gradient(NETWORK, *DATA, method, key=jax.random.key(0))
    assert found.accuracy is None
    assert "predicted" not in str(found)


def test_concerns_name_the_sample_and_the_number():
    quiet = Accuracy(jnp.asarray(0.01), jnp.zeros(3))
    assert quiet.branch_concerns() == quiet.error_concerns() == []
    (apart,) = Accuracy(jnp.asarray(0.01), jnp.asarray([0.0, 0.5, 0.1])).branch_concerns()
    assert apart.startswith("sample 1 oscillates about a state 0.5 from the free equilibrium")
    (error,) = Accuracy(jnp.asarray(0.4), jnp.zeros(3)).error_concerns()
    assert "relative error at about 0.4" in error
    unknown = Accuracy(jnp.asarray(np.nan), jnp.full(3, np.nan))
    assert unknown.branch_concerns() and unknown.error_concerns()


@pytest.mark.slow
def test_a_mean_that_is_no_equilibrium_does_not_print_as_one():
    found = osciprop.estimate_gradient(NETWORK, *DATA, osciprop.OscillatoryEP(0.1, 1.0))
    assert "0 of 4 samples" not in str(found)
    assert "mean activity: not at equilibrium" in str(found)
