"""Maps over two settings: what settles is compared, what does not is blank."""

import numpy as np
import pytest
from helpers import batch, flat, small_network

import osciprop
from osciprop.analysis import stability_map

# How far gradients are off is the subject.
pytestmark = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")

QUICK = osciprop.SynchronousIteration(tolerance=1e-12, max_steps=2000)
NETWORK = small_network()
X, Y = batch(5, 3, 4)


def method(damping, amplitude):
    """Classic EP settles for every damping, but not within so few steps for a small one."""
    return osciprop.ClassicEP(amplitude, osciprop.SynchronousIteration(damping, max_steps=100))


@pytest.mark.slow
def test_cells_are_those_of_single_estimates():
    exact = osciprop.Implicit(QUICK)
    found = stability_map(NETWORK, X, Y, method, [0.01, 1.0], [0.05, 0.1, 0.4], reference=exact)
    gradient = osciprop.estimate_gradient(NETWORK, X, Y, exact).gradient
    single = osciprop.estimate_gradient(NETWORK, X, Y, method(1.0, 0.1)).gradient
    np.testing.assert_allclose(found.cosine[1, 1], osciprop.cosine(single, gradient))
    ratio = np.linalg.norm(flat(single)) / np.linalg.norm(flat(gradient))
    np.testing.assert_allclose(found.norm[1, 1], ratio)
    assert np.all(np.diff(found.cosine[:, 1]) < 0)
    # What did not settle is blank, not a number.
    np.testing.assert_array_equal(found.settled, [[False, True]] * 3)
    assert np.isnan(found.cosine[:, 0]).all() and np.isnan(found.norm[:, 0]).all()
    assert "3 of 6 cells settled" in str(found)


def test_cells_without_a_method_are_blank():
    reference = osciprop.Implicit(QUICK)
    found = stability_map(NETWORK, X, Y, lambda *_: None, [0.5], [0.1], reference=reference)
    assert not found.settled.any() and np.isnan(found.norm).all()
    assert str(found).startswith("StabilityMap: 0 of 1")
    with pytest.raises(ValueError, match="amplitudes is .*list of numbers"):
        stability_map(NETWORK, X, Y, lambda *_: None, [0.5], [])
