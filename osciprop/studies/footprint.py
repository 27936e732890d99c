"""How much memory a traced function takes while it runs, without compiling it."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.extend


def footprint(function: Callable[..., Any], *arguments: Any) -> int:
    """Bytes of intermediate results that live at once, at most, when `function` runs.

    Counted on the traced program, value by value from where it is made to where it is used last;
    arguments and constants do not count. A compiler that fuses operations needs less, scratch space
    of its kernels comes on top. Depends on shapes and types alone, unlike what a compiler says,
    which would take a compilation.
    """
    shapes = jax.tree.map(_shape, arguments)
    traced, static = eqx.partition(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))

    def call(arrays: Any) -> Any:
        return eqx.filter(function(*eqx.combine(arrays, static)), eqx.is_array)

    return _peak(jax.make_jaxpr(call)(traced).jaxpr)


def _shape(leaf: Any) -> Any:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if eqx.is_array(leaf) else leaf


def _peak(program: jax.extend.core.Jaxpr) -> int:
    """The largest sum of bytes between two equations of a program, or inside one of them."""
    equations = program.eqns
    results = {variable for variable in program.outvars if _is_variable(variable)}
    last = {
        variable: place
        for place, equation in enumerate(equations)
        for variable in equation.invars
        if _is_variable(variable)
    }
    live, peak = 0, 0
    made: dict[Any, int] = {}
    variable: Any
    for place, equation in enumerate(equations):
        for variable in equation.outvars:
            made[variable] = _bytes(variable)
            live += made[variable]
        inside = max((_peak(inner) for inner in _programs(equation.params)), default=0)
        peak = max(peak, live + inside)
        ended = {v for v in equation.invars if _is_variable(v) and last[v] == place}
        unused = {v for v in equation.outvars if v not in last}
        for variable in (ended | unused) - results:
            live -= made.pop(variable, 0)
    return peak


def _programs(parameters: dict[str, Any]) -> list[jax.extend.core.Jaxpr]:
    """The programs inside an equation: bodies of loops, branches, functions."""
    found = []
    for value in parameters.values():
        for entry in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(entry, jax.extend.core.ClosedJaxpr):
                found.append(entry.jaxpr)
            elif isinstance(entry, jax.extend.core.Jaxpr):
                found.append(entry)
    return found


def _is_variable(atom: Any) -> bool:
    return not isinstance(atom, jax.extend.core.Literal)


def _bytes(variable: Any) -> int:
    shape = getattr(variable.aval, "shape", ())
    itemsize = getattr(getattr(variable.aval, "dtype", None), "itemsize", 0)
    return math.prod(shape) * itemsize
