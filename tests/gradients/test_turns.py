"""Where an oscillation is read: phases that fit the times, and drifts that leave no trace."""

import numpy as np
import pytest

from osciprop.gradients.turns import phases, stored

KIND = np.dtype(float)


@pytest.mark.parametrize("moving", [False, True])
def test_phases_are_those_of_the_stored_times(moving):
    parts = np.asarray(stored(8, moving, KIND))
    assert parts[0] == 0 and parts[-1] == 1
    np.testing.assert_allclose(phases(8, moving), np.exp(2j * np.pi * parts[1:9]), atol=1e-14)


def test_a_steady_drift_leaves_no_trace_in_phase():
    read = np.asarray(stored(8, True, KIND))[1:9]
    assert abs(np.mean(read / phases(8, True)).real) < 1e-15
    ends = np.asarray(stored(8, False, KIND))[1:]
    assert abs(np.mean(ends / phases(8, False)).real) > 0.05
