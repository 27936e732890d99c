"""What a study was made with, as JSON: two studies with equal settings compute the same numbers."""

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .axes import Axis

ADDRESS = re.compile(r" at 0x[0-9a-f]+")

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
    """Any setting as JSON: numbers and words as they are, all else by structure and a digest.

    Arrays in pytrees count with their values, Equinox modules with their fields. Other objects
    count by their `repr`, without addresses.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    leaves, structure = jax.tree.flatten(value)
    digest = hashlib.sha256(ADDRESS.sub("", str(structure)).encode())
    for leaf in leaves:
        if isinstance(leaf, (np.ndarray, np.generic, jax.Array)):
            is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            array = np.asarray(jax.random.key_data(jnp.asarray(leaf)) if is_key else leaf)
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        else:
            digest.update(ADDRESS.sub("", repr(leaf)).encode())
    return f"{_summary(value)} #{digest.hexdigest()[:16]}"


def _summary(value: Any) -> str:
    words = ADDRESS.sub("", repr(value)).split()
    text = " ".join(words)
    return text if len(text) <= 200 else f"{text[:197]}..."


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
    """Module and name of a function."""
    called = getattr(function, "__wrapped__", function)
    name = getattr(called, "__qualname__", type(called).__qualname__)
    return f"{getattr(called, '__module__', '?')}:{name}"


def source_digest(function: Callable[..., Any]) -> str | None:
    """A digest of a function's own text, None where there is none to read."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def source_folder(function: Callable[..., Any]) -> Path | None:
    """The folder of the file that a function is written in, None where there is none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return None
    return Path(path).parent if path and Path(path).is_file() else None
