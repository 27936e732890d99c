"""What a study was made with, as JSON: two studies with equal settings compute the same numbers."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from ..files import fingerprint
from ..files.composition import digest_of
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
