"""A data set: arrays in memory, or memory-mapped files."""

import math
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from .checks import (
    Answers,
    Inputs,
    check_inputs,
    check_integer,
    check_same_length,
    check_targets,
)

NOTHING: Any = ()


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and test samples of a task: classes to be told apart, or numbers to be reached.

    Args:
        name: What the data are called, e.g. "mnist".
        x_train: Training samples: real numbers `(n, ...)`, finite, kept as float32 or float64; or
            uint8 `(n, height, width, channels)`, pixels as they are stored. Images of bytes may be
            memory-mapped: nothing is copied, nor read before it is needed.
        y_train: Their targets: integer labels `(n,)`, kept as int32; or numbers to be reached,
            `(n, outputs)`, or `(n,)` for one.
        x_test: Test samples, of the same kind as the training samples; empty for none.
        y_test: Their targets.
        num_classes: Number of classes; 0 for as many as there are labels. Stays 0 for numbers.
        image_shape: `x.reshape(-1, *image_shape)` gives the images back; () for the shape that
            samples have.

    Raises:
        ValueError: the arrays do not fit this description; the message says how to convert them.

    Example:
        >>> rows = x.astype(np.float32)
        >>> data = osciprop.datasets.Dataset("mine", rows, y, rows[:2], y[:2], image_shape=(2, 2))
        >>> data.num_features, data.subset(train=5)
        (4, Dataset('mine': 5 train + 2 test samples, 4 features (2x2), 3 classes))
        >>> osciprop.datasets.Dataset("numbers", rows, rows[:, :1])
        Dataset('numbers': 10 train + 0 test samples, 4 features (4), 1 target each)
    """

    name: str
    x_train: Inputs
    y_train: Answers
    x_test: Inputs = NOTHING
    y_test: Answers = NOTHING
    num_classes: int = 0
    image_shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._keep(name=str(self.name))
        self._keep(x_train=check_inputs("x_train", self.x_train))
        self._keep(y_train=check_targets("y_train", self.y_train))
        check_same_length("x_train", len(self.x_train), "y_train", len(self.y_train))
        if _is_empty(self.x_test) != _is_empty(self.y_test):
            given, lacking = ("x", "y") if _is_empty(self.y_test) else ("y", "x")
            raise ValueError(
                f"{given}_test is given and {lacking}_test is empty: give both, or neither"
            )
        if _is_empty(self.x_test):
            self._keep(x_test=self.x_train[:0], y_test=self.y_train[:0])
        else:
            self._keep(x_test=check_inputs("x_test", self.x_test))
            self._keep(y_test=check_targets("y_test", self.y_test))
            check_same_length("x_test", len(self.x_test), "y_test", len(self.y_test))
            self._check_alike("x", self.x_train, self.x_test)
            self._check_alike("y", self.y_train, self.y_test)
        self._count_classes()
        self._shape_images()

    def _keep(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # the way into a frozen dataclass

    def _check_alike(self, name: str, train: Any, test: Any) -> None:
        kinds = [(array.dtype.kind, array.shape[1:]) for array in (train, test)]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"{name}_train holds samples of {train.dtype} {train.shape[1:]} and {name}_test of "
                f"{test.dtype} {test.shape[1:]}: give both in the same form"
            )

    def _count_classes(self) -> None:
        """Check labels against the number of classes, which they tell if it is not given."""
        answers = [y for y in (self.y_train, self.y_test) if len(y)]
        if self.y_train.dtype != np.int32:
            if self.num_classes:
                raise ValueError(
                    f"num_classes={self.num_classes} but y_train holds {self.y_train.dtype} "
                    "numbers: convert labels, e.g. by y_train.astype(np.int32), or leave "
                    "num_classes out for numbers to be reached"
                )
            return
        if self.num_classes == 0:
            self._keep(num_classes=max(2, 1 + max(int(y.max()) for y in answers)))
        count = check_integer("num_classes", self.num_classes, 1, None, "count the classes")
        for name, y in zip(("y_train", "y_test"), answers, strict=False):
            if not 0 <= y.min() <= y.max() < count:
                raise ValueError(
                    f"{name} holds labels from {y.min()} to {y.max()}, expected 0..{count - 1}: "
                    "renumber them, e.g. by np.unique(y, return_inverse=True)[1], or correct "
                    "num_classes"
                )

    def _shape_images(self) -> None:
        """Check the shape of images against the samples, which tell it if it is not given."""
        own = self.x_train.shape[1:]
        if isinstance(self.image_shape, tuple) and not self.image_shape:
            self._keep(image_shape=own)
            return
        try:
            shape = tuple(int(size) for size in self.image_shape)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"image_shape={self.image_shape!r} must be integers such as (28, 28)"
            ) from error
        images = self.x_train.dtype == np.uint8
        if shape != own if images else math.prod(shape) != self.num_features:
            raise ValueError(
                f"x_train holds samples of shape {own}, which are no images of "
                f"image_shape={shape}: correct image_shape, or reshape x_train"
            )
        self._keep(image_shape=shape)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        many = self.y_train.shape[-1]
        told = (
            f"{many} target{'s' * (many > 1)} each"
            if self.num_classes == 0
            else f"{self.num_classes} classes"
        )
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} train + {len(self.x_test)} test samples, "
            f"{self.num_features} features ({shape}), {told})"
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


def _is_empty(array: Any) -> bool:
    return array is None or (hasattr(array, "__len__") and len(array) == 0)


def _size(name: str, wanted: int | None, available: int) -> int:
    if wanted is None:
        return available
    return check_integer(name, wanted, 1, available, f"there are {available} {name} samples")
