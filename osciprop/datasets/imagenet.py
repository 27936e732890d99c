"""ImageNet at 32x32 pixels (Chrabaszcz et al. 2017, arXiv 1707.08819), memory-mapped."""

import logging
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from .dataset import Dataset
from .errors import DatasetError
from .folders import VARIABLE, Folder, cache_folder, supplied_folder
from .pixel_batches import IMAGE_SHAPE, Layout, read_folder

NAME = "imagenet32"
_TRAIN = tuple(f"train_data_batch_{number}" for number in range(1, 11))
_TEST = ("val_data",)
_LAYOUT = Layout("labels", classes=1000, first=1)
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_logger = logging.getLogger(__name__)


def imagenet32(cache: Folder | None = None, *, folder: Folder | None = None) -> Dataset:
    """Load ImageNet 32x32: colour images in 1000 classes, memory-mapped.

    Labels 0..999 are those of the files, 1..1000, less one; the validation images are the test set.
    At the first call the batch files are unpacked, one after another, into the cache folder (4 GB,
    written whole or not at all; no more than two files, 0.8 GB, are in memory at a time), later
    calls open what is there. Nothing is downloaded: the files are handed out after registration.

    Args:
        cache: Where the unpacked arrays go, as `imagenet32/x_train.npy` and so on; None for the
            user's cache folder. Remove that folder to unpack again, for instance from other files.
        folder: Holds `train_data_batch_1` ... `train_data_batch_10` and `val_data`, itself or in
            its sub-folder `imagenet32`; None for the folder that the environment variable
            `OSCIPROP_DATA` names. It is needed at the first call only; nothing is written there.

    Returns:
        1281167 training and 50000 validation images, uint8 `(n, 32, 32, 3)`.

    Raises:
        DatasetError: files are missing or damaged, or the unpacked arrays cannot be stored or
            opened.

    Source: Chrabaszcz et al. 2017, arXiv 1707.08819.

    Example:
        >>> osciprop.datasets.imagenet32(cache="here", folder="nowhere")
        Traceback (most recent call last):
        ...
        osciprop.datasets.errors.DatasetError: no ImageNet 32x32 data: looked in nowhere...
    """
    unpacked = cache_folder(cache, NAME)
    if not unpacked.is_dir():
        _unpack(find_batches(supplied_folder(folder)), unpacked)
    try:
        arrays = {name: np.load(unpacked / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return Dataset(name=NAME, **arrays, num_classes=_LAYOUT.classes, image_shape=IMAGE_SHAPE)
    except (OSError, EOFError, ValueError) as error:
        raise DatasetError(
            f"the unpacked arrays in {unpacked} are damaged ({error}): remove that folder, and the "
            "next call unpacks the batch files again"
        ) from error


def find_arrays(cache: Folder | None) -> list[Path]:
    """Return the files of the unpacked arrays, none if they are not there."""
    files = [cache_folder(cache, NAME) / f"{name}.npy" for name in _ARRAYS]
    return [file for file in files if file.is_file()]


def find_batches(folder: Path | None) -> Path:
    """Return the folder of batch files, all of which are there."""
    places = [] if folder is None else [folder, folder / NAME]
    for place in places:
        if all((place / name).is_file() for name in (*_TRAIN, *_TEST)):
            return place
    looked = " and ".join(map(str, places)) or "no folder, for none was named"
    raise DatasetError(
        f"no ImageNet 32x32 data: looked in {looked} for all of {_TRAIN[0]} ... "
        f"{_TRAIN[-1]} and {_TEST[0]}. Register at https://www.image-net.org, download the "
        "training and validation data of 'Downsampled ImageNet, 32x32' for Python, unpack "
        f"them into one folder, and pass it as folder= or name it in {VARIABLE}"
    )


def batch_files(folder: Path | None) -> list[Path]:
    """Return the batch files in the folder that the user named, all of which are there."""
    place = find_batches(folder)
    return [place / name for name in (*_TRAIN, *_TEST)]


def _unpack(source: Path, target: Path) -> None:
    """Write the four arrays to the folder `target`, which appears once they are complete."""
    # A name of its own, because several processes may start at once.
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        _check_space(source, target)
        _warn_of_others(part, target)
        _write(source, _TRAIN, part / "x_train.npy", part / "y_train.npy")
        _write(source, _TEST, part / "x_test.npy", part / "y_test.npy")
        os.rename(part, target)
    except OSError as error:
        if not target.is_dir():  # otherwise another process was faster
            raise _cannot_store(target, str(error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_space(source: Path, target: Path) -> None:
    """Raise `DatasetError` for a full disk, which would kill a process that writes to a mapping."""
    needed = sum((source / name).stat().st_size for name in (*_TRAIN, *_TEST))
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise _cannot_store(target, f"{needed} bytes are needed and {free} are free")


def _warn_of_others(part: Path, target: Path) -> None:
    for other in target.parent.glob(f"{target.name}.*.part"):
        if other != part:
            _logger.warning("%s may be left from a crash: remove it if nothing unpacks now", other)


def _write(source: Path, names: Sequence[str], images: Path, labels: Path) -> None:
    # The files are read twice, so that their images need not be held until they are counted.
    y = np.concatenate([batch.y for batch in read_folder(source, names, _LAYOUT)])
    np.save(labels, y)
    x = open_memmap(images, mode="w+", dtype=np.uint8, shape=(len(y), *IMAGE_SHAPE))
    start = 0
    for batch in read_folder(source, names, _LAYOUT):
        x[start : start + len(batch.x)] = batch.x
        start += len(batch.x)
    x.flush()


def _cannot_store(target: Path, problem: str) -> DatasetError:
    return DatasetError(
        f"cannot store {target}: {problem}. Free some space, make the folder writable, or pass "
        "another folder as cache="
    )
