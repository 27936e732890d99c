"""A study: a function of one point, at all points of a grid, stored as they are computed."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray

from ..errors import check_at_least
from .axes import Axis, as_axis
from .engines import AbstractEngine, InProcess
from .fingerprint import configuration, describe, describe_axes, function_name
from .grid import Grid, make_grid
from .outputs import Output
from .returned import RESERVED
from .running import compute, conclude, held, open_results
from .work import Work

TOGETHER = 256
"""Points of a block where axes are vectorised, unless told otherwise."""


class Study:
    """A function evaluated at every combination of the values of named axes.

    All that is said here is a setting: a study resumes only what was started with the same ones.

    Args:
        function: `function(**point, **constants)` returns a dict of numbers and arrays by name, of
            the same shapes at every point. Along vectorised axes it gets traced scalars.
        axes: From names to an `Axis`, to one of `linspace`, `logspace` and `seeds`, or to plain
            values.
        constants: Further arguments, the same at every point; None for none.
        outputs: Units and names of dimensions of what is returned; None for none.
        points_per_block: How many points are computed by one task and become durable together; None
            for one, or 256 where axes are vectorised.
        memory_limit: Bytes inside which many points run side by side in one compiled call; None for
            1 GiB on accelerators, and on processors 16 MiB, or one point if fewer than four fit.

    Raises:
        ValueError: axes, constants and outputs that cannot be, or do not fit the function.
        TypeError: they are of the wrong kind.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> study.run(progress=False)["b"].values.tolist()
        [2, 4]
    """

    def __init__(
        self,
        function: Callable[..., Mapping[str, Any]],
        axes: Mapping[str, Any],
        *,
        constants: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Output] | None = None,
        points_per_block: int | None = None,
        memory_limit: int | None = None,
    ):
        if not callable(function):
            raise TypeError(f"function is {function!r}: give a function of one point")
        for name, value in (
            ("axes", axes),
            ("constants", constants or {}),
            ("outputs", outputs or {}),
        ):
            if not isinstance(value, Mapping):
                raise TypeError(f"{name} is {value!r}: give a dict by name")
        for name, output in (outputs or {}).items():
            if not isinstance(output, Output):
                raise TypeError(
                    f"outputs[{name!r}] is {output!r}: give an Output, as in Output(unit='mV')"
                )
        self.function = function
        self.axes: dict[str, Axis] = {name: as_axis(values) for name, values in axes.items()}
        self.constants = dict(constants or {})
        self.outputs = dict(outputs or {})
        if not self.axes:
            raise ValueError("axes is empty: give at least one axis to vary")
        for name, axis in self.axes.items():
            axis.check(name)
        self._check_names()
        vectorised = any(axis.vectorised for axis in self.axes.values())
        if points_per_block is None:
            points_per_block = TOGETHER if vectorised else 1
        check_at_least("points_per_block", points_per_block, 1, "computed and stored together")
        if memory_limit is not None:
            check_at_least("memory_limit", memory_limit, 1, "of bytes; None chooses one")
        self.points_per_block, self.memory_limit = points_per_block, memory_limit
        self.grid: Grid = make_grid(self.axes, points_per_block)

    def run(
        self,
        store: str | Path | None = None,
        *,
        engine: AbstractEngine = InProcess(),
        progress: bool = True,
    ) -> xarray.Dataset:
        """Compute what is missing, and return all results.

        `store` is a folder in which every block is durable as soon as it is computed; a run that
        ended early goes on there. Without one results are in memory only. `engine` says where
        points are computed: `InProcess`, `Processes`, `OnExecutor` or `Dask`.

        A point whose function raises is recorded as failed, with message and traceback
        (`failures`), and the rest goes on; it holds NaN in the results. `retry` computes it again.

        Raises `StudyError` if the store belongs to a study with other settings, is in use, or
        cannot be written, if workers are lost for good, and if all points failed; the `results` so
        far come with `StudyInterrupted` if the run is interrupted (None if they are in a store).
        """
        return self._run(store, engine, progress, again=False)

    def retry(
        self,
        store: str | Path,
        *,
        engine: AbstractEngine = InProcess(),
        progress: bool = True,
    ) -> xarray.Dataset:
        """Compute failed points again, and missing ones; otherwise as `run`."""
        return self._run(store, engine, progress, again=True)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides about the results, as JSON."""
        return {
            "function": function_name(self.function),
            "axes": describe_axes(self.axes),
            "constants": {name: describe(value) for name, value in self.constants.items()},
            "outputs": {n: [o.unit, list(o.dimensions)] for n, o in self.outputs.items()},
            "points_per_block": self.points_per_block,
            "memory_limit": self.memory_limit,
            "jax": configuration(),
        }

    def _check_names(self) -> None:
        both = sorted(set(self.axes) & set(self.constants))
        if both:
            raise ValueError(f"{both[0]!r} is an axis and a constant: give it as one of them")
        for name in (*self.axes, *self.constants):
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"the name {name!r} is no argument of a function: rename it")
            if name in RESERVED:
                raise ValueError(f"the name {name!r} is the study's own: rename it")
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):
            return
        given = (*self.axes, *self.constants)
        kinds = [parameter.kind for parameter in signature.parameters.values()]
        takes_any = inspect.Parameter.VAR_KEYWORD in kinds
        for name in given:
            if name not in signature.parameters and not takes_any:
                raise ValueError(
                    f"the function takes no argument {name!r}, only "
                    f"{', '.join(signature.parameters)}: rename the axis or constant"
                )
        for name, parameter in signature.parameters.items():
            named = parameter.kind in (
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                inspect.Parameter.KEYWORD_ONLY,
            )
            if named and parameter.default is inspect.Parameter.empty and name not in given:
                raise ValueError(
                    f"the function's argument {name!r} is neither an axis nor a constant: give it "
                    "as one of them"
                )

    def _run(
        self,
        store: str | Path | None,
        engine: AbstractEngine,
        progress: bool,
        again: bool,
    ) -> xarray.Dataset:
        if not isinstance(engine, AbstractEngine):
            raise TypeError(
                f"engine is {engine!r}: give InProcess(), Processes(), OnExecutor(executor) or "
                "Dask(cluster)"
            )
        work = Work(self.function, self.grid, self.constants, self.memory_limit)
        folder = None if store is None else Path(store)
        with held(folder):
            results = open_results(work, self.settings, self.outputs, folder)
            compute(work, results, engine, progress=progress, again=again)
            return conclude(results)
