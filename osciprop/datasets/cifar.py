"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), from their Python batch files."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .cache import Source, fetch
from .dataset import Dataset
from .errors import DatasetError
from .folders import VARIABLE, Folder, supplied_folder
from .opening import is_file, is_folder, others
from .pixel_batches import (
    IMAGE_SHAPE,
    Layout,
    PixelBatch,
    batches_in,
    read_archive,
    read_batches,
)

CIFAR10 = Source(
    name="cifar10",
    base_url="https://www.cs.toronto.edu/~kriz",
    registry={
        "cifar-10-python.tar.gz": (
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
        ),
    },
    limit=1 << 28,  # the file has 2 ** 27.3 bytes
)
CIFAR100 = Source(
    name="cifar100",
    base_url="https://www.cs.toronto.edu/~kriz",
    registry={
        "cifar-100-python.tar.gz": (
            "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
        ),
    },
    limit=1 << 28,
)


class Files(NamedTuple):
    """The names in which a data set is handed out, and how its labels are written."""

    archive: str
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    layout: Layout


CIFAR10_FILES = Files(
    archive="cifar-10-python.tar.gz",
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    layout=Layout("labels", 10),
)
CIFAR100_FILES = Files(
    archive="cifar-100-python.tar.gz",
    folder="cifar-100-python",
    train=("train",),
    test=("test",),
    layout=Layout("fine_labels", 100),
)


def cifar10(
    cache: Folder | None = None, *, folder: Folder | None = None, source: Source = CIFAR10
) -> Dataset:
    """Load CIFAR-10: colour images in 10 classes, canonical order.

    Labels 0..9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Args:
        cache: Where neither `folder` nor `OSCIPROP_DATA` is given, the archive is downloaded into
            this folder once and verified by checksum; None for the user's cache folder.
        folder: Where the data are, as the folder `cifar-10-batches-py` or the archive
            `cifar-10-python.tar.gz`, there or in its sub-folder `cifar10`. Nothing is written
            there. None for the folder that the environment variable `OSCIPROP_DATA` names, if any.
        source: The server and the checksums, for mirrors and tests.

    Returns:
        50000 training and 10000 test images, uint8 `(n, 32, 32, 3)`.

    Raises:
        DatasetError: files are missing, damaged, out of reach, or ask to run code.

    Source: Krizhevsky 2009, Learning multiple layers of features from tiny images.

    Example:
        >>> osciprop.datasets.cifar10(folder="nowhere")
        Traceback (most recent call last):
        ...
        osciprop.datasets.errors.DatasetError: no cifar10 data in nowhere...
    """
    return _load(source, CIFAR10_FILES, cache, folder)


def cifar100(
    cache: Folder | None = None, *, folder: Folder | None = None, source: Source = CIFAR100
) -> Dataset:
    """Load CIFAR-100: colour images in 100 classes, canonical order.

    Labels 0..99 are the fine ones, in the alphabetical order of their names.

    Args:
        cache: As for `cifar10`.
        folder: As for `cifar10`; the data are the folder `cifar-100-python` or the archive
            `cifar-100-python.tar.gz`, there or in its sub-folder `cifar100`.
        source: The server and the checksums, for mirrors and tests.

    Returns:
        50000 training and 10000 test images, uint8 `(n, 32, 32, 3)`.

    Raises:
        DatasetError: as for `cifar10`.

    Source: Krizhevsky 2009, Learning multiple layers of features from tiny images.

    Example:
        >>> osciprop.datasets.cifar100(folder="nowhere")
        Traceback (most recent call last):
        ...
        osciprop.datasets.errors.DatasetError: no cifar100 data in nowhere...
    """
    return _load(source, CIFAR100_FILES, cache, folder)


def _load(source: Source, files: Files, cache: Folder | None, folder: Folder | None) -> Dataset:
    supplied = supplied_folder(folder)
    place = fetch(source, cache)[0] if supplied is None else find_batches(supplied, source, files)
    batches = list(_read(place, files))
    train, test = batches[: len(files.train)], batches[len(files.train) :]
    return Dataset(
        name=source.name,
        x_train=np.concatenate([batch.x for batch in train]),
        y_train=np.concatenate([batch.y for batch in train]),
        x_test=np.concatenate([batch.x for batch in test]),
        y_test=np.concatenate([batch.y for batch in test]),
        num_classes=files.layout.classes,
        image_shape=IMAGE_SHAPE,
    )


def _read(place: Path, files: Files) -> Iterator[PixelBatch]:
    names = (*files.train, *files.test)
    if is_folder(place):
        return read_batches(batches_in(place, names), files.layout)
    return read_archive(place, files.folder, names, files.layout)


def find_batches(folder: Path, source: Source, files: Files) -> Path:
    """Return the folder of batch files, else the archive, in the folder that the user named."""
    places = (folder, folder / source.name)
    for place in places:
        if is_folder(place / files.folder):
            return place / files.folder
        if is_file(place / files.archive):
            return place / files.archive
    named = others(place / name for place in places for name in (files.folder, files.archive))
    raise DatasetError(
        f"no {source.name} data in {folder}{named}: looked for the folder {files.folder} and the "
        f"archive {files.archive}, there and in its sub-folder {source.name}. Put one of them "
        f"there (it can be had from {source.url(files.archive)}), or neither pass folder= nor set "
        f"{VARIABLE} to download it into the cache folder"
    )
