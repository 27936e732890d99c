"""Stores read without the function that made them, also while they are written."""

import numpy as np
import pytest
import xarray

from osciprop.studies import (
    Output,
    Study,
    StudyError,
    StudyFailed,
    linspace,
    load_results,
    study_status,
)
from osciprop.studies.layout import read_contents

pytestmark = pytest.mark.filterwarnings("ignore::osciprop.studies.StudyWarning")


def measure(amplitude, method):
    if amplitude > 0.6 and method == "b":
        raise ValueError("too much")
    return {"cosine": amplitude, "trace": np.full(3, amplitude)}


def make(function=measure, **options) -> Study:
    axes = {"amplitude": linspace(0.1, 0.9, 3, unit="V"), "method": ["a", "b"]}
    outputs = {"trace": Output("mV", ("time",))}
    return Study(function, axes, outputs=outputs, **options)


@pytest.mark.parametrize("points_per_block", [1, 4])
def test_results_are_those_of_the_run(tmp_path, points_per_block):
    study = make(points_per_block=points_per_block)
    xarray.testing.assert_identical(
        study.run(tmp_path / "store", progress=False), load_results(tmp_path / "store")
    )
    assert load_results(str(tmp_path / "store"))["trace"].attrs == {"units": "mV"}


def test_status_counts_points(tmp_path):
    make().run(tmp_path / "store", progress=False)
    status = study_status(tmp_path / "store")
    assert (status.points, status.done, status.failed) == (6, 5, 1)
    assert (status.missing, status.damaged) == (0, 0)
    seconds = load_results(tmp_path / "store")["seconds"]
    assert status.seconds == pytest.approx(float(seconds.sum()))
    assert status.slowest is not None and status.slowest[1] == float(seconds.max())
    assert status.slowest[0].startswith("amplitude=")
    assert status.failures[0].label == "amplitude=0.9, method=b"
    text = str(status)
    assert "5 done, 1 failed, 0 missing\n" in text
    assert "failed at amplitude=0.9, method=b: ValueError: too much" in text


def test_many_failures_are_counted_and_the_first_shown(tmp_path):
    def fail(amplitude, seed):
        raise ValueError("always")

    study = Study(fail, {"amplitude": [1, 2, 3, 4], "seed": [1, 2]}, points_per_block=2)
    with pytest.raises(StudyFailed, match="8 of 8 points failed"):
        study.run(tmp_path / "store", progress=False)
    status = study_status(tmp_path / "store")
    assert status.failed == 8
    assert len(status.failures) == 5
    assert "and 3 more, in" in str(status)
    for file in (tmp_path / "store" / "failures").iterdir():
        file.write_text("{")
    assert "cannot be read" in study_status(tmp_path / "store").failures[0].message


def test_a_damaged_block_is_told(tmp_path):
    make(points_per_block=2).run(tmp_path / "store", progress=False)
    chunk = tmp_path / "store" / "results.zarr" / "cosine" / "c" / "0" / "0"
    chunk.write_bytes(b"nonsense")
    status = study_status(tmp_path / "store")
    assert (status.damaged, status.done, status.failed) == (2, 3, 1)
    assert "damaged: " in str(status) and "cosine" in status.damage[0]


def test_a_running_study_can_be_read(tmp_path):
    """And is not written: the writer makes what is missing of its arrays itself."""
    store, seen = tmp_path / "store", []

    def look(amplitude, method):
        status, results = study_status(store), load_results(store)
        finished = results["status"].values == 1
        seen.append((status.done, status.missing, int(finished.sum())))
        if status.done:
            assert np.isfinite(results["cosine"].values[finished]).all()
            assert np.isnan(results["cosine"].values[~finished]).all()
        return {"cosine": amplitude}

    study = Study(look, {"amplitude": [1.0, 2.0], "method": ["a", "b"]})
    study.run(store, progress=False)
    assert seen == [(done, 4 - done, done) for done in range(4)]


def test_arrays_that_are_being_made_are_left_alone(tmp_path):
    import shutil

    store = tmp_path / "store"
    make().run(store, progress=False)
    contents = read_contents(store)
    del contents.digests["trace/zarr.json"]  # as it is noted before it is made
    contents.write(store)
    for name in ("trace", "status"):
        shutil.rmtree(store / "results.zarr" / name / "c")
    shutil.rmtree(store / "results.zarr" / "trace")
    assert list(load_results(store)) == ["cosine", "status", "seconds"]
    assert study_status(store).missing == 6
    assert not (store / "results.zarr" / "trace").exists()


def test_folders_without_a_study(tmp_path):
    for read in (load_results, study_status):
        with pytest.raises(StudyError, match="holds no study .* give the folder"):
            read(tmp_path)
    (tmp_path / "study.json").write_text('{"format": "other"}')
    with pytest.raises(StudyError, match="not of format"):
        load_results(tmp_path)
