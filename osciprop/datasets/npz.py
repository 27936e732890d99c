"""Reading arrays from `.npz` archives, before memory is taken for more than they hold."""

import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import damaged
from .limits import check_unpacked
from .opening import opened

# What NumPy writes. Others may unpack a small part of the file to any size in one go.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Read the arrays of these names, of numbers or texts, as `numpy.savez` stores them.

    Not by `numpy.load`, which takes the memory that an array declares before it looks whether the
    file holds as much. Raises `DatasetError` that names the file and the array.
    """
    with _opened(path, names) as archive:
        return [_read(archive, name, path) for name in names]


def unpacked_size(path: Path, names: Sequence[str]) -> int:
    """Return how many bytes these arrays take, as the archive declares."""
    with _opened(path, names) as archive:
        return sum(archive.getinfo(f"{name}.npy").file_size for name in names)


@contextmanager
def _opened(path: Path, names: Sequence[str]) -> Iterator[zipfile.ZipFile]:
    """Open an archive that has these arrays, each of a size that it may have."""
    expected = f"a NumPy .npz archive of the arrays {', '.join(names)}"
    with opened(path, expected) as file, zipfile.ZipFile(file) as archive:
        there = [name.removesuffix(".npy") for name in archive.namelist()]
        if lacking := [name for name in names if name not in there]:
            raise damaged(path, expected, f"{', '.join(there) or 'none'}: no {', '.join(lacking)}")
        length = os.fstat(file.fileno()).st_size
        for name in names:
            _check(archive.getinfo(f"{name}.npy"), length, f"{name} in {path}")
        yield archive


def _check(member: zipfile.ZipInfo, length: int, origin: str) -> None:
    """Check how a member is packed, in an archive of so many bytes."""
    if member.compress_type not in _PACKINGS:
        raise damaged(origin, "an array as NumPy packs it", f"packing {member.compress_type}")
    if member.compress_size > length:
        raise damaged(origin, f"at most the file's {length} bytes", f"{member.compress_size}")
    if member.compress_type == zipfile.ZIP_DEFLATED:
        check_unpacked(origin, member.file_size, "store it with numpy.savez, which does not pack")
    elif member.file_size != member.compress_size:
        raise damaged(origin, f"{member.compress_size} bytes", f"{member.file_size} bytes")


def _read(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    origin, info = f"{name} in {path}", archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise damaged(origin, "an array in NumPy's format 1.0", f"format {version}")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
        if dtype.kind not in "biufcSU":
            raise damaged(origin, "an array of numbers or texts", f"an array of {dtype}")
        size, rest = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if size != rest:
            raise damaged(origin, f"{size} bytes for {dtype} of shape {shape}", f"{rest} bytes")
        # One more than there are: at the end the checksum is compared.
        content = member.read(size + 1)
    return np.ndarray(shape, dtype, content, order="F" if by_columns else "C")
