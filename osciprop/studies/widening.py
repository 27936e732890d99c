"""The type in which numbers of two types are kept, each exactly as it was returned."""

import numpy as np

LARGEST = 2**53
"""Up to here every whole number is a double-precision one."""


def widened(
    kept: np.dtype, values: np.ndarray, other: np.dtype, new: np.ndarray
) -> np.dtype | None:
    """The type that holds `values`, kept as one type, and `new` ones of another; None for none.

    Whole numbers beside floating-point ones become double precision, whatever their size was: so
    the type does not depend on which came first.
    """
    fitting = (
        dtype for dtype in _candidates(kept, other) if holds(dtype, values) and holds(dtype, new)
    )
    return next(fitting, None)


def _candidates(one: np.dtype, other: np.dtype) -> tuple[np.dtype, ...]:
    kinds = {one.kind, other.kind}
    if "b" in kinds:
        return (np.result_type(one, other),)
    if kinds <= {"i", "u"}:
        common = np.result_type(one, other)
        # No type of NumPy's has room for all signed and unsigned numbers of 64 bits.
        return (common,) if common.kind in "iu" else (np.dtype(np.int64), np.dtype(np.uint64))
    if kinds & {"i", "u"}:
        return (np.dtype(np.complex128 if "c" in kinds else np.float64),)
    return (np.result_type(one, other),)


def holds(dtype: np.dtype, values: np.ndarray) -> bool:
    """Whether a type, one of those above, holds values exactly."""
    if values.dtype.kind not in "iu" or not values.size:
        return True  # it was made to
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return int(values.min()) >= limits.min and int(values.max()) <= limits.max
    large = values[(values > LARGEST) | (values < -LARGEST)]
    return all(int(float(value)) == value for value in large.tolist())
