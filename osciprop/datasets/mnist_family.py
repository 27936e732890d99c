"""MNIST and Fashion-MNIST."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .cache import Source, fetch
from .dataset import Dataset
from .errors import DatasetError
from .files import IMAGE_SHAPE, NUM_CLASSES, find, read
from .folders import VARIABLE, Folder, supplied_folder

MNIST = Source(
    name="mnist",
    base_url="https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    registry={
        "mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    },
    limit=1 << 26,  # the file has 2 ** 23.5 bytes
)
FASHION_MNIST = Source(
    name="fashion_mnist",
    base_url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    registry={
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    },
    limit=1 << 26,  # the largest file has 2 ** 24.7 bytes
)
# The two data sets share file names and shapes; their first training labels tell them apart.
_FIRST_LABELS = {
    MNIST.name: (5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
    FASHION_MNIST.name: (9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
}


def mnist(cache: Folder | None = None, *, source: Source = MNIST) -> Dataset:
    """Load MNIST: handwritten digits, 28x28, canonical order, pixels / 255.

    The data come from the folder that the environment variable `OSCIPROP_DATA` names, if it is
    set; nothing is ever written there.

    Args:
        cache: Where that is not set, files are downloaded into this folder once and verified by
            checksum; None for the user's cache folder.
        source: The server and the checksums, for mirrors and tests.

    Returns:
        60000 training and 10000 test images, float32 `(n, 784)`.

    Raises:
        DatasetError: files are missing, damaged or out of reach.

    Source: LeCun, Bottou, Bengio and Haffner 1998.

    Example:
        >>> osciprop.datasets.mnist().x_train.shape  # doctest: +SKIP
        (60000, 784)
    """
    return _load(source, cache)


def fashion_mnist(cache: Folder | None = None, *, source: Source = FASHION_MNIST) -> Dataset:
    """Load Fashion-MNIST: pictures of clothes, 28x28, canonical order, pixels / 255.

    Labels 0..9: T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle
    boot. Places are those of `mnist`.

    Args:
        cache: As for `mnist`.
        source: The server and the checksums, for mirrors and tests.

    Returns:
        60000 training and 10000 test images, float32 `(n, 784)`.

    Raises:
        DatasetError: as for `mnist`.

    Source: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747.

    Example:
        >>> osciprop.datasets.fashion_mnist().x_test.shape  # doctest: +SKIP
        (10000, 784)
    """
    return _load(source, cache)


def _load(source: Source, cache: Folder | None) -> Dataset:
    folder = supplied_folder(None)
    raw = read(fetch(source, cache) if folder is None else _supplied(folder, source))
    _check_identity(source.name, raw.y_train)
    return Dataset(
        name=source.name,
        x_train=_scaled(raw.x_train),
        y_train=raw.y_train.astype(np.int32),
        x_test=_scaled(raw.x_test),
        y_test=raw.y_test.astype(np.int32),
        num_classes=NUM_CLASSES,
        image_shape=IMAGE_SHAPE,
    )


def _supplied(folder: Path, source: Source) -> list[Path]:
    """Find the files in the folder that the environment variable names."""
    try:
        return find(folder, source.name)
    except DatasetError as error:
        addresses = ", ".join(map(source.url, source.registry))
        raise DatasetError(
            f"{VARIABLE}={folder}: {error}. Put the data there (they can be had from "
            f"{addresses}), or unset {VARIABLE} to download them into the cache folder"
        ) from error


def _check_identity(name: str, labels: NDArray[np.uint8]) -> None:
    """Refuse files that hold the other data set under the right names."""
    first = tuple(labels[:10].tolist())
    for other, known in _FIRST_LABELS.items():
        if other != name and first == known:
            raise DatasetError(
                f"the files found for {name} hold {other} (first labels {first}): put the files "
                f"of each data set into a sub-folder of its own, named {name} or {other}"
            )


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, 28, 28) bytes as (n, 784) float32 in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
