"""The arrays of a study in a folder: a zarr group and JSON files (`layout`).

`results.zarr` is an xarray Dataset, readable by itself at any time. Each chunk of an array is
written to a temporary file that is then renamed, and has a checksum.
"""

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..files.durable import write_alone
from . import layout
from .arrays import OWN, AbstractArrays, Kind, Survey
from .chunks import Chunks
from .errors import StudyError
from .evaluation import Failure
from .grid import Block, Grid
from .layout import Contents
from .records import encoded, read_json

COMPUTE_ANEW = "run the study again to compute these points anew"


class FolderArrays(AbstractArrays):
    """Arrays in a folder, of which one process at a time writes."""

    def __init__(self, grid: Grid, folder: Path, contents: Contents):
        self.grid = grid
        self.folder: Path = folder
        self._contents = contents
        self._surveys: dict[str, Survey] | None = None
        # No block reaches beyond the grid, so that no chunk is cut.
        self._even = all(n % b == 0 for n, b in zip(grid.shape, grid.block, strict=True))

    @classmethod
    def create(cls, grid: Grid, folder: Path) -> "FolderArrays":
        """New arrays, in place of those that the folder holds."""
        digests = layout.make_group(folder, grid)
        for name, kind in OWN.items():
            made = layout.make_array(folder / layout.RESULTS, grid, name, kind)
            digests[f"{name}/{layout.METADATA}"] = made
        contents = Contents({}, digests, [])
        contents.write(folder)
        return cls(grid, folder, contents)

    @classmethod
    def open(cls, grid: Grid, folder: Path, *, mode: Literal["r", "r+"] = "r+") -> "FolderArrays":
        """The arrays of a folder. Raises `StudyError` if their metadata cannot be read.

        With mode "r" nothing is written, so that another process may write at the same time.
        """
        contents = layout.read_contents(folder)
        arrays = cls(grid, folder, contents)
        if mode == "r+":
            arrays._finish_moving()
        moved = {name: arrays._place(name) for name in contents.moving}
        layout.require_sound(folder, contents.digests, moved)
        if mode == "r+":
            arrays._complete()
            arrays._surveys = {}
        return arrays

    @property
    def variables(self) -> list[str]:
        # Others are made at this moment, by the process that writes.
        return [name for name in self._contents.kinds if self._is_made(name)]

    def define(self, kinds: Mapping[str, Kind]) -> None:
        # Noted first, so that a study that ends in between knows which ones are still to be made.
        contents = self._contents.copy()
        contents.kinds.update(kinds)
        self._note(contents)
        self._complete()

    def widen(self, name: str, dtype: np.dtype) -> None:
        kind = dataclasses.replace(self.kind(name), dtype=dtype)
        # Made beside the old array, which counts until the new one is whole.
        parent = self.folder / layout.WIDENING
        try:
            made = layout.make_array(parent, self.grid, name, kind)
            chunks, wider = self._chunks(name), layout.chunks_of(self.grid, kind)
            for block in self.grid.blocks():
                path = self._path(name, block)
                if (chunk := self._sound(name, block, chunks)) is not None:
                    place = parent / path.relative_to(self._place(name).parent)
                    self._write(place, wider.encode(chunk.astype(dtype)))
        except OSError:
            shutil.rmtree(parent, ignore_errors=True)  # it may have filled the disk
            raise
        contents = self._contents.copy()
        contents.kinds[name] = kind
        contents.digests[f"{name}/{layout.METADATA}"] = made
        contents.moving.append(name)
        self._note(contents)
        self._finish_moving()

    def kind(self, name: str) -> Kind:
        return OWN[name] if name in OWN else self._contents.kinds[name]

    def read(self, name: str, block: Block) -> np.ndarray:
        chunk = self._sound(name, block, self._chunks(name))
        return self.blank(name, block) if chunk is None else _cut(chunk, block).copy()

    def survey(self, name: str) -> Survey:
        if self._surveys is not None and name in self._surveys:
            known = self._surveys[name]
            return dataclasses.replace(known, values=known.values.copy())
        kind, chunks = self.kind(name), self._chunks(name)
        start, end = f"{self._place(name)}/c/", "/0" * len(kind.shape)
        found = Survey(np.full((*self.grid.shape, *kind.shape), kind.blank, kind.dtype))
        for block in self.grid.blocks():
            try:
                # Paths as objects would take half of the time of reading.
                chunk = _read(f"{start}{'/'.join(map(str, block.place))}{end}", chunks)
            except (OSError, ValueError) as error:
                complaint = self.complaint(name, block, f"is damaged ({error})")
                found.damaged[block.place] = complaint
                continue
            if chunk is None:
                found.absent.add(block.place)
            else:
                found.values[block.region] = chunk if self._even else _cut(chunk, block)
        if self._surveys is None:
            return found
        # What was looked through before a run is the result of one that has nothing to compute.
        self._surveys[name] = found
        return dataclasses.replace(found, values=found.values.copy())

    def write(self, name: str, block: Block, values: np.ndarray) -> None:
        kind, chunks = self.kind(name), self._chunks(name)
        chunk = np.full(chunks.shape, kind.blank, kind.dtype)
        chunk[tuple(map(slice, values.shape))] = values
        self._surveys = None
        self._write(self._path(name, block), chunks.encode(chunk))

    def complaint(self, name: str, block: Block, what: str) -> str:
        label = self.grid.label(block.points()[0])
        return (
            f"{self._path(name, block)} {what}, which holds {name!r} of the points from {label} on"
        )

    def failures(self, block: Block) -> list[Failure]:
        path = self._failures_path(block)
        if not path.exists():
            return []
        try:
            entries = read_json(path)["failures"]
        except StudyError as error:
            raise StudyError(
                f"{path} cannot be read, which says why the points from "
                f"{self.grid.label(block.points()[0])} on failed: {COMPUTE_ANEW}"
            ) from error
        return [Failure(**{**entry, "point": tuple(entry["point"])}) for entry in entries]

    def note_failures(self, block: Block, failures: list[Failure]) -> None:
        path = self._failures_path(block)
        if failures:
            record = encoded({"failures": [vars(failure) for failure in failures]})
            self._write(path, record)
        else:
            path.unlink(missing_ok=True)

    def note_header(self, header: Mapping[str, Any]) -> None:
        self._write(self.folder / layout.HEADER, encoded(header))

    def _place(self, name: str) -> Path:
        """The folder of an array: a widened one may not have been moved."""
        beside = self.folder / layout.WIDENING / name
        if name in self._contents.moving and beside.exists():
            return beside
        return self.folder / layout.RESULTS / name

    def _is_made(self, name: str) -> bool:
        return f"{name}/{layout.METADATA}" in self._contents.digests

    def _note(self, contents: Contents) -> None:
        contents.write(self.folder)
        self._contents, self._surveys = contents, None

    def _complete(self) -> None:
        """Make the arrays that were noted and are not made: an end may have come between."""
        contents = self._contents.copy()
        for name, kind in contents.kinds.items():
            if not self._is_made(name):
                made = layout.make_array(self.folder / layout.RESULTS, self.grid, name, kind)
                contents.digests[f"{name}/{layout.METADATA}"] = made
        if contents != self._contents:
            self._note(contents)

    def _finish_moving(self) -> None:
        """Put widened arrays in the place of the old ones, and remove unfinished ones."""
        for name in self._contents.moving:
            beside = self.folder / layout.WIDENING / name
            if beside.exists():
                place = self.folder / layout.RESULTS / name
                shutil.rmtree(place, ignore_errors=True)
                os.replace(beside, place)
        if self._contents.moving:
            contents = self._contents.copy()
            contents.moving = []
            self._note(contents)
        shutil.rmtree(self.folder / layout.WIDENING, ignore_errors=True)

    def _sound(self, name: str, block: Block, chunks: Chunks) -> np.ndarray | None:
        """A chunk, None where there is none. Raises `StudyError` if it is damaged."""
        try:
            return _read(self._path(name, block), chunks)
        except (OSError, ValueError) as error:
            complaint = self.complaint(name, block, f"is damaged ({error})")
            raise StudyError(f"{complaint}: {COMPUTE_ANEW}") from error

    def _chunks(self, name: str) -> Chunks:
        return layout.chunks_of(self.grid, self.kind(name))

    def _path(self, name: str, block: Block) -> Path:
        """The file of an array's chunk."""
        index = (*block.place, *(0,) * len(self.kind(name).shape))
        return self._place(name).joinpath("c", *map(str, index))

    def _write(self, path: Path, content: bytes) -> None:
        write_alone(path, content, self.folder / layout.BEING_WRITTEN)

    def _failures_path(self, block: Block) -> Path:
        return self.folder / layout.FAILURES / f"{'_'.join(map(str, block.place))}.json"


def _cut(chunk: np.ndarray, block: Block) -> np.ndarray:
    """The part of a chunk that lies inside the grid."""
    return chunk[tuple(map(slice, block.shape))]


def _read(path: str | Path, chunks: Chunks) -> np.ndarray | None:
    """The chunk in a file, None if there is no file.

    Raises `OSError` or `ValueError` if it is damaged.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    except FileNotFoundError:
        return None
    return chunks.decode(content)
