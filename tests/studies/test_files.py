"""Studies written as files: what they mean, what is wrong with them, and how they reach workers."""

import sys
from pathlib import Path

import numpy as np
import pytest

from osciprop.studies import Output, Processes, Study, StudyFileError, load_study

MEASURE = """
def measure(amplitude, seed, depth=1):
    return {"cosine": amplitude * 10 + seed + depth}
"""

STUDY = """
[study]
function = "measure.py:measure"
points_per_block = 2
memory_limit = 1000
[axes]
amplitude = { logspace = [0.01, 1.0, 3], unit = "V", vectorised = true }
seed = { seeds = 2, first = 5 }
[constants]
depth = 2
[outputs]
cosine = { unit = "mV", dimensions = [] }
"""


@pytest.fixture(autouse=True)
def clean_path(monkeypatch):
    """Python's path as it was, after each test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(folder: Path, text: str, **files: str) -> Path:
    """A study file, and Python files beside it."""
    for name, content in {"measure": MEASURE, **files}.items():
        (folder / f"{name}.py").write_text(content, encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_part_of_a_file_arrives(tmp_path):
    study = load_study(write(tmp_path, STUDY))
    assert study.function(amplitude=1, seed=2, depth=3) == {"cosine": 15}
    np.testing.assert_allclose(study.axes["amplitude"].coordinates, [0.01, 0.1, 1.0])
    assert study.axes["amplitude"].unit == "V"
    assert study.axes["amplitude"].vectorised
    assert study.axes["seed"].coordinates.tolist() == [5, 6]
    assert study.constants == {"depth": 2}
    assert study.outputs == {"cosine": Output("mV", ())}
    assert (study.points_per_block, study.memory_limit) == (2, 1000)


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ("[2, 4]", [2, 4]),
        ("{ values = ['a', 'b'] }", ["a", "b"]),
        ("{ linspace = [0, 1, 3] }", [0.0, 0.5, 1.0]),
        ("{ seeds = 3 }", [0, 1, 2]),
    ],
)
def test_kinds_of_axes(tmp_path, entry, values):
    study = load_study(
        write(
            tmp_path,
            f'[study]\nfunction = "measure.py:measure"\n[axes]\namplitude = {entry}\nseed = [0]',
        )
    )
    assert study.axes["amplitude"].coordinates.tolist() == values


def replaced(old: str, new: str) -> str:
    assert STUDY.count(old) == 1
    return STUDY.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (replaced("[axes]", "[axes"), r"study.toml is not TOML \(.*line 6"),
        (replaced("[constants]", "[constant]"), r"section \[constant\]: did you mean 'constants'"),
        ("function = 1\n" + STUDY, r"'function' stands outside .* below \[study\]"),
        (
            replaced("points_per_block", "points_per_blok"),
            "study has the key 'points_per_blok'",
        ),
        (replaced("logspace", "logspce"), "axes.amplitude has the key 'logspce': did.*'logspace'"),
        (replaced('unit = "V"', "points = 3"), "axes.amplitude has the key 'points': there is"),
        (replaced("first = 5", 'unit = "V"'), "axes.seed has 'unit' beside 'seeds': leave it out"),
        (replaced("first = 5", "values = [1]"), "axes.seed has values and seeds: give one of"),
        (replaced("{ seeds = 2, first = 5 }", "{}"), "axes.seed has no values: give one of values"),
        (replaced("{ seeds = 2, first = 5 }", "3"), r"axes.seed is 3: give a list.*\[constants\]"),
        (replaced("1.0, 3]", "1.0]"), r"axes.amplitude.logspace: got .* \[first, last, number"),
        (replaced("1.0, 3]", "1.0, 0]"), "axes.amplitude.logspace: number must be .* got 0"),
        (replaced("1.0, 3]", "1.0, 2.5]"), "axes.amplitude.logspace: got .* 2.5"),
        (replaced("block = 2", 'block = "2"'), "study.points_per_block is '2': give a whole"),
        (replaced("block = 2", "block = 0"), "points_per_block must be an integer of at least 1"),
        (replaced("[0.01", "[-1"), "axes.amplitude.logspace: start of a logspace is -1"),
        (replaced("seeds = 2", 'seeds = "two"'), "axes.seed.seeds is 'two': give their number"),
        (replaced('unit = "V"', "unit = 3"), "axes.amplitude.unit is 3: give a text"),
        (replaced("vectorised = true", 'vectorised = "yes"'), "axes.amplitude.vectorised is 'yes'"),
        (replaced("dimensions = []", "dimensions = [1]"), r"outputs.cosine.dimensions is \[1\]"),
        (replaced("dimensions", "dims"), "outputs.cosine has the key 'dims': "),
        (replaced('{ unit = "mV", dimensions = [] }', "3"), "outputs.cosine is 3: write a table"),
        (replaced('function = "measure.py:measure"', ""), r"\[study\] has no function: write"),
        (replaced('"measure.py:measure"', "3"), "study.function is 3: write it as a text"),
        (replaced(":measure", ""), "study.function: 'measure.py' names no function: write"),
        (replaced("measure.py", "other.py"), "study.function: there is no file .*other.py"),
        (replaced("py:measure", "py:mesure"), "no function 'mesure': did you mean 'measure'"),
        (replaced("measure.py", "no_such_package.x"), "no module 'no_such_package': correct"),
        (replaced("measure.py", "failing.py"), "failing.py cannot be run .*oh no, line 2"),
        (replaced("measure.py", "wrong.py"), r"wrong.py cannot be run \(SyntaxError.*line 1"),
        (replaced("measure.py", "failing"), "module 'failing' cannot be imported .*oh no"),
        (replaced("depth", "dept"), "the function takes no argument 'dept'"),
        (replaced("seed =", "depth ="), "'depth' is an axis and a constant"),
        (STUDY[: STUDY.index("[axes]")], r"there is no axis: write a section \[axes\]"),
    ],
)
def test_a_mistake_is_told_with_file_place_and_remedy(tmp_path, text, message):
    failing = "\nraise RuntimeError('oh no')"
    path = write(tmp_path, text, failing=failing, wrong="def :")
    with pytest.raises(StudyFileError, match=message) as raised:
        load_study(path)
    assert str(path) in str(raised.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(StudyFileError, match="no file .*nowhere.toml: correct"):
        load_study(tmp_path / "nowhere.toml")
    with pytest.raises(StudyFileError, match="neither .toml nor .py"):
        load_study(tmp_path / "study.json")
    (tmp_path / "latin.toml").write_bytes("unit = '\u00b5'".encode("latin-1"))
    with pytest.raises(StudyFileError, match="latin.toml is not TOML"):
        load_study(tmp_path / "latin.toml")


def test_a_python_file_defines_a_study(tmp_path):
    path = tmp_path / "sweep.py"
    text = f"""
