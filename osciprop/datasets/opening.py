"""Opening data files: regular files alone, and whatever goes wrong is told with a remedy."""

import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import DatasetError, damaged

# A named pipe would be waited for without end, a device may have no end.
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregular(path: Path) -> str | None:
    """Return what `path` is instead of a regular file; None if it is one, or there is nothing."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a name with zeros
        return "a link that leads nowhere" if path.is_symlink() else None
    except OSError as error:
        return f"out of reach ({error.strerror})"
    return next((name for matches, name in _KINDS if matches(mode)), None)


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file. What cannot be looked at is none."""
    return _is(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder. What cannot be looked at is none."""
    return _is(path, stat.S_ISDIR)


def _is(path: Path, matches: Callable[[int], bool]) -> bool:
    try:
        return matches(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def others(paths: Iterable[Path]) -> str:
    """Say, in parentheses, which of `paths` are there without being regular files; or nothing."""
    found = [f"{path} is {kind}" for path in paths if (kind := irregular(path)) is not None]
    if len(found) > 3:
        found[3:] = [f"and {len(found) - 3} more such"]
    return f" ({', '.join(found)})" if found else ""


@contextmanager
def opened(path: Path, expected: str) -> Iterator[BinaryIO]:
    """Open a regular file, of which `expected` says what is in it.

    Whatever the block raises is taken for a sign of damage, and becomes a `DatasetError`: bytes at
    random lead readers of archives, arrays and pickles into any kind of mistake.
    """
    if (found := irregular(path)) is not None:
        raise DatasetError(
            f"{path} is {found}, expected {expected}, in a regular file: put a copy of it there"
        )
    try:
        with path.open("rb") as file:
            yield file
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"there is no {path}: put the whole data set there") from error
    except PermissionError as error:
        raise DatasetError(
            f"{path} may not be read: change its permissions (chmod u+r), or put a readable copy "
            "of it there"
        ) from error
    except Exception as error:
        raise damaged(path, expected, f"{type(error).__name__}: {error}") from error
