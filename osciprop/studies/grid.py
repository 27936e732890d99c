"""The points of a study, and the blocks in which they are computed and stored."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .axes import Axis

Index = tuple[int, ...]


class Block(NamedTuple):
    """A box of neighbouring points, computed by one call and durable as a whole.

    `place` counts blocks along every axis; points run from `start` to before `stop`.
    """

    place: Index
    start: Index
    stop: Index

    @property
    def shape(self) -> Index:
        """Points along every axis."""
        return tuple(stop - start for start, stop in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """How many points it holds."""
        return math.prod(self.shape)

    @property
    def region(self) -> tuple[slice, ...]:
        """Where its results belong in an array over all points."""
        return tuple(itertools.starmap(slice, zip(self.start, self.stop, strict=True)))

    def points(self) -> list[Index]:
        """Its points, the last axis fastest."""
        ranges = [range(*ends) for ends in zip(self.start, self.stop, strict=True)]
        return list(itertools.product(*ranges))


@dataclasses.dataclass(frozen=True)
class Grid:
    """All points: the product of the axes, cut into blocks of `block` points along each axis."""

    axes: Mapping[str, Axis]
    block: Index

    @property
    def shape(self) -> Index:
        """Values along every axis."""
        return tuple(len(axis) for axis in self.axes.values())

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(self.shape)

    def blocks(self) -> Iterator[Block]:
        """All blocks; those that may share a compiled program follow each other."""
        shape = self.shape
        counts = [math.ceil(n / b) for n, b in zip(shape, self.block, strict=True)]
        outer = sorted(range(len(counts)), key=self._depths().__getitem__)
        place = np.argsort(outer).tolist()
        starts = [range(0, n, b) for n, b in zip(self.shape, self.block, strict=True)]
        for chosen in itertools.product(*(range(counts[axis]) for axis in outer)):
            where = tuple([chosen[rank] for rank in place])
            start = tuple([s[w] for s, w in zip(starts, where, strict=True)])
            ends = zip(start, self.block, shape, strict=True)
            yield Block(where, start, tuple([min(s + b, n) for s, b, n in ends]))

    def _depths(self) -> list[int]:
        """For each axis, how likely one program serves all of its values."""
        axes = list(self.axes.values())
        if not any(axis.vectorised for axis in axes):
            return [0] * len(axes)
        # Whole numbers are often sizes, which are compiled into a program.
        free = {"i": 1, "u": 1, "f": 2}
        return [
            3
            if axis.vectorised
            else free[axis.coordinates.dtype.kind]
            if axis.vectorised is None and axis.is_numeric
            else 0
            for axis in axes
        ]

    def arguments(self, point: Index) -> dict[str, Any]:
        """What the function gets at a point, by axis."""
        return {
            name: axis.arguments[place]
            for (name, axis), place in zip(self.axes.items(), point, strict=True)
        }

    def label(self, point: Index) -> str:
        """A point in words: `amplitude=0.1, method=AEP`."""
        return ", ".join(
            f"{name}={_short(axis.coordinates[place])}"
            for (name, axis), place in zip(self.axes.items(), point, strict=True)
        )


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)


def make_grid(axes: Mapping[str, Axis], points_per_block: int) -> Grid:
    """Cut a study into blocks of at most so many points.

    With vectorised axes blocks extend along these alone. Blocks along an axis are of equal size,
    but for the last.
    """
    vectorised = any(axis.vectorised for axis in axes.values())
    left, block = points_per_block, {}
    for name, axis in reversed(list(axes.items())):
        room = left if axis.vectorised or not vectorised else 1
        block[name] = math.ceil(len(axis) / math.ceil(len(axis) / max(room, 1)))
        left //= block[name]
    return Grid(axes, tuple(block[name] for name in axes))
