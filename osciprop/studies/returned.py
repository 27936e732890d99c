"""What a study's function may return."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

RESERVED = STATUS, SECONDS = ("status", "seconds")
"""Names of what a study records of every point by itself."""

ALLOWED = "return numbers, truth values, or arrays of them"

SMALL = (
    (jnp.floating, np.float32),
    (jnp.signedinteger, np.int8),
    (jnp.unsignedinteger, np.uint8),
)
"""What holds numbers of types that NumPy does not have itself."""

DOUBLE = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
"""Bytes of the widest types that are stored, by kind."""

Results = dict[str, np.ndarray]


class ResultError(ValueError):
    """The function of a study returned what cannot be stored; the message says what can.

    `output` is the name of the value; empty where it is not one value that is wrong.
    """

    def __init__(self, message: str, output: str = ""):
        super().__init__(message)
        self.output = output


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


def storable(name: str, value: Any) -> np.ndarray:
    """The value called `name` as an array of a type that is stored, every number as it was."""
    if isinstance(value, np.ma.MaskedArray):
        raise _refusal(name, "as masked array", f"fill it, as in {name}.filled(np.nan)")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refusal(name, f"of type {_type(value)} ({error})", ALLOWED) from error
    if array.dtype.isbuiltin == 2:  # half precision and the like, of ml_dtypes
        array = array.astype(
            next((own for theirs, own in SMALL if jnp.issubdtype(array.dtype, theirs)), array.dtype)
        )
    if array.dtype.kind not in "bifuc":
        large = isinstance(value, int)
        what = f"of type {_type(value)} beyond 64 bits" if large else f"of type {array.dtype}"
        raise _refusal(name, what, f"return float({name})" if large else ALLOWED)
    if array.dtype.itemsize > DOUBLE[array.dtype.kind]:
        raise _refusal(name, f"of type {array.dtype}", "return double precision")
    if isinstance(value, (list, tuple)) and not _is_exact(array, value):
        remedy = "name them one by one, or return floats"
        raise _refusal(name, f"as a list that {array.dtype} cannot hold exactly", remedy)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def traced(value: Any) -> bool:
    """Whether JAX traces a value, or a part of it."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


def _refusal(name: str, what: str, remedy: str) -> ResultError:
    return ResultError(f"the study's function returned {name!r} {what}: {remedy}", name)


def _type(value: Any) -> str:
    return str(value.dtype) if isinstance(value, jax.Array) else type(value).__name__


def _is_exact(array: np.ndarray, values: Any) -> bool:
    """Whether an array has the numbers of a list, which NumPy gives one type."""
    plain = jax.tree.leaves(values)
    if not all(type(number) in (bool, int, float, complex) for number in plain):
        return True
    found = array.ravel().tolist()
    return all(one == other or other != other for one, other in zip(found, plain, strict=True))
