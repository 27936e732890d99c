"""Files of results: what other programs find in them, and that no half file is left."""

import csv
import os
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
import xarray

from osciprop.studies import Axis, Output, Study, StudyError, export_csv, export_netcdf

NAN = float("nan")
WRITERS = {"csv": export_csv, "netcdf": export_netcdf}


def evaluated(gain: float, method: str) -> dict[str, object]:
    sign = {"plus": 1.0, "minus": -1.0}[method]
    return {
        "height": sign * gain,
        "response": sign * gain * (1 + 2j),
        "course": gain * np.arange(2.0),
        "good": gain > 1,
    }


@pytest.fixture
def results() -> xarray.Dataset:
    study = Study(
        evaluated,
        {"gain": Axis([0.1, 3.0], unit="mV"), "method": ["plus", "minus"]},
        outputs={"height": Output(unit="ms"), "course": Output(dimensions=("time",))},
    )
    return study.run(progress=False)


# CSV


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_csv_has_a_row_per_point(results, tmp_path):
    export_csv(results.drop_vars("seconds"), tmp_path / "results.csv")
    header, *lines = rows(tmp_path / "results.csv")
    assert header == [
        *("gain", "method", "height", "response_real", "response_imag"),
        *("course[0]", "course[1]", "good", "status"),
    ]
    assert lines == [
        ["0.1", "plus", "0.1", "0.1", "0.2", "0.0", "0.1", "False", "1"],
        ["0.1", "minus", "-0.1", "-0.1", "-0.2", "0.0", "0.1", "False", "1"],
        ["3.0", "plus", "3.0", "3.0", "6.0", "0.0", "3.0", "True", "1"],
        ["3.0", "minus", "-3.0", "-3.0", "-6.0", "0.0", "3.0", "True", "1"],
    ]


def test_csv_keeps_all_digits_failures_and_entries_of_arrays(tmp_path):
    random = np.random.default_rng(2)
    matrix = random.normal(size=(3, 2, 2)) * (1 + 1j)
    results = xarray.Dataset(
        {
            "value": ("x", [1 / 3, NAN, 1e-300]),
            "matrix": (("x", "row", "column"), matrix),
            "status": ("x", np.array([1, 2, 1], np.int8)),
        },
        # With coordinates of their own, rows are still no axis of the study.
        {"x": [1, 2, 3], "row": ["a", "b"]},
    )
    export_csv(results, tmp_path / "results.csv")
    header, *lines = rows(tmp_path / "results.csv")
    places = ["[0,0]", "[0,1]", "[1,0]", "[1,1]"]
    parts = [f"matrix_{part}{place}" for part in ("real", "imag") for place in places]
    assert header == ["x", "value", *parts, "status"]
    table = dict(zip(header, zip(*lines, strict=True), strict=True))
    assert table["value"] == (repr(1 / 3), "", "1e-300")
    assert [float(text) for text in table["matrix_imag[1,0]"]] == matrix[:, 1, 0].imag.tolist()
    assert table["status"] == ("1", "2", "1")


def test_csv_says_what_was_selected(results, tmp_path):
    export_csv(results.sel(gain=3.0), tmp_path / "some.csv")
    assert [line[:3] for line in rows(tmp_path / "some.csv")] == [
        ["gain", "method", "height"],
        ["3.0", "plus", "3.0"],
        ["3.0", "minus", "-3.0"],
    ]
    export_csv(results.sel({"gain": 3.0, "method": "plus"}), tmp_path / "one.csv")
    assert [line[2] for line in rows(tmp_path / "one.csv")] == ["height", "3.0"]


def test_csv_of_what_a_user_made_of_results(results, tmp_path):
    export_csv(results[["height"]].mean("method"), tmp_path / "mean.csv")
    assert rows(tmp_path / "mean.csv") == [["gain", "height"], ["0.1", "0.0"], ["3.0", "0.0"]]


