"""Friction in an echo: what it does to the gradient, and the weight that undoes it."""

import warnings

import pytest
from trajectory_cases import DRIVE, GOAL, two_oscillators

import osciprop
from osciprop.gradients import (
    AntiFriction,
    CentredEcho,
    FrictionStays,
    LagrangianWeight,
    TrajectoryBPTT,
)


def error(friction, damping):
    network = two_oscillators(damping=damping)
    exact = osciprop.estimate_gradient(network, DRIVE, GOAL, TrajectoryBPTT())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        method = CentredEcho(1e-3, friction=friction)
        found = osciprop.estimate_gradient(network, DRIVE, GOAL, method)
    return float(osciprop.relative_error(found.gradient, exact.gradient)), found


def test_the_lagrangian_weight_restores_the_gradient():
    wrong, found = error(LagrangianWeight(), 0.1)
    assert wrong < 5e-6
    assert float(found.diagnostics.bias) == 0


@pytest.mark.parametrize("friction", [FrictionStays(), AntiFriction()])
def test_without_it_the_bias_is_proportional_to_friction_and_told(friction):
    small, found = error(friction, 0.01)
    large, _ = error(friction, 0.02)
    assert large / small == pytest.approx(2, rel=0.1)
    assert 0.3 < float(found.accuracy.error) / small < 3


def test_a_bias_is_warned_of():
    method = CentredEcho(1e-3, friction=FrictionStays())
    with pytest.warns(osciprop.GradientAccuracyWarning, match="does not undo friction"):
        osciprop.estimate_gradient(two_oscillators(damping=0.1), DRIVE, GOAL, method)
