"""What a simulation records: which presentations, at which times, and what a file keeps of it."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import small_network
from online_cases import KEY, SETTINGS, learn, observe

import osciprop
from osciprop.online import journal
from osciprop.online.simulation import begin


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
    np.testing.assert_array_equal(recording.values["s"].ravel(), [*range(6), *range(40, 46)])


def test_a_file_keeps_all_that_was_recorded(tmp_path: Path):
    state = begin(small_network(), jnp.ones((2, 5)), SETTINGS, KEY)
    after = dataclasses.replace(state, presentations=state.presentations + 2)
    rows, seen = [(0.5, 1.0), (0.25, 0.5)], [[np.arange(6.0)]]
    path, settings = tmp_path / "journal", {"seed": 1}
    # What was interrupted before its state was there is left out.
    recorded = journal.Journal(after, 0, [*rows, (9.0, 9.0)], [*seen, *seen], [1, 2], taken=7)
    journal.save_journal(path, recorded, settings)
    found = journal.load_journal(path, state, settings)
    assert (found.rows, found.recorded, found.taken, found.first) == (rows, [1], 7, 0)
    np.testing.assert_array_equal(found.seen[0][0], seen[0][0])
    # Compiled programs serve a loaded state as they do a new one: all types are those of before.
    for kept, before in zip(jax.tree.leaves(found.state), jax.tree.leaves(state), strict=True):
        assert jax.typeof(kept) == jax.typeof(before)
    with pytest.raises(osciprop.CheckpointError, match="seed"):
        journal.load_journal(path, state, {"seed": 2})


@pytest.mark.parametrize("options", [{"samples": 0}, {"start": -1}, {"every": 0}])
def test_bad_numbers_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        osciprop.Probe(observe, **options)


@pytest.mark.slow
def test_the_recording_has_its_times_and_shapes():
    run = learn(SETTINGS, 4, probe=osciprop.Probe(observe, samples=8, start=1, every=2))
    times, values = run.recording.times, run.recording.values
    # Presentations 1 and 3, of two periods of 20 each.
    assert times.shape == (2 * 2 * 8,)
    np.testing.assert_allclose(times[[0, 15, 16, 31]], [42.5, 80.0, 122.5, 160.0])
    assert values["activity"].shape == (32, 2) and np.iscomplexobj(values["activity"])
    assert values["error"].shape == (32,) and not np.iscomplexobj(values["error"])
    # Weights move at the ends of periods only.
    assert len(np.unique(values["weight"])) == 4
    assert run.loss.shape == run.accuracy.shape == (4,)
