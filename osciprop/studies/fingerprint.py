"""What a study was made with, as JSON: two studies with equal settings compute the same numbers."""

import dataclasses
import functools
import hashlib
import inspect
import re
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .axes import Axis

ADDRESS = re.compile(r"( at)? 0x[0-9a-fA-F]+")
PLAIN = (type(None), bool, int, float, str)
SHORT, FEW = 200, 4
"""Characters that a description shows, and numbers of an array that it spells out."""

CONFIGURATION = (
    "jax_enable_x64",
    "jax_numpy_dtype_promotion",
    "jax_default_matmul_precision",
    "jax_threefry_partitionable",
)
"""JAX's settings that change numbers: workers take them over."""


def configuration() -> dict[str, Any]:
    """JAX's settings of this process that change numbers."""
    return {name: getattr(jax.config, name) for name in CONFIGURATION}


def describe(value: Any) -> Any:
    """Any setting as JSON: numbers and words as they are, all else as a text with a digest.

    Equal values have equal descriptions, in every process: NaN is equal to NaN, sets and dicts are
    regardless of order, arrays and generators of random numbers count with type and values, objects
    with their fields, and functions by module, name and code, with all that they hold.
    """
    if type(value) in PLAIN and value == value:
        return value
    text = _text(value, {})
    return f"{_shortened(text, SHORT)} #{_digest(text)}"


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _text(value: Any, around: dict[int, int]) -> str:
    """A value as a text that is the same wherever, and for whatever, is equal.

    `around` are the values that hold this one, by identity: how deep each is.
    """
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        # With the name, where it is of another type: numbers of NumPy, members of enumerations.
        return repr(value) if type(value).__module__ == "builtins" else _named(type(value), [value])
    if id(value) in around:
        return f"<what is {len(around) - around[id(value)]} levels up>"
    around = {**around, id(value): len(around)}
    text = _structure(value, lambda part: _text(part, around))
    # A large part counts with all of it, at the length of a small one.
    return text if len(text) <= 2 * SHORT else f"{_shortened(text, SHORT)} #{_digest(text)}"


def _structure(value: Any, text: Callable[[Any], str]) -> str:
    """The text of what is not plain, made of the texts of its parts."""
    match value:
        case np.ndarray() | np.generic() | jax.Array():
            return _array(value, text)
        case types.FunctionType():
            return f"{_name(value)} #{_digest(_code(value, text))}"
        case types.MethodType():
            return f"{text(value.__func__)} of {text(value.__self__)}"
        case type() | types.ModuleType() | np.ufunc():
            return _name(value)
        case types.BuiltinFunctionType():
            owner = value.__self__
            whose = "" if owner is None or inspect.ismodule(owner) else f" of {text(owner)}"
            return f"{_name(value)}{whose}"
        case types.CodeType():
            return _digest(_body(value, text))
        case functools.partial():
            return f"partial({', '.join(map(text, (value.func, value.args, value.keywords)))})"
        case Mapping():
            entries = (f"{text(key)}: {text(entry)}" for key, entry in value.items())
            return f"{_kind(value, dict)}{{{', '.join(sorted(entries))}}}"
        case set() | frozenset():
            return f"{_kind(value, set)}{{{', '.join(sorted(map(text, value)))}}}"
        case list():
            return f"{_kind(value, list)}[{', '.join(map(text, value))}]"
        case tuple():
            return f"{_kind(value, tuple)}({', '.join(map(text, value))})"
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        parts = ", ".join(f"{name}={text(part)}" for name, part in fields.items())
        return f"{_name(type(value))}({parts})"
    if callable(value) and hasattr(value, "__wrapped__"):  # what `jax.jit` and its like return
        return f"{_name(type(value))}({text(value.__wrapped__)})"
    return _object(value, text)


def _array(value: Any, text: Callable[[Any], str]) -> str:
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return f"{value.dtype}{text(jax.random.key_data(value))}"
    array = np.ma.filled(value, 0) if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    masked = text(np.ma.getmaskarray(value)) if isinstance(value, np.ma.MaskedArray) else ""
    if array.dtype.hasobject:
        return f"object{array.shape}{text(array.tolist())}{masked}"
    if array.dtype.kind in "fc":
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    few = array.dtype.kind in "biufc" and array.size <= FEW
    values = array.tolist() if few else f"#{_digest(np.ascontiguousarray(array).tobytes())}"
    return f"{array.dtype}{list(array.shape) if array.ndim else ''}({values}){masked}"


def _code(function: types.FunctionType, text: Callable[[Any], str]) -> str:
    """What a function does: its code, and the values that it was made with."""
    held = []
    for cell in function.__closure__ or ():
        try:
            held.append(text(cell.cell_contents))
        except ValueError:  # not filled yet
            held.append("empty")
    defaults = text([function.__defaults__, function.__kwdefaults__])
    return f"{_body(function.__code__, text)} {defaults} {held}"


def _body(code: types.CodeType, text: Callable[[Any], str]) -> str:
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    constants = ", ".join(map(text, code.co_consts))
    return f"{code.co_code.hex()} {names} {code.co_flags} {code.co_argcount} {constants}"


def _object(value: Any, text: Callable[[Any], str]) -> str:
    """Any other object: by what pickle would make it of, else by what it prints."""
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:  # whatever cannot be pickled raises what it likes
        return f"{_name(type(value))} {ADDRESS.sub('', repr(value))}"
    if isinstance(reduced, str):  # the name of a global
        return f"{_name(type(value))} {reduced}"
    parts = [
        list(p) if isinstance(p, types.GeneratorType) or hasattr(p, "__next__") else p
        for p in reduced
    ]
    return f"{_name(type(value))}<{', '.join(map(text, parts))}>"


def _named(kind: type, parts: list[Any]) -> str:
    return f"{_name(kind)}({', '.join(ADDRESS.sub('', repr(part)) for part in parts)})"


def _kind(value: Any, plain: type) -> str:
    """The name of a container's type, unless it is the plain one."""
    return "" if type(value) is plain else _name(type(value))


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
    return f"{getattr(value, '__module__', None) or '?'}:{name}"


def describe_axes(axes: Mapping[str, Axis]) -> dict[str, Any]:
    """The axes as JSON."""
    return {
        name: {
            "values": axis.coordinates.tolist(),
            "objects": (
                [describe(value) for value in axis.arguments]
                if isinstance(axis.values, Mapping)
                else None
            ),
            "unit": axis.unit,
            "vectorised": axis.vectorised,
        }
        for name, axis in axes.items()
    }


def function_name(function: Callable[..., Any]) -> str:
    """Module and name of a function; with what it holds, where it is an object that is called."""
    if isinstance(function, functools.partial):
        return f"{function_name(function.func)} {describe([function.args, function.keywords])}"
    called = inspect.unwrap(function)
    if hasattr(called, "__qualname__"):
        return f"{getattr(called, '__module__', '?')}:{called.__qualname__}"
    return describe(called)


def source_digest(function: Callable[..., Any]) -> str | None:
    """A digest of a function's own text, None where there is none to read."""
    try:
        text = inspect.getsource(_innermost(function))
    except (OSError, TypeError):
        return None
    return _digest(text)


def source_folder(function: Callable[..., Any]) -> Path | None:
    """The folder of the file that a function is written in, None where there is none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(_innermost(function)))
    except TypeError:
        return None
    return Path(path).parent if path and Path(path).is_file() else None


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function
