"""Signals as functions of time: their values, shifts, and readings over a turn."""

import diffrax
import jax.numpy as jnp
import numpy as np
import pytest
from signal_cases import Still, wave

import osciprop
from osciprop.networks.signals import (
    Later,
    later,
    mean_reading,
    readings,
    require_standing,
    signal_shape,
    standing,
    value_at,
)

WAVE = wave([[0.3 + 0.2j, 1.0], [-0.5j, 0.1]], 0.7)


def test_a_path_of_diffrax_is_a_signal():
    times, values = jnp.linspace(0.0, 3.0, 4), jnp.arange(24.0).reshape(4, 2, 3)
    signal = osciprop.networks.Interpolated(diffrax.LinearInterpolation(times, values))
    np.testing.assert_allclose(signal(1.25), 0.75 * values[1] + 0.25 * values[2])
    assert signal_shape(signal).shape == (2, 3)


def test_a_function_is_a_signal():
    signal = osciprop.networks.FunctionOfTime(lambda time: time * jnp.ones((2, 3)))
    np.testing.assert_array_equal(signal(2), 2 * np.ones((2, 3)))


def test_what_stands_still_is_left_alone():
    array = jnp.ones((2, 3))
    times = jnp.asarray([0.0, 1.0])
    for same in (value_at(array, 1.0), later(array, 1.0), readings(array, times)):
        assert same is array
    assert mean_reading(array) is array
    assert standing(array) and not standing(WAVE)


def test_later_is_later():
    moved = later(WAVE, 2.0)
    assert isinstance(moved, Later)
    np.testing.assert_allclose(value_at(moved, 0.5), WAVE(2.5))


def test_readings_are_the_values_at_all_times():
    times = jnp.asarray([0.0, 0.5, 2.0])
    read = readings(WAVE, times)
    np.testing.assert_allclose(read.values, [WAVE(time) for time in times], rtol=1e-12)
    np.testing.assert_allclose(mean_reading(read), read.values.mean(axis=0))
    still = Still(jnp.ones((1, 2)))
    np.testing.assert_array_equal(readings(still, times).values, np.ones((3, 1, 2)))


def test_where_none_is_taken_the_message_says_what_to_do():
    require_standing("x", jnp.ones(3))
    with pytest.raises(TypeError, match=r"x is a signal \(Wave\).*x\(0.0\).*osciprop.integrate"):
        require_standing("x", WAVE)
