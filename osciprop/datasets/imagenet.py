"""ImageNet at 32x32 pixels (Chrabaszcz et al. 2017, arXiv 1707.08819), memory-mapped."""

import logging
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from .dataset import Dataset
from .errors import DatasetError
from .folders import VARIABLE, Folder, cache_folder, supplied_folder
from .npz import unpacked_size
from .opening import irregular, is_file, is_folder, others
from .pixel_batches import IMAGE_SHAPE, Layout, read_batches

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
        folder: Holds `train_data_batch_1` ... `train_data_batch_10` and `val_data`, as they are or
            with the ending `.npz`, itself or in its sub-folder `imagenet32`; None for the folder
            that the environment variable `OSCIPROP_DATA` names. It is needed at the first call
            only; nothing is written there.

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
    if not is_folder(unpacked):
        if (kind := irregular(unpacked)) is not None or is_file(unpacked):
            raise _cannot_store(unpacked, f"{kind or 'a file'} stands there")
        _unpack(find_batches(supplied_folder(folder)), unpacked)
    try:
        arrays = {name: _mapped(unpacked / f"{name}.npy") for name in _ARRAYS}
        return Dataset(name=NAME, **arrays, num_classes=_LAYOUT.classes, image_shape=IMAGE_SHAPE)
    except Exception as error:  # damaged headers can lead NumPy into any mistake
        raise DatasetError(
            f"the unpacked arrays in {unpacked} are damaged ({error}): remove that folder, and the "
            "next call unpacks the batch files again"
        ) from error


def _mapped(path: Path) -> Any:
    if (found := irregular(path)) is not None:  # a named pipe would be waited for
        raise ValueError(f"{path.name} is {found}")
    return open_memmap(path, mode="r")


def find_arrays(cache: Folder | None) -> list[Path]:
    """Return the files of the unpacked arrays, none if they are not there."""
    files = [cache_folder(cache, NAME) / f"{name}.npy" for name in _ARRAYS]
    return [file for file in files if is_file(file)]


def find_batches(folder: Path | None) -> list[Path]:
    """Return the batch files, all of which are there; the last is for tests."""
    places = [] if folder is None else [folder, folder / NAME]
    notes = []
    for place in places:
        spellings = [(place / name, place / f"{name}.npz") for name in (*_TRAIN, *_TEST)]
        found = [next(filter(is_file, paths), None) for paths in spellings]
        there = [path for path in found if path is not None]
        if len(there) == len(found):
            return there
        unusable = others(path for paths in spellings for path in paths)
        if there or unusable:
            lacking = [
                paths[0].name for paths, path in zip(spellings, found, strict=True) if path is None
            ]
            notes.append(f"; in {place} there is no {', no '.join(lacking)}{unusable}")
    looked = " and ".join(map(str, places)) or "no folder, for none was named"
    raise DatasetError(
        f"no ImageNet 32x32 data: looked in {looked} for all of {_TRAIN[0]} ... "
        f"{_TRAIN[-1]} and {_TEST[0]}, as they are or with the ending .npz{''.join(notes)}. "
        "Register at https://www.image-net.org, download the training and validation data of "
        "'Downsampled ImageNet, 32x32', for Python or as npz, unpack them into one folder, and "
        f"pass it as folder= or name it in {VARIABLE}"
    )


def _unpack(batches: Sequence[Path], target: Path) -> None:
    """Write the four arrays to the folder `target`, which appears once they are complete."""
    train, test = batches[: len(_TRAIN)], batches[len(_TRAIN) :]
    # A name of its own, because several processes may start at once.
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        _check_space(batches, target)
        _warn_of_others(part, target)
        _write(train, part / "x_train.npy", part / "y_train.npy")
        _write(test, part / "x_test.npy", part / "y_test.npy")
        os.rename(part, target)
    except OSError as error:
        if not is_folder(target):  # otherwise another process was faster
            raise _cannot_store(target, str(error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_space(batches: Sequence[Path], target: Path) -> None:
    """Raise `DatasetError` for a full disk, which would kill a process that writes to a mapping."""
    needed = sum(map(_size, batches))
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise _cannot_store(target, f"{needed} bytes are needed and {free} are free")


def _size(batch: Path) -> int:
    """How many bytes a batch file takes when it is unpacked."""
    if batch.suffix == ".npz":
        return unpacked_size(batch, _LAYOUT.entries)
    return batch.stat().st_size


def _warn_of_others(part: Path, target: Path) -> None:
    for other in target.parent.glob(f"{target.name}.*.part"):
        if other != part:
            _logger.warning("%s may be left from a crash: remove it if nothing unpacks now", other)


def _write(batches: Sequence[Path], images: Path, labels: Path) -> None:
    # The files are read twice, so that their images need not be held until they are counted.
    y = np.concatenate([batch.y for batch in read_batches(batches, _LAYOUT)])
    np.save(labels, y)
    x = open_memmap(images, mode="w+", dtype=np.uint8, shape=(len(y), *IMAGE_SHAPE))
    start = 0
    for batch in read_batches(batches, _LAYOUT):
        x[start : start + len(batch.x)] = batch.x
        start += len(batch.x)
    x.flush()


def _cannot_store(target: Path, problem: str) -> DatasetError:
    return DatasetError(
        f"cannot store {target}: {problem}. Free some space, make the folder writable, or pass "
        "another folder as cache="
    )
