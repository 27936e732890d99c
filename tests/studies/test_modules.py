"""The Python files that functions of studies come from: imported afresh, and none for another."""

import os
import sys
from pathlib import Path

import pytest

from osciprop.studies import StudyFileError
from osciprop.studies.modules import find_function, run_file


@pytest.fixture(autouse=True)
def clean_path(monkeypatch):
    """Python's path as it was, after each test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_function_of_a_package():
    assert find_function("os.path:join", Path.cwd()) is os.path.join


def test_folders_may_hold_modules_of_the_same_name(tmp_path):
    """A file imports what lies beside it, in its latest state, whatever was imported before."""
    factors = []
    for factor in (2, 30):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "gains.py").write_text(f"factor = {factor}", encoding="utf-8")
        text = "from gains import factor\ndef measure(): return factor"
        (folder / "measure.py").write_text(text, encoding="utf-8")
        factors.append(find_function("measure.py:measure", folder)())
    assert factors == [2, 30]
    assert str(tmp_path / "30") in sys.path
    assert str(tmp_path / "2") not in sys.path


def test_a_file_does_not_replace_a_module_of_its_name(tmp_path):
    (tmp_path / "random.py").write_text("import random\nvalue = random.random", encoding="utf-8")
    before = sys.modules["random"]
    module = run_file(tmp_path / "random.py")
    assert sys.modules["random"] is before
    assert module.value is before.random


def test_a_failing_file_leaves_the_last_one_as_it_was(tmp_path):
    path = tmp_path / "measure.py"
    path.write_text("x = 1", encoding="utf-8")
    module = run_file(path)
    path.write_text("x = 1 / 0", encoding="utf-8")
    with pytest.raises(StudyFileError, match="ZeroDivisionError.*line 1"):
        run_file(path)
    assert sys.modules["measure_py"] is module
