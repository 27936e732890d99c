"""The results of a study: what is written of a block, and what is found out about it later.

A block is durable as a whole: its arrays are written first, and `status` last; what has no status
counts as not computed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import AbstractArrays, Kind
from .errors import StudyError
from .evaluation import Failure, Outcome
from .grid import Block, Grid, Index
from .outputs import Output

DONE, FAILED = 1, 2
"""Values of `status`; 0 is a point that was not computed."""


class ResultStore:
    """The results of a study over all points, written block by block by one process.

    `header` is what is said of the study as a whole: settings, and the runs that there were.
    """

    def __init__(
        self, arrays: AbstractArrays, outputs: Mapping[str, Output], header: dict[str, Any]
    ):
        self.arrays, self.outputs, self.header = arrays, outputs, header

    @property
    def grid(self) -> Grid:
        return self.arrays.grid

    @property
    def folder(self) -> Path | None:
        return self.arrays.folder

    def write(self, outcome: Outcome) -> int:
        """Make a block durable, together with what was known of it; returns how many points failed.

        Raises `StudyError` where writing fails, as on a full disk; the block then counts as it did
        before.
        """
        block, arrays = outcome.block, self.arrays
        # What a block held before counts only where some of its points are not computed now.
        known = arrays.blank if len(outcome.seconds) == block.size else arrays.read
        try:
            accepted, refused = self._sort(outcome.results)
            failures = [*outcome.failures, *refused]
            for name in arrays.variables:
                values = known(name, block)
                for point, found in accepted.items():
                    values[_within(block, point)] = found[name]
                arrays.write(name, block, values)
            seconds, status = known("seconds", block), known("status", block)
            failed = {failure.point for failure in failures}
            for point, value in outcome.seconds.items():
                seconds[_within(block, point)] = value
                status[_within(block, point)] = FAILED if point in failed else DONE
            arrays.write("seconds", block, seconds)
            kept = [f for f in arrays.failures(block) if f.point not in outcome.seconds]
            arrays.note_failures(block, kept + failures)
            self._note_device(outcome.device)
            arrays.write("status", block, status)
            return len(failed)
        except OSError as error:
            raise StudyError(
                f"the results of the points {self.grid.label(block.points()[0])} ... could not be "
                f"written to {self.folder} ({error}): make room or mend the folder, and run the "
                "study again; what was finished before is kept"
            ) from error

    def examine(self) -> Iterator[tuple[Block, np.ndarray, str]]:
        """Every block with its status and what is wrong with it: "" for a sound one."""
        arrays = self.arrays
        names = (*arrays.variables, "seconds")
        try:
            # All at once, which is faster than block by block, if all is sound.
            everywhere = arrays.everything("status")
            for name in names:
                arrays.everything(name)
            sound = True
        except StudyError:
            sound = False
        for block in self.grid.blocks():
            try:
                status = everywhere[block.region] if sound else arrays.read("status", block)
                if np.any(status == DONE):
                    for name in names:
                        arrays.require(name, block)
                        if not sound:
                            arrays.read(name, block)
            except StudyError as error:
                yield block, np.zeros(block.shape, np.int8), str(error)
            else:
                yield block, status, ""

    def forget(self, block: Block) -> None:
        """Let a block count as not computed."""
        for name in ("status", *self.arrays.variables, "seconds"):
            self.arrays.write(name, block, self.arrays.blank(name, block))

    def _note_device(self, device: str) -> None:
        """Let the newest run name a device on which points were computed."""
        devices = self.header["runs"][-1].setdefault("devices", [])
        if device and device not in devices:
            devices.append(device)
            self.arrays.note_header(self.header)

    def _sort(
        self, results: Mapping[Index, Mapping[str, np.ndarray]]
    ) -> tuple[dict[Index, Mapping[str, np.ndarray]], list[Failure]]:
        """The results that fit those stored before, and the others as failures.

        The first one of a study says which arrays there are.
        """
        accepted, refused = {}, []
        fitting = None
        for point, found in results.items():
            kinds = {name: (value.shape, value.dtype) for name, value in found.items()}
            if kinds != fitting:
                if not self.arrays.variables:
                    self._define(found)
                if complaint := self._complaint(found):
                    label = self.grid.label(point)
                    refused.append(Failure(point, label, f"ResultError: {complaint}", ""))
                    continue
                fitting = kinds
            accepted[point] = found
        return accepted, refused

    def _define(self, found: Mapping[str, np.ndarray]) -> None:
        for name in self.outputs:
            if name not in found:
                raise ValueError(
                    f"outputs names {name!r}, but the function returned {', '.join(found)}: "
                    "correct the name, or leave it out"
                )
        self.arrays.define({name: self._kind(name, value) for name, value in found.items()})

    def _kind(self, name: str, value: np.ndarray) -> Kind:
        output = self.outputs.get(name, Output())
        attributes = {"units": output.unit} if output.unit else {}
        return Kind(value.shape, value.dtype, output.names(name, value.ndim), attributes)

    def _complaint(self, found: Mapping[str, np.ndarray]) -> str:
        """Why results do not fit those stored before; empty if they do."""
        known = self.arrays.variables
        if set(found) != set(known):
            return f"returned {list(found)}, other points {known}: return the same names always"
        for name, value in found.items():
            kind = self.arrays.kind(name)
            if value.shape != kind.shape:
                return (
                    f"returned {name!r} of shape {value.shape}, other points of {kind.shape}: pad "
                    "it to one shape, or return a number that sums it up"
                )
            if not np.can_cast(value.dtype, kind.dtype, "same_kind"):
                return (
                    f"returned {name!r} of type {value.dtype}, other points of {kind.dtype}: "
                    "return one type"
                )
        return ""


def _within(block: Block, point: Index) -> Index:
    return tuple(p - start for p, start in zip(point, block.start, strict=True))
