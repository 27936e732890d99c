"""What is lost or damaged of a store: told by one kind of error, or computed anew, never read."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from osciprop.commands import main
from osciprop.studies import Study, StudyError, StudyWarning, load_results, study_status

pytestmark = pytest.mark.filterwarnings("ignore:.* points failed:osciprop.studies.StudyWarning")


def measure(amplitude, word):
    if amplitude == 3 and word == "b":
        raise ValueError("too large")
    whole = {"whole": int(amplitude), "sure": amplitude > 1, "phase": complex(amplitude, 1)}
    return {"real": 0.5 * amplitude, **whole, "trace": np.full(300, amplitude)}


def study() -> Study:
    return Study(measure, {"amplitude": [1.0, 2.0, 3.0], "word": ["a", "b"]}, points_per_block=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A finished study of which one point failed."""
    store = tmp_path_factory.mktemp("whole") / "store"
    with pytest.warns(StudyWarning, match="1 of 6 points failed"):
        study().run(store, progress=False)
    return store


@pytest.fixture
def store(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "removed": Path.unlink,
    "flipped": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "emptied": lambda path: path.write_bytes(b""),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
OUTPUTS = ("real", "whole", "sure", "phase", "trace")


def chunk(store: Path, name: str) -> Path:
    return store / "results.zarr" / name / "c" / "1" / ("0/0" if name == "trace" else "0")


@pytest.mark.parametrize("name", [*OUTPUTS, "seconds"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_chunk_of_any_output(store, whole, name, damage):
    path = chunk(store, name)
    DAMAGE[damage](path)
    expected = rf"{path} is (missing|damaged).* holds '{name}' of the points from amplitude=2, word"
    with pytest.raises(StudyError, match=f"{expected}=a on: run the study again to compute"):
        load_results(store)
    status = study_status(store)
    assert (status.done, status.failed, status.damaged) == (3, 1, 2) and name in status.damage[0]
    if damage == "a folder":
        path.rmdir()  # nothing can be written in its place
    with pytest.warns(StudyWarning, match=f"{expected}=a on: computed anew"):
        results = study().run(store, progress=False)
    assert results.drop_vars("seconds").equals(load_results(whole).drop_vars("seconds"))
    assert load_results(store).identical(results)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_chunk_of_the_status(store, whole, damage):
    DAMAGE[damage](chunk(store, "status"))
    if damage == "removed":  # then nothing says that these points were computed
        assert load_results(store)["status"].values.tolist() == [[1, 1], [0, 0], [1, 2]]
    else:
        with pytest.raises(StudyError, match="status/c/1/0 is damaged .*run the study again"):
            load_results(store)
    if damage == "a folder":
        chunk(store, "status").rmdir()
    elif damage != "removed":
        with pytest.warns(StudyWarning, match="status/c/1/0 is damaged .*computed anew"):
            study().run(store, progress=False)
    results = study().run(store, progress=False)
    assert results.drop_vars("seconds").equals(load_results(whole).drop_vars("seconds"))


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "file",
    [
        "study.json",
        "arrays.json",
        "results.zarr/zarr.json",
        "results.zarr/amplitude/zarr.json",
        "results.zarr/amplitude/c/0",
        "results.zarr/word/c/0",
        "results.zarr/status/zarr.json",
        "results.zarr/whole/zarr.json",
        "results.zarr/trace/zarr.json",
    ],
)
def test_metadata(store, file, damage):
    if (file, damage) == ("results.zarr/zarr.json", "flipped"):
        pytest.skip("nothing is read from it")
    path = store / file
    DAMAGE[damage](path)
    before = sorted(store.rglob("*"))
    named = (
        "holds no study .there is no study.json" if file == "study.json" else Path(file).parts[0]
    )
    for read in (load_results, study_status):
        with pytest.raises(StudyError, match=named if not path.is_file() else Path(file).parts[0]):
            read(store)
    with pytest.raises(StudyError, match="(restore|Restore) (it|them) from a copy, or"):
        study().run(store, progress=False)
    assert set(before) <= set(store.rglob("*"))  # results are not thrown away


def test_a_whole_array_that_is_lost(store):
    shutil.rmtree(store / "results.zarr" / "whole")
    for read in (load_results, study_status, lambda store: study().run(store, progress=False)):
        with pytest.raises(
            StudyError, match="whole/zarr.json, which describes 'whole'.*No such file"
        ):
            read(store)


def test_all_chunks_of_an_array_that_are_lost(store):
    shutil.rmtree(store / "results.zarr" / "whole" / "c")
    with pytest.raises(StudyError, match="whole/c/0/0 is missing, which holds 'whole'"):
        load_results(store)


@pytest.mark.parametrize("damage", ["removed", "flipped", "truncated", "emptied"])
def test_why_points_failed(store, whole, damage):
    DAMAGE[damage](store / "failures" / "2_0.json")
    assert load_results(store).identical(load_results(whole))  # the numbers are sound
    (failure,) = study_status(store).failures
    assert "run the study again" in failure.message
    with pytest.warns(StudyWarning, match="computed anew"):
        study().run(store, progress=False)
    assert "ValueError: too large" in study_status(store).failures[0].message


@pytest.mark.parametrize(
    "command", [["export", "--to", "csv"], ["plot", "--x", "word", "--y", "whole"]]
)
def test_commands_tell_it_in_one_line(store, command, tmp_path, capsys):
    chunk(store, "whole").unlink()
    words = ["study", command[0], str(store), *command[1:], "--output", str(tmp_path / "out.csv")]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert told.startswith("osciprop: error: ") and "whole/c/1/0 is missing" in told
    assert not (tmp_path / "out.csv").exists()


def test_flipped_bits_anywhere(store, whole):
    """Of every file of a store: found, or without any effect."""
    expected = load_results(whole)
    rng = random.Random(0)
    files = [path for path in sorted(store.rglob("*")) if path.is_file() and path.stat().st_size]
    found = 0
    for path in files:
        content = path.read_bytes()
        for _ in range(4):
            flipped = bytearray(content)
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
            results, told = None, ""
            try:
                results = load_results(store)
            except StudyError as error:
                told = str(error)
            found += results is None
            assert str(store) in told if results is None else results.identical(expected)
        path.write_bytes(content)
    assert found > 2 * len(files)


def test_a_study_without_its_header_is_not_begun_anew(store):
    (store / "study.json").unlink()
    with pytest.raises(StudyError, match="study.json is missing, and .* holds results: restore it"):
        study().run(store, progress=False)
    assert chunk(store, "whole").exists()


def test_what_is_damaged_while_a_study_runs(tmp_path):
    """Also where it is to be kept as another type."""
    store, spoiled = tmp_path / "store", tmp_path / "spoiled"

    def spoiling(n):
        if n == 2 and not spoiled.exists():
            spoiled.touch()
            flip(store / "results.zarr" / "v" / "c" / "0")
        return {"v": 0.5 if n == 2 else n}

    study = Study(spoiling, {"n": [1, 2, 3]})
    with pytest.raises(StudyError, match="v/c/0 is damaged .*run the study again"):
        study.run(store, progress=False)
    with pytest.warns(StudyWarning, match="v/c/0 is damaged .*computed anew"):
        results = study.run(store, progress=False)
    assert results["v"].values.tolist() == [1.0, 0.5, 3.0]
