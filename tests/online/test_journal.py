"""What a simulation records: which presentations, and at which times."""

import jax
import numpy as np
import pytest

import osciprop
from osciprop.online import journal


def observe(network, u, s, mean, error):
    return {"s": s}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"start": 2, "stop": 5}, [2, 3, 4]),
        ({"start": 1, "every": 2}, [1, 3, 5]),
    ],
)
def test_which_presentations(options, wanted):
    probe = osciprop.Probe(observe, **options)
    assert [number for number in range(6) if probe.wants(number)] == wanted


def test_times_are_those_of_the_readings():
    probe = osciprop.Probe(observe, samples=2)
    structure = jax.tree.structure({"s": 0})
    # Two presentations of three periods, two readings each, of one number.
    seen = [[np.arange(6.0).reshape(3, 2, 1) + 10 * number] for number in (0, 4)]
    recording = journal._recording(probe, [0, 4], seen, 10.0, structure)
    np.testing.assert_allclose(recording.times[:4], [5.0, 10.0, 15.0, 20.0])
    assert recording.times[6] == 4 * 30.0 + 5.0
    np.testing.assert_array_equal(recording.values["s"].ravel(), [*range(6), *range(10, 16)])


@pytest.mark.parametrize("options", [{"samples": 0}, {"start": -1}, {"every": 0}])
def test_bad_numbers_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        osciprop.Probe(observe, **options)
