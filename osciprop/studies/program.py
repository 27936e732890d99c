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
from .returned import Results, checked, storable
from .work import Work

FEWEST = 4
"""Points that run side by side on a processor, unless it is one: fewer gain nothing
(benchmarks/lanes.py)."""


class Program:
    """The compiled call of a full block, where the axes that are not vectorised are as at a point.

    Points run side by side in lanes, one group of lanes after the other.
    """

    def __init__(self, work: Work, point: Index):
        grid = work.grid
        vectorised = {name: axis for name, axis in grid.axes.items() if axis.vectorised}
        fixed = {n: value for n, value in grid.arguments(point).items() if n not in vectorised}
        self._axes = vectorised
        self._places = [place for place, name in enumerate(grid.axes) if name in vectorised]
        self._arrays, static = eqx.partition(dict(work.constants), eqx.is_array)

        def one(row: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
            constants = eqx.combine(arrays, static)
            returned = checked(work.function(**row, **fixed, **constants), grid.axes)
            return {name: jnp.asarray(value) for name, value in returned.items()}

        def complex_like(values: np.ndarray) -> Any:
            return jnp.zeros((), float if values.dtype.kind == "f" else int)

        rows = {name: complex_like(axis.coordinates) for name, axis in vectorised.items()}
        self._types = {name: row.dtype for name, row in rows.items()}
        each = footprint(one, rows, self._arrays)
        self._groups, self._lanes = divide(math.prod(grid.block), each, work.memory_limit)

        # Of its own, not Equinox': what JAX compiled for it is gone as soon as this object is.
        @jax.jit
        def program(columns: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
            if self._lanes == 1:
                found = one({name: column[0] for name, column in columns.items()}, arrays)
                return jax.tree.map(lambda leaf: leaf[None], found)
            return jax.vmap(lambda row: one(row, arrays))(columns)

        # Compiled here, so that the time of no point holds it.
        group = self._group(self._filled([point]), 0)
        self._call: Any = program.lower(group, self._arrays).compile(_options())

    def __call__(self, points: list[Index]) -> Results:
        """What the function returns at points of one block, each in its row."""
        columns = self._filled(points)
        # One call after the other: a loop inside of the program, and calls that overlap, are
        # slower for large networks.
        found = [
            jax.tree.map(np.asarray, self._call(self._group(columns, place), self._arrays))
            for place in range(self._groups)
        ]
        return {
            name: storable(name, np.concatenate([part[name] for part in found]))
            for name in found[0]
        }

    def _filled(self, points: list[Index]) -> dict[str, np.ndarray]:
        """The values of points by axis; a short list repeats its last, so that all are as long."""
        last = len(points) - 1
        rows = np.asarray(points)[np.minimum(np.arange(self._groups * self._lanes), last)]
        return {
            name: axis.coordinates[rows[:, place]].astype(self._types[name])
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
