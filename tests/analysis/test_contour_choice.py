"""The chosen contour is as good as the best of a grid of contours, with noise not seen before."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop
from osciprop.analysis.contour_choice import ContourChoice, choose_contour
from osciprop.gradients.noisy import NoisyHolomorphicEP

QUICK = osciprop.SynchronousIteration(tolerance=1e-12, max_steps=2000)
NOISE = osciprop.WhiteNoise(0.003, sharing=osciprop.dynamics.SharedAcrossBatch())
KEY = jax.random.PRNGKey(3)
X, Y = batch(5, 3, 4)
X_, Y_ = jnp.asarray(X), jnp.asarray(Y)
REALISATIONS = 64


def method(amplitude=0.1, points=6, noise=NOISE, duration=40.0, **options):
    return NoisyHolomorphicEP(
        amplitude, points, noise, duration=duration, relaxation=QUICK, **options
    )


@pytest.fixture(scope="module")
def true():
    return osciprop.estimate_gradient(small_network(), X, Y, osciprop.Implicit(QUICK)).gradient


@eqx.filter_jit
def errors(network, tried, true, keys):
    """Relative error of each realisation; the same keys for all amplitudes."""

    def one(key):
        gradient = tried.estimate(network, X_, Y_, None, key).gradient
        return osciprop.relative_error(gradient, true)

    return jax.vmap(one)(keys)


def mean_error(tried, true):
    keys = jax.random.split(jax.random.PRNGKey(99), REALISATIONS)
    return float(np.sqrt(np.mean(np.asarray(errors(small_network(), tried, true, keys)) ** 2)))


@pytest.fixture(scope="module")
def chosen() -> ContourChoice:
    return choose_contour(small_network(), X, Y, method(), key=KEY)


@pytest.mark.slow
def test_the_amplitude_is_as_good_as_the_best_of_a_grid(chosen, true):
    grid = np.geomspace(0.05, 2.0, 16)
    fixed = [mean_error(method(amplitude), true) for amplitude in grid]
    fixed = [error for error in fixed if np.isfinite(error)]
    # The same noise at all amplitudes: what is left of chance is that of the choice's own noise.
    assert mean_error(chosen.method, true) < 1.1 * min(fixed)
    assert chosen.confirmed
    assert min(fixed) < 0.8 * min(fixed[0], fixed[-1])


@pytest.mark.slow
def test_the_predicted_error_is_that_of_other_noise(chosen, true):
    # A variance from 8 and one from 64 draws of few independent directions.
    assert chosen.error == pytest.approx(mean_error(chosen.method, true), rel=0.35)


@pytest.mark.slow
def test_it_keeps_the_points_and_times_of_the_method(chosen):
    assert chosen.error == pytest.approx(np.hypot(chosen.bias, chosen.noise))
    assert chosen.points == 6 and float(chosen.method.duration) == 40.0


@pytest.mark.slow
def test_curves_pass_through_what_was_measured(chosen):
    for circle in chosen.circles:
        for curve, value in (
            (chosen.bias_curve, circle.bias),
            (chosen.noise_curve, circle.noise),
        ):
            logs = np.interp(np.log(circle.amplitude), np.log(chosen.amplitudes), np.log(curve[0]))
            assert np.exp(logs) == pytest.approx(value, rel=0.1)
    assert chosen.error_curve.min() == pytest.approx(chosen.error, rel=0.01)


@pytest.mark.slow
def test_where_it_starts_hardly_matters(chosen):
    for start in (0.02, 0.3):
        other = choose_contour(small_network(), X, Y, method(start), key=KEY)
        assert other.error == pytest.approx(chosen.error, rel=0.05)
    # Where there are no equilibria it starts with a smaller circle.
    far = choose_contour(small_network(), X, Y, method(3.0), key=KEY)
    assert far.circles[0].amplitude < 3.0
    assert far.error == pytest.approx(chosen.error, rel=0.05)


@pytest.mark.slow
def test_points_are_compared_at_equal_total_time(chosen):
    found = choose_contour(small_network(), X, Y, method(), key=KEY, points=(3, 6))
    assert found.points * float(found.method.duration) == pytest.approx(240.0)
    few = choose_contour(small_network(), X, Y, method(points=3, duration=80.0), key=KEY)
    assert found.error == pytest.approx(min(few.error, chosen.error), rel=0.05)
    assert found.points == (3 if few.error < chosen.error else 6)
    assert found.candidates == (3, 6) and found.error_curve.shape[0] == 2


@pytest.mark.slow
def test_phases_that_do_not_settle_count_as_bias():
    hasty = method(points=3, duration=8.0)
    found = choose_contour(small_network(), X, Y, hasty, key=KEY, points=(3, 6), largest=0.1)
    bias = {circle.points: circle.bias for circle in found.circles}
    # Truncation would be least with most points.
    assert bias[6] > 2 * bias[3]


@pytest.mark.slow
def test_the_largest_amplitude_is_respected():
    found = choose_contour(small_network(), X, Y, method(), key=KEY, largest=0.2)
    assert found.amplitude == pytest.approx(0.2) and found.confirmed


@pytest.mark.slow
def test_its_summary_tells_what_was_chosen_and_measured(chosen):
    text = str(chosen)
    assert f"amplitude {chosen.amplitude:.4g}, 6 points of 40 units of time" in text
    assert "predicted relative error" in text and "radius of convergence" in text
    assert text.count("measured at") == len(chosen.circles) >= 3


@pytest.mark.slow
def test_hopeless_noise_is_reported():
    loud = method(noise=osciprop.WhiteNoise(0.3, sharing=osciprop.dynamics.SharedAcrossBatch()))
    with pytest.warns(osciprop.GradientAccuracyWarning, match="least predicted error is"):
        choose_contour(small_network(), X, Y, loud, key=KEY, largest=0.3)


def test_what_it_cannot_do_it_says():
    with pytest.raises(TypeError, match="method"):
        choose_contour(small_network(), X, Y, osciprop.HolomorphicEP(), key=KEY)
    with pytest.raises(ValueError, match="repeats must be an integer of at least 2"):
        choose_contour(small_network(), X, Y, method(), key=KEY, repeats=1)
    with pytest.raises(ValueError, match="duration=.* must exceed"):
        choose_contour(small_network(), X, Y, method(reads=5), key=KEY, points=(6, 100))
    hopeless = eqx.tree_at(
        lambda tree: tree.relaxation, method(1.0), osciprop.SynchronousIteration(max_steps=1)
    )
    with pytest.raises(osciprop.ConvergenceError, match="no circle to begin with"):
        choose_contour(small_network(), X, Y, hopeless, key=KEY, harmonics=8)
