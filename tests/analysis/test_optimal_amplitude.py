"""The amplitude of least error, held against its closed form."""

import numpy as np
import pytest

from osciprop.analysis import TaylorBias, optimal_amplitude


@pytest.mark.parametrize("order", [1, 2, 8])
def test_optimal_amplitude_in_closed_form(order):
    """`v / r^2 + c^2 r^(2 p)` is least at `r^(2 p + 2) = v / (p c^2)`."""
    strength, duration, size = 3e-5, 20.0, 0.7
    coefficients = np.zeros(order)
    coefficients[-1] = size
    variance = strength / duration
    best = (variance / (order * size**2)) ** (1 / (2 * order + 2))
    for bias in (TaylorBias(coefficients), lambda r: size * r**order):
        found = optimal_amplitude(strength, duration, bias, largest=2.0)
        assert found.amplitude == pytest.approx(best, rel=1e-5)
        error = np.sqrt(variance / best**2 + size**2 * best ** (2 * order))
        assert found.error == pytest.approx(error, rel=1e-9)


def test_optimal_amplitude_without_bias_is_the_largest():
    found = optimal_amplitude(1e-3, 10.0, lambda amplitude: 0.0, largest=0.5)
    assert found.amplitude == pytest.approx(0.5)
    assert found.error == pytest.approx(np.sqrt(1e-3 / 10 / 0.5**2))
    # Orders that cancel: the minimum beyond the barrier is found.
    cancelling = TaylorBias(np.array([1.0, -1.0]))
    assert optimal_amplitude(1e-4, 1.0, cancelling, largest=1.5).amplitude == pytest.approx(
        1.0, abs=0.01
    )


def test_an_error_names_what_to_change():
    with pytest.raises(ValueError, match="strength must be a finite number above 0, got 0.0"):
        optimal_amplitude(0.0, 1.0, lambda amplitude: amplitude, largest=1.0)
