"""Backpropagation through time: longer trajectories, smaller errors."""

import equinox as eqx
import numpy as np
import pytest
from helpers import batch, relative_error, small_network

import osciprop

NETWORK, (X, Y) = small_network(), batch(5, 3, 2)

# Trajectories are meant to be short.
pytestmark = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")


@pytest.mark.slow
def test_the_error_falls_with_every_step():
    exact = osciprop.estimate_gradient(NETWORK, X, Y, osciprop.Implicit()).gradient
    errors = [
        relative_error(
            osciprop.estimate_gradient(NETWORK, X, Y, osciprop.BPTT(steps), throw=False).gradient,
            exact,
        )
        for steps in (5, 40)
    ]
    assert errors[1] < 0.05 * errors[0]


def test_it_is_the_gradient_of_the_loss_that_it_reports():
    found = osciprop.estimate_gradient(NETWORK, X, Y, osciprop.BPTT(6), throw=False)
    direction = np.zeros(NETWORK.populations[0].bias.shape)
    direction[2] = 1e-5

    def loss(sign):
        bias = NETWORK.populations[0].bias + sign * direction
        moved = eqx.tree_at(lambda tree: tree.populations[0].bias, NETWORK, bias)
        return float(osciprop.estimate_gradient(moved, X, Y, osciprop.BPTT(6), throw=False).loss)

    slope = (loss(1) - loss(-1)) / 2e-5
    assert float(found.gradient.populations[0].bias[2]) == pytest.approx(slope, rel=1e-5)


def test_steps_are_counted():
    with pytest.raises(ValueError, match="steps"):
        osciprop.BPTT(0)
