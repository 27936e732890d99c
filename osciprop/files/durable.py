"""Files that are written whole or not at all, and that outlive a loss of power."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .locks import acquired

UNFINISHED = ".part-"
"""How the names of folders begin that hold a file while it is written, or held one when a process
was killed."""

LOCK = "being-written"
FORGOTTEN = 86400.0
"""Seconds after which a leftover is one where a file system has no locks to tell."""

_ELSEWHERE = "give a path in another folder"
_REMEDIES = {
    errno.ENOSPC: "free space on its disk, or give a path on another one",
    errno.EDQUOT: "free some of your quota there, or give a path on another disk",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f), or give a path on another disk",
    errno.EIO: "check the disk, or give a path on another one",
    errno.EROFS: "its disk can only be read: give a path on another one",
    errno.EACCES: f"allow yourself to write there (chmod u+w), or {_ELSEWHERE}",
    errno.EPERM: f"allow yourself to write there, or {_ELSEWHERE}",
    errno.EISDIR: "give the path of a file, not of a folder",
    errno.EINVAL: "give the path of an ordinary file",
    errno.ELOOP: "its symbolic links lead in a circle: mend them, or give another path",
    errno.ENAMETOOLONG: "give a shorter name",
}
_OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new, empty file near `path`, which takes its place if the block ends without exception.

    Until then, and if it does not, `path` stays as it was. Missing folders are made, symbolic links
    followed. A new file gets the permissions that the umask leaves, one that replaces another
    those of the other. What earlier writes to `path` left when they were killed is removed.

    Raises `OSError`, of the subclass that belongs to the cause, with the path and what to do: where
    the disk is full, whenever that shows, or the path cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with _explained(path):
            target = _followed(path)
            before = _replaceable(target)
            temporary = stack.enter_context(_apart(target))
        with _explained(path, temporary.parent):
            yield temporary
        with _explained(path):
            if before is not None and os.name == "posix":
                _hand_over(temporary, before)
            _settle(temporary, target)


def write_alone(path: Path, content: bytes, temporary: Path) -> None:
    """Write a file whole or not at all, where no other process writes at the same time.

    `temporary` is the file, on the same disk, that is written first; all writes of a process may
    share it, and so leave nothing else behind. Many small files take a fraction of the time that
    `replacing` does, which has to look for what other writes left. Raises `OSError`.
    """
    temporary.unlink(missing_ok=True)  # and not write into what a link there leads to
    with temporary.open("xb") as file:
        file.write(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    _settle(temporary, path)


def _settle(temporary: Path, target: Path) -> None:
    """Put a file that is whole in the place of another, so that it outlives a loss of power."""
    _synchronize(temporary)
    _rename(temporary, target)
    # The file is there. That its name outlives a loss of power is not certain if this fails, but
    # then the file before has its place again, whole.
    with contextlib.suppress(OSError):
        _synchronize_folder(target.parent)


def require_writable(path: Path) -> None:
    """Raise the `OSError` that a write to `path` would, as far as it can be known before.

    What is at `path` stays as it is.
    """
    with _explained(path):
        target = _followed(path)
        _replaceable(target)
        with _apart(target):
            pass


def synchronize(path: Path) -> None:
    """Wait until a file, and that it is in its folder, would survive a loss of power."""
    _synchronize(path)
    _synchronize_folder(path.parent)


def _followed(path: Path) -> Path:
    """What is to be replaced: not a link, but what it leads to, be it there or not."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _replaceable(target: Path) -> os.stat_result | None:
    """What is known of the file that is to be replaced, None if there is none."""
    try:
        before = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(before.st_mode):  # a device or a pipe would be gone afterwards
        raise OSError(errno.EINVAL, "it is no ordinary file")
    if not os.access(target, os.W_OK):  # to rename would not ask
        raise PermissionError(errno.EACCES, "the file is write-protected")
    return before


@contextlib.contextmanager
def _apart(target: Path) -> Iterator[Path]:
    """An empty file of the target's name in a folder beside it, which is gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Of the same length for every name, which may be as long as names can be.
    mark = hashlib.blake2b(os.fsencode(target.name), digest_size=4).hexdigest()
    beginning = f"{UNFINISHED}{mark}-"
    with contextlib.suppress(OSError):
        for folder in target.parent.glob(f"{beginning}*"):
            _remove_leftover(folder)
    folder, lock = _locked_folder(target.parent, beginning)
    try:
        temporary = folder / target.name
        # Only so does the file get the mode that the umask, or the folder's own rule, leaves.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path, beginning: str) -> tuple[Path, IO[bytes]]:
    """A new folder, and the file in it whose lock tells that this process is alive."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=beginning))
        try:
            lock = (folder / LOCK).open("wb")
        except FileNotFoundError:
            continue
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with contextlib.suppress(OSError):  # a file system without locks
            if not acquired(lock):
                lock.close()
                continue
        # Until here another process may have taken the folder for a leftover.
        if (folder / LOCK).exists():
            return folder, lock
        lock.close()


def _remove_leftover(folder: Path) -> None:
    """Remove what a process that is gone has left; leave what a living one writes."""
    try:
        with (folder / LOCK).open("r+b") as lock:
            if not acquired(lock):
                return
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # killed while it made or removed the folder, or there are no locks
        with contextlib.suppress(OSError):
            folder.rmdir()  # whoever makes it at this moment makes another one
            return
        newest = max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))
        if time.time() - newest < FORGOTTEN:
            return
    shutil.rmtree(folder, ignore_errors=True)  # Windows keeps a file while it is open


def _hand_over(temporary: Path, before: os.stat_result) -> None:
    """Give a file the owner, as far as one may, and the permissions of the one before."""
    made = temporary.stat()
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        with contextlib.suppress(OSError):
            os.chown(temporary, before.st_uid, before.st_gid)
    temporary.chmod(stat.S_IMODE(before.st_mode))


def _rename(temporary: Path, target: Path) -> None:
    for pause in (0.01, 0.1, 1.0) if os.name == "nt" else ():
        try:
            os.replace(temporary, target)
        except PermissionError:  # on Windows, as long as someone reads the file
            time.sleep(pause)
        else:
            return
    os.replace(temporary, target)


@contextlib.contextmanager
def _explained(path: Path, inside: Path | None = None) -> Iterator[None]:
    """Say of what cannot be written which file it was to be, and what to do.

    With a folder `inside`, errors of other files than those in it pass as they are.
    """
    try:
        yield
    except OSError as error:
        if inside is not None:
            ours = (
                Path(os.fsdecode(error.filename)).is_relative_to(inside)
                if isinstance(error.filename, str | bytes)
                else error.errno in _OF_DISKS
            )
            if not ours:
                raise
        code = errno.ENOTDIR if error.errno == errno.EEXIST else error.errno
        if code is None:
            raise
        # Libraries word it at length.
        reason = os.strerror(code) if code in _OF_DISKS else error.strerror
        remedy = _REMEDIES.get(code, _ELSEWHERE)
        if code == errno.ENOTDIR:
            files = [part for part in path.parents if os.path.lexists(part) and not part.is_dir()]
            reason = f"{files[0] if files else path.parent} is a file, not a folder"
        kept = f"{path} cannot be written, and what was there before is kept"
        raise OSError(code, f"{kept} ({reason}): {remedy}") from error


def _synchronize(path: Path) -> None:
    # Windows synchronizes only what may be written.
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _synchronize_folder(path: Path) -> None:
    if os.name != "nt":  # Windows opens no folders
        _synchronize(path)