def test_csv_can_be_compressed(results, tmp_path):
    export_csv(results, tmp_path / "results.csv.gz")
    assert (tmp_path / "results.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert len(pandas.read_csv(tmp_path / "results.csv.gz")) == 4


# NetCDF


def test_netcdf_round_trip(results, tmp_path):
    export_netcdf(results, tmp_path / "results.nc")
    with xarray.open_dataset(tmp_path / "results.nc", engine="h5netcdf") as file:
        found = file.load()
    expected = results.drop_vars("response").assign(
        response_real=results["response"].real, response_imag=results["response"].imag
    )
    xarray.testing.assert_identical(found.drop_encoding(), expected[list(found)])
    assert list(found) == [
        *("height", "response_real", "response_imag", "course", "good", "status", "seconds")
    ]
    assert found["gain"].attrs["units"] == "mV" and found["height"].attrs["units"] == "ms"
    assert found.attrs["settings"] == results.attrs["settings"]
    assert found["good"].dtype == bool


def test_truth_values_are_bytes_in_netcdf(results, tmp_path):
    export_netcdf(results, tmp_path / "results.nc")
    with h5py.File(tmp_path / "results.nc") as file:
        assert file["good"].dtype == np.int8
        np.testing.assert_array_equal(file["good"], [[0, 0], [1, 1]])


def test_netcdf_keeps_attributes_of_complex_variables(tmp_path):
    results = xarray.Dataset({"z": ("x", [1 + 2j, NAN], {"units": "ms"})}, {"x": [0.5, 1.5]})
    export_netcdf(results, tmp_path / "z.nc")
    with xarray.open_dataset(tmp_path / "z.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["z_imag"].values[0], 2.0)
        assert np.isnan(found["z_real"].values[1])
        assert found["z_real"].attrs["units"] == found["z_imag"].attrs["units"] == "ms"


def test_attributes_that_netcdf_cannot_hold_are_json(tmp_path):
    given = {"text": "a", "number": 0.5, "truth": True, "settings": {"rate": [1, None]}}
    results = xarray.Dataset({"v": ("x", [1.0], given)}, {"x": [1]}, given)
    export_netcdf(results, tmp_path / "v.nc")
    with xarray.open_dataset(tmp_path / "v.nc", engine="h5netcdf") as found:
        for attributes in (found.attrs, found["v"].attrs):
            expected = {"truth": "true", "settings": '{"rate": [1, null]}'}
            assert attributes == given | expected
    assert results.attrs == results["v"].attrs == given


def test_netcdf_of_a_stored_study(tmp_path):
    study = Study(evaluated, {"gain": [0.1, 3.0], "method": ["plus", "minus"]})
    results = study.run(tmp_path / "store", progress=False)
    with xarray.open_zarr(
        tmp_path / "store" / "results.zarr", consolidated=False, chunks=None
    ) as s:
        export_netcdf(s, tmp_path / "results.nc")
        export_csv(s, tmp_path / "results.csv")
    with xarray.open_dataset(tmp_path / "results.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["height"], results["height"])
        np.testing.assert_array_equal(found["method"], ["plus", "minus"])
    assert len(rows(tmp_path / "results.csv")) == 5


# Both


@pytest.mark.parametrize("name", WRITERS)
def test_folders_are_made_and_files_replaced(name, results, tmp_path):
    path = tmp_path / "new" / "folder" / "results"
    WRITERS[name](results, str(path))
    WRITERS[name](results, path)
    assert os.listdir(path.parent) == ["results"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", WRITERS)
def test_a_path_that_cannot_be_written_is_named(name, results, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"file/results cannot be written .* give a path"):
        WRITERS[name](results, tmp_path / "file" / "results")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StudyError, match="folder cannot be written"):
        WRITERS[name](results, tmp_path / "folder")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("name", WRITERS)
def test_an_end_in_between_leaves_the_file_as_it_was(name, results, tmp_path, monkeypatch):
    path = tmp_path / "results"
    WRITERS[name](results, path)
    before = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](results.isel(gain=[0]), path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["results"]


@pytest.mark.parametrize("name", WRITERS)
def test_names_that_collide(name, tmp_path):
    results = xarray.Dataset({"z": ("x", [1j]), "z_imag": ("x", [0.0])}, {"x": [1]})
    with pytest.raises(ValueError, match=r"'z' is complex .* 'z_imag', .*rename\(z_imag="):
        WRITERS[name](results, tmp_path / "results")


@pytest.mark.parametrize("name", WRITERS)
def test_the_results_stay_as_they_are(name, results, tmp_path):
    before = results.copy(deep=True)
    WRITERS[name](results, tmp_path / "results")
    assert results.identical(before)
