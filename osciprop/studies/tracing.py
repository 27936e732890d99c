"""Along which axes a function can be traced, so that one program serves many values."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal, Var

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
                traced = jax.make_jaxpr(lambda values: _shaped(function({**rest, **values})))(row)
        except Exception:  # whatever a function does with what is no number
            return False
        unasked = {name for name in names if name not in chosen}
        places = zip(jax.tree.leaves({n: n for n in row}), traced.jaxpr.invars, strict=True)
        return not calculates(traced.jaxpr, {var for name, var in places if name in unasked})

    if others and works([*chosen, *others]):
        return (*chosen, *others)
    for name in others:
        if works([*chosen, name]):
            chosen.append(name)
    return tuple(chosen)


PASSED_ON = frozenset(
    ("broadcast_in_dim", "copy", "convert_element_type", "max", "min", "reshape", "select_n")
)
"""Operations that give whole numbers as they were."""


def calculates(program: Jaxpr, numbers: set[Var]) -> bool:
    """Whether a program makes other whole numbers of the whole ones among `numbers`.

    Python's own have no end, and `10**-2` is no whole number: JAX's overflow, and that one is zero.
    Loops and branches that whole numbers enter are taken for ones that calculate.
    """
    whole = {var for var in numbers if _is_whole(var)}
    for equation in program.eqns:
        met = [not isinstance(var, Literal) and var in whole for var in equation.invars]
        if not any(met):
            continue
        made = {var for var in equation.outvars if _is_whole(var)}
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        inside: Jaxpr | None = getattr(inner, "jaxpr", inner)
        if inside is not None or "branches" in equation.params or "body_jaxpr" in equation.params:
            if (
                inside is None
                or len(inside.invars) != len(met)
                or equation.primitive.name == "scan"
            ):
                return True
            entered = {var for var, one in zip(inside.invars, met, strict=True) if one}
            if calculates(inside, entered):
                return True
        elif made and equation.primitive.name not in PASSED_ON:
            return True
        whole |= made
    return False


def _is_whole(var: Var) -> bool:
    kind = getattr(var.aval, "dtype", None)
    return kind is not None and bool(jnp.issubdtype(kind, jnp.signedinteger))


def _shaped(returned: Mapping[str, Any]) -> dict[str, Any]:
    """What JAX is to see of results; what is known by now has to be storable."""
    return {
        name: jnp.asarray(value) if traced(value) else bool(storable(name, value).size)
        for name, value in returned.items()
    }
