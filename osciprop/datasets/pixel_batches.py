"""Batch files of 32x32 colour images, the layout that CIFAR introduced."""

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, damaged
from .pickles import load_dictionary

IMAGE_SHAPE = (32, 32, 3)
_ROW = 3 * 32 * 32  # red, green and blue planes, each row by row


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


class PixelBatch(NamedTuple):
    """Images (n, 32, 32, 3) uint8, a view of the rows in the file; labels (n,) int32 from 0."""

    x: NDArray[np.uint8]
    y: NDArray[np.int32]


def read_batch(file: IO[bytes], origin: str, layout: Layout) -> PixelBatch:
    """Read one batch file: a pickled dictionary with `data` (n, 3072) uint8 and labels.

    Raises `DatasetError`, naming the file as `origin`, for whatever else it holds.
    """
    content = load_dictionary(file, origin)
    lacking = [name for name in ("data", layout.labels) if name not in content]
    if lacking:
        raise damaged(origin, f"an entry {lacking[0]!r}", f"the entries {sorted(content)}")
    rows = content["data"]
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8:
        raise damaged(origin, "data of dtype uint8", f"{getattr(rows, 'dtype', type(rows))}")
    if rows.ndim != 2 or rows.shape[1] != _ROW or len(rows) == 0:
        raise damaged(origin, f"data of shape (n, {_ROW})", f"shape {rows.shape}")
    labels = _labels(content[layout.labels], len(rows), origin, layout)
    return PixelBatch(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels)


def _labels(values: object, count: int, origin: str, layout: Layout) -> NDArray[np.int32]:
    try:
        labels = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise damaged(origin, f"{count} integer labels", str(error)) from error
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        found = f"{labels.dtype} of shape {labels.shape}"
        raise damaged(origin, f"{count} integer labels, one per image", found)
    last = layout.first + layout.classes - 1
    if not layout.first <= labels.min() <= labels.max() <= last:
        found = f"labels from {labels.min()} to {labels.max()}"
        raise damaged(origin, f"labels from {layout.first} to {last}", found)
    return (labels - layout.first).astype(np.int32)


def read_folder(folder: Path, names: Sequence[str], layout: Layout) -> Iterator[PixelBatch]:
    """Read batch files of a folder one after another, in the order of `names`.

    Raises `DatasetError` that names the file.
    """
    for name in names:
        path = folder / name
        with _reported(path), path.open("rb") as file:
            yield read_batch(file, str(path), layout)


def read_archive(
    path: Path, folder: str, names: Sequence[str], layout: Layout
) -> Iterator[PixelBatch]:
    """Read batch files out of the `folder` in a .tar.gz, in the order of `names`.

    Nothing is unpacked to disk. Raises `DatasetError` that names the archive and the file in it.
    """
    wanted = {f"{folder}/{name}": name for name in names}
    found = {}
    with _reported(path), tarfile.open(path, "r:gz") as archive:
        # In the archive's order: to go back in a compressed file is to start it again.
        for member in archive:
            file = archive.extractfile(member) if member.name in wanted else None
            if file is not None:
                origin = f"{member.name} in {path}"
                found[wanted[member.name]] = read_batch(file, origin, layout)
    lacking = [name for name in names if name not in found]
    if lacking:
        raise damaged(path, f"an archive with {folder}/{lacking[0]}", "no such file in it")
    return (found.pop(name) for name in names)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what a missing or damaged file raises into an error that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(f"there is no {path}: put the whole data set there") from error
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        found = f"{type(error).__name__}: {error}"
        raise damaged(path, "a readable file", found) from error
