"""Files that are written whole or not at all."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import portalocker
import pytest

from osciprop.files import durable
from osciprop.files.durable import UNFINISHED, replacing, require_writable

# Of the package, these files alone: the rest takes seconds to import.
ALONE = f"""
import os, signal, sys, types
from pathlib import Path
sys.modules["files"] = types.ModuleType("files")
sys.modules["files"].__path__ = [{str(Path(durable.__file__).parent)!r}]
from files.durable import replacing
"""

AS_ROOT = os.name == "posix" and os.geteuid() == 0


def write(path: Path, text: str = "new") -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_a_file_is_there_when_the_block_has_ended(tmp_path):
    path = tmp_path / "folder" / "table.csv.gz"
    with replacing(path) as temporary:
        assert temporary.name == path.name  # by whose ending writers choose format and compression
        assert temporary.parent.parent == path.parent
        assert temporary.parent.name.startswith(UNFINISHED)
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole" and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_what_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "before" and os.listdir(tmp_path) == [path.name]


def test_errors_of_other_files_pass_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "table.csv"):
        (tmp_path / "missing").read_text()
    assert caught.value.filename == str(tmp_path / "missing")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mask", [0o077, 0o002, 0o022, 0o027])
def test_a_new_file_gets_what_the_umask_leaves(tmp_path, umask, mask):
    umask(mask)
    write(tmp_path / "new")
    assert mode(tmp_path / "new") == 0o666 & ~mask


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("before", [0o600, 0o664, 0o666, 0o700])
def test_a_file_keeps_its_permissions_and_owner(tmp_path, umask, before):
    path = tmp_path / "old"
    path.touch()
    path.chmod(before)
    if AS_ROOT:
        os.chown(path, 12, 34)
    owner = path.stat().st_uid, path.stat().st_gid
    umask(0o077)
    write(path)
    assert mode(path) == before and (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, there):
    target = tmp_path / "big_disk" / "run"
    if there:
        target.parent.mkdir()
        target.write_text("before")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(Path("big_disk") / "run")
    write(tmp_path / "one")
    assert (tmp_path / "one").is_symlink() and (tmp_path / "two").is_symlink()
    assert target.read_text() == "new" and not target.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["big_disk", "one", "two"]


def test_links_in_a_circle(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="one cannot be written.*circle"):
        write(tmp_path / "one")


def test_names_as_long_as_they_can_be(tmp_path):
    write(tmp_path / ("n" * 255))
    with pytest.raises(OSError, match="shorter name") as caught:
        write(tmp_path / ("n" * 256))
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_folder_where_a_file_is_to_be(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(IsADirectoryError, match=r"run cannot be written.*give the path of a file"):
        write(tmp_path / "run")
    with pytest.raises(IsADirectoryError):
        require_writable(tmp_path / "run")


@pytest.mark.parametrize("below", ["run", "folder/run", "folder/further/run"])
def test_a_file_where_a_folder_is_to_be(tmp_path, below):
    (tmp_path / "file").write_text("kept")
    for attempt in (write, require_writable):
        with pytest.raises(NotADirectoryError, match="file is a file.*in another folder"):
            attempt(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "kept"


def test_pipes_and_devices_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no ordinary file"):
        write(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_what_can_be_known_before(tmp_path):
    path = tmp_path / "folder" / "run"
    require_writable(path)
    assert not path.exists()
    write(path, "kept")
    require_writable(path)
    assert path.read_text() == "kept" and os.listdir(path.parent) == ["run"]


# One without rights tries to write where it may not; root may everywhere.
FORBIDDEN = """
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
for path in sys.argv[1:]:
    try:
        with replacing(Path(path)) as temporary:
            temporary.write_text("new")
    except PermissionError as error:
        print(error)
