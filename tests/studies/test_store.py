"""Stores: what is durable, what is found out when something is damaged, what is refused."""

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
