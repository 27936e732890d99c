"""Files that are written whole or not at all, and that outlive a loss of power."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".part-"
"""How the names of files begin that are being written, or were when a process was killed."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new, empty file beside `path`, which takes its place if the block ends without exception.

    Until then, and if it does not, `path` stays as it was. Missing folders are made. Raises
    `OSError` where the folder cannot be written, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The path's own ending, by which writers choose format and compression.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED, suffix=path.name)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        _synchronize(temporary)
        os.replace(temporary, path)
        _synchronize(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def synchronize(path: Path) -> None:
    """Wait until a file, and that it is in its folder, would survive a loss of power."""
    _synchronize(path)
    _synchronize(path.parent)


def _synchronize(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
