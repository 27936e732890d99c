"""What a store holds, read without the function that made it, also while a study runs."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import xarray

from .axes import Axis
from .errors import StudyError
from .evaluation import Failure
from .folder import HEADER, FolderArrays
from .grid import Block, make_grid
from .results import dataset
from .running import read_header
from .store import DONE, FAILED, ResultStore

SHOWN = 5
"""How many failures, and damaged blocks, a status names."""


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
    return dataset(_open(folder))


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
        seconds: Sum of the wall times of all points.
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
            lines.append(f"{self.seconds:.3g} s of computing; slowest {label} ({seconds:.3g} s)")
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
    store = _open(folder)
    counts = dict.fromkeys((0, DONE, FAILED), 0)
    damaged, seconds, slowest = 0, 0.0, None
    failures: list[Failure] = []
    damage: list[str] = []
    for block, status, trouble in store.examine():
        if trouble:
            damaged += block.size
            damage.append(trouble)
            continue
        for value in counts:
            counts[value] += int(np.sum(status == value))
        if np.any(status == FAILED) and len(failures) < SHOWN:
            failures += _failures(store, block, status)
        if np.any(status):
            times = np.where(status > 0, store.arrays.read("seconds", block), -math.inf)
            seconds += float(np.sum(times[status > 0]))
            place = np.unravel_index(np.argmax(times), times.shape)
            if slowest is None or times[place] > slowest[1]:
                point = tuple(int(p) + s for p, s in zip(place, block.start, strict=True))
                slowest = store.grid.label(point), float(times[place])
    return StudyStatus(
        folder=Path(folder),
        function=store.header["settings"]["function"],
        points=store.grid.size,
        done=counts[DONE],
        failed=counts[FAILED],
        missing=counts[0],
        damaged=damaged,
        seconds=seconds,
        slowest=slowest,
        failures=tuple(failures[:SHOWN]),
        damage=tuple(damage[:SHOWN]),
    )


def _open(folder: str | Path) -> ResultStore:
    """The store of a folder, to be read only: its grid is that of its settings."""
    path = Path(folder) / HEADER
    if not path.is_file():
        raise StudyError(
            f"{folder} holds no study (there is no study.json in it): give the folder that a study "
            "was run into, its store"
        )
    header = read_header(path)
    settings = header["settings"]
    axes = {
        name: Axis(axis["values"], axis["unit"], axis["vectorised"])
        for name, axis in settings["axes"].items()
    }
    grid = make_grid(axes, settings["points_per_block"])
    return ResultStore(FolderArrays.open(grid, Path(folder), mode="r"), {}, header)


def _failures(store: ResultStore, block: Block, status: np.ndarray) -> list[Failure]:
    try:
        return store.arrays.failures(block)
    except StudyError as error:  # the numbers are worth telling all the same
        place = tuple((np.argwhere(status == FAILED)[0] + block.start).tolist())
        return [Failure(place, store.grid.label(place), str(error), "")]
