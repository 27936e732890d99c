"""Checks that samples and targets are usable; each error names the argument and the remedy."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import as_real_array

# Samples on the leading axis: real numbers of any shape, or images of bytes (n, h, w, channels).
Inputs: TypeAlias = NDArray[np.floating[Any]] | NDArray[np.uint8]

# Labels (n,), or rows of numbers (n, outputs).
Answers: TypeAlias = NDArray[np.int32] | NDArray[np.floating[Any]]


def check_inputs(name: str, x: Any) -> Inputs:
    """Return `x` as finite floating-point numbers, or as it is if it holds images of bytes.

    Images are uint8 of shape (n, height, width, channels); nothing of them is read or copied, so
    that a memory-mapped array stays one. Other integers and booleans become float32 where that is
    exact, else float64. There is at least one sample on the leading axis. Raises `ValueError` for
    bytes of another shape, an empty or zero-dimensional array, NaN or infinity, and for what
    `as_real_array` refuses.
    """
    array = as_real_array(name, x)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (n, features) with n >= 1: "
            "pass at least one sample"
        )
    if array.dtype == np.uint8:
        if array.ndim == 4:
            return array
        raise ValueError(
            f"{name} has dtype uint8 and shape {array.shape}, expected floating-point numbers, or "
            "uint8 images of shape (n, height, width, channels): convert (and scale) it, e.g. "
            f"np.asarray({name}, np.float32) / 255"
        )
    return _floating(name, array)


def check_targets(name: str, y: Any) -> Answers:
    """Return `y` as int32 labels of shape (n,), or as finite rows of numbers (n, outputs).

    Integers and booleans are labels, a column of them too; rows of integers are rows, as marks of
    a class are. A vector of floating-point numbers is a column of them: the targets of one output.
    Raises `ValueError` for labels beyond int32, other shapes, NaN or infinity, and for what
    `as_real_array` refuses.
    """
    array = as_real_array(name, y)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}, expected labels (n,) or rows of targets "
            "(n, outputs), with n >= 1"
        )
    if array.dtype.kind in "biu":
        if array.ndim == 2 and array.shape[1] > 1:
            return _floating(name, array)
        labels = array.reshape(-1).astype(np.int32, copy=False)
        if not np.array_equal(labels, array.reshape(-1)):
            raise ValueError(
                f"{name} holds labels from {array.min()} to {array.max()}, beyond int32: "
                "number the classes 0, 1, 2, ..., or give numbers to be reached as floats"
            )
        return labels
    return _floating(name, array.reshape(len(array), -1))


def _floating(name: str, array: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """Finite numbers in floating point."""
    if array.dtype.kind in "biu":
        exact = np.abs(array.astype(np.float64)).max() <= 2**24
        array = array.astype(np.float32 if exact else np.float64)
    elif array.dtype not in (np.float16, np.float32, np.float64):
        # The narrow ones of JAX, and what is wider than it has.
        array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name} is {array[index]} at index {index} and must be finite: "
            "remove or repair such samples first"
        )
    return array


def check_same_length(x_name: str, x_length: int, y_name: str, y_length: int) -> None:
    """Raise `ValueError` unless there is one target per input."""
    if x_length != y_length:
        raise ValueError(
            f"{x_name} has {x_length} samples but {y_name} has {y_length} targets: "
            "pass one target per sample"
        )


def check_integer(name: str, value: Any, low: int, high: int | None, remedy: str) -> int:
    """Return `value` as an int in [low, high] (no upper end for None), else `ValueError`."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < low or (high is not None and value > high):
        expected = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}={value!r} must be an integer {expected}: {remedy}")
    return int(value)
