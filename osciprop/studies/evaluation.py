"""What a worker does: the points of one block, in one compiled call or one after another."""

import dataclasses
import functools
import os
import platform
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .axes import Axis
from .errors import StudyError
from .fingerprint import configuration
from .footprint import footprint
from .grid import Block, Grid, Index
from .modules import loaded_files, restore_files

RESERVED = ("status", "seconds")
"""Names of what a study records of every point by itself."""

Results = dict[str, np.ndarray]


class ResultError(ValueError):
    """The function of a study returned what cannot be stored; the message says what can."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What all blocks of a study have in common."""

    function: Callable[..., Mapping[str, Any]]
    grid: Grid
    constants: Mapping[str, Any]
    memory_limit: int | None


@dataclasses.dataclass(frozen=True)
class Failure:
    """A point whose function raised: where, with which message, and where in the code."""

    point: Index
    label: str
    message: str
    traceback: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a block: the results of its points by index, and the failures."""

    block: Block
    results: Mapping[Index, Results]
    failures: tuple[Failure, ...]
    seconds: Mapping[Index, float]
    worker: str
    device: str


class Worker:
    """What computes blocks: the function of a study, and its newest compiled call.

    One call is compiled for each combination of values that are not vectorised; blocks that share
    one follow each other.
    """

    def __init__(self, work: Work):
        self.work = work
        self._fixed: Any = None
        self._program: Callable[..., Any] | None = None

    def evaluate(self, block: Block, points: tuple[Index, ...] | None = None) -> Outcome:
        """Compute some points of a block, by default all; what fails is part of the outcome."""
        chosen = tuple(block.points()) if points is None else points
        vectorised = any(axis.vectorised for axis in self.work.grid.axes.values())
        run = _together if vectorised else _one_by_one
        results, failures, seconds = run(self, block, chosen)
        device = jax.devices()[0]
        return Outcome(
            block,
            results,
            tuple(failures),
            seconds,
            f"{platform.node()}:{os.getpid()}",
            f"{device.platform}: {device.device_kind}",
        )

    def program(self, point: Index) -> Callable[..., Any]:
        """The compiled call for the values of a point along the axes that are not vectorised."""
        axes = self.work.grid.axes.values()
        fixed = tuple(None if axis.vectorised else p for axis, p in zip(axes, point, strict=True))
        if self._program is None or fixed != self._fixed:
            self._program, self._fixed = _compiled(self.work, point), fixed
        return self._program


def pack(work: Work) -> bytes:
    """All that a worker in another process needs.

    Functions of a notebook travel by value, those of study files by the text of the file.
    """
    return cloudpickle.dumps((loaded_files(), cloudpickle.dumps((work, configuration()))))


@functools.lru_cache(maxsize=1)
def _unpack(payload: bytes) -> Worker:
    try:
        files, rest = cloudpickle.loads(payload)
        restore_files(files)
        work, settings = cloudpickle.loads(rest)
    except Exception as error:
        raise StudyError(
            f"a worker cannot load the study ({type(error).__name__}: {error}): make what its "
            "function imports available there, osciprop included"
        ) from error
    for name, value in settings.items():
        if getattr(jax.config, name) != value:
            jax.config.update(name, value)
    return Worker(work)


_ONE_AT_A_TIME = threading.Lock()


def evaluate(payload: bytes, block: Block, points: tuple[Index, ...] | None = None) -> Outcome:
    """As `Worker.evaluate`, in another process, which keeps its worker from call to call.

    Threads of one process take turns: they share what was compiled.
    """
    with _ONE_AT_A_TIME:
        return _unpack(payload).evaluate(block, points)


Found = tuple[dict[Index, Results], list[Failure], dict[Index, float]]


def _one_by_one(worker: Worker, block: Block, points: tuple[Index, ...]) -> Found:
    work = worker.work
    results: dict[Index, Results] = {}
    failures, seconds = [], {}
    for point in points:
        start = time.perf_counter()
        try:
            returned = work.function(**work.grid.arguments(point), **work.constants)
            results[point] = {
                name: _storable(name, np.asarray(value))
                for name, value in _checked(returned, work.grid.axes).items()
            }
        except Exception as error:
            failures.append(_failure(work.grid, point, error))
        seconds[point] = time.perf_counter() - start
    return results, failures, seconds


def _together(worker: Worker, block: Block, points: tuple[Index, ...]) -> Found:
    """All points of a block in one compiled call; where that raises, each one by itself.

    Always in the same program, at the same place: a point's numbers do not depend on which others
    are computed with it.
    """
    grid = worker.work.grid
    everyone = block.points()
    try:
        program = worker.program(everyone[0])
    except Exception as error:
        failures = [_failure(grid, point, error) for point in points]
        return {}, failures, dict.fromkeys(points, 0.0)
    start = time.perf_counter()
    try:
        found = program(_columns(grid, everyone))
    except Exception:  # nothing is hidden: the points that raise it do so again, each by itself
        return _each(program, grid, everyone, points)
    each = (time.perf_counter() - start) / len(everyone)
    wanted = {point: _row(found, place) for place, point in enumerate(everyone) if point in points}
    return wanted, [], dict.fromkeys(points, each)


def _each(
    program: Callable[..., Any], grid: Grid, everyone: list[Index], points: tuple[Index, ...]
) -> Found:
    """The points of a block of which some fail: each in a call filled with itself alone."""
    results: dict[Index, Results] = {}
    failures, seconds = [], {}
    for place, point in enumerate(everyone):
        if point not in points:
            continue
        start = time.perf_counter()
        try:
            results[point] = _row(program(_columns(grid, [point] * len(everyone))), place)
        except Exception as error:
            failures.append(_failure(grid, point, error))
        seconds[point] = time.perf_counter() - start
    return results, failures, seconds


def _columns(grid: Grid, points: list[Index]) -> dict[str, np.ndarray]:
    """The values of points along the vectorised axes, as columns."""
    return {
        name: axis.coordinates[[point[place] for point in points]]
        for place, (name, axis) in enumerate(grid.axes.items())
        if axis.vectorised
    }


def _compiled(work: Work, point: Index) -> Callable[[dict[str, np.ndarray]], Results]:
    """The compiled call of a full block with the fixed values of `point`."""
    grid = work.grid
    arguments = grid.arguments(point)
    fixed = {name: v for name, v in arguments.items() if not grid.axes[name].vectorised}
    size = int(np.prod(grid.block))

    def one(row: dict[str, Any], constants: Mapping[str, Any]) -> dict[str, Any]:
        returned = _checked(work.function(**row, **fixed, **constants), grid.axes)
        return {name: jnp.asarray(value) for name, value in returned.items()}

    def like(name: str) -> Any:
        values = grid.axes[name].coordinates
        return jnp.zeros((), float if values.dtype.kind == "f" else int)

    rows = {name: like(name) for name, axis in grid.axes.items() if axis.vectorised}
    groups, lanes = divide(size, footprint(one, rows, work.constants), _limit(work.memory_limit))

    @eqx.filter_jit
    def program(columns: dict[str, Any], constants: Mapping[str, Any]) -> dict[str, Any]:
        if lanes == 1:
            found = one({name: column[0] for name, column in columns.items()}, constants)
            return jax.tree.map(lambda leaf: leaf[None], found)
        return jax.vmap(lambda row: one(row, constants))(columns)

    def filled(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # A block at the edge is filled up with its last point, so that all have one shape.
        last = len(next(iter(columns.values()))) - 1
        places = np.minimum(np.arange(groups * lanes), last)
        return {name: columns[name][places].astype(rows[name].dtype) for name in rows}

    def group(columns: dict[str, np.ndarray], place: int) -> dict[str, np.ndarray]:
        part = slice(place * lanes, (place + 1) * lanes)
        return {name: column[part] for name, column in columns.items()}

    def call(columns: dict[str, np.ndarray]) -> Results:
        every = filled(columns)
        # One call after the other: a loop inside of the program, and calls that overlap, are
        # slower for large networks.
        found = [
            jax.tree.map(np.asarray, program(group(every, place), work.constants))
            for place in range(groups)
        ]
        return {
            name: _storable(name, np.concatenate([part[name] for part in found]))
            for name in found[0]
        }

    # Compiled here, so that the time of no point holds it; JAX keeps it for the calls.
    first: Any = program
    first.lower(group(filled(_columns(grid, [point])), 0), work.constants).compile()
    return call


def divide(size: int, each: int, limit: int) -> tuple[int, int]:
    """Groups of lanes for `size` points that take `each` bytes: few groups, within the limit."""
    most = min(max(limit // max(each, 1), 1), size)
    groups = -(-size // most)
    return groups, -(-size // groups)


def _limit(given: int | None) -> int:
    if given is not None:
        return given
    # A core's cache, where many small points run fastest (benchmarks/studies.py), or what an
    # accelerator needs to be busy.
    return 4 * 2**20 if jax.default_backend() == "cpu" else 2**30


def _row(found: Results, place: int) -> Results:
    return {name: values[place] for name, values in found.items()}


def _checked(returned: Any, axes: Mapping[str, Axis]) -> Mapping[str, Any]:
    """What a function returned, if it is a mapping from names to values."""
    if not isinstance(returned, Mapping) or not returned:
        raise ResultError(
            f"the study's function returned {type(returned).__name__} {returned!r:.60}: return a "
            "dict of numbers and arrays by name"
        )
    for name in returned:
        if not isinstance(name, str) or not name.isidentifier():
            raise ResultError(f"the study's function returned the name {name!r}: use identifiers")
        if name in axes or name in RESERVED:
            owner = "an axis" if name in axes else "the study itself"
            raise ResultError(
                f"the study's function returned {name!r}, a name of {owner}: call it otherwise"
            )
    return returned


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "bifuc":
        if array.dtype.name == "bfloat16":
            return array.astype(np.float32)
        raise ResultError(
            f"the study's function returned {name!r} of type {array.dtype}: return numbers, truth "
            "values, or arrays of them"
        )
    return array


def _failure(grid: Grid, point: Index, error: Exception) -> Failure:
    lines = str(error).strip().splitlines() or [""]
    # Equinox writes its message below the stack of the compiled program.
    inside = [line.split(":", 1)[1].strip() for line in lines if "EquinoxRuntimeError:" in line]
    message = f"{type(error).__name__}: {(inside or lines)[0]}"
    return Failure(point, grid.label(point), message, "".join(traceback.format_exception(error)))
