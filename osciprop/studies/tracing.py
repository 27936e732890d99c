"""Along which axes a function can be traced, so that one program serves many values."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .axes import Axis
from .returned import storable, traced

Values = Mapping[str, Any]


def may_be_traced(axis: Axis) -> bool:
    """Whether nothing was said of an axis of numbers, so that it is traced where that works."""
    return axis.vectorised is None and axis.is_numeric and axis.fits_traced


def row_of(axes: Mapping[str, Axis]) -> dict[str, jax.ShapeDtypeStruct]:
    """What stands for one value of each axis while a function is traced.

    Where it was left to the study whether an axis is traced, it takes part in JAX's promotion of
    types as a plain number does, which it is otherwise.
    """
    return {
        name: jax.ShapeDtypeStruct((), type_of(axis), weak_type=axis.vectorised is None)
        for name, axis in axes.items()
    }


def type_of(axis: Axis) -> np.dtype:
    """The type of an axis' values for JAX, in the precision that is set."""
    kind = float if axis.coordinates.dtype.kind == "f" else int
    return np.dtype(jax.dtypes.canonicalize_dtype(np.dtype(kind)))


def traceable(
    function: Callable[[Values], Any], axes: Mapping[str, Axis], fixed: Values
) -> tuple[str, ...]:
    """The axes along which `function` can be traced: those that are vectorised, and some more.

    `fixed` are the values along the others, and along those that turn out not to be among them.
    """
    chosen = [name for name, axis in axes.items() if axis.vectorised]
    others = [name for name, axis in axes.items() if may_be_traced(axis)]

    def works(names: list[str]) -> bool:
        row = row_of({name: axes[name] for name in names})
        rest = {name: value for name, value in fixed.items() if name not in names}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                jax.eval_shape(lambda values: _shaped(function({**rest, **values})), row)
        except Exception:  # whatever a function does with what is no number
            return False
        return True

    if others and works([*chosen, *others]):
        return (*chosen, *others)
    for name in others:
        if works([*chosen, name]):
            chosen.append(name)
    return tuple(chosen)


def _shaped(returned: Mapping[str, Any]) -> dict[str, Any]:
    """What JAX is to see of results; what is known by now has to be storable."""
    return {
        name: jnp.asarray(value) if traced(value) else bool(storable(name, value).size)
        for name, value in returned.items()
    }
