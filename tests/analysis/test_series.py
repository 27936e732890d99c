"""The gradient's Taylor series: first the gradient, then what contours truncate."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, linear_network, relative_error, small_network

import osciprop
from osciprop.analysis.series import gradient_series

QUICK = osciprop.SynchronousIteration(tolerance=1e-12, max_steps=2000)
X, Y = batch(5, 3, 4)


def truncated(amplitude, points, network):
    """The relative error of a contour's mean, against implicit differentiation."""
    true = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit(QUICK)).gradient
    method = osciprop.HolomorphicEP(amplitude, points, QUICK)
    return relative_error(osciprop.estimate_gradient(network, X, Y, method).gradient, true)


@pytest.fixture(scope="module")
def series():
    return gradient_series(small_network(), X, Y, amplitude=0.3, points=60, relaxation=QUICK)


def test_its_first_coefficient_is_the_gradient(series):
    true = osciprop.estimate_gradient(small_network(), X, Y, osciprop.Implicit(QUICK)).gradient
    assert relative_error(series.gradient, true) < 1e-9
    assert series.sizes[0] == pytest.approx(1.0)
    assert series.analytic and 5 < series.visible() < 29


@pytest.mark.parametrize(
    ("points", "amplitude"), [pytest.param(3, 0.15, marks=pytest.mark.slow), (6, 0.5)]
)
def test_it_predicts_the_truncation_of_any_contour(series, points, amplitude):
    (predicted,) = series.truncation(np.asarray([amplitude]), points)
    assert predicted == pytest.approx(truncated(amplitude, points, small_network()), rel=0.03)


def test_orders_below_the_floor_are_extrapolated(series):
    near = gradient_series(small_network(), X, Y, amplitude=0.02, points=60, relaxation=QUICK)
    assert near.visible() < 8
    (known,), (guessed,) = (one.truncation(np.asarray([0.4]), 8) for one in (series, near))
    assert known / 10 < guessed < 10 * known


def test_a_linear_network_has_a_pole():
    network = linear_network()
    x, y = np.ones((2, 3)), np.ones((2, 4))
    # s = (1 + beta - W)^-1 (x V + beta y).
    coupling = np.asarray(network.coupling)
    pole = 1 - np.linalg.eigvalsh((coupling + coupling.T) / 2).max()
    found = gradient_series(network, x, y, amplitude=0.5 * pole, points=60, relaxation=QUICK)
    # A double pole of the gradient, taken for a fold.
    assert 0.75 * pole < found.radius_of_convergence() < pole


def test_a_circle_beyond_the_singularity_is_no_series(series):
    amplitude = 1.5 * series.radius_of_convergence()
    wide = gradient_series(
        small_network(), X, Y, amplitude=amplitude, relaxation=QUICK, throw=False
    )
    assert not wide.analytic


def test_what_it_cannot_do_it_says():
    with pytest.raises(ValueError, match="points must be an integer of at least 8"):
        gradient_series(small_network(), X, Y, amplitude=0.3, points=4)
    with pytest.raises(ValueError, match="amplitude must be a finite number above 0"):
        gradient_series(small_network(), X, Y, amplitude=0.0)
    with pytest.raises(osciprop.ConvergenceError, match="the relaxation at amplitude 1000"):
        gradient_series(small_network(), X, Y, amplitude=1000.0, relaxation=QUICK)
    network = small_network(activation=osciprop.ReLU())
    with pytest.raises(osciprop.HolomorphyError):
        gradient_series(network, jnp.asarray(X), Y, amplitude=0.3)
