"""Batch files of 32x32 colour images, the layout that CIFAR introduced."""

import gzip
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, damaged
from .limits import UNPACKED_LIMIT, check_unpacked
from .npz import read_arrays
from .opening import is_file, opened, others
from .pickles import load_dictionary

IMAGE_SHAPE = (32, 32, 3)
_ROW = 3 * 32 * 32  # red, green and blue planes, each row by row
_CHUNK = 1 << 16  # bytes


@final
class Layout(NamedTuple):
    """How a data set numbers its classes in its batch files.

    - `labels`: the entry that holds them, beside `data`.
    - `classes`: how many there are.
    - `first`: the number of the first one.
    """

    labels: str
    classes: int
    first: int = 0

    @property
    def entries(self) -> tuple[str, str]:
        """What a batch file holds that is read: images and labels."""
        return "data", self.labels


class PixelBatch(NamedTuple):
    """Images (n, 32, 32, 3) uint8, a view of the rows in the file; labels (n,) int32 from 0."""

    x: NDArray[np.uint8]
    y: NDArray[np.int32]


def read_batch(path: Path, layout: Layout) -> PixelBatch:
    """Read one batch file: `data` (n, 3072) uint8 and labels, in a pickled dictionary or an `.npz`.

    Raises `DatasetError`, naming the file, for whatever else it holds.
    """
    if path.suffix == ".npz":
        content = dict(zip(layout.entries, read_arrays(path, layout.entries), strict=True))
    else:
        with opened(path, "a pickled dictionary") as file:
            content = load_dictionary(file, str(path))
    return _batch(content, str(path), layout)


def _batch(content: dict[str, Any], origin: str, layout: Layout) -> PixelBatch:
    lacking = [name for name in layout.entries if name not in content]
    if lacking:
        found = f"the entries {sorted(content)[:10]}"
        raise damaged(origin, f"an entry {lacking[0]!r}", found)
    rows, labels = (content[name] for name in layout.entries)
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8:
        raise damaged(origin, "data of dtype uint8", f"{getattr(rows, 'dtype', type(rows))}")
    if rows.ndim != 2 or rows.shape[1] != _ROW or len(rows) == 0:
        raise damaged(origin, f"data of shape (n, {_ROW})", f"shape {rows.shape}")
    numbers = _numbers(labels, len(rows), origin, layout)
    return PixelBatch(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), numbers)


def _numbers(values: object, count: int, origin: str, layout: Layout) -> NDArray[np.int32]:
    """The labels, counted from 0."""
    expected = f"{count} integer labels, one per image"
    if isinstance(values, list):
        # Lists in lists could hold each other without end.
        kinds = {type(value).__name__ for value in values} - {"int"}
        if kinds:
            raise damaged(origin, expected, f"a list of {', '.join(sorted(kinds))}")
        try:
            values = np.array(values, np.int64)
        except OverflowError as error:
            raise damaged(origin, expected, str(error)) from error
    if not isinstance(values, np.ndarray) or not np.issubdtype(values.dtype, np.integer):
        raise damaged(origin, expected, f"{getattr(values, 'dtype', type(values))}")
    if values.shape != (count,):
        raise damaged(origin, expected, f"{values.dtype} of shape {values.shape}")
    last = layout.first + layout.classes - 1
    if not layout.first <= values.min() <= values.max() <= last:
        found = f"labels from {values.min()} to {values.max()}"
        raise damaged(origin, f"labels from {layout.first} to {last}", found)
    return values.astype(np.int32) - np.int32(layout.first)


def read_batches(paths: Sequence[Path], layout: Layout) -> Iterator[PixelBatch]:
    """Read batch files one after another. Raises `DatasetError` that names the file."""
    return (read_batch(path, layout) for path in paths)


def batches_in(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the files of a folder. Raises `DatasetError` that names each that is missing."""
    paths = [folder / name for name in names]
    lacking = [path for path in paths if not is_file(path)]
    if lacking:
        missing = ", no ".join(path.name for path in lacking)
        raise DatasetError(
            f"in {folder} there is no {missing}{others(lacking)}: put the whole data set there"
        )
    return paths


def read_archive(
    path: Path, folder: str, names: Sequence[str], layout: Layout
) -> Iterator[PixelBatch]:
    """Read batch files out of the `folder` in a .tar.gz, in the order of `names`.

    Nothing is unpacked to disk. Raises `DatasetError` that names the archive and the file in it.
    """
    wanted = {f"{folder}/{name}": name for name in names}
    found = {}
    with opened(path, "a .tar.gz archive") as file:
        content = _Unpacked(file, path)
        with tarfile.open(fileobj=content, mode="r:") as archive:
            # In the archive's order: to go back in a compressed file is to start it again.
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                if name is not None:
                    found[name] = _member(archive, member, f"{member.name} in {path}", layout)
        content.finish()
    lacking = [name for name in names if name not in found]
    if lacking:
        expected = f"an archive with {', '.join(f'{folder}/{name}' for name in names)}"
        raise damaged(path, expected, f"no {', no '.join(lacking)} in it")
    return (found.pop(name) for name in names)


def _member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, origin: str, layout: Layout
) -> PixelBatch:
    # Links may lead to nowhere or to themselves, and what is sparse declares any size.
    file = archive.extractfile(member) if member.isreg() and not member.issparse() else None
    if file is None:
        raise damaged(origin, "a regular file", "a folder, a link, or another kind")
    return _batch(load_dictionary(file, origin), origin, layout)


@final
class _Unpacked(gzip.GzipFile):
    """The contents of a gzipped file, up to the limit: beyond it nothing is even tried."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._path = path

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = UNPACKED_LIMIT - self.tell()
        self._check(self.tell() + size)
        return super().read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._check(offset)
        return super().seek(offset, whence)

    def finish(self) -> None:
        """Read what is left, for at the end the checksum is compared."""
        while self.read(min(_CHUNK, UNPACKED_LIMIT - self.tell())):
            pass

    def _check(self, end: int) -> None:
        check_unpacked(self._path, end, "unpack it (tar -xzf), and the folder is read")
