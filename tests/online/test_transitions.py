"""Samples that jump or fade: what is clamped when, and what the next presentation knows of it."""

import jax.numpy as jnp
import numpy as np
import pytest
from online_cases import simulation

import osciprop

X, Y = jnp.asarray([[1.0, -2.0]]), jnp.asarray([1])
BEFORE = (jnp.asarray([[3.0, 0.0]]), jnp.asarray([[1.0, 0.0, 0.0]]))
PERIOD = jnp.asarray(10.0)
NO, YES = jnp.asarray(False), jnp.asarray(True)


def test_a_jump_changes_nothing():
    jump = osciprop.online.Jump()
    assert jump.begin(X, 3) is None and jump.remember(X, Y, None) is None
    x, y = jump.clamped(X, Y, None, NO, PERIOD)
    assert x is X and y is Y
    assert simulation().transition == jump


def test_samples_fade_into_each_other():
    x, y = osciprop.online.Fade(2).clamped(X, Y, BEFORE, NO, PERIOD)
    np.testing.assert_array_equal(x(0.0), BEFORE[0])
    np.testing.assert_allclose(x(10.0), (BEFORE[0] + X) / 2)
    np.testing.assert_allclose(y(10.0), [[0.5, 0.5, 0.0]])
    share = 1 / 4 - 1 / (2 * np.pi)
    np.testing.assert_allclose(x(5.0), (1 - share) * BEFORE[0] + share * X)
    for late in (20.0, 25.0):
        np.testing.assert_allclose(x(late), X)
        np.testing.assert_allclose(y(late), [[0.0, 1.0, 0.0]], atol=1e-15)


@pytest.mark.parametrize("periods", [2, 3])
def test_nothing_falls_on_the_frequency_of_the_teaching_signal(periods):
    """A jump of the same size leaves its whole size there."""
    x, _ = osciprop.online.Fade(periods).clamped(X, Y, BEFORE, NO, PERIOD)
    times = np.linspace(0.0, periods * 10.0, 400 * periods + 1)
    speed = np.gradient([float(x(time)[0, 0]) for time in times], times)
    content = np.trapezoid(speed * np.exp(-2j * np.pi * times / 10.0), times)
    assert abs(content) < 1e-3 * abs(np.trapezoid(speed, times))


def test_the_first_begins_with_its_own():
    fade = osciprop.online.Fade(2)
    before = fade.begin(X, 3)
    assert [leaf.shape for leaf in before] == [(1, 2), (1, 3)]
    x, y = fade.clamped(X, Y, before, YES, PERIOD)
    for time in (0.0, 5.0):
        np.testing.assert_array_equal(x(time), X)
        np.testing.assert_array_equal(y(time), [[0.0, 1.0, 0.0]])
    rows = fade.remember(X, Y, before)
    np.testing.assert_array_equal(rows[1], [[0.0, 1.0, 0.0]])


def test_a_presentation_is_long_enough():
    with pytest.raises(ValueError, match="periods=3 of the Fade are more than the 2"):
        simulation(transition=osciprop.online.Fade(3))
    with pytest.raises(ValueError, match="periods must be a finite number above 0"):
        osciprop.online.Fade(0)
