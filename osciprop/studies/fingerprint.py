"""What a study was made with, as JSON: two studies with equal settings compute the same numbers."""

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from ..files import fingerprint
from ..files.composition import digest_of
from ..files.functions import parts
from .axes import Axis

PLAIN = (type(None), bool, int, float, str)

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

    Equal values have equal descriptions, in every process (`osciprop.files.fingerprint`).
    """
    return value if type(value) in PLAIN and value == value else fingerprint.describe(value)


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


def holdings(function: Callable[..., Any]) -> dict[str, str]:
    """What a function reads beside its arguments, by name: the values that it closes over, its
    defaults, those of its module, the object whose method it is. Functions of the same module that
    it names count with what they hold.

    Their text is not among it, nor are classes, modules and the functions of libraries.
    """
    first = inspect.unwrap(_innermost(function))
    home = getattr(first, "__module__", None)
    found: dict[str, str] = {}
    met: list[types.FunctionType] = []
    left: list[tuple[str, Any]] = [("", first)]
    while left:
        place, value = left.pop()
        inside = f"{place}." if place else ""
        called = inspect.unwrap(value) if callable(value) else value
        if isinstance(called, types.MethodType):
            left.append((f"{inside}self", called.__self__))
            called = called.__func__
        if isinstance(called, types.FunctionType):
            if called.__module__ == home and called not in met:
                met.append(called)
                left += [(f"{inside}{name}", part) for name, part in _reached(called)]
        elif place and not isinstance(called, type | types.ModuleType | types.BuiltinFunctionType):
            found[place] = fingerprint.describe(called)
    return found


def _reached(function: types.FunctionType) -> list[tuple[str, Any]]:
    """What a function closes over, names in its module, and has as defaults."""
    made, code = parts(function), function.__code__
    defaults = made.defaults or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    return [*made.used, *made.held, *zip(names, defaults, strict=True), *made.keywords]


def source_digest(function: Callable[..., Any]) -> str | None:
    """A digest of a function's own text, None where there is none to read."""
    try:
        text = inspect.getsource(_innermost(function))
    except (OSError, TypeError):
        return None
    return digest_of(text)


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
