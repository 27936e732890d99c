"""A network under a teaching signal: current, velocity and residual of a linear one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear_network
from signal_cases import wave

import osciprop
from osciprop.dynamics.dynamics import cost_force, make_dynamics, require_holomorphic

NETWORK = linear_network()
X = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3)))
Y = jnp.asarray(np.random.default_rng(2).normal(size=(2, 4)))
U = jnp.asarray(np.random.default_rng(3).normal(size=(2, 4)))


def test_current_and_velocity():
    coupling = (NETWORK.coupling + NETWORK.coupling.T) / 2
    free = U @ coupling + X @ NETWORK.inputs
    dynamics = make_dynamics(NETWORK, X, Y, osciprop.Constant(0.3))
    nudged = free - 0.3 * (U - Y)
    np.testing.assert_allclose(dynamics.current(0.0, U), nudged)
    np.testing.assert_allclose(dynamics.velocity(0.0, U), nudged - U)
    np.testing.assert_allclose(make_dynamics(NETWORK, X).current(0.0, U), free)
    np.testing.assert_allclose(cost_force(NETWORK, U, Y), U - Y)


def test_the_residual_is_the_change_of_one_step():
    step = make_dynamics(NETWORK, X).current(0.0, U)
    expected = abs(step - U).max(axis=1) / np.maximum(abs(step).max(axis=1), 1)
    np.testing.assert_allclose(make_dynamics(NETWORK, X).residual(0.0, U), expected)


def test_a_complex_signal_needs_complex_states_and_holomorphic_networks():
    dynamics = make_dynamics(NETWORK, X, Y, osciprop.Oscillation(0.1, 10.0))
    assert jnp.iscomplexobj(dynamics.rest(X))
    layers = osciprop.perceptron([3, 4, 2], key=jax.random.key(0))
    with pytest.raises(osciprop.HolomorphyError):
        require_holomorphic(layers)


def test_inputs_and_targets_that_move_are_those_of_the_time_asked_at():
    x, y = wave(X, 0.4), wave(Y, 0.9)
    moving = make_dynamics(NETWORK, x, y, osciprop.Constant(0.3))
    for time in (0.0, 1.7):
        still = make_dynamics(NETWORK, x(time), y(time), osciprop.Constant(0.3))
        np.testing.assert_array_equal(moving.current(time, U), still.current(time, U))
        np.testing.assert_array_equal(
            moving.later(time).current(0.0, U), still.later(time).current(0.0, U)
        )
    with pytest.raises(ValueError, match=r"beta has shape \(3,\), but x holds 2 samples"):
        make_dynamics(NETWORK, x, y, osciprop.Constant(jnp.full(3, 0.1)))
