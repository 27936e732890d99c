"""Finding and reading MNIST-like files: Keras' `.npz` layout or the four original IDX files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, damaged
from .idx import read_idx
from .npz import read_arrays
from .opening import is_file, others

NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28)
_IDX_STEMS = (
    ("train-images", "idx3-ubyte"),
    ("train-labels", "idx1-ubyte"),
    ("t10k-images", "idx3-ubyte"),
    ("t10k-labels", "idx1-ubyte"),
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
    archives = [place / f"{name}.npz" for place in (folder, *own)]
    for archive in archives:
        if is_file(archive):
            return [archive]
    torchvision = folder / _torchvision(name) / "raw"
    places = (*own, torchvision, folder)
    incomplete = ""
    for place in places:
        found = [next(filter(is_file, _spellings(place, *parts)), None) for parts in _IDX_STEMS]
        complete = [path for path in found if path is not None]
        if len(complete) == len(_IDX_STEMS):
            return complete
        if complete:
            pairs = zip(_IDX_STEMS, found, strict=True)
            lacking = [stem for (stem, _), path in pairs if path is None]
            incomplete += f" (in {place} there is no {', no '.join(lacking)} file)"
    files = (path for place in places for stem in _IDX_STEMS for path in _spellings(place, *stem))
    raise DatasetError(
        f"no {name} data in {folder}{incomplete}{others([*archives, *files])}: looked for "
        f"{name}.npz or the four IDX files {', '.join('-'.join(parts) for parts in _IDX_STEMS)} "
        "(each with or without .gz; also written like train-images.idx3-ubyte), there and in its "
        f"sub-folder {name}, and for the IDX files in {_torchvision(name)}/raw"
    )


def _torchvision(name: str) -> str:
    """What torchvision calls the folder of a data set: MNIST, FashionMNIST."""
    *words, last = name.split("_")
    return "".join(map(str.capitalize, words)) + last.upper()


def _spellings(folder: Path, stem: str, kind: str) -> Iterator[Path]:
    for separator in "-.":
        for ending in ("", ".gz"):
            yield folder / f"{stem}{separator}{kind}{ending}"


def read(paths: Sequence[Path]) -> Raw:
    """Read one `.npz` file, or four IDX files in the order of `Raw`'s fields, and verify them.

    Raises `DatasetError` that names the file, what was expected and what was found.
    """
    if len(paths) == 1:
        raw = Raw(*read_arrays(paths[0], Raw._fields))
        origins = [f"{part} in {paths[0]}" for part in Raw._fields]
    else:
        raw, origins = Raw(*map(read_idx, paths)), [str(path) for path in paths]
    _verify(raw, origins)
    return raw


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
