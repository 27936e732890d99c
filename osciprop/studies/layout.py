"""Which files make the arrays of a study in a folder, and what they must say.

    study.json      settings and provenance
    arrays.json     which arrays there are, and the digests of their metadata
    results.zarr/   the arrays: a zarr group, with one file per block and array
    widening/       arrays that are being kept as another type
    failures/       one JSON file per block with failed points

Each array of `results.zarr` has a file that says of which shape and type it is. A flipped bit in
there would make other numbers of sound chunks, so `arrays.json` holds digests of these files.
"""

import dataclasses
import hashlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from ..files.durable import UNFINISHED, synchronize, write_alone
from .arrays import Kind
from .chunks import Chunks
from .errors import StudyError
from .grid import Grid
from .records import encoded, read_json

HEADER, CONTENTS, RESULTS, WIDENING = "study.json", "arrays.json", "results.zarr", "widening"
FAILURES, LOCK, BEING_WRITTEN = "failures", ".lock", f"{UNFINISHED}study"
METADATA = "zarr.json"

ATTEMPTS, PAUSE = 10, 0.1
"""How often, and every how many seconds, a folder is emptied that another thread changes."""


@dataclasses.dataclass
class Contents:
    """What `arrays.json` says.

    `kinds` are those of what the function returned; those without digests are being made.
    `digests` are those of metadata, and of the axes' values, by their path in `results.zarr`.
    `moving` are arrays whose other type counts already, and lies in `widening` until it is moved.
    """

    kinds: dict[str, Kind]
    digests: dict[str, str]
    moving: list[str]

    def write(self, folder: Path) -> None:
        """Make it durable. Raises `OSError` where that fails."""
        kinds = {
            name: [list(kind.shape), kind.dtype.str, list(kind.dimensions), dict(kind.attributes)]
            for name, kind in self.kinds.items()
        }
        content = {"kinds": kinds, "digests": self.digests, "moving": self.moving}
        write_alone(folder / CONTENTS, encoded(content), folder / BEING_WRITTEN)

    def copy(self) -> "Contents":
        """The same, to be changed."""
        return Contents(dict(self.kinds), dict(self.digests), list(self.moving))


def read_contents(folder: Path) -> Contents:
    """What `arrays.json` of a folder says. Raises `StudyError` if it cannot be read."""
    content = read_json(folder / CONTENTS)
    kinds = {
        name: Kind(tuple(shape), np.dtype(dtype), tuple(dimensions), attributes)
        for name, (shape, dtype, dimensions, attributes) in content["kinds"].items()
    }
    return Contents(kinds, content["digests"], content["moving"])


def make_group(folder: Path, grid: Grid) -> dict[str, str]:
    """A new group with the values of the axes, in place of any; returns digests of its files."""
    group = _new_group(folder / RESULTS)
    digests = {}
    for name, axis in grid.axes.items():
        values = axis.coordinates
        words = values.dtype.kind == "U"
        coordinate = group.create_array(
            name,
            shape=values.shape,
            chunks=values.shape,
            dtype=str if words else values.dtype,
            compressors=(ZstdCodec(), Crc32cCodec()),
            dimension_names=(name,),
            attributes={"units": axis.unit} if axis.unit else {},
        )
        coordinate[:] = values.astype(object) if words else values
        for file in (f"{name}/{METADATA}", f"{name}/c/0"):
            digests[file] = seal(folder / RESULTS / file)
    synchronize(folder / RESULTS / METADATA)
    return digests


def _new_group(place: Path) -> zarr.Group:
    """An empty group, in place of any."""
    for _ in range(ATTEMPTS):
        try:
            return zarr.create_group(place, overwrite=True)
        except FileNotFoundError:
            # Removed while it was to be: zarr writes in a thread that outlives an interrupt.
            time.sleep(PAUSE)
    return zarr.create_group(place, overwrite=True)


def make_array(parent: Path, grid: Grid, name: str, kind: Kind) -> str:
    """A new array in a folder, in place of any; returns the digest of its metadata."""
    shutil.rmtree(parent / name, ignore_errors=True)
    chunks = chunks_of(grid, kind)
    zarr.create_array(
        parent / name,
        shape=(*grid.shape, *kind.shape),
        chunks=chunks.shape,
        dtype=kind.dtype,
        fill_value=kind.blank,
        compressors=chunks.codecs,
        dimension_names=(*grid.axes, *kind.dimensions),
        attributes=dict(kind.attributes),
    )
    return seal(parent / name / METADATA)


def chunks_of(grid: Grid, kind: Kind) -> Chunks:
    """An array's chunks: a full block each, and one where there is nothing."""
    return Chunks(kind.dtype, (*grid.block, *(max(side, 1) for side in kind.shape)))


def seal(path: Path) -> str:
    """Make a file durable as it is; returns its digest."""
    synchronize(path)
    return digest(path)


def digest(path: Path) -> str:
    """A digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def require_sound(folder: Path, digests: Mapping[str, str], moved: Mapping[str, Path]) -> None:
    """Raise `StudyError` if a file is not as it was written; `moved` says where arrays lie."""
    results = folder / RESULTS
    try:
        zarr.open_group(results, mode="r", use_consolidated=False)
    except Exception as error:  # whatever it is: zarr raises what its parts do
        raise damaged(results, f"{type(error).__name__}: {error}") from error
    for file, expected in digests.items():
        name, _, rest = file.partition("/")
        path = moved.get(name, results / name) / rest
        try:
            found = digest(path)
        except OSError as error:
            raise damaged(results, f"{path}, which describes {name!r}: {error}") from error
        if found != expected:
            raise damaged(results, f"{path}, which describes {name!r}, is not as it was written")


def damaged(results: Path, why: str) -> StudyError:
    """The error of arrays whose metadata are lost."""
    return StudyError(
        f"{results} cannot be read ({why}): its metadata are damaged. Restore them from a copy, or "
        "remove the study's folder and run it anew"
    )


def holds_results(folder: Path) -> bool:
    """Whether points were stored in a folder, whatever else is lost."""
    return any((folder / RESULTS / "status" / "c").rglob("*"))
