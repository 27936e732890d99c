"""JSON files: found out when they are not what was written."""

import pytest

from osciprop.studies import StudyError
from osciprop.studies.records import encoded, read_json


def write(path, content):
    path.write_bytes(encoded(content))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "record.json"
    write(path, {"a": [1, None, "\u00b5"], "b": (0.1, float("inf"))})
    assert read_json(path) == {"a": [1, None, "\u00b5"], "b": [0.1, float("inf")]}


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
    write(path, content)
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
    write(path, {"format": "one"})
    assert read_json(path, "one") == {"format": "one"}
    with pytest.raises(StudyError, match="not of format 'two', but of 'one': give another"):
        read_json(path, "two")
