"""What users hold as numbers, as arrays of NumPy: taken where its meaning is plain, else refused
with an error that says how to convert it.
"""

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

REAL = "biuf"
"""The kinds of dtype (booleans, integers, floating-point) that are real numbers."""


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Any array of numbers as one of NumPy, in this machine's byte order; nothing else is changed.

    Taken are arrays of NumPy, JAX and whatever shows itself as such (PyTorch, xarray), lists,
    tables and columns of pandas or polars, masked arrays without masked entries, and arrays of
    objects that are numbers or rows of numbers. A memory-mapped array stays one.

    Raises `ValueError` that says what `name` is and how to convert it, for anything else: words,
    dates, missing or masked entries, rows of different lengths, sparse matrices, iterators.
    """
    if np.ma.isMaskedArray(value):
        value = _unmasked(name, value)
    if hasattr(value, "toarray"):
        raise ValueError(
            f"{name} is a sparse matrix ({type(value).__name__}): give {name}.toarray()"
        )
    if hasattr(value, "to_numpy") and not isinstance(value, np.ndarray):
        value = value.to_numpy()  # tables and columns, whose own conversion to arrays varies
    try:
        array = value if isinstance(value, np.memmap) else np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"{name} is a {type(value).__name__} of which NumPy makes no array ({error}): give "
            "rows of equal length"
        ) from error
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"{name} is a {type(value).__name__} of which NumPy makes no array ({error}): give an "
            f"array, e.g. {name}.detach().cpu().numpy() for a tensor of PyTorch"
        ) from error
    if array.dtype == object:
        array = _of_objects(name, array, value)
    if array.dtype.kind not in REAL + "c" and not _is_extension(array.dtype):
        raise ValueError(f"{name} holds {_words(array)}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def as_real_array(name: str, value: Any) -> NDArray[Any]:
    """`as_array`, for what must be real. Raises `ValueError` also for complex numbers."""
    array = as_array(name, value)
    if array.dtype.kind == "c":
        raise ValueError(
            f"{name} is complex ({array.dtype}), of which a part would be lost: give {name}.real, "
            "or real and imaginary parts as two numbers each"
        )
    return array


def _unmasked(name: str, value: Any) -> NDArray[Any]:
    masked = int(np.ma.count_masked(value))
    if masked:
        raise ValueError(
            f"{name} is a masked array with {masked} masked of {value.size} entries: fill them "
            f"({name}.filled(0.0)), or leave out their samples"
        )
    return np.asarray(value.data)


def _of_objects(name: str, array: NDArray[Any], given: Any) -> NDArray[Any]:
    """Numbers of an array of objects, which may be rows of numbers themselves."""
    if array.ndim == 0:
        remedy = (
            "collect it first, e.g. np.stack(list(...))"
            if hasattr(given, "__next__")
            else "give an array of numbers" + ", such as its value at a time" * callable(given)
        )
        raise ValueError(f"{name} is a {type(given).__name__}, not an array: {remedy}")
    entries = array.ravel().tolist()
    for index, entry in enumerate(entries):
        if _is_number(entry) or _is_row(entry):
            continue
        place = tuple(int(i) for i in np.unravel_index(index, array.shape))
        missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
        raise ValueError(
            f"{name} holds {entry!r} ({type(entry).__name__}) at index {place}: "
            + (
                "remove or impute missing values first"
                if missing
                else f"give numbers, e.g. by {name}.astype(float), or codes for words "
                f"(np.unique({name}, return_inverse=True)[1])"
            )
        )
    if any(map(_is_row, entries)):
        return _stacked(name, array, entries)
    exact = all(isinstance(entry, (numbers.Integral, np.bool_)) for entry in entries)
    try:
        return array.astype(np.int64 if exact else np.float64)
    except OverflowError as error:
        raise ValueError(
            f"{name} holds integers beyond 64 bits: scale them to floating-point numbers"
        ) from error


def _stacked(name: str, array: NDArray[Any], entries: list[Any]) -> NDArray[Any]:
    rows = [np.asarray(entry) for entry in entries]
    shapes = {row.shape for row in rows}
    if len(shapes) > 1 or any(row.dtype.kind not in REAL + "c" for row in rows):
        listed = ", ".join(map(str, sorted(shapes)[:3]))
        raise ValueError(
            f"{name} holds arrays of shapes {listed}: give rows of numbers of equal length"
        )
    return np.stack(rows).reshape(*array.shape, *rows[0].shape)


def _is_number(entry: Any) -> bool:
    return isinstance(entry, (numbers.Real, np.bool_))


def _is_row(entry: Any) -> bool:
    return isinstance(entry, (list, tuple, np.ndarray)) or (
        hasattr(entry, "__array__") and getattr(entry, "ndim", 0) > 0
    )


def _is_extension(dtype: np.dtype[Any]) -> bool:
    """Whether a type is one of those that JAX adds to NumPy's, such as bfloat16."""
    return dtype.kind == "V" and dtype.names is None and dtype.type.__module__ == "ml_dtypes"


def _words(array: NDArray[Any]) -> str:
    """What is wrong with a type that is no number, and how to convert it."""
    kinds = {
        "U": "words: number them, e.g. by np.unique(..., return_inverse=True)[1], or convert "
        "written numbers by .astype(float)",
        "M": "dates: give times as numbers, e.g. (dates - dates[0]) / np.timedelta64(1, 's')",
        "m": "durations: divide by a unit, e.g. np.timedelta64(1, 's')",
        "V": "records: give one column per number, "
        "numpy.lib.recfunctions.structured_to_unstructured(...)",
    }
    kind = "U" if array.dtype.kind in "ST" else array.dtype.kind
    return f"{array.dtype}, {kinds.get(kind, 'no numbers: give an array of numbers')}"
