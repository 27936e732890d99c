"""Locks on files, which end with the process that holds them, however it ends."""

from typing import IO, Any

import portalocker


def acquired(file: IO[Any]) -> bool:
    """Take the lock of a file that is open for writing; False if another holds it.

    Closing the file gives the lock back. Raises `OSError` where a file system has no locks.
    """
    try:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException as error:
        raise OSError(f"it cannot be locked: {error}") from error
    return True
