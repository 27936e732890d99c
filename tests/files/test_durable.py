"""Files that are written whole or not at all."""

import os
import stat

import pytest

from osciprop.files.durable import UNFINISHED, replacing


def test_a_file_is_there_when_the_block_has_ended(tmp_path):
    path = tmp_path / "folder" / "table.csv.gz"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent and temporary.name.startswith(UNFINISHED)
        assert temporary.suffixes[-2:] == [".csv", ".gz"]
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole" and os.listdir(path.parent) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_what_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "before" and os.listdir(tmp_path) == [path.name]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), replacing(tmp_path / "file" / "table.csv"):
        pass
