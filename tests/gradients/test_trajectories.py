"""References for networks that move."""

import numpy as np
import pytest
from trajectory_cases import (
    CONTINUOUS,
    DISCRETE,
    DRIVE,
    GOAL,
    known_numbers,
    some_network,
    two_oscillators,
)

import osciprop
from osciprop.gradients import ContinuousAdjoint, TrajectoryBPTT


@pytest.mark.slow
def test_the_adjoint_finds_the_continuous_gradient():
    found = osciprop.estimate_gradient(two_oscillators(), DRIVE, GOAL, ContinuousAdjoint())
    np.testing.assert_allclose(known_numbers(found.gradient), CONTINUOUS["gradient"], atol=1e-7)
    assert float(found.loss) == pytest.approx(CONTINUOUS["loss"], abs=5e-7)


def test_backpropagation_finds_the_discrete_gradient():
    found = osciprop.estimate_gradient(two_oscillators(), DRIVE, GOAL, TrajectoryBPTT())
    np.testing.assert_allclose(known_numbers(found.gradient), DISCRETE, atol=1.1e-10)


@pytest.mark.slow
def test_held_sequences_agree():
    network, x, y = some_network(steps=400)
    steps = osciprop.estimate_gradient(network, x, y, TrajectoryBPTT())
    continuous = osciprop.estimate_gradient(network, x, y, ContinuousAdjoint())
    assert osciprop.relative_error(steps.gradient, continuous.gradient) < 2e-2


def test_a_step_that_is_too_long_is_no_silent_nan():
    network, x, y = some_network(duration=400.0, steps=20)
    with pytest.raises(osciprop.ConvergenceError, match="more steps"):
        osciprop.estimate_gradient(network, x, y, TrajectoryBPTT())
