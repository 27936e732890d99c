"""Which entry of a sequence is clamped at which point of the grid."""

import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.networks import FunctionOfTime, Leapfrog
from osciprop.networks.hamiltonian.sequences import check_times, entry, goal_at, input_at

MOTION = Leapfrog(3.0, 6)


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        (7, [0, 1, 2, 3, 4, 5, 6]),
        (6, [0, 1, 2, 3, 4, 5, 5]),
        (3, [0, 0, 1, 1, 2, 2, 2]),
        (1, [0] * 7),
    ],
)
def test_entries(times, wanted):
    check_times("x", times, MOTION)
    found = [int(entry(times, 6, jnp.asarray(number))) for number in range(7)]
    assert found == wanted


@pytest.mark.parametrize("times", [0, 4, 5, 8, 12])
def test_times_that_do_not_fit(times):
    with pytest.raises(ValueError, match=f"y holds {times} times"):
        check_times("y", times, MOTION)


def test_signals_are_asked_at_their_time():
    signal = FunctionOfTime(lambda time: time[None, None])
    assert float(input_at(signal, MOTION, 3, 0.5)[0, 0]) == 1.75
    assert float(goal_at(signal, MOTION, 6)[0, 0]) == 3.0


def test_targets_that_stand_still_do_so():
    rows, labels = jnp.ones((2, 3)), jnp.asarray([1, 0])
    np.testing.assert_array_equal(goal_at(rows, MOTION, 4), rows)
    np.testing.assert_array_equal(goal_at(labels, MOTION, 4), labels)
