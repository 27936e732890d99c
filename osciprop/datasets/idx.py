"""Reading IDX files, the format in which MNIST is handed out."""

import gzip
import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import damaged
from .limits import check_unpacked
from .opening import opened

_EXPECTED = "an IDX file of unsigned bytes, plain or gzipped"
_MAGIC = bytes([0, 0, 0x08])  # the last for unsigned bytes; a fourth byte counts the dimensions
_GZIP = b"\x1f\x8b"


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not, of any number of dimensions.

    Raises `DatasetError` that names the file, before memory is taken for more than it holds.
    """
    with opened(path, _EXPECTED) as file:
        # By content, not by name: browsers unpack downloads without renaming them.
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not packed:
            return _read(path, file, os.fstat(file.fileno()).st_size)
        with gzip.GzipFile(fileobj=file) as content:
            return _read(path, content, None)


def _read(path: Path, content: BinaryIO | gzip.GzipFile, length: int | None) -> NDArray[np.uint8]:
    """Read an array from `content`, of which `length` counts the bytes, if it is known."""
    start = content.read(len(_MAGIC) + 1)
    if start[:-1] != _MAGIC:
        raise damaged(path, _EXPECTED, f"a file that starts with {start!r}")
    sizes = content.read(4 * start[-1])
    if len(sizes) < 4 * start[-1]:
        raise damaged(path, f"{start[-1]} dimensions", f"{len(sizes) // 4} dimensions")
    shape = np.frombuffer(sizes, ">u4").tolist()
    header, count = len(start) + len(sizes), math.prod(shape)
    expected = f"{header + count} bytes, as its header says"
    if length is None:
        check_unpacked(path, header + count, "unpack it (gunzip)")
    elif length != header + count:
        raise damaged(path, expected, f"{length} bytes")
    # One more, to see whether it ends there; at the end a gzipped file's checksum is compared.
    values = content.read(count + 1)
    if len(values) != count:
        found = f"{header + len(values)} bytes" + " or more" * (len(values) > count)
        raise damaged(path, expected, found)
    return np.ndarray(shape, np.uint8, values)
