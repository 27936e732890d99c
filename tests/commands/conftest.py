"""A study in a file, and the folder in which it was run."""

import sys
from pathlib import Path

import pytest

from osciprop.studies import StudyWarning, load_study

STUDY = """
[study]
function = "measure.py:measure"
[axes]
amplitude = { values = [1, 2], unit = "V" }
seed = { seeds = 2 }
"""


MEASURE = """
from pathlib import Path
def measure(amplitude, seed):
    if amplitude == 2 and seed == 1 and not Path(__file__).with_name("mended").exists():
        raise ValueError("not mended")
    return {"cosine": amplitude + seed / 10}
"""


@pytest.fixture(autouse=True)
def clean_path(monkeypatch):
    """Python's path as it was, after each test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def file(tmp_path) -> Path:
    """A study of which one point of four fails, until a file called mended is there."""
    (tmp_path / "measure.py").write_text(MEASURE, encoding="utf-8")
    path = tmp_path / "sweep.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture
def store(file) -> Path:
    """The folder in which that study was run."""
    with pytest.warns(StudyWarning, match="1 of 4 points failed"):
        load_study(file).run(file.with_suffix(""), progress=False)
    return file.with_suffix("")
