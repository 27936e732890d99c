"""A study's function compiled for many points at once."""

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .footprint import footprint
from .grid import Index
from .returned import Results, checked, storable, traced
from .tracing import row_of, traceable, type_of
from .work import Work

FEWEST = 4
"""Points that run side by side on a processor, unless it is one: fewer gain nothing
(benchmarks/lanes.py)."""


def traced_axes(work: Work, point: Index) -> tuple[str, ...]:
    """The axes along which one program serves all values, at a point along the others."""

    def call(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return checked(work.function(**values, **work.constants), work.grid.axes)

    return traceable(call, work.grid.axes, work.grid.arguments(point))


class Program:
    """The compiled call of a full block, for all values along some axes, and a point's on others.

    Points run side by side in lanes, one group of lanes after the other.
    """

    def __init__(self, work: Work, point: Index, names: tuple[str, ...]):
        grid = work.grid
        self._axes = {name: axis for name, axis in grid.axes.items() if name in names}
        fixed = {n: value for n, value in grid.arguments(point).items() if n not in self._axes}
        self._places = [place for place, name in enumerate(grid.axes) if name in self._axes]
        self._arrays, static = eqx.partition(dict(work.constants), eqx.is_array)
        # What does not depend on traced values stays as it is, in its own precision.
        self._known: Results = {}

        def one(row: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
            constants = eqx.combine(arrays, static)
            returned = checked(work.function(**row, **fixed, **constants), grid.axes)
            self._known = {n: storable(n, v) for n, v in returned.items() if not traced(v)}
            self._order = list(returned)
            return {n: jnp.asarray(v) for n, v in returned.items() if n not in self._known}

        row = row_of(self._axes)
        each = footprint(one, row, self._arrays)
        self._groups, self._lanes = divide(math.prod(grid.block), each, work.memory_limit)

        # Of its own, not Equinox': what JAX compiled for it is gone as soon as this object is.
        @jax.jit
        def program(columns: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
            if self._lanes == 1:
                found = one({name: column[0] for name, column in columns.items()}, arrays)
                return jax.tree.map(lambda leaf: leaf[None], found)
            return jax.vmap(lambda row: one(row, arrays))(columns)

        # Compiled here, so that the time of no point holds it.
        columns = {
            name: jax.ShapeDtypeStruct((self._lanes,), one.dtype, weak_type=one.weak_type)
            for name, one in row.items()
        }
        self._call: Any = program.lower(columns, self._arrays).compile(_options())

    def __call__(self, points: list[Index]) -> Results:
        """What the function returns at points of one block, each in its row."""
        columns = self._filled(points)
        # One call after the other: a loop inside of the program, and calls that overlap, are
        # slower for large networks.
        parts = [
            jax.tree.map(np.asarray, self._call(self._group(columns, place), self._arrays))
            for place in range(self._groups)
        ]
        found = {
            name: storable(name, np.concatenate([part[name] for part in parts]))
            for name in parts[0]
        }
        for name, value in self._known.items():
            found[name] = np.broadcast_to(value, (self._groups * self._lanes, *value.shape))
        return {name: found[name] for name in self._order}

    def _filled(self, points: list[Index]) -> dict[str, np.ndarray]:
        """The values of points by axis; a short list repeats its last, so that all are as long."""
        last = len(points) - 1
        rows = np.asarray(points)[np.minimum(np.arange(self._groups * self._lanes), last)]
        return {
            name: axis.coordinates[rows[:, place]].astype(type_of(axis))
            for place, (name, axis) in zip(self._places, self._axes.items(), strict=True)
        }

    def _group(self, columns: dict[str, np.ndarray], place: int) -> dict[str, np.ndarray]:
        part = slice(place * self._lanes, (place + 1) * self._lanes)
        return {name: column[part] for name, column in columns.items()}


def _options() -> dict[str, Any]:
    """What the compiler is told: at its highest level on processors, it unrolls the short inner
    loops that lanes make, and then misses that they could be vectorised (benchmarks/levels.py).
    """
    if jax.default_backend() != "cpu" or jax.config.read("jax_disable_most_optimizations"):
        return {}
    return {"xla_backend_optimization_level": 2}


def divide(size: int, each: int, given: int | None) -> tuple[int, int]:
    """Groups of lanes for `size` points that take `each` bytes: few groups, within the limit.

    The limit is the one `given`, or on accelerators what keeps one busy, or on processors a few
    cores' caches, if a few points fit (benchmarks/README.md).
    """
    on_processor = jax.default_backend() == "cpu"
    limit = given or (16 * 2**20 if on_processor else 2**30)
    fitting = limit // max(each, 1)
    if fitting < (FEWEST if given is None and on_processor else 1):
        fitting = 1
    groups = -(-size // min(fitting, size))
    return groups, -(-size // groups)