from osciprop.studies import Study
{MEASURE}
study = Study(measure, {{"amplitude": [1], "seed": [2]}})
"""
    path.write_text(text, encoding="utf-8")
    study = load_study(path)
    assert isinstance(study, Study)
    assert float(study.run(progress=False)["cosine"].item()) == 13
    path.write_text(text.replace("study =", "sweep ="), encoding="utf-8")
    with pytest.raises(StudyFileError, match="no Study called study, but one called sweep: write"):
        load_study(path)
    path.write_text(MEASURE, encoding="utf-8")
    with pytest.raises(StudyFileError, match="but none at all"):
        load_study(path)


def test_the_same_file_has_the_same_settings_anywhere(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    first, second = [
        load_study(write(folder, STUDY)).settings for folder in folders if not folder.mkdir()
    ]
    assert first == second
    assert first["function"] == "measure_py:measure"
    assert load_study(folders[0] / "study.toml").settings == first


MODULES = """
import functools
import equinox as eqx
from gains import Gain
from osciprop.studies import Study

class Twice(eqx.Module):
    gain: Gain
    def __call__(self, x):
        return 2 * self.gain(x)

def measure(gain, x, offset):
    from gains import zero
    return {"y": gain(x) + offset + zero}

study = Study(
    functools.partial(measure, offset=0.5),
    {"gain": {"once": Gain(3.0), "twice": Twice(Gain(3.0))}, "x": [1, 2]},
)
"""
HELPERS = """
import equinox as eqx
zero = 0.0
class Gain(eqx.Module):
    factor: float
    def __call__(self, x):
        return self.factor * x
"""


@pytest.mark.slow
def test_a_file_reaches_spawned_workers(tmp_path):
    """Also its Equinox modules and those of modules beside it, and though it is gone meanwhile."""
    (tmp_path / "gains.py").write_text(HELPERS, encoding="utf-8")
    path = tmp_path / "sweep.py"
    path.write_text(MODULES, encoding="utf-8")
    study = load_study(path)
    path.unlink()
    results = study.run(engine=Processes(1), progress=False)
    assert results["y"].values.tolist() == [[3.5, 6.5], [6.5, 12.5]]
