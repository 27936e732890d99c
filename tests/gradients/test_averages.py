"""How the estimates of successive periods are averaged."""

import numpy as np
import pytest

import osciprop


def test_a_leaky_mean_forgets_within_its_time_constant():
    np.testing.assert_allclose(osciprop.gradients.Leaky(2.0).memory() ** 2, np.exp(-1))
    assert float(osciprop.gradients.Cumulative().memory()) == 1


def test_a_memory_has_a_length():
    with pytest.raises(ValueError, match="time_constant must be a finite number above 0"):
        osciprop.gradients.Leaky(0.0)
