"""The leaves of pytrees in files: what is told of each, its bytes, and the way back."""

from io import BufferedReader
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import as_bytes, is_key, numbers
from .fingerprint import describe, without_digest

Outline = dict[str, Any]
"""What a file tells of a leaf, as JSON. An array has `dtype` and `shape`, a key of random numbers
also `words`, the shape of the integers behind it, and `source`, which draws numbers from them. A
number has `number`, its type, and `value`. All else is not in the file, and has a `description`."""

_ARRAYS = (jax.Array, jax.ShapeDtypeStruct, np.ndarray, np.generic)
_NUMBERS = {kind.__name__: kind for kind in (bool, int, float, complex)}


def outline(leaf: Any) -> Outline:
    """What a file tells of a leaf. Raises `TypeError` for arrays of objects."""
    if is_key(leaf):
        words = jax.eval_shape(jax.random.key_data, leaf).shape
        known = {"dtype": str(leaf.dtype), "shape": list(leaf.shape), "words": list(words)}
        if isinstance(leaf, jax.Array):
            known["source"] = str(jax.random.key_impl(leaf))
        return known
    if isinstance(leaf, _ARRAYS):
        kind = np.dtype(leaf.dtype)
        if kind.kind not in "biufcSUmM" and kind.isbuiltin != 2:  # 2 are those of ml_dtypes
            raise TypeError(f"an array of {kind} cannot be stored: use numbers, or make it static")
        return {"dtype": kind.name, "shape": list(leaf.shape)}
    name = type(leaf).__name__
    if _NUMBERS.get(name) is type(leaf):
        value = [leaf.real, leaf.imag] if isinstance(leaf, complex) else leaf
        return {"number": name, "value": value}
    return {"description": describe(leaf)}


def told(outline: Outline) -> str:
    """An outline in words, without the value of a number; equal where leaves fit each other."""
    if "dtype" in outline:
        return f"{outline['dtype']}[{','.join(map(str, outline['shape']))}]"
    if "number" in outline:
        return f"a {outline['number']} of Python"
    return str(outline["description"])


def misfit(stored: Outline, leaf: Any) -> str:
    """How a stored leaf differs from what is expected in its place; empty if it fits."""
    here = outline(leaf)
    there, expected = told(stored), told(here)
    if there != expected and there != told(_in_programs(here, leaf)):
        if without_digest(there) != without_digest(expected):
            there, expected = without_digest(there), without_digest(expected)
        return f"{there} in the file and {expected} here{_precision(stored, here)}"
    made = isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and not is_key(leaf)
    if made and _is_wide(here) and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        return f"{there}, and JAX makes no such arrays here{_X64}"
    return ""


def _in_programs(here: Outline, leaf: Any) -> Outline:
    """What a leaf is once a program has returned it: NumPy's numbers, as settings are, and arrays
    come back in the precision that JAX has.
    """
    if not isinstance(leaf, np.ndarray | np.generic) or leaf.dtype.kind not in "iufc":
        return here
    return {**here, "dtype": jax.dtypes.canonicalize_dtype(leaf.dtype).name}


_X64 = ' (switch 64 bits on first: jax.config.update("jax_enable_x64", True))'


def _precision(stored: Outline, here: Outline) -> str:
    """What to do about other types, if it is double precision that is missing here."""
    alike = "dtype" in here and stored.get("shape") == here["shape"]
    off = not jax.config.jax_enable_x64  # type: ignore[attr-defined]
    return _X64 if off and alike and _is_wide(stored) and not _is_wide(here) else ""


def _is_wide(outline: Outline) -> bool:
    """Whether JAX makes such arrays only where 64 bits are switched on."""
    return outline.get("dtype") in ("float64", "int64", "uint64", "complex128")


def content(leaf: Any) -> memoryview:
    """The bytes of a leaf, none of what is in its outline."""
    if not isinstance(leaf, _ARRAYS):
        return memoryview(b"")
    array = numbers(leaf)
    return as_bytes(array.astype(_little(array.dtype), copy=False))


def restored(file: BufferedReader, stored: Outline, leaf: Any) -> Any:
    """The next leaf of a file, of the kind of `leaf`, which it fits."""
    if "number" in stored:
        value = stored["value"]
        return complex(*value) if stored["number"] == "complex" else type(leaf)(value)
    if "description" in stored:
        return leaf
    if is_key(leaf):
        words = _read(file, stored["words"], np.dtype(np.uint32))
        return jax.random.wrap_key_data(jnp.asarray(words), impl=stored["source"])
    kind = np.dtype(leaf.dtype)
    if kind.name != stored["dtype"]:  # as a program returned it
        kind = np.dtype(stored["dtype"])
    array = _read(file, stored["shape"], kind)
    if isinstance(leaf, np.generic):
        return array[()]
    if isinstance(leaf, np.ndarray):
        return array
    made = jnp.asarray(array)
    # What gives way to the type of others, as Python's numbers do, goes on to do so.
    weak = isinstance(leaf, jax.Array) and leaf.weak_type
    return jnp.zeros_like(leaf).at[...].set(made) if weak else made


def _read(file: BufferedReader, shape: list[int], kind: np.dtype) -> np.ndarray:
    array = np.empty(shape, _little(kind))
    if array.nbytes and file.readinto(as_bytes(array)) != array.nbytes:
        raise OSError("the file ends early")
    return array.astype(kind, copy=False)


def _little(kind: np.dtype) -> np.dtype:
    """The type with its bytes in the order of files; most are in this order anyway."""
    return kind if kind.isbuiltin == 2 else kind.newbyteorder("<")
