"""Folders: where a user keeps data, and where osciprop keeps its own."""

import os
from pathlib import Path
from typing import TypeAlias

VARIABLE = "OSCIPROP_DATA"
Folder: TypeAlias = str | os.PathLike[str]


def supplied_folder(folder: Folder | None) -> Path | None:
    """Return `folder`, else the one that `OSCIPROP_DATA` names, else None: the user has none."""
    name = folder or os.environ.get(VARIABLE)
    return Path(name).expanduser() if name else None


def cache_folder(cache: Folder | None, name: str) -> Path:
    """Return the folder of data set `name` in `cache` (None: the user's cache of this system)."""
    import pooch  # slow to import

    return Path(pooch.os_cache("osciprop") if cache is None else cache).expanduser() / name
