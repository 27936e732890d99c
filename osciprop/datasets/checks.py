"""Checks that inputs and labels are usable; each error names the argument and the remedy."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Samples on the leading axis: real numbers of any shape, or images of bytes (n, h, w, channels).
Inputs: TypeAlias = NDArray[np.floating[Any]] | NDArray[np.uint8]


def check_inputs(name: str, x: ArrayLike) -> Inputs:
    """Return `x` as a finite floating array, or as it is if it holds images of bytes.

    Images are uint8 of shape (n, height, width, channels); nothing of them is read or copied, so
    that a memory-mapped array stays one. Either kind has at least one sample on its leading axis.
    Raises `ValueError` for another dtype, an empty or zero-dimensional array, NaN or infinity.
    """
    array = np.asarray(x)
    is_images = array.dtype == np.uint8 and array.ndim == 4
    if not is_images and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"{name} has dtype {array.dtype} and shape {array.shape}, expected a real floating "
            "dtype, or uint8 images of shape (n, height, width, channels): "
            f"convert (and scale) it, e.g. np.asarray({name}, np.float32) / 255"
        )
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (n, features) with n >= 1: "
            "pass at least one sample"
        )
    if is_images:
        return array
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name} is {array[index]} at index {index} and must be finite: "
            "remove or repair such samples first"
        )
    return array


def check_labels(name: str, y: ArrayLike) -> NDArray[np.int32]:
    """Return `y` as int32 of shape (n,).

    Raises `ValueError` for labels that are not integers, not one-dimensional, or beyond int32.
    """
    array = np.asarray(y)
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} has dtype {array.dtype}, expected integer class labels: "
            f"convert them, e.g. np.asarray({name}).astype(np.int32)"
        )
    if array.ndim != 1:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (n,): "
            f"turn one-hot rows into labels with np.argmax({name}, axis=1)"
        )
    labels = array.astype(np.int32)
    if not np.array_equal(labels, array):
        raise ValueError(
            f"{name} holds labels from {array.min()} to {array.max()}, beyond int32: "
            "number the classes 0, 1, 2, ..."
        )
    return labels


def check_same_length(x_name: str, x_length: int, y_name: str, y_length: int) -> None:
    """Raise `ValueError` unless there is one label per input."""
    if x_length != y_length:
        raise ValueError(
            f"{x_name} has {x_length} samples but {y_name} has {y_length} labels: "
            "pass one label per sample"
        )


def check_integer(name: str, value: Any, low: int, high: int | None, remedy: str) -> int:
    """Return `value` as an int in [low, high] (no upper end for None), else `ValueError`."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < low or (high is not None and value > high):
        expected = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}={value!r} must be an integer {expected}: {remedy}")
    return int(value)
