"""Shuffled mini-batches whose order is a function of (seed, epoch)."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from .checks import (
    Answers,
    Inputs,
    check_inputs,
    check_integer,
    check_same_length,
    check_targets,
)
from .shuffling import random_order

Batch = tuple[Inputs, Answers]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Batches:
    """Mini-batches, reshuffled every epoch.

    The order of epoch `e` depends only on `(seed, e)`, never on what was drawn before, so a
    training run resumes exactly at `(epoch, step)`.

    Args:
        x: Samples on the leading axis: real numbers, all finite; or uint8 images
            `(n, height, width, channels)`, which may be memory-mapped: a batch reads its own only.
        y: Integer labels `(n,)`, kept as int32; or rows of targets `(n, outputs)`.
        batch_size: Samples per batch, from 1 to n.
        seed: Not negative; decides the order.
        drop_last: Whether to leave out a shorter last batch, so that every batch has the same shape
            (and a compiled step is compiled once). With False it holds the remaining samples.

    Raises:
        ValueError: for anything else.

    Example:
        >>> batches = osciprop.datasets.Batches(x, y, 4, seed=0, drop_last=False)
        >>> [len(labels) for _, labels in batches.epoch(0)]
        [4, 4, 2]
    """

    x: Inputs
    y: Answers
    batch_size: int
    _: KW_ONLY
    seed: int
    drop_last: bool = True

    def __post_init__(self) -> None:
        x, y = check_inputs("x", self.x), check_targets("y", self.y)
        check_same_length("x", len(x), "y", len(y))
        batch_size = check_integer(
            "batch_size", self.batch_size, 1, len(x), f"the data hold {len(x)} samples"
        )
        seed = check_integer("seed", self.seed, 0, None, "pass e.g. seed=0")
        checked = {"x": x, "y": y, "batch_size": batch_size, "seed": seed}
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the way into a frozen dataclass

    def __repr__(self) -> str:
        return (
            f"Batches({len(self.x)} samples, {self.steps_per_epoch} steps of {self.batch_size} "
            f"per epoch, seed={self.seed}, drop_last={self.drop_last})"
        )

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches that one epoch yields."""
        whole, rest = divmod(len(self.x), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    @property
    def order(self) -> dict[str, int]:
        """What decides which samples each batch has."""
        return {"batch_size": self.batch_size, "seed": self.seed, "drop_last": self.drop_last}

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """Iterate over the batches `start_step, start_step + 1, ...` of one epoch.

        Each item is `(x, y)` with `batch_size` samples on the leading axes, copied out of the
        data. `start_step == steps_per_epoch` yields nothing: the epoch was complete.
        Raises `ValueError` for a negative epoch or a step outside the epoch.
        """
        epoch = check_integer("epoch", epoch, 0, None, "epochs count from 0")
        steps = self.steps_per_epoch
        start = check_integer(
            "start_step", start_step, 0, steps, f"an epoch has {steps} steps, counted from 0"
        )
        # A generator of its own, so that the checks above run at the call, not at the first item.
        return self._iterate(random_order(len(self.x), seed=self.seed, key=epoch), start)

    def _iterate(self, order: NDArray[np.intp], start: int) -> Iterator[Batch]:
        for step in range(start, self.steps_per_epoch):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield self.x[chosen], self.y[chosen]
