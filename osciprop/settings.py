"""What modules that hold settings have in common: how numbers are kept, checked and printed.

Numbers are NumPy's, single ones its scalars: compiled functions trace them, so that another value
compiles nothing anew, and yet an instance that is the default of an argument starts no device and
fixes no precision when it is imported. Where they meet a state they take its type.

Scalars, not arrays without dimensions: JAX (0.10 to 0.12) remembers by its identity an array that
was once a constant of a program, and in its precision at that time, so that one shared by many
programs, as a default is, breaks those of another precision (tests/test_settings.py).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import wadler_lindig
from jaxtyping import Array, ArrayLike, Float, Inexact

if TYPE_CHECKING:
    # Given as anything that is a number, kept as an array: what converters do, mypy cannot know.
    Number: TypeAlias = Any
    Numbers: TypeAlias = Any
    ComplexNumbers: TypeAlias = Any
else:
    Number = Float[Array, ""] | np.floating
    Numbers = Float[Array, "*entries"] | Float[np.ndarray, "*entries"] | np.floating
    ComplexNumbers = Inexact[Array, "*entries"] | Inexact[np.ndarray, "*entries"] | np.inexact

# Arrays of up to this many numbers are printed as they are.
SHOWN = 8


class Module(eqx.Module):
    """An Equinox module that prints its numbers, not only that there are some."""

    def __repr__(self) -> str:
        return wadler_lindig.pformat(self, width=100, hide_defaults=False, custom=_shown)


def _shown(part: Any) -> wadler_lindig.AbstractDoc | None:
    """Small real settings by value, larger arrays by type and shape."""
    if isinstance(part, jax.core.Tracer):
        return wadler_lindig.TextDoc(f"traced {part.dtype.name}[{','.join(map(str, part.shape))}]")
    if not isinstance(part, (jax.Array, np.ndarray, np.generic)) or jnp.issubdtype(
        part.dtype, jax.dtypes.extended
    ):
        return None
    host = part.ndim == 0 or (not isinstance(part, jax.Array) and part.size <= SHOWN)
    if host and getattr(part, "is_fully_addressable", True):
        values = np.asarray(part)
        text = ", ".join(f"{value:.6g}" for value in np.ravel(values))
        return wadler_lindig.TextDoc(text if values.ndim == 0 else f"[{text}]")
    return wadler_lindig.array_summary(part.shape, part.dtype.name, kind=None)


def number(value: ArrayLike) -> Number:
    """A converter for fields: a number as a floating-point array.

    What is an array of JAX stays one, traced or not; everything else becomes one of NumPy.
    """
    return _as_array(value)


def numbers(value: ArrayLike | Sequence[ArrayLike]) -> Numbers:
    """`number`, or several of them."""
    return _as_array(value)


def _as_array(value: Any) -> Numbers:
    if any(isinstance(part, jax.Array) for part in jax.tree.leaves(value)):
        return jnp.asarray(value, dtype=float)
    return np.asarray(value, dtype=float)[()]  # a scalar, if there is one number only


def parameter(value: ArrayLike) -> Array:
    """A converter for fields of networks: a number, or several, as an array of JAX."""
    return jnp.asarray(value, dtype=float)


def optional_number(value: ArrayLike | None) -> Number | None:
    """`number`, where None has a meaning of its own."""
    return None if value is None else number(value)


def real_or_complex(value: ArrayLike) -> ComplexNumbers:
    """`number`, for numbers that may be complex: they keep their kind and precision."""
    kept = isinstance(value, jax.Array)
    array = jnp.asarray(value) if kept else np.asarray(value)[()]
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)
