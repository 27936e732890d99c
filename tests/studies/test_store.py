"""Stores: what is durable, what is found out when something is damaged, what is refused."""

import fcntl
import json
from pathlib import Path

import numpy as np
import pytest
import xarray
from study_functions import calls, failing, marked, products

from osciprop.studies import Study, StudyError, StudyInterrupted, StudyWarning
from osciprop.studies.store import ResultStore

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 3]}


@pytest.fixture
def study(tmp_path):
    return Study(marked, AXES, constants={"folder": str(tmp_path)}, points_per_block=2)


def chunk(store: Path, name: str, place: str) -> Path:
    return store / "results.zarr" / name / "c" / place


def test_the_store_is_a_dataset_by_itself(tmp_path):
    results = Study(products, AXES).run(tmp_path / "store", progress=False)
    with xarray.open_zarr(tmp_path / "store" / "results.zarr", consolidated=False) as stored:
        for name in ("product", "phase", "powers", "large"):
            np.testing.assert_array_equal(stored[name], results[name])
            assert stored[name].dtype == results[name].dtype
        np.testing.assert_array_equal(stored["amplitude"], AXES["amplitude"])


def test_a_finished_study_computes_nothing_again(study, tmp_path):
    first = study.run(tmp_path / "store", progress=False)
    again = study.run(tmp_path / "store", progress=False)
    xarray.testing.assert_equal(first, again)
    assert len(calls(tmp_path)) == len(set(calls(tmp_path))) == 9


def test_an_interrupted_study_goes_on(study, tmp_path, monkeypatch):
    write, written = ResultStore.write, []

    def interrupted(self, outcome):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(outcome.block)
        return write(self, outcome)

    monkeypatch.setattr(ResultStore, "write", interrupted)
    with pytest.raises(StudyInterrupted, match="5 points, which are in .*run the study again"):
        study.run(tmp_path / "store", progress=False)
    monkeypatch.undo()
    results = study.run(tmp_path / "store", progress=False)
    np.testing.assert_array_equal(results["product"], np.outer([0.5, 1, 2], [1, 2, 3]))
    done = calls(tmp_path)
    # The block that was computed, but not stored, is the only one computed twice.
    assert len(done) == 9 + 1 and len(set(done)) == 9


@pytest.mark.parametrize("name", ["product", "seconds", "status"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "removed"])
def test_a_damaged_chunk_is_named_and_computed_anew(study, tmp_path, name, damage):
    store = tmp_path / "store"
    whole = study.run(store, progress=False)
    path = chunk(store, name, "1/0")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    if (name, damage) == ("status", "removed"):  # then nothing says that it was computed
        results = study.run(store, progress=False)
    else:
        with pytest.warns(StudyWarning, match=f"{name}/c/1/0 is .*computed anew"):
            results = study.run(store, progress=False)
    np.testing.assert_array_equal(results["product"], whole["product"])
    assert calls(tmp_path)[9:] == [(1.0, 1), (1.0, 2)]
    study.run(store, progress=False)  # sound again: no warning


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("study.json", "study.json cannot be read .*restore it from a copy"),
        ("results.zarr/zarr.json", "results.zarr cannot be read .*metadata are damaged"),
        ("results.zarr/status/zarr.json", "results.zarr cannot be read .*metadata are damaged"),
    ],
)
def test_damaged_metadata_are_named(study, tmp_path, file, message):
    store = tmp_path / "store"
    study.run(store, progress=False)
    path = store / file
    path.write_text(path.read_text()[:20])
    with pytest.raises(StudyError, match=message):
        study.run(store, progress=False)


def test_failed_points_can_be_tried_again(tmp_path):
    store = tmp_path / "store"
    study = Study(failing, AXES, constants={"folder": str(tmp_path)}, points_per_block=3)
    (tmp_path / "broken").touch()
    with pytest.warns(StudyWarning, match="3 of 9 points failed"):
        results = study.run(store, progress=False)
    assert np.isnan(results["product"].sel(points=2)).all()
    entry = json.loads((store / "failures" / "1_0.json").read_text())["failures"][0]
    assert entry["label"] == "amplitude=1, points=2"
    assert entry["message"] == "ArithmeticError: no result for 1"
    assert "study_functions.py" in entry["traceback"]
    with pytest.warns(StudyWarning, match="3 of 9"):  # a run leaves failures as they are
        study.run(store, progress=False)
    (tmp_path / "broken").unlink()
    results = study.retry(store, progress=False)
    np.testing.assert_array_equal(results["product"], np.outer([0.5, 1, 2], [1, 2, 3]))
    assert list((store / "failures").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(axes={"amplitude": [0.5], "points": [1]}), "axes.amplitude: .*0.5, 1.0, 2.0"),
        (dict(constants={"seed": 1}), "constants.seed: None != 1"),
        (dict(points_per_block=3), "points_per_block: 1 != 3"),
    ],
)
def test_other_settings_are_refused(tmp_path, change, message):
    Study(products, AXES).run(tmp_path, progress=False)
    changed = {"axes": AXES} | change
    with pytest.raises(StudyError, match=f"was made with other settings .*{message}.*use another"):
        Study(products, changed.pop("axes"), **changed).run(tmp_path, progress=False)


def test_arrays_among_the_constants_count_with_their_values(tmp_path):
    def study(weight):
        return Study(lambda a, w: {"y": a * w.sum()}, {"a": [1.0]}, constants={"w": weight})

    study(np.ones(3)).run(tmp_path, progress=False)
    study(np.ones(3)).run(tmp_path, progress=False)
    with pytest.raises(StudyError, match="constants.w"):
        study(np.full(3, 2.0)).run(tmp_path, progress=False)


def test_a_changed_function_is_reported(tmp_path):
    Study(lambda a: {"y": a}, {"a": [1]}).run(tmp_path, progress=False)
    with pytest.warns(StudyWarning, match="function of the study in .* has changed"):
        Study(lambda a: {"y": 2 * a}, {"a": [1]}).run(tmp_path, progress=False)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StudyError, match="holds thesis.tex, but no study: give a new or empty"):
        Study(products, AXES).run(tmp_path, progress=False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="file/store cannot be written .*give a folder that can"):
        Study(products, AXES).run(tmp_path / "file" / "store", progress=False)


def test_one_process_at_a_time(tmp_path):
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match="another process runs the study in"):
            Study(products, AXES).run(tmp_path, progress=False)


def test_what_a_killed_run_left_unfinished_is_no_other_study(tmp_path):
    (tmp_path / ".part-abcstudy.json").touch()
    results = Study(products, AXES).run(tmp_path, progress=False)
    assert bool((results["status"] == 1).all())


def test_every_run_names_the_devices_that_computed(study, tmp_path):
    store = tmp_path / "store"
    results = study.run(store, progress=False)
    study.run(store, progress=False)
    first, second = json.loads((store / "study.json").read_text())["runs"]
    assert first["devices"] == [first["device"]] and "devices" not in second
    assert json.loads(results.attrs["runs"])[0]["devices"] == first["devices"]
    alone = study.run(progress=False)
    assert json.loads(alone.attrs["runs"])[0]["devices"] == first["devices"]
