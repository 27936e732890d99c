"""Whether two values, functions above all, are made of the same."""

import functools
import types
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..files.composition import composition, is_installed
from ..files.functions import by_name, parts


def contents(value: Any, around: tuple[int, ...] = ()) -> Hashable:
    """What a value is made of: two functions of the same code, which close over the same values,
    are equal. What can change, or cannot be looked into, equals itself only, as it was then.

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
    if isinstance(value, types.FunctionType) and not by_name(value):
        made = parts(value)
        return made.code, contents(made[1:], around)
    if isinstance(value, functools.partial):
        given = value.func, value.args, tuple(sorted(value.keywords.items()))
        return functools.partial, contents(given, around)
    if isinstance(value, tuple):
        return type(value), tuple(contents(part, around) for part in value)
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(value) if key else value)
        return type(value), str(value.dtype), array.shape, array.tobytes()
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        return type(value), repr(value)
    return _Itself(value)


class _Itself:
    """A value that equals itself only, and lives as long as it is compared with others.

    What a user's program may change without making it anew counts with what is in it now.
    """

    def __init__(self, value: Any):
        self.value = value
        library = callable(value) and is_installed(getattr(value, "__module__", None))
        fixed = library or isinstance(value, type | types.ModuleType)
        self.inside = "" if fixed else composition(value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Itself):
            return False
        return self.value is other.value and self.inside == other.inside

    def __hash__(self) -> int:
        return id(self.value)
