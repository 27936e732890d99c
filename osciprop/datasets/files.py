"""Finding and reading MNIST-like files: Keras' `.npz` layout or the four original IDX files."""

import gzip
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, damaged

NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28)
_IDX_UBYTE = 0x08
_IDX_STEMS = (
    ("train-images", "idx3-ubyte"),
    ("train-labels", "idx1-ubyte"),
    ("t10k-images", "idx3-ubyte"),
    ("t10k-labels", "idx1-ubyte"),
)
# What a damaged file makes `open`, gzip, zipfile and NumPy raise.
_DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


class Raw(NamedTuple):
    """The four arrays as stored: images (n, 28, 28) uint8, labels (n,) uint8 in 0..9."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


def find(folder: Path, name: str) -> list[Path]:
    """Return the `.npz` file or the four IDX files of data set `name` in `folder`.

    Sub-folders named after the data set come before loose IDX files, whose standard names are
    the same for every MNIST-like data set. Raises `DatasetError` that lists what was looked for.
    """
    own = [folder / name, folder / name.replace("_", "-")]
    for place in (folder, *own):
        if (place / f"{name}.npz").is_file():
            return [place / f"{name}.npz"]
    incomplete = ""
    for place in (*own, folder):
        found = [_first_file(place, stem, kind) for stem, kind in _IDX_STEMS]
        complete = [path for path in found if path is not None]
        if len(complete) == len(_IDX_STEMS):
            return complete
        if complete:
            pairs = zip(_IDX_STEMS, found, strict=True)
            lacking = [stem for (stem, _), path in pairs if path is None]
            incomplete = f" (in {place} there is no {', no '.join(lacking)} file)"
    raise DatasetError(
        f"no {name} data in {folder}{incomplete}: looked for {name}.npz or the four IDX files "
        f"{', '.join('-'.join(parts) for parts in _IDX_STEMS)} (each with or without .gz; also "
        f"written like train-images.idx3-ubyte), there and in its sub-folder {name}"
    )


def _first_file(folder: Path, stem: str, kind: str) -> Path | None:
    return next((p for p in _spellings(folder, stem, kind) if p.is_file()), None)


def _spellings(folder: Path, stem: str, kind: str) -> Iterator[Path]:
    for separator in "-.":
        for ending in ("", ".gz"):
            yield folder / f"{stem}{separator}{kind}{ending}"


def read(paths: Sequence[Path]) -> Raw:
    """Read one `.npz` file, or four IDX files in the order of `Raw`'s fields, and verify them.

    Raises `DatasetError` that names the file, what was expected and what was found.
    """
    if len(paths) == 1:
        raw, origins = read_npz(paths[0]), [f"{part} in {paths[0]}" for part in Raw._fields]
    else:
        raw, origins = Raw(*map(read_idx, paths)), [str(path) for path in paths]
    _verify(raw, origins)
    return raw


def read_npz(path: Path) -> Raw:
    """Read `x_train, y_train, x_test, y_test` from an archive, without checking their contents."""
    expected = f"a NumPy .npz archive of the arrays {', '.join(Raw._fields)}"
    try:
        # Opened here, because np.load leaves its own file handle open if the archive is damaged.
        with open(path, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            with archive:
                return Raw(*(archive[part] for part in Raw._fields))
    except _DAMAGE as error:
        raise damaged(path, expected, f"{type(error).__name__}: {error}") from error


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not, of any number of dimensions."""
    expected = "an IDX file of unsigned bytes, plain or gzipped"
    try:
        content = path.read_bytes()
        # By content, not by name: browsers unpack downloads without renaming them.
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except _DAMAGE as error:
        raise damaged(path, expected, f"{type(error).__name__}: {error}") from error
    if content[:3] != bytes([0, 0, _IDX_UBYTE]) or len(content) < _header_size(content):
        raise damaged(path, expected, f"{len(content)} bytes that start with {content[:4]!r}")
    start = _header_size(content)
    shape = np.frombuffer(content[4:start], dtype=">u4").tolist()
    size = start + math.prod(shape)
    if len(content) != size:
        raise damaged(path, f"{size} bytes, as its header says", f"{len(content)} bytes")
    return np.frombuffer(content, dtype=np.uint8)[start:].reshape(shape)


def _header_size(content: bytes) -> int:
    """Magic number, whose fourth byte counts the dimensions, and four bytes per dimension."""
    return 4 + 4 * content[3] if len(content) > 3 else 4


def _verify(raw: Raw, origins: Sequence[str]) -> None:
    """Check dtypes, shapes and labels of all four arrays."""
    train_images, train_labels, test_images, test_labels = origins
    _verify_images(raw.x_train, train_images)
    _verify_images(raw.x_test, test_images)
    _verify_labels(raw.y_train, len(raw.x_train), train_labels)
    _verify_labels(raw.y_test, len(raw.x_test), test_labels)


def _verify_images(x: NDArray[np.uint8], origin: str) -> None:
    if x.dtype != np.uint8 or x.shape[1:] != IMAGE_SHAPE or len(x) == 0:
        raise damaged(origin, "uint8 images of shape (n, 28, 28)", f"{x.dtype} {x.shape}")


def _verify_labels(y: NDArray[np.uint8], count: int, origin: str) -> None:
    if not np.issubdtype(y.dtype, np.integer) or y.shape != (count,):
        raise damaged(origin, f"integer labels of shape ({count},)", f"{y.dtype} {y.shape}")
    if not 0 <= y.min() <= y.max() < NUM_CLASSES:
        raise damaged(origin, "labels 0..9", f"labels from {y.min()} to {y.max()}")
