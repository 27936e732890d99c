"""The arrays of a study in a folder: a zarr group and JSON files.

A folder holds `study.json` (settings and provenance), `results.zarr` (an xarray Dataset, readable
by itself at any time), and `failures/` (one JSON file per block with failed points). Each chunk of
an array is written to a temporary file that is then renamed. Checksums guard every chunk.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from ..files.durable import synchronize
from .arrays import OWN, AbstractArrays, Kind
from .errors import StudyError
from .evaluation import Failure
from .grid import Block, Grid
from .records import read_json, write_json

HEADER, RESULTS = "study.json", "results.zarr"
CODECS = (ZstdCodec(), Crc32cCodec())


class FolderArrays(AbstractArrays):
    """Arrays in a folder, of which one process at a time writes."""

    def __init__(self, grid: Grid, folder: Path, group: zarr.Group):
        self.grid = grid
        self.folder: Path = folder
        self._group = group
        self._opened: dict[str, zarr.Array[Any]] = {}
        self._kinds: dict[str, Kind] = {}

    @classmethod
    def create(cls, grid: Grid, folder: Path) -> "FolderArrays":
        """New arrays, in place of those that the folder holds."""
        group = zarr.create_group(folder / RESULTS, overwrite=True)
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
        arrays = cls(grid, folder, group)
        for name, kind in OWN.items():
            arrays._make(name, kind)
        return arrays

    @classmethod
    def open(cls, grid: Grid, folder: Path, *, mode: Literal["r", "r+"] = "r+") -> "FolderArrays":
        """The arrays of a folder. Raises `StudyError` if their metadata cannot be read.

        With mode "r" nothing is written, so that another process may write at the same time.
        """
        path = folder / RESULTS
        try:
            group = zarr.open_group(path, mode=mode)
            for name in (*grid.axes, *OWN):
                group[name]
            arrays = cls(grid, folder, group)
            if mode == "r+":
                arrays._complete()
        except Exception as error:
            raise StudyError(
                f"{path} cannot be read ({type(error).__name__}: {error}): its metadata are "
                "damaged. Restore them from a copy, or remove the folder and run the study anew"
            ) from error
        return arrays

    @property
    def variables(self) -> list[str]:
        noted = list(self._noted())
        if self._group.read_only:
            # Beside a process that makes the arrays at this moment.
            return [name for name in noted if name in self._group]
        return noted

    def define(self, kinds: Mapping[str, Kind]) -> None:
        # Noted first, so that a study that ends in between knows which ones are still to be made.
        self._group.attrs["variables"] = {
            name: [list(kind.shape), kind.dtype.str, list(kind.dimensions), dict(kind.attributes)]
            for name, kind in kinds.items()
        }
        self._complete()

    def kind(self, name: str) -> Kind:
        if name not in self._kinds:
            array = self._array(name)
            metadata: Any = array.metadata
            count = len(self.grid.shape)
            dimensions = tuple(metadata.dimension_names[count:])
            shape = tuple(array.shape[count:])
            self._kinds[name] = Kind(shape, array.dtype, dimensions, dict(array.attrs))
        return self._kinds[name]

    def read(self, name: str, block: Block) -> np.ndarray:
        try:
            return np.asarray(self._array(name)[block.region])
        except Exception as error:  # codecs raise what they like
            raise StudyError(
                f"{self._path(name, block)} is damaged ({error}), which holds {name!r} of the "
                f"points from {self.grid.label(block.points()[0])} on: run the study again to "
                "compute these points anew"
            ) from error

    def everything(self, name: str) -> np.ndarray:
        try:
            return np.asarray(self._array(name)[...])
        except Exception:  # `read` says which chunk it was
            for block in self.grid.blocks():
                self.read(name, block)
            raise

    def write(self, name: str, block: Block, values: np.ndarray) -> None:
        self._array(name)[block.region] = values
        synchronize(self._path(name, block))

    def require(self, name: str, block: Block) -> None:
        path = self._path(name, block)
        if not path.exists():
            raise StudyError(f"{path} is missing, which holds {name!r}")

    def failures(self, block: Block) -> list[Failure]:
        path = self._failures_path(block)
        if not path.exists():
            return []
        entries = read_json(path)["failures"]
        return [Failure(**{**entry, "point": tuple(entry["point"])}) for entry in entries]

    def note_failures(self, block: Block, failures: list[Failure]) -> None:
        path = self._failures_path(block)
        if failures:
            write_json(path, {"failures": [vars(failure) for failure in failures]})
        else:
            path.unlink(missing_ok=True)

    def note_header(self, header: Mapping[str, Any]) -> None:
        write_json(self.folder / HEADER, header)

    def _array(self, name: str) -> zarr.Array[Any]:
        """An array; also chunks of blanks alone are written."""
        if name not in self._opened:
            array = self._group[name]
            assert isinstance(array, zarr.Array)
            self._opened[name] = array.with_config({"write_empty_chunks": True})
        return self._opened[name]

    def _noted(self) -> dict[str, Any]:
        noted: Any = self._group.attrs.get("variables", {})
        return noted

    def _complete(self) -> None:
        """Make the arrays that were noted and do not exist: an end may have come between."""
        for name, (shape, dtype, dimensions, attributes) in self._noted().items():
            if name not in self._group:
                kind = Kind(tuple(shape), np.dtype(dtype), tuple(dimensions), attributes)
                self._make(name, kind)

    def _make(self, name: str, kind: Kind) -> None:
        self._group.create_array(
            name,
            shape=(*self.grid.shape, *kind.shape),
            chunks=(*self.grid.block, *(max(side, 1) for side in kind.shape)),
            dtype=kind.dtype,
            fill_value=kind.blank,
            compressors=CODECS,
            dimension_names=(*self.grid.axes, *kind.dimensions),
            attributes=dict(kind.attributes),
        )

    def _path(self, name: str, block: Block) -> Path:
        """The file of an array's chunk."""
        place = (*block.place, *(0,) * len(self.kind(name).shape))
        return self.folder / RESULTS / name / "c" / Path(*map(str, place))

    def _failures_path(self, block: Block) -> Path:
        return self.folder / "failures" / f"{'_'.join(map(str, block.place))}.json"
