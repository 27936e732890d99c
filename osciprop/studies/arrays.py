"""Named arrays over all points of a study, read and written block by block."""

import abc
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .evaluation import Failure
from .grid import Block, Grid, Index
from .returned import SECONDS, STATUS


@dataclasses.dataclass(frozen=True)
class Kind:
    """What one array holds at each point, names of the dimensions there, and attributes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    dimensions: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def blank(self) -> Any:
        """The value where nothing was computed."""
        return np.asarray(np.nan if self.dtype.kind in "fc" else 0).astype(self.dtype)[()]


OWN = {
    STATUS: Kind((), np.dtype(np.int8), (), {"meaning": "0 missing, 1 done, 2 failed"}),
    SECONDS: Kind(
        (), np.dtype(float), (), {"units": "s", "long_name": "wall time without compilation"}
    ),
}
"""What a study records of every point by itself."""


@dataclasses.dataclass(frozen=True)
class Survey:
    """An array at all points, as far as it can be read.

    `absent` are the places of blocks that hold nothing, and `damaged` says of the places of others
    what is wrong with them.
    """

    values: np.ndarray
    absent: set[Index] = dataclasses.field(default_factory=set)
    damaged: dict[Index, str] = dataclasses.field(default_factory=dict)


class AbstractArrays(abc.ABC):
    """Where the arrays of a study are, with what is said of failures and of the study as a whole.

    There are those of `OWN` from the beginning, and those of the function from its first result on.
    """

    grid: Grid
    folder: Path | None

    @property
    @abc.abstractmethod
    def variables(self) -> list[str]:
        """The names of what the function returned; empty before the first finished point."""

    @abc.abstractmethod
    def define(self, kinds: Mapping[str, Kind]) -> None:
        """Make the arrays of what the function returned, blank."""

    @abc.abstractmethod
    def widen(self, name: str, dtype: np.dtype) -> None:
        """Keep an array, with all that it holds, as a type that can hold more."""

    @abc.abstractmethod
    def kind(self, name: str) -> Kind:
        """What an array holds."""

    @abc.abstractmethod
    def read(self, name: str, block: Block) -> np.ndarray:
        """An array at a block's points. Raises `StudyError` if it is damaged."""

    @abc.abstractmethod
    def survey(self, name: str) -> Survey:
        """An array at all points, and where it is not sound."""

    @abc.abstractmethod
    def write(self, name: str, block: Block, values: np.ndarray) -> None:
        """Make an array at a block's points durable. Raises `OSError` where that fails."""

    @abc.abstractmethod
    def complaint(self, name: str, block: Block, what: str) -> str:
        """What is wrong with an array at a block's points: in which file, of which points."""

    @abc.abstractmethod
    def failures(self, block: Block) -> list[Failure]:
        """What was noted of a block's failed points. Raises `StudyError` if it is damaged.

        Points that were tried again since may be among them.
        """

    @abc.abstractmethod
    def note_failures(self, block: Block, failures: list[Failure]) -> None:
        """Note a block's failed points, in place of what was noted before."""

    @abc.abstractmethod
    def note_header(self, header: Mapping[str, Any]) -> None:
        """Make durable what is said of the study as a whole."""

    def blank(self, name: str, block: Block) -> np.ndarray:
        """What a block of an array holds before it is computed."""
        kind = self.kind(name)
        return np.full((*block.shape, *kind.shape), kind.blank, kind.dtype)


class MemoryArrays(AbstractArrays):
    """Arrays in memory, gone with the process."""

    folder = None

    def __init__(self, grid: Grid):
        self.grid = grid
        self._kinds: dict[str, Kind] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._failures: dict[Index, list[Failure]] = {}
        self.define(OWN)

    @property
    def variables(self) -> list[str]:
        return [name for name in self._kinds if name not in OWN]

    def define(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds.update(kinds)
        for name, kind in kinds.items():
            self._arrays[name] = np.full((*self.grid.shape, *kind.shape), kind.blank, kind.dtype)

    def widen(self, name: str, dtype: np.dtype) -> None:
        self._kinds[name] = dataclasses.replace(self._kinds[name], dtype=dtype)
        self._arrays[name] = self._arrays[name].astype(dtype)

    def kind(self, name: str) -> Kind:
        return self._kinds[name]

    def read(self, name: str, block: Block) -> np.ndarray:
        return self._arrays[name][block.region].copy()

    def survey(self, name: str) -> Survey:
        return Survey(self._arrays[name].copy())

    def write(self, name: str, block: Block, values: np.ndarray) -> None:
        self._arrays[name][block.region] = values

    def complaint(self, name: str, block: Block, what: str) -> str:
        return f"memory {what}, which holds {name!r}"

    def failures(self, block: Block) -> list[Failure]:
        return list(self._failures.get(block.place, ()))

    def note_failures(self, block: Block, failures: list[Failure]) -> None:
        self._failures[block.place] = failures

    def note_header(self, header: Mapping[str, Any]) -> None:
        pass
