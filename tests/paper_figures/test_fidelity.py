"""Published cosines of dual propagation on MNIST, recomputed where MNIST is at hand."""

from pathlib import Path

import numpy as np
import pytest

import osciprop
from paper_figures import layers
from paper_figures.two_tales2024 import fidelity, network

# How far gradients are off is the subject.
pytestmark = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")


def test_initial_weights_are_the_published_ones() -> None:
    weights = layers.weights(network.initial(network.FULL_SIZES))
    norms = [np.linalg.norm(weight, 2) for weight in weights]
    np.testing.assert_allclose(norms, [1.37, 2.03, 1.24], atol=0.006)


@pytest.mark.slow
def test_published_cells_of_both_forms(real_data: Path) -> None:
    net = network.initial(network.FULL_SIZES)
    x, y = network.images(fast=False)
    exact = osciprop.estimate_gradient(net, x, y, osciprop.Implicit()).gradient
    few, many = network.sweeps(5), network.sweeps(100)
    proximal = osciprop.dynamics.Proximal(0.5)
    for place, alpha in ((0, 0.0), (2, 0.5), (4, 1.0)):
        adjoint = osciprop.DualPropagationAdjoint(0.5, alpha, few)
        found = osciprop.estimate_gradient(net, x, y, adjoint).gradient
        expected = fidelity.ADJOINT[0.5][place]
        assert expected is not None
        np.testing.assert_allclose(network.by_layer(found, exact)[0], expected, atol=0.005)
    method = osciprop.DualPropagation(0.5, 0.25, many, proximal)
    cosines, norms = network.by_layer(osciprop.estimate_gradient(net, x, y, method).gradient, exact)
    expected = fidelity.DUAL[0.5][1]
    assert expected is not None
    np.testing.assert_allclose(cosines, expected, atol=0.005)
    np.testing.assert_allclose(norms[0], 2.4, atol=0.05)
    with pytest.raises(osciprop.ConvergenceError, match=r"alpha=0.0, amplitude=0.5"):
        osciprop.estimate_gradient(net, x, y, osciprop.DualPropagation(0.5, 0.0, many, proximal))
