"""Where the results of a study are kept: a zarr group, in memory or in a folder.

A folder holds `study.json` (settings and provenance), `results.zarr` (an xarray Dataset, readable
by itself at any time), and `failures/` (one JSON file per block). A block is durable as a whole:
its arrays are written first, each to a temporary file that is then renamed, and `status` last; what
has no status counts as not computed. Checksums guard every chunk.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from ..durable import synchronize
from .errors import StudyError
from .evaluation import Failure, Outcome
from .grid import Block, Grid, Index
from .outputs import Output
from .records import read_json, write_json
from .returned import RESERVED

DONE, FAILED = 1, 2
"""Values of `status`; 0 is a point that was not computed."""

HEADER = "study.json"
"""The file of a study's settings and provenance."""

CODECS = (ZstdCodec(), Crc32cCodec())


class ResultStore:
    """The arrays of a study over all points, written block by block by one process."""

    def __init__(
        self, grid: Grid, outputs: Mapping[str, Output], folder: Path | None, group: zarr.Group
    ):
        self.grid, self.outputs, self.folder, self.group = grid, outputs, folder, group
        self.header: dict[str, Any] = {}
        self._failures: dict[Index, list[Failure]] = {}
        self._arrays: dict[str, zarr.Array] = {}

    @classmethod
    def create(
        cls, grid: Grid, outputs: Mapping[str, Output], folder: Path | None
    ) -> "ResultStore":
        """A new store: in a folder, or in memory."""
        where: Any = zarr.storage.MemoryStore() if folder is None else folder / "results.zarr"
        group = zarr.create_group(where, overwrite=folder is not None)
        store = cls(grid, outputs, folder, group)
        for name, axis in grid.axes.items():
            values = axis.coordinates
            words = values.dtype.kind == "U"
            coordinate = group.create_array(
                name,
                shape=values.shape,
                dtype=str if words else values.dtype,
                dimension_names=(name,),
                attributes={"units": axis.unit} if axis.unit else {},
            )
            coordinate[:] = values.astype(object) if words else values
        store._array("status", (), np.dtype(np.int8), {"meaning": "0 missing, 1 done, 2 failed"})
        store._array("seconds", (), np.dtype(float), {"units": "s", "long_name": "wall time"})
        return store

    @classmethod
    def open(
        cls,
        grid: Grid,
        outputs: Mapping[str, Output],
        folder: Path,
        *,
        mode: Literal["r", "r+"] = "r+",
    ) -> "ResultStore":
        """The store of a folder. Raises `StudyError` if its metadata cannot be read.

        With mode "r" nothing is written, so that another process may write at the same time.
        """
        path = folder / "results.zarr"
        try:
            group = zarr.open_group(path, mode=mode)
            for name in (*grid.axes, *RESERVED):
                group[name]
            store = cls(grid, outputs, folder, group)
            if mode == "r+":
                store._complete()
        except Exception as error:
            raise StudyError(
                f"{path} cannot be read ({type(error).__name__}: {error}): its metadata are "
                "damaged. Restore them from a copy, or remove the folder and run the study anew"
            ) from error
        return store

    @property
    def variables(self) -> list[str]:
        """The names of what the function returned; empty before the first finished point."""
        noted = list(self._noted())
        if self.group.read_only:
            # Beside a process that makes the arrays at this moment.
            return [name for name in noted if name in self.group]
        return noted

    def array(self, name: str) -> zarr.Array:
        """A variable over all points; also chunks of blanks alone are written."""
        if name not in self._arrays:
            array = self.group[name]
            assert isinstance(array, zarr.Array)
            self._arrays[name] = array.with_config({"write_empty_chunks": True})
        return self._arrays[name]

    def write(self, outcome: Outcome) -> int:
        """Make a block durable, together with what was known of it; returns how many points failed.

        Raises `StudyError` where writing fails, as on a full disk; the block then counts as it did
        before.
        """
        block = outcome.block
        # What a block held before counts only where some of its points are not computed now.
        known = self._blank if len(outcome.seconds) == block.size else self.read
        failures = list(outcome.failures)
        accepted = {}
        try:
            fitting = None
            for point, found in outcome.results.items():
                kinds = {name: (value.shape, value.dtype) for name, value in found.items()}
                if kinds != fitting:
                    self._define(found)
                    if complaint := self._complaint(found):
                        label = self.grid.label(point)
                        failures.append(Failure(point, label, f"ResultError: {complaint}", ""))
                        continue
                    fitting = kinds
                accepted[point] = found
            for name in self.variables:
                values = known(name, block)
                for point, found in accepted.items():
                    values[self._within(block, point)] = found[name]
                self._put(name, block, values)
            seconds, status = known("seconds", block), known("status", block)
            for point, value in outcome.seconds.items():
                seconds[self._within(block, point)] = value
            failed = {failure.point for failure in failures}
            for point in outcome.seconds:
                status[self._within(block, point)] = FAILED if point in failed else DONE
            self._put("seconds", block, seconds)
            kept = [f for f in self.failures(block) if f.point not in outcome.seconds]
            self._note(block, kept + failures)
            self._note_device(outcome.device)
            self._put("status", block, status)
            return len(failed)
        except OSError as error:
            raise StudyError(
                f"the results of the points {self.grid.label(block.points()[0])} ... could not be "
                f"written to {self.folder} ({error}): make room or mend the folder, and run the "
                "study again; what was finished before is kept"
            ) from error

    def read(self, name: str, block: Block) -> np.ndarray:
        """A variable at a block's points. Raises `StudyError` for a damaged chunk."""
        try:
            return np.asarray(self.array(name)[block.region])
        except Exception as error:
            raise StudyError(
                f"{self._path(name, block) or name} is damaged ({error}), which holds {name!r} of "
                f"the points from {self.grid.label(block.points()[0])} on: run the study again to "
                "compute these points anew"
            ) from error

    def everything(self, name: str) -> np.ndarray:
        """A variable at all points. Raises `StudyError` for a damaged chunk."""
        try:
            return np.asarray(self.array(name)[...])
        except Exception:  # codecs raise what they like; `read` says which chunk it was
            for block in self.grid.blocks():
                self.read(name, block)
            raise

    def _blank(self, name: str, block: Block) -> np.ndarray:
        """What a block of a variable holds before it is computed."""
        array = self.array(name)
        shape = (*block.shape, *array.shape[len(block.shape) :])
        return np.full(shape, array.fill_value).astype(array.dtype)

    def examine(self) -> Iterator[tuple[Block, np.ndarray, str]]:
        """Every block with its status and what is wrong with it: "" for a sound one."""
        for block in self.grid.blocks():
            try:
                status = self.read("status", block)
                if np.any(status == DONE):
                    for name in (*self.variables, "seconds"):
                        path = self._path(name, block)
                        if path is not None and not path.exists():
                            raise StudyError(f"{path} is missing, which holds {name!r}")
                        self.read(name, block)
            except StudyError as error:
                yield block, np.zeros(block.shape, np.int8), str(error)
            else:
                yield block, status, ""

    def forget(self, block: Block) -> None:
        """Let a block count as not computed."""
        for name in ("status", *self.variables, "seconds"):
            self._put(name, block, self._blank(name, block))

    def failures(self, block: Block) -> list[Failure]:
        """The failures of a block's points."""
        if self.folder is None:
            return list(self._failures.get(block.place, ()))
        path = self._failures_path(block)
        if not path.exists():
            return []
        entries = read_json(path)["failures"]
        return [Failure(**{**entry, "point": tuple(entry["point"])}) for entry in entries]

    def save_header(self) -> None:
        """Make what is said of the study as a whole durable, if there is a folder."""
        if self.folder is not None:
            write_json(self.folder / HEADER, self.header)

    def _note_device(self, device: str) -> None:
        """Let the newest run name a device on which points were computed."""
        if not self.header or not device:
            return
        devices = self.header["runs"][-1].setdefault("devices", [])
        if device not in devices:
            devices.append(device)
            self.save_header()

    def _note(self, block: Block, failures: list[Failure]) -> None:
        if self.folder is None:
            self._failures[block.place] = failures
        elif failures:
            entries = [vars(failure) for failure in failures]
            write_json(self._failures_path(block), {"failures": entries})
        else:
            self._failures_path(block).unlink(missing_ok=True)

    def _failures_path(self, block: Block) -> Path:
        assert self.folder is not None
        return self.folder / "failures" / f"{'_'.join(map(str, block.place))}.json"

    def _within(self, block: Block, point: Index) -> Index:
        return tuple(p - start for p, start in zip(point, block.start, strict=True))

    def _complaint(self, found: Mapping[str, np.ndarray]) -> str:
        """Why results do not fit those stored before; empty if they do."""
        known = self.variables
        if not known:
            return ""
        if set(found) != set(known):
            return f"returned {list(found)}, other points {known}: return the same names always"
        for name, value in found.items():
            array = self.array(name)
            shape = array.shape[len(self.grid.shape) :]
            if value.shape != shape:
                return (
                    f"returned {name!r} of shape {value.shape}, other points of {shape}: pad it to "
                    "one shape, or return a number that sums it up"
                )
            if not np.can_cast(value.dtype, array.dtype, "same_kind"):
                return (
                    f"returned {name!r} of type {value.dtype}, other points of {array.dtype}: "
                    "return one type"
                )
        return ""

    def _define(self, found: Mapping[str, np.ndarray]) -> None:
        """At the first finished point: note which variables there are, then make their arrays."""
        if self.variables:
            return
        known = {name: [list(value.shape), value.dtype.str] for name, value in found.items()}
        self.group.attrs["variables"] = known
        self._complete()

    def _noted(self) -> dict[str, Any]:
        noted: Any = self.group.attrs.get("variables", {})
        return noted

    def _complete(self) -> None:
        """Make the arrays that were noted and do not exist: an end may have come between."""
        for name, (shape, dtype) in self._noted().items():
            if name not in self.group:
                self._array(name, tuple(shape), np.dtype(dtype), {})

    def _array(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype, attributes: dict[str, Any]
    ) -> None:
        output = self.outputs.get(name, Output())
        fill = np.asarray(np.nan if dtype.kind in "fc" else 0).astype(dtype)
        self.group.create_array(
            name,
            shape=(*self.grid.shape, *shape),
            chunks=(*self.grid.block, *(max(side, 1) for side in shape)),
            dtype=dtype,
            fill_value=fill[()],
            compressors=CODECS,
            dimension_names=(*self.grid.axes, *output.names(name, len(shape))),
            attributes=attributes | ({"units": output.unit} if output.unit else {}),
        )

    def _put(self, name: str, block: Block, values: np.ndarray) -> None:
        self.array(name)[block.region] = values
        path = self._path(name, block)
        if path is not None:
            synchronize(path)

    def _path(self, name: str, block: Block) -> Path | None:
        """The file of a variable's chunk; None in memory."""
        if self.folder is None:
            return None
        beyond = len(self.array(name).shape) - len(block.place)
        place = (*block.place, *(0,) * beyond)
        return self.folder / "results.zarr" / name / "c" / Path(*map(str, place))
