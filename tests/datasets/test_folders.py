"""Where data are looked for: an argument, a variable, the user's cache."""

from pathlib import Path

import pooch
import pytest

from osciprop.datasets import DatasetError
from osciprop.datasets.folders import VARIABLE, cache_folder, supplied_folder


def test_an_argument_comes_before_the_variable(monkeypatch):
    monkeypatch.setenv(VARIABLE, "there")
    assert supplied_folder("here") == Path("here")
    assert supplied_folder(None) == Path("there")


@pytest.mark.parametrize("value", [None, ""])
def test_without_either_there_is_none(monkeypatch, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert supplied_folder(None) is None


def test_the_home_folder_may_be_meant(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert supplied_folder("~/data") == tmp_path / "data"
    assert cache_folder("~/cache", "mnist") == tmp_path / "cache" / "mnist"


def test_a_home_folder_that_is_none_is_told():
    for function in (supplied_folder, lambda folder: cache_folder(folder, "mnist")):
        with pytest.raises(DatasetError, match="no home folder for ~nobody_at_all/data: write the"):
            function("~nobody_at_all/data")


def test_the_cache_is_the_systems():
    assert cache_folder(None, "mnist") == Path(pooch.os_cache("osciprop")) / "mnist"