"""


def test_where_writing_is_forbidden(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for part in (tmp_path, *tmp_path.parents[:-2]):
        if AS_ROOT:
            part.chmod(part.stat().st_mode | 0o755)
    (folder / "run").write_text("before")
    (folder / "run").chmod(0o444)
    paths = [folder / "run", folder / "fresh", folder / "deeper" / "fresh"]
    folder.chmod(0o555)
    command = [sys.executable, "-c", ALONE + FORBIDDEN, *map(str, paths)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    folder.chmod(0o755)
    for path, line in zip(paths, lines, strict=True):
        assert f"{path} cannot be written" in line and "chmod" in line and "folder" in line
    assert "write-protected" in lines[0]
    assert (folder / "run").read_text() == "before" and os.listdir(folder) == ["run"]


KILLED = """
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.readline()
"""


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(UNFINISHED)]


def test_what_a_killed_run_left_is_removed_by_the_next_write_to_the_path(tmp_path):
    path = tmp_path / "run"
    for other in (path, tmp_path / "other"):
        command = [sys.executable, "-c", ALONE + KILLED, str(other), "die"]
        assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert len(leftovers(tmp_path)) == 2
    write(path)
    assert path.read_text() == "new" and len(leftovers(tmp_path)) == 1
    write(tmp_path / "other")
    assert leftovers(tmp_path) == []


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    path = tmp_path / "run"
    command = [sys.executable, "-c", ALONE + KILLED, str(path), "wait"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        write(path)
        assert len(leftovers(tmp_path)) == 1
        process.communicate("\n")
    assert process.returncode == 0 and path.read_text() == "half" and leftovers(tmp_path) == []


def test_threads_write_the_same_file_side_by_side(tmp_path):
    path, texts = tmp_path / "run", [str(number) * 10_000 for number in range(4)]
    errors = []

    def often(text):
        try:
            for _ in range(10):
                write(path, text)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=often, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and path.read_text() in texts and leftovers(tmp_path) == []


def test_a_file_system_without_locks_goes_by_age(tmp_path, monkeypatch):
    def unable(*_):
        raise portalocker.LockException("No locks available")

    monkeypatch.setattr("portalocker.lock", unable)
    path = tmp_path / "run"
    with replacing(path) as temporary:
        temporary.write_text("half")
        write(path)
        assert temporary.exists()
        long_ago = 0.0
        for entry in (temporary, temporary.parent / durable.LOCK, temporary.parent):
            os.utime(entry, (long_ago, long_ago))
        write(path, "newer")
        assert not temporary.exists()
        temporary.parent.mkdir()
        temporary.write_text("newest")
    assert path.read_text() == "newest"


class Failing:
    """What a full disk does at the k-th of some calls."""

    def __init__(self, call, at: int):
        self.call, self.left = call, at

    def __call__(self, *arguments, **options):
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.call(*arguments, **options)


class FullDisk(io.FileIO):
    """A file on a disk that is full at some moment of its writing."""

    moment = ""

    def write(self, content):
        if self.moment == "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)

    def flush(self):
        super().flush()
        if self.moment == "flush" and self.tell():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self):
        writing = not self.closed and self.tell()
        super().close()
        if self.moment == "close" and writing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("moment", ["write", "flush", "close"])
def test_a_disk_that_is_full_at_any_moment_of_writing(tmp_path, monkeypatch, moment):
    path = tmp_path / "run"
    write(path, "before")
    monkeypatch.setattr(FullDisk, "moment", moment)
    refused = pytest.raises(OSError, match="run cannot be written.*free space")
    with refused as caught, replacing(path) as temporary, FullDisk(temporary, "wb") as file:
        file.write(b"new")
        file.flush()
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "before" and leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [(os, "fsync"), (os, "open"), (os, "close"), (os, "replace"), (os, "mkdir"), (io, "open")],
)
def test_a_disk_that_is_full_at_any_call(tmp_path, monkeypatch, module, name):
    path = tmp_path / "run"
    errors = []
    for at in range(1, 9):
        write(path, "before")
        with monkeypatch.context() as patched:
            patched.setattr(module, name, Failing(getattr(module, name), at))
            try:
                write(path, "new")
            except OSError as error:
                errors.append(error)
                expected = "before"
            else:
                expected = "new"
        assert path.read_text() == expected
    write(path)
    assert errors and all(error.errno == errno.ENOSPC for error in errors)
    assert all("run cannot be written" in str(e) and "free space" in str(e) for e in errors)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("code", [errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS])
def test_every_way_in_which_a_disk_refuses_has_a_remedy(tmp_path, code):
    path = tmp_path / "run"
    refused = pytest.raises(OSError, match=r"run cannot be written.*\): .*(disk|quota)")
    with refused as caught, replacing(path):
        raise OSError(code, os.strerror(code))
    assert caught.value.errno == code
