"""CIFAR-10 from a copy that was compressed as JPEG, for where the original cannot be had."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset
from .errors import DatasetError, damaged
from .folders import VARIABLE, Folder, supplied_folder
from .npz import read_arrays
from .opening import is_file, others
from .pixel_batches import IMAGE_SHAPE

FILE = "cifar10_jpeg.npz"
_PARTS = ("jpeg", "offsets", "y_train", "y_test")
_CLASSES = 10


def cifar10_jpeg(*, folder: Folder | None = None) -> Dataset:
    """Load a JPEG copy of CIFAR-10: 50000 + 10000 images, shuffled.

    The images went through lossy compression, and a decoder may differ from another by a grey
    level: **accuracies are not strictly comparable to those on CIFAR-10**, and the order is not
    the canonical one. Labels are those of `cifar10`. Decoding takes some ten seconds at each call.

    Args:
        folder: Holds `cifar10_jpeg.npz`; None for the folder that the environment variable
            `OSCIPROP_DATA` names. Its arrays: `jpeg` uint8, all JPEG files joined, those of the
            training set first; `offsets` `(n + 1,)`, where each begins; `y_train` and `y_test`.

    Returns:
        The images, uint8 `(n, 32, 32, 3)`.

    Raises:
        DatasetError: the file is missing, damaged, or lacks images.

    Example:
        >>> osciprop.datasets.cifar10_jpeg(folder="nowhere")
        Traceback (most recent call last):
        ...
        osciprop.datasets.errors.DatasetError: no cifar10_jpeg.npz in nowhere...
    """
    supplied = supplied_folder(folder)
    if supplied is None or not is_file(supplied / FILE):
        place = supplied or "any folder, for none was named"
        instead = "" if supplied is None else others([supplied / FILE])
        raise DatasetError(
            f"no {FILE} in {place}{instead}: pass the folder that holds it as folder=, or name it "
            f"in {VARIABLE}"
        )
    path = supplied / FILE
    jpeg, offsets, y_train, y_test = _read(path)
    count = len(y_train) + len(y_test)
    _check_offsets(path, jpeg, offsets, count)
    x = np.empty((count, *IMAGE_SHAPE), np.uint8)
    content = jpeg.tobytes()
    for index in range(count):
        x[index] = _decode(content[offsets[index] : offsets[index + 1]], index, path)
    return Dataset(
        name="cifar10_jpeg",
        x_train=x[: len(y_train)],
        y_train=y_train.astype(np.int32),
        x_test=x[len(y_train) :],
        y_test=y_test.astype(np.int32),
        num_classes=_CLASSES,
        image_shape=IMAGE_SHAPE,
    )


def _read(path: Path) -> list[NDArray[np.integer]]:
    """The four arrays, of the right kinds."""
    arrays = read_arrays(path, _PARTS)
    for part, array in zip(_PARTS, arrays, strict=True):
        if not np.issubdtype(array.dtype, np.integer) or array.ndim != 1 or array.size == 0:
            found = f"{array.dtype} of shape {array.shape}"
            raise damaged(f"{part} in {path}", "integers of shape (n,), n >= 1", found)
    for part, labels in zip(_PARTS[2:], arrays[2:], strict=True):
        if not 0 <= labels.min() <= labels.max() < _CLASSES:
            found = f"labels from {labels.min()} to {labels.max()}"
            raise damaged(f"{part} in {path}", f"labels 0..{_CLASSES - 1}", found)
    return arrays


def _check_offsets(
    path: Path, jpeg: NDArray[np.integer], offsets: NDArray[np.integer], count: int
) -> None:
    if jpeg.dtype != np.uint8:
        raise damaged(f"jpeg in {path}", "bytes (uint8)", f"{jpeg.dtype}")
    if len(offsets) != count + 1:
        expected = f"{count + 1} offsets for {count} labels"
        raise damaged(f"offsets in {path}", expected, f"{len(offsets)} for {len(offsets) - 1}")
    # Not their difference, which is never negative for unsigned numbers.
    rising = np.all(offsets[1:] > offsets[:-1])
    if offsets[0] != 0 or offsets[-1] != len(jpeg) or not rising:
        expected = f"offsets that rise from 0 to the {len(jpeg)} bytes of jpeg"
        raise damaged(f"offsets in {path}", expected, f"{offsets[0]} to {offsets[-1]}")


def _decode(content: bytes, index: int, path: Path) -> NDArray[np.uint8]:
    # Pillow comes with matplotlib; imported here because only this function needs it.
    from PIL import Image

    origin, size = f"image {index} in {path}", IMAGE_SHAPE[:2]
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            if image.size != size:  # before it is unpacked, which may be to any size
                raise damaged(origin, f"{size} pixels", f"{image.size}")
            return np.asarray(image.convert("RGB"))
    except DatasetError:
        raise
    except Exception as error:  # damaged bytes lead a decoder into any kind of mistake
        raise damaged(origin, "a JPEG file", f"{type(error).__name__}: {error}") from error
