"""Regular files are opened; what else stands in their place is told, and never waited for."""

import os
import socket
from pathlib import Path

import pytest

from osciprop.datasets import DatasetError
from osciprop.datasets.opening import irregular, is_file, is_folder, opened, others


def make(path: Path, kind: str) -> Path:
    if kind == "a folder":
        path.mkdir()
    elif kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))  # the whole name may be too long for a socket
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a link that leads nowhere":
        path.symlink_to(path.with_name("nowhere"))
    elif kind == "out of reach":
        path.symlink_to(path)
    return path


KINDS = [
    "a folder",
    "a named pipe",
    "a socket",
    "a device",
    "a link that leads nowhere",
    "out of reach",
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path / "data", kind)
    found = irregular(path)
    assert found is not None and found.startswith(kind)
    assert not is_file(path) and is_folder(path) == (kind == "a folder")
    assert others([tmp_path / "absent", path]) == f" ({path} is {found})"
    with (
        pytest.raises(DatasetError, match=f"data is {kind}.*, expected numbers.*put a copy"),
        opened(path, "numbers"),
    ):
        pass


def test_a_file_and_a_link_to_it_are_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        path = tmp_path / name
        assert irregular(path) is None and is_file(path) and others([path]) == ""
        with opened(path, "numbers") as file:
            assert file.read() == b"1"


def test_nothing_is_nothing(tmp_path):
    for path in (tmp_path / "absent", tmp_path / "absent" / "file", Path("zero\0byte")):
        assert irregular(path) is None and not is_file(path) and not is_folder(path)
    (tmp_path / "file").touch()
    assert irregular(tmp_path / "file" / "inside") is None
    with (
        pytest.raises(DatasetError, match="there is no .*absent: put the whole data set there"),
        opened(tmp_path / "absent", "numbers"),
    ):
        pass


def test_many_others_are_counted(tmp_path):
    paths = [make(tmp_path / f"{number}", "a folder") for number in range(5)]
    assert others(paths).endswith(f"{paths[2]} is a folder, and 2 more such)")


@pytest.mark.parametrize("where", ["stat", "open"])
def test_what_may_not_be_read_is_told(tmp_path, monkeypatch, where):
    """As for a user who is not root, whom nothing is refused."""

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    path = tmp_path / "file"
    path.touch()
    monkeypatch.setattr(Path, where, refuse)
    assert is_file(path) == (where == "open")
    message = "out of reach .Permission denied" if where == "stat" else "may not be read: change"
    with pytest.raises(DatasetError, match=message), opened(path, "numbers"):
        pass


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), OSError(5, "I/O error")])
def test_whatever_is_raised_names_the_file(tmp_path, error):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DatasetError, match="file: expected numbers, found .*fresh copy"),
        opened(tmp_path / "file", "numbers"),
    ):
        raise error
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "file", "numbers"):
        raise KeyboardInterrupt
