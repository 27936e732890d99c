"""What a study's function may return."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

RESERVED = STATUS, SECONDS = ("status", "seconds")
"""Names of what a study records of every point by itself."""

Results = dict[str, np.ndarray]


class ResultError(ValueError):
    """The function of a study returned what cannot be stored; the message says what can."""


def checked(returned: Any, axes: Iterable[str]) -> Mapping[str, Any]:
    """What a function returned, if it is a mapping from names that are free to values."""
    if not isinstance(returned, Mapping) or not returned:
        raise ResultError(
            f"the study's function returned {type(returned).__name__} {returned!r:.60}: return a "
            "dict of numbers and arrays by name"
        )
    for name in returned:
        if not isinstance(name, str) or not name.isidentifier():
            raise ResultError(f"the study's function returned the name {name!r}: use identifiers")
        if name in axes or name in RESERVED:
            owner = "an axis" if name in axes else "the study itself"
            raise ResultError(
                f"the study's function returned {name!r}, a name of {owner}: call it otherwise"
            )
    return returned


def storable(name: str, array: np.ndarray) -> np.ndarray:
    """The value called `name` as it is stored, if it is made of numbers."""
    if array.dtype.kind not in "bifuc":
        if array.dtype.name == "bfloat16":
            return array.astype(np.float32)
        raise ResultError(
            f"the study's function returned {name!r} of type {array.dtype}: return numbers, truth "
            "values, or arrays of them"
        )
    return array
