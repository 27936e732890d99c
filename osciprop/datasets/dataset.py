"""A classification data set: arrays in memory, or memory-mapped files."""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from .checks import (
    Inputs,
    check_inputs,
    check_integer,
    check_labels,
    check_same_length,
)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and test samples of a classification task.

    Args:
        name: What the data are called, e.g. "mnist".
        x_train: Training samples: float32 `(n, features)`, finite, images flattened row by row; or
            uint8 `(n, height, width, channels)`, pixels as they are stored. Images of bytes may be
            memory-mapped: nothing is copied, nor read before it is needed.
        y_train: Their labels, int32 `(n,)`, from 0 to `num_classes - 1`.
        x_test: Test samples, of the same kind as the training samples.
        y_test: Their labels.
        num_classes: Number of classes.
        image_shape: `x.reshape(-1, *image_shape)` gives the images back;
            `(height, width, channels)` where they are kept as bytes.

    Raises:
        ValueError: the arrays do not fit this description.

    Example:
        >>> rows, labels = x.astype(np.float32), y.astype(np.int32)
        >>> data = osciprop.datasets.Dataset("mine", rows, labels, rows[:2], labels[:2], 3, (2, 2))
        >>> data.num_features, data.subset(train=5)
        (4, Dataset('mine': 5 train + 2 test samples, 4 features (2x2), 3 classes))
    """

    name: str
    x_train: NDArray[np.float32] | NDArray[np.uint8]
    y_train: NDArray[np.int32]
    x_test: NDArray[np.float32] | NDArray[np.uint8]
    y_test: NDArray[np.int32]
    num_classes: int
    image_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        check_integer("num_classes", self.num_classes, 1, None, "count the classes")
        for split, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            self._check_x(f"x_{split}", x)
            self._check_y(f"y_{split}", y)
            check_same_length(f"x_{split}", len(x), f"y_{split}", len(y))
        if self.x_train.dtype != self.x_test.dtype:
            raise ValueError(
                f"x_train is {self.x_train.dtype} and x_test {self.x_test.dtype}: give both as "
                "float32 rows, or both as uint8 images"
            )

    def _check_x(self, name: str, x: Inputs) -> None:
        array = check_inputs(name, x)
        if array.dtype == np.uint8:
            self._check_images(name, array)
            return
        features = math.prod(self.image_shape)
        if array.dtype != np.float32 or array.ndim != 2 or array.shape[1] != features:
            raise ValueError(
                f"{name} is {array.dtype} of shape {array.shape}, expected float32 of shape "
                f"(n, {features}) for image_shape={self.image_shape}: flatten and convert it, "
                f"or correct image_shape"
            )

    def _check_images(self, name: str, x: Inputs) -> None:
        if x.shape[1:] != tuple(self.image_shape):
            raise ValueError(
                f"{name} holds uint8 images of shape {x.shape[1:]}, expected {self.image_shape}, "
                "which is image_shape: correct image_shape (height, width, channels), or reshape it"
            )

    def _check_y(self, name: str, y: NDArray[np.int32]) -> None:
        labels = check_labels(name, y)
        if np.asarray(y).dtype != np.int32:
            raise ValueError(
                f"{name} has dtype {np.asarray(y).dtype}, expected int32: use .astype(np.int32)"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"{name} holds labels from {labels.min()} to {labels.max()}, expected "
                f"0..{self.num_classes - 1}: renumber them or correct num_classes"
            )

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} train + {len(self.x_test)} test samples, "
            f"{self.num_features} features ({shape}), {self.num_classes} classes)"
        )

    @property
    def num_features(self) -> int:
        """Number of inputs per sample."""
        return math.prod(self.x_train.shape[1:])

    def subset(self, *, train: int | None = None, test: int | None = None) -> "Dataset":
        """Return the first `train` training and first `test` test samples (None keeps them all).

        The order is kept and nothing is copied. Raises `ValueError` for a number below 1 or
        above what there is.
        """
        train = _size("train", train, len(self.x_train))
        test = _size("test", test, len(self.x_test))
        return replace(
            self,
            x_train=self.x_train[:train],
            y_train=self.y_train[:train],
            x_test=self.x_test[:test],
            y_test=self.y_test[:test],
        )


def _size(name: str, wanted: int | None, available: int) -> int:
    if wanted is None:
        return available
    return check_integer(name, wanted, 1, available, f"there are {available} {name} samples")
