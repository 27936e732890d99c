"""Kicks and drifts: orders of accuracy, and what is no motion."""

import diffrax
import equinox as eqx
import numpy as np
import pytest
from trajectory_cases import some_network, two_oscillators

import osciprop
from osciprop.networks import FourthOrder, Leapfrog, Splitting
from osciprop.networks.hamiltonian.motions import area_change

X = np.ones((1, 6, 1))


@pytest.mark.parametrize(("kind", "order"), [(Leapfrog, 2), (FourthOrder, 4)])
def test_the_error_falls_with_the_order(kind, order):
    network, x, _ = some_network()

    def end(steps):
        moved = eqx.tree_at(lambda net: net.motion, network, kind(4.0, steps))
        return np.asarray(osciprop.networks.passage(moved, x[:, :1]).end.q)

    exact = end(640)
    errors = [np.abs(end(steps) - exact).max() for steps in (20, 40)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


@pytest.mark.parametrize("kind", [Leapfrog, FourthOrder])
def test_parts_sum_to_one(kind):
    kicks, drifts = kind(1.0, 1).parts()
    assert kicks.sum() == pytest.approx(1) and drifts.sum() == pytest.approx(1)
    np.testing.assert_allclose(kicks, kicks[::-1])


def test_what_is_no_motion_says_why():
    with pytest.raises(ValueError, match=r"duration.*-1"):
        Leapfrog(-1.0, 10)
    with pytest.raises(ValueError, match="steps"):
        FourthOrder(1.0, 0)
    with pytest.raises(ValueError, match="one kick more"):
        Splitting(1.0, 10, [0.5, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match="drifts sum to 0.5"):
        Splitting(1.0, 10, [0.5, 0.5], [0.5])
    with pytest.raises(TypeError, match="motion is 3: give an instance"):
        osciprop.networks.passage(two_oscillators(3), X)


def test_an_integrator_that_is_not_symplectic_is_refused_with_a_number():
    """By the determinant of its step, the polynomial of the method at i: Heun's is 1 + 1/4."""
    for motion in (diffrax.Heun(), osciprop.Integrator(diffrax.Heun(), dt0=0.1)):
        with pytest.raises(TypeError, match=r"Heun, .* by \+25 %"):
            osciprop.networks.passage(two_oscillators(motion), X)
    assert area_change(diffrax.Tsit5()) == pytest.approx(2.6e-4, rel=0.05)
