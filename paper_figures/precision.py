"""Double precision for one function, whatever the session's setting."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def in_double_precision(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a function with JAX's 64-bit types; it should return NumPy arrays."""

    @functools.wraps(function)
    def wrapped(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return wrapped
