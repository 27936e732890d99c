"""JSON files: written whole, and named when they cannot be read."""

import pytest

from osciprop.studies import StudyError
from osciprop.studies.records import read_json, write_json


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "record.json"
    write_json(path, {"a": [1, None, "\u00b5"]})
    assert read_json(path) == {"a": [1, None, "\u00b5"]}


def test_what_cannot_be_written_leaves_the_last_record(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, [1])
    with pytest.raises(TypeError):
        write_json(path, [object()])
    assert read_json(path) == [1]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, b"{", b"\xff"])
def test_what_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match="record.json cannot be read .*restore it from a copy"):
        read_json(path)
