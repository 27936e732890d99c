"""What a store holds, read without the function that made it, also while a study runs."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import xarray

from .axes import Axis
from .errors import StudyError
from .evaluation import Failure
from .folder import FolderArrays
from .grid import Block, make_grid
from .layout import HEADER, Contents, read_contents
from .records import read_json
from .results import dataset
from .running import FORMAT
from .store import DONE, FAILED, MISSING, ResultStore

Found = TypeVar("Found")

SHOWN = 5
"""How many failures, and damaged blocks, a status names."""

TRIES, PAUSE = 50, 0.1
"""How often a store is read again whose arrays change meanwhile, and seconds between."""


def load_results(folder: str | Path) -> xarray.Dataset:
    """The results of a study so far, as `Study.run` returns them.

    Nothing is written, and the study may be running.

    Args:
        folder: The store that the study is run into.

    Returns:
        All points, with NaN or 0 where one is missing; the variable `status` tells.

    Raises:
        StudyError: the folder holds no study, or what it holds is damaged.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> _ = study.run("store", progress=False)
        >>> osciprop.studies.load_results("store")["b"].values.tolist()
        [2, 4]
    """
    return _read(folder, dataset)


@dataclasses.dataclass(frozen=True)
class StudyStatus:
    """How far a study has come.

    Each point is done, failed, missing, or in a damaged block, which counts as not computed.

    Args:
        folder: The store that the study is run into.
        function: Name of the study's function.
        points: Number of points.
        done: Number of points that are computed.
        failed: Number of points whose function raised.
        missing: Number of points that are not computed.
        damaged: Number of points in damaged blocks.
        seconds: Sum of the wall times of all points, without compilation.
        compiling: Sum of what all workers spent on compilation, in seconds.
        slowest: The slowest point and its seconds; None if none is computed.
        failures: The first failed points.
        damage: What is wrong with the first damaged blocks.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> _ = study.run("store", progress=False)
        >>> str(osciprop.studies.study_status("store")).splitlines()[1]
        '2 done, 0 failed, 0 missing'
    """

    folder: Path
    function: str
    points: int
    done: int
    failed: int
    missing: int
    damaged: int
    seconds: float
    compiling: float
    slowest: tuple[str, float] | None
    failures: tuple[Failure, ...]
    damage: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.folder}: {self.function} at {self.points} points",
            f"{self.done} done, {self.failed} failed, {self.missing} missing"
            + (f", {self.damaged} damaged" if self.damaged else ""),
        ]
        if self.slowest:
            label, seconds = self.slowest
            lines.append(
                f"{self.seconds:.3g} s of computing and {self.compiling:.3g} s of compilation, "
                f"summed over workers; slowest {label} ({seconds:.3g} s)"
            )
        lines += [f"failed at {failure.label}: {failure.message}" for failure in self.failures]
        if self.failed > len(self.failures):
            lines.append(f"and {self.failed - len(self.failures)} more, in {self.folder}/failures")
        lines += [f"damaged: {text}" for text in self.damage]
        return "\n".join(lines)


def study_status(folder: str | Path) -> StudyStatus:
    """How far the study in a folder has come; the study may be running.

    Every stored chunk is read and checked.

    Args:
        folder: The store that the study is run into.

    Returns:
        Numbers of points, time, failures and damage.

    Raises:
        StudyError: the folder holds no study.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> _ = study.run("store", progress=False)
        >>> osciprop.studies.study_status("store").done
        2
    """
    return _read(folder, _status)


def _status(store: ResultStore) -> StudyStatus:
    found, grid = store.examine(), store.grid
    damaged = sum(block.size for block, _ in found.troubles)
    computed = found.status != MISSING
    slowest = None
    if np.any(computed):
        times = np.where(computed, found.seconds, -math.inf)
        point = np.unravel_index(np.argmax(times), times.shape)
        slowest = grid.label(tuple(map(int, point))), float(times[point])
    failures: list[Failure] = []
    if np.any(found.status == FAILED):
        for block in grid.blocks():
            here = found.status[block.region]
            if len(failures) < SHOWN and np.any(here == FAILED):
                failures += _failures(store, block, here)
    assert store.folder is not None
    return StudyStatus(
        folder=store.folder,
        function=store.header["settings"]["function"],
        points=grid.size,
        done=int(np.sum(found.status == DONE)),
        failed=int(np.sum(found.status == FAILED)),
        missing=int(np.sum(~computed)) - damaged,
        damaged=damaged,
        seconds=float(np.sum(found.seconds[computed])),
        compiling=sum(run.get("compiling", 0.0) for run in store.header["runs"]),
        slowest=slowest,
        failures=tuple(failures[:SHOWN]),
        damage=tuple(trouble for _, trouble in found.troubles[:SHOWN]),
    )


def _read(folder: str | Path, read: Callable[[ResultStore], Found]) -> Found:
    """What is read of a store; again, if another process gave its arrays other types meanwhile."""
    for _ in range(TRIES):
        before = _contents(folder)
        try:
            return read(_open(folder))
        except StudyError:
            if before is None or (before == _contents(folder) and not before.moving):
                raise
        time.sleep(PAUSE)
    return read(_open(folder))


def _contents(folder: str | Path) -> Contents | None:
    try:
        return read_contents(Path(folder))
    except StudyError:
        return None


def _open(folder: str | Path) -> ResultStore:
    """The store of a folder, to be read only: its grid is that of its settings."""
    path = Path(folder) / HEADER
    if not path.is_file():
        raise StudyError(
            f"{folder} holds no study (there is no study.json in it): give the folder that a study "
            "was run into, its store"
        )
    header = read_json(path, FORMAT)
    settings = header["settings"]
    axes = {
        name: Axis(axis["values"], axis["unit"], axis["vectorised"])
        for name, axis in settings["axes"].items()
    }
    grid = make_grid(axes, settings["points_per_block"])
    return ResultStore(FolderArrays.open(grid, Path(folder), mode="r"), {}, header)


def _failures(store: ResultStore, block: Block, status: np.ndarray) -> list[Failure]:
    try:
        return store.failures(block, status)
    except StudyError as error:  # the numbers are worth telling all the same
        place = tuple((np.argwhere(status == FAILED)[0] + block.start).tolist())
        return [Failure(place, store.grid.label(place), str(error), "")]
