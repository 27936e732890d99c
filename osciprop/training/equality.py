"""Whether two values, functions above all, are made of the same."""

import functools
import sys
import types
from collections.abc import Hashable
from typing import Any

import jax
import numpy as np


def contents(value: Any, around: tuple[int, ...] = ()) -> Hashable:
    """What a value is made of: two functions of the same code, which close over the same values,
    are equal. What can change, or cannot be looked into, equals itself only.

    Example:
        >>> from osciprop.training.equality import contents
        >>> contents(optax.adam(1e-3)) == contents(optax.adam(1e-3))
        True
        >>> contents(optax.adam(1e-3)) == contents(optax.adam(1e-2))
        False
    """
    if id(value) in around:  # a function that calls itself
        return "itself", len(around) - around.index(id(value))
    around = (*around, id(value))
    if isinstance(value, types.FunctionType) and not _by_name(value):
        used = [name for name in value.__code__.co_names if name in value.__globals__]
        parts = (
            value.__defaults__,
            tuple((value.__kwdefaults__ or {}).items()),
            tuple(map(_held, value.__closure__ or ())),
            tuple((name, value.__globals__[name]) for name in used),
        )
        return value.__code__, contents(parts, around)
    if isinstance(value, functools.partial):
        given = value.func, value.args, tuple(sorted(value.keywords.items()))
        return functools.partial, contents(given, around)
    if isinstance(value, tuple):
        return type(value), tuple(contents(part, around) for part in value)
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        array = np.asarray(value)
        return type(value), array.dtype.name, array.shape, array.tobytes()
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        return type(value), repr(value)
    return _Itself(value)


def _by_name(function: types.FunctionType) -> bool:
    """Whether a function is the only one of its name: it is not made anew for each call."""
    module = sys.modules.get(function.__module__)
    return module is not None and vars(module).get(function.__qualname__) is function


def _held(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty, as of a function that calls itself before it is complete
        return None


class _Itself:
    """A value that equals itself only, and lives as long as it is compared with others."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
