"""What a worker does: the points of one block, in one compiled call or one after another."""

import collections
import dataclasses
import functools
import gc
import os
import platform
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

import cloudpickle
import jax

from .compilation import stopwatch
from .errors import StudyError
from .fingerprint import configuration
from .grid import Block, Grid, Index
from .memory_maps import MemoryMaps
from .modules import loaded_files, restore_files
from .program import Program, traced_axes
from .returned import ResultError, Results, checked, storable
from .tracing import may_be_traced
from .work import Work

KEPT = 8
"""Compiled calls that a worker holds, since blocks that share one need not follow each other."""

TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
TRACED_REMEDY = (
    "Along vectorised axes the function gets values that JAX traces: use jnp.where in place of if, "
    "jax.numpy in place of numpy, or leave vectorised out"
)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A point whose function raised: where, with which message, and where in the code."""

    point: Index
    label: str
    message: str
    traceback: str
    output: str = ""
    """The output whose value could not be stored; empty if it was something else."""

    def adding(self, text: str) -> "Failure":
        """The same with a longer message."""
        return dataclasses.replace(self, message=self.message + text)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a block: the results of its points by index, and the failures.

    `seconds` are those of computing, point by point, and `compiling` those of compilation, which
    all points of the block share. `worker` and `device` say who computed it; they are empty where
    nobody lived to tell.
    """

    block: Block
    results: Mapping[Index, Results]
    failures: tuple[Failure, ...]
    seconds: Mapping[Index, float]
    worker: str
    device: str
    compiling: float = 0.0


class Worker:
    """What computes blocks: the function of a study, and its newest compiled calls.

    One call is compiled for each combination of values along which the function is not traced.
    """

    def __init__(self, work: Work):
        self.work = work
        self._traced: dict[Index, tuple[str, ...]] = {}
        self._refused: set[tuple[int | None, ...]] = set()
        self._programs: collections.OrderedDict[Any, Program] = collections.OrderedDict()
        self.maps = MemoryMaps()
        stopwatch()  # counts from the first block on

    def evaluate(self, block: Block, points: tuple[Index, ...] | None = None) -> Outcome:
        """Compute some points of a block, by default all; what fails is part of the outcome."""
        chosen = tuple(block.points()) if points is None else points
        vectorised = any(axis.vectorised for axis in self.work.grid.axes.values())
        run = _together if vectorised else _one_by_one
        before = stopwatch().total
        results, failures, seconds = run(self, block, chosen)
        device = jax.devices()[0]
        return Outcome(
            block,
            results,
            tuple(failures),
            seconds,
            f"{platform.node()}:{os.getpid()}",
            f"{device.platform}: {device.device_kind}",
            stopwatch().total - before,
        )

    def program(self, point: Index) -> Program:
        """The compiled call for the values of a point along the axes that are not traced."""
        axes = self.work.grid.axes
        # As at the first value along axes that may be traced: so all workers choose the same.
        corner = tuple(
            0 if axis.vectorised or may_be_traced(axis) else place
            for axis, place in zip(axes.values(), point, strict=True)
        )
        if corner not in self._traced:
            self._traced[corner] = traced_axes(self.work, corner)
        declared = tuple(name for name, axis in axes.items() if axis.vectorised)
        chosen = self._traced[corner]
        if chosen != declared and self._fixed(point, chosen) not in self._refused:
            try:
                return self._compiled(point, chosen)
            except Exception:  # what can be traced at the corner need not be here
                self._refused.add(self._fixed(point, chosen))
        return self._compiled(point, declared)

    def _fixed(self, point: Index, names: tuple[str, ...]) -> tuple[int | None, ...]:
        """A point, without its places along axes that are traced."""
        return tuple(
            None if name in names else place
            for name, place in zip(self.work.grid.axes, point, strict=True)
        )

    def _compiled(self, point: Index, names: tuple[str, ...]) -> Program:
        fixed = self._fixed(point, names)
        if fixed not in self._programs:
            while len(self._programs) >= KEPT:
                self._programs.popitem(last=False)
            gc.collect()  # before the next one is compiled, what the last one held is free
            self._programs[fixed] = Program(self.work, point, names)
        self._programs.move_to_end(fixed)
        return self._programs[fixed]


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


def _now() -> float:
    """A clock in seconds that stands still while JAX traces and compiles."""
    return time.perf_counter() - stopwatch().total


Found = tuple[dict[Index, Results], list[Failure], dict[Index, float]]


def _one_by_one(worker: Worker, block: Block, points: tuple[Index, ...]) -> Found:
    work = worker.work
    results: dict[Index, Results] = {}
    failures, seconds = [], {}
    for point in points:
        worker.maps.spare()
        start = _now()
        try:
            returned = work.function(**work.grid.arguments(point), **work.constants)
            results[point] = {
                name: storable(name, value)
                for name, value in checked(returned, work.grid.axes).items()
            }
        except (Exception, SystemExit) as error:  # a program's own end ends its point
            failures.append(_failure(work.grid, point, error))
        seconds[point] = _now() - start
    return results, failures, seconds


def _together(worker: Worker, block: Block, points: tuple[Index, ...]) -> Found:
    """All points of a block in one compiled call; where that raises, each one by itself.

    Always in the same program, at the same place: a point's numbers do not depend on which others
    are computed with it.
    """
    grid = worker.work.grid
    worker.maps.spare()
    everyone = block.points()
    chosen = set(points)
    begin = time.perf_counter()
    try:
        program = worker.program(everyone[0])
    except Exception as error:
        failures = [_failure(grid, point, error) for point in points]
        return {}, failures, dict.fromkeys(points, 0.0)
    finally:
        stopwatch().count(time.perf_counter() - begin)
    start = _now()
    try:
        found = program(everyone)
    except Exception:  # nothing is hidden: the points that raise it do so again, each by itself
        return _each(program, grid, everyone, chosen)
    each = (_now() - start) / len(everyone)
    wanted = {point: _row(found, place) for place, point in enumerate(everyone) if point in chosen}
    return wanted, [], dict.fromkeys(points, each)


def _each(program: Program, grid: Grid, everyone: list[Index], chosen: set[Index]) -> Found:
    """The points of a block of which some fail: each in a call filled with itself alone."""
    results: dict[Index, Results] = {}
    failures, seconds = [], {}
    for place, point in enumerate(everyone):
        if point not in chosen:
            continue
        start = _now()
        try:
            results[point] = _row(program([point]), place)
        except Exception as error:
            failures.append(_failure(grid, point, error))
        seconds[point] = _now() - start
    return results, failures, seconds


def _row(found: Results, place: int) -> Results:
    return {name: values[place] for name, values in found.items()}


def _failure(grid: Grid, point: Index, error: BaseException) -> Failure:
    lines = str(error).strip().splitlines() or [""]
    # Equinox writes its message below the stack of the compiled program.
    inside = [line.split(":", 1)[1].strip() for line in lines if "EquinoxRuntimeError:" in line]
    message = f"{type(error).__name__}: {(inside or lines)[0]}"
    if isinstance(error, TRACED):
        message += f" {TRACED_REMEDY}"
    lines = traceback.format_exception(error)
    output = error.output if isinstance(error, ResultError) else ""
    return Failure(point, grid.label(point), message, "".join(lines), output)
