"""Teaching signals in closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

import osciprop


@pytest.mark.parametrize("points", [1, 2, 3, 4, 7, 8])
def test_the_upper_half_stands_for_the_whole_circle(points):
    contour = osciprop.Contour(0.3, points)
    circle = 0.3 * np.exp(2j * np.pi * np.arange(points) / points)
    np.testing.assert_allclose(contour.betas(), circle, atol=1e-15)
    upper, count = contour.upper()
    assert float(count.sum()) == points
    both = np.concatenate([upper, np.conj(np.asarray(upper)[np.asarray(count) == 2])])
    order = [np.lexsort((values.imag.round(9), values.real.round(9))) for values in (both, circle)]
    np.testing.assert_allclose(both[order[0]], circle[order[1]], atol=1e-12)


def test_an_oscillation_turns_and_keeps_its_phase_for_long():
    signal = osciprop.Oscillation(0.4, 10.0)
    for time in (0.0, 2.5, 7.0, 1e6 + 2.5):
        expected = 0.4 * np.exp(2j * np.pi * (time % 10.0) / 10.0)
        assert complex(signal(jnp.asarray(time))) == pytest.approx(expected, abs=1e-9)


def test_a_ramp_rises_as_a_squared_sine():
    signal = osciprop.Oscillation(0.4, 10.0, ramp=20.0)
    sizes = [abs(complex(signal(jnp.asarray(time)))) for time in (0.0, 10.0, 20.0, 25.0)]
    np.testing.assert_allclose(sizes, [0.0, 0.2, 0.4, 0.4], atol=1e-12)


def test_constants_keep_their_kind():
    assert not osciprop.Constant(1).is_complex() and osciprop.Constant(1j).is_complex()
    assert osciprop.Constant(np.asarray([0.1, 0.2]))(jnp.zeros(())).shape == (2,)


@pytest.mark.parametrize("bad", [(0.0, 1.0), (0.1, -1.0), (np.nan, 1.0)])
def test_bad_numbers_are_named(bad):
    with pytest.raises(ValueError, match="amplitude|period"):
        osciprop.Oscillation(*bad)


def test_a_real_oscillation_is_the_real_part_of_a_rotation():
    real, rotation = osciprop.dynamics.RealOscillation(0.3, 7.0), osciprop.Oscillation(0.3, 7.0)
    for time in (0.0, 1.3, 700.4):
        both = [signal(jnp.asarray(time)) for signal in (real, rotation)]
        np.testing.assert_allclose(both[0], both[1].real, atol=1e-12)
    assert not real.is_complex()
    for settings in ((0.0, 1.0), (0.1, -1.0)):
        with pytest.raises(ValueError, match="must be a finite number above 0"):
            osciprop.dynamics.RealOscillation(*settings)
