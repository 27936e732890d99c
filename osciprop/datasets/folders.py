"""Folders: where a user keeps data, and where osciprop keeps its own."""

import os
from pathlib import Path
from typing import TypeAlias

from .errors import DatasetError

VARIABLE = "OSCIPROP_DATA"
Folder: TypeAlias = str | os.PathLike[str]


def supplied_folder(folder: Folder | None) -> Path | None:
    """Return `folder`, else the one that `OSCIPROP_DATA` names, else None: the user has none."""
    name = folder or os.environ.get(VARIABLE)
    return _at_home(name) if name else None


def cache_folder(cache: Folder | None, name: str) -> Path:
    """Return the folder of data set `name` in `cache` (None: the user's cache of this system)."""
    import pooch  # slow to import

    return _at_home(pooch.os_cache("osciprop") if cache is None else cache) / name


def _at_home(folder: Folder) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise DatasetError(
            f"there is no home folder for {os.fspath(folder)}: write the folder out, as in "
            "/home/me/data"
        ) from error
