"""The results of a study: what is written of a block, and what is found out about it later.

A block is durable as a whole: its arrays are written first, and `status` last; what has no status
counts as not computed.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import AbstractArrays, Kind, Survey
from .errors import StudyError
from .evaluation import Failure, Outcome
from .fitting import complaint, kinds_of, target
from .grid import Block, Grid, Index
from .outputs import Output
from .returned import SECONDS, STATUS, Results

MISSING, DONE, FAILED = 0, 1, 2
"""Values of `status`."""


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a store holds: `status` and `seconds` of all points, and what is wrong with blocks.

    Points of blocks with which something is wrong count as missing in `status`.
    """

    status: np.ndarray
    seconds: np.ndarray
    troubles: list[tuple[Block, str]]


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
            failures = [*map(self._beside_others, outcome.failures), *refused]
            for name in arrays.variables:
                values = known(name, block)
                for point, found in accepted.items():
                    values[_within(block, point)] = found[name]
                arrays.write(name, block, values)
            seconds, status = known(SECONDS, block), known(STATUS, block)
            failed = {failure.point for failure in failures}
            for point, value in outcome.seconds.items():
                seconds[_within(block, point)] = value
                status[_within(block, point)] = FAILED if point in failed else DONE
            arrays.write(SECONDS, block, seconds)
            noted = self._noted(block)
            if failures:  # beside those of before, which count until the status says otherwise
                others = [failure for failure in noted if failure.point not in failed]
                arrays.note_failures(block, others + failures)
            self._note_run(outcome)
            arrays.write(STATUS, block, status)
            kept = [f for f in noted if f.point not in outcome.seconds]
            if noted or not failures:
                arrays.note_failures(block, kept + failures)
            return len(failed)
        except OSError as error:
            raise StudyError(
                f"the results of the points {self.grid.label(block.points()[0])} ... could not be "
                f"written to {self.folder} ({error}): make room or mend the folder, and run the "
                "study again; what was finished before is kept"
            ) from error

    def examine(self) -> Findings:
        """What is computed at all points, and what is wrong with it."""
        status, seconds = self.arrays.survey(STATUS), self.arrays.survey(SECONDS)
        surveys = {STATUS: status, SECONDS: seconds}
        for name in self.arrays.variables:
            # What is wrong is kept of the others, and not their values: these may be large.
            survey = self.arrays.survey(name)
            surveys[name] = Survey(np.empty(0), survey.absent, survey.damaged)
        troubles = list(self._troubles(surveys))
        for block, _ in troubles:
            status.values[block.region] = MISSING
        return Findings(status.values, seconds.values, troubles)

    def everything(self) -> dict[str, np.ndarray]:
        """All arrays by name. Raises `StudyError` if what was computed is lost or damaged."""
        # The status first: what it calls done was stored before, also while another process writes.
        names = (STATUS, SECONDS, *self.arrays.variables)
        surveys = {name: self.arrays.survey(name) for name in names}
        for _, trouble in self._troubles(surveys):
            raise StudyError(
                f"{trouble}: run the study again to compute these points anew, or restore the file "
                "from a copy"
            )
        return {name: survey.values for name, survey in surveys.items()}

    def failures(self, block: Block, status: np.ndarray) -> list[Failure]:
        """Why points of a block failed. Raises `StudyError` if that is not known of all of them."""
        failed = np.argwhere(status == FAILED)
        points = {tuple((place + block.start).tolist()) for place in failed}
        found = [f for f in self.arrays.failures(block) if f.point in points] if points else []
        if len(found) < len(points):
            raise StudyError(
                f"nothing says why {len(points) - len(found)} points from "
                f"{self.grid.label(block.points()[0])} on failed, since a file of "
                f"{self.folder}/failures is missing: run the study again to compute them anew"
            )
        return found

    def forget(self, block: Block) -> None:
        """Let a block count as not computed."""
        for name in (STATUS, *self.arrays.variables, SECONDS):
            self.arrays.write(name, block, self.arrays.blank(name, block))

    def _troubles(self, surveys: Mapping[str, Survey]) -> Iterator[tuple[Block, str]]:
        """Blocks of which something is lost or damaged that their status says is there."""
        if not any(survey.absent or survey.damaged for survey in surveys.values()):
            return
        status = surveys[STATUS].values
        for block in self.grid.blocks():
            if trouble := self._trouble(block, status[block.region], surveys):
                yield block, trouble

    def _trouble(self, block: Block, status: np.ndarray, surveys: Mapping[str, Survey]) -> str:
        """What is wrong with a block: "" if all is there that its status says."""
        if text := surveys[STATUS].damaged.get(block.place):
            return text
        for name, survey in surveys.items():
            if not survey.absent and not survey.damaged:
                continue
            computed = status > 0 if name == SECONDS else status == DONE
            if name == STATUS or not np.any(computed):
                continue
            if text := survey.damaged.get(block.place):
                return text
            if block.place in survey.absent:
                return self.arrays.complaint(name, block, "is missing")
        return ""

    def _noted(self, block: Block) -> list[Failure]:
        try:
            return self.arrays.failures(block)
        except StudyError:  # its points are computed anew
            return []

    def _note_run(self, outcome: Outcome) -> None:
        """Let the newest run name the devices that computed, and the time of compilation."""
        run = self.header["runs"][-1]
        devices = run.setdefault("devices", [])
        if outcome.device and outcome.device not in devices:
            devices.append(outcome.device)
        elif not outcome.compiling:
            return
        run["compiling"] = run.get("compiling", 0.0) + outcome.compiling
        self.arrays.note_header(self.header)

    def _beside_others(self, failure: Failure) -> Failure:
        """A failure of a value that cannot be stored, with the type of those that were."""
        if failure.output not in self.arrays.variables:
            return failure
        return failure.adding(f"; at other points it is {self.arrays.kind(failure.output).dtype}")

    def _sort(self, results: Mapping[Index, Results]) -> tuple[dict[Index, Results], list[Failure]]:
        """The results that fit those stored before, and the others as failures.

        The first one of a study says which arrays there are.
        """
        accepted, refused = {}, []
        fitting: Any = None
        for point, found in results.items():
            kinds = {name: (value.shape, value.dtype) for name, value in found.items()}
            if kinds != fitting:
                if not self.arrays.variables:
                    self.arrays.define(kinds_of(found, self.outputs, self.grid))
                if why := self._fit(found):
                    label = self.grid.label(point)
                    refused.append(Failure(point, label, f"ResultError: {why}", ""))
                    continue
                if all(self.arrays.kind(name).dtype == dtype for name, (_, dtype) in kinds.items()):
                    fitting = kinds
            accepted[point] = found
        return accepted, refused

    def _stored(self, name: str) -> np.ndarray:
        return self.arrays.survey(name).values

    def _fit(self, found: Results) -> str:
        """Widen arrays for results of other types; says why where that cannot be."""
        kinds: dict[str, Kind] = {name: self.arrays.kind(name) for name in self.arrays.variables}
        if why := complaint(found, kinds):
            return why
        targets = {}
        for name, value in found.items():
            kept = kinds[name].dtype
            if value.dtype == kept:
                continue
            dtype = target(kept, value, functools.partial(self._stored, name))
            if dtype is None:
                return (
                    f"returned {name!r} of type {value.dtype}, other points of {kept}, and no type "
                    f"holds all values exactly: return one type always, such as float({name})"
                )
            if dtype != kept:
                targets[name] = dtype
        for name, dtype in targets.items():
            self.arrays.widen(name, dtype)
        return ""


def _within(block: Block, point: Index) -> Index:
    return tuple(p - start for p, start in zip(point, block.start, strict=True))
