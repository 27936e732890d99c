"""Locks on files, which end with the process that holds them, however it ends."""

import sys
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def acquired(file: IO[Any]) -> bool:
    """Take the lock of a file that is open for writing; False if another holds it.

    Closing the file gives the lock back. Raises `OSError` where a file system has no locks.
    """
    try:
        _take(file.fileno())
    except (BlockingIOError, PermissionError):
        return False
    return True
