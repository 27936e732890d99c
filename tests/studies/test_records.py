"""JSON files: written whole, and named when they cannot be read."""

import pytest

from osciprop.studies import StudyError
from osciprop.studies.records import read_json, write_json


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "record.json"
    write_json(path, {"a": [1, None, "\u00b5"], "b": (0.1, float("inf"))})
    assert read_json(path) == {"a": [1, None, "\u00b5"], "b": [0.1, float("inf")]}


def test_what_cannot_be_written_leaves_the_last_record(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, b"{", b"\xff", b"[1]", b"{}", b"[" * 100_000])
def test_what_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match="record.json cannot be read .*restore it from a copy"):
        read_json(path)


def test_every_flipped_bit_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "record.json"
    content = {"values": [0.1, 2, True, None], "name": "study"}
    write_json(path, content)
    whole = path.read_bytes()
    found = 0
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert read_json(path) == content
        except StudyError:
            found += 1
    assert found > 0.8 * 8 * len(whole)


def test_another_format_is_told_from_damage(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"format": "one"})
    assert read_json(path, "one") == {"format": "one"}
    with pytest.raises(StudyError, match="not of format 'two', but of 'one': give another"):
        read_json(path, "two")
