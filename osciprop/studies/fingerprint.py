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
    found: dict[str, str] = {}
    _hold(_innermost(function), "", found, [])
    return found


def _hold(value: Any, place: str, found: dict[str, str], around: list[Any]) -> None:
    called = inspect.unwrap(value) if callable(value) else value
    if isinstance(called, types.MethodType):
        _hold(called.__self__, f"{place}self", found, around)
        called = called.__func__
    if not isinstance(called, types.FunctionType):
        plain = isinstance(called, type | types.ModuleType | types.BuiltinFunctionType)
        if place and not plain:
            found[place] = fingerprint.describe(called)
        return
    home = around[0].__module__ if around else called.__module__
    if called in around or called.__module__ != home:
        return
    made, inside = parts(called), f"{place}." if place else ""
    defaults = dict(zip(_with_defaults(called), made.defaults or (), strict=False))
    for name, part in (*made.used, *made.held, *defaults.items(), *made.keywords):
        _hold(part, f"{inside}{name}", found, [*around, called])


def _with_defaults(function: types.FunctionType) -> tuple[str, ...]:
    code, count = function.__code__, len(function.__defaults__ or ())
    return code.co_varnames[code.co_argcount - count : code.co_argcount]


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
